"""The settings of the network, from the image to the detections.

See `mrcnn.settings.table.setting` for what an entry has.
"""

from collections.abc import Callable, Sequence

import numpy as np

from mrcnn.settings.kinds import AnyOf, Choice, Flag, Function, ListOf, Number, Whole, optional
from mrcnn.settings.table import section, setting, take_settings


class NetworkSettings:
    """Inherited by `Config`."""

    the_network = section("The network")
    CONVENTIONS = setting(
        "matterport",
        Choice("matterport", "torchvision", "detectron2"),
        "Whose way to place, round and choose, in coordinates, anchors, proposals, pooling, resizing and pasting.",
        "Weights give their answers only with the conventions that they were trained with; see mrcnn/conventions.py. "
        '"matterport" is the old package\'s.',
    )
    BACKBONE: str | Callable = setting(
        "resnet101",
        AnyOf(Choice("resnet18", "resnet50", "resnet101"), Function()),
        "The network that turns an image into features.",
        "A function gets the input tensor, stage5 and train_bn and returns five feature maps C1..C5 (give it as "
        "staticmethod(function)); a keras.Model has these as its outputs.",
    )
    BACKBONE_WIDTH = setting(
        64,
        Whole(least=1),
        "Channels of the first stage of a ResNet; later stages have multiples of it.",
        "64 is the paper's; 8 to 32 make a small network for a CPU.",
        unit="channels",
    )
    BACKBONE_STRIDE_IN = setting(
        "1x1",
        Choice("1x1", "3x3"),
        "The convolution of a ResNet stage's first block that has the stride, in resnet50 and resnet101.",
        '"1x1" is the paper\'s and detectron2\'s, "3x3" torchvision\'s.',
    )
    COMPUTE_BACKBONE_SHAPE: Callable | None = setting(
        None,
        optional(Function()),
        "With a BACKBONE of your own: a function of image_shape that gives [[h, w], ...] of P2..P6.",
        "None: the sizes follow from BACKBONE_STRIDES.",
    )
    BACKBONE_STRIDES: Sequence[int] = setting(
        [4, 8, 16, 32, 64],
        ListOf(Whole(least=1), 5),
        "Pixels between neighbouring cells of P2..P6.",
        "These fit every ResNet; change them only with a BACKBONE of your own.",
        unit="pixels",
    )
    NORM = setting(
        "batch",
        Choice("batch", "group"),
        "Normalisation: batch norm (frozen unless TRAIN_BN), or group norm.",
        "Group norm has no batch statistics, which is good for small batches from random weights.",
    )
    TRAIN_BN: bool | None = setting(
        False,
        optional(Flag()),
        "Whether batch norm trains on the statistics of the batch.",
        "False: frozen, right for small batches and pretrained weights. None: trains and updates its statistics as "
        "Keras decides. True: always in training mode, as from scratch with 8 images or more a step.",
    )
    TOP_DOWN_PYRAMID_SIZE = setting(
        256, Whole(least=1), "Channels of every level of the feature pyramid.", "Usual: 32 to 256.", unit="channels"
    )
    RPN_CHANNELS = setting(
        512,
        Whole(least=1),
        "Channels of the shared convolutions of the region proposal network.",
        "Usual: 32 to 512.",
        unit="channels",
    )
    RPN_DEPTH = setting(
        1,
        Whole(least=1),
        "Shared convolutions of the region proposal network, one after the other.",
        "The paper has 1; torchvision's v2 and detectron2's LSJ networks have 2.",
    )
    BOX_HEAD_CONVS = setting(
        0,
        Whole(least=0),
        "Convolutions of the box head before its dense layers, with as many channels as the pyramid.",
        "The paper has none; torchvision's v2 and detectron2's LSJ networks have 4.",
    )
    BOX_HEAD_LAYERS = setting(
        2,
        Whole(least=1),
        "Dense layers of the box head.",
        "The paper has 2; networks with BOX_HEAD_CONVS have 1.",
    )
    FPN_CLASSIF_FC_LAYERS_SIZE = setting(
        1024, Whole(least=1), "Units in each dense layer of the box head.", "Usual: 64 to 1024."
    )
    MASK_HEAD_CHANNELS = setting(
        256, Whole(least=1), "Channels of the mask head's convolutions.", "Usual: 32 to 256.", unit="channels"
    )
    MASK_HEAD_DEPTH = setting(
        4, Whole(least=1), "Convolutions of the mask head before it doubles the size.", "Usual: 1 to 4."
    )
    USE_MASK = setting(
        True, Flag(), "False drops the mask head: a plain Faster R-CNN, whose detections have boxes only."
    )
    PRECISION = setting(
        "float32",
        Choice("float32", "mixed_bfloat16", "mixed_float16"),
        "What the network computes in.",
        "GPUs are faster and need less memory in 16 bits: mixed_bfloat16 (Ampere and later), mixed_float16 (Volta and "
        "later; the loss is scaled). Weights, boxes, targets, probabilities, masks and losses stay float32.",
    )
    NUM_CLASSES = setting(
        1,
        Whole(least=1),
        "Classes, the background (id 0) included: 1 + your own.",
        unit="classes",
        remedy="The background counts: write 1 + the number of your classes.",
    )

    anchors_and_proposals = section("Anchors and proposals")
    RPN_ANCHOR_SCALES: Sequence[float] = setting(
        (32, 64, 128, 256, 512),
        ListOf(Number(above=0), 5),
        "Sides of the square anchors on the five levels P2..P6, which should span the sizes of the objects.",
        "They are measured in the molded image.",
        unit="pixels",
    )
    RPN_ANCHOR_RATIOS: Sequence[float] = setting(
        [0.5, 1, 2],
        ListOf(Number(above=0)),
        "Width over height of the anchors at each cell: 0.5 is tall, 2 is wide.",
        "Add 0.25 and 4 for long, thin objects.",
    )
    RPN_ANCHOR_STRIDE = setting(
        1,
        Whole(least=1),
        "Cells between anchors.",
        "2 takes every second cell in each direction, a quarter of the anchors.",
        unit="cells",
    )
    RPN_NMS_THRESHOLD = setting(
        0.7,
        Number(least=0, most=1),
        "Overlap above which the weaker of two proposals goes.",
        "Raise it to keep more proposals of crowded objects.",
        unit="IoU",
    )
    RPN_TRAIN_ANCHORS_PER_IMAGE = setting(
        256,
        Whole(least=2),
        "Anchors of an image that count in the losses of the proposals, half of them positive at most.",
        unit="anchors",
    )
    RPN_BBOX_STD_DEV: Sequence[float] | np.ndarray = setting(
        np.array([0.1, 0.1, 0.2, 0.2]),
        ListOf(Number(above=0), 4),
        "Standard deviations of (dy, dx, log dh, log dw), by which the proposals' deltas are divided.",
        "So they are near 1 in size.",
    )
    PRE_NMS_LIMIT = setting(
        6000,
        Whole(least=1),
        "Proposals of an image, the best by score, that go into the non-maximum suppression.",
        'Of each level of the pyramid where CONVENTIONS is "torchvision" or "detectron2".',
        unit="proposals",
    )
    POST_NMS_ROIS_TRAINING = setting(
        2000, Whole(least=1), "Proposals of an image that may come out of it in training.", unit="proposals"
    )
    POST_NMS_ROIS_INFERENCE = setting(
        1000, Whole(least=1), "Proposals of an image that may come out of it in inference.", unit="proposals"
    )

    images = section("Images")
    IMAGE_RESIZE_MODE = setting(
        "square",
        Choice("square", "pad64", "crop", "none", "shorter"),
        "How an image gets the size of the network.",
        '"square": scaled, then padded to IMAGE_MAX_DIM x IMAGE_MAX_DIM. "pad64": scaled, then padded to multiples of '
        '64. "crop": scaled, then a random square of IMAGE_MIN_DIM (training only). "none": as it is. '
        '"shorter": scaled up or down to a shorter side of IMAGE_MIN_DIM, the longer one at most IMAGE_MAX_DIM, then '
        "padded to multiples of 32 (in training to IMAGE_SHAPE, as the images of a batch have one shape).",
    )
    IMAGE_MIN_DIM: int | None = setting(
        800,
        optional(Whole(least=0)),
        "The shorter side after scaling up.",
        '0 or None: not scaled up. It is the side of the square in mode "crop". In mode "shorter" images are scaled '
        "down to it too.",
        unit="pixels",
    )
    IMAGE_MAX_DIM = setting(
        1024,
        Whole(least=1),
        "Side of the molded image, the longest allowed: twice the side is four times the work, and finds smaller "
        "objects.",
        "It wins over IMAGE_MIN_DIM.",
        unit="pixels",
    )
    IMAGE_MIN_SCALE: float | None = setting(
        0,
        optional(Number(least=0)),
        "Scale images up at least by this factor, even where IMAGE_MIN_DIM asks for less.",
        "0 or None: no such factor.",
    )
    IMAGE_CHANNEL_COUNT = setting(
        3,
        Whole(least=1),
        "Channels of the image.",
        "3 is RGB, 1 gray; 4 and more are for RGB-D and the like.",
        unit="channels",
    )
    MEAN_PIXEL: float | Sequence[float] | np.ndarray = setting(
        np.array([123.7, 116.8, 103.9]),
        AnyOf(ListOf(Number()), Number()),
        "Subtracted from each channel of an image.",
        "The default is ImageNet's RGB mean; for other channels one number each (or one for all; channels that it "
        "lacks take its average).",
        unit="gray levels",
    )
    MAX_GT_INSTANCES = setting(
        100,
        Whole(least=1),
        "Objects of an image that training can take.",
        "Of more objects a random choice is used.",
        unit="objects",
    )
    USE_MINI_MASK = setting(
        True,
        Flag(),
        "True keeps each ground-truth mask as a crop of its box in MINI_MASK_SHAPE: far less memory, nearly as exact.",
    )
    MINI_MASK_SHAPE: Sequence[int] = setting(
        (56, 56),
        ListOf(Whole(least=1), 2),
        "Height and width in which ground-truth masks are kept: larger for finer outlines.",
        "Below MASK_SHAPE outlines get coarser than the network can learn.",
        unit="pixels",
    )

    heads = section("Box and mask heads")
    TRAIN_ROIS_PER_IMAGE = setting(
        200,
        Whole(least=1),
        "Regions of an image that the heads learn from: more for crowded images.",
        "The paper has 512, but then the proposals seldom hold enough positive ones.",
        unit="regions",
    )
    ROI_POSITIVE_RATIO = setting(
        0.33,
        Number(above=0, most=1),
        "Share of them that may be positive (IoU with a ground-truth box of 0.5 or more).",
        unit="share",
    )
    POOL_SIZE = setting(
        7, Whole(least=1), "Side of the grid that is pooled from each region for the box head.", unit="cells"
    )
    MASK_POOL_SIZE = setting(
        14, Whole(least=1), "Side of the grid that is pooled from each region for the mask head.", unit="cells"
    )
    POOL_SAMPLES: int | None = setting(
        4,
        optional(Whole(least=1)),
        'Samples along a side of a bin when regions are pooled, at most; only where CONVENTIONS is "detectron2".',
        "None: as many as a bin has cells, which is exact and takes longer; on JAX for detection only. The other "
        "conventions have a fixed number.",
        unit="samples",
    )
    MASK_SHAPE: Sequence[int] = setting(
        [28, 28],
        ListOf(Whole(least=1), 2),
        "Height and width of a predicted mask: twice MASK_POOL_SIZE.",
        unit="pixels",
    )
    BBOX_STD_DEV: Sequence[float] | np.ndarray = setting(
        np.array([0.1, 0.1, 0.2, 0.2]),
        ListOf(Number(above=0), 4),
        "Standard deviations of (dy, dx, log dh, log dw), by which the box head's deltas are divided.",
    )
    USE_RPN_ROIS = setting(
        True,
        Flag(),
        "False: the regions are an input of the training graph in place of the proposals, to study the heads alone.",
    )

    detection = section("Detection")
    DETECTION_MAX_INSTANCES = setting(100, Whole(least=1), "Objects that can come out of one image.", unit="objects")
    DETECTION_MIN_CONFIDENCE = setting(
        0.7,
        Number(least=0, most=1),
        "Weaker objects are dropped.",
        "Low to measure AP, 0.5 to 0.9 to use the results.",
        unit="probability",
    )
    DETECTION_NMS_THRESHOLD = setting(
        0.3,
        Number(least=0, most=1),
        "Overlap above which the weaker of two objects of one class goes.",
        unit="IoU",
    )


NETWORK_SETTINGS = take_settings(NetworkSettings)
