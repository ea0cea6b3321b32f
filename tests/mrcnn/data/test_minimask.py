"""Mini masks there and back, and the network's masks in their image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.minimask import expand_mask, minimize_mask, unmold_mask, unmold_masks


def ellipse(height, width, y, x, half_height, half_width):
    rows, columns = np.ogrid[:height, :width]
    return ((rows - y) / half_height) ** 2 + ((columns - x) / half_width) ** 2 <= 1


def test_a_mask_of_the_mini_size_stays_as_it_is():
    mask = np.zeros((9, 11, 1), bool)
    mask[2:6, 3:8, 0] = np.random.default_rng(0).random((4, 5)) > 0.5
    mask[2, 3, 0] = mask[5, 7, 0] = True
    box = extract_bboxes(mask)
    mini = minimize_mask(box, mask, (4, 5))
    assert np.array_equal(mini[:, :, 0], mask[2:6, 3:8, 0])
    assert np.array_equal(expand_mask(box, mini, mask.shape), mask)


def test_a_full_box_stays_full_at_any_size():
    mask = np.zeros((100, 150, 2), bool)
    mask[10:90, 20:140, 0] = True
    mask[4:7, 5:7, 1] = True
    box = extract_bboxes(mask)
    mini = minimize_mask(box, mask, (56, 28))
    assert mini.shape == (56, 28, 2)
    assert mini.all()
    assert np.array_equal(expand_mask(box, mini, mask.shape), mask)


@settings(deadline=None)
@given(st.integers(6, 40), st.integers(6, 60), st.integers(0, 99), st.integers(0, 149))
def test_there_and_back_is_nearly_the_same(half_height, half_width, y, x):
    mask = ellipse(100, 150, y, x, half_height, half_width)[:, :, np.newaxis]
    box = extract_bboxes(mask)
    back = expand_mask(box, minimize_mask(box, mask, (56, 56)), mask.shape)
    assert (back & mask).sum() / (back | mask).sum() > 0.9


def test_no_objects():
    assert minimize_mask(np.zeros((0, 4), int), np.zeros((5, 6, 0), bool), (3, 4)).shape == (3, 4, 0)
    assert expand_mask(np.zeros((0, 4), int), np.zeros((3, 4, 0), bool), (5, 6, 3)).shape == (5, 6, 0)


def test_a_box_without_area_is_named():
    with pytest.raises(ValueError, match=r"object 0 has the box \(2, 3, 2, 5\)"):
        minimize_mask(np.array([[2, 3, 2, 5]]), np.zeros((5, 6, 1), bool), (4, 4))


def test_unmold_puts_half_and_more_into_the_box():
    mask = np.array([[0.2, 0.5], [0.9, 0.4999]], np.float32)
    full = unmold_mask(mask, np.array([3, 4, 5, 6]), (8, 9, 3))
    assert full.shape == (8, 9)
    assert np.argwhere(full).tolist() == [[3, 5], [4, 4]]


def test_unmold_of_an_empty_box_is_empty():
    assert not unmold_mask(np.ones((28, 28), np.float32), np.array([3, 4, 3, 6]), (8, 9)).any()


def test_unmold_of_several_masks():
    masks = np.random.default_rng(0).random((3, 28, 28), np.float32)
    boxes = np.array([[0, 0, 9, 30], [5, 6, 40, 50], [7, 7, 7, 9]])
    full = unmold_masks(masks, boxes, (40, 50))
    assert full.shape == (40, 50, 3)
    for i in range(3):
        assert np.array_equal(full[:, :, i], unmold_mask(masks[i], boxes[i], (40, 50)))
    assert unmold_masks(masks[:0], boxes[:0], (40, 50)).shape == (40, 50, 0)
