"""Detected or true objects drawn on their image, as an array of pixels: fast, and small in memory for huge images.

(`mrcnn.plots` makes Matplotlib figures for notebooks.)
"""

import functools

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mrcnn.plots.canvas import drawable
from mrcnn.plots.labels import class_label
from mrcnn.plots.palette import class_colors, ink_on
from mrcnn_ext.masks.crops import rle_to_crop

MAX_CAPTIONS = 100  # above that many objects captions hide the image
SMALL = 400  # pixels; images whose longer side is shorter are enlarged
_TINT = 0.35  # of a mask's colour


def draw_objects(image, class_ids, rles, class_names, scores=None, boxes=None) -> np.ndarray:
    """A copy of an image, uint8 RGB, with masks in the colour of their class, outlines, and name and score of each.

    image: [H, W] or [H, W, C].  class_ids (N,), negative for crowds.  rles: N masks, or None with boxes (N, 4) px
    (y1, x1, y2, x2).  scores: (N,) or None.  Images below SMALL pixels are enlarged by a whole factor.
    """
    shown = drawable(image)
    scale = max(1, round(SMALL / max(shown.shape[:2])))
    shown = np.ascontiguousarray(shown.repeat(scale, axis=0).repeat(scale, axis=1))
    line = max(1, round(max(shown.shape[:2]) / 1000))
    colors = class_colors(class_ids)
    corners = []
    for i, color in enumerate(colors):
        paint = [round(255 * part) for part in color]
        if rles is None:
            y1, x1, y2, x2 = (round(float(v)) * scale for v in boxes[i])
            cv2.rectangle(shown, (x1, y1), (x2 - 1, y2 - 1), paint, line)
        else:
            crop, (y1, x1) = rle_to_crop(rles[i])
            y1, x1 = y1 * scale, x1 * scale
            _draw_mask(shown, crop.repeat(scale, axis=0).repeat(scale, axis=1), (y1, x1), paint, line)
        corners.append((y1, x1))
    if len(colors) <= MAX_CAPTIONS:  # captions last: no neighbour's mask covers them
        for i, (color, corner) in enumerate(zip(colors, corners, strict=True)):
            name = class_label(class_ids[i], class_names)
            _draw_caption(shown, corner, name if scores is None else f"{name} {scores[i]:.2f}", color)
    return shown


def side_by_side(*images, gap=6) -> np.ndarray:
    """Images of equal height in a row, white between them."""
    white = np.full((images[0].shape[0], gap, 3), 255, np.uint8)
    parts = [part for image in images for part in (image, white)]
    return np.concatenate(parts[:-1], axis=1)


def _draw_mask(image, crop, corner, paint, line) -> None:
    if not crop.any():
        return
    y1, x1 = corner
    view = image[y1 : y1 + crop.shape[0], x1 : x1 + crop.shape[1]]
    view[crop] = (view[crop] * (1 - _TINT) + np.array(paint) * _TINT).astype(np.uint8)
    outlines, _ = cv2.findContours(np.pad(crop, 1).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(image, outlines, -1, paint, line, offset=(x1 - 1, y1 - 1))


def _draw_caption(image, corner, text, color) -> None:
    """On a ground of the object's colour, above its upper left corner, moved so that it stays in the image."""
    height, width = image.shape[:2]
    patch = _caption(text, tuple(color), min(max(11, round(max(height, width) / 80)), 40))[:height, :width]
    y = min(max(corner[0] - patch.shape[0], 0), height - patch.shape[0])
    x = min(max(corner[1], 0), width - patch.shape[1])
    image[y : y + patch.shape[0], x : x + patch.shape[1]] = patch


@functools.lru_cache(maxsize=256)
def _caption(text, color, size) -> np.ndarray:
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    ground = Image.new(
        "RGB", (int(right - left) + 5, int(bottom - top) + 5), tuple(round(255 * part) for part in color)
    )
    ImageDraw.Draw(ground).text((2 - left, 2 - top), text, fill=ink_on(color), font=font)
    return np.asarray(ground)
