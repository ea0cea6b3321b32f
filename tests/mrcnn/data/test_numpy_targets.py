"""Targets made in numpy, on numbers that fit on paper."""

import numpy as np
import pytest

from mrcnn.data.targets import build_detection_targets, build_rpn_targets, generate_random_rois
from tests.support.golden import GoldenConfig

SHAPE = (40, 60, 3)


class FewAnchors(GoldenConfig):
    RPN_TRAIN_ANCHORS_PER_IMAGE = 4


def test_rpn_matches_and_deltas():
    anchors = np.array([[0.0, 0, 10, 10], [0, 5, 10, 15], [20, 30, 30, 50], [50, 50, 60, 60]])
    gt = np.array([[0, 0, 10, 10], [20, 30, 30, 40]])  # IoU with the anchors: 1, 1/3, -, - and -, -, 1/2, -
    match, deltas = build_rpn_targets(SHAPE, anchors, np.array([1, 2]), gt, GoldenConfig())
    assert match.tolist() == [1, 0, 1, -1]  # a third is neither; half is the best of its object
    assert deltas.shape == (100000, 4)
    np.testing.assert_allclose(deltas[0], 0, atol=1e-12)
    np.testing.assert_allclose(deltas[1], [0, -5 / 20 / 0.1, 0, np.log(1 / 2) / 0.2])
    assert not deltas[2:].any()


def test_anchors_on_a_crowd_are_not_background():
    anchors = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]])
    gt = np.array([[0, 0, 10, 10], [20, 28, 30, 60]])
    match, _ = build_rpn_targets(SHAPE, anchors, np.array([1, -1]), gt, GoldenConfig())
    assert match.tolist() == [1, 0, -1]


def test_too_many_anchors_are_thinned_out_by_chance():
    anchors = np.concatenate([np.tile([[0.0, 0, 10, 10]], (5, 1)), np.tile([[30.0, 30, 40, 40]], (9, 1))])
    gt = np.array([[0, 0, 10, 10]])
    match, _ = build_rpn_targets(SHAPE, anchors, np.array([1]), gt, FewAnchors(), np.random.default_rng(0))
    again, _ = build_rpn_targets(SHAPE, anchors, np.array([1]), gt, FewAnchors(), np.random.default_rng(0))
    assert ((match == 1).sum(), (match == -1).sum()) == (2, 2)
    assert np.array_equal(match, again)


def test_an_image_without_objects_is_refused():
    with pytest.raises(ValueError, match="no objects"):
        build_rpn_targets(SHAPE, np.array([[0.0, 0, 1, 1]]), np.array([-1]), np.array([[0, 0, 9, 9]]), GoldenConfig())


def test_random_rois_lie_near_the_boxes_and_have_an_area():
    box = np.array([[10, 20, 14, 30]])
    rois = generate_random_rois(SHAPE, 50, np.array([1]), box, np.random.default_rng(0))
    assert (rois.shape, rois.dtype) == ((50, 4), np.int32)
    assert (rois[:, 2:] > rois[:, :2]).all()
    near = rois[:45]
    assert (near[:, :2] >= [6, 10]).all()
    assert (near[:, 2:] <= [18, 40]).all()
    assert (rois[:, 2:] <= SHAPE[:2]).all()


def test_random_rois_without_boxes():
    assert len(generate_random_rois(SHAPE, 7, np.zeros(0, int), np.zeros((0, 4), int))) == 7


class TwoClasses(GoldenConfig):
    NUM_CLASSES = 3
    TRAIN_ROIS_PER_IMAGE = 8
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    USE_MINI_MASK = False


def heads_case():
    boxes = np.array([[0, 0, 10, 10], [20, 30, 40, 50]])
    masks = np.zeros((64, 64, 2), bool)
    masks[0:10, 0:10, 0] = masks[20:40, 30:50, 1] = True
    rois = np.array([[0, 0, 10, 10], [20, 30, 40, 40], [22, 32, 38, 48], [50, 50, 60, 60], [0, 20, 9, 29]])
    return rois, np.array([1, 2], np.int32), boxes, masks


def test_detection_targets():
    rois, class_ids, deltas, masks = build_detection_targets(*heads_case(), TwoClasses(), np.random.default_rng(0))
    assert rois.shape == (8, 4)
    assert sorted(class_ids.tolist()) == [0] * 6 + [1, 2]  # the ROI with half the object is neither, five are repeated
    assert (deltas.shape, deltas.dtype) == ((8, 3, 4), np.float32)
    assert (masks.shape, masks.dtype) == ((8, 28, 28, 3), np.float32)
    second = class_ids.tolist().index(2)
    assert rois[second].tolist() == [22, 32, 38, 48]
    np.testing.assert_allclose(deltas[second, 2], [0, 0, np.log(20 / 16) / 0.2, np.log(20 / 16) / 0.2], rtol=1e-5)
    assert not deltas[second, :2].any()
    assert (masks[second, :, :, 2] == 1).all()
    assert not masks[class_ids == 0].any()


def test_mini_masks_give_the_same_targets():
    class MiniMasks(TwoClasses):
        USE_MINI_MASK = True

    rois, class_ids, boxes, masks = heads_case()
    mini = np.ones((56, 56, 2), bool)
    plain = build_detection_targets(rois, class_ids, boxes, masks, TwoClasses(), np.random.default_rng(1))
    ours = build_detection_targets(rois, class_ids, boxes, mini, MiniMasks(), np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(plain, ours, strict=True))


def test_positive_share_is_kept():
    rois, class_ids, boxes, masks = heads_case()
    rois = np.concatenate([np.tile(rois[:1], (20, 1)), rois[3:]])
    _, ids, _, _ = build_detection_targets(rois, class_ids, boxes, masks, TwoClasses(), np.random.default_rng(0))
    assert (ids > 0).sum() == 4


def test_padding_and_crowds_are_left_out():
    rois, class_ids, boxes, masks = heads_case()
    class_ids = np.array([1, -2], np.int32)
    _, ids, _, _ = build_detection_targets(rois, class_ids, boxes, masks, TwoClasses(), np.random.default_rng(0))
    assert set(ids.tolist()) == {0, 1}


def test_what_is_missing_is_said():
    rois, class_ids, boxes, masks = heads_case()
    with pytest.raises(ValueError, match="0 ROIs and 2 objects"):
        build_detection_targets(rois[:0], class_ids, boxes, masks, TwoClasses())
    with pytest.raises(ValueError, match="background ROIs are needed"):
        build_detection_targets(rois[:1], class_ids, boxes, masks, TwoClasses())
