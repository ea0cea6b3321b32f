"""Crops to RLE and back are what whole masks give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_ext.masks.crops import crop_to_rle, rle_to_crop
from mrcnn_ext.masks.rle import encode_mask


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_same_as_the_whole_mask(data):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    y1, x1 = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    y2, x2 = data.draw(st.integers(y1, height)), data.draw(st.integers(x1, width))
    seed, share = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0, 0.3, 0.8, 1]))
    crop = np.random.default_rng(seed).random((y2 - y1, x2 - x1)) < share
    full = np.zeros((height, width), bool)
    full[y1:y2, x1:x2] = crop
    rle = crop_to_rle(crop, (y1, x1), height, width)
    assert rle == encode_mask(full)
    again, (top, left) = rle_to_crop(rle)
    back = np.zeros((height, width), bool)
    back[top : top + again.shape[0], left : left + again.shape[1]] = again
    np.testing.assert_array_equal(back, full)
    if full.any():
        assert again.any(axis=1)[[0, -1]].all() and again.any(axis=0)[[0, -1]].all()  # the box is tight


def test_a_huge_image_costs_nothing():
    rle = crop_to_rle(np.ones((3, 2), bool), (49_990, 49_000), 50_000, 50_000)
    assert len(rle["counts"]) < 30
    crop, corner = rle_to_crop(rle)
    assert crop.shape == (3, 2) and crop.all() and corner == (49_990, 49_000)


@pytest.mark.parametrize("corner", [(-1, 0), (0, 4), (2, 0)])
def test_outside_of_the_image(corner):
    with pytest.raises(ValueError, match="leaves its image of 4 x 5 px"):
        crop_to_rle(np.ones((3, 2), bool), corner, 4, 5)


@pytest.mark.parametrize("counts", [b"~~~~", b"", "10", b"1"])
def test_a_broken_rle_is_named(counts):
    with pytest.raises(ValueError, match="broken RLE: its runs do not fill 5 x 5 pixels"):
        rle_to_crop({"size": [5, 5], "counts": counts})
