"""Whether a score of 0.8 is right eight times of ten."""

import numpy as np

from mrcnn_ext.evaluation.overlaps import match


def reliability(images, bins=10, iou=0.5) -> dict:
    """Detections by score in equal steps of 0..1: lists "low", "high", "count", "score", "precision", and "ece".

    score: mean of a step; precision: share of its detections that are right at this IoU; both NaN where there are none.
    ece: expected calibration error, the mean of |score - precision| over all detections, or 0 (Guo et al. 2017;
    of detections: Kueppers et al. 2020). Detections on crowds are left out.
    """
    parts, right_parts = [np.zeros(0)], [np.zeros(0, bool)]
    for image in images:
        pairs, on_crowd = match(image, iou)
        parts.append(image.scores[~on_crowd])
        right_parts.append(pairs[~on_crowd] >= 0)
    scores, hits = np.concatenate(parts), np.concatenate(right_parts)
    steps = np.minimum((scores * bins).astype(int), bins - 1)
    counts = np.bincount(steps, minlength=bins)
    empty = np.where(counts > 0, counts, np.nan)
    mean = np.bincount(steps, scores, minlength=bins) / empty
    precision = np.bincount(steps, hits.astype(float), minlength=bins) / empty
    gap = np.nansum(counts * np.abs(mean - precision)) / max(len(scores), 1)
    return {
        "low": (np.arange(bins) / bins).tolist(),
        "high": (np.arange(1, bins + 1) / bins).tolist(),
        "count": counts.tolist(),
        "score": mean.tolist(),
        "precision": precision.tolist(),
        "ece": float(gap),
    }
