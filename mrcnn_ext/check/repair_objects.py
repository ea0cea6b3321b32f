"""Repair of one annotation."""

import numpy as np

from mrcnn_ext.check.objects import AREA_SLACK, boxes_agree, numbers, polygon_faults, read_mask
from mrcnn_ext.masks.rle import MIN_POLYGON_NUMBERS, cut_polygon, polygons_to_rle, rle_area, rle_box, rle_to_json


def repaired_object(annotation: dict, height: int, width: int, seen: set) -> tuple[dict | None, list[str]]:
    """A copy with a mask inside the image and its box and area; None for an object that is dropped.

    height, width: of the image in pixels.  seen: (category, mask) of the image's objects so far; grows.
    Also what was done, in words; nothing for a sound object.  An object with a box and no mask is left as it is.
    """
    try:
        rle = read_mask(annotation, height, width)
    except ValueError as error:
        return None, [f"object left out: {error}"]
    if rle is None and numbers(annotation.get("bbox"), 4) is None:
        return None, ["object left out: it has neither a mask nor a box"]
    if rle is None:
        return {key: value for key, value in annotation.items() if key != "area" or numbers(value, 1)}, []
    if rle_area(rle) == 0:
        return None, ["object left out: its mask has no pixel inside the image"]
    key = (annotation["category_id"], rle["counts"])
    if key in seen and not annotation.get("iscrowd"):
        return None, ["object left out: the same object is there already"]
    seen.add(key)
    repaired = dict(annotation)
    done: list[str] = []
    if isinstance(annotation["segmentation"], tuple):
        repaired["segmentation"] = _repaired_polygons(annotation["segmentation"], rle, height, width, done)
    area, box = rle_area(rle), rle_box(rle)
    old_area, old_box = numbers(annotation.get("area"), 1), numbers(annotation.get("bbox"), 4)
    if old_area is None or abs(old_area[0] - area) > AREA_SLACK * area + sum(box[2:]) / 2:
        done.append(f"area {annotation.get('area')} became {area}")
    if old_box is None or not boxes_agree(old_box, box):
        done.append(f"bbox {str(annotation.get('bbox'))[:60]} became {box}")
    return repaired | {"area": area, "bbox": box}, done


def _repaired_polygons(parts, rle, height, width, done) -> tuple | dict:
    """Polygons inside the image that give the same pixels; the RLE where no polygons do."""
    reach, flat = polygon_faults(parts, height, width)
    if reach <= 0 and not flat:
        return parts
    usable = [part for part in parts if polygon_faults([part], height, width)[1] == 0]
    cut = [np.round(cut_polygon(part, height, width), 3) for part in usable]
    cut = [part for part in cut if part.size >= MIN_POLYGON_NUMBERS]
    if flat:
        done.append(f"{flat} parts without area taken out")
    if reach > 0:
        done.append(f"cut off {reach:g} pixels outside the image")
    if cut and polygons_to_rle(cut, height, width)["counts"] == rle["counts"]:
        return tuple(cut)
    return rle_to_json(rle)
