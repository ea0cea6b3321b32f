"""The errors of TIDE (Bolya et al., 2020), and how much average precision each kind costs.

A wrong detection is, with the IoU of the best true object and in this order:
    localisation    own class, from LOW to HIGH
    class           another class, HIGH or more
    duplicate       own class, HIGH or more, but a better detection has that object
    background      every object below LOW
    both            the rest: from LOW to HIGH with another class
and an object is `missed` that no detection has, not even one with a localisation or class error.
"""
# By hand: tidecv is no longer maintained; a test holds these numbers against its own.

from collections import Counter
from typing import NamedTuple

import numpy as np

from mrcnn_ext.evaluation.curves import average_precision
from mrcnn_ext.evaluation.overlaps import match

HIGH, LOW = 0.5, 0.1
KINDS = ("class", "localisation", "both", "duplicate", "background", "missed")


class Detection(NamedTuple):
    """error: "" for a right one.  target: (image, object) that it would be right for, without a class or localisation
    error; target_id: the class of that."""

    class_id: int
    score: float
    error: str
    target: tuple[int, int] | None
    target_id: int


def error_costs(images, classes: int, high=HIGH, low=LOW) -> dict:
    """{"ap": mean AP at IoU `high`, "count": {kind: errors}, "cost": {kind: AP gained if these were all mended}}.

    images: from `compare`.  classes: number of them, background included.
    "cost" has also "false positive" (all wrong detections gone) and "false negative" (all objects without a right
    detection gone). Costs do not add up: mending one kind changes what another costs. AP is NaN without objects.
    """
    found: list[Detection] = []
    objects: Counter[int] = Counter()
    missed: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for number, image in enumerate(images):
        own, lost = _judge(number, image, high, low)
        found += own
        objects.update(image.true_ids[~image.crowd].tolist())
        missed.update(image.true_ids[lost].tolist())
        seen.update(one.class_id for one in own if not one.error)
    present = [class_id for class_id in range(1, classes) if objects[class_id]]
    ap = _mean_ap(found, objects, present)
    mended = {kind: _mean_ap(_mend(found, kind), objects, present) for kind in KINDS[:-1]}
    mended["missed"] = _mean_ap(found, objects - missed, present)
    mended["false positive"] = _mean_ap([one for one in found if not one.error], objects, present)
    mended["false negative"] = _mean_ap(found, seen, present)
    count = Counter(one.error for one in found if one.error)
    count["missed"] = missed.total()
    return {
        "ap": ap,
        "count": {kind: count[kind] for kind in KINDS},
        "cost": {kind: value - ap for kind, value in mended.items()},
    }


def _judge(number: int, image, high: float, low: float) -> tuple[list[Detection], np.ndarray]:
    """The detections of an image with their errors, and which objects are missed, bool (G,)."""
    pairs, on_crowd = match(image, high)
    real = ~image.crowd
    taken = np.zeros(len(real), bool)
    taken[pairs[pairs >= 0]] = True
    missed = real & ~taken
    found = []
    for i in np.flatnonzero(~on_crowd).tolist():
        class_id, score = int(image.class_ids[i]), float(image.scores[i])
        error, j = ("", int(pairs[i])) if pairs[i] >= 0 else _error(image, i, real, high, low)
        if error in ("class", "localisation"):
            missed[j] = False
        mendable = error in ("class", "localisation") and not taken[j]
        target = (number, j) if mendable else None
        found.append(Detection(class_id, score, error, target, int(image.true_ids[j]) if mendable else 0))
    return found, missed


def _error(image, i: int, real: np.ndarray, high: float, low: float) -> tuple[str, int]:
    """Kind of error of detection i, and the object that tells so (-1: none)."""
    same = image.true_ids == image.class_ids[i]
    own, own_best = _best(image.ious[i], real & same)
    other, other_best = _best(image.ious[i], real & ~same)
    if low <= own < high:
        return "localisation", own_best
    if other >= high:
        return "class", other_best
    if own >= high:
        return "duplicate", own_best
    if max(own, other) < low:
        return "background", -1
    return "both", other_best


def _best(ious: np.ndarray, which: np.ndarray) -> tuple[float, int]:
    """The largest IoU among some objects, and whose it is; 0 and -1 when there are none."""
    if not which.any():
        return 0.0, -1
    j = int(np.where(which, ious, -1.0).argmax())
    return float(ious[j]), j


def _mend(found: list[Detection], kind: str) -> list[Detection]:
    """Without errors of a kind: class or place of an object's best wrong detection is put right; others go."""
    kept = [one for one in found if one.error != kind]
    best: dict[tuple[int, int], Detection] = {}  # of both kinds that can be mended, as in the authors' tool
    for one in found:
        if one.target is not None:
            before = best.get(one.target)
            best[one.target] = one if before is None or one.score > before.score else before
    mended = [one for one in best.values() if one.error == kind]
    return kept + [one._replace(error="", class_id=one.target_id) for one in mended]


def _mean_ap(found: list[Detection], objects, present: list[int]) -> float:
    """Mean over the classes that have objects; a class whose objects were all taken away counts as found."""
    values = []
    for class_id in present:
        own = [one for one in found if one.class_id == class_id]
        hits = [not one.error for one in own]
        total = objects[class_id]
        values.append(average_precision([one.score for one in own], hits, total) if total else 1.0)
    return float(np.mean(values)) if values else float("nan")
