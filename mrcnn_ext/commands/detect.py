"""`mrcnn detect`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options

DRAWN_FROM = 0.5  # score; a tiny run keeps objects from 0.05 on, for AP


def detect(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] IMAGES...",
            help='RUN: a run folder, an .h5 beside its config.json, "last" or "best"; left out with --weights. '
            "IMAGES: images, folders of images, videos, web addresses.",
        ),
    ],
    weights: Annotated[
        str | None, typer.Option(help="In place of RUN: pretrained weights by name (`mrcnn weights list`).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the detections.")] = Path("data/detections"),
    write: Annotated[
        list[str] | None,
        typer.Option(
            help="What to write: overlays, coco, csv, masks, labelme or labelstudio. May be repeated. "
            "Default: overlays, coco and csv."
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"Least score. Default: that of the run; for overlays {DRAWN_FROM}, so that they stay clear.",
        ),
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="Most detections of an image or tile. Default: that of the run.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Images or tiles that go through the network together. Default: that of the run."),
    ] = None,
    tile: Annotated[
        int | None, typer.Option(min=32, help="Cut larger images into square tiles of this many pixels.")
    ] = None,
    overlap: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, help="Share of a tile that its neighbour also sees. With 0, objects stay cut at seams."
        ),
    ] = 0.25,
    across_classes: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Drop the weaker of two boxes of any classes with an IoU above this."),
    ] = None,
    allow_private: options.AllowPrivate = False,
    logs: options.Logs = Path("logs"),
    as_json: options.Json = False,
):
    """Detect objects in images, folders, videos and web images, and write the detections.

    What cannot be read to its end is named and skipped; the exit code is then 1.

    Examples: mrcnn detect last data/new --out data/detections --write overlays --write labelme --tile 512
              mrcnn detect --weights detectron2-r101-lsj photo.jpg
    """
    from mrcnn_ext.common.runs import detection_settings, find_run
    from mrcnn_ext.detection import Detector, Writer, detect_sources
    from mrcnn_ext.detection.sources import count, root_of

    run, inputs = (weights, words) if weights else (words[0], words[1:])
    if not inputs:
        raise ValueError(f"{run}: that is the run; give the images, too, or pretrained weights by --weights.")
    found = find_run(run, logs)
    if batch is None and tile is None and count(inputs, out) == 1:
        batch = 1
    model = found.model(**detection_settings(found.config, min_score, most, batch))
    detector = Detector(model, tile, overlap, across_classes)
    drawn_from = DRAWN_FROM if min_score is None else min_score
    writer = Writer(out, found.class_names, write or ("overlays", "coco", "csv"), root_of(inputs), drawn_from)
    channels = max(3, found.config.IMAGE_CHANNEL_COUNT)  # gray is made of RGB
    summary = detect_sources(detector, inputs, writer, allow_private, not as_json, channels)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **summary.to_dict()}))
    else:
        _print(summary, out, model.config.IMAGE_MAX_DIM)
    raise typer.Exit(1 if summary.skipped else 0)


def _print(summary, out, side) -> None:
    from mrcnn.plots.labels import counted

    typer.echo(f"{counted(summary.objects, 'object')} in {counted(summary.images, 'image')}; written to {out}")
    parts = ", ".join(f"{part} {1000 * value:.1f}" for part, value in summary.seconds.items())
    typer.echo(f"milliseconds an image: {parts}")
    if summary.large:
        typer.echo(
            f"Made far smaller for the network ({side} px): {counted(len(summary.large), 'image')}, such as "
            f"{summary.large[0]}; --tile {side} looks at them piece by piece."
        )
    for kind, counts in summary.left_out.items():
        for what, number in counts.items():
            typer.echo(f"left out of {kind}: {number:,} x {what}")
    for name, reason in summary.skipped:
        typer.secho(f"skipped {name}: {reason}", err=True, fg=typer.colors.YELLOW)
    if summary.skipped:
        typer.secho(f"{len(summary.skipped):,} skipped", err=True, fg=typer.colors.YELLOW)
