"""Mask R-CNN on your own images, around the engine in `mrcnn`: from images and labels to a trained run and its results.

    import mrcnn_ext as mx

    report = mx.check_data("data/mine")                       # what is wrong with the labels
    mx.split_data("data/mine", "data/parts")                  # train, validate, test
    trained = mx.train_run("data/parts")                      # as `mrcnn suggest` says
    result = mx.evaluate_run("best", "data/parts")            # COCO average precision and more
    detector = mx.Detector(mx.find_run("best").model())       # objects in any image

Every name is imported when it is first used, so `import mrcnn_ext` itself takes no time and needs no backend.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrcnn_ext.check import Report, check_data, fix_data
    from mrcnn_ext.collect import Rules, collect_images
    from mrcnn_ext.common.runs import Run, find_run
    from mrcnn_ext.convert import convert_labels
    from mrcnn_ext.datasets.coco import CocoDataset
    from mrcnn_ext.datasets.open_data import open_data
    from mrcnn_ext.datasets.shapes import make_shapes
    from mrcnn_ext.datasets.split import SplitRules, split_data
    from mrcnn_ext.datasets.tfrecord import TFRecordDataset, write_tfrecords
    from mrcnn_ext.detection import Detections, Detector, Writer, detect_sources
    from mrcnn_ext.detection.coco_results import write_results
    from mrcnn_ext.detection.on_dataset import LEAST_SCORE, detect_dataset
    from mrcnn_ext.evaluation.coco_ap import evaluate
    from mrcnn_ext.evaluation.measure import evaluate_detections
    from mrcnn_ext.evaluation.run import evaluate_run
    from mrcnn_ext.export.export_run import export_run
    from mrcnn_ext.export.graph_view import write_graph
    from mrcnn_ext.labelstudio import Studio, pull, push
    from mrcnn_ext.training.average_precision import AveragePrecision
    from mrcnn_ext.training.suggest import suggest
    from mrcnn_ext.training.train_run import train_run

_MODULES = {
    "mrcnn_ext.check": ("Report", "check_data", "fix_data"),
    "mrcnn_ext.collect": ("Rules", "collect_images"),
    "mrcnn_ext.common.runs": ("Run", "find_run"),
    "mrcnn_ext.convert": ("convert_labels",),
    "mrcnn_ext.datasets.coco": ("CocoDataset",),
    "mrcnn_ext.datasets.open_data": ("open_data",),
    "mrcnn_ext.datasets.shapes": ("make_shapes",),
    "mrcnn_ext.datasets.split": ("SplitRules", "split_data"),
    "mrcnn_ext.datasets.tfrecord": ("TFRecordDataset", "write_tfrecords"),
    "mrcnn_ext.detection": ("Detections", "Detector", "Writer", "detect_sources"),
    "mrcnn_ext.detection.coco_results": ("write_results",),
    "mrcnn_ext.detection.on_dataset": ("LEAST_SCORE", "detect_dataset"),
    "mrcnn_ext.evaluation.coco_ap": ("evaluate",),
    "mrcnn_ext.evaluation.measure": ("evaluate_detections",),
    "mrcnn_ext.evaluation.run": ("evaluate_run",),
    "mrcnn_ext.export.export_run": ("export_run",),
    "mrcnn_ext.export.graph_view": ("write_graph",),
    "mrcnn_ext.labelstudio": ("Studio", "pull", "push"),
    "mrcnn_ext.training.average_precision": ("AveragePrecision",),
    "mrcnn_ext.training.suggest": ("suggest",),
    "mrcnn_ext.training.train_run": ("train_run",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "LEAST_SCORE",
    "AveragePrecision",
    "CocoDataset",
    "Detections",
    "Detector",
    "Report",
    "Rules",
    "Run",
    "SplitRules",
    "Studio",
    "TFRecordDataset",
    "Writer",
    "check_data",
    "collect_images",
    "convert_labels",
    "detect_dataset",
    "detect_sources",
    "evaluate",
    "evaluate_detections",
    "evaluate_run",
    "export_run",
    "find_run",
    "fix_data",
    "make_shapes",
    "open_data",
    "pull",
    "push",
    "split_data",
    "suggest",
    "train_run",
    "write_graph",
    "write_results",
    "write_tfrecords",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mrcnn_ext' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
