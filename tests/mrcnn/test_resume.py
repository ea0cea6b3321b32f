"""A training that stops and goes on is the same as one that did not stop."""

import os
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
from engine_data import few_pictures
from toy_training import ToyConfig, ToyRCNN

from mrcnn.training import metrics_file
from mrcnn.training.state import read_place


class StopAt(keras.callbacks.Callback):
    """Does what a person's Ctrl-C does, at a step counted from the start of `fit`."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)


def schedule():
    return keras.optimizers.schedules.CosineDecay(0.0, 5, alpha=0.1, warmup_target=0.002, warmup_steps=2)


def trained(root, stop=None, config=None, **options):
    model = ToyRCNN("training", config or ToyConfig(), root)
    data = few_pictures()
    callbacks = [StopAt(stop)] if stop else []
    settings = {"learning_rate": schedule(), "epochs": 3, "layers": "all", "custom_callbacks": callbacks} | options
    model.train(data, data, **settings)
    return model


def assert_same_weights(model, other):
    for mine, theirs in zip(model.keras_model.weights, other.keras_model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs), err_msg=mine.path)


def losses(model):
    rows = metrics_file.read_metrics(Path(model.log_dir) / "metrics.csv")
    return [[row["epoch"], *(value for name, value in sorted(row.items()) if "loss" in name)] for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of nine steps that nobody stopped."""
    return trained(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("stop", [2, 3, 4])  # in the middle of an epoch, at its end, after its first step
def test_stopped_and_resumed_gives_the_same_weights(whole, tmp_path, stop, capsys):
    stopped = trained(tmp_path, stop=stop)
    assert "Go on with train(..., resume=True)" in capsys.readouterr().out
    assert stopped.epoch == stop // 3
    place = read_place(Path(stopped.log_dir) / "state.npz")
    assert (place["epoch"], place["step"], place["batches"]) == (stop // 3, stop % 3, stop)
    again = trained(tmp_path, resume=True)
    assert again.log_dir == stopped.log_dir
    assert again.epoch == 3
    assert_same_weights(again, whole)
    np.testing.assert_allclose(losses(again), losses(whole), rtol=1e-6)


def test_the_generators_go_on(whole, tmp_path):
    """Without the state another dropout and another order of pictures would follow."""
    trained(tmp_path, stop=3)
    again = ToyRCNN("training", ToyConfig(), tmp_path)
    again.load_weights("last")
    again.train(few_pictures(), few_pictures(), schedule(), 3, "all")
    same = [
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(again.keras_model.weights, whole.keras_model.weights, strict=True)
    ]
    assert not any(same)


def test_nothing_is_left_to_do(whole, capsys):
    assert trained(whole.model_dir, resume=True, epochs=3).epoch == 3
    assert "Nothing to do: 3 epochs are trained; epochs=3 is the total" in capsys.readouterr().out


def test_extra_epochs(tmp_path, capsys):
    model = trained(tmp_path, epochs=1)
    model.train(few_pictures(), few_pictures(), 0.001, extra_epochs=2, layers="heads")
    assert model.epoch == 3
    assert "Training epochs 2 to 3" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Give either epochs, the number in all, or extra_epochs"):
        model.train(few_pictures(), few_pictures(), 0.001, layers="heads")


def test_nothing_to_resume_starts_a_run(tmp_path, capsys):
    assert trained(tmp_path, epochs=1, resume=True).epoch == 1
    assert "Nothing to resume" in capsys.readouterr().out


def test_a_new_run_does_not_mix_with_one_of_the_same_minute(tmp_path):
    first, second = (trained(tmp_path, epochs=1) for _ in range(2))
    assert first.log_dir < second.log_dir
    assert sorted(p.name for p in Path(second.log_dir).glob("*.h5")) == ["mask_rcnn_toy_0001.h5"]


def test_another_stage_starts_a_new_optimizer(tmp_path, capsys):
    trained(tmp_path, epochs=1, layers="heads")
    assert trained(tmp_path, epochs=2, layers="all", resume=True).epoch == 2
    assert "so far layers='heads': the optimizer starts anew" in capsys.readouterr().out


def test_another_stage_in_the_middle_of_an_epoch(tmp_path):
    trained(tmp_path, stop=2, layers="heads")
    with pytest.raises(ValueError, match="middle of an epoch that trains layers='heads', not 'all'"):
        trained(tmp_path, layers="all", resume=True)


def test_a_state_of_another_network(tmp_path):
    class Other(ToyConfig):
        OPTIMIZER = "sgd"

    trained(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="does not fit: that run has .* arrays of the optimizer"):
        trained(tmp_path, config=Other(), resume=True)


def test_a_damaged_state(tmp_path):
    model = trained(tmp_path, epochs=1)
    (Path(model.log_dir) / "state.npz").write_bytes(b"PK, then nothing")
    with pytest.raises(ValueError, match="state.npz is damaged"):
        trained(tmp_path, resume=True)


def test_a_new_learning_rate_is_used(tmp_path):
    trained(tmp_path, epochs=1, learning_rate=0.5)
    model = trained(tmp_path, epochs=2, learning_rate=0.25, resume=True)
    assert float(np.asarray(model.keras_model.optimizer.learning_rate)) == 0.25
