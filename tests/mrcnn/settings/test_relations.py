"""What settings need of one another: of each rule, a Config that breaks it and the nearest one that keeps it."""

import numpy as np
import pytest

from mrcnn.config import SETTINGS, Config, check_config
from mrcnn.presets import TinyConfig
from mrcnn.settings.relations import RELATIONS


def backbone(image, stage5, train_bn):
    """Stands for a network of one's own."""


def made(**values):
    """A Config with these values."""
    return type("Made", (Config,), {n: staticmethod(x) if x is backbone else x for n, x in values.items()})()


# Of each rule: settings that break it, others that keep it, and what is said.
RULES = {
    "_min_below_max": [
        ({"IMAGE_MAX_DIM": 512, "IMAGE_MIN_DIM": 576}, {"IMAGE_MAX_DIM": 512}, "IMAGE_MIN_DIM is 576, above .* 512"),
        (
            {"IMAGE_MIN_DIM": 1088},
            {"IMAGE_MIN_DIM": 1088, "IMAGE_RESIZE_MODE": "crop"},
            "IMAGE_MAX_DIM, 1024: .* Set IMAGE_MIN_DIM = 1024 too",
        ),
    ],
    "_sides_can_be_halved": [
        ({"IMAGE_MAX_DIM": 1000}, {"IMAGE_MAX_DIM": 1024}, "IMAGE_MAX_DIM is 1000: .* Set it to 960 or 1024"),
        ({"IMAGE_RESIZE_MODE": "pad64"}, {"IMAGE_RESIZE_MODE": "none"}, 'IMAGE_MIN_DIM is 800: .* in mode "pad64"'),
        (
            {"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 32},
            {"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 64},
            "IMAGE_MIN_DIM is 32: .* Set it to 64",
        ),
        (
            {"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 0},
            {"IMAGE_RESIZE_MODE": "square", "IMAGE_MIN_DIM": 0},
            "IMAGE_MIN_DIM is 0",
        ),
    ],
    "_shorter_below_longer": [
        (
            {"IMAGE_RESIZE_MODE": "shorter", "IMAGE_MAX_DIM": 799},
            {"IMAGE_RESIZE_MODE": "shorter", "IMAGE_MAX_DIM": 1333},
            "IMAGE_MIN_DIM is 800 and IMAGE_MAX_DIM 799: .* Set IMAGE_MIN_DIM to 1 up to 799",
        ),
        (
            {"IMAGE_RESIZE_MODE": "shorter", "IMAGE_MIN_DIM": None},
            {"IMAGE_RESIZE_MODE": "shorter", "IMAGE_MIN_DIM": 100},
            "IMAGE_MIN_DIM is 0",
        ),
    ],
    "_mask_is_twice_the_pool": [
        ({"MASK_SHAPE": [33, 33]}, {"MASK_SHAPE": [33, 33], "USE_MASK": False}, r"MASK_SHAPE is \[33, 33\], .* 14"),
        ({"MASK_POOL_SIZE": 7}, {"MASK_POOL_SIZE": 7, "MASK_SHAPE": (14, 14)}, r"Set MASK_SHAPE = \[14, 14\]"),
        ({"MASK_SHAPE": [28, 56]}, {"MASK_SHAPE": np.array([28, 28])}, r"MASK_SHAPE is \[28, 56\]"),
    ],
    "_strides_fit_the_backbone": [
        (
            {"BACKBONE_STRIDES": [2, 4, 8, 16, 32]},
            {"BACKBONE_STRIDES": [2, 4, 8, 16, 32], "BACKBONE": backbone},
            r"resnet101 has \[4, 8, 16, 32, 64\]",
        ),
        (
            {"BACKBONE_STRIDES": [8, 16, 32, 32, 64], "BACKBONE": backbone},
            {"BACKBONE_STRIDES": [8, 16, 32, 64, 128], "BACKBONE": backbone},
            r"the pyramid needs \[8, 16, 32, 64, 128\]",
        ),
    ],
    "_room_for_an_object": [
        (
            {"TRAIN_ROIS_PER_IMAGE": 3},
            {"TRAIN_ROIS_PER_IMAGE": 4},
            "TRAIN_ROIS_PER_IMAGE is 3 and ROI_POSITIVE_RATIO 0.33: .* to 4 or more",
        ),
    ],
    "_means_fit_the_channels": [
        (
            {"MEAN_PIXEL": [1, 2, 3, 4]},
            {"MEAN_PIXEL": [1, 2, 3, 4], "IMAGE_CHANNEL_COUNT": 4},
            "MEAN_PIXEL has 4 numbers, and IMAGE_CHANNEL_COUNT is 3",
        ),
        (
            {"MEAN_PIXEL": [1, 2, 3, 4], "IMAGE_CHANNEL_COUNT": 1},
            {"MEAN_PIXEL": [1, 2, 3], "IMAGE_CHANNEL_COUNT": 1},
            "MEAN_PIXEL has 4 numbers",
        ),
    ],
}
IN_A_NETWORK = {"_training_sides_can_be_halved", "_meta_fits_the_classes", "_shape_fits_the_sides"}  # tested below


def test_every_rule_is_tested_and_says_what_must_hold():
    assert {relation.problem.__name__ for relation in RELATIONS} == {*RULES, *IN_A_NETWORK}
    for relation in RELATIONS:
        assert relation.text.endswith(".")
        assert set(relation.names) <= set(SETTINGS)


@pytest.mark.parametrize(("wrong", "right", "message"), [case for cases in RULES.values() for case in cases])
def test_each_rule(wrong, right, message):
    with pytest.raises(ValueError, match=f"^Made: .*{message}"):
        made(**wrong)
    made(**right)


def test_a_rule_is_not_asked_where_a_value_is_wrong_by_itself():
    with pytest.raises(ValueError, match='^Made: IMAGE_MAX_DIM is "big"') as error:
        made(IMAGE_MAX_DIM="big")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mode", ["pad64", "none"])
def test_the_side_in_training_on_images_of_their_own_size(mode):
    config = made(IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=64, IMAGE_MAX_DIM=1000)
    check_config(config, mode="inference")
    with pytest.raises(ValueError, match="IMAGE_MAX_DIM is 1000: .* for training. Set it to 960 or 1024"):
        check_config(config, mode="training")
    check_config(made(IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=64), mode="training")


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RPN_NMS_THRESHOLD", 70, "RPN_NMS_THRESHOLD is 70"),
        ("IMAGE_MAX_DIM", 192, r"IMAGE_MAX_DIM is 192 now, but IMAGE_SHAPE, .* is \[128, 128, 3\]"),
        ("IMAGE_CHANNEL_COUNT", 4, r"IMAGE_CHANNEL_COUNT is 4 now, but IMAGE_SHAPE"),
        ("NUM_CLASSES", 5, "NUM_CLASSES is 5 now, but IMAGE_META_SIZE, .* is 13. Set NUM_CLASSES in a subclass"),
        ("IMAGE_SHAPE", np.array([100, 128, 3]), "The shorter side of IMAGE_SHAPE is 100"),
    ],
)
def test_what_is_set_after_the_config_was_made(mode, name, value, message):
    config = TinyConfig()
    check_config(config, mode=mode)
    setattr(config, name, value)
    with pytest.raises(ValueError, match=f"TinyConfig: {message}"):
        check_config(config, mode=mode)


def test_what_old_code_sets_after_the_config_was_made():
    config = TinyConfig()
    config.BATCH_SIZE = config.IMAGES_PER_GPU = 1
    config.DETECTION_MIN_CONFIDENCE = np.float32(0.9)
    config.IMAGE_SHAPE = np.array([64, 128, 3])
    config.EPOCHS = "mine"
    check_config(config, mode="training")
