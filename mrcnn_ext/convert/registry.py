"""The formats that are known.  One is one module of `mrcnn_ext.convert.formats`, imported when it is first needed, with

    TITLE                                   what it is called, in words
    detect(path) -> str | None              what in the file or folder says that it is this format; None: it is another
    read(path, options) -> Builder          raises ValueError or OSError naming the file
    write(coco, out, options) -> Account    only in formats that are written; the account lists what was lost

To add a format, write its module and add its line here.  A module with heavy imports has them inside its functions.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from mrcnn_ext.convert.builder import NOT_FOUND, Builder, Options
from mrcnn_ext.convert.reading import forget_json, naming

FORMATS = {  # name: module; detection asks in this order
    "cvat": "cvat",
    "coco": "coco_json",
    "labelbox-2018": "labelbox_2018",
    "labelbox-v1": "labelbox_v1",
    "labelbox": "labelbox_ndjson",
    "labelstudio": "labelstudio",
    "via": "via",
    "labelme": "labelme",
    "supervisely": "supervisely",
    "voc": "voc",
    "yolo": "yolo",
    "tfrecord": "tfrecord",
    "mask-png": "mask_png",
    "datumaro": "datumaro",
}


def format_module(name: str):
    """Module of a format.  Raises ValueError that lists the names for one that is not known."""
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r}. Known are: {', '.join(FORMATS)}.")
    return import_module(f"mrcnn_ext.convert.formats.{FORMATS[name]}")


def detect(path) -> tuple[str, str]:
    """Name of the format of a file or folder, and what says so.  Raises ValueError when it is none that is known."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder.")
    with naming(path):
        for name in FORMATS:
            seen = format_module(name).detect(path)
            if seen:
                return name, seen
    raise ValueError(
        f"{path}: this is no format that is known. Known are: {', '.join(FORMATS)}. Say which with --format."
    )


def read(path, format: str = "auto", options: Options | None = None) -> Builder:
    """Read labels in any known format; `.coco()` of the result is the COCO dict, `.account` says what happened.

    path: file or folder; format: its name, or "auto"; behind a colon, what datumaro calls it.
    Raises ValueError or OSError naming the file.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder.")
    format, _, dialect = format.partition(":")
    options = replace(options or Options(), dialect=dialect or None)
    try:
        name, seen = detect(path) if format == "auto" else (format, "as told")
        with naming(path):
            builder = format_module(name).read(path, options)
    finally:
        forget_json()
    missing = builder.account.dropped.get(NOT_FOUND)
    if missing and not builder.images:
        looked = builder.account.images or "a folder that was named"
        raise ValueError(
            f"{path}: none of the {len(missing)} images is in {looked}, such as {missing[0]}; "
            "their sizes are needed. Say where they are with --images."
        )
    builder.account.format, builder.account.seen = name, seen
    builder.account.kept["images"] = len(builder.images)
    builder.account.kept["objects"] = len(builder.annotations)
    return builder
