"""`mrcnn tfrecord`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options

MAX_NAMED = 10


def tfrecord(
    data: Annotated[Path, typer.Argument(help="Folder of a COCO data set, or one annotation file.")],
    out: Annotated[Path, typer.Argument(help="Folder for the shards and label_map.pbtxt.")],
    shards: Annotated[int, typer.Option(help="Number of files for each part of the data set.")] = 8,
    images: options.Images = None,
    workers: Annotated[int, typer.Option(help="Number of shards written at the same time.")] = 4,
    as_json: options.Json = False,
):
    """Write a data set as TFRecord files in the schema of the TensorFlow Object Detection API.

    Call it again to continue after an interruption; complete shards stay.

    Example: mrcnn tfrecord data/shapes records --shards 10
    """
    from mrcnn_ext.datasets.tfrecord.write import write_tfrecords

    result = write_tfrecords(data, out, shards, images, workers, progress=not as_json)
    if as_json:
        typer.echo(json.dumps(result))
        return
    typer.echo(f"{result['images']} images with {result['objects']} objects in {len(result['files'])} files in {out}")
    if result["turned"]:
        typer.echo(f"{len(result['turned'])} images with EXIF rotation were stored upright, as PNG")
    for line in result["left_out"][:MAX_NAMED]:
        typer.echo(f"left out: {line}")
    if len(result["left_out"]) > MAX_NAMED:
        typer.echo(f".. and {len(result['left_out']) - MAX_NAMED} more (--json lists all)")
