"""The data set of these tests."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.support.tfrecord_data import HEIGHT, NAMES, WIDTH, content


@pytest.fixture
def data(tmp_path):
    """A COCO data set of six images, two of them without objects."""
    folder = tmp_path / "data"
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, name in enumerate(NAMES):
        path = folder / "train2018" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)
        pixels[:5, 25:] = 255 - 40 * number  # upper right
        image = Image.fromarray(pixels)
        if name == "turned.jpg":
            image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
        else:
            image.save(path, quality=95, lossless=True)
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train2018.json").write_text(json.dumps(content()))
    return folder
