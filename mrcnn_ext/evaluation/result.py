"""One run on one part of a data set: what it found, and every number that follows."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from mrcnn_ext.datasets.as_coco import image_name
from mrcnn_ext.evaluation.analysis import Analysis, analyse
from mrcnn_ext.evaluation.report import NAMES, Evaluation


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

    def image_name(self, number: int) -> str:
        """The file name of an image."""
        return image_name(self.dataset, number)

    def to_dict(self) -> dict:
        """For JSON."""
        analysis = self.analysis.to_dict()
        for one in analysis["mistakes"]:
            one["image"] = self.image_name(one["image_id"])
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


def comparable(results) -> list[RunResult]:
    """The same results; where only some of them have masks, the analysis of all of them is that of their boxes."""
    if len({result.analysis.kind for result in results}) == 1:
        return list(results)
    return [
        result if result.analysis.kind == "bbox" else replace(result, analysis=_of_boxes(result)) for result in results
    ]


def _of_boxes(result: RunResult) -> Analysis:
    before = result.analysis
    return analyse(result.dataset, result.detections, "bbox", before.min_score, result.evaluation["max_detections"])
