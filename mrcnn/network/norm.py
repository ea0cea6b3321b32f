"""Normalisation after a convolution: batch norm (frozen or trained) or group norm, under the old layer names."""

import keras
from keras import layers, ops

from mrcnn.ops import replicas

EPSILON = 1e-3  # of the old engine's layers, and so of its weights
GROUP_SIZE = 16  # channels a group; Group Normalization (Wu and He, 2018), table 3


@keras.saving.register_keras_serializable("mrcnn")
class BatchNorm(layers.BatchNormalization):
    """Batch norm that can be frozen: `train_bn` False always uses the moving statistics, whatever the model's mode.

    gamma and beta train in any case. None follows the mode, True always uses the batch's statistics. (An argument of
    the call would not do: a Keras 3 model overrides it with its own mode.)
    """

    def __init__(self, train_bn=False, **kwargs):
        super().__init__(**kwargs)
        self.train_bn = train_bn

    def call(self, inputs, valid=None, training=None):
        """inputs (..., C); valid (...) bool, what is False does not count in the batch's statistics."""
        if self.train_bn is not None:
            training = self.train_bn
        return super().call(inputs, training=training, mask=valid)

    def _moments(self, inputs, mask):
        """Mean and variance (C,) of the whole batch. Keras on TensorFlow takes those of a replica's own images."""
        if replicas.count() == 1:
            return super()._moments(inputs, mask)
        counted = ops.ones_like(inputs[..., :1])
        if mask is not None:
            counted = counted * ops.cast(mask, inputs.dtype)[..., None]
        axes = tuple(range(len(inputs.shape) - 1))
        count, total = replicas.total([ops.sum(counted), ops.sum(counted * inputs, axes)])
        count = ops.maximum(count, 1.0)
        mean = total / count
        (squares,) = replicas.total([ops.sum(counted * ops.square(inputs - mean), axes)])
        return mean, squares / count

    def get_config(self):
        return super().get_config() | {"train_bn": self.train_bn}


def normalise(x, name, *, norm="batch", train_bn=False, valid=None):
    """`x` (..., C) normalised by a layer called `name`.

    norm: "batch" or "group".  train_bn: of `BatchNorm`.  valid: (...) bool, places that count in batch statistics.
    """
    if norm == "batch":
        return BatchNorm(train_bn, epsilon=EPSILON, name=name)(x, valid=valid)
    if norm == "group":
        channels = x.shape[-1]
        groups = max(g for g in range(1, max(channels // GROUP_SIZE, 1) + 1) if channels % g == 0)
        return layers.GroupNormalization(groups=groups, epsilon=EPSILON, name=name)(x)
    raise ValueError(f'NORM is {norm!r}: use "batch" or "group".')
