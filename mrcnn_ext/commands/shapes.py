"""`mrcnn shapes`"""

from pathlib import Path
from typing import Annotated

import typer


def shapes(
    folder: Annotated[Path, typer.Argument(help="Where the data set goes.")] = Path("data/shapes"),
    hard: Annotated[bool, typer.Option(help="Eight classes, small, textured, hidden: a harder set.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed makes the same images.")] = 2018,
):
    """Make the shapes data set: circles, squares and triangles, in COCO form.

    Examples: mrcnn shapes data/shapes
              mrcnn shapes data/hard --hard
    """
    from mrcnn_ext.datasets.hard_shapes import make_hard_shapes
    from mrcnn_ext.datasets.shapes import make_shapes

    make = make_hard_shapes if hard else make_shapes
    make(folder, seed=seed)
    typer.echo(f"The shapes data set is in {folder}")
