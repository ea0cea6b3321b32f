"""Going on where a training stopped."""

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path

import keras

from mrcnn.training.checkpoints import path_of
from mrcnn.training.clock import Clock
from mrcnn.training.names import LOG, STATE, checkpoint_path, checkpoints_of, parse_checkpoint, run_folder, runs_of
from mrcnn.training.optimizer import inner_optimizer
from mrcnn.training.state import read_place, restore_generators, restore_means, restore_state
from mrcnn.weights import load_weights
from mrcnn.whole_file import remove_parts


def find_state(model):
    """Path of the state to go on from: of the run that the model is of, else of the last run of its NAME; or None."""
    own = Path(model.log_dir) / STATE
    if model.epoch and own.is_file():  # without an epoch its folder is that of this minute, whoever made it
        return own
    return last_state(model.model_dir, model.config.NAME)


def last_state(model_dir, name):
    """Path of the state of the last run of this name, or None. An older run is never resumed in its place."""
    paths = [folder / STATE for folder in runs_of(model_dir, name)[-1:]]
    return next((path for path in paths if path.is_file()), None)


def last_checkpoint(folder):
    """Path of the last epoch's checkpoint, or "none yet"."""
    return str((checkpoints_of(folder) or ["none yet"])[-1])


def new_folder(model):
    """Gives the model a run folder that no other run uses.

    There are two cases: a new run, when another one started in the same minute; and a run that continues from an
    earlier epoch, when its folder already has checkpoints of later ones.
    """
    known = [parse_checkpoint(path) for path in checkpoints_of(model.log_dir)]  # None: a name of somebody's own
    later = [one for one in known if one and one[1] > model.epoch]
    if model.epoch and not later:
        return
    when, folder = datetime.datetime.now(), Path(model.log_dir)
    if model.epoch:
        print(f"{folder} has epochs after {model.epoch}, which stay as they are: this training gets another folder.")
    while not _claimed(folder):
        folder = run_folder(model.model_dir, model.config.NAME, when)
        when += datetime.timedelta(minutes=1)
    model.log_dir = str(folder)
    model.checkpoint_path = checkpoint_path(folder, model.config.NAME)


def _claimed(folder):
    """Whether the folder is this run's from now on; whoever makes the log file has it."""
    if checkpoints_of(folder) or (folder / STATE).is_file():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / LOG).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@dataclass
class Resumed:
    """A stored state: its path, and the place that it tells."""

    path: Path
    place: dict

    @classmethod
    def of(cls, path):
        """From a state file."""
        return cls(path, read_place(path))

    @property
    def loader_seed(self):
        return self.place["loader_seed"]

    def first_epoch(self, layers):
        """The epoch at which the optimizer's steps began to count."""
        return self.place["first_epoch"] if self.place["layers"] == layers else self.place["epoch"]

    def last_epoch(self, extra_epochs):
        """That of a training that was to add as many epochs and did not come to its end; else as many more."""
        place = self.place
        if place.get("extra_epochs") == extra_epochs and place["epochs"] > place["epoch"]:
            return place["epochs"]
        return place["epoch"] + extra_epochs

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

    def load_checkpoint(self, model):
        """The weights of the last epoch that is done."""
        load_weights(model.keras_model, path_of(model.checkpoint_path, self.place["epoch"]), verbose=0)

    def restore(self, model, about):
        """Puts the state into the compiled model.

        If other layers train now than when the state was saved, only weights and random generators are restored.
        Returns whether everything was restored.
        """
        layers, step = self.place["layers"], self.place["step"]
        if layers == about["layers"]:
            restore_state(self.path, model.keras_model)
            rate = about["learning_rate"]
            if rate is not None and rate != self.place["learning_rate"]:
                with contextlib.suppress(TypeError):  # a schedule: it was made with the new rate
                    inner_optimizer(model.keras_model).learning_rate = rate
            print(f"Continuing from {self.path}: epoch {self.place['epoch'] + 1}, step {step + 1}.")
            return True
        if step == 0:
            self.load_checkpoint(model)
            restore_generators(self.path, model.keras_model)
            print(f"Continuing from {self.path}, which trained layers={layers!r}: the optimizer starts anew.")
            return False
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
        self.restored = False

    def on_epoch_begin(self, epoch, logs=None):
        if not self.restored:
            self.restored = True
            restore_means(self.path, self.model)
