"""What happens around the training steps: checkpoints, TensorBoard, the run's folder."""

import datetime
import re
import time
from pathlib import Path

import keras
import numpy as np

from mrcnn.weights import save_weights

LAYERS = {
    # From a stage of the ResNet on and up; the heads are everything that COCO weights may not fit.
    "heads": r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "3+": r"(res3.*)|(bn3.*)|(res4.*)|(bn4.*)|(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "4+": r"(res4.*)|(bn4.*)|(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "5+": r"(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "all": ".*",
}
SECONDS_BETWEEN_FLUSHES = 2


def layers_with_weights(keras_model):
    """Every layer with weights, those of nested models included."""
    found = []
    for layer in keras_model.layers:
        if isinstance(layer, keras.Model):
            found += layers_with_weights(layer)
        elif layer.weights:
            found.append(layer)
    return found


def set_trainable(keras_model, layer_regex):
    """Only layers whose whole name fits the regular expression train. Returns those; ValueError when there is none."""
    chosen = []
    for layer in layers_with_weights(keras_model):
        layer.trainable = bool(re.fullmatch(layer_regex, layer.name))
        if layer.trainable and layer.trainable_weights:
            chosen.append(layer)
    if not chosen:
        raise ValueError(
            f"layers={layer_regex!r} fits no layer, so nothing would train. Use one of {', '.join(LAYERS)}, or a "
            "regular expression for whole layer names (print them with model.get_trainable_layers())."
        )
    return chosen


def run_folder(model_dir, name, now=None):
    """Folder of a new run: <name><yyyymmddThhmm> in `model_dir`."""
    now = now or datetime.datetime.now()
    return Path(model_dir) / f"{name.lower()}{now:%Y%m%dT%H%M}"


def checkpoint_path(log_dir, name):
    """Path of the run's checkpoints, with a place for the epoch: <log_dir>/mask_rcnn_<name>_*epoch*.h5."""
    return str(Path(log_dir) / f"mask_rcnn_{name.lower()}_*epoch*.h5")


def parse_checkpoint(path):
    """(date of the run, epoch) that a checkpoint's path tells, or None for another path."""
    match = re.match(r".*[/\\][\w-]+(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})[/\\]mask\_rcnn\_[\w-]+(\d{4})\.h5", str(path))
    if not match:
        return None
    *date, epoch = (int(part) for part in match.groups())
    return datetime.datetime(*date), epoch


class Checkpoints(keras.callbacks.Callback):
    """Writes the weights after each epoch; path_pattern has `*epoch*` in the place of the epoch's number."""

    def __init__(self, path_pattern):
        super().__init__()
        self.path_pattern = path_pattern

    def on_epoch_end(self, epoch, logs=None):
        save_weights(self.model, self.path_pattern.replace("*epoch*", f"{epoch + 1:04d}"))


class StopOnNaN(keras.callbacks.Callback):
    """Stops the run with an error at the first step whose loss is not a finite number."""

    def __init__(self, checkpoint_pattern):
        super().__init__()
        self.checkpoint_pattern = checkpoint_pattern

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if np.isfinite(float(logs["loss"])):
            return
        parts = ", ".join(name for name, value in logs.items() if name != "loss" and not np.isfinite(float(value)))
        saved = self.checkpoint_pattern.replace("*epoch*", f"{self.epoch:04d}") if self.epoch else "none yet"
        raise ValueError(
            f"The loss is not a number any more, at step {batch + 1} of epoch {self.epoch + 1} ({parts or 'L2 term'}). "
            f"Lower the learning rate, or look for broken labels with `mrcnn check`. Last good checkpoint: {saved}."
        )


class TensorBoardLosses(keras.callbacks.Callback):
    """The losses of every step, and their means of every epoch, for TensorBoard; on disk within seconds.

    Steps go to <log_dir>/step, the epochs' means to <log_dir>/train and <log_dir>/validation.
    """

    def __init__(self, log_dir, steps_per_epoch):
        super().__init__()
        import tensorflow as tf  # also beside another backend: only its event writer is used

        self.summary = tf.summary
        self.log_dir = Path(log_dir)
        self.steps_per_epoch = steps_per_epoch
        self.writers = {}
        self.epoch = 0
        self.flushed = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.totals = {}

    def on_train_batch_end(self, batch, logs=None):
        step = self.epoch * self.steps_per_epoch + batch
        values = {name: self._last_of_mean(name, float(mean), batch) for name, mean in logs.items()}
        values["learning_rate"] = learning_rate(self.model.optimizer)
        self._write("step", values, step)
        if time.monotonic() - self.flushed > SECONDS_BETWEEN_FLUSHES:
            self._writer("step").flush()
            self.flushed = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        training = {name: value for name, value in logs.items() if not name.startswith("val_")}
        for which, values in (("train", training), ("validation", validation)):
            if values:
                self._write(which, {f"epoch_{name}": value for name, value in values.items()}, epoch + 1)
                self._writer(which).flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()

    def _last_of_mean(self, name, mean, batch):
        """Keras tells the mean since the epoch's start; the newest value is what it added to the sum."""
        total = mean * (batch + 1)
        last = total - self.totals.get(name, 0.0)
        self.totals[name] = total
        return last

    def _writer(self, which):
        if which not in self.writers:
            self.writers[which] = self.summary.create_file_writer(str(self.log_dir / which))
        return self.writers[which]

    def _write(self, which, values, step):
        with self._writer(which).as_default():
            for name, value in values.items():
                self.summary.scalar(name, value, step=step)


def learning_rate(optimizer):
    """The step size that the optimizer's next step has."""
    return float(keras.ops.convert_to_tensor(optimizer.learning_rate))
