"""The run in TensorBoard."""

import time
from pathlib import Path

import keras

from mrcnn.extras import needs
from mrcnn.training.metrics_file import StepsFile
from mrcnn.training.model_graph import hyperparameters, model_graph
from mrcnn.training.names import STEPS

SECONDS_BETWEEN_FLUSHES = 2


class TensorBoardLosses(keras.callbacks.Callback):
    """The losses of every step, and what every epoch gave, for TensorBoard; on disk within seconds.

    clock: the run's Clock.  meter: the run's Meter.  config: shown as HParams, beside the graph of the layers.
    about: how this training was called; its learning_rate is shown in the place of the Config's.
    Steps go to <log_dir>/step and steps.csv, epochs to <log_dir>/train and <log_dir>/validation.
    """

    def __init__(self, log_dir, clock, meter, config, about):
        super().__init__()
        with needs("cpu"):
            import tensorflow as tf  # also beside another backend: only its event writer is used

        self.summary = tf.summary
        self.log_dir = Path(log_dir)
        self.clock = clock
        self.meter = meter
        self.hyperparameters = hyperparameters(config, about)
        self.steps = StepsFile(self.log_dir / STEPS, clock.global_step)
        self.writers = {}
        self.flushed = 0.0

    def on_train_begin(self, logs=None):
        if self.clock.global_step:
            return
        from tensorboard.plugins.hparams import api

        with self._writer("train").as_default(step=0):
            self.summary.graph(model_graph(self.model))
            api.hparams(self.hyperparameters)

    def on_epoch_begin(self, epoch, logs=None):
        # An epoch that goes on in its middle has means of its earlier steps already.
        done = self.clock.resumed_step
        self.totals = {m.name: float(m.result()) * done for m in self.model.metrics} if done else {}

    def on_train_batch_end(self, batch, logs=None):
        losses = {name: self._last_of_mean(name, float(mean)) for name, mean in logs.items()}
        values, step = losses | self.meter.of_step(), self.clock.global_step - 1
        self._write("step", values, step)
        self.steps.add({"step": step, "epoch": self.clock.epoch} | values)
        if time.monotonic() - self.flushed > SECONDS_BETWEEN_FLUSHES:
            self._writer("step").flush()
            self.steps.flush()
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
        self.writers = {}
        self.steps.close()

    def _last_of_mean(self, name, mean):
        """Keras tells the mean since the epoch's start; the newest value is what it added to the sum."""
        total = mean * self.clock.step
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
