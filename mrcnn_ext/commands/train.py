"""`mrcnn train`"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Argument(help="Folder of a data set with the parts train and validate.")],
    config: Annotated[
        Path | None, typer.Option(help="YAML or JSON file of settings; what it leaves out is as `mrcnn suggest` says.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help='"coco", "imagenet", "last" or an .h5; default: random.')] = None,
    stage: Annotated[
        str | None, typer.Option(help='What trains, one after the other: "heads,all"; from random weights "all".')
    ] = None,
    epochs: Annotated[str | None, typer.Option(help='Totals after each stage, such as "3,14".')] = None,
    resume: Annotated[bool, typer.Option(help="Go on where the last run of this name stopped.")] = False,
    augment: Annotated[bool, typer.Option(help="Change the pictures a little each time.")] = True,
    ap_pictures: Annotated[int, typer.Option(min=0, help="Validation pictures for AP after each epoch.")] = 200,
    logs: Annotated[Path, typer.Option(help="Where the folders of the runs are.")] = Path("logs"),
    year: Annotated[str, typer.Option(help="End of the file names in the folder; may be empty.")] = "2018",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, all else on stderr.")] = False,
):
    """Train, with AP after each epoch; the run's folder holds checkpoints, metrics, log and all that repeats it.

    Ctrl-C stops it with its state saved; --resume goes on.

    Examples: mrcnn train data/shapes
              mrcnn train data/mine --config mine.yaml --weights coco --stage heads,all --epochs 3,14
    """
    from mrcnn.presets import LIGHT_AUGMENTATION
    from mrcnn.training.metrics_file import read_metrics
    from mrcnn_ext.train_run import train_run

    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        result = train_run(
            data,
            config,
            weights=weights,
            stages=None if stage is None else [name.strip() for name in stage.split(",")],
            epochs=None if epochs is None else _numbers(epochs),
            logs=logs,
            year=year,
            resume=resume,
            augmentation=LIGHT_AUGMENTATION if augment else None,
            ap_pictures=ap_pictures,
        )
    folder = Path(result.model.log_dir)
    rows = read_metrics(folder / "metrics.csv")
    if as_json:
        facts = {"run": str(folder), "epochs": result.model.epoch, "finished": result.finished, "metrics": rows[-1:]}
        typer.echo(json.dumps(facts, indent=2))
    else:
        if result.average_precision.evaluation is not None:
            typer.echo(str(result.average_precision.evaluation))
        typer.echo(f"Run: {folder}")


def _numbers(text: str) -> list[int]:
    """ "3,14" -> [3, 14]."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f'--epochs {text}: expected totals such as "3,14".') from None
