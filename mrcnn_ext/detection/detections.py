"""What was found in one image, small enough to keep for thousands of images and for huge ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mrcnn.data.boxes import non_max_suppression
from mrcnn_ext.datasets.as_coco import coco_annotation
from mrcnn_ext.masks.crops import crop_to_rle
from mrcnn_ext.masks.outlines import outer_polygons
from mrcnn_ext.masks.rle import decode_masks, encode_masks, rle_area, rle_to_json


@dataclass
class Detections:
    """Objects found in one image, best score first.

    Attributes:
        height: of the image, in pixels.
        width: of the image, in pixels.
        class_ids: int (N,), from 1 on.
        scores: float (N,), 0 to 1.
        boxes: px (N, 4) y1, x1, y2, x2, whole or not.
        rles: N masks of the whole image, compressed; None for a network without masks.
        image_id: number of the image in its data set; None where it is from none.
    """

    height: int
    width: int
    class_ids: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    rles: list[dict] | None
    image_id: int | None = None

    def __post_init__(self):
        counts = {len(self.boxes), len(self.class_ids), len(self.scores)}
        counts |= set() if self.rles is None else {len(self.rles)}
        if len(counts) > 1:
            which = "an image" if self.image_id is None else f"image {self.image_id}"
            raise ValueError(f"{which}: its boxes, classes, scores and masks are not equally many: {counts}.")

    @classmethod
    def of(
        cls, result: dict, height: int, width: int, corner: Sequence[int] = (0, 0), image_id: int | None = None
    ) -> "Detections":
        """From an entry of `MaskRCNN.detect`, with `crops=True` or without, or of an `ExportedModel`'s.

        Args:
            result: rois (N, 4), class_ids, scores, masks: N crops, or bool [H, W, N], or None; corners (N, 2) where
                the crops do not begin at the boxes.
            height: of the whole image.
            width: of the whole image.
            corner: y, x in the whole image of the upper left pixel of the part that was looked at; for crops only.
            image_id: number of the image in its data set.
        """
        boxes = np.asarray(result["rois"]).reshape(-1, 4) + np.tile(np.asarray(corner, np.int64), 2)
        masks = result.get("masks")
        if masks is None:
            rles = None
        elif isinstance(masks, np.ndarray):
            rles = encode_masks(masks)
        else:
            corners = np.asarray(result["corners"]) + corner if "corners" in result else boxes[:, :2]
            rles = [crop_to_rle(crop, at, height, width) for crop, at in zip(masks, corners, strict=True)]
        class_ids, scores = np.asarray(result["class_ids"], np.int32), np.asarray(result["scores"])
        return cls(height, width, class_ids, scores, boxes, rles, image_id)

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, places) -> "Detections":
        """Some of the objects, by their places (n,)."""
        places = np.asarray(places, int)
        rles = None if self.rles is None else [self.rles[i] for i in places]
        chosen = self.class_ids[places], self.scores[places], self.boxes[places]
        return Detections(self.height, self.width, *chosen, rles, self.image_id)

    def above(self, min_score: float) -> "Detections":
        """Those with at least a score."""
        return self.take(np.flatnonzero(self.scores >= min_score))

    def across_classes(self, iou: float) -> "Detections":
        """Without the weaker of two objects whose boxes overlap by more than `iou`, whatever their classes are."""
        return self.take(non_max_suppression(self.boxes, self.scores, iou)) if len(self) else self

    def areas(self) -> list[int]:
        """Pixels of each mask; of the box where there are no masks."""
        if self.rles is None:
            return np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1).tolist()
        return [rle_area(rle) for rle in self.rles]

    def coco_boxes(self) -> np.ndarray:
        """Boxes px (N, 4) as x, y, width, height."""
        y1, x1, y2, x2 = self.boxes.T
        return np.stack([x1, y1, x2 - x1, y2 - y1], axis=1)

    def masks(self) -> np.ndarray | None:
        """Masks bool (H, W, N), or None; each as large as the image."""
        return None if self.rles is None else decode_masks(self.rles, self.height, self.width)

    def to_coco(
        self,
        image_id: int,
        category_ids: dict[int, int] | None = None,
        *,
        first_id: int = 1,
        masks: str = "rle",
        tolerance: float = 0.0,
    ) -> list[dict]:
        """COCO annotations with scores.

        Args:
            image_id: COCO's id of the image.
            category_ids: {class id: COCO's id of the class}; None: they are equal.
            first_id: of the first annotation.
            masks: "rle", exact; "polygon", outer outlines without holes; or "none".
            tolerance: pixels that a polygon may leave its outline by.
        """
        annotations = []
        rows = zip(self.class_ids.tolist(), self.scores, self.coco_boxes().round(3).tolist(), self.areas(), strict=True)
        for i, (class_id, score, box, area) in enumerate(rows):
            segmentation: dict | list | None = None
            if self.rles is not None and masks == "rle":
                segmentation = rle_to_json(self.rles[i])
            elif self.rles is not None and masks == "polygon":
                segmentation = outer_polygons(self.rles[i], tolerance)
            category_id = class_id if category_ids is None else category_ids[class_id]
            score = float(str(score))  # the digits that a float32 has, and no more
            annotations.append(
                coco_annotation(image_id, category_id, box, area, segmentation, score=score, number=first_id + i)
            )
        return annotations
