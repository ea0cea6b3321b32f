"""Masks on pictures: blending a colour in, and tracing outlines."""

import cv2
import numpy as np
from matplotlib.colors import to_rgb


def apply_mask(image, mask, color, alpha=0.5):
    """Blend a colour into the pixels of a mask, in place, and return the picture.

    image: (H, W, 3 or more) values from 0 to 255, any number type; only the first three channels change.
    mask: (H, W) bool or 0/1; pixels equal to 1 are coloured.
    color: (r, g, b) from 0 to 1, or a colour name of Matplotlib.
    alpha: 0 leaves the picture, 1 paints over it. Integer pictures are rounded towards zero.
    Raises ValueError if mask and picture differ in size, or the colour is not from 0 to 1.
    """
    mask = np.asarray(mask)
    if mask.shape != image.shape[:2]:
        raise ValueError(f"the mask is {mask.shape} but the picture is {image.shape[:2]}: both must be (H, W)")
    inside = mask if mask.dtype == bool else mask == 1
    rows = np.flatnonzero(inside.any(axis=1))
    if not rows.size:
        return image
    columns = np.flatnonzero(inside.any(axis=0))
    # Most masks are small: work on their bounding box, a view into the picture.
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    view, inside = image[window][..., :3], inside[window]
    paint = alpha * 255 * np.asarray(to_rgb(color))
    view[inside] = (view[inside] * (1 - alpha) + paint).astype(image.dtype)
    return image


def mask_outlines(mask):
    """Closed outlines of a mask, holes included: a list of (V, 2) float arrays, the last axis (x, y) in pixels.

    mask: (H, W) bool or 0/1. A line runs through the centres of the outermost pixels of the object, so touching
    objects keep two lines. A part one pixel high or wide, which has no such line, becomes a rectangle around it.
    """
    mask = np.ascontiguousarray(mask, dtype=np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return []
    padded = np.pad(mask[y : y + height, x : x + width], 1)  # so that outlines close at the picture's border
    contours, _ = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x - 1, y - 1))
    return [_with_area(contour.reshape(-1, 2).astype(np.float64)) for contour in contours]


def _with_area(points):
    low, high = points.min(axis=0), points.max(axis=0)
    if (high > low).all():
        return points
    (x1, y1), (x2, y2) = low - 0.5, high + 0.5
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
