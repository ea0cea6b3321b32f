"""Formats that datumaro reads and we do not: Cityscapes, Open Images, MOTS, KITTI, .. (`pip install datumaro`).

Only asked for by name, `datumaro` or `datumaro:cityscapes`.  Its items become objects here, not by its COCO writer,
which fills holes or marks all as crowds.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.masks.geometry import ellipse, rectangle

TITLE = "Any format of datumaro"
AREAS = ("polygon", "mask", "ellipse", "bbox", "rotated_bbox")
CROWD = "is_crowd"  # the attribute that datumaro keeps it in


def detect(path: Path) -> str | None:
    """Never: datumaro takes nearly anything for some format."""
    return None


def read(path: Path, options: Options) -> Builder:
    """Shapes of a group and a label are one object; a box counts only where its group has no other shape."""
    builder = Builder(options, options.images or (path if path.is_dir() else path.parent))
    dataset, labels = _imported(path, options.dialect)
    for name in labels:
        if name.casefold() != "background":  # in images of classes; it is made when an object has it
            builder.category(name)
    for item in dataset:
        name = getattr(item.media, "path", None) or f"{item.id}.jpg"
        size = getattr(item.media, "size", None)
        image = builder.image(str(name), None if size is None else (int(size[1]), int(size[0])))
        if image is None:
            continue
        groups = defaultdict(list)
        for i, annotation in enumerate(item.annotations, 1):
            kind = annotation.type.name
            if kind not in AREAS or annotation.label is None:
                builder.account.drop(f"{kind} without area or label", f"{image.file_name}: annotation {i}")
            else:
                groups[annotation.group or -i, annotation.label].append(annotation)
        for number, ((_, label), shapes) in enumerate(groups.items(), 1):
            _add(builder, image, builder.category(labels[label]), shapes, f"object {number}")
    return builder


def _imported(path: Path, format_name: str | None) -> tuple[list, list[str]]:
    """datumaro's items, and the names of its labels."""
    try:
        from datumaro.components.annotation import AnnotationType
        from datumaro.components.dataset import Dataset
    except ImportError as error:
        raise ValueError(
            "this needs the package datumaro, best in an environment of its own: pip install datumaro"
        ) from error
    try:
        dataset = Dataset.import_from(str(path), format_name)
        return list(dataset), [label.name for label in dataset.categories()[AnnotationType.label]]
    except Exception as error:  # its readers raise nearly anything for a file that they do not expect
        raise ValueError(f"datumaro cannot read it: {error or type(error).__name__}") from error


def _add(builder: Builder, image, category_id: int, shapes: list, where: str) -> None:
    """One object of all shapes of a group."""
    drawn = [shape for shape in shapes if shape.type.name not in ("bbox", "rotated_bbox")]
    if not drawn:
        builder.account.note("box taken as the mask of its object", f"{image.file_name}: {where}")
    polygons, masks = [], []
    attributes: dict[str, Any] = {}
    for shape in drawn or shapes:
        attributes |= shape.attributes
        if shape.type.name == "mask":
            masks.append(np.asarray(shape.image, bool))
        else:
            polygons.append(_outline(shape))
    crowd = int(bool(attributes.pop(CROWD, False)))
    builder.add(
        image, category_id, polygons=polygons, masks=masks, where=where, iscrowd=crowd, attributes=attributes or None
    )


def _outline(shape) -> np.ndarray:
    """Points (n, 2) of a polygon, an ellipse or a box."""
    if shape.type.name == "polygon":
        return np.array(shape.points, np.float64).reshape(-1, 2)
    if shape.type.name == "ellipse":
        return ellipse((shape.x1 + shape.x2) / 2, (shape.y1 + shape.y2) / 2, shape.w / 2, shape.h / 2)
    if shape.type.name == "rotated_bbox":
        return rectangle(shape.cx - shape.w / 2, shape.cy - shape.h / 2, shape.w, shape.h, shape.r, around="centre")
    return rectangle(*shape.get_bbox())
