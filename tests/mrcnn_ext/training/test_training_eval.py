"""Average precision during training."""

import io
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from tqdm.auto import tqdm

from mrcnn.data.dataset import Dataset
from mrcnn.model import MaskRCNN
from mrcnn.training.checkpoints import BEST_BY
from mrcnn.weights import layers_of
from mrcnn_ext.common.files import json_text
from mrcnn_ext.common.runs import Run
from mrcnn_ext.detection.on_dataset import detect_dataset, detection_config
from mrcnn_ext.evaluation import run as evaluation_run
from mrcnn_ext.evaluation.run import evaluate_run
from mrcnn_ext.masks.rle import rle_area
from mrcnn_ext.training.average_precision import AveragePrecision
from tests.support.engine_data import SmallConfig, few_images  # noqa: E402  of the engine's tests


class NoMasks(SmallConfig):
    USE_MASK = False


@pytest.mark.parametrize("config", [SmallConfig, NoMasks])
def test_every_second_epoch_and_the_last_have_average_precision(tmp_path, config, monkeypatch):
    model = MaskRCNN("training", config(), tmp_path)
    model.compile(0.001, 0.9)
    callback = AveragePrecision(model, few_images(), every=2, images=2)
    callback.set_model(model.keras_model)
    callback.set_params({"epochs": 3})
    logs = [{}, {}, {}]
    monkeypatch.setattr(keras.utils, "set_random_seed", lambda seed: pytest.fail("seeded once more"))
    for epoch, values in enumerate(logs):
        callback.on_epoch_end(epoch, values)
        detector = callback.detector
    kinds = ["box", "mask"] if config.USE_MASK else ["box"]
    names = [f"{kind}_{what}" for kind in kinds for what in ("AP", "AP50", "AP_bright", "AP_dark")]
    assert [list(values) for values in logs] == [[], names, names]
    assert all(0 <= value <= 1 for value in logs[1].values())
    assert callback.detector is detector
    source = layers_of(model.keras_model)
    for name, layer in layers_of(detector.keras_model).items():
        for weight, variable in layer.weights.items():
            np.testing.assert_array_equal(np.asarray(variable), np.asarray(source[name].weights[weight]))
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    folder = str(Path(model.log_dir) / "evaluation")
    tags = set(events.EventAccumulator(folder).Reload().Tags()["tensors"])
    assert tags == {"curves", "confusion", "truth_and_prediction/0", "truth_and_prediction/1"}


class Crops(SmallConfig):
    """Pieces of 64 px of images of 48 x 128."""

    IMAGE_RESIZE_MODE = "crop"
    GPU_COUNT = 2


class Finds:
    """A detector of one object, in the middle of each image that it is given."""

    seconds = {}

    def __init__(self, config):
        self.config = detection_config(config)
        self.sizes = []

    def detect(self, images, crops):
        self.sizes.extend(image.shape[:2] for image in images)
        box, ones = np.array([[20, 28, 28, 36]]), np.ones((8, 8), bool)
        found = {"rois": box, "class_ids": np.array([1]), "scores": np.array([0.5]), "masks": [ones]}
        return [found for _ in images]


def test_a_training_on_crops_is_measured_on_whole_images():
    """In tiles as large as the crops, which overlap."""
    data, finds = few_images(), Finds(Crops())
    assert finds.config.BATCH_SIZE == 2
    wide = np.zeros((48, 128, 3), np.uint8)
    data.load_image = lambda image_id: wide
    (found,) = detect_dataset(finds, data, [1])
    assert set(finds.sizes) == {(48, 64)}
    assert found.image_id == 1  # three tiles, from 0, 32 and 64 px on
    assert sorted(found.boxes.tolist()) == [[20, 28 + x, 28, 36 + x] for x in (0, 32, 64)]
    assert all(rle["size"] == [48, 128] and rle_area(rle) == 64 for rle in found.rles)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("config", [SmallConfig, Crops])
def test_progress_below_the_bar_of_the_training(tmp_path, config, terminal, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # a plug-in of pytest imports it
    model = types.SimpleNamespace(config=config(), log_dir=tmp_path)
    callback = AveragePrecision(model, few_images(), images=0)
    callback.detector = Finds(config())
    callback.set_params({"epochs": 1})
    monkeypatch.setattr(callback, "_take_weights", lambda: None)
    monkeypatch.setattr(callback, "_show", lambda *args: None)
    with tqdm(total=2, file=screen) as bar:
        before = len(screen.getvalue())
        callback.on_epoch_end(0, {})
        shown = screen.getvalue()[before:]
        assert bar.pos == 0 and len(bar._instances) == 1
    if terminal:  # on the line below, which is empty again at the end
        assert shown.startswith("\n\rdetect:   0%") and "0/3" in shown
        assert shown.split("\r")[-1].removesuffix("\x1b[A").strip(" ") == ""
        assert shown.count("\n") == shown.count("\x1b[A")
    else:
        assert shown == ""


class Crowded(SmallConfig):
    """More objects in an image than the 100 that COCO counts."""

    NUM_CLASSES = 2
    DETECTION_MAX_INSTANCES = 150


class FindsAll:
    """Every object of `rows_of_boxes`; from the fourth row on weakly, one beside its place."""

    def __init__(self):
        self.config = detection_config(Crowded())

    def detect(self, images, crops):
        boxes = rows_of_boxes()
        scores = np.where(boxes[:, 0] < 30, 0.9, 0.06)
        boxes = boxes + np.where(np.arange(len(boxes)) == 140, 4, 0)[:, None]
        answer = {"rois": boxes, "class_ids": np.ones(len(boxes), int), "scores": scores}
        return [answer | {"masks": [np.ones((6, 6), bool)] * len(boxes)} for _ in images]


def rows_of_boxes():
    """150 boxes of 6 x 6 px, ten pixels apart."""
    y, x = np.divmod(np.arange(150), 20)
    return np.stack([10 * y, 10 * x, 10 * y + 6, 10 * x + 6], axis=1)


def rows_of_objects():
    data = Dataset()
    data.add_class("made", 1, "cell")
    for i in range(4):
        data.add_image("made", i, None, height=90, width=210)
    data.prepare()
    masks = np.zeros((90, 210, 150), bool)
    for i, (y1, x1, y2, x2) in enumerate(rows_of_boxes()):
        masks[y1:y2, x1:x2, i] = True
    data.load_image = lambda image_id: np.zeros((90, 210, 3), np.uint8)
    data.load_mask = lambda image_id: (masks, np.ones(150, np.int32))
    return data


def test_training_and_evaluate_mean_the_same_average_precision(tmp_path, monkeypatch):
    """Of all detections that the network gives, weak ones too, on the same first images; `best` goes by that number."""
    config, data = Crowded(), rows_of_objects()
    callback = AveragePrecision(types.SimpleNamespace(config=config, log_dir=tmp_path), data, limit=2, images=0)
    callback.detector = FindsAll()
    callback.set_params({"epochs": 1})
    monkeypatch.setattr(callback, "_take_weights", lambda: None)
    logs = {}
    callback.on_epoch_end(0, logs)
    run = Run(tmp_path, config, tmp_path / "mask_rcnn_small_0001.h5", ["BG", "cell"])
    monkeypatch.setattr(evaluation_run, "find_run", lambda *_: run)
    model = FindsAll()
    model.epoch = 1
    monkeypatch.setattr(Run, "model", lambda self, **settings: model)
    result = evaluate_run("best", tmp_path, "validate", dataset=data, limit=2, progress=False)
    assert json_text(result.evaluation) == json_text(callback.evaluation)  # as text, for NaN
    assert (result.evaluation["images"], result.evaluation["max_detections"]) == (2, 150)
    assert logs[BEST_BY[0]] == result.evaluation["segm"]["AP"] > 0.98  # 149 of 150 are right; 100 would be 0.67
    assert sum(len(image.scores) for image in result.analysis.images) == 300
