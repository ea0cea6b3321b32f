"""A run measured on a part of a data set: everything that `mrcnn evaluate` tells."""

import time
from pathlib import Path

from mrcnn.data.dataset import Dataset
from mrcnn_ext.common.runs import find_run
from mrcnn_ext.datasets.open_data import open_data
from mrcnn_ext.detection.coco_results import write_coco, write_results
from mrcnn_ext.detection.on_dataset import measuring_settings
from mrcnn_ext.evaluation.analysis import analyse
from mrcnn_ext.evaluation.measure import measure, measured_images
from mrcnn_ext.evaluation.result import RunResult


def evaluate_runs(runs, data, subset="test", year="2018", **options) -> list[RunResult]:
    """`evaluate_run` for each of several runs, on a data set that is opened once."""
    dataset = open_data(data, subset, year)
    return [evaluate_run(run, data, subset, dataset=dataset, **options) for run in runs]


def evaluate_run(
    run: str | Path,
    data: str | Path,
    subset: str = "test",
    year: str = "2018",
    *,
    logs: str | Path = "logs",
    limit: int | None = None,
    results: str | Path | None = None,
    progress: bool = True,
    dataset: Dataset | None = None,
) -> RunResult:
    """Detect on a part of a data set and measure what was found.

    Args:
        run: see `find_run`.
        data: see `open_data`, as for `subset` and `year`.
        subset: the part to measure on.
        year: end of the file names.
        logs: where the runs are.
        limit: only the first so many images.
        results: a folder for what `save_detections` writes.
        progress: show bars.
        dataset: the part, where it is open already.

    Raises:
        ValueError: run and data have other classes.
        FileNotFoundError: there is no such run.
    """
    start = time.perf_counter()
    dataset = open_data(data, subset, year) if dataset is None else dataset
    path = Path(data).resolve()
    if path.is_file():  # a part by itself
        path, subset = path.parent, path.stem.removeprefix("instances_")
    found = find_run(run, logs)
    found.check_classes(dataset)
    model = found.model(**measuring_settings(found.config))
    detections, evaluation = measure(model, found.config, dataset, measured_images(dataset, limit), progress)
    analysis = analyse(dataset, detections, max_detections=evaluation["max_detections"])
    if results is not None:
        name = f"{found.name}_{found.weights.stem.rpartition('_')[2]}_{subset}"  # with the epoch, or "best"
        save_detections(results, name, dataset, detections)
    return RunResult(
        found.name,
        found.weights.stem,
        found.folder,
        path.name,
        subset,
        dataset,
        detections,
        evaluation,
        analysis,
        time.perf_counter() - start,
        model.epoch,
    )


def save_detections(folder, name, dataset, detections) -> list[Path]:
    """Writes NAME_results.json (COCO's list) and, with masks, NAME_detections.json (a whole annotation file).

    Returns their paths.
    """
    folder = Path(folder)
    paths = [write_results(folder / f"{name}_results.json", dataset, detections)]
    if all(found.rles is not None for found in detections):
        paths.append(write_coco(folder / f"{name}_detections.json", dataset, detections))
    return paths
