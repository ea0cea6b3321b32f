"""Augmentation of ours: image and masks stay together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.transforms import Augmentation

HEIGHT, WIDTH = 40, 60


def scene():
    """A white rectangle on black, and its mask."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[10:20, 5:25] = 255
    return image, (image[:, :, :1] == 255)


def test_a_flip_moves_image_and_mask():
    image, mask = Augmentation(flip_left_right=1.0)(*scene(), np.random.default_rng(0))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[10:20, WIDTH - 25 : WIDTH - 5] = True
    assert np.array_equal(mask[:, :, 0], expected)
    assert np.array_equal(image[:, :, 0] == 255, expected)


def test_upside_down():
    _, mask = Augmentation(flip_left_right=0.0, flip_up_down=1.0)(*scene(), np.random.default_rng(0))
    assert np.array_equal(np.flatnonzero(mask.any(axis=(1, 2))), np.arange(HEIGHT - 20, HEIGHT - 10))


def test_a_scale_of_two_makes_four_times_the_area():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[16:24, 26:34] = 255
    _, mask = Augmentation(flip_left_right=0.0, scale=(2.0, 2.0))(
        image, image[:, :, :1] == 255, np.random.default_rng(0)
    )
    assert abs(int(mask.sum()) - 4 * 8 * 8) <= 2 * 4 * 8  # the edge may round by half a pixel on each side


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_image_and_mask_agree_after_any_change_of_place(seed):
    change = Augmentation(flip_up_down=0.5, scale=(0.6, 1.6), random_crop=True, rotate=30, shift=0.2, fill=0)
    image, mask = change(*scene(), np.random.default_rng(seed))
    bright = image[:, :, 0] >= 128
    wrong = np.count_nonzero(bright != mask[:, :, 0])
    assert wrong <= 0.15 * max(np.count_nonzero(mask), 60)  # nearest and linear sampling differ along the edge


def stripes(side):
    """Black and white columns, each a pixel wide."""
    return np.tile(np.array([0, 255], np.uint8)[np.newaxis, :, np.newaxis], (side, side // 2, 3))


def test_fine_stripes_become_gray_where_they_are_too_fine_to_see():
    image, _ = Augmentation(scale=(0.25, 0.25), fill=128)(
        stripes(200), np.zeros((200, 200, 0), bool), np.random.default_rng(0)
    )
    assert np.ptp(image[80:120, 80:120].astype(int)) < 10


def test_what_is_enlarged_is_taken_from_the_pixels_of_a_larger_image():
    change = Augmentation(flip_left_right=0.0, scale=(2.0, 2.0)).draw(np.random.default_rng(0), 3)
    mask = np.zeros((200, 200, 1), bool)
    mask[90:100, 80:104] = True
    image, masks = change(stripes(200), CroppedMasks.of(mask), (100, 100))  # 2 * 100 px: the pixels as they are
    assert np.array_equal(image, stripes(200)[50:150, 50:150])
    assert masks.boxes().tolist() == [[40, 30, 50, 54]]
    assert masks.shape == (100, 100)


def test_a_random_crop_of_an_enlarged_image_lies_anywhere_in_it():
    image = np.zeros((60, 60, 3), np.uint8)
    image[:, :, 0], image[:, :, 1] = np.arange(60)[:, np.newaxis], np.arange(60)
    corners = []
    for seed in range(200):
        augmentation = Augmentation(flip_left_right=0.0, scale=(2.0, 2.0), random_crop=True, fill=255)
        crop, _ = augmentation(image, np.zeros((60, 60, 0), bool), np.random.default_rng(seed))
        assert np.ptp(crop[5:55, 5:55, :2], axis=(0, 1)).tolist() == pytest.approx([25, 25], abs=1)
        assert crop[1:-1, 1:-1, :2].max() < 60  # nothing from outside
        corners.append(crop[2, 2, :2])
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    assert (low <= 3).all()
    assert (high >= 28).all()  # 30 is the last place of a crop of 30 in 60


def test_a_small_image_lies_anywhere_in_the_frame():
    seen = np.zeros((40, 40), int)
    for seed in range(200):
        augmentation = Augmentation(scale=(0.5, 0.5), random_crop=True, fill=0)
        image, _ = augmentation(
            np.full((40, 40, 3), 200, np.uint8), np.zeros((40, 40, 0), bool), np.random.default_rng(seed)
        )
        white = image[:, :, 0] > 150
        assert abs(int(white.sum()) - 400) <= 40
        seen += white
    assert seen[1:-1, 1:-1].min() > 0


def test_what_comes_in_from_outside_is_fill_and_no_object():
    image, mask = Augmentation(flip_left_right=0.0, scale=(0.5, 0.5), fill=77)(*scene(), np.random.default_rng(0))
    assert (image[0] == 77).all()
    assert not mask[0].any()


def test_colour_changes_no_mask():
    image, mask = scene()
    changed, same = Augmentation(flip_left_right=0.0, brightness=0.2, contrast=0.2, colour=0.2)(
        image, mask, np.random.default_rng(3)
    )
    assert np.array_equal(same, mask)
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, image)


def test_without_objects_and_with_one_channel():
    image = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    changed, mask = Augmentation(rotate=20, brightness=0.1)(
        image, np.zeros((HEIGHT, WIDTH, 0), bool), np.random.default_rng(0)
    )
    assert changed.shape == image.shape
    assert mask.shape == (HEIGHT, WIDTH, 0)


def test_the_seed_decides():
    change = Augmentation(scale=(0.8, 1.2), rotate=10, colour=0.1)
    first, again = (change(*scene(), np.random.default_rng(5))[0] for _ in range(2))
    assert np.array_equal(first, again)


def test_bad_values_are_errors():
    with pytest.raises(ValueError, match="scale"):
        Augmentation(scale=(1.2, 0.8))
    with pytest.raises(ValueError, match="copy_paste"):
        Augmentation(copy_paste=50)
