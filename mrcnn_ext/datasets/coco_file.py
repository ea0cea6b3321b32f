"""A COCO annotation file in memory, small: columns of numbers, and each mask as its polygons or its RLE.

Masks are rasterised when asked for, never kept.  The image's own size decides the size of its masks.
"""

import gc
import json
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mrcnn_ext.common.values import first_few, whole_number
from mrcnn_ext.datasets.coco_points import Points
from mrcnn_ext.masks.rle import counts_to_bytes, polygon_parts, polygons_to_rle


class CocoFile:
    """Images, categories and objects of one annotation file.

    path: the file.
    images: list of {"id", "file_name", "width", "height"}, in the order of the file.
    categories: {category id: name}, sorted by id.
    first: int64 (images + 1,); the objects of image `row` are first[row] .. first[row + 1] - 1.
    category_ids: int64 (objects,); crowd: bool (objects,).
    boxes: float64 (objects, 4) x, y, width, height; areas: float64 (objects,): as in the file, NaN where it has none.
    left_out: ids of annotations whose polygons all have fewer than three points.

    `box_masks=True` takes the box as the mask of an object that has no segmentation (boxes only: USE_MASK = False).
    Raises ValueError naming the file and the image or annotation for anything that is no valid COCO.
    """

    def __init__(self, path, box_masks: bool = False):
        self.path = Path(path)
        self._points = Points()
        with _without_collector():
            content = _read_json(self.path, self._points)
            try:
                self.images, rows = _images(content["images"])
                self.categories = _categories(content["categories"])
                self._refuse_odd_points(content["annotations"])
                self._read_objects(content["annotations"], rows, box_masks)
            except ValueError as error:
                raise ValueError(f"{self.path}: {error}") from error
        if self.left_out:
            warnings.warn(
                f"{self.path}: {len(self.left_out)} annotations were left out, because no polygon of theirs has three "
                f"points: {first_few(self.left_out)}",
                stacklevel=2,
            )

    def objects(self, row: int) -> range:
        """Numbers of the objects of image `row`."""
        return range(int(self.first[row]), int(self.first[row + 1]))

    def rle(self, row: int, number: int) -> dict:
        """Compressed RLE of object `number`, which is of image `row`."""
        height, width = self.images[row]["height"], self.images[row]["width"]
        counts = self._counts.get(number)
        if counts is not None:
            return {"size": [height, width], "counts": counts}
        first, end = self._parts[number].tolist()
        return polygons_to_rle(self._points.parts(range(first, end)), height, width)

    def _read_objects(self, annotations: list, rows: dict, box_masks: bool) -> None:
        """Fill the columns, sorted by image."""
        self.left_out = []
        image_rows, kept, masks = [], [], []
        for annotation in annotations:
            try:
                row = _row_of(annotation, rows, self.categories)
                mask = self._packed_mask(annotation, self.images[row], box_masks)
            except ValueError as error:
                name = f"annotation {annotation.get('id')}" if isinstance(annotation, dict) else "an annotation"
                raise ValueError(f"{name}: {error}") from error
            if len(mask) == 0:
                self.left_out.append(annotation.get("id"))
                continue
            image_rows.append(row)
            kept.append(annotation)
            masks.append(mask)
        order = np.argsort(np.array(image_rows, np.int64), kind="stable").tolist()
        masks = [masks[i] for i in order]
        kept = [kept[i] for i in order]
        self._counts = {number: mask for number, mask in enumerate(masks) if isinstance(mask, bytes)}
        ends = [(0, 0) if isinstance(mask, bytes) else (mask.start, mask.stop) for mask in masks]
        self._parts = np.array(ends, np.int64).reshape(-1, 2)  # numbers of the first part of an object, and behind it
        counts = np.bincount(np.array(image_rows, np.int64), minlength=len(self.images))
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.category_ids = np.array([a["category_id"] for a in kept], np.int64)
        self.crowd = np.array([bool(a.get("iscrowd")) for a in kept], bool)
        self.boxes = _column(kept, "bbox", 4)
        self.areas = _column(kept, "area", 1)[:, 0]

    def _packed_mask(self, annotation: dict, image: dict, box_masks: bool) -> bytes | range:
        """Mask of an annotation as RLE counts or as numbers of its polygons; empty when none has three points."""
        segmentation = annotation.get("segmentation")
        if type(segmentation) is range and (segmentation or not box_masks):  # packed by Points.pack
            return segmentation
        name = f"image {image['id']} ({image['file_name']})"
        if isinstance(segmentation, dict):
            return _packed_rle(segmentation, image, name)
        if segmentation:
            raise ValueError(f"{name}: its segmentation is neither polygons nor RLE: {str(segmentation)[:60]}")
        x, y, w, h = _numbers(annotation, "bbox", 4)
        if not box_masks or not (w > 0 and h > 0):
            raise ValueError(
                f"{name}: it has no segmentation. For a detector without masks (USE_MASK = False), box_masks=True "
                "takes the box instead, where it has one."
            )
        return self._points.add([x, y, x + w, y, x + w, y + h, x, y + h])

    def _refuse_odd_points(self, annotations: list) -> None:
        """Raises ValueError naming the annotation with the first coordinate that no image has."""
        odd = self._points.odd_part()
        for annotation in annotations if odd is not None else ():
            parts = annotation.get("segmentation") if isinstance(annotation, dict) else None
            if isinstance(parts, range) and odd in parts:
                try:
                    polygon_parts(self._points.parts(parts))
                except ValueError as error:
                    name = f"annotation {annotation.get('id')} (image {annotation.get('image_id')})"
                    raise ValueError(f"{name}: {error}") from error


@contextmanager
def _without_collector():
    """Turns Python's garbage collector off: it would search millions of objects again and again, and free none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_json(path: Path, points: Points) -> dict:
    """The file's content with the polygons packed into `points`, which keeps the peak of memory low."""
    try:
        raw = path.read_bytes()
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
        del raw
        content = json.loads(text, object_hook=points.pack)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such annotation file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: this is not JSON, or it is cut off: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: a COCO annotation file holds an object, but this one holds a {type(content).__name__}."
        )
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise ValueError(f"{path}: this is no COCO annotation file: it has no list {key!r}.")
    return content


def _images(items: list) -> tuple[list[dict], dict]:
    """Checked list of images, and {image id: row}."""
    images: list[dict] = []
    rows: dict[int, int] = {}
    for item in items:
        if not isinstance(item, dict) or "id" not in item or not isinstance(item.get("file_name"), str):
            raise ValueError(f"an entry of 'images' has no id or no file_name: {str(item)[:80]}")
        image_id = _whole(item["id"], f"the id of image {item['file_name']}")
        name = f"image {image_id} ({item['file_name']})"
        if image_id in rows:
            raise ValueError(f"{name}: this image id is there twice")
        width, height = (_whole(item.get(key), f"{name}: {key}") for key in ("width", "height"))
        if min(width, height) < 1:
            raise ValueError(f"{name}: its size is {width} x {height} pixels")
        rows[image_id] = len(images)
        images.append({"id": image_id, "file_name": item["file_name"], "width": width, "height": height})
    return images, rows


def _categories(items: list) -> dict[int, str]:
    """Checked categories, sorted by id."""
    categories: dict[int, str] = {}
    for item in items:
        if not isinstance(item, dict) or "id" not in item or "name" not in item:
            raise ValueError(f"an entry of 'categories' has no id or no name: {str(item)[:80]}")
        category_id = _whole(item["id"], f"the id of category {item['name']!r}")
        if category_id in categories:
            raise ValueError(f"category id {category_id} is there twice: {categories[category_id]!r}, {item['name']!r}")
        categories[category_id] = str(item["name"])
    return dict(sorted(categories.items()))


def _row_of(annotation, rows: dict, categories: dict) -> int:
    """Row of the annotation's image. Raises ValueError if its image or its category does not exist."""
    if not isinstance(annotation, dict):
        raise ValueError(f"an entry of 'annotations' is not an object: {str(annotation)[:80]}")
    for key, known, place in (("image_id", rows, "images"), ("category_id", categories, "categories")):
        value = annotation.get(key)
        annotation[key] = value if type(value) is int else _whole(value, f"its {key}")
        if annotation[key] not in known:
            raise ValueError(f"its {key} {value} is not among the {place!r}")
    return rows[annotation["image_id"]]


def _packed_rle(segmentation: dict, image: dict, name: str) -> bytes:
    """Counts of an RLE, compressed.  Raises ValueError when they do not fill the image."""
    height, width = image["height"], image["width"]
    if list(segmentation.get("size", ())) != [height, width]:
        raise ValueError(f"{name}: its RLE has the size {segmentation.get('size')}, the image {[height, width]}")
    try:
        return counts_to_bytes(segmentation.get("counts"), height, width)
    except ValueError as error:
        raise ValueError(f"{name}: broken RLE: {error}") from error


def _whole(value, name: str) -> int:
    """`whole_number`, or an error that names the value."""
    number = whole_number(value)
    if number is None:
        raise ValueError(f"{name} must be a whole number, but is {value!r}")
    return number


def _column(annotations: list, key: str, count: int) -> np.ndarray:
    """float64 (objects, count) of one key, NaN where an annotation has none."""
    try:
        numbers = np.array([a.get(key) for a in annotations], np.float64).reshape(-1, count)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros((0, count))  # not all of them have as many numbers
    if len(numbers) != len(annotations) or not np.isfinite(numbers).all():
        numbers = np.array([_numbers(a, key, count) for a in annotations], np.float64)  # one by one, and names the bad
    return numbers.reshape(-1, count)


def _numbers(annotation: dict, key: str, count: int) -> list[float]:
    """`count` numbers of an annotation; NaN where it has none."""
    value = annotation.get(key)
    if value is None or value == []:
        return [np.nan] * count
    try:
        numbers = np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.size != count or not np.isfinite(numbers).all():
        raise ValueError(f"annotation {annotation.get('id')}: {key} must be {count} finite numbers, but is {value!r}")
    return numbers.tolist()
