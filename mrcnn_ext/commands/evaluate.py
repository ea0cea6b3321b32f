"""`mrcnn evaluate`"""

from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def evaluate(
    run: options.Run,
    data: Annotated[Path, typer.Option(help="Folder of COCO files or TFRecords, or one COCO file.")],
    subset: options.Subset = "test",
    year: options.Year = "2018",
    compare: Annotated[str | None, typer.Option(help="Another run, to show beside the first.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one HTML page with figures and the worst images.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV with a line for each class.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write the detections as COCO JSON into this folder.")] = None,
    tensorboard: Annotated[
        bool, typer.Option(help="Also write to TensorBoard, into the run's folder (not with --limit).")
    ] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure on this many images only.")] = None,
    logs: options.Logs = Path("logs"),
    as_json: options.Json = False,
):
    """Measure a run: COCO AP and AR, best thresholds, confusion, kinds of errors and their cost, worst images.

    Example: mrcnn evaluate last --data data/shapes --html report.html --results data/inference
    """
    from mrcnn_ext.common.files import json_text
    from mrcnn_ext.evaluation.output import print_results, write_csv
    from mrcnn_ext.evaluation.page import write_page
    from mrcnn_ext.evaluation.run import evaluate_runs

    runs = [run] if compare is None else [run, compare]
    measured = evaluate_runs(runs, data, subset, year, logs=logs, limit=limit, results=results, progress=not as_json)
    if as_json:
        typer.echo(json_text({"runs": [result.to_dict() for result in measured]}))
    else:
        print_results(measured)
    if html is not None:
        write_page(measured, html)
    if csv is not None:
        write_csv(csv, measured)
    if tensorboard and limit is None:
        for result in measured:
            _to_tensorboard(result)
    elif tensorboard:
        typer.echo("Not written to TensorBoard: numbers of some images would stand beside those of all.", err=True)


def _to_tensorboard(result):
    """The results are out by now: a folder that cannot be written is no reason to fail."""
    from mrcnn_ext.evaluation.tensorboard import write_tensorboard

    try:
        write_tensorboard(result)
    except OSError as error:
        typer.echo(f"Not written to TensorBoard: {error}", err=True)
