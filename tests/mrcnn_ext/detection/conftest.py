"""A folder of images and a video."""

import numpy as np
import pytest
from PIL import Image

from tests.support.found_images import HEIGHT, WIDTH, film


@pytest.fixture
def folder(tmp_path):
    """Two images, one of them below; a broken one; a text; a video of three frames."""
    root = tmp_path / "in"
    (root / "b").mkdir(parents=True)
    for name, grey in (("a.png", 10), ("b/c.jpg", 200)):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), grey, np.uint8)).save(root / name)
    (root / "broken.png").write_bytes((root / "a.png").read_bytes()[:50])
    (root / "notes.txt").write_text("not looked at")
    film(root / "film.mp4", (30, 60, 90))
    return root
