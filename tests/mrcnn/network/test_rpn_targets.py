"""Which anchors are objects, and the sample of them that the RPN learns from."""

import keras
import numpy as np
import pytest

from mrcnn.network.rpn_targets import RPNTargetLayer, match_anchors

ANCHORS = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [0, 40, 10, 60], [100, 100, 110, 110], [0, 2, 10, 12]], np.float32)


def match(anchors, boxes, valid=None, crowd=None):
    """For one image: match (A,) and slot (A,)."""
    boxes = np.asarray(boxes, np.float32).reshape(1, -1, 4)
    count = boxes.shape[1]
    valid = np.ones((1, count), bool) if valid is None else np.array([valid])
    crowd = np.zeros((1, count), bool) if crowd is None else np.array([crowd])
    found = match_anchors(
        *(keras.ops.convert_to_tensor(x) for x in (np.asarray(anchors, np.float32), boxes)), valid, crowd
    )
    return [keras.ops.convert_to_numpy(x)[0] for x in found]


def test_by_hand():
    # With the first box: 1, 0.5, 0, 0, 80 / 120. With the second: 80 / 200 with the third anchor, its best.
    found, slot = match(ANCHORS, [[0, 0, 10, 10], [0, 40, 10, 48]])
    np.testing.assert_array_equal(found, [1, 0, 1, -1, 0])
    assert slot[0] == 0
    assert slot[2] == 1


def test_of_equally_good_anchors_the_first_is_the_best():
    found, _ = match([[0, 0, 10, 10], [0, 10, 10, 20]], [[0, 5, 10, 15]])  # 50 / 150 each, which is not below 0.3
    np.testing.assert_array_equal(found, [1, 0])


def test_all_anchors_above_the_threshold_are_objects():
    found, slot = match([[0, 0, 10, 10], [0, 1, 10, 11], [1, 0, 11, 10]], [[0, 0, 10, 10]])
    np.testing.assert_array_equal(found, [1, 1, 1])
    np.testing.assert_array_equal(slot, [0, 0, 0])


def test_a_crowd_is_neither_object_nor_background():
    boxes = [[0, 0, 10, 10], [100, 100, 105, 110]]
    found, _ = match(ANCHORS, boxes, crowd=[False, True])
    np.testing.assert_array_equal(found, [1, 0, -1, 0, 0])
    found, _ = match(ANCHORS, boxes)
    np.testing.assert_array_equal(found, [1, 0, -1, 1, 0])


@pytest.mark.parametrize(("valid", "crowd"), [([False, False], [False, False]), ([True, True], [True, True])])
def test_without_objects_all_is_background_but_crowds(valid, crowd):
    boxes = [[0, 0, 0, 0], [0, 0, 0, 0]] if not valid[0] else [[0, 0, 10, 10], [100, 100, 110, 110]]
    found, _ = match(ANCHORS, boxes, valid, crowd)
    np.testing.assert_array_equal(found, [-1] * 5 if not valid[0] else [0, 0, -1, 0, 0])


def test_an_object_that_no_anchor_touches_has_none():
    found, _ = match(ANCHORS, [[500, 500, 510, 510], [0, 0, 10, 10]])
    np.testing.assert_array_equal(found, [1, 0, -1, -1, 0])


def test_a_full_image():
    found, slot = match(ANCHORS, ANCHORS[[4, 3, 2, 1, 0]])
    np.testing.assert_array_equal(found, [1] * 5)
    np.testing.assert_array_equal(slot, [4, 3, 2, 1, 0])


# --- the sample ------------------------------------------------------------------------------------------------------


def grid_anchors(rows, columns):
    """Squares of 10 px side by side, rows x columns of them."""
    y, x = np.mgrid[:rows, :columns] * 10
    return np.stack([y, x, y + 10, x + 10], axis=-1).reshape(-1, 4).astype(np.float32)


def targets(anchors, boxes, class_ids, sample=8, seed=0, std=(1, 1, 1, 1)):
    layer = RPNTargetLayer(anchors_px=anchors, sample=sample, bbox_std_dev=std, seed=seed)
    boxes = np.asarray(boxes, np.float32)
    class_ids = np.asarray(class_ids, np.int32)
    found = layer([keras.ops.convert_to_tensor(x) for x in (boxes, class_ids, class_ids != 0)])
    return keras.tree.map_structure(keras.ops.convert_to_numpy, found)


def test_few_objects_leave_room_for_background():
    anchors = grid_anchors(3, 5)
    found = targets(anchors, [[anchors[4], anchors[9]], [anchors[0], np.zeros(4)]], [[1, 2], [1, 0]])
    assert found["positive"].shape == found["positive_valid"].shape == (2, 4)
    assert found["negative"].shape == found["negative_valid"].shape == (2, 8)
    assert found["deltas"].shape == (2, 4, 4)
    assert sorted(found["positive"][0][found["positive_valid"][0]]) == [4, 9]
    assert found["positive"][1][found["positive_valid"][1]].tolist() == [0]
    np.testing.assert_array_equal(found["negative_valid"].sum(axis=1), [6, 7])
    chosen = found["negative"][0][found["negative_valid"][0]]
    assert len(set(chosen)) == 6
    assert not set(chosen) & {4, 9}


def test_many_objects_fill_half():
    anchors = grid_anchors(3, 5)
    found = targets(anchors, [anchors[:7]], [[1] * 7])
    assert found["positive_valid"].all()
    assert set(found["positive"][0]) < set(range(7))
    assert found["negative_valid"].sum() == 4
    assert set(found["negative"][0][found["negative_valid"][0]]) < set(range(7, 15))


def test_no_objects_and_more_slots_than_anchors():
    found = targets(grid_anchors(2, 3), np.zeros((1, 2, 4)), [[0, 0]], sample=100)
    assert not found["positive_valid"].any()
    assert sorted(found["negative"][0][found["negative_valid"][0]]) == list(range(6))
    assert np.isfinite(found["deltas"]).all()


def test_deltas_by_hand():
    # An anchor of 10 x 10 with its centre at (5, 5), an object of 10 x 20 with its centre at (5, 10).
    found = targets(grid_anchors(1, 1), [[[0, 0, 10, 20]]], [[3]], sample=2, std=(0.1, 0.1, 0.2, 0.2))
    assert found["positive_valid"].tolist() == [[True]]
    np.testing.assert_allclose(found["deltas"], [[[0, 0.5 / 0.1, 0, np.log(2) / 0.2]]], atol=1e-5)


def test_the_seed_decides():
    anchors = grid_anchors(6, 6)
    one, same, other = (targets(anchors, np.zeros((2, 1, 4)), [[0], [0]], seed=seed)["negative"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert (one[0] != one[1]).any()  # images of one batch are not sampled alike
