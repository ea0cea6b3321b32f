"""A run measured on a part of a data set: everything that `mrcnn evaluate` tells."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from mrcnn_ext.evaluate import detect_dataset, evaluate
from mrcnn_ext.evaluation.analysis import Analysis, analyse
from mrcnn_ext.open_data import open_data
from mrcnn_ext.report import NAMES, Evaluation
from mrcnn_ext.results import picture_name, write_coco, write_results
from mrcnn_ext.runs import find_run, load_run

LEAST_SCORE = 0.05  # average precision needs weak detections too: a run's own threshold is lowered to this
COCO_LIMIT = 100  # detections of a picture and class; more where the run gives more


@dataclass
class RunResult:
    """One run on one part of a data set."""

    run: str
    weights: str
    folder: Path
    data: str
    subset: str
    dataset: object = field(repr=False)
    detections: list = field(repr=False)
    evaluation: Evaluation = field(repr=False)
    analysis: Analysis = field(repr=False)
    seconds: float = 0.0
    epoch: int = 0

    @property
    def title(self) -> str:
        """Run and epoch."""
        return f"{self.run}, {self.weights}"

    def picture_name(self, number: int) -> str:
        """The file name of a picture."""
        return picture_name(self.dataset, number)

    def to_dict(self) -> dict:
        """For JSON."""
        analysis = self.analysis.to_dict()
        for one in analysis["mistakes"]:
            one["picture"] = self.picture_name(one["image_id"])
        facts = {"run": self.run, "weights": self.weights, "data": self.data, "subset": self.subset}
        return facts | dict(self.evaluation) | {"analysis": analysis, "seconds": round(self.seconds, 3)}

    def rows(self) -> list[dict]:
        """For CSV: a line for all classes and one for each, boxes and masks, with the best threshold."""
        thresholds = list(self.analysis.thresholds().values())
        rows = []
        for kind in (kind for kind in NAMES if kind in self.evaluation):
            numbers = self.evaluation[kind]
            for i, (name, row) in enumerate([("all", numbers), *numbers["classes"].items()]):
                best = thresholds[i - 1] if i and kind == self.analysis.kind else {}
                rows.append(
                    {"run": self.run, "weights": self.weights, "kind": NAMES[kind], "class": name}
                    | {key: value for key, value in row.items() if not isinstance(value, dict) and key != "id"}
                    | {f"best_{key}": value for key, value in best.items()}
                )
        return rows


def evaluate_run(
    run, data, subset="test", year="2018", *, logs="logs", limit=None, results=None, progress=True
) -> RunResult:
    """Detect on a part of a data set and measure what was found.

    run: see `mrcnn_ext.runs.find_run`.  data, subset, year: see `open_data`.  limit: only the first pictures.
    results: a folder for SUBSET_results.json (COCO's list) and SUBSET_detections.json (a whole annotation file).
    Raises ValueError when run and data have other classes.
    """
    start = time.perf_counter()
    dataset = open_data(data, subset, year)
    files = find_run(run, logs)
    score = min(files.config.DETECTION_MIN_CONFIDENCE, LEAST_SCORE)
    _check_classes(files, dataset)
    model, _, folder = load_run(files.weights, DETECTION_MIN_CONFIDENCE=score)
    image_ids = dataset.image_ids[:limit]
    detections = detect_dataset(model, dataset, image_ids, progress=progress)
    most = max(COCO_LIMIT, model.config.DETECTION_MAX_INSTANCES)
    kinds = ("bbox", "segm") if model.config.USE_MASK else "bbox"
    evaluation = evaluate(dataset, detections, kinds, image_ids=image_ids, max_detections=most)
    analysis = analyse(dataset, detections, max_detections=most)
    if results is not None:
        save_detections(results, subset, dataset, detections)
    return RunResult(
        folder.name,
        files.weights.stem,
        folder,
        Path(data).name,
        subset,
        dataset,
        detections,
        evaluation,
        analysis,
        time.perf_counter() - start,
        model.epoch,
    )


def save_detections(folder, subset, dataset, detections) -> list[Path]:
    """Writes COCO's list of results and, with masks, a whole annotation file; returns their paths."""
    folder = Path(folder)
    paths = [write_results(folder / f"{subset}_results.json", dataset, detections)]
    if all(item.get("rles") is not None for item in detections):
        paths.append(write_coco(folder / f"{subset}_detections.json", dataset, detections))
    return paths


def _check_classes(files, dataset) -> None:
    ours, theirs = files.class_names[1:], list(dataset.class_names[1:])
    named = (files.folder / "classes.json").is_file()
    if len(ours) != len(theirs) or (named and ours != theirs):
        raise ValueError(
            f"{files.folder.name} knows {len(ours)} classes ({', '.join(ours[:12])}), the data {len(theirs)} "
            f"({', '.join(theirs[:12])}): evaluate on data with the same classes in the same order."
        )
