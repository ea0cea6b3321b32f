"""Going on where a training stopped."""

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path

import keras

from mrcnn.training.checkpoints import path_of
from mrcnn.training.clock import Clock
from mrcnn.training.names import STATE, checkpoint_path, checkpoints_of, run_folder, runs_of
from mrcnn.training.optimizer import inner_optimizer
from mrcnn.training.state import read_place, restore_generators, restore_means, restore_state
from mrcnn.weights import load_weights
from mrcnn.whole_file import remove_parts


def find_state(model):
    """Path of the state to go on from: of the model's own run, else of the last run of its NAME; or None."""
    folders = [Path(model.log_dir), *reversed(runs_of(model.model_dir, model.config.NAME))]
    found = next((folder / STATE for folder in folders if (folder / STATE).is_file()), None)
    if found is None:
        print(f"Nothing to resume in {model.model_dir}: a new run starts.")
    return found


def last_checkpoint(folder):
    """Path of the last epoch's checkpoint, or "none yet"."""
    return str((checkpoints_of(folder) or ["none yet"])[-1])


def new_folder(model):
    """A run that starts anew does not mix with one of the same minute: its folder gets the next free minute."""
    if model.epoch:
        return
    when = datetime.datetime.now()
    while checkpoints_of(model.log_dir) or (Path(model.log_dir) / STATE).is_file():
        when += datetime.timedelta(minutes=1)
        model.log_dir = str(run_folder(model.model_dir, model.config.NAME, when))
        model.checkpoint_path = checkpoint_path(model.log_dir, model.config.NAME)


@dataclass
class Resumed:
    """A stored state: its path, and the place that it tells."""

    path: Path
    place: dict

    @classmethod
    def of(cls, path):
        """From a state file; None stays None."""
        return None if path is None else cls(path, read_place(path))

    @property
    def loader_seed(self):
        return self.place["loader_seed"]

    def first_epoch(self, layers):
        """The epoch at which the optimizer's steps began to count."""
        return self.place["first_epoch"] if self.place["layers"] == layers else self.place["epoch"]

    def take_over(self, model):
        """`epoch`, `log_dir` and `checkpoint_path` of the model become those of the run."""
        remove_parts(self.path.parent)
        pattern = checkpoint_path(self.path.parent.resolve(), model.config.NAME)
        model.set_log_dir(path_of(pattern, self.place["epoch"]))

    def clock(self, config):
        """The run's Clock. Raises ValueError where the step does not exist any more."""
        epoch, step = self.place["epoch"], self.place["step"]
        if step >= config.STEPS_PER_EPOCH:
            raise ValueError(
                f"{self.path} is at step {step} of an epoch, and STEPS_PER_EPOCH is {config.STEPS_PER_EPOCH} now: "
                "resume with the number of before, and change it at the next epoch."
            )
        return Clock(config.STEPS_PER_EPOCH, epoch, step, self.place["batches"])

    def restore(self, model, about):
        """Puts the state into the compiled model; of other layers only what does not depend on them."""
        layers, step = self.place["layers"], self.place["step"]
        if layers == about["layers"]:
            restore_state(self.path, model.keras_model)
            rate = about["learning_rate"]
            if rate is not None and rate != self.place["learning_rate"]:
                with contextlib.suppress(TypeError):  # a schedule: it was made with the new rate
                    inner_optimizer(model.keras_model).learning_rate = rate
            print(f"Going on from {self.path}: epoch {self.place['epoch'] + 1}, step {step + 1}.")
        elif step == 0:
            load_weights(model.keras_model, path_of(model.checkpoint_path, self.place["epoch"]), verbose=0)
            restore_generators(self.path, model.keras_model)
            print(f"Going on from {self.path}, so far layers={layers!r}: the optimizer starts anew.")
        else:
            raise ValueError(
                f"{self.path} is in the middle of an epoch that trains layers={layers!r}, not {about['layers']!r}: "
                "resume that one to its end first."
            )

    def means(self):
        """A callback that gives an epoch that goes on in its middle its running means."""
        return _RestoreMeans(self.path)


class _RestoreMeans(keras.callbacks.Callback):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_begin(self, epoch, logs=None):
        restore_means(self.path, self.model)
