"""`mrcnn selftest`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def selftest(
    weights: Annotated[
        Path | None, typer.Argument(help="A weights file (.h5) to check. Without it the installation is checked.")
    ] = None,
    as_json: options.Json = False,
):
    """Check this installation against stored numbers, or whether a weights file is complete and sensible.

    Example: mrcnn selftest logs/shapes20260101T1200/mask_rcnn_shapes_0010.h5
    """
    from mrcnn.selftest import selftest as run

    verdict = run(weights)
    typer.echo(json.dumps(verdict.to_dict()) if as_json else str(verdict))
    if not verdict.passed:
        raise typer.Exit(1)
