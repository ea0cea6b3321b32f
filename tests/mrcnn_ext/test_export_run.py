"""Export of a run: what lies in the folder, and that a bad export leaves nothing."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import mrcnn_ext.export as export_module
from mrcnn.config import Config
from mrcnn.export.exported import ExportedModel
from mrcnn.export.parity import Parity
from mrcnn.model import MaskRCNN
from mrcnn_ext.cli import app
from mrcnn_ext.export import export_run
from mrcnn_ext.label_map import read_label_map

# Keras 3.15's variables lack the `copy` argument that numpy 2 wants of __array__.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


class ShortConfig(Config):
    NAME = "short"
    NUM_CLASSES = 3
    BACKBONE = "resnet18"
    BACKBONE_WIDTH = 8
    TOP_DOWN_PYRAMID_SIZE = 16
    RPN_CHANNELS = 16
    FPN_CLASSIF_FC_LAYERS_SIZE = 32
    MASK_HEAD_CHANNELS = 16
    MASK_HEAD_DEPTH = 1
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 32, 48, 64)
    PRE_NMS_LIMIT = 100
    POST_NMS_ROIS_INFERENCE = 20
    DETECTION_MAX_INSTANCES = 8
    DETECTION_MIN_CONFIDENCE = 0.0
    SEED = 7


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


def test_what_lies_beside_an_export(logs, tmp_path):
    pictures = list(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8))
    report = export_run("last", "keras", tmp_path / "out", pictures=pictures, licence="CC0", logs=logs)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "MODEL_CARD.md",
        "export.json",
        "label_map.pbtxt",
        "model.keras",
    ]
    assert read_label_map(tmp_path / "out" / "label_map.pbtxt") == {1: "apple", 2: "pear"}
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "1 apple, 2 pear" in card and "CC0" in card and "mask_rcnn_short_0001.h5" in card
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert stored["parity"]["pictures"] == 2 and stored["to"] == "keras"
    assert report.seconds > 0 and "seconds a picture" in report.text()
    found = ExportedModel(report.path).detect([pictures[0][:40]])[0]
    assert found["masks"].shape == (40, 64, len(found["scores"]))


class TestRefused:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        """Nothing is written or run: only what is done with the comparison counts here."""
        monkeypatch.setattr(export_module, "write", lambda to, model, path, precision: path.write_bytes(b"0"))
        monkeypatch.setattr(export_module, "ExportedModel", lambda path, channels: None)
        monkeypatch.setattr(export_module, "_seconds", lambda model, image: 0.1)

    def test_an_export_that_differs_leaves_nothing(self, logs, tmp_path, monkeypatch):
        monkeypatch.setattr(export_module, "compare", lambda *_: Parity(pictures=1, objects=3, missing=2))
        with pytest.raises(ValueError, match="refused: 2 of 3 objects are not found. Nothing was kept"):
            export_run("last", "onnx", tmp_path / "out", logs=logs)
        assert list(tmp_path.iterdir()) == []

    def test_an_old_export_stays_when_the_new_one_is_refused(self, logs, tmp_path, monkeypatch):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").touch()
        monkeypatch.setattr(export_module, "compare", lambda *_: Parity(objects=1, score=0.5))
        with pytest.raises(ValueError, match="scores differ"):
            export_run("last", "onnx", tmp_path / "out", logs=logs)
        assert (tmp_path / "out" / "old").exists()

    def test_small_precision_is_measured_by_ap(self, logs, tmp_path, monkeypatch):
        monkeypatch.setattr(export_module, "compare", lambda *_: Parity(objects=3, missing=1))
        monkeypatch.setattr(export_module, "_ap", lambda model, dataset: 0.5 if model else 0.48)
        pictures = [np.zeros((64, 64, 3), np.uint8)]
        options = {"precision": "int8", "pictures": pictures, "logs": logs}
        with pytest.raises(ValueError, match="give a data set"):
            export_run("last", "tflite", tmp_path / "out", **options)
        with pytest.raises(ValueError, match="AP falls from 0.5000 to 0.4800, by more than 0.01"):
            export_run("last", "tflite", tmp_path / "out", dataset=object(), **options)
        report = export_run("last", "tflite", tmp_path / "out", dataset=object(), max_ap_loss=0.03, **options)
        assert report.ap == 0.48 and report.size == (64, 64)

    def test_samples_must_have_the_fixed_size(self, logs, tmp_path):
        pictures = [np.zeros((64, 65, 3), np.uint8)]
        with pytest.raises(ValueError, match="takes pictures of 64 x 64 px .H x W., but a sample picture has 64 x 65"):
            export_run("last", "tflite", tmp_path / "out", pictures=pictures, logs=logs)


def test_the_command_says_what_is_wrong(tmp_path):
    answer = CliRunner().invoke(app, ["export", "last", "--logs", str(tmp_path)])
    assert answer.exit_code and "No run with a checkpoint" in str(answer.exception)
