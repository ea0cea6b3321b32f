"""Export of a run: what lies in the folder, and that a bad export leaves nothing."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import mrcnn_ext.export.export_run as export_module
from mrcnn.config import Config
from mrcnn.data.dataset import Dataset
from mrcnn.export.exported import ExportedModel
from mrcnn.export.parity import Parity
from mrcnn.model import MaskRCNN
from mrcnn.weights.zoo import ZOO
from mrcnn_ext.commands.cli import app
from mrcnn_ext.common.runs import Run
from mrcnn_ext.datasets.label_map import read_label_map
from mrcnn_ext.export import model_card
from mrcnn_ext.export.export_run import export_run
from tests.support.engine_data import SmallConfig

# Keras 3.15's variables lack the `copy` argument that numpy 2 wants of __array__.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


class ShortConfig(SmallConfig):
    NAME = "short"


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A folder with one run, of a network without training."""
    logs = tmp_path_factory.mktemp("logs")
    model = MaskRCNN("inference", ShortConfig(), logs)
    run = logs / "short20260102T0304"
    run.mkdir()
    model.save_weights(str(run / "mask_rcnn_short_0001.h5"))
    model.config.to_json(run / "config.json")
    (run / "classes.json").write_text(json.dumps(["BG", "apple", "pear"]))
    return logs


def test_the_card_says_whose_the_first_weights_are():
    """Also beside the user's own words, as a licence that is passed on is not the user's choice."""
    origins = [ZOO["detectron2-r50"].origin(), ZOO["imagenet"].origin()]
    for words in (None, "MIT"):
        text = "\n".join(model_card._licence(origins, words))
        assert "They began as detectron2-r50: CC BY-SA 3.0" in text and "They began as imagenet: MIT" in text
        assert "give trained weights away under the same licence only" in text
        assert text.startswith("MIT" if words else "- They began as")
    assert model_card._licence([], None) == [model_card.NO_LICENCE]
    assert model_card._licence([], "CC0") == ["CC0"]


def test_what_lies_beside_an_export(logs, tmp_path):
    origin = ZOO["detectron2-r50"].origin()
    facts = {"started": "now", "settings": {}, "data": {"train": {"images": 1, "classes": 2, "sha256": ""}}}
    run_json = logs / "short20260102T0304" / "run.json"
    run_json.write_text(json.dumps({"trainings": [facts | {"weights": "detectron2-r50", "origins": [origin]}]}))
    images = list(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8))
    report = export_run("last", "keras", tmp_path / "out", images=images, licence="CC0", logs=logs)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "MODEL_CARD.md",
        "config.json",
        "export.json",
        "label_map.pbtxt",
        "model.keras",
    ]
    assert read_label_map(tmp_path / "out" / "label_map.pbtxt") == {1: "apple", 2: "pear"}
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert Config.from_json(tmp_path / "out" / "config.json").BACKBONE_WIDTH == 8
    assert "1 apple, 2 pear" in card and "CC0" in card and "mask_rcnn_short_0001.h5" in card
    assert "They began as detectron2-r50: CC BY-SA" in card and "Yuxin Wu" in card
    assert "reaches what is trained from them" in report.text()
    run_json.unlink()
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert stored["origins"] == [origin]
    assert stored["parity"]["images"] == 2 and stored["to"] == "keras"
    assert report.seconds > 0 and "seconds an image" in report.text()
    found = ExportedModel(report.path).detect([images[0][:40]])[0]
    assert found["masks"].shape == (40, 64, len(found["scores"]))


class Fruits(Dataset):
    """Only its classes count."""

    def __init__(self, *names):
        super().__init__()
        for number, name in enumerate(names, 1):
            self.add_class("made", number, name)
        self.prepare()


FRUITS = Fruits("apple", "pear")
GOOD = Parity(images=1, objects=3)


@pytest.fixture
def stood_in(monkeypatch):
    """No network is made, nothing written or run: only what is done with the comparison, given here, counts."""

    def stand_in(parity=GOOD, ap_network=0.5, ap=0.5):
        model = SimpleNamespace(config=ShortConfig())
        monkeypatch.setattr(Run, "model", lambda self, **settings: model)
        monkeypatch.setattr(export_module, "image_model", lambda model, size, batch: None)
        monkeypatch.setattr(export_module, "write", lambda to, model, path, precision: path.write_bytes(b"new"))
        monkeypatch.setattr(export_module, "ExportedModel", lambda path, **_: None)
        monkeypatch.setattr(export_module, "_seconds", lambda model, image: 0.1)
        monkeypatch.setattr(export_module, "compare", lambda *_: parity)
        monkeypatch.setattr(export_module, "_ap", lambda model, *_: ap_network if model else ap)

    return stand_in


def test_an_export_that_differs_leaves_nothing(logs, tmp_path, stood_in):
    stood_in(Parity(images=1, objects=3, missing=2))
    with pytest.raises(ValueError, match="refused: 2 of 3 objects are not found. Nothing was kept"):
        export_run("last", "onnx", tmp_path / "out", logs=logs)
    assert list(tmp_path.iterdir()) == []


def test_nothing_compared_is_refused(logs, tmp_path, stood_in):
    stood_in(Parity(images=6))
    with pytest.raises(ValueError, match="no object is found in the 6 sample images: give images or a data set"):
        export_run("last", "onnx", tmp_path / "out", logs=logs)


def test_an_earlier_export_is_replaced_only_by_a_good_one(logs, tmp_path, stood_in):
    stood_in()
    out = export_run("last", "onnx", tmp_path / "out", logs=logs).path.parent
    (out / "model.onnx").write_text("old")
    stood_in(Parity(objects=1, score=0.5))
    with pytest.raises(ValueError, match="scores differ"):
        export_run("last", "onnx", out, logs=logs)
    assert (out / "model.onnx").read_text() == "old"
    stood_in()
    export_run("last", "tflite", out, logs=logs)
    assert (out / "model.tflite").read_text() == "new" and not (out / "model.onnx").exists()
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("names", [["thesis.tex"], ["export.json", "thesis.tex"], ["config.json"]])
def test_a_folder_of_other_things_is_left_alone(logs, tmp_path, stood_in, names):
    stood_in()
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="holds more or less than an export .*give a new folder"):
        export_run("last", "onnx", tmp_path, logs=logs)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_file_is_no_folder(logs, tmp_path, stood_in):
    stood_in()
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ValueError, match="give a new folder"):
        export_run("last", "onnx", tmp_path / "out", logs=logs)
    assert (tmp_path / "out").read_text() == "mine"


def test_what_was_there_comes_back_when_the_new_one_cannot_take_its_place(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with pytest.raises(FileNotFoundError):
        export_module._put_in_place(tmp_path / "new", tmp_path / "out")
    assert (tmp_path / "out" / "old").exists()


def test_small_precision_is_measured_by_ap(logs, tmp_path, stood_in):
    stood_in(Parity(objects=3, missing=1), ap=0.48)
    options = {"precision": "int8", "logs": logs, "images": [np.zeros((64, 64, 3), np.uint8)]}
    with pytest.raises(ValueError, match="give a data set"):
        export_run("last", "tflite", tmp_path / "out", **options)
    with pytest.raises(ValueError, match="AP falls from 0.5000 to 0.4800, by more than 0.01"):
        export_run("last", "tflite", tmp_path / "out", dataset=FRUITS, **options)
    report = export_run("last", "tflite", tmp_path / "out", dataset=FRUITS, max_ap_loss=0.03, **options)
    assert report.ap == 0.48 and report.size == (64, 64)
    assert "AP with scores from 0 on: 0.4800; the network in Keras: 0.5000" in report.text()
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "of images fitted into the size, of detections with scores from 0 on: 0.4800 (Keras: 0.5000)" in card


@pytest.mark.parametrize(
    "ap_network, ap, problem",
    [
        (math.nan, math.nan, "the network's own is nan"),
        (0.0, 0.0, "the network's own is 0.0000"),
        (0.5, math.nan, "AP falls from 0.5000 to nan"),
    ],
)
def test_what_is_no_number_proves_nothing(logs, tmp_path, stood_in, ap_network, ap, problem):
    stood_in(ap_network=ap_network, ap=ap)
    with pytest.raises(ValueError, match=problem):
        images = [np.zeros((64, 64, 3), np.uint8)]
        options = {"precision": "float16", "dataset": FRUITS, "images": images}
        export_run("last", "onnx", tmp_path / "out", logs=logs, **options)


def test_the_data_must_have_the_classes_of_the_run(logs, tmp_path, stood_in):
    stood_in()
    with pytest.raises(ValueError, match="same classes in the same order"):
        export_run("last", "onnx", tmp_path / "out", dataset=Fruits("pear", "apple"), logs=logs)


def test_images_of_other_sizes_are_fitted(logs, tmp_path, stood_in, monkeypatch):
    stood_in()
    seen = []
    monkeypatch.setattr(export_module, "compare", lambda model, exported, samples, *_: seen.extend(samples) or GOOD)
    images = [np.full((32, 64, 3), 9, np.uint8), np.full((128, 64, 3), 9, np.uint8)]
    export_run("last", "tflite", tmp_path / "out", images=images, logs=logs)
    assert [image.shape for image in seen] == [(64, 64, 3)] * 2
    assert [int((image == 9).all(axis=2).sum()) for image in seen] == [32 * 64, 64 * 32]


def test_the_card_tells_data_and_first_weights(logs, tmp_path, stood_in):
    stood_in()
    run = logs / "short20260102T0304"
    data = {"images": 7, "classes": 2, "sha256": "0a", "files": ["/home/me/fruits/instances_fruits_train2018.json"]}
    training = {"started": "today", "data": {"train": data}, "settings": {"layers": "all"}}
    expected = {None: "random", "coco": "COCO's", "/home/me/mask_rcnn_other_0003.h5": "`mask_rcnn_other_0003.h5`"}
    for weights, text in expected.items():
        (run / "run.json").write_text(json.dumps({"trainings": [{**training, "weights": weights}]}))
        export_run("last", "onnx", tmp_path / "out", logs=logs)
        card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
        assert f"- First weights: {text}." in card
        assert "7 images of `instances_fruits_train2018.json`, 2 classes" in card and "/home/me" not in card
    (run / "run.json").unlink()


def test_the_command_says_what_is_wrong(tmp_path):
    answer = CliRunner().invoke(app, ["export", "last", "--logs", str(tmp_path)])
    assert answer.exit_code and "No run with a checkpoint" in str(answer.exception)
