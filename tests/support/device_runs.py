"""Trainings in a process of their own on 1 or 2 virtual devices of the CPU, which are to be set up before the start.

    python -m tests.support.device_runs DEVICES FOLDER RUN...

writes FOLDER/<run><devices>.npz for each: losses of the steps, norm of the last gradient, weights and more by name.
"""

import functools
import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from mrcnn.model import MaskRCNN
from mrcnn.network import graph
from mrcnn.network.losses import masked_mean
from mrcnn.network.norm import normalise
from mrcnn.network.precision import computing_in
from mrcnn.network.train_model import TrainModel
from mrcnn.training.optimizer import inner_optimizer
from tests.support.engine_data import SmallConfig, few_images


class PairConfig(SmallConfig):
    """Two images a step, one a device."""

    NAME = "pair"
    GPU_COUNT = 2
    IMAGES_PER_GPU = 1
    STEPS_PER_EPOCH = 4


def small_backbone(image, stage5=True, train_bn=None):
    """Five maps from five convolutions: compiles in a third of a ResNet's time."""
    maps = [image]
    for stage in range(1, 6):
        x = layers.Conv2D(8, 3, strides=2, padding="same", name=f"res{stage}_conv")(maps[-1])
        maps.append(layers.Activation("relu", name=f"res{stage}_out")(normalise(x, f"bn{stage}", train_bn=train_bn)))
    return maps[1:]


class WholeConfig(PairConfig):
    """The true network; ROIs around the truth, so that all five losses have something to say."""

    BACKBONE = staticmethod(small_backbone)
    USE_RPN_ROIS = False


@keras.saving.register_keras_serializable("pair")
class PairLosses(layers.Layer):
    """Means over the slots in use, of which the images have different numbers."""

    def call(self, numbers, valid):
        return {
            "mrcnn_class_loss": masked_mean(ops.square(numbers - 1.0), valid),
            "mrcnn_mask_loss": masked_mean(ops.abs(numbers), ops.logical_not(valid)),
        }


class PairToy(MaskRCNN):
    """Compiles in a second, and has what depends on the whole batch: means of what counts, and batch statistics."""

    def build(self, mode, config):
        with computing_in(config.PRECISION):
            return self._toy(config)

    def _toy(self, config):
        inputs = graph._training_inputs(config)
        x = layers.Flatten()(layers.AveragePooling2D(16)(inputs["images"]))
        x = normalise(layers.Dense(8, name="res2_toy")(x), "bn2_toy", train_bn=True)
        x = layers.Dense(4, name="mrcnn_toy", dtype="float32")(layers.Activation("tanh")(x))
        outputs = PairLosses(name="losses", dtype="float32")(x, inputs["gt_valid"])
        return TrainModel(inputs, outputs, loss_weights={}, weight_decay=0.01, name="toy")


class Stop(keras.callbacks.Callback):
    """A person's Ctrl-C in the second step."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            os.kill(os.getpid(), signal.SIGINT)


class Look(keras.callbacks.Callback):
    """Detects in the middle of a training, with what it has learned."""

    def __init__(self, model):
        super().__init__()
        self.trained = model

    def on_epoch_end(self, epoch, logs=None):
        detector = MaskRCNN("inference", self.trained.config, self.trained.model_dir)
        detector.load_weights(self.trained.find_last())
        self.found = detector.detect([few_images().load_image(number) for number in range(3)])


class Steps(keras.callbacks.Callback):
    """The losses after each step."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        self.rows.append([float(logs[name]) for name in sorted(logs)])


def train(model, *callbacks, **options):
    """One epoch; the losses of its steps."""
    steps = Steps()
    model.train(few_images(), few_images(), 0.01, 1, "all", custom_callbacks=[steps, *callbacks], **options)
    return steps.rows


def made(kind, config, folder, **settings):
    return kind("training", type("Run", (config,), settings)(), folder)


def toy(folder, **settings):
    model = made(PairToy, PairConfig, folder, GRADIENT_CLIP_NORM=0.1, **settings)
    return results(model, train(model))


def network(folder):
    model = made(MaskRCNN, WholeConfig, folder)
    look = Look(model)
    return results(model, train(model, look)) | {"detected": len(look.found)}


def resumed(folder, **settings):
    """Stopped in the middle of the epoch; `settings` are those of the second half."""
    train(made(PairToy, PairConfig, folder, GRADIENT_CLIP_NORM=0.1), Stop())
    model = made(PairToy, PairConfig, folder, GRADIENT_CLIP_NORM=0.1, **settings)
    return results(model, train(model, resume=True))


RUNS = {
    "network": network,
    "sgd": toy,
    "averages": functools.partial(toy, EMA_MOMENTUM=0.5),
    "float16": functools.partial(toy, PRECISION="mixed_float16"),
    "accumulated": functools.partial(toy, GRADIENT_ACCUMULATION_STEPS=2),
    "resumed": resumed,
    "resumed_on_one": functools.partial(resumed, GPU_COUNT=1, IMAGES_PER_GPU=2),
}


def results(model, losses):
    norm = inner_optimizer(model.keras_model).gradient_norm
    weights = {f"weight/{weight.path}": np.asarray(weight) for weight in model.keras_model.weights}
    return {"losses": np.array(losses), "norm": np.asarray(norm)} | weights


def set_up(devices):
    """Before TensorFlow looks for its devices; JAX is told by XLA_FLAGS."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        virtual = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], virtual)


if __name__ == "__main__":
    set_up(int(sys.argv[1]))
    for name in sys.argv[3:]:
        folder = Path(sys.argv[2]) / f"{name}{sys.argv[1]}"
        found = RUNS[name](folder)
        np.savez(f"{folder}.npz", **found)
