"""The objects of a part: masks, boxes, areas, and objects that are there twice."""

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from mrcnn_ext.masks.rle import MIN_POLYGON_NUMBERS, counts_to_bytes, polygon_parts, polygons_to_rle, rle_area, rle_box

TINY = 4  # pixels
OUTSIDE = 1.0  # pixels that a polygon may reach over the edge: tools round
BOX_SLACK = 2.0  # pixels between a box and the mask's, or a twentieth of its side
AREA_SLACK = 0.1  # share of the mask's area
NEAR_IOU = 0.9  # of two masks of one class


@dataclass(slots=True)
class Mask:
    """A readable mask of an annotation: its RLE, area in pixels and box x, y, width, height."""

    annotation: dict
    rle: dict
    area: int
    box: list[float]


def check_objects(part, looks, report) -> list[list[Mask]]:
    """Report the faults of every object; returns the readable, non-empty masks of each image."""
    found = []
    for image, look, annotations in zip(part.images, looks, part.objects, strict=True):
        width, height = image["width"] or look.width, image["height"] or look.height
        masks = []
        if width and height:
            sized = image | {"width": width, "height": height}
            masks = [mask for item in annotations if (mask := _check_one(part, sized, item, report))]
            _check_twins(part, image, masks, report)
        if not annotations:
            report.add("image-no-objects", part.file, "it has no objects", image)
        found.append(masks)
    return found


def read_mask(annotation, height, width) -> dict | None:
    """RLE of an annotation, None when it has no mask at all.  Raises ValueError saying what is wrong with it."""
    segmentation = annotation.get("segmentation")
    if segmentation is None or segmentation in ([], {}, "") or (type(segmentation) is tuple and not segmentation):
        return None
    if isinstance(segmentation, tuple):
        return polygons_to_rle([p for p in segmentation if p.size >= MIN_POLYGON_NUMBERS], height, width)
    if isinstance(segmentation, dict):
        if segmentation.get("size") != [height, width]:
            raise ValueError(f"its RLE has the size {segmentation.get('size')}, the image {[height, width]}")
        return {"size": [height, width], "counts": counts_to_bytes(segmentation.get("counts"), height, width)}
    if isinstance(segmentation, list):
        polygon_parts(segmentation)
    raise ValueError(f"its segmentation is neither polygons nor RLE: {str(segmentation)[:60]}")


def numbers(value, count: int) -> list[float] | None:
    """`count` finite numbers, or None."""
    try:
        array = np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    return array.tolist() if array.size == count and np.isfinite(array).all() else None


def polygon_faults(parts, height: int, width: int) -> tuple[float, int]:
    """How far in pixels polygons reach outside the image, and how many of them have no area."""
    reach, flat = 0.0, 0
    for part in parts:
        if part.size < MIN_POLYGON_NUMBERS or _signed_area(part) == 0:
            flat += 1
        else:
            x, y = part[0::2], part[1::2]
            reach = max(reach, -x.min(), -y.min(), x.max() - width, y.max() - height)
    return float(reach), flat


def _check_one(part, image, annotation, report) -> Mask | None:
    number, height, width = annotation.get("id"), image["height"], image["width"]

    def add(code, what):
        report.add(code, part.file, what, image, number)

    box, area = annotation.get("bbox"), annotation.get("area")
    box_values, area_values = numbers(box, 4), numbers(area, 1)
    if box not in (None, []) and box_values is None:
        add("box-broken", f"bbox is {str(box)[:60]}")
    if area not in (None, []) and area_values is None:
        add("area-broken", f"area is {str(area)[:60]}")
    try:
        rle = read_mask(annotation, height, width)
    except ValueError as error:
        add("mask-broken", str(error))
        return None
    if rle is None:
        add("mask-missing", "it has no segmentation" + (", only a box" if box_values else ""))
        return None
    pixels = rle_area(rle)
    _check_polygons(annotation["segmentation"], pixels, image, add)
    if pixels == 0:
        return None
    mask = Mask(annotation, rle, pixels, rle_box(rle))
    if pixels < TINY:
        add("mask-tiny", f"{pixels} pixels")
    if box in (None, []):
        add("box-missing", "no bbox")
    elif box_values is not None and not boxes_agree(box_values, mask.box):
        add(
            "box-disagrees", f"bbox is {_short(box_values)}, the mask's {_short(mask.box)}{_hint(box_values, mask.box)}"
        )
    if area in (None, []):
        add("area-missing", "no area")
    elif area_values is not None and abs(area_values[0] - pixels) > AREA_SLACK * pixels + sum(mask.box[2:]) / 2:
        sides = (box_values or mask.box)[2:]
        boxed = "; it is the box's" if abs(area_values[0] - sides[0] * sides[1]) < 1 else ""
        add("area-disagrees", f"area is {area_values[0]:g}, the mask has {pixels} pixels{boxed}")
    return mask


def _check_polygons(segmentation, pixels, image, add) -> None:
    if not isinstance(segmentation, tuple):
        if pixels == 0:
            add("mask-empty", "its RLE has no pixel")
        return
    height, width = image["height"], image["width"]
    usable = [part for part in segmentation if part.size >= MIN_POLYGON_NUMBERS]
    if not usable:
        add("mask-empty", "no polygon has three points")
        return
    reach, flat = polygon_faults(segmentation, height, width)
    if pixels == 0:
        points = np.concatenate(usable).reshape(-1, 2)
        low, high = points.min(axis=0), points.max(axis=0)
        if (high <= 0).any() or low[0] >= width or low[1] >= height:
            add("mask-outside", f"x {low[0]:g} to {high[0]:g}, y {low[1]:g} to {high[1]:g}, image {width} x {height}")
        else:
            add("mask-empty", "its polygons cover no pixel")
        return
    if reach > OUTSIDE:
        add("polygon-outside", f"up to {reach:g} pixels outside")
    if flat:
        add("polygon-degenerate", f"{flat} of {len(segmentation)} parts have no area")


def _check_twins(part, image, masks, report) -> None:
    """Objects with the same mask, or, in one class, nearly the same.  Crowds are left alone."""
    masks = [mask for mask in masks if not mask.annotation.get("iscrowd")]
    first: dict[bytes, Mask] = {}
    rest = []
    for mask in masks:
        twin = first.setdefault(mask.rle["counts"], mask)
        if twin is mask:
            rest.append(mask)
            continue
        same_class = twin.annotation["category_id"] == mask.annotation["category_id"]
        names = [repr(part.categories[m.annotation["category_id"]]) for m in (twin, mask)]
        words = f"the mask of annotation {twin.annotation.get('id')}"
        what = words if same_class else f"{words}: {names[0]} and {names[1]}"
        code = "annotation-twice" if same_class else "annotation-two-classes"
        report.add(code, part.file, what, image, mask.annotation.get("id"))
    for one, other, iou in _near(rest):
        what = f"its mask has IoU {iou:.2f} with annotation {one.annotation.get('id')}"
        report.add("annotation-near-twice", part.file, what, image, other.annotation.get("id"))


def _near(masks):
    """Pairs of one class whose masks have an IoU of NEAR_IOU and more."""
    if len(masks) < 2:
        return
    boxes = np.array([mask.box for mask in masks])
    classes = np.array([mask.annotation["category_id"] for mask in masks])
    slack = 0.12 * np.maximum(boxes[:, 2:].max(axis=1), 8)  # further apart, boxes cannot overlap so much
    for i in range(len(masks) - 1):
        close = (np.abs(boxes[i + 1 :] - boxes[i]).max(axis=1) <= slack[i]) & (classes[i + 1 :] == classes[i])
        for j in np.flatnonzero(close) + i + 1:
            iou = float(coco_mask.iou([masks[i].rle], [masks[j].rle], [0])[0, 0])
            if iou >= NEAR_IOU:
                yield masks[i], masks[j], iou


def boxes_agree(box, tight) -> bool:
    """Each edge within some pixels of the mask's."""
    edges = [np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]]) for b in (box, tight)]
    slack = np.maximum(BOX_SLACK, np.array(tight[2:] * 2) / 20)
    return bool((np.abs(edges[0] - edges[1]) <= slack).all())


def _hint(box, tight) -> str:
    """What the box looks like instead."""
    x, y, width, height = tight
    if np.abs(np.array(box) - [x, y, x + width, y + height]).max() <= BOX_SLACK:
        return "; it looks like x1, y1, x2, y2 where COCO has x, y, width, height"
    if np.abs(np.array(box) - [y, x, height, width]).max() <= BOX_SLACK:
        return "; x and y are swapped"
    return ""


def _signed_area(part) -> float:
    x, y = part[0::2] - part[0], part[1::2] - part[1]
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def _short(values) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values) + "]"
