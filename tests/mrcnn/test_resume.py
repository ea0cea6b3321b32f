"""A training that stops and goes on is the same as one that did not stop."""

import json
import os
import signal
from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn.data.transforms import Augmentation
from mrcnn.training import metrics_file
from mrcnn.training.resume import find_state, new_folder
from mrcnn.training.state import read_place
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN


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
    data = few_images()
    callbacks = [StopAt(stop)] if stop else []
    settings = {"learning_rate": schedule(), "epochs": 3, "layers": "all", "custom_callbacks": callbacks} | options
    model.train(data, data, augmentation=Augmentation(scale=(0.8, 1.25), copy_paste=0.5), **settings)
    return model


def assert_same_weights(model, other):
    for mine, theirs in zip(model.keras_model.weights, other.keras_model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs), err_msg=mine.path)


class Counted(keras.callbacks.Callback):
    begun = ended = 0

    def on_train_begin(self, logs=None):
        self.begun += 1

    def on_train_end(self, logs=None):
        self.ended += 1


def steps(model):
    return metrics_file.read_metrics(Path(model.log_dir) / "steps.csv")


def losses(model):
    rows = metrics_file.read_metrics(Path(model.log_dir) / "metrics.csv")
    return [[row["epoch"], *(value for name, value in sorted(row.items()) if "loss" in name)] for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of nine steps that nobody stopped."""
    return trained(tmp_path_factory.mktemp("whole"))


def test_the_run_tells_how_images_were_changed(whole):
    (facts,) = json.loads((Path(whole.log_dir) / "run.json").read_text())["trainings"]
    assert "scale=(0.8, 1.25)" in facts["settings"]["augmentation"]
    assert "copy_paste=0.5" in facts["settings"]["augmentation"]


@pytest.mark.parametrize("stop", [2, 3, 4])  # in the middle of an epoch, at its end, after its first step
def test_stopped_and_resumed_gives_the_same_weights(whole, tmp_path, stop, capsys):
    stopped = trained(tmp_path, stop=stop)
    assert "Continue with train(..., resume=True)" in capsys.readouterr().out
    assert stopped.epoch == stop // 3
    place = read_place(Path(stopped.log_dir) / "state.npz")
    assert (place["epoch"], place["step"], place["batches"]) == (stop // 3, stop % 3, stop)
    counted = Counted()
    again = trained(tmp_path, resume=True, custom_callbacks=[counted])
    assert again.log_dir == stopped.log_dir
    assert again.epoch == 3
    assert_same_weights(again, whole)
    np.testing.assert_allclose(losses(again), losses(whole), rtol=1e-6)
    assert (counted.begun, counted.ended, counted.params["epochs"], counted.params["steps"]) == (1, 1, 3, 3)
    assert [row["step"] for row in steps(again)] == list(range(9))
    np.testing.assert_allclose(*([row["loss"] for row in steps(model)] for model in (again, whole)), rtol=1e-4)


def test_the_generators_go_on(whole, tmp_path):
    """Without the state another dropout and another order of images would follow."""
    trained(tmp_path, stop=3)
    again = ToyRCNN("training", ToyConfig(), tmp_path)
    again.load_weights("last")
    again.train(few_images(), few_images(), schedule(), 3, "all")
    same = [
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(again.keras_model.weights, whole.keras_model.weights, strict=True)
    ]
    assert not any(same)


def test_nothing_is_left_to_do(whole, capsys):
    again = trained(whole.model_dir, resume=True, epochs=3)
    assert again.epoch == 3
    assert_same_weights(again, whole)
    assert "Nothing to do: 3 epochs are trained; epochs=3 is the total" in capsys.readouterr().out


def test_extra_epochs(tmp_path, capsys):
    model = trained(tmp_path, epochs=1)
    model.train(few_images(), few_images(), 0.001, extra_epochs=2, layers="heads")
    assert model.epoch == 3
    assert "Training epochs 2 to 3" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Give either epochs, the number in all, or extra_epochs"):
        model.train(few_images(), few_images(), 0.001, layers="heads")


def test_extra_epochs_that_were_stopped_are_not_added_once_more(tmp_path):
    model = trained(tmp_path, epochs=1)
    data = few_images()
    model.train(data, data, 0.01, extra_epochs=2, custom_callbacks=[StopAt(4)])
    assert (model.interrupted, model.epoch) == (True, 2)
    for total in (3, 5):  # first the end of what was asked for, then as many more
        again = ToyRCNN("training", ToyConfig(), tmp_path)
        again.train(data, data, 0.01, extra_epochs=2, resume=True)
        assert again.epoch == total


class Killed(keras.callbacks.Callback):
    """The first step does not come to its end."""

    def on_train_batch_begin(self, batch, logs=None):
        raise RuntimeError("killed")


def test_a_run_that_was_killed_in_its_first_step_is_the_one_to_resume(whole, tmp_path):
    trained(tmp_path, epochs=1)
    with pytest.raises(RuntimeError, match="killed"):
        trained(tmp_path, custom_callbacks=[Killed()])
    again = trained(tmp_path, resume=True)
    assert Path(again.log_dir) == max(tmp_path.iterdir())
    assert_same_weights(again, whole)


def test_an_older_run_is_not_resumed(tmp_path, capsys):
    first = trained(tmp_path, epochs=1)
    (tmp_path / "toy29991231T2359").mkdir()  # killed before it could write anything
    assert find_state(ToyRCNN("training", ToyConfig(), tmp_path)) is None
    assert find_state(first) == Path(first.log_dir) / "state.npz"


def test_going_on_from_an_earlier_epoch_leaves_the_later_ones_where_they_are(tmp_path, capsys):
    first = trained(tmp_path)
    (Path(first.log_dir) / "mask_rcnn_mine.h5").touch()
    files = {path.name: path.read_bytes() for path in Path(first.log_dir).glob("*.h5")}
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    model.load_weights(Path(first.log_dir) / "mask_rcnn_toy_0001.h5")
    model.train(few_images(), few_images(), 0.01, 2, "all")
    assert "has epochs after 1, which stay as they are" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in Path(first.log_dir).glob("*.h5")} == files
    assert [path.name for path in Path(model.log_dir).glob("*.h5")] == ["mask_rcnn_toy_0002.h5"]
    assert model.find_last() == str(Path(model.log_dir) / "mask_rcnn_toy_0002.h5")


def test_two_starts_in_the_same_minute_have_two_folders(tmp_path):
    models = [ToyRCNN("training", ToyConfig(), tmp_path) for _ in range(2)]
    for model in models:
        model.set_log_dir(tmp_path / "toy20261128T0905" / "mask_rcnn_toy_0000.h5")
        new_folder(model)
    assert models[0].log_dir == str(tmp_path / "toy20261128T0905") != models[1].log_dir


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
    assert "which trained layers='heads': the optimizer starts anew" in capsys.readouterr().out


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
