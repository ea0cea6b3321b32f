"""Labelbox exports of 2018: polygons as WKT text or as x, y pairs, per class, without any image size.

The trap: these exports count y from the bottom of the image (their own converter wrote `height - y`), later ones from
the top, and the file does not say which.  `y_origin` says it; without it the account says that bottom was taken.
"""

from pathlib import Path

import numpy as np

from mrcnn.extras import needs
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.formats.labelbox_common import image_name, skipped
from mrcnn_ext.convert.reading import MAX_COORDINATE, mapping, points, read_json, sequence, text

TITLE = "Labelbox export of 2018 (WKT or XY)"


def detect(path: Path) -> str | None:
    """A JSON list of items with "Labeled Data" whose labels are given per class."""
    items = labelled_items(path)
    if not items or not any(is_old(item.get("Label")) for item in items):
        return None
    return 'a JSON list of items with "Labeled Data" and a "Label" per class, without "objects"'


def labelled_items(path: Path) -> list | None:
    """Items of a Labelbox export of 2018 to 2023; None for another file."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    content = read_json(path)
    if not isinstance(content, list) or not content:
        return None
    return content if all(isinstance(item, dict) and "Labeled Data" in item for item in content) else None


def is_old(label) -> bool:
    """True for a label of 2018 that has something in it."""
    return isinstance(label, dict) and bool(label) and "objects" not in label and "classifications" not in label


def read(path: Path, options: Options) -> Builder:
    """Polygons with holes, several objects per class; answers that are no shapes become attributes of the image."""
    builder = Builder(options, options.images or path.parent)
    for number, item in enumerate(sequence(read_json(path), "the file"), 1):
        item = mapping(item, f"item {number}")
        name = image_name(item.get("External ID"), item.get("Labeled Data"), f"item {number}")
        label = item.get("Label")
        if skipped(item) or not label or isinstance(label, str):
            builder.account.drop("image that was skipped or has no label", name)
            continue
        label = mapping(label, name)
        if "objects" in label:
            raise ValueError(f"{name}: this label is of the form of 2019 to 2023; use --format labelbox-v1")
        answers = {key: value for key, value in label.items() if not _has_shapes(value)}
        image = builder.image(name, attributes=answers)
        if image is None:
            continue
        for class_name, value in label.items():
            if class_name in answers:
                builder.account.keep("answers that are no shapes, as attributes of their image")
                continue
            category_id = builder.category(text(class_name, name))
            for i, (outline, holes) in enumerate(_shapes(value, f"{name}: {class_name}"), 1):
                flip = [_from_top(shape, image, options) for shape in (outline, *holes)]
                builder.add(image, category_id, polygons=flip[:1], holes=flip[1:], where=f"{class_name} {i}")
    if options.y_origin is None and builder.annotations:
        builder.account.note(
            "y counted from the bottom, as in exports of 2018; if masks are upside down, --y-origin top", path.name
        )
    return builder


def _has_shapes(value) -> bool:
    """True for WKT, for lists of points, and for lists of {"geometry": ..}."""
    if isinstance(value, str):
        return value.lstrip().upper().startswith(("POLYGON", "MULTIPOLYGON"))
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(v, list) or (isinstance(v, dict) and "geometry" in v) for v in value)
    )


def _shapes(value, where):
    """[(outline, [hole, ..]), ..] of one class."""
    if isinstance(value, str):
        return _from_wkt(value, where)
    found = []
    for item in value:
        geometry = item["geometry"] if isinstance(item, dict) else item
        found += _from_wkt(geometry, where) if isinstance(geometry, str) else [(points(geometry, where), [])]
    return found


def _from_wkt(value: str, where):
    """Polygons of a POLYGON or MULTIPOLYGON; several in one MULTIPOLYGON are several objects of a class."""
    with needs("data"):
        import shapely

    try:
        shape = shapely.from_wkt(value)
    except shapely.errors.ShapelyError as error:
        raise ValueError(f"{where}: broken WKT: {error}") from error
    if not isinstance(shape, (shapely.Polygon, shapely.MultiPolygon)):
        raise ValueError(f"{where}: expected a POLYGON or MULTIPOLYGON, but there is {value[:40]!r}")
    found = []
    for polygon in [shape] if isinstance(shape, shapely.Polygon) else shape.geoms:
        rings = [
            np.array(ring.coords, np.float64).reshape(len(ring.coords), -1)[:-1, :2]
            for ring in (polygon.exterior, *polygon.interiors)
        ]
        if any(not (np.abs(ring) <= MAX_COORDINATE).all() for ring in rings):
            raise ValueError(f"{where}: a coordinate is no finite number, or far too large")
        found.append((rings[0], rings[1:]))
    return found


def _from_top(shape, image, options):
    """Points with y counted from the top."""
    if options.y_origin == "top":
        return shape
    return np.stack([shape[:, 0], image.frame[1] - shape[:, 1]], axis=1)
