"""`mrcnn train`"""

import contextlib
import dataclasses
import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


class Augment(enum.StrEnum):
    """Augmentations that the command line offers."""

    LIGHT = "light"
    LARGE_SCALE = "large-scale"
    NONE = "none"


def train(
    data: Annotated[Path, typer.Argument(help="Folder with the parts train and validate: COCO files or TFRecords.")],
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML or JSON file of settings. Those that it leaves out are proposed as by `mrcnn suggest`, with a "
            "cosine schedule. A whole Config (config.json of a run, or the file of notebook 2) is taken as it is."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help='Weights that a new run starts from: "torchvision-v2", "coco", .. (`mrcnn weights list`), "last" or '
            "an .h5. Default: random."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help='Settings to start from: "TinyConfig", "torchvision-v2", .. Default: those of the weights, or for the '
            "machine."
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            help='What trains, one after the other. Default: "all" from random weights, "heads,all" with --weights.'
        ),
    ] = None,
    epochs: Annotated[
        str | None,
        typer.Option(
            help='Total epochs after each stage, or one number for all. Default: "14" for one stage, "3,14" for two.'
        ),
    ] = None,
    extra_epochs: Annotated[int | None, typer.Option(min=1, help="With --resume: train this many epochs more.")] = None,
    resume: Annotated[bool, typer.Option(help="Continue where the last run of this NAME stopped.")] = False,
    augment: Annotated[
        Augment,
        typer.Option(
            help="How images are changed each time they are shown: light (flipped, scaled and lit a little otherwise), "
            "large-scale (scaled 0.1 to 2 times and cropped) or none."
        ),
    ] = Augment.LIGHT,
    copy_paste: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the images into which objects of other images are pasted.")
    ] = 0.0,
    ap_images: Annotated[
        int, typer.Option(min=0, help="Most validation images that AP is measured on; 0: no AP.")
    ] = 200,
    ap_every: Annotated[int, typer.Option(min=1, help="Epochs from one AP to the next.")] = 1,
    logs: options.Logs = Path("logs"),
    year: options.Year = "2018",
    as_json: options.Json = False,
):
    """Train a network and measure its AP after each epoch.

    From random weights the whole network trains for 14 epochs.
    With --weights: the heads up to epoch 3, then the whole network up to epoch 14.
    An epoch is STEPS_PER_EPOCH steps, not one pass over the images.

    A new folder in logs/ holds checkpoints, metrics, log and settings.
    best.h5 in it is the epoch with the best AP; other commands call it "best".
    Ctrl-C stops with the state saved (exit code 130), and --resume continues.

    Examples: mrcnn train data/shapes
              mrcnn train data/mine --weights torchvision-v2
              mrcnn train data/mine --config mine.yaml --weights coco --stage heads,all --epochs 3,14
              mrcnn train data/mine --augment large-scale --copy-paste 0.5
              mrcnn train data/mine --resume --extra-epochs 10
    """
    from mrcnn.training.metrics_file import read_metrics
    from mrcnn_ext.training.train_run import train_run

    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        result = train_run(
            data,
            config,
            preset=preset,
            weights=weights,
            stages=None if stage is None else [name.strip() for name in stage.split(",")],
            epochs=None if epochs is None else _numbers(epochs),
            extra_epochs=extra_epochs,
            logs=logs,
            year=year,
            resume=resume,
            augmentation=_augmentation(augment, copy_paste),
            ap_images=ap_images,
            ap_every=ap_every,
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
    if not result.finished:
        raise typer.Exit(130)


def _augmentation(augment: Augment, copy_paste: float):
    """The one that is asked for, with or without copy-paste."""
    from mrcnn.data.transforms import Augmentation
    from mrcnn.presets import LARGE_SCALE_JITTER, LIGHT_AUGMENTATION

    if augment == Augment.NONE and not copy_paste:
        return None
    bases = {
        Augment.LIGHT: LIGHT_AUGMENTATION,
        Augment.LARGE_SCALE: LARGE_SCALE_JITTER,
        Augment.NONE: Augmentation(flip_left_right=0.0),
    }
    return dataclasses.replace(bases[augment], copy_paste=copy_paste)


def _numbers(text: str) -> list[int]:
    """ "3,14" -> [3, 14]."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f'--epochs {text}: expected totals such as "3,14".') from None
