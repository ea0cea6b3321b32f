"""`mrcnn evaluate`"""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[str, typer.Argument(help='Run folder, .h5 beside its config.json, "last" or "best".')],
    data: Annotated[Path, typer.Option(help="Folder of COCO files or TFRecords, or one COCO file.")],
    subset: Annotated[str, typer.Option(help="The part of a folder to measure on.")] = "test",
    year: Annotated[str, typer.Option(help="End of the file names; may be empty.")] = "2018",
    compare: Annotated[str | None, typer.Option(help="Another run, to stand beside it.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with figures and the worst images.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each class.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write the detections as COCO JSON into this folder.")] = None,
    tensorboard: Annotated[bool, typer.Option(help="Write into the run's folder too (not with --limit).")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images.")] = None,
    logs: Annotated[Path, typer.Option(help="Where the runs are.")] = Path("logs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
):
    """Measure a run: COCO AP and AR, best thresholds, confusion, kinds of errors and their cost, worst images.

    Example: mrcnn evaluate last --data data/shapes --html report.html --results data/inference
    """
    from mrcnn_ext.evaluation.output import for_json, print_results, write_csv
    from mrcnn_ext.evaluation.page import write_page
    from mrcnn_ext.evaluation.run import evaluate_runs

    runs = [run] if compare is None else [run, compare]
    measured = evaluate_runs(runs, data, subset, year, logs=logs, limit=limit, results=results, progress=not as_json)
    if as_json:
        typer.echo(json.dumps(for_json({"runs": [result.to_dict() for result in measured]})))
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
