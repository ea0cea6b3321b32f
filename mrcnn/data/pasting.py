"""The network's small masks back at their size: only the part of the image that a mask can set is touched.

Shapes: N masks of h x w values 0 to 1, each in its box (y1, x1, y2, x2) px, whole or not, of an image H x W.
"""

import cv2
import numpy as np

from mrcnn.data.minimask import unmold_crops

THRESHOLD = 0.5


def mask_crops(masks, boxes, shape, pasting):
    """N bool arrays with all that each mask sets, and their upper left pixels (N, 2), int32.

    Args:
        masks: (N, h, w).
        boxes: (N, 4) px.
        shape: (H, W) of the image.
        pasting: See `conventions.Conventions`.
    """
    if pasting == "box":
        return unmold_crops(masks, boxes), np.asarray(boxes, np.int32).reshape(-1, 4)[:, :2]
    paste = {"grown": _grown, "sampled": _sampled}[pasting]
    pairs = [paste(mask, box, shape) for mask, box in zip(masks, boxes, strict=True)]
    return [crop for crop, _ in pairs], np.array([corner for _, corner in pairs], np.int32).reshape(-1, 2)


def full_masks(crops, corners, shape):
    """Masks bool [H, W, N] of crops and their upper left pixels."""
    full = np.zeros((*shape[:2], len(crops)), bool)
    for i, (crop, (y, x)) in enumerate(zip(crops, corners, strict=True)):
        full[y : y + crop.shape[0], x : x + crop.shape[1], i] = crop
    return full


def _grown(mask, box, shape):
    """torchvision's: with a border of one, in the box grown by as much and cut to whole pixels."""
    bordered = np.pad(np.asarray(mask, np.float32), 1)
    low, high = np.float32(box[:2]), np.float32(box[2:])
    half = (high - low) * np.float32(0.5) * np.float32(bordered.shape[0] / mask.shape[0])
    centre = (high + low) * np.float32(0.5)
    y1, x1 = (int(v) for v in centre - half)
    y2, x2 = (int(v) + 1 for v in centre + half)
    size = max(y2 - y1, 1), max(x2 - x1, 1)
    soft = cv2.resize(bordered, size[::-1], interpolation=cv2.INTER_LINEAR)
    top, left = max(y1, 0), max(x1, 0)
    bottom, right = min(y1 + size[0], shape[0]), min(x1 + size[1], shape[1])
    return soft[top - y1 : bottom - y1, left - x1 : right - x1] > THRESHOLD, (top, left)


def _sampled(mask, box, shape):
    """detectron2's: read at the centre of each pixel, with zeros around the mask."""
    y1, x1, y2, x2 = (float(v) for v in box)
    rows, columns = _inside(y1, y2, shape[0]), _inside(x1, x2, shape[1])
    down, across = _weights(rows, y1, y2, mask.shape[0]), _weights(columns, x1, x2, mask.shape[1])
    return down @ mask @ across.T >= THRESHOLD, (rows[0], columns[0]) if len(rows) and len(columns) else (0, 0)


def _inside(low, high, side):
    """The pixels that a box touches along a side of the image."""
    return np.arange(max(int(np.floor(low)), 0), min(int(np.ceil(high)), side))


def _weights(pixels, low, high, cells):
    """(pixels, cells): what each cell of a mask along a side gives to each pixel's centre."""
    place = (pixels + 0.5 - low) / (high - low) * cells - 0.5
    return np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0)
