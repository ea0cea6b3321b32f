"""Masks as crops: every change gives what it gives for masks as large as the image."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.minimask import minimize_mask
from mrcnn.data.resize import resize_mask

HEIGHT, WIDTH = 30, 44


def masks_of(seed, number=3):
    """Spotted rectangles anywhere in the image, [H, W, N]; the last one is empty."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((HEIGHT, WIDTH, number), bool)
    for i in range(number - 1):
        (y1, y2), (x1, x2) = (np.sort(rng.integers(0, side + 1, 2)) for side in (HEIGHT, WIDTH))
        masks[y1:y2, x1:x2, i] = rng.random((y2 - y1, x2 - x1)) < 0.7
    return masks


def test_crops_are_tight():
    masks = np.zeros((HEIGHT, WIDTH, 2), bool)
    masks[4:9, 10:30, 0] = True
    cropped = CroppedMasks.of(masks)
    assert [crop.shape for crop in cropped.crops] == [(5, 20), (0, 0)]
    assert cropped.boxes().tolist() == [[4, 10, 9, 30], [0, 0, 0, 0]]
    assert len(cropped) == 2
    loose = CroppedMasks([masks[2:20, 5:40, 0]], [(2, 5)], (HEIGHT, WIDTH))
    assert loose.boxes().tolist() == [[4, 10, 9, 30]]
    with pytest.raises(ValueError, match=r"should return masks \[H, W, N\]"):
        CroppedMasks.of(masks[:, :, 0])


@settings(deadline=None)
@given(seed=st.integers(0, 10**6))
def test_there_and_back_flips_and_boxes(seed):
    masks = masks_of(seed)
    cropped = CroppedMasks.of(masks)
    assert np.array_equal(cropped.full(), masks)
    assert np.array_equal(cropped.boxes(), extract_bboxes(masks))
    assert np.array_equal(cropped.union(), masks.any(axis=2))
    for axis in (0, 1):
        assert np.array_equal(cropped.flipped(axis).full(), np.flip(masks, axis))
    full = [i for i in range(3) if masks[:, :, i].any()]
    mini = minimize_mask(extract_bboxes(masks)[full], masks[:, :, full], (9, 12))
    assert np.array_equal(cropped.chosen(full).mini((9, 12)), mini)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1, 0.3, 0.5, 0.77, 1.3, 2, 64 / 44, 1 / 3]),
    before=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    cropped=st.booleans(),
)
def test_resizing_is_that_of_whole_masks(seed, scale, before, cropped):
    masks = masks_of(seed)
    padding, crop = [(before[0], 3), (before[1], 0), (0, 0)], None
    if cropped:
        padding, crop = [(0, 0)] * 3, (*before, 4, 6)
    expected = resize_mask(masks, scale, padding, crop)
    assert np.array_equal(CroppedMasks.of(masks).resized(scale, padding[:2], crop).full(), expected)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    angle=st.floats(-180, 180),
    scale=st.floats(0.2, 3),
    shift=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
)
@example(seed=999999, angle=85.0, scale=3.0, shift=(0.0, 0.0))  # the outermost pixel becomes three
def test_warping_is_that_of_whole_masks(seed, angle, scale, shift):
    """All but pixels whose source lies between two pixels to within rounding."""
    masks = masks_of(seed)
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), angle, scale)
    matrix[:, 2] += shift
    moved = CroppedMasks.of(masks).warped(matrix, masks.shape[:2]).full()
    inverse = cv2.invertAffineTransform(matrix)
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    sources = np.tensordot(inverse, np.stack([x, y, np.ones_like(x)]), 1)  # (2, H, W), x first
    clear = (abs(sources % 1 - 0.5) > 0.01).all(axis=0)
    columns, rows = np.rint(sources).astype(int)
    inside = (rows >= 0) & (rows < HEIGHT) & (columns >= 0) & (columns < WIDTH)
    expected = masks[np.clip(rows, 0, HEIGHT - 1), np.clip(columns, 0, WIDTH - 1)] & inside[:, :, np.newaxis]
    assert np.array_equal(moved[clear], expected[clear])


def test_what_is_covered_is_cut_away():
    masks = np.zeros((HEIGHT, WIDTH, 2), bool)
    masks[4:9, 10:30, 0] = masks[5:7, 12:14, 1] = True
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[:, :20] = True
    left = CroppedMasks.of(masks).without(covered)
    assert left.boxes().tolist() == [[4, 20, 9, 30], [0, 0, 0, 0]]
    assert left.and_then(CroppedMasks.of(masks)).boxes().tolist()[2:] == [[4, 10, 9, 30], [5, 12, 7, 14]]
