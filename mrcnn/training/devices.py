"""The devices that share a training step: GPU_COUNT of them, where there are so many.

All have the same weights, and each takes its part of the step's images: tf.distribute.MirroredStrategy on TensorFlow,
keras.distribution.DataParallel on JAX. What a step does to the weights is the same as on one device.
"""

import contextlib

import keras


class Devices:
    """The devices of a training network; `len` of it is their number.

    asked: GPU_COUNT.  images: images a step. Every device takes as many as the others, so of the devices found as
    many are used as divide the step.
    """

    def __init__(self, asked, images):
        self.asked = asked
        self.images = images
        self.found = keras.distribution.list_devices() if asked > 1 else []  # "gpu:0", or "cpu:0" where there is no GPU
        most = min(asked, len(self.found))
        self.used = self.found[: next((n for n in range(most, 1, -1) if images % n == 0), 1)]
        self._shared = self._of_backend() if len(self) > 1 else None

    def __len__(self):
        return max(1, len(self.used))

    def _of_backend(self):
        if keras.backend.backend() == "jax":
            return keras.distribution.DataParallel(devices=self.used)
        import tensorflow as tf

        return tf.distribute.MirroredStrategy([name.upper() for name in self.used])

    def scope(self):
        """A context: a network and its optimizer are to be made within it."""
        return self._shared.scope() if self._shared else contextlib.nullcontext()

    def fitting(self):
        """A context for Keras' `fit`; a network of TensorFlow knows its devices by itself."""
        return self.scope() if keras.backend.backend() == "jax" else contextlib.nullcontext()

    def text(self):
        """Which devices take the step, as a line; empty where one was asked for."""
        if self.asked == 1:
            return ""
        each = f", {self.images // len(self)} on each" if len(self) > 1 else ""
        return (
            f"GPU_COUNT = {self.asked}, devices found: {len(self.found)}. A step of {self.images} images runs on "
            f"{', '.join(self.used)}{each}."
        )


@contextlib.contextmanager
def one_device():
    """Within the block networks are made for one device, also by a callback while several of them train on JAX."""
    around = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(around)
