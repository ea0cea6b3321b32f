"""Comparing two detectors: numbers to check on paper."""

import numpy as np
import pytest

from mrcnn.export.parity import compare

BOXES = np.array([[0, 0, 10, 20], [20, 20, 40, 30]], np.int32)


class Fixed:
    """A detector that finds the same in every image."""

    def __init__(self, boxes, class_ids, scores):
        self.found = {"rois": np.array(boxes, np.int32).reshape(-1, 4), "class_ids": np.array(class_ids)}
        self.found["scores"] = np.array(scores, np.float32)
        masks = np.zeros((50, 60, len(scores)), bool)
        for i, (y1, x1, y2, x2) in enumerate(self.found["rois"]):
            masks[y1:y2, x1:x2, i] = True
        self.found["masks"] = masks

    def detect(self, images):
        return [self.found for _ in images]


REFERENCE = Fixed(BOXES, [1, 2], [0.9, 0.6])
IMAGES = [np.zeros((50, 60, 3), np.uint8)] * 2


def against(*found):
    return compare(REFERENCE, Fixed(*found), IMAGES, 0.5, 10)


def test_equal_in_any_order():
    same = against(BOXES[::-1], [2, 1], [0.6, 0.9])
    assert (same.images, same.objects, same.missing, same.added, same.score, same.box_px) == (2, 4, 0, 0, 0, 0)
    assert same.mask_iou == 1 and same.problem == ""


def test_two_objects_at_one_place_are_two():
    twins = Fixed(BOXES[[0, 0]], [1, 1], [0.7, 0.7])
    same = compare(twins, twins, IMAGES, 0.5, 10)
    assert (same.objects, same.missing) == (4, 0)


def test_of_two_objects_at_one_place_those_of_like_scores_belong_together():
    twins, turned = Fixed(BOXES[[0, 0]], [1, 1], [0.9, 0.6]), Fixed(BOXES[[0, 0]], [1, 1], [0.6, 0.9])
    for other in (twins, turned):
        same = compare(twins, other, IMAGES, 0.5, 10)
        assert (same.missing, same.added, same.score, same.problem) == (0, 0, 0, "")


def test_small_differences_are_measured():
    moved = against(BOXES + [[0, 0, 0, 1], [0, 0, 0, 0]], [1, 2], [0.89, 0.6])
    assert moved.score == pytest.approx(0.01) and moved.box_px == 1
    assert moved.mask_iou == pytest.approx((20 / 21 + 1) / 2)
    assert not moved.problem


@pytest.mark.parametrize(
    "found, problem",
    [
        ((BOXES[:1], [1], [0.9]), "2 of 4 objects are not found"),
        ((np.concatenate([BOXES, [[40, 40, 50, 50]]]), [1, 2, 1], [0.9, 0.6, 0.8]), "2 objects are found that"),
        ((BOXES, [1, 1], [0.9, 0.6]), "not found"),
        ((BOXES, [1, 2], [0.9, 0.7]), "scores differ by up to 0.1"),
        ((BOXES + [0, 0, 0, 5], [1, 2], [0.9, 0.6]), "boxes differ by up to 5 px"),
    ],
)
def test_differences_are_named(found, problem):
    assert problem in against(*found).problem


def test_an_object_at_the_least_score_may_come_and_go():
    weak = np.concatenate([BOXES, [[40, 40, 50, 50]]])
    assert not against(weak, [1, 2, 1], [0.9, 0.6, 0.51]).problem


def test_the_last_of_as_many_as_there_may_be_may_be_another():
    """Of three that score 0.9, 0.6 and 0.59, two may be found: which one comes second is a matter of rounding."""
    other = Fixed(np.array([BOXES[0], [40, 40, 50, 50]]), [1, 1], [0.9, 0.61])
    assert not compare(REFERENCE, other, IMAGES, 0.5, 2).problem
    assert "2 of 4 objects are not found" in compare(REFERENCE, other, IMAGES, 0.5, 3).problem
    clear = Fixed(np.array([BOXES[0], [40, 40, 50, 50]]), [1, 1], [0.9, 0.7])
    assert "2 objects are found that" in compare(REFERENCE, clear, IMAGES, 0.5, 2).problem


def test_nothing_found_is_no_proof():
    nothing = Fixed([], [], [])
    assert "no object is found in the 2 sample images" in compare(nothing, nothing, IMAGES, 0.5, 10).problem
    assert "4 objects are found that" in compare(nothing, REFERENCE, IMAGES, 0.5, 10).problem
