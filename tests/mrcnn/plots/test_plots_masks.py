"""Blending a mask into an image, and its outlines."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mrcnn.plots.masks import apply_mask, mask_outlines

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


def outline_area(outlines):
    """Area inside the outlines: outer ones count up, holes down (the shoelace formula keeps the direction)."""
    areas = [cv2.contourArea(outline.astype(np.float32), oriented=True) for outline in outlines]
    return abs(sum(areas))


def test_alpha_half_is_the_mean_rounded_down():
    image = np.full((2, 3, 3), 101, np.uint8)
    mask = np.array([[1, 0, 0], [0, 0, 1]])
    assert apply_mask(image, mask, (1, 0, 0.5)) is image
    # 101 / 2 + 255 / 2 = 178, 101 / 2 = 50.5, 101 / 2 + 127.5 / 2 = 114.25
    assert image[0, 0].tolist() == image[1, 2].tolist() == [178, 50, 114]
    assert (image[mask == 0] == 101).all()


@pytest.mark.parametrize(("alpha", "expected"), [(0, [10, 20, 30]), (1, [0, 255, 0])])
def test_alpha_of_none_and_all(alpha, expected):
    image = np.array([[[10, 20, 30]]], np.uint8)
    assert apply_mask(image, np.ones((1, 1), bool), (0, 1, 0), alpha)[0, 0].tolist() == expected


def test_an_alpha_channel_stays_and_colour_names_work():
    image = np.zeros((2, 2, 4), np.uint8)
    apply_mask(image, np.ones((2, 2), bool), "white")
    assert image[0, 0].tolist() == [127, 127, 127, 0]


def test_wrong_sizes_and_colours_are_refused():
    image = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(ValueError, match=r"the mask is \(6, 4\) but the image is \(4, 6\)"):
        apply_mask(image, np.ones((6, 4)), (1, 0, 0))
    with pytest.raises(ValueError, match="0-1"):
        apply_mask(image, np.ones((4, 6)), (255, 0, 0))


@settings(deadline=None)  # the first call may be slow on a busy machine
@given(
    data=st.data(),
    shape=SHAPES,
    dtype=st.sampled_from([np.uint8, np.uint32, np.float32]),
    color=st.tuples(*[st.floats(0, 1)] * 3),
    alpha=st.floats(0, 1),
)
def test_blending_follows_the_formula_and_touches_nothing_else(data, shape, dtype, color, alpha):
    image = data.draw(hnp.arrays(np.uint8, (*shape, 3))).astype(dtype)
    mask = data.draw(hnp.arrays(bool, shape))
    before = image.astype(np.float64)
    apply_mask(image, mask, color, alpha)
    mixed = before * (1 - alpha) + alpha * 255 * np.array(color)
    assert (image[~mask] == before[~mask]).all()
    assert image.dtype == dtype
    difference = mixed[mask] - image[mask]
    if dtype == np.float32:
        assert np.allclose(difference, 0, atol=1e-3)
    else:  # rounded towards zero
        assert ((difference > -1e-6) & (difference < 1 + 1e-6)).all()


def test_one_pixel_is_a_diamond_on_its_edges():
    mask = np.zeros((6, 8), bool)
    mask[2, 3] = True
    (outline,) = mask_outlines(mask)
    assert sorted(outline.tolist()) == [[3, 2.5], [3.5, 2], [3.5, 3], [4, 2.5]]


def test_a_full_mask_closes_at_the_border_of_the_image():
    (outline,) = mask_outlines(np.ones((4, 7), np.uint8))
    assert outline.min(axis=0).tolist() == [0, 0]
    assert outline.max(axis=0).tolist() == [7, 4]
    assert outline_area([outline]) == 4 * 7 - 4 / 8  # each of the four corners loses a triangle of 1/2 * 1/2 / 2


def test_a_hole_and_a_second_part_have_their_own_outlines():
    mask = np.ones((5, 9), bool)
    mask[:, 5] = False  # two parts: 5 x 5 and 5 x 3
    mask[1:3, 2] = False  # a hole of 1 x 2 in the first
    outlines = mask_outlines(mask)
    assert len(outlines) == 3
    assert outline_area(outlines) == (25 - 0.5) + (15 - 0.5) - (2 - 0.5)


def test_nothing_has_no_outline():
    assert mask_outlines(np.zeros((5, 5), bool)) == []


@settings(deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_outlines_span_the_box_of_the_mask(data, shape):
    mask = data.draw(hnp.arrays(bool, shape))
    outlines = mask_outlines(mask)
    assert bool(outlines) == mask.any()
    if outlines:
        rows, columns = np.nonzero(mask)
        points = np.concatenate(outlines)
        assert points.min(axis=0).tolist() == [columns.min(), rows.min()]
        assert points.max(axis=0).tolist() == [columns.max() + 1, rows.max() + 1]
