"""Networks of the zoo in the engine, with a 32nd of their channels: training, detection, self-test, origins."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.training.run_facts import write_run_facts
from mrcnn.weights import layers_of
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.fit import config_class_of
from mrcnn.weights.torch_layers import from_torch
from mrcnn.weights.zoo import ZOO
from mrcnn_ext.commands.cli import app
from mrcnn_ext.common.runs import find_run
from tests.support.torch_states import narrow_state
from tests.support.zoo_files import KINDS, narrow_entry


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the narrow files are taken from."""
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MRCNN_WEIGHTS_FROM", str(tmp_path / "files"))
    return tmp_path / "files"


@pytest.mark.parametrize("name", KINDS)
def test_training_takes_all_layers_and_the_rows_of_known_classes(tmp_path, monkeypatch, folder, name, capsys):
    entry = narrow_entry(monkeypatch, folder, name)
    changes = {"NAME": "mine", "NUM_CLASSES": 4, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64}
    config = type("MineConfig", (config_class_of(entry),), changes)()
    model = MaskRCNN("training", config, tmp_path / "logs")
    names = ["BG", "dog", "thing", "person"]
    report = model.load_weights(name, class_names=names)
    assert report.complete and not report.unused
    assert "rows kept by name for BG, dog, person; re-initialised for thing" in str(report)
    assert (model.loaded, model.origins[0]["licence"]) == (name, entry.licence)
    depth = 101 if "r101" in name else 50
    state = narrow_state(KINDS[name], depth=depth, names_of_2019=name == "torchvision")
    expected = from_torch(state, epsilon=entry.epsilon).layers
    heads = ("mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask")
    for layer, found in layers_of(model.keras_model).items():
        for weight, variable in found.weights.items():
            if layer not in heads:
                np.testing.assert_array_equal(np.asarray(variable), expected[layer][weight], err_msg=layer)
    rows = [COCO_CLASS_NAMES.index(class_name) for class_name in ("dog", "person")]
    bias = np.asarray(layers_of(model.keras_model)["mrcnn_class_logits"].weights["bias"])
    np.testing.assert_array_equal(bias[[1, 3]], expected["mrcnn_class_logits"]["bias"][rows])


def test_a_network_that_does_not_fit_is_refused_before_it_is_fetched(tmp_path, folder):
    config = type("MineConfig", (config_class_of(ZOO["coco"]),), {"NAME": "mine"})
    model = MaskRCNN.__new__(MaskRCNN)
    model.config, model.mode = config(), "training"
    with pytest.raises(ValueError, match="the weights torchvision-v2 are of another network than mine"):
        model.load_weights("torchvision-v2")  # the file is not there, which would be another error


def test_detection_by_name_without_a_run(tmp_path, monkeypatch, folder):
    narrow_entry(monkeypatch, folder, "torchvision-v2")
    run = find_run("torchvision-v2", tmp_path / "logs")
    assert run.class_names == COCO_CLASS_NAMES
    assert run.config.NUM_CLASSES == 81
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8)).save(photo)
    words = ["detect", "--weights", "torchvision-v2", str(photo), "--out", str(tmp_path / "out"), "--write", "coco"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [category["name"] for category in found["categories"]] == COCO_CLASS_NAMES[1:]
    verdict = json.loads(CliRunner().invoke(app, ["selftest", "--weights", "torchvision-v2", "--json"]).stdout)
    checks = {check["name"]: check["passed"] for check in verdict["checks"]}
    assert checks["loading"] and checks["numbers"]
    assert checks["right answers"] is False  # random weights find no person


def test_what_names_nothing_to_detect_with(tmp_path):
    with pytest.raises(ValueError, match="imagenet is a backbone alone"):
        find_run("imagenet", tmp_path)
    result = CliRunner().invoke(app, ["detect", "photo.jpg"])
    assert "photo.jpg: that is the run; give the images, too, or pretrained weights" in str(result.exception)


def test_a_run_keeps_the_origins_of_its_weights(tmp_path):
    class Data:
        """As much of a Dataset as the facts tell."""

        image_ids, num_classes, class_names, image_info = (), 2, ["BG", "pear"], ()

        def fingerprint(self):
            return ""

        def label_files(self):
            return ["a.json"]

    model = MaskRCNN.__new__(MaskRCNN)
    model.config, model.log_dir = config_class_of(ZOO["detectron2-r50"])(), str(tmp_path)
    model.loaded, model.loaded_sha256, model.origins = "detectron2-r50", "0", [ZOO["detectron2-r50"].origin()]
    write_run_facts(model, Data(), Data(), {})
    (facts,) = json.loads((tmp_path / "run.json").read_text())["trainings"]
    assert facts["origins"] == [ZOO["detectron2-r50"].origin()]
