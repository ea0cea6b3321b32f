"""Boxes as arrays: overlaps, suppression, deltas, pixel and normalised form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.data import boxes as b

BOXES = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [20, 30, 24, 38]])


def test_overlaps_on_paper():
    # the first two share 50 of 150 px
    assert b.compute_overlaps(BOXES, BOXES[:2]).tolist() == [[1, 1 / 3], [1 / 3, 1], [0, 0]]
    assert b.compute_iou(BOXES[0], BOXES[1:], 100, np.array([100, 32])).tolist() == [1 / 3, 0]


def test_boxes_without_area_overlap_nothing():
    point = np.array([[3, 3, 3, 3]])
    assert b.compute_overlaps(point, point).tolist() == [[0]]
    assert b.compute_overlaps(np.zeros((0, 4)), BOXES).shape == (0, 3)


def test_mask_overlaps():
    masks = np.zeros((6, 9, 3), bool)
    masks[:2, :, 0] = masks[1:3, :, 1] = True
    assert b.compute_overlaps_masks(masks, masks).tolist() == [
        [1, pytest.approx(1 / 3), 0],
        [pytest.approx(1 / 3), 1, 0],
        [0, 0, 0],
    ]
    assert b.compute_overlaps_masks(masks, masks[:, :, :0]).shape == (3, 0)
    with pytest.raises(ValueError, match="cannot be compared"):
        b.compute_overlaps_masks(masks, masks[:5])


def test_suppression_keeps_the_best_of_a_crowd():
    scores = np.array([0.5, 0.9, 0.1])
    assert b.non_max_suppression(BOXES, scores, 0.3).tolist() == [1, 2]
    assert b.non_max_suppression(BOXES, scores, 0.4).tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="no boxes"):
        b.non_max_suppression(BOXES[:0], scores[:0], 0.3)


def test_deltas_on_paper():
    # from 10 x 20 around (5, 10) to 20 x 20 around (10, 20)
    deltas = b.box_refinement(np.array([[0, 0, 10, 20]]), np.array([[0, 10, 20, 30]]))
    assert deltas.dtype == np.float32
    np.testing.assert_allclose(deltas, [[0.5, 0.5, np.log(2), 0]], atol=1e-6)


def test_norm_boxes_on_paper():
    normed = b.norm_boxes(np.array([[0, 0, 51, 101], [10, 20, 31, 61]]), (51, 101))
    assert normed.dtype == np.float32
    np.testing.assert_allclose(normed, [[0, 0, 1, 1], [0.2, 0.2, 0.6, 0.6]], rtol=1e-6)


@st.composite
def pixel_boxes(draw):
    height, width = draw(st.integers(2, 2000)), draw(st.integers(2, 2000))
    y1, x1 = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    y2, x2 = draw(st.integers(y1 + 1, height)), draw(st.integers(x1 + 1, width))
    return np.array([[y1, x1, y2, x2]]), (height, width)


@settings(deadline=None)
@given(pixel_boxes())
def test_norm_and_back(case):
    box, shape = case
    back = b.denorm_boxes(b.norm_boxes(box, shape), shape)
    assert back.dtype == np.int32
    assert np.array_equal(back, box)


@settings(deadline=None)
@given(pixel_boxes(), pixel_boxes())
def test_refine_and_apply(first, second):
    box, target = first[0], second[0]
    np.testing.assert_allclose(b.apply_box_deltas(box, b.box_refinement(box, target)), target, rtol=1e-3, atol=0.05)


def test_boxes_of_masks():
    masks = np.zeros((7, 9, 3), bool)
    masks[2, 3, 0] = True
    masks[:, :, 1] = True
    found = b.extract_bboxes(masks)
    assert found.dtype == np.int32
    assert found.tolist() == [[2, 3, 3, 4], [0, 0, 7, 9], [0, 0, 0, 0]]
    assert b.extract_bboxes(masks[:, :, :0]).shape == (0, 4)


def test_trim_zeros_drops_padding():
    assert b.trim_zeros(np.array([[0, 0, 3, 4], [0, 0, 0, 0]])).tolist() == [[0, 0, 3, 4]]
