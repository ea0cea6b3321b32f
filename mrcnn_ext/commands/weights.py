"""`mrcnn weights`"""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Pretrained networks: what there is, fetch it, convert files of PyTorch.")

JSON = typer.Option("--json", help="Print one JSON document.")


@app.command("list")
def list_weights(json: Annotated[bool, JSON] = False) -> None:
    """What can be fetched: name, size, published AP, preset, licence.

    Example: mrcnn weights list
    """
    from mrcnn.weights.convert import is_here
    from mrcnn.weights.zoo import ZOO, published

    if json:
        facts = [
            entry.origin() | {"preset": entry.preset, "settings": entry.settings, "published": published(entry)}
            for entry in ZOO.values()
        ]
        typer.echo(json_text.dumps(facts, indent=2))
        return
    for entry in ZOO.values():
        here = ", is here" if is_here(entry) else ""
        typer.echo(f"{entry.name}: {entry.about} ({entry.megabytes} MB{here})")
        lines = [f"preset: {entry.preset}", published(entry), f"licence: {entry.licence}", f"by: {entry.attribution}"]
        for line in lines:
            if line:
                typer.echo(f"    {line}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Such as torchvision-v2; `mrcnn weights list` has them all.")],
    json: Annotated[bool, JSON] = False,
) -> None:
    """Fetch a network and convert it, once; it is then there for `--weights NAME`.

    Where the hosts are slow or blocked, set MRCNN_WEIGHTS_FROM
    to the address of a mirror, or to a folder with the files.

    Example: mrcnn weights fetch torchvision-v2
    """
    from mrcnn.weights.convert import zoo_file

    path = zoo_file(name, progress=not json)
    typer.echo(json_text.dumps({"path": str(path)}) if json else f"{name} is at {path}")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A .pth of torchvision or a .pkl or .pth of detectron2.")],
    out: Annotated[Path, typer.Argument(help="The .h5; settings and classes are written beside it.")],
    classes: Annotated[
        Path | None, typer.Option(help="JSON list of the classes' names, background first. Default: COCO's, if 80.")
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(min=0, help="Of its batch norm. Default: 1e-5; 0 for a file of torchvision of before 2022."),
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Make an .h5 of a Mask R-CNN or Faster R-CNN (ResNet-50 or -101 with a pyramid) trained with PyTorch.

    Neither PyTorch nor anything of the file is run.

    Example: mrcnn weights convert model_final.pkl data/weights/mine/mine.h5 --classes classes.json
    """
    from mrcnn.weights.class_rows import read_names
    from mrcnn.weights.convert import convert_file

    done = convert_file(file, out, epsilon=epsilon, class_names=read_names(classes) if classes else None)
    if json:
        facts = {"path": str(done.path), "preset": done.preset, "settings": done.weights.settings, "notes": done.notes}
        typer.echo(json_text.dumps(facts))
        return
    typer.echo(f"{done.path}: {len(done.weights.layers)} layers, preset {done.preset}")
    for note in done.notes:
        typer.echo(f"note: {note}")
