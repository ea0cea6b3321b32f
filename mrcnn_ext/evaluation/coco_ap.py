"""COCO average precision of boxes and masks on any `Dataset`.

    detections = detect_dataset(model, dataset)
    print(evaluate(dataset, detections))

Truth and detections are compared in the pixels of the original images, by faster-coco-eval, which gives the numbers
of COCO's own pycocotools.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.as_coco import coco_annotation, coco_ids, true_objects
from mrcnn_ext.detection.coco_results import result_to_coco
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation.report import Evaluation
from mrcnn_ext.masks.rle import rle_to_json

IOU_TYPES = ("bbox", "segm")
SIZES = ("all", "small", "medium", "large")  # areas up to 32**2, up to 96**2, and above, in pixels; COCO's
IOU_50, IOU_75 = 0, 5  # places in COCO's list of IoU thresholds 0.50, 0.55, .. 0.95


def evaluate(
    dataset: Dataset,
    detections: Sequence[Detections] | Sequence[dict],
    iou_types: str | Sequence[str] = IOU_TYPES,
    image_ids: Iterable[int] | None = None,
    max_detections: int = 100,
) -> Evaluation:
    """COCO average precision and recall.

    Args:
        dataset: any prepared Dataset; truth comes from `load_mask`, of a CocoDataset straight from its file.
        detections: as from `detect_dataset`, or COCO's list of results (ids as from `coco_ids`).
        iou_types: "bbox", "segm" or both; "segm" needs masks.
        image_ids: images to evaluate on; None: all of the data set.
        max_detections: of an image and class, the highest scores that count (COCO: 100).

    Returns:
        A dict of the numbers, all 0 to 1, that prints as a table.

    Raises:
        ValueError: an image has no entry in `detections` (no objects found is an entry with none).
    """
    iou_types = (iou_types,) if isinstance(iou_types, str) else tuple(iou_types)
    if not iou_types or set(iou_types) - set(IOU_TYPES):
        raise ValueError(f"iou_types must be of {IOU_TYPES}, but is {iou_types}.")
    if max_detections < 1:
        raise ValueError(f"max_detections must be at least 1, but is {max_detections}.")
    numbers = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    if not numbers:
        raise ValueError("There is no image to evaluate on.")
    results = _results_of(dataset, detections, numbers)
    truth = _truth_of(dataset, numbers)
    evaluation = Evaluation(
        images=len(numbers),
        objects=sum(not annotation["iscrowd"] for annotation in truth["annotations"]),
        max_detections=max_detections,
    )
    for iou_type in iou_types:
        evaluation[iou_type] = _evaluate_one(dataset, truth, results, iou_type, max_detections)
    return evaluation


def _results_of(dataset, detections, numbers: list[int]) -> list[dict]:
    """COCO results for the images asked for, and a check that each of these images was looked at."""
    if detections and isinstance(detections[0], dict):
        results = detections
    else:
        seen = {item.image_id for item in detections}
        absent = [number for number in numbers if number not in seen]
        if absent:
            raise ValueError(
                f"{len(absent)} of {len(numbers)} images have no entry in the detections, the first is {absent[0]}. "
                "Detect on them too, or say with image_ids= which images to evaluate on."
            )
        results = result_to_coco(dataset, detections)
    image_ids, categories = coco_ids(dataset)
    wanted = {image_ids[number] for number in numbers}
    for key, known in (("image_id", set(image_ids)), ("category_id", set(categories.values()))):
        unknown = {result[key] for result in results} - known
        if unknown:
            raise ValueError(f"There are results for {key} {min(unknown)}, which is not in the data set.")
    return [result for result in results if result["image_id"] in wanted]


def _truth_of(dataset, numbers: list[int]) -> dict:
    """COCO content with the true objects of these images."""
    image_ids, categories = coco_ids(dataset)
    images: list[dict] = []
    annotations: list[dict] = []
    for number in numbers:
        objects = true_objects(dataset, number)
        height, width = objects[0]["rle"]["size"] if objects else dataset.image_size(number)
        images.append({"id": image_ids[number], "height": int(height), "width": int(width)})
        for item in objects:
            place = image_ids[number], categories[item["class_id"]], item["bbox"], item["area"]
            segmentation, crowd = rle_to_json(item["rle"]), item["iscrowd"]
            after = len(annotations) + 1  # from 1 on: 0 would mean "no match" to the evaluator
            annotations.append(coco_annotation(*place, segmentation, iscrowd=crowd, number=after))
    names = [{"id": category_id, "name": dataset.class_names[i]} for i, category_id in categories.items()]
    return {"images": images, "annotations": annotations, "categories": names}


def _evaluate_one(dataset, truth: dict, results: list[dict], iou_type: str, max_detections: int) -> dict:
    """All numbers for boxes or for masks."""
    unwanted = {"bbox": "segmentation", "segm": "bbox"}[iou_type]  # the size of a detection is that of what is compared
    results = [{key: value for key, value in result.items() if key != unwanted} for result in results]
    if iou_type == "segm":
        _check_masks(truth, results)
    coco = COCO({**truth, "annotations": [dict(annotation) for annotation in truth["annotations"]]})
    run = COCOeval_faster(coco, coco.loadRes(results), iou_type)
    run.params.maxDets = sorted({n for n in (1, 10) if n < max_detections} | {max_detections})
    run.evaluate()
    run.accumulate()
    precision, recall = np.asarray(run.eval["precision"]), np.asarray(run.eval["recall"])
    limit = run.params.maxDets.index(max_detections)
    numbers = _summary(precision[:, :, :, :, limit], recall[:, :, :, limit])
    for n, place in zip(run.params.maxDets, range(recall.shape[3]), strict=True):
        numbers[f"AR{n}"] = _mean(recall[:, :, 0, place])
    numbers["classes"] = {}
    _, categories = coco_ids(dataset)
    order = [int(i) for i in run.params.catIds]
    for class_id, category_id in categories.items():
        k = order.index(category_id)
        name = dataset.class_names[class_id]
        if dataset.class_names.count(name) > 1:  # the same name in two sources
            name = f"{name} ({dataset.class_info[class_id]['source']}.{dataset.class_info[class_id]['id']})"
        own = [a for a in truth["annotations"] if a["category_id"] == category_id and not a["iscrowd"]]
        numbers["classes"][name] = {
            "id": category_id,
            "objects": len(own),
            "detections": sum(result["category_id"] == category_id for result in results),
            **_summary(precision[:, :, k : k + 1, :, limit], recall[:, k : k + 1, :, limit]),
        }
    return numbers


def _check_masks(truth: dict, results: list[dict]) -> None:
    """Every result needs a mask of its image's size; the evaluator would take another one for a miss."""
    sizes = {image["id"]: [image["height"], image["width"]] for image in truth["images"]}
    for result in results:
        if "segmentation" not in result:
            raise ValueError('The detections have no masks; evaluate them with iou_types="bbox".')
        size = list(result["segmentation"]["size"])
        if size != sizes[result["image_id"]]:
            raise ValueError(
                f"image {result['image_id']}: a detected mask has {size[0]} x {size[1]} pixels (height x width), but "
                f"the true masks have {' x '.join(map(str, sizes[result['image_id']]))}."
            )


def _summary(precision: np.ndarray, recall: np.ndarray) -> dict:
    """AP and AR from precision (IoUs, recalls, classes, sizes) and recall (IoUs, classes, sizes); NaN: no objects."""
    numbers = {"AP": _mean(precision[..., 0]), "AP50": _mean(precision[IOU_50, ..., 0])}
    numbers["AP75"] = _mean(precision[IOU_75, ..., 0])
    for place, size in enumerate(SIZES[1:], 1):
        numbers[f"AP_{size}"] = _mean(precision[..., place])
    numbers["AR"] = _mean(recall[..., 0])
    for place, size in enumerate(SIZES[1:], 1):
        numbers[f"AR_{size}"] = _mean(recall[..., place])
    return numbers


def _mean(values: np.ndarray) -> float:
    """Mean of what is defined; the evaluator marks the rest (a class or a size without ground truth) with -1."""
    values = values[values > -1]
    return float(values.mean()) if values.size else float("nan")
