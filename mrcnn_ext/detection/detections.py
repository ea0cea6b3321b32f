"""What was found in one image, small enough to keep for thousands of images and for huge ones."""

from dataclasses import dataclass

import numpy as np

from mrcnn.data.boxes import non_max_suppression
from mrcnn_ext.masks.crops import crop_to_rle
from mrcnn_ext.masks.rle import rle_area


@dataclass
class Found:
    """Objects of an image of height x width pixels, best score first.

    class_ids int (N,), scores (N,), boxes int px (N, 4) y1, x1, y2, x2; rles: N masks of the whole image, or None for
    a network without masks.
    """

    height: int
    width: int
    class_ids: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    rles: list[dict] | None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, places) -> "Found":
        """Some of the objects."""
        places = np.asarray(places, int)
        rles = None if self.rles is None else [self.rles[i] for i in places]
        return Found(self.height, self.width, self.class_ids[places], self.scores[places], self.boxes[places], rles)

    def areas(self) -> list[int]:
        """Pixels of each mask; of the box where there are no masks."""
        if self.rles is None:
            return np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1).tolist()
        return [rle_area(rle) for rle in self.rles]


def found_of(result: dict, height: int, width: int, corner=(0, 0)) -> Found:
    """An entry of `detect(..., crops=True)` on an image, or on a part of it whose upper left pixel is at corner."""
    boxes = np.asarray(result["rois"], np.int64).reshape(-1, 4) + np.tile(corner, 2)
    rles = None
    if result["masks"] is not None:
        pairs = zip(result["masks"], boxes, strict=True)
        rles = [crop_to_rle(crop, box, height, width) for crop, box in pairs]
    return Found(height, width, np.asarray(result["class_ids"]), np.asarray(result["scores"]), boxes, rles)


def suppress_across_classes(found: Found, iou: float) -> Found:
    """Without the weaker of two objects whose boxes overlap by more than `iou`, whatever their classes are."""
    if not len(found):
        return found
    return found.take(non_max_suppression(found.boxes, found.scores, iou))
