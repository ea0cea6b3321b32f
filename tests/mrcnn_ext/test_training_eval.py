"""Average precision during training."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mrcnn.model import MaskRCNN
from mrcnn.weights import layers_of
from mrcnn_ext.training_eval import AveragePrecision

sys.path.append(str(Path(__file__).parents[1] / "mrcnn"))
from engine_data import SmallConfig, few_pictures  # noqa: E402  of the engine's tests


class NoMasks(SmallConfig):
    USE_MASK = False


@pytest.mark.parametrize("config", [SmallConfig, NoMasks])
def test_every_second_epoch_and_the_last_have_average_precision(tmp_path, config):
    model = MaskRCNN("training", config(), tmp_path)
    model.compile(0.001, 0.9)
    callback = AveragePrecision(model, few_pictures(), every=2, pictures=2)
    callback.set_model(model.keras_model)
    callback.set_params({"epochs": 3})
    logs = [{}, {}, {}]
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
