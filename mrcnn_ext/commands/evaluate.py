"""`mrcnn evaluate`"""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[str, typer.Argument(help='Run folder, .h5 beside its config.json, or "last".')],
    data: Annotated[Path, typer.Option(help="Folder of the data set: COCO, or TFRecord shards.")],
    subset: Annotated[str, typer.Option(help="The part to measure on.")] = "test",
    year: Annotated[str, typer.Option(help="End of the file names; may be empty.")] = "2018",
    compare: Annotated[str | None, typer.Option(help="Another run, to stand beside it.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with figures and the worst pictures.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each class.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write the detections as COCO JSON into this folder.")] = None,
    tensorboard: Annotated[bool, typer.Option(help="Write numbers and figures into the run's folder.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pictures.")] = None,
    logs: Annotated[Path, typer.Option(help="Where the runs are.")] = Path("logs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
):
    """Measure a run: COCO AP and AR, best thresholds, confusion, kinds of errors and their cost, worst pictures.

    Example: mrcnn evaluate last --data data/shapes --html report.html --results data/inference
    """
    from mrcnn_ext.evaluation.output import for_json, print_results, write_csv, write_tensorboard
    from mrcnn_ext.evaluation.page import write_page
    from mrcnn_ext.evaluation.run import evaluate_run

    folders = [results, None if results is None else results / "compared"]
    measured = [
        evaluate_run(one, data, subset, year, logs=logs, limit=limit, results=folder, progress=not as_json)
        for one, folder in zip((run, compare), folders, strict=True)
        if one is not None
    ]
    if html is not None:
        write_page(measured, html)
    if csv is not None:
        write_csv(csv, measured)
    if tensorboard:
        for result in measured:
            write_tensorboard(result)
    if as_json:
        typer.echo(json.dumps(for_json({"runs": [result.to_dict() for result in measured]})))
    else:
        print_results(measured)
