"""Average precision during training."""

import io
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from tqdm.auto import tqdm

from mrcnn.model import MaskRCNN
from mrcnn.weights import layers_of
from mrcnn_ext.detection.on_dataset import detect_as_trained, detection_config
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
    data, finds = few_images(), Finds(Crops())
    assert (finds.config.IMAGE_RESIZE_MODE, finds.config.IMAGE_MAX_DIM, finds.config.BATCH_SIZE) == ("square", 64, 2)
    wide = np.zeros((48, 128, 3), np.uint8)
    data.load_image = lambda image_id: wide
    (found,) = detect_as_trained(finds, Crops(), data, [1])
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
