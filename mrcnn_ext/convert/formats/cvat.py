"""CVAT for images 1.1 (XML): polygons, boxes with rotation, masks, ellipses; a group is one object."""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import MAX_PIXELS, check_size, identity, number, read_xml, text, whole
from mrcnn_ext.masks.geometry import ellipse, place, rectangle

TITLE = "CVAT for images 1.1 (XML)"
SHAPES = ("polygon", "box", "mask", "ellipse")
NO_AREA = ("polyline", "points", "cuboid", "skeleton")


def detect(path: Path) -> str | None:
    """An XML file whose root is <annotations>, or a folder with annotations.xml, as CVAT packs it."""
    file = _file(path)
    if not file.is_file() or file.suffix.lower() != ".xml":
        return None
    root = read_xml(file)
    return "an XML file with the root <annotations>" if root.tag == "annotations" else None


def _file(path: Path) -> Path:
    return path / "annotations.xml" if path.is_dir() else path


def read(path: Path, options: Options) -> Builder:
    """Ids of images are kept; occluded, z_order and CVAT's own attributes become attributes, tags the image's."""
    root = read_xml(_file(path))
    if root.tag != "annotations":
        raise ValueError(f"its root is <{root.tag}>, not <annotations>")
    if root.find("track") is not None:
        raise ValueError("it holds tracks of a video; export the task as 'CVAT for images'")
    images = options.images
    if images is None and path.is_dir() and (path / "images").is_dir():
        images = path / "images"
    builder = Builder(options, images)
    for label in root.iterfind("meta//labels/label"):
        builder.category(text(label.findtext("name"), "a label in meta"))
    for element in root.iterfind("image"):
        name = text(element.get("name"), "name of an image")
        size = whole(element.get("width"), f"{name}: width"), whole(element.get("height"), f"{name}: height")
        tags = [tag.get("label") for tag in element.iterfind("tag")]
        answers = {"tags": tags} if tags else None
        image = builder.image(name, size, identity(element.get("id"), f"{name}: id"), answers)
        if image is not None:
            for where, shapes in _objects(builder, element, name).items():
                _add_object(builder, image, shapes, where)
    return builder


def _objects(builder: Builder, image: Element, name: str) -> dict[str, list[Element]]:
    """{where: shapes of one object}; shapes of a group with one label belong together."""
    groups: dict[str, list[Element]] = {}
    for i, shape in enumerate(image, 1):
        if shape.tag in NO_AREA:
            builder.account.drop(f"{shape.tag}, which has no area", f"{name}: shape {i}")
        elif shape.tag in SHAPES:
            group = identity(shape.get("group_id") or 0, f"{name}: shape {i}: group_id")
            where = f"group {group} {shape.get('label')}" if group else f"shape {i}"
            groups.setdefault(where, []).append(shape)
        elif shape.tag not in ("tag", "attribute"):
            builder.account.drop(f"element <{shape.tag}>, which is not known", f"{name}: shape {i}")
    return groups


def _add_object(builder: Builder, image, shapes: list[Element], where: str) -> None:
    """One object of one or more shapes."""
    polygons, masks = [], []
    attributes: dict[str, Any] = {}
    for shape in shapes:
        if shape.tag == "mask":
            masks.append(_mask(shape, f"{image.file_name}: {where}", *image.frame))
        else:
            polygons.append(_polygon(shape, f"{image.file_name}: {where}"))
        for item in shape.iterfind("attribute"):
            attributes[text(item.get("name"), where)] = item.text or ""
        if shape.get("occluded") == "1":
            attributes["occluded"] = True
        if shape.get("z_order") not in (None, "0"):
            attributes["z_order"] = whole(shape.get("z_order"), f"{where}: z_order")
    category_id = builder.category(text(shapes[0].get("label"), f"{image.file_name}: {where}: label"))
    builder.add(image, category_id, polygons=polygons, masks=masks, where=where, attributes=attributes or None)


def _polygon(shape: Element, where: str) -> np.ndarray:
    """Polygon (n, 2) of a polygon, box or ellipse."""

    def value(key):
        return number(shape.get(key), f"{where}: {key}")

    degrees = number(shape.get("rotation") or 0, f"{where}: rotation")
    if shape.tag == "box":
        left, top = value("xtl"), value("ytl")
        return rectangle(left, top, value("xbr") - left, value("ybr") - top, degrees, around="centre")
    if shape.tag == "ellipse":
        return ellipse(value("cx"), value("cy"), value("rx"), value("ry"), degrees)
    corners = []
    for pair in text(shape.get("points"), f"{where}: points").split(";"):
        numbers = [number(v, f"{where}: points") for v in pair.split(",")]
        if len(numbers) != 2:
            raise ValueError(f"{where}: its points must be x,y;x,y;.. but hold {pair[:40]!r}")
        corners.append(numbers)
    return np.array(corners, np.float64)


def _mask(shape: Element, where: str, width: int, height: int) -> np.ndarray:
    """Mask bool (height, width); runs go row by row inside its box, the first is background."""
    left, top, wide, high = (whole(shape.get(key), f"{where}: {key}") for key in ("left", "top", "width", "height"))
    check_size(wide, high, where)
    runs = [whole(v, f"{where}: rle", MAX_PIXELS) for v in text(shape.get("rle"), f"{where}: rle").split(",")]
    if min(runs) < 0 or sum(runs) != wide * high:
        raise ValueError(f"{where}: the runs of its rle do not add up to {wide} x {high}")
    crop = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(high, wide)
    return place(crop, left, top, height, width)
