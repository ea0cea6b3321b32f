"""How much each detection overlaps each true object, and which of them belong together."""

from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from mrcnn_ext.datasets.as_coco import true_objects
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation.coco_ap import IOU_TYPES


class ImageOverlaps(NamedTuple):
    """One image: G true objects and D detections, best score first.

    true_ids (G,) and class_ids (D,) are class ids from 1 on; crowd (G,) bool; scores (D,); ious (D, G), for a crowd the
    part of the detection that lies on it, as COCO has it.
    """

    image_id: int
    true_ids: np.ndarray
    crowd: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    ious: np.ndarray


def compare(dataset, detections, kind="segm", max_detections=100) -> list[ImageOverlaps]:
    """The overlaps of the images in `detections`, in their order.

    detections: entries of `detect_dataset`.  kind: "segm" for masks, "bbox" for boxes.
    max_detections: of an image and class, the highest scores that count.
    Raises ValueError for detections without masks when masks are asked for.
    """
    if kind not in IOU_TYPES:
        raise ValueError(f"kind must be one of {', '.join(IOU_TYPES)}, but is {kind!r}.")
    return [_compare_one(dataset, found, kind, max_detections) for found in detections]


def match(image: ImageOverlaps, iou=0.5) -> tuple[np.ndarray, np.ndarray]:
    """Pair detections with true objects of their class as COCO does: best score first, each takes the best free one.

    iou: least overlap of a pair.
    Returns for each detection the number of its object or -1, int (D,), and whether it lies on a crowd of its class and
    so counts neither way, bool (D,).
    """
    pairs = np.full(len(image.scores), -1)
    on_crowd = np.zeros(len(image.scores), bool)
    free = ~image.crowd
    for i, class_id in enumerate(image.class_ids):
        fits = (image.true_ids == class_id) & (image.ious[i] >= iou)
        if (fits & free).any():
            pairs[i] = np.where(fits & free, image.ious[i], -1.0).argmax()
            free[pairs[i]] = False
        else:
            on_crowd[i] = (fits & image.crowd).any()
    return pairs, on_crowd


def _compare_one(dataset, found: Detections, kind: str, max_detections: int) -> ImageOverlaps:
    number = found.image_id
    if number is None:
        raise ValueError("Detections of an image that is in no data set cannot be compared: their image_id is None.")
    truth = true_objects(dataset, number)
    if kind == "segm" and found.rles is None:
        raise ValueError(f'image {found.image_id}: its detections have no masks; compare boxes with kind="bbox".')
    found = found.take(_best(found.class_ids, found.scores, max_detections))
    crowd = np.array([one["iscrowd"] for one in truth], bool)
    seen: Any = found.rles
    real: Any = [one["rle"] for one in truth]
    if kind != "segm":
        seen, real = found.coco_boxes().astype(float), np.array([one["bbox"] for one in truth], float).reshape(-1, 4)
    ious = np.zeros((len(found), len(truth)))
    if ious.size:
        ious = np.asarray(coco_mask.iou(seen, real, crowd.astype(np.uint8).tolist()))
    true_ids = np.array([one["class_id"] for one in truth], np.int32)
    return ImageOverlaps(number, true_ids, crowd, found.class_ids, found.scores.astype(float), ious)


def _best(class_ids: np.ndarray, scores: np.ndarray, most: int) -> np.ndarray:
    """Places of the `most` best scores of each class, best first."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.zeros(len(order), int)
    for class_id in np.unique(class_ids):
        own = class_ids[order] == class_id
        ranks[own] = np.arange(own.sum())
    return order[ranks < most]
