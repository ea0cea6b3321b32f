"""Labelbox's exports of today: NDJSON, one data row a line, with polygons, boxes, masks and composite masks."""

from pathlib import Path
from typing import Any

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.formats.labelbox_common import add_object, answers, image_name
from mrcnn_ext.convert.formats.labelbox_masks import MaskFiles
from mrcnn_ext.convert.reading import mapping, naming, parse_json, sequence, whole

TITLE = "Labelbox export of today (NDJSON)"


def detect(path: Path) -> str | None:
    """Lines of JSON with a data_row and projects."""
    if not path.is_file() or path.suffix.lower() not in (".ndjson", ".jsonl", ".json"):
        return None
    with path.open("rb") as file:
        first = next((line for line in file if line.strip()), b"")
    if b'"data_row"' not in first:
        return None
    row = parse_json(first, f"{path}: line 1")
    return "lines of JSON with data_row and projects" if isinstance(row, dict) and "projects" in row else None


def read(path: Path, options: Options) -> Builder:
    """Of several labels of an image in a project the first is taken; the others are dropped, and listed."""
    builder = Builder(options, options.images)
    files = MaskFiles(options, builder.account)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                with naming(f"{path}: line {number}"):
                    _read_row(builder, files, mapping(parse_json(line, f"{path}: line {number}"), "the row"))
    return builder


def _read_row(builder: Builder, files: MaskFiles, row: dict) -> None:
    """One data row: an image with the labels of each project."""
    source = mapping(row.get("data_row"), "data_row")
    name = image_name(source.get("external_id") or source.get("global_key"), source.get("row_data"), "data_row")
    labels = _labels(builder, row, name)
    if not labels:
        builder.account.drop("image that was skipped or has no label", name)
        return
    media = mapping(row.get("media_attributes") or {}, f"{name}: media_attributes")
    size = None
    if media.get("width") and media.get("height"):
        size = whole(media["width"], f"{name}: width"), whole(media["height"], f"{name}: height")
    elif builder.folder is None:
        raise ValueError(f"{name}: the export does not state its size. Say where the images are with --images.")
    annotations = [mapping(label.get("annotations") or {}, f"{name}: annotations") for label in labels]
    found: dict[str, Any] = {}
    for item in annotations:
        found |= answers(item.get("classifications") or [], name)
    image = builder.image(name, size, attributes=found)
    if image is None:
        return
    for item in annotations:
        for number, thing in enumerate(sequence(item.get("objects") or [], f"{name}: objects"), 1):
            add_object(builder, files, image, mapping(thing, f"{name}: object {number}"), f"object {number}")


def _labels(builder: Builder, row: dict, name: str) -> list[dict]:
    """The first label of each project that was not skipped."""
    chosen = []
    for project in mapping(row.get("projects"), f"{name}: projects").values():
        labels = sequence(mapping(project, f"{name}: a project").get("labels"), f"{name}: labels")
        labels = [mapping(label, f"{name}: a label") for label in labels]
        labels = [label for label in labels if not mapping(label.get("performance_details") or {}, name).get("skipped")]
        chosen += labels[:1]
        for _ in labels[1:]:
            builder.account.drop("further label of an image in the same project", name)
    if len(chosen) > 1:
        builder.account.note("image with labels in several projects: it has the objects of all", name)
    return chosen
