"""`mrcnn overfit`"""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def overfit(
    data: Annotated[Path, typer.Argument(help="Folder with parts, COCO files or TFRecords; or one COCO file.")],
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of settings, as for `mrcnn train`.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many images to learn by heart.")] = 3,
    steps: Annotated[int, typer.Option(min=5, help="Steps of training.")] = 300,
    weights: Annotated[
        str | None, typer.Option(help='Weights to start from: "coco", "imagenet" or an .h5. Default: random.')
    ] = None,
    logs: options.Logs = Path("logs"),
    year: options.Year = "2018",
    as_json: options.Json = False,
):
    """Sanity check before a long training: learn a few images by heart, then find their objects again.

    They are learned when the loss of the last fifth of the steps is at most 0.5,
    and the AP50 of boxes and of masks at least 0.8. Otherwise the exit code is 1:
    labels, settings or step size are wrong, or there are too few steps.

    Example: mrcnn overfit data/mine --config mine.yaml
    """
    from mrcnn_ext.common.files import json_text
    from mrcnn_ext.training.overfit import ENOUGH_AP50, NEAR_ZERO
    from mrcnn_ext.training.overfit import overfit as run_overfit

    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        result = run_overfit(data, config, images=count, steps=steps, weights=weights, logs=logs, year=year)
    if as_json:
        typer.echo(json_text({**result._asdict(), "found": dict(result.found)}, indent=2))
    else:
        typer.echo(str(result.found))
        typer.echo(f"Loss in each fifth of the steps: {', '.join(f'{loss:.3f}' for loss in result.losses)}")
        failed = f"NOT learned: the last loss is above {NEAR_ZERO}, or AP50 of boxes or masks below {ENOUGH_AP50}"
        verdict = "learned by heart" if result.passed else failed
        typer.echo(f"{verdict}. Run: {result.folder}")
    if not result.passed:
        raise typer.Exit(1)
