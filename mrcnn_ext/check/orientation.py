"""Turning labels as EXIF orientation turns their picture."""

import numpy as np

from mrcnn_ext.check.objects import numbers, read_mask
from mrcnn_ext.masks import decode_masks, encode_mask, rle_to_json

# Orientation: (axes swapped, x counts from the right, y counts from the bottom), the last two in the upright picture.
_TURNS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def upright_points(points, orientation: int, stored) -> np.ndarray:
    """Points (n, 2) x, y of the stored picture -> where they are upright.  stored: its (width, height) in pixels."""
    swap, right, bottom = _TURNS[orientation]
    points = np.asarray(points, np.float64)
    width, height = stored[::-1] if swap else stored
    x, y = (points[:, ::-1] if swap else points).T
    return np.stack([width - x if right else x, height - y if bottom else y], axis=1)


def upright_mask(mask, orientation: int) -> np.ndarray:
    """Mask (H, W) of the stored picture -> upright."""
    swap, right, bottom = _TURNS[orientation]
    mask = mask.T if swap else mask
    mask = mask[:, ::-1] if right else mask
    return mask[::-1] if bottom else mask


def upright_segmentation(annotation: dict, orientation: int, stored) -> dict:
    """A copy of an annotation with polygons, RLE and box turned.  What cannot be read stays as it is."""
    turned, (width, height) = dict(annotation), stored
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, tuple):
        turned["segmentation"] = tuple(
            upright_points(part.reshape(-1, 2), orientation, stored).ravel() for part in segmentation
        )
    elif isinstance(segmentation, dict):
        try:
            mask = decode_masks([read_mask(annotation, height, width)], height, width)[:, :, 0]
        except ValueError:
            return turned  # reported and dropped by the repair that follows
        turned["segmentation"] = rle_to_json(encode_mask(upright_mask(mask, orientation)))
    box = numbers(annotation.get("bbox"), 4)
    if box is not None:
        corners = upright_points([box[:2], [box[0] + box[2], box[1] + box[3]]], orientation, stored)
        low, high = corners.min(axis=0), corners.max(axis=0)
        turned["bbox"] = [*low.tolist(), *(high - low).tolist()]
    return turned
