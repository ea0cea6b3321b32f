"""Precision and recall of one image, as the old package measured them (PASCAL VOC style, mask IoU).

Arguments: truth boxes (G, 4), class ids (G,) and masks [H, W, G]; predicted boxes (D, 4), class ids (D,), scores (D,)
and masks [H, W, D]. Rows of zeros at the end of the boxes are padding and are dropped. For COCO's average precision
over a whole data set see `mrcnn_ext.evaluation.coco_ap`.
"""

import numpy as np

from mrcnn.data.boxes import compute_overlaps, compute_overlaps_masks, trim_zeros


def compute_matches(
    gt_boxes,
    gt_class_ids,
    gt_masks,
    pred_boxes,
    pred_class_ids,
    pred_scores,
    pred_masks,
    iou_threshold=0.5,
    score_threshold=0.0,
):
    """Pair predictions with ground-truth objects of their class, best score first.

    Each prediction takes the free truth object of its class with the largest IoU, from `iou_threshold` up.
    Predictions are numbered by falling score.

    Args:
        gt_boxes: (G, 4) px, truth boxes.
        gt_class_ids: (G,).
        gt_masks: [H, W, G].
        pred_boxes: (D, 4) px, predicted boxes.
        pred_class_ids: (D,).
        pred_scores: (D,), 0 to 1.
        pred_masks: [H, W, D].
        iou_threshold: least IoU of a pair, 0 to 1.
        score_threshold: an IoU as well (the old name): pairs below it are never looked at.

    Returns:
        gt_match (G,), index of the prediction of each object or -1; pred_match (D,), index of the object of each
        prediction or -1; overlaps (D, G), mask IoU.
    """
    gt_class_ids, pred_class_ids, overlaps = _by_score(
        gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks
    )
    gt_match, pred_match = _match(gt_class_ids, pred_class_ids, overlaps, iou_threshold, score_threshold)
    return gt_match, pred_match, overlaps


def compute_ap(
    gt_boxes,
    gt_class_ids,
    gt_masks,
    pred_boxes,
    pred_class_ids,
    pred_scores,
    pred_masks,
    iou_threshold=0.5,
):
    """Average precision of one image at one IoU.

    The precisions are the falling envelope, with a point in front and one behind. Without ground-truth objects every
    recall is 0 and so is mAP.

    Args:
        gt_boxes: (G, 4) px, truth boxes.
        gt_class_ids: (G,).
        gt_masks: [H, W, G].
        pred_boxes: (D, 4) px, predicted boxes.
        pred_class_ids: (D,).
        pred_scores: (D,), 0 to 1.
        pred_masks: [H, W, D].
        iou_threshold: least IoU of a pair, 0 to 1.

    Returns:
        mAP, precisions (D + 2,), recalls (D + 2,), overlaps (D, G).

    Example:
        >>> box, mask = np.array([[0, 0, 2, 2]]), np.ones((2, 2, 1), bool)
        >>> mean, precisions, recalls, overlaps = compute_ap(box, [1], mask, box, [1], np.array([0.9]), mask)
        >>> float(mean), overlaps.tolist()
        (1.0, [[1.0]])
    """
    gt_match, pred_match, overlaps = compute_matches(
        gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks, iou_threshold
    )
    mean_precision, precisions, recalls = _average_precision(gt_match, pred_match)
    return mean_precision, precisions, recalls, overlaps


def compute_ap_range(
    gt_box,
    gt_class_id,
    gt_mask,
    pred_box,
    pred_class_id,
    pred_score,
    pred_mask,
    iou_thresholds=None,
    verbose=1,
):
    """Mean of the average precisions over IoUs, by default 0.50, 0.55 .. 0.95.

    Args:
        gt_box: (G, 4) px, truth boxes.
        gt_class_id: (G,).
        gt_mask: [H, W, G].
        pred_box: (D, 4) px, predicted boxes.
        pred_class_id: (D,).
        pred_score: (D,), 0 to 1.
        pred_mask: [H, W, D].
        iou_thresholds: the IoUs, 0 to 1; None: the ten above.
        verbose: 1 prints each.

    Returns:
        The mean, 0 to 1.
    """
    if iou_thresholds is None:
        iou_thresholds = np.arange(0.5, 1.0, 0.05)
    gt_class_ids, pred_class_ids, overlaps = _by_score(
        gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask
    )
    precisions = []
    for iou in iou_thresholds:
        precisions.append(_average_precision(*_match(gt_class_ids, pred_class_ids, overlaps, iou, 0.0))[0])
        if verbose:
            print(f"AP @{iou:.2f}:\t {precisions[-1]:.3f}")
    mean = np.array(precisions).mean()
    if verbose:
        print(f"AP @{iou_thresholds[0]:.2f}-{iou_thresholds[-1]:.2f}:\t {mean:.3f}")
    return mean


def compute_recall(pred_boxes, gt_boxes, iou):
    """Share of the ground-truth boxes that some predicted box overlaps with at least this IoU.

    Each prediction counts for the truth box it overlaps most.

    Args:
        pred_boxes: (D, 4), in the unit of the others.
        gt_boxes: (G, 4).
        iou: 0 to 1.

    Returns:
        Recall, 0 to 1, and the indices of the predictions that find one.

    Raises:
        ValueError: without truth boxes.

    Example:
        >>> recall, finders = compute_recall([[0, 0, 9, 9], [20, 20, 30, 30]], [[0, 0, 9, 9], [50, 50, 60, 60]], 0.5)
        >>> recall, finders.tolist()
        (0.5, [0])
    """
    if len(gt_boxes) == 0:
        raise ValueError("compute_recall: there are no ground-truth boxes, so recall is not defined.")
    overlaps = compute_overlaps(pred_boxes, gt_boxes)
    nearest = overlaps.argmax(axis=1)
    positive_ids = np.flatnonzero(overlaps.max(axis=1) >= iou)
    return len(np.unique(nearest[positive_ids])) / len(gt_boxes), positive_ids


def _by_score(gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks):
    """Truth class ids, predicted class ids by falling score, and mask IoUs (D, G) in that order; padding dropped."""
    objects, predictions = len(trim_zeros(gt_boxes)), len(trim_zeros(pred_boxes))
    order = np.argsort(pred_scores[:predictions])[::-1]
    overlaps = compute_overlaps_masks(pred_masks[..., order], gt_masks[..., :objects])
    return np.asarray(gt_class_ids)[:objects], np.asarray(pred_class_ids)[order], overlaps


def _match(gt_class_ids, pred_class_ids, overlaps, iou_threshold, low_threshold):
    gt_match = np.full(len(gt_class_ids), -1.0)
    pred_match = np.full(len(pred_class_ids), -1.0)
    for i, class_id in enumerate(pred_class_ids):
        wanted = (overlaps[i] >= max(iou_threshold, low_threshold)) & (gt_match < 0) & (gt_class_ids == class_id)
        if wanted.any():
            j = np.where(wanted, overlaps[i], -1.0).argmax()
            gt_match[j], pred_match[i] = i, j
    return gt_match, pred_match


def _average_precision(gt_match, pred_match):
    """mAP, precisions (D + 2,) and recalls (D + 2,) from the matches by falling score."""
    hits = np.cumsum(pred_match >= 0)
    precisions = np.concatenate([[0], hits / np.arange(1, len(pred_match) + 1), [0]])
    precisions = np.maximum.accumulate(precisions[::-1])[::-1]  # a larger recall may not have a larger precision
    recalls = np.concatenate([[0], hits.astype(np.float32) / max(len(gt_match), 1), [1]])
    return np.sum(np.diff(recalls) * precisions[1:]), precisions, recalls
