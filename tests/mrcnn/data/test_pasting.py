"""Masks back in their image, in the three ways."""

import numpy as np
import pytest

from mrcnn.data.pasting import full_masks, mask_crops

WAYS = ["box", "grown", "sampled"]


def pasted(mask, box, way, shape=(12, 16)):
    crops, corners = mask_crops(np.asarray(mask, np.float32)[None], np.asarray([box]), shape, way)
    return full_masks(crops, corners, shape)[..., 0]


def sides(mask):
    """y1, x1, y2, x2 of the pixels that are set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])


@pytest.mark.parametrize("way", WAYS)
def test_a_full_mask_fills_its_whole_box(way):
    box = np.array([2, 3, 9, 13], np.int32 if way == "box" else np.float32)
    mask = pasted(np.ones((28, 28)), box, way)
    assert np.abs(sides(mask) - box).max() <= (1 if way == "grown" else 0)  # grown: cut to whole pixels, end included
    assert mask.sum() == np.prod(sides(mask)[2:] - sides(mask)[:2])


def test_between_pixels_those_are_set_whose_centres_lie_in_the_box():
    assert sides(pasted(np.ones((28, 28)), [2.4, 3.6, 9.4, 12.6], "sampled")).tolist() == [2, 4, 9, 13]


@pytest.mark.parametrize("way", ["grown", "sampled"])
def test_half_a_mask(way):
    mask = np.zeros((28, 28))
    mask[:, 14:] = 1
    assert np.abs(sides(pasted(mask, [0.0, 4.0, 12.0, 12.0], way)) - [0, 8, 12, 12]).max() <= (way == "grown")


@pytest.mark.parametrize("way", ["grown", "sampled"])
@pytest.mark.parametrize("box", [[-3.0, -2.5, 4.0, 5.0], [8.0, 10.0, 20.0, 30.0], [-9.0, -9.0, 30.0, 40.0]])
def test_boxes_across_the_border(way, box):
    inside = np.clip(box, 0, [12, 16, 12, 16])
    assert np.abs(sides(pasted(np.ones((28, 28)), box, way)) - inside).max() <= 1


@pytest.mark.parametrize("way", ["grown", "sampled"])
def test_boxes_outside_and_tiny_ones_are_no_error(way):
    assert pasted(np.ones((28, 28)), [20.0, 30.0, 24.0, 33.0], way).sum() == 0
    assert pasted(np.ones((28, 28)), [-8.0, -9.0, -4.0, -3.0], way).sum() == 0
    assert pasted(np.ones((28, 28)), [3.2, 3.2, 3.21, 3.21], way).sum() <= 1
    crops, corners = mask_crops(np.zeros((0, 28, 28)), np.zeros((0, 4), np.float32), (12, 16), way)
    assert crops == [] and corners.shape == (0, 2)
