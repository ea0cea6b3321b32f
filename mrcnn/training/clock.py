"""Where a run is: its epoch, the step in it, and the batches it has had."""

import keras


class Clock(keras.callbacks.Callback):
    """Counts; first in the list of callbacks, so that the others read it after it has moved.

    steps_per_epoch: steps of a whole epoch.  epoch: whole epochs that are done.  step: steps done in the next one.
    batches: of the training loader, taken since the run's start.
    """

    def __init__(self, steps_per_epoch, epoch=0, step=0, batches=0):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.epoch = epoch
        self.step = step
        self.batches = batches
        self.resumed_step = step

    @classmethod
    def at_epoch(cls, epoch, steps_per_epoch):
        """At the start of an epoch."""
        return cls(steps_per_epoch, epoch, batches=epoch * steps_per_epoch)

    @property
    def global_step(self):
        """Steps of the run that are done."""
        return self.epoch * self.steps_per_epoch + self.step

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        done = self.resumed_step + batch + 1
        self.batches += done - self.step
        self.step = done

    def next_epoch(self):
        """An epoch is done: the last callback of the list calls it."""
        self.epoch += 1
        self.step = self.resumed_step = 0
