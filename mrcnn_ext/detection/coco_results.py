"""Detections of a data set's images as COCO results: real image and category ids, boxes as x, y, width, height."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrcnn.data.dataset import Dataset
from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.as_coco import coco_content, coco_ids, image_name
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.masks.outlines import editable_outline

RESULT = ("image_id", "category_id", "score", "bbox", "segmentation")  # what evaluation servers take
DESCRIPTION = "Detections by Mask R-CNN"


def result_to_coco(dataset: Dataset, detections: Sequence[Detections]) -> list[dict]:
    """COCO's list of results: image_id, category_id, score, bbox and, with masks, segmentation of each object.

    Ids are those of `coco_ids`.  Raises ValueError naming the image when a detection does not fit it.
    """
    image_ids, category_ids = coco_ids(dataset)
    results = []
    for found in detections:
        number = found.image_id
        if number is None or not 0 <= number < dataset.num_images:
            raise ValueError(f"a detection is for image {number}, but the data set has {dataset.num_images} images.")
        unknown = sorted(set(found.class_ids.tolist()) - set(category_ids))
        if unknown:
            raise ValueError(f"image {number}: a detection has class {unknown[0]}; there are 1..{len(category_ids)}.")
        if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
            raise ValueError(f"image {number}: a detection has a box or score that is no finite number.")
        annotations = found.to_coco(image_ids[number], category_ids)
        results += [{key: item[key] for key in RESULT if key in item} for item in annotations]
    return results


def write_results(path: str | Path, dataset: Dataset, detections: Sequence[Detections]) -> Path:
    """Write COCO's results JSON, the list that evaluation servers take.

    Args:
        path: the file.
        dataset: prepared; it has COCO's ids of images and classes.
        detections: as from `detect_dataset`.

    Returns:
        The path.

    Raises:
        ValueError: detections that do not fit the data set.
    """
    return write_json(path, result_to_coco(dataset, detections))


def write_coco(path: str | Path, dataset: Dataset, detections: Sequence[Detections]) -> Path:
    """Write detections as a whole COCO annotation file, which loads again as a CocoDataset. Returns the path.

    Images are those of `detections`, with a file_name relative to their folder; every object keeps its score.
    Raises ValueError when the detections have no masks.
    """
    if any(found.rles is None for found in detections):
        raise ValueError("These detections have no masks, so they make no annotation file; use write_results.")
    result_to_coco(dataset, detections)  # checks them
    image_ids, categories = coco_ids(dataset)
    images: list[dict] = []
    annotations: list[dict] = []
    for found in detections:
        if found.image_id is None:
            raise ValueError("Detections of an image that is in no data set: their image_id is None.")
        image_id, name = image_ids[found.image_id], image_name(dataset, found.image_id)
        images.append({"id": image_id, "file_name": name, "width": found.width, "height": found.height})
        annotations += found.to_coco(image_id, categories, first_id=len(annotations) + 1)
    names = {category_id: dataset.class_names[i] for i, category_id in categories.items()}
    return write_json(path, coco_content(images, annotations, names, DESCRIPTION))


def editable_annotation(item: dict) -> dict:
    """An annotation for a person to correct: with an outline of few corners, or its box where it has no mask."""
    segmentation = item.get("segmentation")
    if segmentation is None or not item["area"]:
        return {**item, "segmentation": box_polygon(item["bbox"])}
    return {**item, "segmentation": editable_outline(segmentation)} if isinstance(segmentation, dict) else item


def box_polygon(bbox: Sequence[float]) -> list[list[float]]:
    """COCO's polygons of a box x, y, width, height."""
    x, y, width, height = bbox
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]
