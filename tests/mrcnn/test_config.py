"""Config: old subclassing style, strict names, computed values, JSON."""

import json
import re

import numpy as np
import pytest

from mrcnn.config import KNOWN_NAMES, Config


class ShapesConfig(Config):
    NAME = "shapes"
    GPU_COUNT = 2
    IMAGES_PER_GPU = 3
    NUM_CLASSES = 1 + 3
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 192
    MEAN_PIXEL = np.array([1.0, 2.0, 3.0])


def test_old_defaults():
    config = Config()
    assert (config.BACKBONE, config.BATCH_SIZE, config.IMAGE_META_SIZE) == ("resnet101", 2, 13)
    assert (config.TRAIN_ROIS_PER_IMAGE, config.ROI_POSITIVE_RATIO, config.PRE_NMS_LIMIT) == (200, 0.33, 6000)
    assert config.IMAGE_SHAPE.tolist() == [1024, 1024, 3]
    assert config.MEAN_PIXEL.tolist() == [123.7, 116.8, 103.9]


def test_computed_values_follow_the_subclass():
    config = ShapesConfig()
    assert config.BATCH_SIZE == 6
    assert config.IMAGE_META_SIZE == 16
    assert config.IMAGE_SHAPE.tolist() == [192, 192, 3]


def test_crop_takes_the_smaller_side():
    class CropConfig(ShapesConfig):
        IMAGE_RESIZE_MODE = "crop"
        IMAGE_CHANNEL_COUNT = 4

    assert CropConfig().IMAGE_SHAPE.tolist() == [128, 128, 4]


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("IMAGES_PER_GPUS", "IMAGES_PER_GPU"), ("LEARNING_RTE", "LEARNING_RATE"), ("BACK_BONE", "BACKBONE")],
)
def test_unknown_name_in_a_subclass_names_the_nearest(wrong, nearest):
    with pytest.raises(ValueError, match=rf"Broken: {wrong} is not a setting.*did you mean {nearest}\?"):
        type("Broken", (Config,), {wrong: 1})


def test_unknown_name_on_an_instance_and_from_a_mix_in():
    with pytest.raises(ValueError, match="NUM_CLASSES"):
        Config().NUM_CLASS = 3
    mixed = type("Mixed", (type("MixIn", (), {"STEPS_PER_EPOCHS": 1}), Config), {})
    with pytest.raises(ValueError, match="STEPS_PER_EPOCH"):
        mixed()


@pytest.mark.parametrize("name", ["COCO_MODEL_PATH", "CLASSES", "DEFAULT_LOGS_DIR"])
def test_upper_case_names_that_are_unlike_a_setting_are_free(tmp_path, capsys, name):
    config = type("Own", (ShapesConfig,), {name: ("a", "b"), "PATTERN": re.compile("a")})()
    config.EPOCHS = 3
    config.display()
    assert f"{name:30} ('a', 'b')" in capsys.readouterr().out
    config.to_json(tmp_path / "config.json")
    values = json.loads((tmp_path / "config.json").read_text())
    assert (values[name], values["EPOCHS"], "PATTERN" in values) == (["a", "b"], 3, False)
    assert Config.from_json(tmp_path / "config.json").EPOCHS == 3


def test_lower_case_names_and_methods_are_free(capsys):
    class MyConfig(Config):
        folder = "here"
        _PRIVATE = 1

        def helper(self):
            return self.folder

    config = MyConfig()
    config.other = 2
    assert config.helper() == "here"
    config.display()
    printed = capsys.readouterr().out
    assert "folder                         here\n" in printed
    assert "other                          2\n" in printed
    assert "helper" not in printed


def test_display_prints_every_setting(capsys):
    ShapesConfig().display()
    printed = capsys.readouterr().out
    assert "Configurations:" in printed
    assert all(name in printed for name in KNOWN_NAMES)
    assert "NAME                           shapes" in printed


def test_json_round_trip(tmp_path):
    config = ShapesConfig()
    config.LEARNING_RATE = 0.5
    config.SEED = np.int64(7)
    config.to_json(tmp_path / "config.json")
    back = Config.from_json(tmp_path / "config.json")
    assert back.to_dict().keys() == config.to_dict().keys() == KNOWN_NAMES
    for name, value in config.to_dict().items():
        np.testing.assert_equal(getattr(back, name), value)
        if name != "SEED":
            assert type(getattr(back, name)) is type(value), name


def test_json_holds_no_computed_values(tmp_path):
    ShapesConfig().to_json(tmp_path / "config.json")
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["MEAN_PIXEL"] == [1.0, 2.0, 3.0]
    assert not {"BATCH_SIZE", "IMAGE_SHAPE", "IMAGE_META_SIZE"} & values.keys()


def my_backbone(image, stage5, train_bn):
    return [image] * 5


def test_json_names_a_callable_and_wants_it_back_in_code(tmp_path):
    path = tmp_path / "config.json"
    WithBackbone = type("WithBackbone", (ShapesConfig,), {"BACKBONE": staticmethod(my_backbone)})
    config = WithBackbone()
    config.LEARNING_RATE = 0.5
    config.to_json(path)
    assert json.loads(path.read_text())["BACKBONE"] == {"callable": "my_backbone"}
    back = WithBackbone.from_json(path)
    assert (my_backbone, 0.5) == (back.BACKBONE, back.LEARNING_RATE)
    with pytest.raises(ValueError, match="config.json: BACKBONE was my_backbone.*subclass of ShapesConfig"):
        ShapesConfig.from_json(path)


def test_json_refuses_other_objects(tmp_path):
    config = ShapesConfig()
    config.LEARNING_RATE = object()
    with pytest.raises(ValueError, match="LEARNING_RATE: .* cannot be saved as JSON"):
        config.to_json(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"LEARNING_RAT": 1}', "config.json: LEARNING_RAT .* LEARNING_RATE"),
        ('{"learning_rate": 1}', "config.json: learning_rate is not a setting .* in capitals"),
        ("{", "config.json: not a JSON file"),
        ("[1]", "config.json: expected a JSON object of settings, found a list"),
    ],
)
def test_json_that_is_wrong_names_the_file(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        Config.from_json(tmp_path / "config.json")
