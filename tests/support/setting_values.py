"""Of every setting: values that it takes, and values that it must not take."""

import numpy as np

from mrcnn.config import Config

NO_NUMBER = ["2", True, None, float("nan"), float("inf"), [1], 1 + 2j]
COUNT = ([1, 7, np.int64(3), np.uint8(4)], [*NO_NUMBER, 0, -1, 2.0, 2.5, np.float32(2)])
COUNT_OR_NONE = ([*COUNT[0], None], [value for value in COUNT[1] if value is not None])
SHARE = ([0, 1, 0.5, np.float32(0.25), np.int32(1)], [*NO_NUMBER, 70, 7, -0.1, 1.0001])
FLAG = ([True, False, np.True_, 1, 0], ["True", "yes", None, 2, 0.5, [True], 1.0])
FOUR = (
    [[0.1, 0.1, 0.2, 0.2], (1, 1, 1, 1), np.full(4, 0.5)],
    [0.1, [0.1, 0.2], [0.1] * 5, [0.1, 0.1, 0, 0.2], [0.1, 0.1, 0.2, "0.2"], np.full((2, 2), 0.1), np.full(4, np.nan)],
)
SHAPE = (
    [(28, 28), [28, 28], np.array([28, 28])],
    [28, (28,), (28, 28, 3), (28.0, 28), ("28", 28), (0, 28), (True, 28), None],
)
ABOVE_0 = ([0.001, 1, np.float64(3)], [*NO_NUMBER, 0, -1])
FROM_0 = ([0, 0.5, 3, np.float32(1)], [*NO_NUMBER, -1e-9])


def function():
    """Stands for a network."""


# By name: values that must pass, values that must not. What others must be for them to go together is in OTHERS.
CASES = {
    "NAME": (["shapes", "my run 2", "é", None], ["", "a/b", "a\\b", "a\nb", 3, ["a"], True]),
    "GPU_COUNT": COUNT,
    "IMAGES_PER_GPU": COUNT,
    "STEPS_PER_EPOCH": COUNT,
    "VALIDATION_STEPS": COUNT,
    "CHECKPOINT_STEPS": COUNT_OR_NONE,
    "KEEP_CHECKPOINTS": COUNT_OR_NONE,
    "EARLY_STOP_EPOCHS": COUNT_OR_NONE,
    "SKIP_BROKEN_IMAGES": FLAG,
    "LOADER_THREADS": COUNT_OR_NONE,
    "SEED": ([None, 0, 2018, np.int64(7), 2**32 - 1], ["2018", -1, 2**32, 1.0, True]),
    "BACKBONE": (
        ["resnet18", "resnet50", "resnet101", function],
        ["ResNet50", "vgg16", "", None, 50, ["resnet50"]],
    ),
    "BACKBONE_WIDTH": COUNT,
    "COMPUTE_BACKBONE_SHAPE": ([None, function], ["resnet50", 5, [[1, 1]]]),
    "BACKBONE_STRIDES": (
        [[4, 8, 16, 32, 64], (4, 8, 16, 32, 64), np.array([4, 8, 16, 32, 64])],
        [[4, 8, 16, 32], [4, 8, 16, 32, 64, 128], 4, [4.0, 8, 16, 32, 64], [0, 8, 16, 32, 64], "4 8 16 32 64"],
    ),
    "NORM": (["batch", "group"], ["Batch", "layer", None, True]),
    "TRAIN_BN": ([None, False, True, np.False_], ["False", 2, 0.1]),
    "TOP_DOWN_PYRAMID_SIZE": COUNT,
    "RPN_CHANNELS": COUNT,
    "RPN_DEPTH": COUNT,
    "BOX_HEAD_CONVS": ([0, 4, np.int64(2)], ["4", -1, 1.0, None, True]),
    "BOX_HEAD_LAYERS": COUNT,
    "CONVENTIONS": (["matterport", "torchvision", "detectron2"], ["Torchvision", "pytorch", None, 1]),
    "BACKBONE_STRIDE_IN": (["1x1", "3x3"], ["1", "2x2", None, 3]),
    "POOL_SAMPLES": ([1, 4, None, np.int64(6)], ["4", 0, -1, 2.0, True]),
    "FPN_CLASSIF_FC_LAYERS_SIZE": COUNT,
    "MASK_HEAD_CHANNELS": COUNT,
    "MASK_HEAD_DEPTH": COUNT,
    "USE_MASK": FLAG,
    "PRECISION": (["float32", "mixed_bfloat16", "mixed_float16"], ["float16", "bfloat16", 32, None]),
    "NUM_CLASSES": COUNT,
    "RPN_ANCHOR_SCALES": (
        [(8, 16, 32, 64, 128), [1.5] * 5, np.arange(1, 6)],
        [(8, 16, 32), (1, 2), 32, (8, 16, 32, 64, 0), (8, 16, 32, 64, "128"), [[8]] * 5, (8, 16, 32, 64, np.nan), None],
    ),
    "RPN_ANCHOR_RATIOS": ([[0.5, 1, 2], (1,), np.array([1.0, 2])], [[], 1, [0.5, -1], ["1"], [True], None]),
    "RPN_ANCHOR_STRIDE": COUNT,
    "RPN_NMS_THRESHOLD": SHARE,
    "RPN_TRAIN_ANCHORS_PER_IMAGE": ([2, 256], [*NO_NUMBER, 1, 0, 2.0]),
    "RPN_BBOX_STD_DEV": FOUR,
    "PRE_NMS_LIMIT": COUNT,
    "POST_NMS_ROIS_TRAINING": COUNT,
    "POST_NMS_ROIS_INFERENCE": COUNT,
    "IMAGE_RESIZE_MODE": (["square", "pad64", "crop", "none", "shorter"], ["pad", "Square", None, 64]),
    "IMAGE_MIN_DIM": ([0, None, 64, 800, np.int64(128)], ["800", -1, 64.0, True, float("nan"), [64, 64]]),
    "IMAGE_MAX_DIM": ([1024, np.int64(832)], [*NO_NUMBER, 0, -64, 1024.0]),
    "IMAGE_MIN_SCALE": ([0, None, 2, 0.5], ["2", -1, float("nan"), False]),
    "IMAGE_CHANNEL_COUNT": COUNT,
    "MEAN_PIXEL": (
        [np.array([123.7, 116.8, 103.9]), [1, 2, 3], (7,), 7, 127.5, np.float32(3), [-1, 0, 300]],
        ["127", None, True, [], [1, 2, "3"], [1, 2, np.nan], np.zeros((1, 3))],
    ),
    "MAX_GT_INSTANCES": COUNT,
    "USE_MINI_MASK": FLAG,
    "MINI_MASK_SHAPE": ([*SHAPE[0], (56, 112)], SHAPE[1]),
    "TRAIN_ROIS_PER_IMAGE": ([4, 200, np.int64(64)], [*NO_NUMBER, 0, -1, 200.0]),
    "ROI_POSITIVE_RATIO": ([0.33, 1, 0.01, np.float32(0.5)], [*NO_NUMBER, 0, -0.3, 3.3, 33]),
    "POOL_SIZE": COUNT,
    "MASK_POOL_SIZE": ([14, np.int64(14)], [*NO_NUMBER, 0, 14.0]),
    "MASK_SHAPE": SHAPE,
    "BBOX_STD_DEV": FOUR,
    "USE_RPN_ROIS": FLAG,
    "DETECTION_MAX_INSTANCES": COUNT,
    "DETECTION_MIN_CONFIDENCE": SHARE,
    "DETECTION_NMS_THRESHOLD": SHARE,
    "OPTIMIZER": (["sgd", "adamw"], ["adam", "SGD", None]),
    "LEARNING_RATE": (ABOVE_0[0], [*ABOVE_0[1], "1e-3"]),
    "LEARNING_SCHEDULE": (["constant", "step", "cosine"], ["cosinus", None, 0.1]),
    "WARMUP_STEPS": ([0, 50, np.int32(5)], [*NO_NUMBER, -1, 50.0]),
    "EMA_MOMENTUM": ([None, 0, 0.999], ["0.9", 1, 1.5, -0.1, True]),
    "GRADIENT_ACCUMULATION_STEPS": COUNT,
    "LEARNING_MOMENTUM": SHARE,
    "WEIGHT_DECAY": FROM_0,
    "GRADIENT_CLIP_NORM": ABOVE_0,
    "LOSS_WEIGHTS": (
        [Config.LOSS_WEIGHTS, {}, {"rpn_class_loss": 0, "mrcnn_mask_loss": 2.5}],
        [{"rpn_clas_loss": 1}, {"rpn_class_loss": "1"}, {"rpn_class_loss": -1}, [1, 1, 1, 1, 1], None, 1],
    ),
}
OTHERS = {  # what must be so for a value of another setting to go with it
    "IMAGE_RESIZE_MODE": {"IMAGE_MIN_DIM": 832},
    "MASK_SHAPE": {"MASK_POOL_SIZE": 14},
}
