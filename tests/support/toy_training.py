"""A stand-in for the network that compiles in a second: the training around it is the real one."""

import keras
from keras import layers

from mrcnn.model import MaskRCNN
from mrcnn.network import graph
from mrcnn.network.train_model import TrainModel
from tests.support.engine_data import SmallConfig


class ToyConfig(SmallConfig):
    NAME = "toy"
    OPTIMIZER = "adamw"
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 3
    LEARNING_RATE = 0.01


@keras.saving.register_keras_serializable("toy")
class ToyLosses(layers.Layer):
    """Two losses of numbers (B, 4): how far they are from the share of slots in use, and their spread."""

    def call(self, numbers, valid):
        used = keras.ops.mean(keras.ops.cast(valid, "float32"))
        return {
            "mrcnn_class_loss": keras.ops.mean(keras.ops.square(numbers - used)),
            "mrcnn_mask_loss": keras.ops.var(numbers),
        }


class ToyRCNN(MaskRCNN):
    """Takes the loader's batches; random as the true network is (dropout has a generator of its own)."""

    def build(self, mode, config):
        inputs = graph._training_inputs(config)
        images, valid = inputs["images"], inputs["gt_valid"]
        x = layers.AveragePooling2D(16)(images)
        x = layers.Dense(8, activation="tanh", name="res2_toy")(layers.Flatten()(x))
        x = layers.Dropout(0.5, seed=3)(x)
        numbers = layers.Dense(4, name="mrcnn_toy")(x)
        outputs = ToyLosses(name="losses", dtype="float32")(numbers, valid)
        return TrainModel(inputs, outputs, loss_weights={}, weight_decay=0.0, name="toy")
