"""Anchors: places, sizes and order on a map that is not square."""

import numpy as np

from mrcnn.config import Config
from mrcnn.data.anchors import anchors_for, compute_backbone_shapes, generate_anchors, generate_pyramid_anchors


class WideConfig(Config):
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 128


def test_anchors_of_a_small_map():
    anchors = generate_anchors(8, [1, 4], (2, 3), 16, 1)
    assert anchors.shape == (2 * 3 * 2, 4)
    assert anchors[:4].tolist() == [[-4, -4, 4, 4], [-2, -8, 2, 8], [-4, 12, 4, 20], [-2, 8, 2, 24]]  # along the row
    assert anchors[-1].tolist() == [14, 24, 18, 40]


def test_ratio_changes_the_shape_and_keeps_the_area():
    anchors = generate_anchors((32,), [0.5, 1, 2], (1, 1), 4, 1)
    height, width = anchors[:, 2] - anchors[:, 0], anchors[:, 3] - anchors[:, 1]
    np.testing.assert_allclose(height * width, 32**2)
    np.testing.assert_allclose(width / height, [0.5, 1, 2])


def test_anchor_stride_skips_cells():
    assert len(generate_anchors(8, [1], (5, 7), 4, 2)) == 3 * 4


def test_pyramid_stacks_the_levels():
    shapes = np.array([[4, 6], [2, 3]])
    anchors = generate_pyramid_anchors((8, 16), [1], shapes, [4, 8], 1)
    assert len(anchors) == 24 + 6
    assert anchors[24].tolist() == [-8, -8, 8, 8]


def test_backbone_shapes_round_up():
    shapes = compute_backbone_shapes(Config(), (100, 200, 3))
    assert shapes.tolist() == [[25, 50], [13, 25], [7, 13], [4, 7], [2, 4]]


def test_own_backbone_brings_its_shapes():
    class OwnConfig(WideConfig):
        BACKBONE = staticmethod(lambda image: [image] * 5)
        COMPUTE_BACKBONE_SHAPE = staticmethod(lambda shape: np.array([[shape[0] // 2, shape[1] // 2]] * 5))

    assert compute_backbone_shapes(OwnConfig(), (64, 128, 3)).tolist() == [[32, 64]] * 5


def test_anchors_of_a_config():
    assert len(anchors_for(WideConfig(), (64, 128, 3))) == 3 * (16 * 32 + 8 * 16 + 4 * 8 + 2 * 4 + 1 * 2)
