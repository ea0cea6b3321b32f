"""Proposals level by level, on two levels of few anchors."""

import math

import keras
import numpy as np

from mrcnn.network.level_proposals import LevelProposalLayer

HEIGHT, WIDTH = 64, 128
MAPS = [(2, 2), (1, 2)]  # four places and two, one anchor each
ANCHORS_PX = np.array(
    [[0, 0, 32, 32], [0, 4, 32, 36], [32, 0, 64, 32], [32, 64, 64, 96], [0, 0, 32, 32], [0, 64, 64, 128]], np.float32
)


def proposals(scores, deltas=None, window=None, limit=3, count=5, **options):
    """ROIs px of one image with these logits, and which are valid."""
    layer = LevelProposalLayer(
        anchors_in_cell=1,
        anchor_stride=1,
        **({"least_side_px": 0.0, "delta_limit": None} | options),
        proposal_count=count,
        nms_threshold=0.7,
        pre_nms_limit=limit,
        bbox_std_dev=[1, 1, 1, 1],
    )
    sides = np.float32([HEIGHT, WIDTH, HEIGHT, WIDTH])
    logits = np.stack([np.zeros(6), scores], axis=-1)[None]
    deltas = np.zeros((6, 4)) if deltas is None else deltas
    maps = [np.zeros((1, *side, 3)) for side in MAPS]
    inputs = [logits, deltas[None], (ANCHORS_PX / sides)[None], np.zeros((1, HEIGHT, WIDTH, 3)), *maps]
    inputs = [keras.ops.convert_to_tensor(x, "float32") for x in inputs]
    window = None if window is None else keras.ops.convert_to_tensor((np.float32(window) / sides)[None])
    found = layer(inputs, window=window)
    valid = keras.ops.convert_to_numpy(found["valid"])[0]
    return keras.ops.convert_to_numpy(found["rois"])[0] * sides, valid


def test_each_level_gives_its_best_without_near_duplicates():
    rois, valid = proposals([4.0, 3.0, 2.0, 1.0, 3.5, 0.5])
    # anchor 1 overlaps anchor 0 by 0.78; anchor 4 is equal to it, but of another level; anchor 3 is its level's fourth
    np.testing.assert_allclose(rois, [*ANCHORS_PX[[0, 4, 2, 5]], [0, 0, 0, 0]], atol=1e-4)
    assert valid.tolist() == [True] * 4 + [False]


def test_the_best_of_all_where_more_are_left():
    rois, valid = proposals([4.0, -9.0, 2.0, -8.0, 3.5, 9.0], count=2)
    np.testing.assert_allclose(rois, ANCHORS_PX[[5, 0]], atol=1e-4)
    assert valid.all()


def test_they_end_at_the_window_and_small_ones_go():
    rois, valid = proposals([5.0, -9.0, 4.0, 3.0, -9.0, 2.0], window=[0, 0, 33, 96], least_side_px=2.0, count=3)
    # of anchors 2 and 3 a row is left, too little; anchor 5 reaches to column 96
    np.testing.assert_allclose(rois[:2], [[0, 0, 32, 32], [0, 64, 33, 96]], atol=1e-4)
    assert valid[:2].all()


def test_deltas_are_cut():
    deltas = np.zeros((6, 4))
    deltas[0] = [0, 0, 9, -9]
    rois, _ = proposals([5.0, -9, -9, -9, -9, -9], deltas, delta_limit=math.log(1.5), count=1, least_side_px=0.0)
    np.testing.assert_allclose(rois[0, [0, 2]], [0, 40], atol=1e-3)  # 48 px about row 16, cut at the image


def test_an_image_without_any():
    rois, valid = proposals([5.0] * 6, window=[0, 0, 0, 0])
    assert not valid.any() and not rois.any()
