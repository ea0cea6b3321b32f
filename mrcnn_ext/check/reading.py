"""A tolerant look into COCO files: what is usable is kept, what is not becomes a finding.

`CocoFile` stops at the first fault, as training must; here every fault is wanted.
"""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from mrcnn_ext.check.findings import printable
from mrcnn_ext.common.values import shortened, whole_number
from mrcnn_ext.masks.rle import MAX_COORDINATE

MAX_SIDE = 65_535  # pixels; pycocotools counts the pixels of an image in 32 bits


class Part:
    """One annotation file and its folder of images.

    name: last part of the file's name.  content: the JSON, with good polygons packed as tuples of arrays (2 * points,).
    images: usable entries, with id, file_name, width and height as they should be (None for a size that is not usable).
    raw_images: the entry of the file for each.  categories: {id: name}, sorted.
    objects: for each of `images` its usable annotations, as in the file, with whole ids.
    """

    def __init__(self, file, image_dir, report):
        self.file, self.image_dir = Path(file), Path(image_dir)
        self.name = self.file.stem.removeprefix("instances_")
        self.content = read_content(self.file)
        self.images, self.raw_images, rows = [], [], {}
        self.unclear = set()  # image ids that two different entries have
        self._read_images(report, rows)
        self.categories = self._read_categories(report)
        self.objects = self._read_annotations(report, rows)

    def _read_images(self, report, rows) -> None:
        names = defaultdict(list)
        for item in self.content["images"]:
            if not isinstance(item, dict) or not isinstance(item.get("file_name"), str) or not item["file_name"]:
                report.add("image-entry", self.file, f"it has no file_name: {shortened(item)}")
                continue
            number = whole_number(item.get("id"))
            if number is None:
                report.add("image-entry", self.file, f"{item['file_name']}: its id is {item.get('id')!r}")
                continue
            entry = {"id": number, "file_name": item["file_name"]}
            if number in rows:
                first = self.images[rows[number]]
                self._report_same_id(report, first, entry, item == self.raw_images[rows[number]])
                continue
            for key in ("width", "height"):
                size = whole_number(item.get(key))
                entry[key] = size if size is not None and 0 < size <= MAX_SIDE else None
                if entry[key] is None:
                    report.add("image-entry", self.file, f"its {key} is {item.get(key)!r}", entry)
            name = os.path.normpath(entry["file_name"])
            if os.path.isabs(name) or name.startswith(".."):  # noqa: PTH117
                report.add("image-name", self.file, "its file_name leads out of the image folder", entry)
            names[name].append(number)
            rows[number] = len(self.images)
            self.images.append(entry)
            self.raw_images.append(item)
        for numbers in names.values():
            if len(numbers) > 1:
                entry = self.images[rows[numbers[1]]]
                report.add("image-listed-twice", self.file, f"the ids {numbers} name this file", entry)
        if not self.images:
            report.add("part-empty", self.file, "there is no usable entry in 'images'")

    def _report_same_id(self, report, first, second, equal) -> None:
        if not equal:
            self.unclear.add(first["id"])
        words = "the two entries are equal" if equal else f"{first['file_name']} has it too"
        report.add("image-id-twice", self.file, words, second)

    def _read_categories(self, report) -> dict[int, str]:
        categories: dict[int, str] = {}
        for item in self.content["categories"]:
            number = whole_number(item.get("id")) if isinstance(item, dict) else None
            if number is None or item.get("name") in (None, ""):
                report.add("category-entry", self.file, f"it has no id or no name: {shortened(item)}")
            elif number in categories:
                what = f"id {number} is {categories[number]!r} and {item['name']!r}"
                report.add("category-id-twice", self.file, what)
            else:
                categories[number] = printable(item["name"])
        return dict(sorted(categories.items()))

    def _read_annotations(self, report, rows) -> list[list[dict]]:
        objects: list[list[dict]] = [[] for _ in self.images]
        seen: Counter[str] = Counter()
        for item in self.content["annotations"]:
            if not isinstance(item, dict):
                report.add("annotation-entry", self.file, f"it is not an object: {shortened(item)}")
                continue
            number = item.get("id")
            image_id, category_id = whole_number(item.get("image_id")), whole_number(item.get("category_id"))
            image = self.images[rows[image_id]] if image_id in rows else None
            seen[repr(number)] += 1
            if number is not None and seen[repr(number)] == 2:
                report.add("annotation-id-twice", self.file, f"id {number!r} is there again", image, number)
            if image is None:
                report.add("annotation-image", self.file, f"image_id {item.get('image_id')!r}", None, number)
            elif category_id not in self.categories:
                what = f"category_id {item.get('category_id')!r}"
                report.add("annotation-category", self.file, what, image, number)
            else:
                item["image_id"], item["category_id"] = image_id, category_id
                objects[rows[image_id]].append(item)
        return objects


def read_content(file: Path) -> dict:
    """The JSON with good polygons packed into arrays.  Raises ValueError when it is no COCO file at all."""
    try:
        content = json.loads(file.read_bytes(), object_hook=_pack)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:  # broken JSON, or text that is not UTF-8
        raise ValueError(f"it is not JSON, or it is cut off: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not an object")
    lacking = [key for key in ("images", "annotations", "categories") if not isinstance(content.get(key), list)]
    if lacking:
        raise ValueError(f"it has no list {' and no list '.join(map(repr, lacking))}")
    return content


def _pack(item: dict) -> dict:
    """Polygons that are flat lists of finite numbers in pairs become a tuple of arrays; others stay as they are."""
    segmentation = item.get("segmentation")
    if isinstance(segmentation, list) and segmentation:
        try:
            parts = tuple(np.array(part, np.float64) for part in segmentation)
        except (TypeError, ValueError):
            return item
        if all(part.ndim == 1 and part.size % 2 == 0 and (np.abs(part) <= MAX_COORDINATE).all() for part in parts):
            item["segmentation"] = parts
    return item
