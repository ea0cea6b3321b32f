"""`mrcnn convert`"""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def convert(
    sources: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Files or folders of labels; several are merged.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="For COCO a file .json or a folder; for other formats a folder.")
    ],
    format: Annotated[str, typer.Option(help="Format of IN; auto recognises it and says what it saw.")] = "auto",
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images. If IN is TFRecord, they are written there.")
    ] = None,
    masks: Annotated[Path | None, typer.Option(help="Labelbox: folder of the mask images.")] = None,
    fetch_masks: Annotated[
        bool,
        typer.Option("--fetch-masks", help="Labelbox: fetch masks to that folder, with the key in LABELBOX_API_KEY."),
    ] = False,
    allow_private: options.AllowPrivate = False,
    to: Annotated[str, typer.Option(help="Format to write: coco, yolo, labelstudio, labelme or tfrecord.")] = "coco",
    y_origin: Annotated[
        str | None,
        typer.Option(
            help="Labelbox of 2018: where y is 0, bottom (as for its own converter) or top.", show_default="bottom"
        ),
    ] = None,
    exif: Annotated[
        str, typer.Option(help="What labels of images with an EXIF rotation refer to: auto, upright or stored.")
    ] = "auto",
    class_key: Annotated[str | None, typer.Option(help="VIA: the region attribute that holds the class.")] = None,
    crowd: Annotated[
        str,
        typer.Option(help="COCO: keep crowds, or take them as objects (for CVAT, which marks each mask as a crowd)."),
    ] = "keep",
    classes: Annotated[str | None, typer.Option(help="Keep only these classes: names, separated by commas.")] = None,
    renumber: Annotated[bool, typer.Option("--renumber", help="Number images, objects and classes from 1.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the account as one JSON document, with every place.")
    ] = False,
):
    """Convert labels of other tools to COCO, and say what was kept, repaired and dropped.

    Example: mrcnn convert export.json data/mine/annotations.json --images data/mine/images

    Example: mrcnn convert data/mine/annotations.json records --to tfrecord --images data/mine/images

    Example: mrcnn convert cityscapes data/streets.json --format datumaro:cityscapes
    """
    from mrcnn_ext.convert import convert_labels

    names = None if classes is None else [name.strip() for name in classes.split(",") if name.strip()]
    _, account = convert_labels(
        sources,
        out,
        format=format,
        to=to,
        classes=names,
        renumber=renumber,
        images=images,
        masks=masks,
        y_origin=y_origin,
        exif=exif,
        class_key=class_key,
        crowd=crowd,
        fetch_masks=fetch_masks,
        allow_private=allow_private,
        progress=not json,
    )
    if json:
        typer.echo(json_text.dumps(account.to_dict(), ensure_ascii=False))
        return
    for line in account.lines():
        typer.echo(line)
    typer.echo(f"written: {out}")
