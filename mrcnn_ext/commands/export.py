"""`mrcnn export`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def export(
    run: options.Run = "last",
    to: Annotated[str, typer.Option(help="Format: savedmodel, onnx, keras or tflite.")] = "savedmodel",
    out: Annotated[
        Path | None,
        typer.Option(help="New folder, or that of an earlier export. Default: export/ in the run's folder."),
    ] = None,
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Height and width of every image. Default: any size."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32; for onnx and tflite also float16 and int8, which need --data.")
    ] = "float32",
    sample: Annotated[list[Path] | None, typer.Option(help="An image file to compare on. May be repeated.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of a data set, COCO or TFRecord, to compare and to measure AP on.")
    ] = None,
    subset: options.Subset = "test",
    year: options.Year = "2018",
    max_ap_loss: Annotated[float, typer.Option(help="AP that the export may lose before it is refused.")] = 0.01,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights, for the model card.")] = None,
    logs: options.Logs = Path("logs"),
    as_json: options.Json = False,
):
    """Write a run in a format that others run: images in, boxes in pixels, classes, scores and masks out.

    The export is run beside the network on sample images, and refused when it differs.

    Example: mrcnn export last --to onnx --data data/shapes
    """
    from mrcnn_ext.datasets.open_data import open_data
    from mrcnn_ext.export.export_run import export_run

    report = export_run(
        run,
        to,
        out,
        size=size,
        precision=precision,
        images=sample or (),
        dataset=None if data is None else open_data(data, subset, year),
        max_ap_loss=max_ap_loss,
        licence=licence,
        logs=logs,
    )
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else report.text())
