"""Images and tables: the names of the old `mrcnn.visualize`.  The drawing is in `mrcnn/plots/`."""

import importlib

from mrcnn.plots.instances import display_differences, display_images, display_instances, display_top_masks
from mrcnn.plots.masks import apply_mask
from mrcnn.plots.palette import class_colors, random_colors
from mrcnn.plots.rois import draw_box, draw_boxes, draw_rois
from mrcnn.plots.scores import plot_overlaps, plot_precision_recall
from mrcnn.plots.tables import display_table, display_weight_stats


def __getattr__(name):
    """`visualize.utils`, as old code says; only when asked for, as it imports Keras."""
    if name != "utils":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("mrcnn.utils")


__all__ = [
    "apply_mask",
    "class_colors",
    "display_differences",
    "display_images",
    "display_instances",
    "display_table",
    "display_top_masks",
    "display_weight_stats",
    "draw_box",
    "draw_boxes",
    "draw_rois",
    "plot_overlaps",
    "plot_precision_recall",
    "random_colors",
]
