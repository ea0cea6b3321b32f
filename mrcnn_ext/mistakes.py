"""Which pictures a model gets wrong, and how."""

from typing import NamedTuple

import numpy as np

from mrcnn.metrics import compute_matches
from mrcnn_ext.gallery import objects_of, truth_of


class Mistakes(NamedTuple):
    """Mistakes in one picture: objects without a detection of their class, and detections without an object."""

    image_id: int
    missed: int
    wrong: int


def find_mistakes(dataset, detections, min_score=0.5, min_iou=0.5) -> list[Mistakes]:
    """Mistakes in each picture, most first; pictures without any are left out.

    detections: entries of `detect_dataset` with masks.  min_score: weaker detections do not count.
    min_iou: of the masks, for a detection to be that of an object. Crowds are not counted as objects.
    Raises ValueError for detections without masks.
    """
    found = [_mistakes_of(dataset, item, min_score, min_iou) for item in detections]
    return sorted((item for item in found if item.missed or item.wrong), key=lambda item: -item.missed - item.wrong)


def _mistakes_of(dataset, detection, min_score, min_iou):
    truth, objects = truth_of(dataset, detection["image_id"]), objects_of(dataset, detection, min_score)
    if "masks" not in objects:
        raise ValueError(f"picture {detection['image_id']}: its detections have no masks to compare with the truth.")
    single = truth["class_ids"] > 0
    truth_match, match, _ = compute_matches(
        truth["rois"][single],
        truth["class_ids"][single],
        truth["masks"][:, :, single],
        objects["rois"],
        objects["class_ids"],
        objects["scores"],
        objects["masks"],
        iou_threshold=min_iou,
    )
    return Mistakes(int(detection["image_id"]), int(np.sum(truth_match < 0)), int(np.sum(match < 0)))
