"""The self-test: it passes here, fails where numbers are wrong, and judges weight files."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.cli import app
from mrcnn_ext.selftest import engine, selftest
from mrcnn_ext.selftest.weight_file import settings_of

COCO_LAYOUT = Path(__file__).parents[1] / "golden" / "h5_layout_resnet101_coco.json"


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


def test_what_is_no_such_file(tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    result = CliRunner().invoke(app, ["selftest", str(tmp_path / "text.h5")])
    assert result.exit_code == 1
    assert "not an HDF5 file" in result.stdout and "FAILED: this file cannot be used" in result.stdout
    with pytest.raises(FileNotFoundError):
        selftest(tmp_path / "none.h5")
