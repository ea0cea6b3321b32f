"""Sizes, resampling and padding in the three conventions, with numbers one can check on paper."""

import numpy as np
import pytest

from mrcnn.conventions import DETECTRON2, MATTERPORT, TORCHVISION
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.fitting import fit_image, shorter_size

ALL = [MATTERPORT, TORCHVISION, DETECTRON2]


def fitted(image, conventions, mode="shorter", **values):
    values = {"min_dim": 40, "max_dim": 64, "min_scale": 0, "fill": [10, 20, 30]} | values
    return fit_image(image, mode=mode, resizing=conventions.resizing, **values)


@pytest.mark.parametrize(
    ("size", "limits", "sizes"),
    [
        ((100, 149), (160, 267), [(160, 238), (160, 238), (160, 238)]),  # 238.4
        ((100, 149), (50, 267), [(50, 74), (50, 74), (50, 75)]),  # 74.5: to even, down, up
        ((60, 200), (48, 64), [(19, 64), (19, 64), (19, 64)]),  # the longer side decides: 19.2
        ((333, 250), (160, 267), [(213, 160), (213, 160), (213, 160)]),  # in float32 160 would be a hair less
        ((1, 300), (48, 60), [(1, 60), (1, 60), (1, 60)]),
    ],
)
def test_sizes(size, limits, sizes):
    found = [shorter_size(*size, *limits, conventions.resizing.rounding)[1] for conventions in ALL]
    assert found == sizes


@pytest.mark.parametrize("conventions", [TORCHVISION, DETECTRON2])
def test_padding_is_the_mean_right_and_below(conventions):
    found = fitted(np.full((20, 30, 3), 200, np.uint8), conventions)
    assert found.size == (40, 60) and found.image.shape == (64, 64, 3) and found.window == (0, 0, 40, 60)
    assert found.padding == [(0, 24), (0, 4), (0, 0)] and found.scale == 2
    assert (found.image[:40, :60] == 200).all() and (found.image[40:] == [10, 20, 30]).all()
    assert fitted(np.zeros((20, 30, 3), np.uint8), conventions, shape=(64, 96)).image.shape == (64, 96, 3)
    square = fitted(np.zeros((20, 30, 3), np.uint8), conventions, mode="square")
    assert square.window == (0, 0, 40, 60) and square.image.shape == (64, 64, 3)


def test_matterport_pads_around_in_black():
    found = fitted(np.full((20, 30, 3), 200, np.uint8), MATTERPORT, fill=0)
    assert found.window == (12, 2, 52, 62) and (found.image[:12] == 0).all()


def test_smaller_images_are_smoothed_by_pillow_alone():
    image = np.zeros((4, 4, 3), np.float32)
    image[:, ::2] = 100  # columns of 100 and of 0
    by = {conventions: fitted(image, conventions, min_dim=2, max_dim=2).image[:2, :2, 0] for conventions in ALL[1:]}
    assert by[TORCHVISION].tolist() == [[50, 50], [50, 50]]  # half way between two columns
    row = by[DETECTRON2][0]  # weights 1 3 3 1 of columns -1 to 2, of which column -1 is outside
    assert row == pytest.approx([100 * 4 / 7, 100 * 3 / 7], abs=1e-3)


@pytest.mark.parametrize("conventions", ALL)
def test_types_and_channels_stay(conventions):
    for channels in (1, 3, 4):
        for kind in (np.uint8, np.float32):
            found = fitted(np.full((90, 70, channels), 7, kind), conventions, fill=0)
            assert found.image.dtype == kind and found.image.shape[2] == channels
            assert 6 <= found.image.max() <= 7


@pytest.mark.parametrize("conventions", ALL)
def test_masks_follow(conventions):
    image = np.zeros((50, 37, 3), np.uint8)
    image[10:30, 5:20] = 255
    found = fitted(image, conventions, min_dim=64, max_dim=96, fill=0)
    masks = CroppedMasks.of(image[..., :1] > 0).resized(found.scale, found.padding[:2], found.crop, found.size)
    assert masks.shape == found.image.shape[:2]
    assert (masks.full()[..., 0] != (found.image[..., 0] > 127)).mean() < 0.01


def test_wrong_modes_are_named():
    with pytest.raises(ValueError, match="unknown mode 'fit'"):
        fitted(np.zeros((9, 9, 3), np.uint8), TORCHVISION, mode="fit")
    with pytest.raises(ValueError, match="mode 'shorter' needs min_dim"):
        fitted(np.zeros((9, 9, 3), np.uint8), TORCHVISION, min_dim=None)
