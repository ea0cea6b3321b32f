"""Augmentations of other packages: the image and its masks change alike."""

import subprocess
import sys

import numpy as np
import pytest
from imgaug import augmenters

from mrcnn.data.augment import augment
from mrcnn.data.cropped_masks import CroppedMasks


def image_and_masks():
    masks = np.zeros((40, 60, 3), bool)
    masks[2:12, 5:30, 0] = masks[20:39, 1:9, 1] = masks[15:18, 40:59, 2] = True
    image = np.repeat(masks.any(axis=2)[:, :, np.newaxis].astype(np.uint8) * 255, 3, axis=2)
    return image, CroppedMasks.of(masks)


def check(augmentation):
    """White stays under the masks, the result follows the generator, no masks is fine."""
    image, masks = image_and_masks()
    seen = set()
    for seed in range(6):
        first = augment(image, masks, augmentation, np.random.default_rng(seed))
        again = augment(image, masks, augmentation, np.random.default_rng(seed))
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1].full(), again[1].full())
        assert np.array_equal(first[0][:, :, 0] > 127, first[1].union())
        seen.add(first[0].tobytes())
    assert len(seen) >= 2
    assert augment(image, masks.chosen([]), augmentation)[1].full().shape == (40, 60, 0)


def test_albumentations():
    package = pytest.importorskip("albumentations", reason="Albumentations is not installed")
    check(package.HorizontalFlip(p=0.5))
    check(package.Compose([package.HorizontalFlip(p=0.5), package.RandomBrightnessContrast(0.1, 0.1, p=1)]))
    with pytest.raises(ValueError, match=r"from \(40, 60, 3\) to \(20, 20, 3\)"):
        augment(*image_and_masks(), package.Resize(20, 20))


def test_imgaug():
    check(augmenters.Fliplr(0.5))
    check(augmenters.Sequential([augmenters.Fliplr(0.5), augmenters.Add(-20)]))
    with pytest.raises(ValueError, match="keep the size"):
        augment(*image_and_masks(), augmenters.Crop(px=4, keep_size=False))


def test_imgaug_can_be_imported_after_mrcnn_and_numpy_changes_then_only():
    code = """
import mrcnn, sys
assert "numpy" not in sys.modules and "imgaug" not in sys.modules
import numpy
assert "sctypes" not in vars(numpy)
import imgaug
print(len(numpy.sctypes["float"]))
"""
    ended = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}\n{code}"], capture_output=True
    )
    assert ended.stdout.strip() == b"4", ended.stderr.decode()


def test_other_objects_are_refused():
    with pytest.raises(ValueError, match="builtins.int is neither an"):
        augment(*image_and_masks(), 3)
