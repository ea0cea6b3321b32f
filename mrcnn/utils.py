"""The old `mrcnn.utils`: every public name of it, handed on from where it lives now."""

from mrcnn.data.anchors import generate_anchors, generate_pyramid_anchors
from mrcnn.data.boxes import (
    apply_box_deltas,
    box_refinement,
    compute_iou,
    compute_overlaps,
    compute_overlaps_masks,
    denorm_boxes,
    extract_bboxes,
    non_max_suppression,
    norm_boxes,
    trim_zeros,
)
from mrcnn.data.dataset import Dataset
from mrcnn.data.minimask import expand_mask, minimize_mask, unmold_mask
from mrcnn.data.resize import resize, resize_image, resize_mask
from mrcnn.graph_helpers import batch_slice, box_refinement_graph
from mrcnn.metrics import compute_ap, compute_ap_range, compute_matches, compute_recall

__all__ = [
    "COCO_MODEL_URL",
    "Dataset",
    "apply_box_deltas",
    "batch_slice",
    "box_refinement",
    "box_refinement_graph",
    "compute_ap",
    "compute_ap_range",
    "compute_iou",
    "compute_matches",
    "compute_overlaps",
    "compute_overlaps_masks",
    "compute_recall",
    "denorm_boxes",
    "download_trained_weights",
    "expand_mask",
    "extract_bboxes",
    "generate_anchors",
    "generate_pyramid_anchors",
    "minimize_mask",
    "mold_mask",
    "non_max_suppression",
    "norm_boxes",
    "resize",
    "resize_image",
    "resize_mask",
    "trim_zeros",
    "unmold_mask",
]

COCO_MODEL_URL = "https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5"


def download_trained_weights(coco_model_path, verbose=1):
    """Fetch the weights trained on COCO (258 MB) to a file path, checked.

    Args:
        coco_model_path: the file.
        verbose: a progress bar if it is above 0.
    """
    from mrcnn.weights.download import coco_weights

    coco_weights(coco_model_path, progress=verbose > 0)


def mold_mask(mask, config):
    """Never did anything in the old package.

    Raises:
        NotImplementedError: always; it names what does.
    """
    raise NotImplementedError(
        "mold_mask has always been empty; use minimize_mask, or load_image_gt(use_mini_mask=True)."
    )
