"""Resizing: sampling points and weights one can check, windows, padding, and masks that follow their image."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.data.antialias import smooth_for
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.resize import resize, resize_image, resize_mask


def test_halving_averages_two_neighbours():
    assert resize(np.array([[0.0, 8.0, 2.0, 4.0]]), (1, 2)).tolist() == [[4.0, 3.0]]


def test_doubling_fades_to_zero_beyond_the_pixel_centres():
    # sampling points -0.25, 0.25, 0.75, 1.25: the outer ones lie a quarter beyond a centre; the least stays least
    assert resize(np.array([[0.0, 8.0]]), (1, 4)).tolist() == [[0.0, 2.0, 6.0, 6.0]]
    assert resize(np.array([[8.0, 8.0]]), (1, 4)).tolist() == [[8.0, 8.0, 8.0, 8.0]]


def test_integers_become_shares_unless_the_range_is_kept():
    gray = np.array([[51, 51]], np.uint8)
    assert resize(gray, (1, 2)).tolist() == [[0.2, 0.2]]
    assert resize(gray, (1, 2), preserve_range=True).tolist() == [[51, 51]]
    assert resize(np.ones((2, 2), np.float32), (3, 3)).dtype == np.float32


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_number_of_channels(channels):
    image = np.random.default_rng(0).random((9, 7, channels))
    whole = resize(image, (4, 11), anti_aliasing=True)
    for c in range(channels):
        np.testing.assert_allclose(whole[:, :, c], resize(image[:, :, c], (4, 11), anti_aliasing=True), atol=1e-6)


def test_other_orders_and_modes_are_scikit_images():
    found = resize(np.array([[10, 20]], np.uint8), (1, 4), order=0, mode="edge", preserve_range=True)
    assert found.tolist() == [[10, 10, 20, 20]]


def test_what_it_cannot_do_is_said():
    with pytest.raises(ValueError, match=r"shape \(0, 2\) cannot become 3 x 3 px"):
        resize(np.zeros((0, 2)), (3, 3))
    with pytest.raises(ValueError, match="cannot become 0 x 64 px"):
        resize(np.zeros((2, 256)), (0, 64))


def test_smoothing_starts_at_a_factor_of_five_quarters():
    spike = np.zeros((1, 20), np.float64)
    spike[0, 10] = 1
    assert smooth_for(spike, 1, 17).tolist() == spike.tolist()
    smooth = smooth_for(spike, 1, 10)[0]  # factor 2: sigma 1/2, two neighbours on each side
    weights = np.exp(-2.0 * np.array([4, 1, 0, 1, 4]))
    np.testing.assert_allclose(smooth[8:13], weights / weights.sum(), rtol=1e-6)
    assert np.count_nonzero(smooth) == 5


def test_smoothing_cuts_what_falls_below_a_level():
    # factor 4/3: sigma 1/6, so that a neighbour counts exp(-18), which is enough to take 6 to 5 and the edges to 4
    row = np.array([[5, 5, 5, 5, 6, 5, 5, 5]], np.uint8)
    assert smooth_for(row, 1, 6).tolist() == [[4, 5, 5, 5, 5, 5, 5, 4]]


def test_smoothing_leaves_an_even_area_within_a_level():
    even = np.full((60, 90, 3), 200, np.uint8)
    inside = smooth_for(even, 20, 30)[10:-10, 10:-10]
    assert set(np.unique(inside)) <= {198, 199, 200}


def test_square_scales_and_pads_to_the_middle():
    image = np.full((50, 100, 3), 7, np.uint8)
    square, window, scale, padding, crop = resize_image(image, 64, 160, 0, "square")
    assert square.shape == (160, 160, 3)
    assert square.dtype == np.uint8
    assert scale == 64 / 50
    assert window == (48, 16, 112, 144)
    assert padding == [(48, 48), (16, 16), (0, 0)]
    assert crop is None
    assert (square[48:112, 16:144] == 7).all()
    assert square.sum() == 7 * 64 * 128 * 3


def test_largest_side_wins_over_the_smallest():
    _, window, scale, _, _ = resize_image(np.zeros((50, 100, 3), np.uint8), 64, 96, 0, "square")
    assert scale == 0.96
    assert window == (24, 0, 72, 96)


@pytest.mark.parametrize(("long", "side"), [(300, 128), (2100, 1024)])
def test_of_a_thin_image_a_row_or_column_is_left(long, side):
    image, middle = np.full((1, long, 3), 200, np.uint8), (side - 1) // 2  # 128/300 and 1024/2100 round to 0
    wide, window, scale, padding, _ = resize_image(image, side, side, 0, "square")
    assert (window, scale) == ((middle, 0, middle + 1, side), side / long)
    assert wide[middle, 1:-1].min() >= 198 and not wide[:middle].any() and not wide[middle + 1 :].any()
    mask = resize_mask(np.ones((1, long, 1), bool), scale, padding)
    assert mask[middle, : side - 1].all() and not mask[:middle].any() and not mask[middle + 1 :].any()
    cropped = CroppedMasks.of(np.ones((1, long, 1), bool)).resized(scale, padding[:2], None)
    np.testing.assert_array_equal(cropped.full(), mask)
    tall, window, _, padding, _ = resize_image(image.transpose(1, 0, 2), side, side, 0, "square")
    assert window == (0, middle, side, middle + 1)
    np.testing.assert_array_equal(tall, wide.transpose(1, 0, 2))
    np.testing.assert_array_equal(resize_mask(np.ones((long, 1, 1), bool), scale, padding)[:, :, 0], mask[:, :, 0].T)


def test_min_scale_and_no_min_dim():
    image = np.zeros((50, 100, 3), np.uint8)
    assert resize_image(image, None, 512, 2, "square")[2] == 2
    assert resize_image(image, None, 512, None, "square")[2] == 1
    assert resize_image(image, 64, 512, 0.5, "square")[2] == 64 / 50


def test_none_changes_nothing():
    image = np.zeros((50, 100, 3), np.uint8)
    same, window, scale, padding, crop = resize_image(image, 64, 96, 0, "none")
    assert same is image
    assert (window, scale, padding, crop) == ((0, 0, 50, 100), 1, [(0, 0)] * 3, None)


def test_pad64_pads_to_multiples():
    padded, window, scale, padding, _ = resize_image(np.ones((65, 128, 3), np.uint8), 64, 512, 0, "pad64")
    assert padded.shape == (128, 128, 3)
    assert window == (31, 0, 96, 128)
    assert padding == [(31, 32), (0, 0), (0, 0)]
    assert scale == 1


def test_crop_is_fixed_by_its_generator_and_by_pythons_random():
    image = np.arange(60 * 90 * 3, dtype=np.int64).reshape(60, 90, 3)

    def crop(rng=None):
        cropped, window, _, _, (y, x, height, width) = resize_image(image, 32, 64, 0, "crop", rng=rng)
        assert window == (0, 0, 32, 32)
        assert np.array_equal(cropped, image[y : y + height, x : x + width])
        return y, x

    assert crop(np.random.default_rng(1)) == crop(np.random.default_rng(1))
    random.seed(5)
    expected = random.randint(0, 60 - 32), random.randint(0, 90 - 32)
    random.seed(5)
    assert crop() == expected


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((4, 4, 3)), (64, 64, 0, "sqare"), "unknown mode 'sqare'"),
        (np.zeros((4, 4)), (64, 64, 0, "square"), r"\[H, W, C\]"),
        (np.zeros((4, 4, 3)), (60, 64, 0, "pad64"), "multiple of 64"),
        (np.zeros((4, 4, 3)), (4, None, 0, "square"), "max_dim"),
    ],
)
def test_wrong_arguments_are_named(image, arguments, message):
    with pytest.raises(ValueError, match=message):
        resize_image(image, *arguments)


sides = st.integers(8, 300)


@settings(deadline=None)
@given(sides, sides, st.sampled_from([0, 32, 64, 100]), st.sampled_from([64, 128]))
def test_window_scale_and_padding_fit_together(height, width, min_dim, max_dim):
    image = np.full((height, width, 1), 255, np.uint8)
    square, (y1, x1, y2, x2), scale, padding, _ = resize_image(image, min_dim, max_dim, 0, "square")
    assert square.shape == (max_dim, max_dim, 1)
    assert (y2 - y1, x2 - x1) == (round(height * scale), round(width * scale))
    assert [padding[0], padding[1]] == [(y1, max_dim - y2), (x1, max_dim - x2)]
    assert abs(padding[0][0] - padding[0][1]) <= 1
    outside = square.copy()
    outside[y1:y2, x1:x2] = 0
    assert not outside.any()


@settings(deadline=None)
@given(sides, sides, st.sampled_from([32, 64, 100]), st.sampled_from(["square", "pad64"]))
def test_masks_have_the_shape_of_their_image(height, width, min_dim, mode):
    min_dim = 64 if mode == "pad64" else min_dim
    image = np.zeros((height, width, 3), np.uint8)
    image, window, scale, padding, crop = resize_image(image, min_dim, 128, 0, mode)
    mask = resize_mask(np.ones((height, width, 2), bool), scale, padding, crop)
    assert mask.shape == image.shape[:2] + (2,)
    assert mask.dtype == bool
    y1, x1, y2, x2 = window
    assert mask[y1 : y2 - 1, x1 : x2 - 1].all()  # the last row and column can get lost, as in SciPy


def test_mask_zoom_keeps_the_outer_pixels():
    mask = np.zeros((4, 3, 1), bool)
    mask[0, 0] = mask[3, 2] = True
    twice = resize_mask(mask, 2, [(0, 0)] * 3)[:, :, 0]
    # eight rows over rows 0..3: 3/7 a step, so 0 0 1 1 2 2 3 3; six columns over 0..2: 2/5 a step, so 0 0 1 1 2 2
    assert np.argwhere(twice).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [6, 4], [6, 5], [7, 4], [7, 5]]


def test_masks_of_an_empty_image_follow_it_too():
    """`load_mask` of an image without objects, as the base class returns it and as a loader stacks it."""
    assert resize_mask(np.zeros((0, 0, 0), bool), 2, [(0, 0)] * 3).shape[2] == 0
    assert resize_mask(np.zeros((10, 12, 0), bool), 2, [(1, 1), (0, 0), (0, 0)]).shape == (22, 24, 0)


def test_mask_crop():
    mask = np.zeros((10, 12, 1), bool)
    mask[4, 5] = True
    cropped = resize_mask(mask, 1, [(0, 0)] * 3, crop=(3, 2, 4, 6))
    assert np.argwhere(cropped[:, :, 0]).tolist() == [[1, 3]]
    assert cropped.shape == (4, 6, 1)
