"""What the network should answer for an image, made in numpy as the old package did (the engine makes its own inside
the graph). A counts anchors, G ground-truth objects, R ROIs, K classes with the background. Boxes are (y1, x1, y2, x2)
in px.

Random choices are by `rng`, a np.random.Generator, or by numpy's global state if that is None.
"""

import numpy as np

from mrcnn.data.boxes import box_refinement, compute_overlaps
from mrcnn.data.resize import resize

ANCHOR_POSITIVE_IOU = 0.7
ANCHOR_NEGATIVE_IOU = 0.3
CROWD_IOU = 0.001  # an anchor that overlaps a crowd at all is not counted as background
ROI_POSITIVE_IOU = 0.5


def build_rpn_targets(image_shape, anchors, gt_class_ids, gt_boxes, config, rng=None):
    """Targets of the region proposal network for anchors (A, 4), class ids (G,) and boxes (G, 4).

    Returns rpn_match (A,), int32: 1 object, -1 background, 0 not counted; and rpn_bbox
    (RPN_TRAIN_ANCHORS_PER_IMAGE, 4), float64: for the n-th anchor with match 1, in row n, the deltas to its object
    divided by RPN_BBOX_STD_DEV; zeros below. `image_shape` is not used (kept from the old arguments).
    Raises ValueError for an image without an object that is not a crowd.
    """
    rng = np.random if rng is None else rng
    gt_class_ids, gt_boxes = np.asarray(gt_class_ids), np.asarray(gt_boxes)
    crowd_boxes, gt_boxes = gt_boxes[gt_class_ids < 0], gt_boxes[gt_class_ids > 0]
    if len(gt_boxes) == 0:
        raise ValueError("build_rpn_targets: the image has no objects; leave it out of training.")
    overlaps = compute_overlaps(anchors, gt_boxes)
    nearest, iou = overlaps.argmax(axis=1), overlaps.max(axis=1)
    rpn_match = np.zeros(len(anchors), np.int32)
    background = iou < ANCHOR_NEGATIVE_IOU
    if len(crowd_boxes):
        background &= compute_overlaps(anchors, crowd_boxes).max(axis=1) < CROWD_IOU
    rpn_match[background] = -1
    rpn_match[overlaps.argmax(axis=0)] = 1  # each object gets its best anchor, however poor
    rpn_match[iou >= ANCHOR_POSITIVE_IOU] = 1

    limit = config.RPN_TRAIN_ANCHORS_PER_IMAGE
    _thin_out(rpn_match, 1, limit // 2, rng)
    _thin_out(rpn_match, -1, limit - np.count_nonzero(rpn_match == 1), rng)
    positive = np.flatnonzero(rpn_match == 1)
    rpn_bbox = np.zeros((limit, 4))
    rpn_bbox[: len(positive)] = _deltas(anchors[positive], gt_boxes[nearest[positive]]) / config.RPN_BBOX_STD_DEV
    return rpn_match, rpn_bbox


def _thin_out(rpn_match, value, most, rng):
    """Set a random choice of the entries with this value to 0, so that `most` of them are left; in place."""
    ids = np.flatnonzero(rpn_match == value)
    if len(ids) > most:
        rpn_match[rng.choice(ids, len(ids) - most, replace=False)] = 0


def _deltas(boxes, gt_boxes):
    """`box_refinement` in float64."""
    size, gt_size = boxes[:, 2:] - boxes[:, :2], gt_boxes[:, 2:] - gt_boxes[:, :2]
    shift = (gt_boxes[:, :2] + 0.5 * gt_size) - (boxes[:, :2] + 0.5 * size)
    return np.concatenate([shift / size, np.log(gt_size / size)], axis=1)


def generate_random_rois(image_shape, count, gt_class_ids, gt_boxes, rng=None):
    """`count` ROIs (count, 4), int32 px: nine of ten near ground-truth boxes (G, 4), the rest anywhere.

    Near a box: inside a region of three times its size. Every ROI has an area. Without boxes all are anywhere.
    """
    integers = np.random.randint if rng is None else rng.integers
    height, width = image_shape[:2]
    per_box = int(0.9 * count / max(len(gt_boxes), 1))
    rois = []
    for y1, x1, y2, x2 in np.asarray(gt_boxes)[:, :4].tolist():
        h, w = y2 - y1, x2 - x1
        region = max(y1 - h, 0), max(x1 - w, 0), min(y2 + h, height), min(x2 + w, width)
        rois.append(_random_boxes(per_box, region, integers))
    rois.append(_random_boxes(count - per_box * len(gt_boxes), (0, 0, height, width), integers))
    return np.concatenate(rois).astype(np.int32)


def _random_boxes(count, region, integers):
    """Boxes (count, 4) with corners in the region (y1, x1, y2, x2), at least a pixel high and wide."""
    y1, x1, y2, x2 = region
    while True:  # twice as many as needed are drawn, so that a second round is rare
        rows = integers(y1, y2, (count * 2, 2))
        columns = integers(x1, x2, (count * 2, 2))
        rows = rows[rows[:, 0] != rows[:, 1]][:count]
        columns = columns[columns[:, 0] != columns[:, 1]][:count]
        if len(rows) == len(columns) == count:
            break
    rows, columns = np.sort(rows, axis=1), np.sort(columns, axis=1)
    return np.stack([rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1]], axis=1)


def build_detection_targets(rpn_rois, gt_class_ids, gt_boxes, gt_masks, config, rng=None):
    """Targets of the heads for given ROIs, to train or look at them without the region proposal network.

    rpn_rois (R', 4) px; gt_class_ids (G,); gt_boxes (G, 4) px; gt_masks [H, W, G], or mini masks [h, w, G].
    Returns, with R = TRAIN_ROIS_PER_IMAGE: rois (R, 4); class ids (R,), int32, 0 for background; deltas
    (R, K, 4), float32, divided by BBOX_STD_DEV, in the place of the class; masks (R, 28, 28, K), float32 0 to 1.
    Raises ValueError where there are no ROIs, no objects, or too few background ROIs to fill up with.
    """
    rng = np.random if rng is None else rng
    real = gt_class_ids > 0  # padding and crowds out
    gt_class_ids, gt_boxes, gt_masks = gt_class_ids[real], gt_boxes[real], gt_masks[:, :, real]
    if len(rpn_rois) == 0 or len(gt_boxes) == 0:
        raise ValueError(f"build_detection_targets: {len(rpn_rois)} ROIs and {len(gt_boxes)} objects; needs both.")
    overlaps = compute_overlaps(rpn_rois, gt_boxes)
    assigned, iou = overlaps.argmax(axis=1), overlaps.max(axis=1)
    keep = _choose_rois(iou, config.TRAIN_ROIS_PER_IMAGE, config.ROI_POSITIVE_RATIO, rng)
    rois, assigned = rpn_rois[keep], assigned[keep]
    class_ids = np.where(iou[keep] > ROI_POSITIVE_IOU, gt_class_ids[assigned], 0).astype(np.int32)

    positive = np.flatnonzero(class_ids > 0)
    deltas = np.zeros((len(rois), config.NUM_CLASSES, 4), np.float32)
    deltas[positive, class_ids[positive]] = box_refinement(rois[positive], gt_boxes[assigned[positive]])
    deltas /= config.BBOX_STD_DEV
    masks = np.zeros((len(rois), *config.MASK_SHAPE, config.NUM_CLASSES), np.float32)
    for i in positive:
        masks[i, :, :, class_ids[i]] = _mask_target(rois[i], gt_boxes[assigned[i]], gt_masks[:, :, assigned[i]], config)
    return rois, class_ids, deltas, masks


def _choose_rois(iou, count, positive_ratio, rng):
    """Indices of `count` ROIs: positive ones up to the ratio, the rest background, repeated if too few."""
    positive, background = np.flatnonzero(iou > ROI_POSITIVE_IOU), np.flatnonzero(iou < ROI_POSITIVE_IOU)
    most = int(count * positive_ratio)
    if len(positive) > most:
        positive = rng.choice(positive, most, replace=False)
    remaining = count - len(positive)
    if remaining and len(background) == 0:
        raise ValueError(f"build_detection_targets: {remaining} background ROIs are needed, and there are none.")
    if len(background) > remaining:
        background = rng.choice(background, remaining, replace=False)
    keep = np.concatenate([positive, background])
    if len(keep) < count:
        keep = np.concatenate([keep, rng.choice(background, count - len(keep), replace=True)])
    return keep


def _mask_target(roi, gt_box, gt_mask, config):
    """The part of an object's mask that lies in the ROI, float, in MASK_SHAPE."""
    if config.USE_MINI_MASK:
        y1, x1, y2, x2 = gt_box
        full = np.zeros(tuple(config.IMAGE_SHAPE[:2]), bool)
        full[y1:y2, x1:x2] = resize(gt_mask, (y2 - y1, x2 - x1)) > 0.5
        gt_mask = full
    y1, x1, y2, x2 = roi.astype(np.int32)
    return resize(gt_mask[y1:y2, x1:x2], config.MASK_SHAPE)
