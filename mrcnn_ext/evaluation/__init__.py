"""What lies behind an average precision: who was matched with whom, and every number and figure that follows.

    images = compare(dataset, detections)      # once: the overlaps of all detections with all true objects
    class_curves(images, classes=4)            # precision, recall, F1 by score
    confusion_matrix(images, classes=4)
    error_costs(images, classes=4)             # TIDE
    reliability(images)                        # calibration
    analyse(dataset, detections)                 # all of it

All of them take plain records, so they also serve during training.
`mrcnn_ext.evaluation.coco_ap` has COCO's own numbers.
"""

from mrcnn_ext.evaluation.analysis import Analysis, analyse
from mrcnn_ext.evaluation.calibration import reliability
from mrcnn_ext.evaluation.confusion import confusion_matrix
from mrcnn_ext.evaluation.curves import class_curves
from mrcnn_ext.evaluation.overlaps import ImageOverlaps, compare, match
from mrcnn_ext.evaluation.tide import error_costs

__all__ = [
    "Analysis",
    "ImageOverlaps",
    "analyse",
    "class_curves",
    "compare",
    "confusion_matrix",
    "error_costs",
    "match",
    "reliability",
]
