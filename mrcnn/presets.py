"""Configs to start from: subclass one, and set NAME, NUM_CLASSES and what your data wants.

Each holds only what differs from `Config`.
"""

import difflib

import numpy as np

from mrcnn.config import Config
from mrcnn.data.transforms import Augmentation
from mrcnn.settings.kinds import any_of

# For most small data sets; not for objects that are told apart by left and right, or by their colour alone.
LIGHT_AUGMENTATION = Augmentation(scale=(0.8, 1.25), brightness=0.1, contrast=0.2, colour=0.1)
# For long trainings on objects of all sizes (Ghiasi et al. 2021, arXiv 2012.07177, with copy_paste).
LARGE_SCALE_JITTER = Augmentation(scale=(0.1, 2.0), random_crop=True)


class TinyConfig(Config):
    """A light network for 128-pixel images that trains from scratch on two CPU cores in minutes."""

    BACKBONE = "resnet18"
    BACKBONE_WIDTH = 32
    TOP_DOWN_PYRAMID_SIZE = 64
    RPN_CHANNELS = 64
    FPN_CLASSIF_FC_LAYERS_SIZE = 256
    MASK_HEAD_CHANNELS = 64
    MASK_HEAD_DEPTH = 2
    TRAIN_BN: bool | None = None  # from scratch there are no statistics to freeze
    OPTIMIZER = "adamw"  # from scratch it needs about half the steps of SGD
    LEARNING_RATE = 0.001
    IMAGES_PER_GPU = 8
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    PRE_NMS_LIMIT = 500
    POST_NMS_ROIS_TRAINING = 200
    POST_NMS_ROIS_INFERENCE = 100
    TRAIN_ROIS_PER_IMAGE = 32
    MAX_GT_INSTANCES = 20
    MINI_MASK_SHAPE = (28, 28)
    DETECTION_MIN_CONFIDENCE = 0.05
    DETECTION_NMS_THRESHOLD = 0.5
    DETECTION_MAX_INSTANCES = 50


class ResNet50Config(Config):
    """Mask R-CNN R50-FPN of the paper."""

    BACKBONE = "resnet50"


class ResNet101Config(Config):
    """Mask R-CNN R101-FPN of the paper: what `mask_rcnn_coco.h5` holds."""

    BACKBONE = "resnet101"


class TorchvisionConfig(Config):
    """torchvision's `maskrcnn_resnet50_fpn`, with its answers."""

    CONVENTIONS = "torchvision"
    BACKBONE = "resnet50"
    BACKBONE_STRIDE_IN = "3x3"
    RPN_CHANNELS = 256
    IMAGE_RESIZE_MODE = "shorter"
    IMAGE_MIN_DIM = 800
    IMAGE_MAX_DIM = 1333
    MEAN_PIXEL = np.array([123.675, 116.28, 103.53])
    PRE_NMS_LIMIT = 1000
    TRAIN_ROIS_PER_IMAGE = 512
    ROI_POSITIVE_RATIO = 0.25
    DETECTION_MIN_CONFIDENCE = 0.05
    DETECTION_NMS_THRESHOLD = 0.5


class TorchvisionV2Config(TorchvisionConfig):
    """torchvision's `maskrcnn_resnet50_fpn_v2`: deeper RPN and box head."""

    RPN_DEPTH = 2
    BOX_HEAD_CONVS = 4
    BOX_HEAD_LAYERS = 1


class Detectron2Config(TorchvisionConfig):
    """detectron2's `mask_rcnn_R_50_FPN_3x`, and with BACKBONE "resnet101" its `mask_rcnn_R_101_FPN_3x`."""

    CONVENTIONS = "detectron2"
    BACKBONE_STRIDE_IN = "1x1"


class Detectron2LSJConfig(Detectron2Config):
    """detectron2's `mask_rcnn_R_50_FPN_400ep_LSJ`, and with BACKBONE "resnet101" the same with R_101."""

    RPN_DEPTH = 2
    BOX_HEAD_CONVS = 4
    BOX_HEAD_LAYERS = 1


def all_presets() -> dict[str, type[Config]]:
    """The presets of this module, by name."""
    kinds = {name: kind for name, kind in globals().items() if isinstance(kind, type) and kind is not Config}
    return {name: kind for name, kind in kinds.items() if issubclass(kind, Config)}


def preset_named(name: str) -> type[Config]:
    """The preset of this name; ValueError, with the names that there are, where there is none."""
    presets = all_presets()
    if name not in presets:
        near = difflib.get_close_matches(name, presets, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"There is no preset {name!r}: use {any_of(list(presets))}.{hint}")
    return presets[name]
