"""`mrcnn selftest`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def selftest(
    file: Annotated[
        Path | None, typer.Argument(help="A weights file (.h5) to check. Without it the installation is checked.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Pretrained weights to check, by name (`mrcnn weights list`).")
    ] = None,
    as_json: options.Json = False,
):
    """Check this installation against stored numbers, or whether a weights file is complete and sensible.

    Examples: mrcnn selftest logs/shapes20260101T1200/mask_rcnn_shapes_0010.h5
              mrcnn selftest --weights torchvision-v2
    """
    from mrcnn.selftest import selftest as run

    if file and weights:
        raise ValueError(f"give either a file, {file}, or --weights {weights}")
    verdict = run(weights or file)
    typer.echo(json.dumps(verdict.to_dict()) if as_json else str(verdict))
    if not verdict.passed:
        raise typer.Exit(1)
