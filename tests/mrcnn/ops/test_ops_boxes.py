"""Box arithmetic on tensors, against numbers worked out by hand and against its own inverse."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.ops import boxes as box_ops


def array(x):
    return keras.ops.convert_to_numpy(x)


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, np.float32))


def random_boxes(seed, shape, least=0.01):
    """Boxes (*shape, 4) inside the unit square with sides of at least `least`."""
    rng = np.random.default_rng(seed)
    origin = rng.uniform(0, 1 - 2 * least, (*shape, 2))
    size = rng.uniform(least, 1 - origin)
    return np.concatenate([origin, origin + size], axis=-1).astype(np.float32)


def test_area():
    boxes = [[[1, 2, 4, 7], [0, 0, 0, 0]], [[0, 0, 2, 0.5], [3, 3, 4, 9]]]
    np.testing.assert_array_equal(array(box_ops.area(tensor(boxes))), [[15, 0], [1, 6]])


def test_iou_of_all_pairs():
    boxes1 = [[0, 0, 2, 4], [10, 10, 20, 30], [0, 0, 0, 0]]
    boxes2 = [[1, 1, 3, 3], [0, 0, 2, 4], [15, 10, 20, 30], [0, 0, 0, 0]]
    # First pair: 1 x 2 shared, 8 + 4 - 2 in all. Third: the lower half.
    expected = [[0.2, 1, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(array(box_ops.iou(tensor(boxes1), tensor(boxes2))), expected, rtol=1e-6)


def test_iou_of_a_batch_keeps_the_images_apart():
    boxes = random_boxes(0, (3, 5))
    together = array(box_ops.iou(tensor(boxes), tensor(boxes[:, :2])))
    assert together.shape == (3, 5, 2)
    for image in range(3):
        alone = array(box_ops.iou(tensor(boxes[image]), tensor(boxes[image, :2])))
        np.testing.assert_array_equal(together[image], alone)


def test_overlap_is_strict():
    # Areas 4 and 5, 3 shared: an IoU of exactly one half.
    one, other = tensor([[0, 0, 1, 4]]), tensor([[0, 1, 1, 6], [0, 0, 0, 0]])
    np.testing.assert_array_equal(array(box_ops.overlap(one, other, 0.5)), [[False, False]])
    np.testing.assert_array_equal(array(box_ops.overlap(one, other, 0.499)), [[True, False]])


def test_empty_boxes_overlap_nothing():
    empty = tensor([[0, 0, 0, 0], [2, 2, 2, 9]])
    assert not array(box_ops.overlap(empty, tensor([[0, 0, 5, 5], [2, 2, 2, 9]]), 0.0)).any()


def test_no_boxes():
    assert array(box_ops.iou(tensor(np.zeros((0, 4))), tensor([[0, 0, 1, 1]]))).shape == (0, 1)


def test_encode_by_hand():
    # Centres (1, 2) and (3, 6), sizes 2 x 4 and 4 x 8.
    deltas = array(box_ops.encode(tensor([[0, 0, 2, 4]]), tensor([[1, 2, 5, 10]])))
    np.testing.assert_allclose(deltas, [[1, 1, np.log(2), np.log(2)]], rtol=1e-6)


def test_decode_by_hand():
    boxes = array(box_ops.decode(tensor([[0, 0, 2, 4]]), tensor([[0.5, -0.25, np.log(3), 0]])))
    np.testing.assert_allclose(boxes, [[-1, -1, 5, 3]], atol=1e-6)


def test_no_deltas_leave_the_boxes():
    boxes = random_boxes(1, (2, 6))
    np.testing.assert_allclose(array(box_ops.decode(tensor(boxes), tensor(np.zeros((2, 6, 4))))), boxes, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_decode_is_the_inverse_of_encode(seed):
    boxes, targets = random_boxes(seed, (2, 7)), random_boxes(seed + 1, (2, 7))
    deltas = box_ops.encode(tensor(boxes), tensor(targets))
    np.testing.assert_allclose(array(box_ops.decode(tensor(boxes), deltas)), targets, atol=2e-5)


def test_clip_to_one_window_and_to_one_each():
    boxes = [[[-1, -2, 3, 4], [0.5, 0.5, 9, 9]], [[-1, -2, 3, 4], [5, 5, 6, 6]]]
    one = array(box_ops.clip(tensor(boxes), tensor([0, 0, 1, 2])))
    np.testing.assert_array_equal(one, [[[0, 0, 1, 2], [0.5, 0.5, 1, 2]], [[0, 0, 1, 2], [1, 2, 1, 2]]])
    each = array(box_ops.clip(tensor(boxes), tensor([[0, 0, 1, 2], [0, -1, 5, 5]])))
    np.testing.assert_array_equal(each, [[[0, 0, 1, 2], [0.5, 0.5, 1, 2]], [[0, -1, 3, 4], [5, 5, 5, 5]]])


def test_norm_by_hand():
    # An image of 101 x 201: the far corner is a pixel outside, hence the - 1.
    boxes = array(box_ops.norm(tensor([[10, 20, 51, 121], [0, 0, 101, 201]]), 101, 201))
    np.testing.assert_allclose(boxes, [[0.1, 0.1, 0.5, 0.6], [0, 0, 1, 1]], rtol=1e-6)


def test_norm_takes_whole_numbers_and_sizes_of_each_image():
    boxes = keras.ops.convert_to_tensor(np.array([[0, 0, 101, 201], [10, 10, 21, 21]], np.int32))
    found = array(box_ops.norm(boxes, tensor([101, 11]), tensor([201, 21])))
    np.testing.assert_allclose(found, [[0, 0, 1, 1], [1, 0.5, 2, 1]], rtol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (101, 37)])
def test_denorm_is_the_inverse_of_norm(height, width):
    boxes_px = np.round(random_boxes(5, (9,)) * [height, width, height, width])
    there_and_back = box_ops.denorm(box_ops.norm(tensor(boxes_px), height, width), height, width)
    np.testing.assert_allclose(array(there_and_back), boxes_px, atol=1e-4)
