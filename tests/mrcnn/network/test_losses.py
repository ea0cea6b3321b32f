"""The five losses, with numbers one can check on paper."""

import keras
import numpy as np
import pytest

from mrcnn.network import losses

LN2 = np.log(2)


def value(function, *arguments):
    def tensor(x):
        return keras.ops.convert_to_tensor(np.asarray(x, np.float32) if np.asarray(x).dtype == np.float64 else x)

    arguments = [{k: tensor(v) for k, v in a.items()} if isinstance(a, dict) else tensor(a) for a in arguments]
    return keras.ops.convert_to_numpy(function(*arguments))


def rpn_targets(positive_valid=(True, False), negative_valid=(True, True, False)):
    """Of a batch of one with five anchors."""
    return {
        "positive": np.array([[3, 0]], np.int32),
        "positive_valid": np.array([positive_valid]),
        "negative": np.array([[1, 4, 0]], np.int32),
        "negative_valid": np.array([negative_valid]),
        "deltas": np.array([[[0.5, 0, -2, 0], [9, 9, 9, 9]]]),
    }


def test_smooth_l1():
    np.testing.assert_allclose(value(losses.smooth_l1, [0, 0.5, -0.5, 1, 2, -3.0]), [0, 0.125, 0.125, 0.5, 1.5, 2.5])


def test_masked_mean():
    values = [[[1, 3], [100, 100]], [[5, 7], [0, 0.0]]]
    assert value(losses.masked_mean, values, [[True, False], [True, True]]) == pytest.approx((2 + 6 + 0) / 3)
    assert value(losses.masked_mean, values, [[False, False], [False, False]]) == 0


def test_rpn_class_loss():
    logits = np.zeros((1, 5, 2))
    assert value(losses.rpn_class_loss, logits, rpn_targets()) == pytest.approx(LN2)
    # Object with odds of 1 : 3 against it, the two of background with 1 : 1 and for certain.
    logits[0, 3], logits[0, 4], logits[0, 0] = [np.log(3), 0], [50, 0], [-70, 70]
    assert value(losses.rpn_class_loss, logits, rpn_targets()) == pytest.approx((np.log(4) + LN2 + 0) / 3)


def test_rpn_bbox_loss():
    deltas = np.zeros((1, 5, 4))
    assert value(losses.rpn_bbox_loss, deltas, rpn_targets()) == pytest.approx((0.125 + 1.5) / 4)
    deltas[0, 3] = [0.5, 0, -2, 0]
    assert value(losses.rpn_bbox_loss, deltas, rpn_targets()) == 0


def test_rpn_losses_without_anchors():
    nothing = rpn_targets((False, False), (False,) * 3)
    assert value(losses.rpn_class_loss, np.ones((1, 5, 2)), nothing) == 0
    assert value(losses.rpn_bbox_loss, np.ones((1, 5, 4)), nothing) == 0


def test_class_loss():
    logits, every_class = np.zeros((1, 2, 4)), [[1.0, 1, 1, 1]]
    assert value(losses.class_loss, logits, [[2, 0]], every_class) == pytest.approx(np.log(4))
    logits[0, 0, 2] = np.log(3)  # 3 : 1 : 1 : 1
    assert value(losses.class_loss, logits, [[2, 0]], every_class) == pytest.approx((LN2 + np.log(4)) / 2)


def test_class_loss_leaves_out_classes_of_other_data_sets():
    logits = np.zeros((2, 1, 3))
    logits[0, 0, 2] = 5  # predicted class 2, which the first image's data set does not know
    logits[1, 0, 0] = np.log(2)  # 2 : 1 : 1
    active = [[1.0, 1, 0], [1, 1, 0]]
    assert value(losses.class_loss, logits, [[1], [0]], active) == pytest.approx(LN2)
    assert value(losses.class_loss, logits[:1], [[1]], active[:1]) == 0


def test_bbox_loss_is_of_the_true_class():
    deltas = np.full((1, 2, 3, 4), 100.0)
    deltas[0, 0, 2] = [1, 0, 0, 0.5]
    targets = [[[1, 2.0, 0, 0], [7, 7, 7, 7]]]
    assert value(losses.bbox_loss, deltas, [[2, 0]], targets, [[True, False]]) == pytest.approx((1.5 + 0.125) / 4)
    assert value(losses.bbox_loss, deltas, [[2, 0]], targets, [[False, False]]) == 0


def test_mask_loss_is_of_the_true_class():
    masks = np.full((1, 2, 1, 2, 3), 0.9)
    masks[0, 0, 0, :, 1] = [0.5, 0.25]
    targets = [[[[1.0, 0]], [[1, 1]]]]
    loss = value(losses.mask_loss, masks, [[1, 0]], targets, [[True, False]])
    assert loss == pytest.approx((LN2 + np.log(4 / 3)) / 2, rel=1e-6)
    assert value(losses.mask_loss, masks, [[1, 0]], targets, [[False, False]]) == 0


def test_mask_loss_of_certain_mistakes_is_finite():
    masks = np.array([0.0, 1.0]).reshape(1, 1, 1, 2, 1)
    right, wrong = [[[[0.0, 1]]]], [[[[1.0, 0]]]]
    assert value(losses.mask_loss, masks, [[0]], right, [[True]]) == pytest.approx(0, abs=1e-6)
    assert value(losses.mask_loss, masks, [[0]], wrong, [[True]]) == pytest.approx(-np.log(1e-7), rel=0.02)


def head_inputs(positive_valid):
    predictions = {
        "rpn_logits": np.zeros((1, 5, 2)),
        "rpn_deltas": np.zeros((1, 5, 4)),
        "logits": np.zeros((1, 3, 4)),
        "deltas": np.zeros((1, 3, 4, 4)),
        "masks": np.full((1, 2, 2, 2, 4), 0.5),
    }
    targets = {
        "class_ids": np.array([[3, 0, 0]], np.int32),
        "deltas": np.full((1, 2, 4), 2.0),
        "masks": np.ones((1, 2, 2, 2)),
        "positive_valid": np.array([positive_valid]),
    }
    return predictions, rpn_targets(), targets


@pytest.mark.parametrize("masks", [True, False])
def test_all_together(masks):
    predictions, rpn, targets = head_inputs([True, False])
    if not masks:
        del predictions["masks"], targets["masks"]
    found = losses.Losses()(predictions, rpn, targets, np.ones((1, 4), np.float32))
    expected = {
        "rpn_class_loss": LN2,
        "rpn_bbox_loss": (0.125 + 1.5) / 4,
        "mrcnn_class_loss": np.log(4),
        "mrcnn_bbox_loss": 1.5,
        "mrcnn_mask_loss": LN2,
    }
    if not masks:
        del expected["mrcnn_mask_loss"]
    assert {name: float(loss) for name, loss in found.items()} == pytest.approx(expected)


def test_a_batch_without_objects_has_no_box_and_mask_loss():
    predictions, rpn, targets = head_inputs([False, False])
    found = losses.Losses()(predictions, rpn, targets, np.ones((1, 4), np.float32))
    assert float(found["mrcnn_bbox_loss"]) == float(found["mrcnn_mask_loss"]) == 0
