"""Which images a model gets wrong, and how."""

from mrcnn_ext.evaluation.analysis import Mistakes, mistakes_in
from mrcnn_ext.evaluation.overlaps import compare

__all__ = ["Mistakes", "find_mistakes"]


def find_mistakes(dataset, detections, min_score=0.5, min_iou=0.5) -> list[Mistakes]:
    """Mistakes in each image, most first; images without any are left out.

    detections: entries of `detect_dataset` with masks.  min_score: weaker detections do not count.
    min_iou: of the masks, for a detection to be that of an object. Crowds are not counted as objects.
    Raises ValueError for detections without masks.
    """
    most = max((len(found) for found in detections), default=1)
    return mistakes_in(compare(dataset, detections, max_detections=max(most, 1)), min_score, min_iou)
