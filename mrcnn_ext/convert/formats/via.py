"""VGG Image Annotator (VIA) 1 and 2: an export or a saved project.  Neither states the size of an image."""

from collections import Counter
from pathlib import Path

import numpy as np

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import mapping, number, read_json, sequence, text
from mrcnn_ext.masks.geometry import ellipse, rectangle

TITLE = "VIA 1 or 2 (JSON export or project)"
USUAL_KEYS = ("class", "label", "name", "category", "type", "object")


def detect(path: Path) -> str | None:
    """A JSON object of entries with filename and regions, or a project around it."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        return None
    if isinstance(content.get("_via_img_metadata"), dict):
        return "a VIA 2 project (_via_img_metadata)"
    entries = list(content.values())
    if not all(isinstance(entry, dict) and "filename" in entry and "regions" in entry for entry in entries):
        return None
    version = 2 if any(isinstance(entry["regions"], list) for entry in entries) else 1
    return f"a VIA {version} export: entries with filename and regions"


def read(path: Path, options: Options) -> Builder:
    """Polygons, rectangles, circles and ellipses; lines and points are dropped.  Attributes of files stay with them."""
    content = mapping(read_json(path), "the file")
    entries = mapping(content.get("_via_img_metadata", content), "_via_img_metadata")
    builder = Builder(options, options.images or path.parent)
    files = []
    for key, entry in entries.items():
        entry = mapping(entry, f"entry {key!r}")
        name = text(entry.get("filename"), f"entry {key!r}: filename")
        regions = entry.get("regions") or []
        regions = list(regions.values()) if isinstance(regions, dict) else sequence(regions, f"{name}: regions")
        files.append((name, entry, [mapping(region, f"{name}: a region") for region in regions]))
    class_key = _class_key(builder, files, options.class_key)
    for name, entry, regions in files:
        answers = mapping(entry.get("file_attributes") or {}, f"{name}: file_attributes")
        image = builder.image(name, attributes=answers)
        if image is None:
            continue
        for i, region in enumerate(regions, 1):
            _read_region(builder, image, region, class_key, f"region {i}")
    return builder


def _class_key(builder: Builder, files, told: str | None) -> str | None:
    """The region attribute that holds the class; None when no region has any attribute."""
    counts: Counter[str] = Counter()
    for name, _, regions in files:
        for region in regions:
            attributes = mapping(region.get("region_attributes") or {}, f"{name}: region_attributes")
            counts.update(text(key, name) for key, value in attributes.items() if value not in ("", {}, None))
    if told is not None:
        if told not in counts:
            raise ValueError(f"no region has the attribute {told!r}. There are: {', '.join(counts) or 'none'}.")
        return told
    usual = [key for key in counts if key.lower() in USUAL_KEYS]
    if len(counts) > 1 and len(usual) != 1:
        listed = ", ".join(f"{key} ({count} regions)" for key, count in counts.most_common())
        raise ValueError(f"its regions have several attributes: {listed}. Say which holds the class with --class-key.")
    if not counts:
        for name, _, regions in files:
            if regions:
                builder.account.note("regions without any attribute: their class is called object", name)
        return None
    return usual[0] if usual else next(iter(counts))


def _read_region(builder: Builder, image, region: dict, class_key, where: str) -> None:
    """One object, or an entry in the account for what has no area or no class."""
    place = f"{image.file_name}: {where}"
    attributes = dict(region.get("region_attributes") or {})
    value = "object" if class_key is None else attributes.pop(class_key, None)
    if isinstance(value, dict):  # check boxes: {name: true}
        chosen = [key for key, ticked in value.items() if ticked]
        if len(chosen) > 1:
            builder.account.note("several classes are ticked, the first is taken", place)
            attributes[class_key] = chosen
        value = chosen[0] if chosen else None
    if value in (None, ""):
        builder.account.drop(f"region without a class ({class_key})", place)
        return
    shape = _shape(mapping(region.get("shape_attributes"), f"{place}: shape_attributes"), place)
    if shape is None:
        builder.account.drop("line or point, which has no area", place)
        return
    category_id = builder.category(text(str(value), place))
    builder.add(image, category_id, polygons=[shape], where=where, attributes=attributes or None)


def _shape(shape: dict, place: str) -> np.ndarray | None:
    """Polygon (n, 2) of a region; None for lines and points."""
    kind = text(shape.get("name"), f"{place}: kind of shape")

    def value(key):
        return number(shape.get(key), f"{place}: {key}")

    if kind == "polygon":
        columns = [
            [number(v, f"{place}: {key}") for v in sequence(shape.get(key), f"{place}: {key}")]
            for key in ("all_points_x", "all_points_y")
        ]
        if len(columns[0]) != len(columns[1]):
            raise ValueError(f"{place}: it has {len(columns[0])} x and {len(columns[1])} y")
        points = np.array(columns, np.float64).T.reshape(-1, 2)
        return points[:-1] if len(points) > 3 and (points[0] == points[-1]).all() else points  # VIA 1 closes them
    if kind == "rect":
        return rectangle(value("x"), value("y"), value("width"), value("height"))
    if kind == "circle":
        return ellipse(value("cx"), value("cy"), value("r"), value("r"))
    if kind == "ellipse":
        degrees = np.degrees(number(shape.get("theta") or 0, f"{place}: theta"))
        return ellipse(value("cx"), value("cy"), value("rx"), value("ry"), degrees)
    if kind in ("polyline", "point"):
        return None
    raise ValueError(f"{place}: there is no shape {kind!r} in VIA")
