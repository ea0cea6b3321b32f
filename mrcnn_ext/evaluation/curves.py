"""Precision, recall and F1 over the score, per class, and the score at which a class is cut best."""

from typing import NamedTuple

import numpy as np

from mrcnn_ext.evaluation.overlaps import match

RECALLS = np.linspace(0, 1, 101)  # COCO's


class Curve(NamedTuple):
    """One class. Row i says what holds when detections of scores[i] and above are kept; scores fall.

    objects: true ones.  ap: average precision at the one IoU, NaN without objects.
    best_score, best_f1: the row with the largest F1; NaN and 0 without detections or objects.
    """

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    objects: int
    ap: float
    best_score: float
    best_f1: float


def class_curves(images, classes: int, iou=0.5) -> dict[int, Curve]:
    """{class id from 1 on: Curve}.

    images: from `compare`.  classes: number of them with background, as NUM_CLASSES.  iou: least of a right one.
    """
    verdicts = [(image, *match(image, iou)) for image in images]
    return {class_id: _curve(verdicts, class_id) for class_id in range(1, classes)}


def average_precision(scores, hits, objects: int) -> float:
    """COCO's average precision at one IoU: mean over 101 recalls of the best precision there or further on.

    scores (N,), hits (N,) bool: right detections.  objects: true ones; NaN when there are none.
    """
    if objects == 0:
        return float("nan")
    hits = np.asarray(hits, bool)[np.argsort(-np.asarray(scores), kind="stable")]
    right = np.cumsum(hits)
    precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1]
    places = np.searchsorted(right / objects, RECALLS, side="left")
    return float(np.append(precision, 0.0)[places].mean())


def _curve(verdicts, class_id: int) -> Curve:
    parts, right_parts, objects = [np.zeros(0)], [np.zeros(0, bool)], 0
    for image, pairs, on_crowd in verdicts:
        own = (image.class_ids == class_id) & ~on_crowd
        parts.append(image.scores[own])
        right_parts.append(pairs[own] >= 0)
        objects += int(np.sum((image.true_ids == class_id) & ~image.crowd))
    scores, hits = np.concatenate(parts), np.concatenate(right_parts)
    ap = average_precision(scores, hits, objects)
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], np.cumsum(hits[order])
    last = np.append(np.diff(scores) != 0, True)[: len(scores)]  # equal scores are kept or dropped together
    kept = np.flatnonzero(last) + 1
    scores, right = scores[last], right[last]
    precision, recall = right / kept, right / max(objects, 1)
    f1 = 2 * right / (kept + objects) if len(kept) else np.zeros(0)
    best = int(f1.argmax()) if len(f1) and f1.max() > 0 else None
    return Curve(
        scores,
        precision,
        recall,
        f1,
        objects,
        ap,
        float("nan") if best is None else float(scores[best]),
        0.0 if best is None else float(f1[best]),
    )
