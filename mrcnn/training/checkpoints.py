"""Checkpoints: the weights of each epoch for everybody, and the state of the training for going on."""

import contextlib
import json
import math
import os
from pathlib import Path

import keras
import numpy as np

from mrcnn.training.names import BEST, EPOCH, STATE
from mrcnn.training.optimizer import inner_optimizer
from mrcnn.training.state import save_state
from mrcnn.weights import save_weights
from mrcnn.whole_file import whole_file

BEST_BY = ("mask_AP", "box_AP")  # the first of them that a callback measures


class EpochWeights(keras.callbacks.Callback):
    """After each epoch: its weights in the old layout.

    path_pattern: has EPOCH in the place of the epoch's number. Comes before callbacks that may fail.
    """

    def __init__(self, path_pattern):
        super().__init__()
        self.path_pattern = path_pattern

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            _must_be_finite(self.model, f"at the end of epoch {epoch + 1}")
            save_weights(self.model, path_of(self.path_pattern, epoch + 1))


class Checkpoints(keras.callbacks.Callback):
    """Keeps the state for resuming, the best weights as best.h5, and the number of checkpoints; last of its kind.

    path_pattern: as of EpochWeights.  clock: the run's Clock.
    about: what the state tells besides the place: loader_seed, layers, learning_rate, epochs, ...
    every: steps between states within an epoch, or None.  keep: checkpoints that stay (the best one also does), or
    None for all.  The best is by `mask_AP`, where a callback measures it, or else by `box_AP`.
    """

    def __init__(self, path_pattern, clock, about, every=None, keep=None):
        super().__init__()
        self.path_pattern = path_pattern
        self.folder = Path(path_pattern).parent
        self.clock = clock
        self.about = about
        self.every = every
        self.keep = keep
        self.saved = clock.global_step

    def on_train_batch_end(self, batch, logs=None):
        due = self.every and self.clock.global_step - self.saved >= self.every
        if due and self.clock.step < self.clock.steps_per_epoch:
            self.save_state()

    def on_epoch_end(self, epoch, logs=None):
        self._keep_best(path_of(self.path_pattern, epoch + 1), epoch + 1, logs or {})
        self.clock.next_epoch()
        self.save_state()
        self._remove_old()

    def save_state(self):
        """Writes where the training is now, for a run that resumes. ValueError for weights that are no numbers."""
        if keras.backend.backend() == "jax" and self.clock.step:
            self.model.jax_state_sync()  # within an epoch the newest values are not in the model's variables
        _must_be_finite(self.model, f"after {self.clock.step} steps of epoch {self.clock.epoch + 1}")
        place = {"epoch": self.clock.epoch, "step": self.clock.step, "batches": self.clock.batches}
        save_state(self.folder / STATE, self.model, place | self.about)
        self.saved = self.clock.global_step

    def _keep_best(self, path, epoch, logs):
        by = next((name for name in BEST_BY if name in logs), None)
        if by is None or math.isnan(logs[by]):
            return
        notes = self.folder / "best.json"
        if notes.is_file() and json.loads(notes.read_text(encoding="utf-8")).get(by, -1.0) >= logs[by]:
            return
        with whole_file(self.folder / BEST) as part:
            _second_name(path, part)
        with whole_file(notes) as part:
            part.write_text(json.dumps({"epoch": epoch, by: logs[by]}) + "\n", encoding="utf-8")

    def _remove_old(self):
        if self.keep is None:
            return
        pattern = Path(self.path_pattern).name.replace(EPOCH, "[0-9]" * 4)
        for path in sorted(self.folder.glob(pattern))[: -self.keep]:
            path.unlink(missing_ok=True)


def path_of(path_pattern, epoch):
    """Path of the checkpoint of an epoch."""
    return Path(path_pattern.replace(EPOCH, f"{epoch:04d}"))


@contextlib.contextmanager
def averaged_weights(keras_model):
    """Within the block the model has the moving averages of its weights, where its optimizer keeps them."""
    optimizer = inner_optimizer(keras_model)
    if not optimizer.use_ema:
        yield
        return
    trained = [np.array(np.asarray(variable)) for variable in keras_model.trainable_variables]
    use_averages(keras_model)
    try:
        yield
    finally:
        for variable, value in zip(keras_model.trainable_variables, trained, strict=True):
            variable.assign(value)


def use_averages(keras_model):
    """Puts the moving averages of the weights in their place, where the optimizer keeps them."""
    optimizer = inner_optimizer(keras_model)
    if optimizer.use_ema:
        for variable, average in zip(keras_model.trainable_variables, optimizer.averages(), strict=True):
            variable.assign(average)


def _must_be_finite(keras_model, when):
    for weight in keras_model.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise ValueError(
                f"{weight.path} is not a number any more {when}, so no checkpoint of it is written. Lower the learning "
                "rate, and go on from the checkpoint before."
            )


def _second_name(path, other):
    """One file under two names where the disk can do that, else a copy."""
    try:
        os.link(path, other)
    except OSError:
        other.write_bytes(path.read_bytes())
