"""`mrcnn overfit`"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def overfit(
    data: Annotated[Path, typer.Argument(help="Folder with parts, COCO files or TFRecords; or one COCO file.")],
    config: Annotated[Path | None, typer.Option(help="As of `mrcnn train`.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many to learn by heart.")] = 3,
    steps: Annotated[int, typer.Option(min=5, help="Steps of training.")] = 300,
    weights: Annotated[str | None, typer.Option(help='"coco", "imagenet", an .h5; default: random.')] = None,
    logs: Annotated[Path, typer.Option(help="Where the folders of the runs are.")] = Path("logs"),
    year: Annotated[str, typer.Option(help="End of the file names in the folder; may be empty.")] = "2018",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, all else on stderr.")] = False,
):
    """Sanity check before a long training: learn a few images by heart, then find their objects again.

    It has learned them when the loss of the last fifth of the steps is 0.5 or less, and the AP50 of boxes and of masks
    0.8 or more. Otherwise the exit code is 1: labels, settings or step size are wrong, or the steps are too few.

    Example: mrcnn overfit data/mine --config mine.yaml
    """
    from mrcnn_ext.evaluation.output import for_json
    from mrcnn_ext.training.overfit import ENOUGH_AP50, NEAR_ZERO
    from mrcnn_ext.training.overfit import overfit as run_overfit

    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        result = run_overfit(data, config, images=images, steps=steps, weights=weights, logs=logs, year=year)
    if as_json:
        typer.echo(json.dumps(for_json({**result._asdict(), "found": dict(result.found)}), indent=2))
    else:
        typer.echo(str(result.found))
        typer.echo(f"Loss in each fifth of the steps: {', '.join(f'{loss:.3f}' for loss in result.losses)}")
        failed = f"NOT learned: the last loss is above {NEAR_ZERO}, or AP50 of boxes or masks below {ENOUGH_AP50}"
        verdict = "learned by heart" if result.passed else failed
        typer.echo(f"{verdict}. Run: {result.folder}")
    if not result.passed:
        raise typer.Exit(1)
