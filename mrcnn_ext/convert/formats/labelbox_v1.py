"""Labelbox exports of 2019 to 2023: a JSON list, `Label` with `objects` and `classifications`, y from the top."""

from pathlib import Path

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.formats.labelbox_2018 import is_old, labelled_items
from mrcnn_ext.convert.formats.labelbox_common import add_object, answers, image_name, skipped
from mrcnn_ext.convert.formats.labelbox_masks import MaskFiles
from mrcnn_ext.convert.reading import mapping, read_json, sequence, whole

TITLE = "Labelbox export of 2019 to 2023 (JSON)"


def detect(path: Path) -> str | None:
    """A JSON list of items with "Labeled Data" and, where there are labels, "objects"."""
    items = labelled_items(path)
    if not items or any(is_old(item.get("Label")) for item in items):
        return None
    return 'a JSON list of items with "Labeled Data" and labels with "objects"'


def read(path: Path, options: Options) -> Builder:
    """Polygons, boxes, and masks from files; answers become attributes, of the image or of the object."""
    items = sequence(read_json(path), "the file")
    stated = all(isinstance(item, dict) and _size(item, "an item") for item in items)
    builder = Builder(options, options.images or (None if stated else path.parent))
    files = MaskFiles(options, builder.account)
    for i, item in enumerate(items, 1):
        item = mapping(item, f"item {i}")
        name = image_name(item.get("External ID"), item.get("Labeled Data"), f"item {i}")
        label = item.get("Label")
        if skipped(item) or not label:
            builder.account.drop("image that was skipped or has no label", name)
            continue
        label = mapping(label, name)
        found = answers(label.get("classifications") or [], name)
        image = builder.image(name, _size(item, name), attributes=found)
        if image is None:
            continue
        for number, thing in enumerate(sequence(label.get("objects") or [], f"{name}: objects"), 1):
            add_object(builder, files, image, mapping(thing, f"{name}: object {number}"), f"object {number}")
    return builder


def _size(item: dict, where) -> tuple[int, int] | None:
    """(width, height) where the export states them."""
    media = item.get("Media Attributes")
    if not isinstance(media, dict) or not media.get("width") or not media.get("height"):
        return None
    return whole(media["width"], f"{where}: width"), whole(media["height"], f"{where}: height")
