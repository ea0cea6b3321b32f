"""The self-test: it passes here, fails where numbers are wrong, and judges weight files."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn.selftest import engine, selftest
from mrcnn.selftest.coco_person import finds_the_person
from mrcnn.selftest.weight_file import _is_of_coco, settings_of
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn_ext.commands.cli import app
from tests.support import GOLDEN

COCO_LAYOUT = GOLDEN / "h5_layout_resnet101_coco.json"


def test_this_installation_passes():
    result = CliRunner().invoke(app, ["selftest", "--json"])
    verdict = json.loads(result.stdout)
    assert result.exit_code == 0, result.stdout
    assert verdict["passed"]
    assert [check["name"] for check in verdict["checks"]] == ["weight file", "boxes", "masks"]


def test_other_numbers_fail():
    expected = {"rois": [[0, 0, 10, 20]], "class_ids": [1], "scores": [0.9], "mask_areas": [100]}
    assert engine._compare_boxes(expected, expected).passed
    for change in (
        {"rois": [[0, 2, 10, 22]]},
        {"class_ids": [2]},
        {"scores": [0.8]},
        {name: values * 2 for name, values in expected.items()},
    ):
        assert not engine._compare_boxes(expected | change, expected).passed
    assert engine._compare_masks(expected | {"mask_areas": [103]}, expected).passed
    assert not engine._compare_masks(expected | {"mask_areas": [150]}, expected).passed


def test_settings_follow_from_the_layout_of_the_coco_file():
    layout = json.loads(COCO_LAYOUT.read_text())
    shapes = {}
    for weights in layout.values():
        for name, shape in weights:
            *_, layer, weight = name.split(":")[0].split("/")
            shapes.setdefault(layer, {})[weight] = tuple(shape)
    settings = settings_of(shapes)
    assert (settings["BACKBONE"], settings["NUM_CLASSES"], settings["USE_MASK"]) == ("resnet101", 81, True)
    assert (settings["TOP_DOWN_PYRAMID_SIZE"], settings["FPN_CLASSIF_FC_LAYERS_SIZE"]) == (256, 1024)
    assert (settings["MASK_HEAD_CHANNELS"], settings["MASK_HEAD_DEPTH"], settings["POOL_SIZE"]) == (256, 4, 7)


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory):
    """A file of a network as it is before training, without a config.json."""
    folder = tmp_path_factory.mktemp("weights")
    config = type("Config3", (TinyConfig,), {"NUM_CLASSES": 3, "SEED": 1, "TRAIN_BN": False})()
    MaskRCNN("inference", config, folder).save_weights(folder / "tiny.h5")
    return folder / "tiny.h5"


def test_a_file_before_training_is_told_apart(tiny_file):
    verdict = selftest(tiny_file)
    by_name = {check.name: check for check in verdict.checks}
    assert by_name["loading"].passed, verdict
    assert by_name["numbers"].passed, verdict
    assert "resnet18, 3 classes with the background, with masks" in by_name["network"].text
    assert np.all([isinstance(check.passed, bool) for check in verdict.checks[:-1]])


def test_a_file_of_one_channel_is_judged_too(tmp_path):
    config = type("Gray", (TinyConfig,), {"NUM_CLASSES": 3, "SEED": 1, "TRAIN_BN": False, "IMAGE_CHANNEL_COUNT": 1})()
    MaskRCNN("inference", config, tmp_path).save_weights(tmp_path / "gray.h5")
    by_name = {check.name: check for check in selftest(tmp_path / "gray.h5").checks}
    assert by_name["numbers"].passed
    assert by_name["right answers"].passed is None


@pytest.mark.parametrize(
    ("boxes", "class_ids", "scores", "passed", "text"),
    [
        # of (15, 20, 512, 362): all of it and 100 columns more, IoU 342 / 442; 35 x 30 px of it, IoU 1050 / 171424
        ([[15, 20, 512, 462], [0, 0, 50, 50]], [1, 1], [0.9, 0.8], True, "score 0.90, has IoU 0.77"),
        ([[15, 20, 512, 362], [0, 0, 50, 50]], [1, 1], [0.8, 0.9], False, "score 0.90, has IoU 0.01"),
        ([[15, 20, 512, 362]], [2], [0.9], False, "is not found, among 1 objects. Are the classes COCO's?"),
        ([], [], [], False, "is not found, among 0 objects"),
    ],
)
def test_a_network_of_cocos_classes_is_to_find_the_person(boxes, class_ids, scores, passed, text):
    class StandIn:
        def detect(self, images):
            assert [image.shape for image in images] == [(512, 512, 3)]
            rois = np.array(boxes, np.int32).reshape(-1, 4)
            return [{"rois": rois, "class_ids": np.array(class_ids, np.int32), "scores": np.array(scores)}]

    check = finds_the_person(StandIn())
    assert check.passed is passed
    assert text in check.text


@pytest.mark.parametrize(
    ("names", "count", "expected"), [(None, 81, True), ("own", 81, False), ("coco", 81, True), (None, 80, False)]
)
def test_cocos_classes_are_known_by_name_or_number(tmp_path, names, count, expected):
    if names:
        listed = COCO_CLASS_NAMES if names == "coco" else ["BG", *(f"thing {i}" for i in range(80))]
        (tmp_path / "classes.json").write_text(json.dumps(listed))
    config = type("Counted", (TinyConfig,), {"NUM_CLASSES": count})()
    assert _is_of_coco(tmp_path / "weights.h5", config) is expected


def test_what_is_no_such_file(tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    result = CliRunner().invoke(app, ["selftest", str(tmp_path / "text.h5")])
    assert result.exit_code == 1
    assert "not an HDF5 file" in result.stdout and "FAILED: this file cannot be used" in result.stdout
    with pytest.raises(FileNotFoundError):
        selftest(tmp_path / "none.h5")
