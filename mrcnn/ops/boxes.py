"""Boxes as tensors.

Shapes: B images, N and M boxes; the last axis is (y1, x1, y2, x2), in whatever unit the caller uses.
"""

from keras import ops


def area(boxes):
    """Area of each box, (..., N, 4) -> (..., N)."""
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)
    return (y2 - y1) * (x2 - x1)


def iou(boxes1, boxes2):
    """Intersection over union of all pairs, (..., N, 4) and (..., M, 4) -> (..., N, M). Empty pairs give 0."""
    intersection, total = _intersection(boxes1, boxes2)
    union = total - intersection
    return ops.where(union > 0.0, intersection / ops.where(union > 0.0, union, 1.0), 0.0)


def overlap(boxes1, boxes2, threshold):
    """Which pairs have an IoU above `threshold`: (..., N, 4) and (..., M, 4) -> (..., N, M) bool."""
    intersection, total = _intersection(boxes1, boxes2)
    return intersection * (1.0 + threshold) > threshold * total


def _intersection(boxes1, boxes2):
    """Area of the intersection, and sum of the two areas, of all pairs."""
    ay1, ax1, ay2, ax2 = ops.unstack(ops.expand_dims(boxes1, -2), 4, axis=-1)  # (..., N, 1)
    by1, bx1, by2, bx2 = ops.unstack(ops.expand_dims(boxes2, -3), 4, axis=-1)  # (..., 1, M)
    height = ops.maximum(ops.minimum(ay2, by2) - ops.maximum(ay1, by1), 0.0)
    width = ops.maximum(ops.minimum(ax2, bx2) - ops.maximum(ax1, bx1), 0.0)
    return height * width, (ay2 - ay1) * (ax2 - ax1) + (by2 - by1) * (bx2 - bx1)  # (..., N, M)


def encode(boxes, targets):
    """Deltas (dy, dx, log dh, log dw) that move `boxes` onto `targets`, both (..., N, 4).

    Fast R-CNN, eq. 2. Boxes and targets must not be empty: mask those out before or after.
    """
    y, x, height, width = _centre(boxes)
    target_y, target_x, target_height, target_width = _centre(targets)
    return ops.stack(
        [
            (target_y - y) / height,
            (target_x - x) / width,
            ops.log(target_height / height),
            ops.log(target_width / width),
        ],
        axis=-1,
    )


def decode(boxes, deltas, limit=None):
    """Boxes (..., N, 4) moved by deltas (dy, dx, log dh, log dw) of the same shape: the inverse of `encode`.

    limit: largest log dh and log dw, which are cut there; None: none.
    """
    y, x, height, width = _centre(boxes)
    dy, dx, log_dh, log_dw = ops.unstack(deltas, 4, axis=-1)
    if limit is not None:
        log_dh, log_dw = ops.minimum(log_dh, limit), ops.minimum(log_dw, limit)
    y, x = y + dy * height, x + dx * width
    height, width = height * ops.exp(log_dh), width * ops.exp(log_dw)
    y1, x1 = y - 0.5 * height, x - 0.5 * width
    return ops.stack([y1, x1, y1 + height, x1 + width], axis=-1)


def clip(boxes, window):
    """Boxes (..., N, 4) cut to `window`, (4,) or (..., 4) with the same leading axes."""
    top, left, bottom, right = ops.unstack(ops.expand_dims(window, -2), 4, axis=-1)  # (..., 1)
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)
    return ops.stack(
        [
            ops.clip(y1, top, bottom),
            ops.clip(x1, left, right),
            ops.clip(y2, top, bottom),
            ops.clip(x2, left, right),
        ],
        axis=-1,
    )


def norm(boxes_px, height, width, edge=1):
    """Pixel boxes to normalised ones: (y1, x1, y2 - edge, x2 - edge) / (H - edge, W - edge, H - edge, W - edge).

    edge: 1, normalised boxes have y2, x2 inside the box, pixel boxes outside it; 0, they are the same in another unit.
    """
    return (ops.cast(boxes_px, "float32") - _shift(edge)) / _scale(height, width, edge)


def denorm(boxes, height, width, edge=1):
    """The inverse of `norm`, not rounded."""
    return boxes * _scale(height, width, edge) + _shift(edge)


def long_sides(boxes, height, width, least_px):
    """Which boxes (..., N, 4), normalised with edge 0, have an area and no side below `least_px`: (..., N) bool."""
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)
    shorter = ops.minimum((y2 - y1) * ops.cast(height, "float32"), (x2 - x1) * ops.cast(width, "float32"))
    return ops.logical_and(shorter > 0.0, shorter >= least_px)


def _shift(edge):
    return ops.convert_to_tensor([0.0, 0.0, float(edge), float(edge)], dtype="float32")


def _scale(height, width, edge):
    height, width = ops.cast(height, "float32"), ops.cast(width, "float32")
    return ops.stack([height, width, height, width], axis=-1) - float(edge)


def _centre(boxes):
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)
    height, width = y2 - y1, x2 - x1
    return y1 + 0.5 * height, x1 + 0.5 * width, height, width
