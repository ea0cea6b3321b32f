"""Masks on images: blending a colour in, and tracing outlines."""

import cv2
import numpy as np
from matplotlib.colors import to_rgb


def apply_mask(image, mask, color, alpha=0.5):
    """Blend a colour into the pixels of a mask, in place, and return the image.

    Args:
        image: (H, W, 3 or more) values from 0 to 255, any number type; only the first three channels change.
        mask: (H, W) bool or 0/1; pixels equal to 1 are coloured.
        color: (r, g, b) from 0 to 1, or a colour name of Matplotlib.
        alpha: 0 leaves the image, 1 paints over it. Integer images are rounded towards zero.

    Returns:
        The same image.

    Raises:
        ValueError: if mask and image differ in size, or the colour is not from 0 to 1.

    Example:
        >>> apply_mask(np.zeros((1, 2, 3), np.uint8), np.array([[True, False]]), (1, 0, 0)).tolist()
        [[[127, 0, 0], [0, 0, 0]]]
    """
    mask = np.asarray(mask)
    if mask.shape != image.shape[:2]:
        raise ValueError(f"the mask is {mask.shape} but the image is {image.shape[:2]}: both must be (H, W)")
    inside = mask == 1
    rows = np.flatnonzero(inside.any(axis=1))
    if not rows.size:
        return image
    columns = np.flatnonzero(inside.any(axis=0))
    # Most masks are small: work on their bounding box, a view into the image.
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    view, inside = image[window][..., :3], inside[window]
    paint = alpha * 255 * np.asarray(to_rgb(color))
    view[inside] = (view[inside] * (1 - alpha) + paint).astype(image.dtype)
    return image


def mask_outlines(mask):
    """Closed outlines of a mask, holes included.

    The lines run along the edges of the outermost pixels and cut their corners, in the coordinates of boxes: an object
    in the columns 3 and 4 reaches from x = 3 to x = 5.

    Args:
        mask: (H, W) bool or 0/1.

    Returns:
        A list of (V, 2) float arrays, the last axis (x, y) in pixels.
    """
    mask = np.ascontiguousarray(mask, dtype=np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return []
    grown = _grow_half_a_pixel(mask[y : y + height, x : x + width] > 0)
    contours, _ = cv2.findContours(grown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.reshape(-1, 2) / 2 + (x - 0.5, y - 0.5) for contour in contours]


def _grow_half_a_pixel(inside):
    """(h, w) bool -> (2h + 3, 2w + 3) uint8 of half the pixel size, with a zero border so that outlines close.

    OpenCV traces the centres of the outermost pixels; grown by half a pixel, these lie on the object's edge.
    """
    height, width = inside.shape
    fine = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    fine[::2, ::2] = inside
    fine[1::2, ::2] = inside[:-1] & inside[1:]
    fine[:, 1::2] = fine[:, :-1:2] & fine[:, 2::2]
    return cv2.dilate(np.pad(fine, 2), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
