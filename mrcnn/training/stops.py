"""When a training stops before its end: a loss that is no number, or a person."""

import contextlib
import signal
import threading

import keras
import numpy as np


class Stopped(Exception):
    """A person has stopped the training; its state is saved."""


class StopOnNaN(keras.callbacks.Callback):
    """Stops the run with an error at the first step whose loss is not a finite number.

    clock: the run's Clock.  image_ids: function of a batch's number -> the ids of its images.  checkpoint: function
    without arguments -> text about the last good checkpoint.  record: callback that comes after this one and shall
    write that step down too.
    """

    def __init__(self, clock, image_ids, checkpoint, record=None):
        super().__init__()
        self.clock = clock
        self.image_ids = image_ids
        self.checkpoint = checkpoint
        self.record = record

    def on_train_batch_end(self, batch, logs=None):
        if np.isfinite(float(logs["loss"])):
            return
        if self.record is not None:
            self.record.on_train_batch_end(batch, logs)
        parts = ", ".join(name for name, value in logs.items() if name != "loss" and not np.isfinite(float(value)))
        raise ValueError(
            f"The loss is not a number any more, at step {self.clock.step} of epoch {self.clock.epoch + 1} "
            f"({parts or 'L2 term'}). Image ids of that step: {self.image_ids(self.clock.batches - 1)}. Lower the "
            f"learning rate, or look for broken labels with `mrcnn check`. Last good checkpoint: {self.checkpoint()}."
        )


class StopEarly(keras.callbacks.Callback):
    """Ends the training when nothing became better for some epochs; comes after the MetricsFile.

    metrics: the run's MetricsFile.  patience: epochs.  first_epoch: at which these layers began to train; what came
    before does not count.
    What counts is `mask_AP` where a callback measures it, else `box_AP`, else `val_loss`. A run that was resumed counts
    the epochs before too.
    """

    def __init__(self, metrics, patience, first_epoch=0):
        super().__init__()
        self.metrics = metrics
        self.patience = patience
        self.first_epoch = first_epoch

    def on_epoch_end(self, epoch, logs=None):
        rows = [row for row in self.metrics.rows if row["epoch"] >= self.first_epoch]
        for name, sign in (("mask_AP", 1), ("box_AP", 1), ("val_loss", -1)):
            values = {row["epoch"]: sign * row[name] for row in rows if np.isfinite(row.get(name, np.nan))}
            if values:
                best = max(values, key=values.get)
                if epoch - best >= self.patience:
                    print(f"Stopping early: {name} was best in epoch {best + 1} ({abs(values[best]):.4g}).")
                    self.model.stop_training = True
                return


class StopOnRequest(keras.callbacks.Callback):
    """After a stop signal: saves the state at the end of the running step (or validation), and raises Stopped.

    checkpoints: the run's Checkpoints.
    """

    def __init__(self, checkpoints):
        super().__init__()
        self.checkpoints = checkpoints
        self.asked = False

    def ask(self, number=None, frame=None):
        """To be called by a signal. The second time it is a KeyboardInterrupt at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nStopping after this step; its state is saved. (Once more: at once, without saving.)")

    def on_train_batch_end(self, batch, logs=None):
        if self.asked and self.checkpoints.clock.step < self.checkpoints.clock.steps_per_epoch:
            self.checkpoints.save_state()
            raise Stopped

    def on_epoch_end(self, epoch, logs=None):
        if self.asked:  # the epoch's checkpoint is written
            raise Stopped

    @contextlib.contextmanager
    def listening(self):
        """Within the block Ctrl-C, the notebook's stop button and `docker stop` ask for the stop."""
        if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.ask) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
