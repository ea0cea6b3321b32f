"""A small network in the conventions of torchvision or detectron2, and images for it."""

import numpy as np

from mrcnn.model import MaskRCNN
from tests.support.engine_data import SmallConfig

MODERN = ("torchvision", "detectron2")


def modern_config(conventions, **settings):
    """SmallConfig in these conventions, with all that their networks have besides."""
    values = {
        "CONVENTIONS": conventions,
        "BACKBONE_STRIDE_IN": "3x3",
        "RPN_DEPTH": 2,
        "BOX_HEAD_CONVS": 1,
        "BOX_HEAD_LAYERS": 1,
        "IMAGE_RESIZE_MODE": "shorter",
        "IMAGE_MIN_DIM": 48,
        "IMAGE_MAX_DIM": 80,
    }
    return type("Modern", (SmallConfig,), values | settings)()


def modern_model(conventions, folder, **settings):
    """For inference, with random weights that tell regions apart and move them little.

    Boxes of large random deltas are slivers, which rounding moves to places where they no longer overlap themselves.
    """
    model = MaskRCNN("inference", modern_config(conventions, **settings), folder)
    network = model.keras_model  # takes the scores away from 0 and 1, where many are equal
    rpn = network.get_layer("rpn_model")
    for layer in (
        *(rpn.get_layer(name) for name in ("rpn_class_raw", "rpn_bbox_pred")),
        *(network.get_layer(name) for name in ("mrcnn_class_logits", "mrcnn_bbox_fc")),
    ):
        layer.kernel.assign(0.1 * layer.kernel)
    return model


def noise(*size, seed=0):
    """An image; in even areas a network without training gives scores that only rounding tells apart."""
    return np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
