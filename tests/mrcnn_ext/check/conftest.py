"""A small sound data set in two parts, to be broken in one place each."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn_ext.check import check_data

HEIGHT, WIDTH = 40, 60


def square(x, y, side):
    """A square polygon, its box and its area."""
    polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
    return {"segmentation": [polygon], "bbox": [x, y, side, side], "area": side * side}


def _noise(path, seed, size=(HEIGHT, WIDTH)):
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)  # structure that a hash can see
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(path)


class Made:
    """folder: of the data set.  content: of each part's annotation file; change it, then `check()`."""

    def __init__(self, folder):
        self.folder, self.content = Path(folder), {}
        for number, name in enumerate(("made_train2018", "made_validate2018")):
            images, annotations = [], []
            for i in range(3):
                image_id = 10 * number + i + 1
                images.append({"id": image_id, "file_name": f"{image_id}.png", "width": WIDTH, "height": HEIGHT})
                _noise(self.folder / name / f"{image_id}.png", image_id)
                for j, category_id in enumerate((1, 7)):
                    ids = {"id": 2 * image_id + j, "image_id": image_id, "category_id": category_id, "iscrowd": 0}
                    annotations.append(ids | square(5 + 25 * j, 6 + i, 12))
            categories = [{"id": 1, "name": "leaf"}, {"id": 7, "name": "flower"}]
            self.content[name] = {"images": images, "annotations": annotations, "categories": categories}

    @property
    def train(self):
        return self.content["made_train2018"]

    @property
    def validate(self):
        return self.content["made_validate2018"]

    def image(self, image_id):
        return self.folder / ("made_train2018" if image_id < 10 else "made_validate2018") / f"{image_id}.png"

    def new_image(self, image_id, size):
        _noise(self.image(image_id), image_id, size)

    def write(self):
        for name, content in self.content.items():
            path = self.folder / "annotations" / f"instances_{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        return self.folder

    def check(self, **options):
        return check_data(self.write(), progress=False, **options)

    def copy(self):
        return copy.deepcopy(self.content)


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path / "made")
