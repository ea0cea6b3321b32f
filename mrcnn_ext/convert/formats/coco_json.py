"""COCO instance segmentation, from any tool that writes it (CVAT, Roboflow, FiftyOne, ...)."""

from pathlib import Path

import numpy as np

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import MAX_PIXELS, identity, mapping, number, read_json, sequence, text, whole
from mrcnn_ext.masks.geometry import rectangle
from mrcnn_ext.masks.rle import polygon_parts

TITLE = "COCO JSON"
KEYS = ("images", "annotations", "categories")
OWN = frozenset(["id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd", "attributes"])


def detect(path: Path) -> str | None:
    """A JSON object with the lists images, annotations and categories."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in KEYS):
        return None
    return "a JSON object with images, annotations and categories"


def read(path: Path, options: Options) -> Builder:
    """Ids, extra fields, attributes are kept; area and box are made anew, the old are source_area and source_bbox."""
    content = mapping(read_json(path), "the file")
    images, annotations, categories = (sequence(content.get(key), key) for key in KEYS)
    builder = Builder(options, options.images)
    builder.extra = _rest(content, KEYS)
    names = {}
    for item in categories:
        item = mapping(item, "an entry of categories")
        category_id = identity(item.get("id"), f"the id of category {item.get('name')!r}")
        if category_id in names:
            raise ValueError(f"category id {category_id} is there twice")
        names[category_id] = text(item.get("name"), f"the name of category {category_id}")
        builder.category(names[category_id], category_id, **_rest(item, ("id", "name")))
    by_id = _read_images(builder, images)
    for item in annotations:
        item = mapping(item, "an entry of annotations")
        where = f"annotation {item.get('id')}"
        image_id, category_id = (identity(item.get(key), f"{where}: {key}") for key in ("image_id", "category_id"))
        if image_id not in by_id or category_id not in names:
            missing = "image_id" if image_id not in by_id else "category_id"
            builder.account.drop(
                f"annotation whose {missing} is not in the file", f"{where} ({missing} {item[missing]})"
            )
        elif by_id[image_id] is not None:
            _read_annotation(builder, by_id[image_id], item, where)
    return builder


def write(coco: dict, out: Path, options: Options) -> Account:
    """One file; `out` is its name, or a folder for annotations.json."""
    write_json(out if out.suffix.lower() == ".json" else out / "annotations.json", coco)
    return Account()


def _read_images(builder: Builder, images: list) -> dict:
    """{image id: Image, or None for one that was dropped}."""
    by_id = {}
    for item in images:
        item = mapping(item, "an entry of images")
        name = text(item.get("file_name"), f"the file_name of image {item.get('id')}")
        image_id = identity(item.get("id"), f"the id of image {name}")
        if image_id in by_id:
            raise ValueError(f"image {name}: its id {image_id} is there twice")
        size = None
        if item.get("width") is not None and item.get("height") is not None:
            size = whole(item["width"], f"the width of {name}"), whole(item["height"], f"the height of {name}")
        extra = _rest(item, ("id", "file_name", "width", "height"))
        by_id[image_id] = builder.image(name, size, image_id, **extra)
    return by_id


def _read_annotation(builder: Builder, image, item: dict, where: str) -> None:
    """One object; its mask is as in the file, or its box where it has none."""
    extra = _rest(item, OWN)
    if item.get("id") is not None:
        extra["id"] = identity(item["id"], where)
    box = item.get("bbox") or None
    if box is not None:
        box = [number(value, f"{where}: bbox") for value in sequence(box, f"{where}: bbox")]
        if len(box) != 4:
            raise ValueError(f"{where}: its bbox has {len(box)} numbers, not 4")
        extra.setdefault("source_bbox", box)
    if item.get("area") is not None:
        extra.setdefault("source_area", number(item["area"], f"{where}: area", MAX_PIXELS))
    segmentation = item.get("segmentation")
    polygons: list[np.ndarray] = []
    masks: list[dict] = []
    if isinstance(segmentation, dict):
        masks = [segmentation]
    elif segmentation:
        shapes = sequence(segmentation, f"{where}: segmentation")
        polygons = _polygons(builder, shapes, f"{image.file_name}: {where}")
    elif box is not None:
        builder.account.note(
            "object with a box and no mask: the box is taken as its mask", f"{image.file_name}: {where}"
        )
        polygons = [rectangle(*box)]
    crowd = whole(item.get("iscrowd") or 0, f"{where}: iscrowd")
    if crowd not in (0, 1):
        raise ValueError(f"{where}: iscrowd is {crowd}, not 0 or 1")
    if crowd and builder.options.crowd == "objects":
        builder.account.repair("crowd taken as an object (--crowd objects)", f"{image.file_name}: {where}")
        crowd = 0
    elif crowd and isinstance(item.get("attributes"), dict) and "occluded" in item["attributes"]:
        builder.account.note(
            "crowd in a file by CVAT, which marks every brush mask so: if these are objects, say --crowd objects",
            f"{image.file_name}: {where}",
        )
    attributes = item.get("attributes")
    if attributes and not isinstance(attributes, dict):
        raise ValueError(f"{where}: its attributes are no object")
    kept = builder.add(
        image, identity(item["category_id"], where),
        polygons=polygons, masks=masks, where=where, iscrowd=crowd, attributes=attributes, **extra,
    )  # fmt: skip
    if kept and builder.annotations[-1]["segmentation"] == segmentation:
        builder.annotations[-1]["segmentation"] = segmentation  # the very numbers of the file, and no second copy


def _polygons(builder: Builder, shapes: list, place: str) -> list[np.ndarray]:
    """Polygons (n, 2); parts of fewer than three points are dropped, with an entry in the account."""
    try:
        parts = polygon_parts(shapes)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{place}: {error}") from error
    for _ in range(len(shapes) - len(parts)):
        builder.account.drop("part of fewer than three points", place)
    for part in parts:
        number(float(np.abs(part).max()), place)
    return [part.reshape(-1, 2) for part in parts]


def _rest(item: dict, known) -> dict:
    """Fields of tools beside COCO's own."""
    return {key: value for key, value in item.items() if key not in known}
