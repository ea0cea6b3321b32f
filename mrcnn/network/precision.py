"""What the network computes in: float32, or 16 bits with weights in float32 (Micikevicius et al., 2018).

Layers of boxes, targets and losses are ExactLayers; probabilities, masks and all else that the network gives are
float32 too.
"""

import functools

import keras

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


class ExactLayer(keras.layers.Layer):
    """A layer that computes in float32, whatever the layers around it do: in 16 bits a box is off by pixels."""

    def __init__(self, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))


def in_its_precision(build):
    """Decorator of a function of a Config (and more) that makes layers: they compute in PRECISION.

    Keras' own policy is as it was afterwards. Raises ValueError for another PRECISION.
    """

    @functools.wraps(build)
    def build_so(config, *args):
        if config.PRECISION not in PRECISIONS:
            raise ValueError(f"PRECISION is {config.PRECISION!r}: use one of {', '.join(PRECISIONS)}.")
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(config.PRECISION)
        try:
            return build(config, *args)
        finally:
            keras.config.set_dtype_policy(before)

    return build_so
