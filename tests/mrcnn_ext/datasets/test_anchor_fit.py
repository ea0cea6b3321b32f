"""How anchors fit boxes: overlaps and scales that can be checked on paper."""

import numpy as np
import pytest

from mrcnn_ext.datasets.objects import best_anchor_ious, fitting_scales


def test_overlap_with_the_best_anchor():
    anchors = [(0, 0, 10, 10), (0, 0, 10, 20), (50, 50, 60, 60)]
    boxes = [(0, 0, 10, 10), (0, 0, 10, 15), (0, 5, 10, 25), (90, 90, 95, 95)]
    # 150 of 200 pixels with the second; 150 of 250 with the second; nothing
    assert best_anchor_ious(boxes, anchors) == pytest.approx([1, 0.75, 0.6, 0])


def test_many_boxes_and_none():
    boxes = np.tile([0, 0, 10, 5], (1000, 1))
    assert best_anchor_ious(boxes, [(0, 0, 10, 10)]).tolist() == [0.5] * 1000
    assert best_anchor_ious(np.zeros((0, 4)), [(0, 0, 10, 10)]).shape == (0,)


def squares(*sides):
    return [(3, 5, 3 + side, 5 + side) for side in sides]


@pytest.mark.parametrize(
    ("boxes", "side", "scales"),
    [
        (squares(20, 60), 128, (8, 16, 32, 64, 128)),  # the largest anchor is the image
        (squares(3, 4), 128, (8, 16, 32, 64, 128)),  # and the smallest two cells of the finest map
        (squares(20, 20), 1024, (16, 32, 64, 128, 256)),
        (squares(40, 300), 1024, (32, 64, 128, 256, 512)),
        (squares(500, 600), 1024, (64, 128, 256, 512, 1024)),
        ([(0, 0, 10, 40)], 512, (16, 32, 64, 128, 256)),  # of area 20 x 20
        ([], 256, (8, 16, 32, 64, 128)),
        (squares(30), 64, (4, 8, 16, 32, 64)),
    ],
)
def test_scales_that_span_the_objects(boxes, side, scales):
    assert fitting_scales(boxes, side) == scales
