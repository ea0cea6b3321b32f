"""This project's side of `gpu.py`: `python gpu_ours.py HEIGHT WIDTH BATCH PRECISION DEVICE STEPS`.

Steps are those of Keras' fit, as `MaskRCNN.train` runs them, with the loss of each read; the batch is always the same.
"""

import time

import keras
import numpy as np
from case_data import settings
from common import config_for, training_batch
from gpu_case import ROIS, WARM_UP, answer, arguments, made_images

from mrcnn import training
from mrcnn.model import MaskRCNN
from mrcnn.training.meter import memory_mib


class Same(keras.utils.PyDataset):
    """One batch for ever."""

    num_batches = None

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __getitem__(self, index):
        return (self.batch,)


class Moments(keras.callbacks.Callback):
    """When each step ended: its loss is there."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(float(logs["loss"])):
            raise ValueError(f"the loss of step {batch} is {logs['loss']}")
        self.seconds.append(time.perf_counter())


def main():
    options = arguments()
    kinds = [device for device in keras.distribution.list_devices() if device.startswith(options.device)]
    if not kinds:
        raise SystemExit(f"{keras.backend.backend()} sees no {options.device}: {keras.distribution.list_devices()}")
    size = min(options.height, options.width)
    precision = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[options.precision]
    config = config_for(
        "r50",
        size,
        RPN_ANCHOR_SCALES=settings(size)["anchors"],
        IMAGES_PER_GPU=options.batch,
        TRAIN_ROIS_PER_IMAGE=ROIS,
        RPN_CHANNELS=256,
        PRECISION=precision,
    )
    config.IMAGE_MAX_DIM = max(options.height, options.width)
    config.IMAGE_SHAPE = np.array([options.height, options.width, 3])
    model = MaskRCNN("training", config, "logs")
    training.set_trainable(model.keras_model, training.LAYERS["all"])
    model.compile(0.0001, 0.9)
    batch = training_batch(config, *made_images(options.height, options.width, options.batch))
    moments = Moments()
    steps = WARM_UP + options.steps
    model.keras_model.fit(Same(batch), steps_per_epoch=steps, shuffle=False, callbacks=[moments], verbose=0)
    answer(moments.seconds, options.batch, memory_mib(), kinds[0])


if __name__ == "__main__":
    main()
