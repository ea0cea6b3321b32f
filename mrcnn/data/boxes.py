"""Boxes as numpy arrays: (y1, x1, y2, x2), the lower right corner outside the box. N and M count boxes."""

import numpy as np


def extract_bboxes(mask):
    """Tight boxes of masks.

    Args:
        mask: [H, W, N], bool or numbers.

    Returns:
        int32 px (N, 4), y1, x1, y2, x2 with the last two outside; four zeros for an empty mask.

    Example:
        >>> mask = np.zeros((4, 6, 1), bool)
        >>> mask[1:3, 2:5] = True
        >>> extract_bboxes(mask).tolist()
        [[1, 2, 3, 5]]
    """
    boxes = np.zeros((mask.shape[-1], 4), np.int32)
    in_rows, in_columns = mask.any(axis=1), mask.any(axis=0)  # (H, N), (W, N)
    for i in range(mask.shape[-1]):
        rows, columns = np.flatnonzero(in_rows[:, i]), np.flatnonzero(in_columns[:, i])
        if rows.size:
            boxes[i] = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    return boxes


def compute_iou(box, boxes, box_area, boxes_area):
    """IoU of one box with others; the areas are given, so that they are computed once.

    Args:
        box: (4,), y1, x1, y2, x2 in any unit.
        boxes: (N, 4), in the same.
        box_area: area of `box`.
        boxes_area: (N,), areas of `boxes`.

    Returns:
        (N,), 0 to 1.
    """
    height = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    width = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    intersection = np.maximum(height, 0) * np.maximum(width, 0)
    return _ratio(intersection, box_area + boxes_area - intersection)


def compute_overlaps(boxes1, boxes2):
    """IoU of every box with every other one. A box without area overlaps nothing.

    Args:
        boxes1: (N, 4), y1, x1, y2, x2 in any unit.
        boxes2: (M, 4), in the same.

    Returns:
        float64 (N, M), 0 to 1.

    Example:
        >>> compute_overlaps([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 1, 2, 3], [5, 5, 6, 6]]).round(3).tolist()
        [[1.0, 0.333, 0.0]]
    """
    boxes1, boxes2 = np.asarray(boxes1, np.float64), np.asarray(boxes2, np.float64)
    areas1, areas2 = _areas(boxes1), _areas(boxes2)
    overlaps = np.zeros((len(boxes1), len(boxes2)))
    for j in range(len(boxes2)):  # truth boxes are few; a column at a time needs little memory
        overlaps[:, j] = compute_iou(boxes2[j], boxes1, areas2[j], areas1)
    return overlaps


def compute_overlaps_masks(masks1, masks2):
    """IoU of masks with masks; values above 0.5 count as set.

    Args:
        masks1: [H, W, N], bool or numbers.
        masks2: [H, W, M], the same.

    Returns:
        float32 (N, M), 0 to 1.

    Raises:
        ValueError: the masks are not of one size.

    Example:
        >>> left = np.array([[1, 0], [1, 0]])[..., np.newaxis]
        >>> compute_overlaps_masks(left, np.ones((2, 2, 1))).tolist()
        [[0.5]]
    """
    if masks1.shape[-1] == 0 or masks2.shape[-1] == 0:
        return np.zeros((masks1.shape[-1], masks2.shape[-1]), np.float32)
    if masks1.shape[:2] != masks2.shape[:2]:
        raise ValueError(f"masks of {masks1.shape[:2]} and of {masks2.shape[:2]} px cannot be compared.")
    flat1 = (masks1 > 0.5).reshape(-1, masks1.shape[-1]).astype(np.float32)
    flat2 = (masks2 > 0.5).reshape(-1, masks2.shape[-1]).astype(np.float32)
    intersection = flat1.T @ flat2
    return _ratio(intersection, flat1.sum(axis=0)[:, np.newaxis] + flat2.sum(axis=0) - intersection)


def non_max_suppression(boxes, scores, threshold):
    """The boxes that stay: a box goes if its IoU with a better one that stays is above the threshold.

    Args:
        boxes: (N, 4), y1, x1, y2, x2 in any unit.
        scores: (N,).
        threshold: IoU, 0 to 1.

    Returns:
        Their indices, int32, best score first.

    Raises:
        ValueError: there are no boxes.

    Example:
        >>> boxes = [[0, 0, 10, 10], [0, 1, 10, 11], [20, 20, 30, 30]]
        >>> non_max_suppression(boxes, np.array([0.8, 0.9, 0.7]), 0.5).tolist()
        [1, 2]
    """
    if len(boxes) == 0:
        raise ValueError("non_max_suppression: no boxes given.")
    boxes = np.asarray(boxes, np.float64)
    areas = _areas(boxes)
    waiting = np.argsort(scores)[::-1]
    kept = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[compute_iou(boxes[best], boxes[waiting], areas[best], areas[waiting]) <= threshold]
    return np.array(kept, np.int32)


def box_refinement(box, gt_box):
    """Deltas that take boxes to ground-truth boxes.

    Args:
        box: (N, 4), y1, x1, y2, x2; with an area.
        gt_box: (N, 4), the same.

    Returns:
        float32 (N, 4): dy, dx, log dh, log dw; dy and dx are shifts of the centre in heights and widths of the box.

    Example:
        >>> box_refinement([[0, 0, 10, 20]], [[5, 0, 15, 20]]).tolist()
        [[0.5, 0.0, 0.0, 0.0]]
    """
    y, x, height, width = _centre_form(np.asarray(box, np.float32))
    gt_y, gt_x, gt_height, gt_width = _centre_form(np.asarray(gt_box, np.float32))
    deltas = [(gt_y - y) / height, (gt_x - x) / width, np.log(gt_height / height), np.log(gt_width / width)]
    return np.stack(deltas, axis=1)


def apply_box_deltas(boxes, deltas):
    """Boxes after deltas as `box_refinement` makes them.

    Args:
        boxes: (N, 4), y1, x1, y2, x2.
        deltas: (N, 4).

    Returns:
        float32 (N, 4).

    Example:
        >>> apply_box_deltas([[0, 0, 10, 20]], [[0.5, 0, 0, 0]]).tolist()
        [[5.0, 0.0, 15.0, 20.0]]
    """
    deltas = np.asarray(deltas, np.float32)
    y, x, height, width = _centre_form(np.asarray(boxes, np.float32))
    y = y + deltas[:, 0] * height
    x = x + deltas[:, 1] * width
    height = height * np.exp(deltas[:, 2])
    width = width * np.exp(deltas[:, 3])
    top, left = y - 0.5 * height, x - 0.5 * width
    return np.stack([top, left, top + height, left + width], axis=1)


def norm_boxes(boxes, shape, edge=1):
    """Pixel boxes -> normalised boxes.

    Args:
        boxes: (N, 4) px.
        shape: (H, W) of the image, px.
        edge: 1: the last pixel has the coordinate 1, so the outside corner shifts by one, (y2 - 1) / (H - 1); 0: the
            image's border has it.

    Returns:
        float32 (N, 4).

    Example:
        >>> norm_boxes([[0, 0, 11, 11]], (11, 21)).tolist()
        [[0.0, 0.0, 1.0, 0.5]]
    """
    scale, shift = _norm_scale(shape, edge)
    return ((np.asarray(boxes) - shift) / scale).astype(np.float32)


def denorm_boxes(boxes, shape, edge=1, whole=True):
    """Normalised boxes -> pixel boxes: the way back of `norm_boxes`.

    Args:
        boxes: (N, 4), normalised.
        shape: (H, W) of the image, px.
        edge: as in `norm_boxes`.
        whole: rounded to int32; else float32.

    Returns:
        (N, 4) px.

    Example:
        >>> denorm_boxes([[0, 0, 1, 0.5]], (11, 21)).tolist()
        [[0, 0, 11, 11]]
    """
    scale, shift = _norm_scale(shape, edge)
    boxes = np.asarray(boxes) * scale + shift
    return np.around(boxes).astype(np.int32) if whole else boxes.astype(np.float32)


def trim_zeros(x):
    """The rows that are not all zero: drops the padding of boxes.

    Args:
        x: (N, ...), boxes (N, 4) mostly.

    Returns:
        (M, ...), M of the N rows, in their order.

    Example:
        >>> trim_zeros(np.array([[0, 0, 2, 2], [0, 0, 0, 0]])).tolist()
        [[0, 0, 2, 2]]
    """
    return x[np.any(x != 0, axis=1)]


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _ratio(part, whole):
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.result_type(part, np.float32)), where=whole > 0)


def _centre_form(boxes):
    """Centre y, centre x, height, width, (N,) each."""
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes[:, 0] + 0.5 * height, boxes[:, 1] + 0.5 * width, height, width


def _norm_scale(shape, edge):
    height, width = shape[:2]
    return np.array([height - edge, width - edge, height - edge, width - edge]), np.array([0, 0, edge, edge])
