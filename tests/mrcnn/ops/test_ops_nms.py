"""Non-maximum suppression against a plain greedy loop."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn.ops.nms import TILE, nms

COUNT = 2 * TILE + 90  # three tiles, the last one not full


def greedy(boxes, valid, iou_threshold, max_output, groups=None):
    """The textbook loop over one image's boxes, best first: indices of those kept."""
    kept = []
    for i in range(len(boxes)):
        if len(kept) == max_output:
            break
        rivals = [k for k in kept if groups is None or groups[k] == groups[i]]
        if valid[i] and not any(iou(boxes[i], boxes[k]) > iou_threshold for k in rivals):
            kept.append(i)
    return kept


def iou(a, b):
    height = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    width = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - height * width
    return height * width / union if union else 0.0


def random_boxes(rng, shape, side):
    """Boxes with whole-number corners, so that every area is exact and no IoU is decided by rounding."""
    origin = rng.integers(0, side, (*shape, 2))
    return np.concatenate([origin, origin + rng.integers(0, 12, (*shape, 2))], axis=-1).astype(np.float32)


def run(boxes, valid, **options):
    groups = options.pop("groups", None)
    if groups is not None:
        options["groups"] = keras.ops.convert_to_tensor(groups)
    index, used = nms(keras.ops.convert_to_tensor(boxes), keras.ops.convert_to_tensor(valid), **options)
    return keras.ops.convert_to_numpy(index), keras.ops.convert_to_numpy(used)


def assert_as_greedy(index, used, boxes, valid, iou_threshold, max_output, groups=None):
    assert index.shape == used.shape == (len(boxes), max_output)
    assert not index[~used].any()
    for i in range(len(boxes)):
        expected = greedy(boxes[i], valid[i], iou_threshold, max_output, None if groups is None else groups[i])
        assert index[i][used[i]].tolist() == expected
        assert used[i].tolist() == [True] * len(expected) + [False] * (max_output - len(expected))


def test_by_hand():
    boxes = np.array([[[0, 0, 10, 20], [0, 1, 10, 21], [0, 12, 10, 32], [50, 50, 60, 60]]], np.float32)
    # 1 covers 0 by 190 / 210; 2 covers 0 by 80 / 320 and 1 by 90 / 310.
    valid = np.ones((1, 4), bool)
    index, used = run(boxes, valid, iou_threshold=0.5, max_output=4)
    np.testing.assert_array_equal(index, [[0, 2, 3, 0]])
    np.testing.assert_array_equal(used, [[True, True, True, False]])
    index, used = run(boxes, valid, iou_threshold=0.2, max_output=2)
    np.testing.assert_array_equal(index, [[0, 3]])
    assert used.all()


def test_a_suppressed_box_suppresses_nothing():
    # A chain: each box covers the next one by 2 / 3 (of 10 x 10, moved by 2), but not the one after by 1 / 2.
    boxes = np.array([[[2 * i, 0, 2 * i + 10, 10] for i in range(9)]], np.float32)
    index, used = run(boxes, np.ones((1, 9), bool), iou_threshold=0.5, max_output=9)
    assert index[used].tolist() == [0, 2, 4, 6, 8]


def test_an_iou_at_the_threshold_stays():
    boxes = np.array([[[0, 0, 1, 4], [0, 1, 1, 6]]], np.float32)  # IoU 3 / 6
    _, used = run(boxes, np.ones((1, 2), bool), iou_threshold=0.5, max_output=2)
    assert used.all()


def test_nothing_valid():
    boxes = random_boxes(np.random.default_rng(0), (2, 30), 20)
    index, used = run(boxes, np.zeros((2, 30), bool), iou_threshold=0.5, max_output=7)
    assert not index.any()
    assert not used.any()


def test_one_image_empty_beside_a_full_one():
    rng = np.random.default_rng(1)
    boxes, valid = random_boxes(rng, (2, 400), 150), np.ones((2, 400), bool)
    valid[0] = False
    index, used = run(boxes, valid, iou_threshold=0.5, max_output=20)
    assert not used[0].any()
    assert used[1].all()
    assert_as_greedy(index, used, boxes, valid, 0.5, 20)


def test_more_output_than_boxes():
    boxes = np.array([[[0, 0, 4, 4], [8, 8, 9, 9]]], np.float32)
    index, used = run(boxes, np.ones((1, 2), bool), iou_threshold=0.5, max_output=5)
    assert index[used].tolist() == [0, 1]
    assert used.shape == (1, 5)


def test_all_the_same_box():
    boxes = np.tile(np.array([3, 4, 9, 20], np.float32), (1, COUNT, 1))
    index, used = run(boxes, np.ones((1, COUNT), bool), iou_threshold=0.5, max_output=50)
    assert index[used].tolist() == [0]


def test_groups_do_not_touch_each_other():
    boxes = np.tile(np.array([0, 0, 5, 9], np.float32), (1, 6, 1))
    groups = np.array([[2, 1, 2, 3, 1, 0]], np.int32)
    index, used = run(boxes, np.ones((1, 6), bool), iou_threshold=0.3, max_output=6, groups=groups)
    assert index[used].tolist() == [0, 1, 3, 5]


@pytest.mark.parametrize("max_output", [5, 40, COUNT])
def test_several_tiles_compiled(compiled, max_output):
    rng = np.random.default_rng(max_output)
    boxes = random_boxes(rng, (2, COUNT), 60)
    valid, groups = rng.random((2, COUNT)) < 0.8, rng.integers(0, 3, (2, COUNT))
    fast = compiled(lambda b, v, g: nms(b, v, iou_threshold=0.25, max_output=max_output, groups=g))
    index, used = fast(boxes, valid, groups.astype(np.int32))
    assert_as_greedy(index, used, boxes, valid, 0.25, max_output, groups)


@pytest.fixture(scope="module", params=[0.25, 0.5, 0.75])
def fast(request, compiled):
    """Compiled once for all examples of a threshold: 2 images, 300 boxes, 60 kept, in groups."""
    threshold = request.param
    return threshold, compiled(lambda b, v, g: nms(b, v, iou_threshold=threshold, max_output=60, groups=g))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), side=st.sampled_from([2, 10, 40]), share=st.floats(0, 1), classes=st.integers(1, 4))
def test_equals_the_greedy_loop(fast, seed, side, share, classes):
    threshold, function = fast
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, (2, 300), side)
    valid, groups = rng.random((2, 300)) < share, rng.integers(0, classes, (2, 300)).astype(np.int32)
    index, used = function(boxes, valid, groups)
    assert_as_greedy(index, used, boxes, valid, threshold, 60, groups)
