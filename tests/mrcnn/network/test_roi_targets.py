"""What the heads learn from: the sample of the ROIs with class, deltas and mask."""

import keras
import numpy as np
import pytest

from mrcnn.network.roi_targets import DetectionTargetLayer

TRUTH = [0.2, 0.2, 0.6, 0.8]
FAR = [[0.8, 0.1 * i, 0.95, 0.1 * i + 0.08] for i in range(10)]  # ten that touch nothing


def targets(rois, gt_boxes, class_ids, masks=None, roi_valid=None, **options):
    """Of one image; arrays without the batch axis."""
    options = {
        "sample": 8,
        "positive_ratio": 0.5,
        "bbox_std_dev": (1, 1, 1, 1),
        "mask_shape": None if masks is None else (2, 3),
        "mini_mask": True,
        "seed": 0,
    } | options
    rois = np.asarray(rois, np.float32)
    class_ids = np.asarray(class_ids, np.int32)
    roi_valid = np.ones(len(rois), bool) if roi_valid is None else np.asarray(roi_valid)
    inputs = [rois, roi_valid, class_ids, np.asarray(gt_boxes, np.float32), class_ids != 0]
    inputs += [] if masks is None else [np.asarray(masks, np.uint8)]
    found = DetectionTargetLayer(**options)([keras.ops.convert_to_tensor(x[None]) for x in inputs])
    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in found.items()}


def test_shapes_and_order():
    found = targets([TRUTH, *FAR], [TRUTH, np.zeros(4)], [2, 0], masks=np.ones((2, 4, 6)))
    shapes = {name: x.shape for name, x in found.items()}
    assert shapes == {
        "rois": (8, 4),
        "valid": (8,),
        "class_ids": (8,),
        "deltas": (4, 4),
        "masks": (4, 2, 3),
        "positive_valid": (4,),
    }
    np.testing.assert_array_equal(found["positive_valid"], [True, False, False, False])
    np.testing.assert_array_equal(found["class_ids"], [2, 0, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(found["rois"][0], TRUTH)
    np.testing.assert_array_equal(found["deltas"], np.zeros((4, 4)))  # the ROI lies on its truth, the rest is unused
    np.testing.assert_array_equal(found["masks"], np.ones((4, 2, 3)) * [[[1]], [[0]], [[0]], [[0]]])
    np.testing.assert_array_equal(found["rois"][~found["valid"]], 0)


def test_background_keeps_the_ratio():
    # Two objects at a ratio of 0.5: two of background beside them, in the slots behind the objects'.
    found = targets([TRUTH, TRUTH, *FAR], [TRUTH], [1])
    np.testing.assert_array_equal(found["valid"], [True, True, False, False, True, True, False, False])
    # One object at 0.33: int(1 / 0.33) - 1 = 2.
    found = targets([TRUTH, *FAR], [TRUTH], [1], positive_ratio=0.33)
    np.testing.assert_array_equal(found["valid"], [True, False, True, True, False, False, False, False])


def test_more_objects_than_their_share():
    found = targets([TRUTH] * 9 + FAR, [TRUTH], [3])
    assert found["valid"].all()
    np.testing.assert_array_equal(found["class_ids"], [3, 3, 3, 3, 0, 0, 0, 0])


def test_an_empty_image_gives_background_only():
    found = targets(FAR, np.zeros((2, 4)), [0, 0], masks=np.zeros((2, 4, 6)))
    np.testing.assert_array_equal(found["valid"], [False] * 4 + [True] * 4)
    assert not found["positive_valid"].any()
    for name in ("class_ids", "deltas", "masks"):
        assert not found[name].any()


def test_no_roi_at_all():
    found = targets(np.zeros((6, 4)), [TRUTH], [1], roi_valid=[False] * 6)
    assert not found["valid"].any()
    assert not found["rois"].any()


def test_an_unused_roi_is_never_taken():
    found = targets([TRUTH, *FAR], [TRUTH], [1], roi_valid=[False] + [True] * 10)
    assert not found["positive_valid"].any()
    assert found["valid"].sum() == 4


def test_fewer_rois_than_slots():
    found = targets([TRUTH, FAR[0]], [TRUTH], [1], masks=np.ones((1, 4, 6)), sample=30)
    assert found["rois"].shape == (30, 4)
    assert found["valid"].sum() == 2
    assert found["class_ids"].tolist() == [1] + [0] * 29


def test_a_crowd_is_neither_object_nor_background():
    rois = [TRUTH, FAR[0], FAR[5]]
    found = targets(rois, [TRUTH, FAR[0]], [1, -2], positive_ratio=0.33)
    assert found["valid"].sum() == 2
    used = found["rois"][found["valid"]]
    np.testing.assert_allclose(used, [TRUTH, FAR[5]])
    assert (found["class_ids"] >= 0).all()
    # A crowd alone: what touches it is left out, all else is background.
    found = targets(rois, [TRUTH], [-1])
    np.testing.assert_allclose(sorted(found["rois"][found["valid"]].tolist()), [FAR[0], FAR[5]])


def test_the_nearest_truth_counts():
    other = [0.2, 0.3, 0.6, 0.8]
    found = targets([[0.2, 0.28, 0.6, 0.8], *FAR], [TRUTH, other], [1, 2])
    assert found["class_ids"][0] == 2  # 0.5 / 0.52 against 0.52 / 0.6


def test_deltas_by_hand():
    # From 0.4 x 0.4 with its centre at (0.4, 0.4) to 0.4 x 0.6 with its centre at (0.4, 0.5).
    found = targets([[0.2, 0.2, 0.6, 0.6], *FAR], [TRUTH], [1], bbox_std_dev=(0.1, 0.1, 0.2, 0.2))
    np.testing.assert_allclose(found["deltas"][0], [0, 0.25 / 0.1, 0, np.log(1.5) / 0.2], atol=1e-5)


RIGHT_HALF = np.tile([0, 0, 0, 1, 1, 1], (4, 1))


def test_mini_mask_of_the_roi_on_its_truth():
    found = targets([TRUTH, *FAR], [TRUTH], [1], masks=[RIGHT_HALF], mask_shape=(4, 6))
    np.testing.assert_array_equal(found["masks"][0], RIGHT_HALF)


def test_mini_mask_of_a_part():
    # The left two thirds of the truth: cells 0, 5 / 3 and 10 / 3 of 0 to 5.
    found = targets([[0.2, 0.2, 0.6, 0.6], *FAR], [TRUTH], [1], masks=[RIGHT_HALF])
    np.testing.assert_array_equal(found["masks"][0], [[0, 0, 1], [0, 0, 1]])


def test_mini_mask_beyond_its_truth_is_nought():
    # As far above the truth as below it: rows at -0.25, 0.5 and 1.25 of its height.
    found = targets([[0.1, 0.2, 0.7, 0.8], *FAR], [TRUTH], [1], masks=[np.ones((4, 6))], mask_shape=(3, 2))
    np.testing.assert_array_equal(found["masks"][0], [[0, 0], [1, 1], [0, 0]])


def test_full_size_mask():
    mask = (np.random.default_rng(0).random((9, 13)) < 0.5).astype(np.uint8)
    box = np.array([2 / 8, 3 / 12, 6 / 8, 9 / 12])  # rows 2 to 6, columns 3 to 9 of the image
    rois = [box, *FAR[5:]]
    found = targets(rois, [box], [1], masks=[mask], mask_shape=(5, 7), mini_mask=False)
    np.testing.assert_array_equal(found["masks"][0], mask[2:7, 3:10])


@pytest.mark.parametrize("mini_mask", [True, False])
def test_masks_are_those_of_their_own_truth(mini_mask):
    boxes = [TRUTH, [0, 0, 0.15, 0.15], [0.65, 0.5, 0.78, 0.9]]
    masks = np.stack([np.zeros((8, 8)), np.ones((8, 8)), np.zeros((8, 8))])
    found = targets([*boxes, *FAR], boxes, [1, 2, 3], masks=masks, mini_mask=mini_mask)
    for class_id, mask in zip(found["class_ids"][:3], found["masks"][:3], strict=True):
        assert (mask == (class_id == 2)).all()


def test_chance_is_the_seeds():
    taken = [targets(FAR * 3, np.zeros((1, 4)), [0], seed=seed)["rois"].tolist() for seed in (1, 1, 2)]
    assert taken[0] == taken[1] != taken[2]


def test_survives_a_round_trip_through_its_config():
    layer = DetectionTargetLayer(
        sample=8, positive_ratio=0.5, bbox_std_dev=(1, 1, 2, 2), mask_shape=(3, 4), mini_mask=False
    )
    again = DetectionTargetLayer.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
