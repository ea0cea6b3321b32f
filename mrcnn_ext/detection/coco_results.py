"""Detections as COCO results: real image and category ids, boxes as x, y, width, height, masks as RLE.

Detections are a list with one dict per image, as `mrcnn_ext.detection.on_dataset.detect_dataset` gives it:
{"image_id": number of the image in the data set, "rois": (N, 4) y1, x1, y2, x2 in pixels, "class_ids": (N,),
"scores": (N,)} and the masks, either "masks": bool (H, W, N) as from `MaskRCNN.detect`, or "rles": list of N RLEs,
or neither of the two for a detector without masks.
"""

from pathlib import Path

import numpy as np

from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.as_coco import coco_ids, image_name
from mrcnn_ext.masks.rle import encode_masks, rle_area, rle_to_json


def result_to_coco(dataset, detections) -> list[dict]:
    """Detections -> COCO's list of results: {"image_id", "category_id", "score", "bbox", "segmentation"} each.

    Ids are those of `coco_ids`.  Raises ValueError naming the image when a detection does not fit it.
    """
    image_ids, category_ids = coco_ids(dataset)
    results = []
    for item in detections:
        number = int(item["image_id"])
        if not 0 <= number < dataset.num_images:
            raise ValueError(f"a detection is for image {number}, but the data set has {dataset.num_images} images.")
        rles = compact(item).get("rles")
        boxes = np.asarray(item["rois"], np.float64).reshape(-1, 4)
        lengths = {len(boxes), len(item["class_ids"]), len(item["scores"])} | (
            {len(rles)} if rles is not None else set()
        )
        if len(lengths) > 1:
            raise ValueError(f"image {number}: its boxes, classes, scores and masks are not equally many: {lengths}.")
        for i, (y1, x1, y2, x2) in enumerate(boxes.tolist()):
            class_id = int(item["class_ids"][i])
            if class_id not in category_ids:
                raise ValueError(f"image {number}: a detection has class {class_id}; there are 1..{len(category_ids)}.")
            if not np.isfinite([y1, x1, y2, x2, item["scores"][i]]).all():
                raise ValueError(f"image {number}: a detection has a box or score that is no finite number.")
            result = {
                "image_id": image_ids[number],
                "category_id": category_ids[class_id],
                "score": float(item["scores"][i]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            if rles is not None:
                result["segmentation"] = rle_to_json(rles[i])
            results.append(result)
    return results


def compact(item: dict) -> dict:
    """Detections of one image with "masks" (H, W, N), if it has them, turned into "rles"."""
    if item.get("rles") is None and item.get("masks") is not None:
        item = {**item, "rles": encode_masks(np.asarray(item["masks"]))}
    return {key: value for key, value in item.items() if key != "masks"}


def write_results(path, dataset, detections) -> Path:
    """Write COCO's results JSON, the list that evaluation servers take. Returns the path."""
    return write_json(path, result_to_coco(dataset, detections))


def write_coco(path, dataset, detections) -> Path:
    """Write detections as a whole COCO annotation file, which loads again as a CocoDataset. Returns the path.

    Images are those of `detections`, with a file_name relative to their folder; every object keeps its score.
    Raises ValueError when the detections have no masks.
    """
    image_ids, categories = coco_ids(dataset)
    images = []
    for item in detections:
        height, width = dataset.image_size(item["image_id"])
        name = image_name(dataset, item["image_id"])
        images.append({"id": image_ids[item["image_id"]], "file_name": name, "width": width, "height": height})
    annotations = []
    for number, result in enumerate(result_to_coco(dataset, detections), 1):
        if "segmentation" not in result:
            raise ValueError("These detections have no masks, so they make no annotation file; use write_results.")
        area = rle_area(result["segmentation"])
        annotations.append({"id": number, "iscrowd": 0, "area": area, **result})
    names = [{"id": category_id, "name": dataset.class_names[i]} for i, category_id in categories.items()]
    info = {"description": "Detections by Mask R-CNN"}
    return write_json(path, {"info": info, "images": images, "annotations": annotations, "categories": names})
