"""`mrcnn shapes`"""

from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.shapes import make_shapes


def shapes(
    folder: Annotated[Path, typer.Argument(help="Where the data set goes.")] = Path("data/shapes"),
    seed: Annotated[int, typer.Option(help="The same seed makes the same pictures.")] = 2018,
):
    """Make the shapes data set: circles, squares and triangles, in COCO form.

    Example: mrcnn shapes data/shapes
    """
    make_shapes(folder, seed=seed)
    typer.echo(f"The shapes data set is in {folder}")
