"""`mrcnn labelstudio`"""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options

app = typer.Typer(no_args_is_help=True, help="Label in the browser with Label Studio: push images, pull labels.")

DATA = typer.Argument(help="Folder of images, with or without COCO annotation files; or one such file.")
PROJECT = typer.Option(help="Title or number of the project. Default: the folder's path below data/, or its name.")
URL = typer.Option(help="Address of Label Studio. Default: LABEL_STUDIO_URL, else the one of docker compose.")
TOKEN = typer.Option(help="Its token. Default: LABEL_STUDIO_TOKEN, else the one in .env.")


@app.command()
def push(
    data: Annotated[Path, DATA],
    classes: Annotated[
        str, typer.Option(help="Names of further classes besides those of DATA, separated by commas.")
    ] = "",
    model: Annotated[
        str | None,
        typer.Option(help="A run whose detections become pre-annotations of images without labels; or last."),
    ] = None,
    project: Annotated[str | None, PROJECT] = None,
    images: options.Images = None,
    url: Annotated[str | None, URL] = None,
    token: Annotated[str | None, TOKEN] = None,
    json: options.Json = False,
):
    """Make or complete a project: a task for each image, with its present labels, to be corrected.

    Pushing again adds what is new and makes no duplicates.

    Example: mrcnn labelstudio push data/raw --classes peach,leaf

    Example: mrcnn labelstudio push data/raw --model last
    """
    from mrcnn_ext.labelstudio import Studio
    from mrcnn_ext.labelstudio import push as run

    names = [name.strip() for name in classes.split(",") if name.strip()]
    studio = Studio(project, url, token)
    result = run(data, classes=names, model=model, studio=studio, images=images, progress=not json)
    if json:
        return typer.echo(json_text.dumps(result.to_dict(), ensure_ascii=False))
    for line in result.lines():
        typer.echo(line)
    return None


@app.command()
def pull(
    data: Annotated[Path, DATA],
    out: Annotated[Path, typer.Argument(help="COCO file .json to write, or a folder; it may be that of DATA.")],
    project: Annotated[str | None, PROJECT] = None,
    images: options.Images = None,
    url: Annotated[str | None, URL] = None,
    token: Annotated[str | None, TOKEN] = None,
    json: options.Json = False,
):
    """Write the finished labels as COCO. Images that nobody labelled there keep their labels in DATA.

    Example: mrcnn labelstudio pull data/raw data/raw/annotations.json
    """
    from mrcnn_ext.labelstudio import Studio
    from mrcnn_ext.labelstudio import pull as run

    result = run(data, out, studio=Studio(project, url, token), images=images)
    if json:
        return typer.echo(json_text.dumps(result.to_dict(), ensure_ascii=False))
    for line in result.lines():
        typer.echo(line)
    return None
