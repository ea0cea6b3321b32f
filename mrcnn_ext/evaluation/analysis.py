"""All that follows from the overlaps of one test, in one object."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mrcnn_ext.evaluation.calibration import reliability
from mrcnn_ext.evaluation.confusion import confusion_matrix
from mrcnn_ext.evaluation.curves import Curve, class_curves
from mrcnn_ext.evaluation.overlaps import ImageOverlaps, compare, match
from mrcnn_ext.evaluation.tide import error_costs

POINTS = 200  # of a curve in JSON


class Mistakes(NamedTuple):
    """Mistakes in one image: objects without a detection of their class, and detections without an object."""

    image_id: int
    missed: int
    wrong: int


@dataclass
class Analysis:
    """kind: "segm" or "bbox", what was compared. min_score: weaker detections are not in `confusion` and `mistakes`."""

    kind: str
    min_score: float
    class_names: list[str]
    images: list[ImageOverlaps]
    curves: dict[int, Curve]
    confusion: np.ndarray
    errors: dict
    calibration: dict
    mistakes: list[Mistakes]

    def thresholds(self) -> dict[str, dict]:
        """{class name: score with the best F1, and precision and recall when detections are cut there}."""
        return {self.class_names[class_id]: _best_row(curve) for class_id, curve in self.curves.items()}

    def confused(self) -> list[tuple[str, str, int]]:
        """(true class, detected class, how often) of objects taken for another class, most often first."""
        pairs = [
            (self.class_names[row], self.class_names[column], int(self.confusion[row, column]))
            for row, column in np.argwhere(self.confusion).tolist()
            if row and column and row != column
        ]
        return sorted(pairs, key=lambda pair: -pair[2])

    def to_dict(self) -> dict:
        """For JSON; curves with POINTS points at most."""
        curves = {self.class_names[class_id]: _thinned(curve) for class_id, curve in self.curves.items()}
        return {
            "compared": self.kind,
            "min_score": self.min_score,
            "thresholds": self.thresholds(),
            "curves": curves,
            "confusion": {"names": ["background", *self.class_names[1:]], "counts": self.confusion.tolist()},
            "errors": self.errors,
            "calibration": self.calibration,
            "mistakes": [one._asdict() for one in self.mistakes],
        }


def analyse(dataset, detections, kind=None, min_score=0.5, max_detections=100) -> Analysis:
    """Curves, confusion, error types, calibration and mistakes of the images in `detections`.

    detections: entries of `detect_dataset`.  kind: "segm" or "bbox"; None: masks where there are some.
    min_score: for the confusion matrix and the mistakes.  max_detections: of an image and class.
    """
    if kind is None:
        kind = "segm" if all(found.rles is not None for found in detections) else "bbox"
    images = compare(dataset, detections, kind, max_detections)
    classes = len(dataset.class_names)
    return Analysis(
        kind,
        min_score,
        _unique(dataset.class_names),
        images,
        class_curves(images, classes),
        confusion_matrix(images, classes, min_score),
        error_costs(images, classes),
        reliability(images),
        mistakes_in(images, min_score),
    )


def find_mistakes(dataset, detections, min_score=0.5, min_iou=0.5) -> list[Mistakes]:
    """Mistakes in each image, most first; images without any are left out.

    detections: entries of `detect_dataset` with masks.  min_score: weaker detections do not count.
    min_iou: of the masks, for a detection to be that of an object. Crowds are not counted as objects.
    Raises ValueError for detections without masks.
    """
    most = max((len(found) for found in detections), default=1)
    return mistakes_in(compare(dataset, detections, max_detections=max(most, 1)), min_score, min_iou)


def mistakes_in(images, min_score=0.5, iou=0.5) -> list[Mistakes]:
    """Mistakes of each image, most first; images without any are left out. Crowds are not counted as objects."""
    found = []
    for image in images:
        pairs, on_crowd = match(image, iou)  # the best scores go first, so weak ones take nothing from strong ones
        strong = image.scores >= min_score
        right = int(np.sum(strong & (pairs >= 0)))
        missed = int(np.sum(~image.crowd)) - right
        found.append(Mistakes(image.image_id, missed, int(np.sum(strong & ~on_crowd)) - right))
    return sorted((one for one in found if one.missed or one.wrong), key=lambda one: -one.missed - one.wrong)


def _unique(names) -> list[str]:
    """Names with their class id behind them where several classes have the same one."""
    names = list(names)
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _best_row(curve: Curve) -> dict:
    if np.isnan(curve.best_score):
        return {"score": curve.best_score, "f1": 0.0, "precision": float("nan"), "recall": 0.0}
    row = int(curve.f1.argmax())
    numbers = {"precision": float(curve.precision[row]), "recall": float(curve.recall[row])}
    return {"score": curve.best_score, "f1": curve.best_f1, **numbers}


def _thinned(curve: Curve) -> dict:
    last = len(curve.scores) - 1
    rows = np.unique(np.linspace(0, last, POINTS).round().astype(int)) if last >= 0 else np.zeros(0, int)
    columns = {name: getattr(curve, name)[rows].round(5).tolist() for name in ("scores", "precision", "recall", "f1")}
    return {**columns, "ap50": curve.ap, "objects": curve.objects}
