"""What a data set holds, in COCO's terms: ids of images and classes, file names, and the true objects."""

from pathlib import Path
from typing import Any

import numpy as np

from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.tfrecord.dataset import TFRecordDataset
from mrcnn_ext.masks.rle import encode_masks, rle_area, rle_box


def coco_ids(dataset) -> tuple[list[int], dict[int, int]]:
    """COCO ids of the images (in order) and of the classes {class id inside: category id}.

    The ids of the source where they are whole numbers and unique, else numbers from 1 on.
    """
    source_ids = [info["id"] for info in dataset.image_info]
    image_ids = _unique_ints(source_ids) or list(range(1, len(source_ids) + 1))
    class_ids = [info["id"] for info in dataset.class_info[1:]]
    categories = _unique_ints(class_ids) or list(range(1, len(class_ids) + 1))
    return image_ids, dict(enumerate(categories, 1))


def coco_annotation(
    image_id: int,
    category_id: int,
    bbox: list,
    area: float,
    segmentation: list | dict | None = None,
    *,
    iscrowd: int = 0,
    score: float | None = None,
    number: int | None = None,
) -> dict:
    """One annotation as COCO has it; what is None is left out.

    Args:
        image_id: COCO's id of the image.
        category_id: COCO's id of the class.
        bbox: x, y, width, height in pixels.
        area: pixels.
        segmentation: polygons, or an RLE with its counts as text.
        iscrowd: 1 for a crowd.
        score: of a detection.
        number: the annotation's own id.
    """
    item: dict[str, Any] = {} if number is None else {"id": number}
    item |= {"image_id": image_id, "category_id": category_id, "bbox": bbox, "area": area, "iscrowd": int(iscrowd)}
    if segmentation is not None:
        item["segmentation"] = segmentation
    return item if score is None else item | {"score": score}


def coco_content(images: list[dict], annotations: list[dict], categories: dict[int, str], description: str) -> dict:
    """A whole COCO annotation file; categories: {COCO's id: name}."""
    names = [{"id": category_id, "name": name} for category_id, name in categories.items()]
    return {"info": {"description": description}, "images": images, "annotations": annotations, "categories": names}


def image_name(dataset, number: int) -> str:
    """The file name of an image: relative to its folder, as a TFRecord states it, or the last part of its path."""
    info = dataset.image_info[number]
    if "file_name" in info:
        return info["file_name"]
    if isinstance(dataset, TFRecordDataset) and dataset.has_record(number):
        return dataset.load_record(number).filename
    return Path(str(info["path"])).name if info["path"] else str(info["id"])


def _unique_ints(ids: list) -> list[int] | None:
    """The ids as ints, or None when one is no whole number or is there twice."""
    if any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in ids) or len(set(ids)) < len(ids):
        return None
    return [int(i) for i in ids]


def true_objects(dataset, number: int) -> list[dict]:
    """True objects of an image: class_id, iscrowd, rle, bbox, area."""
    if isinstance(dataset, CocoDataset) and dataset.has_file_objects(number):
        return dataset.load_truth(number)
    masks, class_ids = dataset.load_mask(number)
    rles = encode_masks(np.asarray(masks))
    return [
        {
            "class_id": abs(int(class_id)),
            "iscrowd": int(class_id < 0),
            "rle": rle,
            "bbox": rle_box(rle),
            "area": rle_area(rle),
        }
        for rle, class_id in zip(rles, class_ids, strict=True)
    ]
