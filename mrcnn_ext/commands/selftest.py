"""`mrcnn selftest`"""

import json
from pathlib import Path
from typing import Annotated

import typer


def selftest(
    weights: Annotated[Path | None, typer.Argument(help="A .h5 to check; without it the installation is.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines.")] = False,
):
    """Check this installation against stored numbers, or a weight file for being whole and sensible.

    Example: mrcnn selftest logs/shapes20260101T1200/mask_rcnn_shapes_0010.h5
    """
    from mrcnn.selftest import selftest as run

    verdict = run(weights)
    typer.echo(json.dumps(verdict.to_dict()) if as_json else str(verdict))
    if not verdict.passed:
        raise typer.Exit(1)
