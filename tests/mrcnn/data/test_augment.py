"""Augmentations of other packages: the picture and its masks change alike."""

import numpy as np
import pytest

from mrcnn.data.augment import augment


def picture_and_masks():
    masks = np.zeros((40, 60, 3), bool)
    masks[2:12, 5:30, 0] = masks[20:39, 1:9, 1] = masks[15:18, 40:59, 2] = True
    image = np.repeat(masks.any(axis=2)[:, :, np.newaxis].astype(np.uint8) * 255, 3, axis=2)
    return image, masks


def check(augmentation):
    """White stays under the masks, the result follows the generator, no masks is fine."""
    image, masks = picture_and_masks()
    seen = set()
    for seed in range(6):
        first = augment(image, masks, augmentation, np.random.default_rng(seed))
        again = augment(image, masks, augmentation, np.random.default_rng(seed))
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert np.array_equal(first[0][:, :, 0] > 127, first[1].any(axis=2))
        assert first[1].dtype == bool
        seen.add(first[0].tobytes())
    assert len(seen) >= 2
    assert augment(image, masks[:, :, :0], augmentation)[1].shape == (40, 60, 0)


def test_albumentations():
    package = pytest.importorskip("albumentations", reason="Albumentations is not installed")
    check(package.HorizontalFlip(p=0.5))
    check(package.Compose([package.HorizontalFlip(p=0.5), package.RandomBrightnessContrast(0.1, 0.1, p=1)]))
    with pytest.raises(ValueError, match=r"from \(40, 60, 3\) to \(20, 20, 3\)"):
        augment(*picture_and_masks(), package.Resize(20, 20))


def test_imgaug():
    pytest.importorskip("imgaug", reason="imgaug is not installed", exc_type=ImportError)
    from imgaug import augmenters

    check(augmenters.Fliplr(0.5))
    check(augmenters.Sequential([augmenters.Fliplr(0.5), augmenters.Add(-20)]))
    with pytest.raises(ValueError, match="keep the size"):
        augment(*picture_and_masks(), augmenters.Crop(px=4, keep_size=False))


def test_other_objects_are_refused():
    with pytest.raises(ValueError, match="builtins.int is neither an"):
        augment(*picture_and_masks(), 3)
