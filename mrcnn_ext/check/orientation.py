"""Turning labels as EXIF orientation turns their image."""

import numpy as np

from mrcnn_ext.check.objects import numbers, read_mask
from mrcnn_ext.masks.geometry import turn_mask, turn_points
from mrcnn_ext.masks.rle import decode_masks, encode_mask, rle_to_json


def upright_segmentation(annotation: dict, orientation: int, stored) -> dict:
    """A copy of an annotation with polygons, RLE and box turned.  What cannot be read stays as it is.

    orientation: EXIF's, 1 to 8.  stored: (width, height) of the stored image in pixels.
    """
    turned, (width, height) = dict(annotation), stored
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, tuple):
        turned["segmentation"] = tuple(
            turn_points(part.reshape(-1, 2), orientation, width, height).ravel() for part in segmentation
        )
    elif isinstance(segmentation, dict):
        try:
            rle = read_mask(annotation, height, width)
            mask = np.any(decode_masks([] if rle is None else [rle], height, width), axis=2)
        except ValueError:
            return turned  # reported and dropped by the repair that follows
        turned["segmentation"] = rle_to_json(encode_mask(turn_mask(mask, orientation)))
    box = numbers(annotation.get("bbox"), 4)
    if box is not None:
        corners = np.array([box[:2], [box[0] + box[2], box[1] + box[3]]])
        corners = turn_points(corners, orientation, width, height)
        low, high = corners.min(axis=0), corners.max(axis=0)
        turned["bbox"] = [*low.tolist(), *(high - low).tolist()]
    return turned
