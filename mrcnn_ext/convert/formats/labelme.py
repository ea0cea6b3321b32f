"""LabelMe: one JSON beside each image; polygons, rectangles, circles, masks; a group is one object."""

import base64
import binascii
import io
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import (
    foreground,
    identity,
    mapping,
    naming,
    number,
    parse_json,
    points,
    read_bitmap,
    sequence,
    text,
    whole,
)  # fmt: skip
from mrcnn_ext.masks.geometry import ellipse, place, rectangle
from mrcnn_ext.masks.outlines import by_image, object_mask

TITLE = "LabelMe JSON"
NO_AREA = ("line", "linestrip", "point", "points")


def detect(path: Path) -> str | None:
    """A JSON object with shapes and imagePath, or a folder with such files."""
    if path.is_dir():
        first = next(_files(path), None)
        if first is None or not detect(first):
            return None
        return f"a folder of LabelMe files ({first.relative_to(path)})"
    if path.suffix.lower() != ".json":
        return None
    content = parse_json(path.read_bytes(), path)
    known = isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content
    return "a JSON object with shapes and imagePath" if known else None


def _files(folder: Path) -> Iterator[Path]:
    """JSON files below a folder, in order."""
    return (path for path in sorted(folder.rglob("*.json")) if path.is_file())


def read(path: Path, options: Options) -> Builder:
    """All files below a folder, or one file; files of other kinds are dropped, and listed."""
    folder = path if path.is_dir() else path.parent
    builder = Builder(options, options.images or folder)
    for file in _files(path) if path.is_dir() else [path]:
        with naming(file):
            content = parse_json(file.read_bytes(), file)
            if path.is_dir() and not (isinstance(content, dict) and "shapes" in content):
                builder.account.drop("file that is no LabelMe JSON", str(file.relative_to(folder)))
                continue
            _read_file(builder, mapping(content, "the file"), file.relative_to(folder).parent.as_posix())
    return builder


def _read_file(builder: Builder, content: dict, below: str) -> None:
    """One image with its objects."""
    name = text(content.get("imagePath"), "imagePath").replace("\\", "/")
    joined = os.path.normpath(f"{below}/{name}").replace(os.sep, "/")
    found = builder.folder is not None and builder.folder.find(joined)
    name = joined if found or not PurePosixPath(name).is_absolute() else name
    size = None
    if content.get("imageWidth") and content.get("imageHeight"):
        size = whole(content["imageWidth"], "imageWidth"), whole(content["imageHeight"], "imageHeight")
    flags = mapping(content.get("flags") or {}, "flags")
    image_id = identity(content["cocoId"], "cocoId") if content.get("cocoId") is not None else None
    image = builder.image(name, size, image_id, flags)
    if image is None:
        return
    groups: dict[tuple[str, str], list[tuple[dict, str]]] = {}
    for i, shape in enumerate(sequence(content.get("shapes"), "shapes"), 1):
        shape = mapping(shape, f"shape {i}")
        label, group = text(shape.get("label"), f"shape {i}: label"), shape.get("group_id")
        key = (label, f"shape {i}") if group is None else (label, f"group {identity(group, f'shape {i}: group_id')}")
        groups.setdefault(key, []).append((shape, f"shape {i}"))
    for (label, where), shapes in groups.items():
        _add_object(builder, image, label, shapes, where)


def _add_object(builder: Builder, image, label: str, shapes, where: str) -> None:
    """One object of one or more shapes."""
    polygons, masks = [], []
    attributes: dict[str, Any] = {}
    for shape, own in shapes:
        kind = shape.get("shape_type") or "polygon"
        if kind in NO_AREA:
            builder.account.drop("line or point, which has no area", f"{image.file_name}: {own}")
            continue
        corners = points(shape.get("points"), own)
        if kind == "mask":
            masks.append(_mask(shape, corners, own, *image.frame))
        else:
            polygons.append(_polygon(kind, corners, own))
        attributes |= mapping(shape.get("flags") or {}, f"{own}: flags")
        attributes |= mapping(shape.get("attributes") or {}, f"{own}: attributes")
        if shape.get("description"):
            attributes["description"] = text(shape["description"], own)
    if not polygons and not masks:
        return
    crowd = int(attributes.pop("iscrowd", False) is True)
    category_id = builder.category(label)
    builder.add(
        image, category_id, polygons=polygons, masks=masks, where=where, iscrowd=crowd, attributes=attributes or None
    )


def _polygon(kind, corners: np.ndarray, where: str) -> np.ndarray:
    """Polygon (n, 2) of a polygon, rectangle or circle."""
    if kind in ("polygon", "oriented_rectangle"):
        return corners
    if kind not in ("rectangle", "circle"):
        raise ValueError(f"{where}: there is no shape_type {kind!r} in LabelMe")
    if len(corners) == 4 and kind == "rectangle":
        return corners
    if len(corners) != 2:
        raise ValueError(f"{where}: a {kind} has two points, not {len(corners)}")
    if kind == "circle":
        radius = float(np.hypot(*(corners[1] - corners[0])))
        x, y = corners[0].tolist()
        return ellipse(x, y, radius, radius)
    return rectangle(*corners.min(axis=0), *(corners.max(axis=0) - corners.min(axis=0)))


def _mask(shape: dict, corners: np.ndarray, where: str, width: int, height: int) -> np.ndarray:
    """Mask bool (height, width) of a crop between two corners."""
    try:
        data = base64.b64decode(text(shape.get("mask"), f"{where}: mask"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{where}: its mask is not base64: {error}") from error
    if len(corners) != 2:
        raise ValueError(f"{where}: a mask has two points, not {len(corners)}")
    x, y = (int(round(number(v, where))) for v in corners.min(axis=0))
    return place(foreground(read_bitmap(data, where)), x, y, height, width)


def write(coco: dict, out: Path, options: Options) -> Account:
    """One JSON an image, in the same sub-folders; several polygons are a group, RLE objects are masks."""
    account = Account()
    names = {item["id"]: item["name"] for item in coco["categories"]}
    written = set()
    for image, annotations in by_image(coco):
        name = PurePosixPath(image["file_name"])
        target = out / name.with_suffix(".json")
        if target in written:  # a.jpg and a.png
            target = out / f"{name}.json"
        written.add(target)
        shapes = []
        for item in annotations:
            shapes += _shapes(item, names[item["category_id"]], image, account)
        image_path = Path(options.images) / name if options.images else out / name
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": Path(os.path.relpath(image_path, target.parent)).as_posix(),
            "imageData": None,
            "imageHeight": image["height"],
            "imageWidth": image["width"],
            "cocoId": image["id"],
        }
        write_json(target, content, on_disk=False)
    return account


def _shapes(item: dict, label: str, image: dict, account: Account) -> list[dict]:
    """Shapes of one object."""
    flags = {key: value for key, value in (item.get("attributes") or {}).items() if isinstance(value, bool)}
    others = {key: value for key, value in (item.get("attributes") or {}).items() if key not in flags}
    if item.get("iscrowd"):
        flags["iscrowd"] = True
    base = {"label": label, "description": "", "flags": flags, "group_id": None, "mask": None}
    base |= {"attributes": others} if others else {}
    if "score" in item:
        account.drop("score: LabelMe has no place for it", f"{image['file_name']}: annotation {item['id']}")
    segmentation = item["segmentation"]
    if isinstance(segmentation, list):
        group = item["id"] if len(segmentation) > 1 else None
        corners = [np.array(part).reshape(-1, 2).tolist() for part in segmentation]
        return [base | {"shape_type": "polygon", "points": part, "group_id": group} for part in corners]
    mask = object_mask(item, image["height"], image["width"])
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])
    data = io.BytesIO()
    Image.fromarray(mask[top : bottom + 1, left : right + 1].astype(np.uint8) * np.uint8(255)).save(data, "PNG")
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return [base | {"shape_type": "mask", "points": [[left, top], [right, bottom]], "mask": encoded}]
