"""Supervisely projects: meta.json, and <data set>/ann/<image>.json; polygons with holes, bitmaps, rectangles."""

import base64
import binascii
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import (
    MAX_PIXELS,
    foreground,
    identity,
    mapping,
    naming,
    parse_json,
    points,
    read_bitmap,
    sequence,
    text,
    whole,
)  # fmt: skip
from mrcnn_ext.masks.geometry import place, rectangle

TITLE = "Supervisely project"
NO_AREA = ("line", "polyline", "point", "graph", "cuboid", "any")


def detect(path: Path) -> str | None:
    """A folder with meta.json and folders ann."""
    if not path.is_dir() or not (path / "meta.json").is_file() or not _files(path):
        return None
    return "a folder with meta.json and folders ann"


def _files(folder: Path) -> list[Path]:
    """Annotation files: those in a folder `ann`."""
    return [file for file in sorted(folder.rglob("*.json")) if "ann" in file.relative_to(folder).parts[:-1]]


def read(path: Path, options: Options) -> Builder:
    """Holes are kept; tags become attributes; classes are those of meta.json, also unused ones."""
    builder = Builder(options, options.images or path)
    meta = path / "meta.json"
    if meta.is_file():
        with naming(meta):
            classes = mapping(parse_json(meta.read_bytes(), meta), "the file").get("classes") or []
            for item in sequence(classes, "classes"):
                builder.category(text(mapping(item, "a class").get("title"), "title of a class"))
    files = _files(path)
    if not files:
        raise ValueError("there is no folder `ann` with JSON files in it")
    for file in files:
        with naming(file):
            _read_file(builder, mapping(parse_json(file.read_bytes(), file), "the file"), file.relative_to(path))
    return builder


def _read_file(builder: Builder, content: dict, file: Path) -> None:
    """One image with its objects; <data set>/ann/x.jpg.json belongs to <data set>/img/x.jpg."""
    parts = list(file.parts)
    below = len(parts) - 2 - parts[-2::-1].index("ann")
    name = Path(*parts[:below], "img", *parts[below + 1 : -1], file.name.removesuffix(".json")).as_posix()
    stated = mapping(content.get("size"), "size")
    size = whole(stated.get("width"), "width"), whole(stated.get("height"), "height")
    image = builder.image(name, size, attributes=_tags(content.get("tags")))
    if image is None:
        return
    for i, item in enumerate(sequence(content.get("objects"), "objects"), 1):
        _add_object(builder, image, mapping(item, f"object {i}"), f"object {i}")


def _add_object(builder: Builder, image, item: dict, where: str) -> None:
    """One object."""
    title, kind = text(item.get("classTitle"), f"{where}: classTitle"), item.get("geometryType")
    shape: dict[str, Any] = {}
    if type(item.get("id")) is int:
        shape["source_id"] = identity(item["id"], f"{where}: id")
    attributes = _tags(item.get("tags"))
    if kind in NO_AREA:
        builder.account.drop(f"{kind}, which has no area", f"{image.file_name}: {where}")
        return
    if kind == "bitmap":
        shape["masks"] = [_bitmap(mapping(item.get("bitmap"), f"{where}: bitmap"), where, *image.frame)]
    elif kind in ("polygon", "rectangle"):
        given = mapping(item.get("points"), f"{where}: points")
        outline = points(given.get("exterior"), f"{where}: exterior")
        if kind == "rectangle":
            if len(outline) != 2:
                raise ValueError(f"{where}: a rectangle has two corners, not {len(outline)}")
            outline = rectangle(*outline.min(axis=0), *np.ptp(outline, axis=0))
        holes = sequence(given.get("interior") or [], f"{where}: interior")
        shape["polygons"] = [outline]
        shape["holes"] = [points(hole, f"{where}: interior") for hole in holes]
    else:
        raise ValueError(f"{where}: there is no geometryType {kind!r} in Supervisely")
    category_id = builder.category(title)
    builder.add(image, category_id, where=where, attributes=attributes, **shape)


def _bitmap(bitmap: dict, where: str, width: int, height: int) -> np.ndarray:
    """Mask bool (height, width) of a packed PNG and the place of its top left pixel."""
    origin = points([bitmap.get("origin")], f"{where}: origin")[0]
    unpack = zlib.decompressobj()
    try:
        packed = base64.b64decode(text(bitmap.get("data"), f"{where}: data"), validate=True)
        data = unpack.decompress(packed, MAX_PIXELS)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"{where}: its bitmap is damaged: {error}") from error
    return place(foreground(read_bitmap(data, where)), round(origin[0]), round(origin[1]), height, width)


def _tags(tags) -> dict:
    """Tags as {name: value}; a tag without a value is True."""
    found = {}
    for tag in sequence(tags or [], "tags"):
        if isinstance(tag, str):
            found[tag] = True
        else:
            value = mapping(tag, "a tag").get("value")
            found[text(tag.get("name"), "name of a tag")] = True if value is None else value
    return found
