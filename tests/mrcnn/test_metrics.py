"""Average precision of one image, on numbers that fit on paper."""

import numpy as np
import pytest

from mrcnn.data.boxes import extract_bboxes
from mrcnn.metrics import compute_ap, compute_ap_range, compute_matches, compute_recall


def strips(*rows, height=20, width=30):
    """Masks [H, W, N]: object i fills the rows rows[i] = (first, last + 1) of the columns 0..9."""
    masks = np.zeros((height, width, len(rows)), bool)
    for i, (first, end) in enumerate(rows):
        masks[first:end, :10, i] = True
    return masks


def case(gt_rows, gt_ids, rows, ids, scores):
    gt, pred = strips(*gt_rows), strips(*rows)
    return (
        extract_bboxes(gt),
        np.array(gt_ids),
        gt,
        extract_bboxes(pred),
        np.array(ids),
        np.array(scores),
        pred,
    )


def test_perfect_predictions():
    perfect = case([(0, 4), (8, 12)], [1, 2], [(8, 12), (0, 4)], [2, 1], [0.6, 0.9])
    mean, precisions, recalls, overlaps = compute_ap(*perfect)
    assert mean == 1
    assert precisions.tolist() == [1, 1, 1, 0]
    assert recalls.tolist() == [0, 0.5, 1, 1]
    assert overlaps.tolist() == [[1, 0], [0, 1]]
    assert compute_ap_range(*perfect, verbose=0) == 1


def test_matches_are_numbered_by_falling_score():
    gt_match, pred_match, _ = compute_matches(*case([(0, 4), (8, 12)], [1, 2], [(8, 12), (0, 4)], [2, 1], [0.6, 0.9]))
    assert gt_match.tolist() == [0, 1]
    assert pred_match.tolist() == [0, 1]


def test_second_hit_on_one_object_is_false():
    # three predictions of one object, IoU 4/4, 4/5 and 4/6; the last alone has another class
    args = case([(0, 4)], [1], [(0, 4), (0, 5), (0, 6)], [1, 1, 2], [0.5, 0.9, 0.7])
    gt_match, pred_match, overlaps = compute_matches(*args)
    assert pred_match.tolist() == [0, -1, -1]  # 0.9 takes it, 0.7 has the wrong class, 0.5 comes too late
    assert gt_match.tolist() == [0]
    assert overlaps[:, 0] == pytest.approx([4 / 5, 4 / 6, 1])


def test_average_precision_of_a_mixed_list():
    # by score: hit, miss, hit of 4 objects: precisions 1, 1/2, 2/3 at recalls 1/4, 1/4, 2/4
    args = case(
        [(0, 2), (4, 6), (8, 10), (12, 14)], [1, 1, 1, 1], [(0, 2), (16, 18), (4, 6)], [1, 1, 1], [0.9, 0.8, 0.7]
    )
    mean, precisions, recalls, _ = compute_ap(*args)
    assert mean == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert precisions == pytest.approx([1, 1, 2 / 3, 2 / 3, 0])
    assert recalls == pytest.approx([0, 0.25, 0.25, 0.5, 1])


def test_range_counts_thresholds(capsys):
    args = case([(0, 4)], [1], [(0, 5)], [1], [0.9])  # IoU 0.8: right at 0.50 to 0.75, and 0.80 by rounding
    value = compute_ap_range(*args, iou_thresholds=[0.5, 0.7, 0.9])
    assert value == pytest.approx(2 / 3)
    assert capsys.readouterr().out.splitlines() == [
        "AP @0.50:\t 1.000",
        "AP @0.70:\t 1.000",
        "AP @0.90:\t 0.000",
        "AP @0.50-0.90:\t 0.667",
    ]


def test_padding_rows_are_dropped():
    boxes, ids, masks, *rest = case([(0, 4)], [1], [(0, 4)], [1], [0.9])
    padded = np.pad(boxes, ((0, 3), (0, 0)))
    assert compute_ap(padded, np.pad(ids, (0, 3)), np.pad(masks, ((0, 0), (0, 0), (0, 3))), *rest)[0] == 1


def test_no_predictions_and_no_objects():
    some, none = strips((0, 4)), strips()
    box, ids = extract_bboxes(some), np.array([1])
    nothing = np.zeros((0, 4), np.int32), np.zeros(0, np.int32)
    assert compute_ap(box, ids, some, *nothing, np.zeros(0), none)[0] == 0
    assert compute_ap(*nothing, none, box, ids, np.array([0.9]), some)[0] == 0
    assert compute_ap(*nothing, none, *nothing, np.zeros(0), none)[0] == 0


def test_score_threshold_is_an_overlap():
    args = case([(0, 4)], [1], [(0, 5)], [1], [0.9])
    assert compute_matches(*args, 0.5, 0.9)[1].tolist() == [-1]


def test_recall():
    gt = np.array([[0, 0, 10, 10], [20, 20, 30, 40]])
    pred = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [50, 50, 60, 60]])
    recall, ids = compute_recall(pred, gt, 0.5)
    assert (recall, ids.tolist()) == (0.5, [0, 1])
    with pytest.raises(ValueError, match="no ground-truth boxes"):
        compute_recall(pred, gt[:0], 0.5)
