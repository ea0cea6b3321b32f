"""How well anchors fit the objects of a data set. N counts boxes, A anchors; boxes are (y1, x1, y2, x2) in pixels."""

import math

import numpy as np

from mrcnn.data.boxes import compute_overlaps

_SMALLEST = 8  # pixels; two cells of the finest feature map


def fitting_scales(boxes_px, image_side, levels=5) -> tuple[int, ...]:
    """Sides, in pixels, of square anchors that span the objects: powers of two, each twice the one before.

    boxes_px: (N, 4) in the molded image.  image_side: its side; the largest anchor is no larger.
    The smallest is not above the side of one object in twenty.
    """
    sides = np.sqrt(np.prod(np.diff(np.reshape(boxes_px, (-1, 2, 2)), axis=1), axis=-1))
    small = np.quantile(sides, 0.05) if sides.size else _SMALLEST
    largest_first = image_side // 2 ** (levels - 1)
    first = min(2 ** int(math.log2(max(small, _SMALLEST))), largest_first)
    return tuple(max(first, 1) * 2**level for level in range(levels))


def best_anchor_ious(boxes_px, anchors_px) -> np.ndarray:
    """IoU (N,) of each box with the anchor that fits it best."""
    boxes_px = np.asarray(boxes_px).reshape(-1, 4)
    blocks = np.array_split(boxes_px, max(1, len(boxes_px) // 256))  # a block at a time: (A, N) may be gigabytes
    return np.concatenate([compute_overlaps(anchors_px, block).max(axis=0, initial=0) for block in blocks])
