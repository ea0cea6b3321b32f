"""What a training costs and how it goes: images a second, memory, step size, gradients."""

import time
from pathlib import Path

import keras
import numpy as np

from mrcnn.training.optimizer import inner_optimizer

STARVING, ENOUGH_STEPS = 0.2, 20  # share of the time; fewer steps say little


class Meter(keras.callbacks.Callback):
    """Adds to what each epoch tells: learning_rate, gradient_norm (of its last step), images_per_second, memory_mib.

    Also data_wait, the share of the time in which it waits for the loader; warns once when that is much.
    clock: the run's Clock.  images: images a step.  learning_rate: a number or a Keras schedule.  loader: the Loader.
    """

    def __init__(self, clock, images, learning_rate, loader):
        super().__init__()
        self.clock = clock
        self.images = images
        self.schedule = learning_rate if callable(learning_rate) else None
        self.loader = loader
        self.warned = False
        self.lately = np.zeros(3)  # steps, seconds, and seconds of waiting, of epochs that were not judged yet

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = inner_optimizer(self.model)
        self.steps_before = int(np.asarray(optimizer._iterations))  # the schedule's step, also with accumulation
        self.fixed_rate = None if self.schedule else float(np.asarray(optimizer.learning_rate))
        self.first_step = self.clock.global_step
        self.times = []

    def on_train_batch_begin(self, batch, logs=None):
        self.loader.need(self.clock.batches)

    def on_train_batch_end(self, batch, logs=None):
        self.times = [*self.times[-20:], (time.perf_counter(), self.clock.global_step, self.loader.waited)]
        if len(self.times) == 1:
            self.epoch_start = self.times[0]  # the first step of a run compiles the graph: it is not counted

    def of_step(self):
        """The step size that the last step had, its gradients' norm, and speed and waiting lately, where known."""
        values = {"learning_rate": self.learning_rate(self.clock.global_step - self.first_step - 1)}
        if keras.backend.backend() != "jax":  # where the newest values are out of reach within an epoch
            values["gradient_norm"] = float(np.asarray(inner_optimizer(self.model).gradient_norm))
        return values | self._speed(self.times[0])

    def learning_rate(self, steps):
        """The step size after this number of steps of the running epoch."""
        if self.schedule is None:
            return self.fixed_rate
        return float(np.asarray(self.schedule(self.steps_before + steps)))

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.learning_rate(self.clock.global_step - self.first_step - 1)
        logs["gradient_norm"] = float(np.asarray(inner_optimizer(self.model).gradient_norm))
        logs.update(self._speed(self.epoch_start))
        logs["memory_mib"] = memory_mib()
        self._warn()

    def _warn(self):
        """Of short epochs several together say enough."""
        (begin, first, waited_before), (end, last, waited) = self.epoch_start, self.times[-1]
        self.lately += last - first, end - begin, waited - waited_before
        steps, seconds, waiting = self.lately
        if self.warned or steps < ENOUGH_STEPS:
            return
        self.lately[:] = 0
        if waiting > STARVING * seconds:
            self.warned = True
            print(
                f"The device waits for data {waiting / seconds:.0%} of the time ({self.loader.threads} threads make "
                "batches). Make the images on disk smaller, or leave out costly augmentation."
            )

    def _speed(self, start):
        """Images a second and share of waiting from `start`, a row of `times`, to the last step; empty at first."""
        (begin, first, waited_before), (end, last, waited) = start, self.times[-1]
        if last == first:
            return {}
        return {
            "images_per_second": self.images * (last - first) / (end - begin),
            "data_wait": (waited - waited_before) / (end - begin),
        }


def memory_mib():
    """Most memory that was in use so far, MiB: of the first accelerator; without one, this process's now."""
    if keras.backend.backend() == "jax":
        import jax

        stats = jax.local_devices()[0].memory_stats() or {}
        if stats:
            return stats["peak_bytes_in_use"] / 2**20
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.config.list_logical_devices("GPU"):
            return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return _resident_mib()


def _resident_mib():
    status = Path("/proc/self/status")
    if not status.is_file():  # not Linux
        return float("nan")
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
