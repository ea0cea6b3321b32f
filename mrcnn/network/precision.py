"""What the network computes in: float32, or 16 bits with weights in float32 (Micikevicius et al., 2018).

Layers of boxes, targets and losses are ExactLayers; probabilities, masks and all else that the network gives are
float32 too.
"""

import contextlib

import keras

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


class ExactLayer(keras.layers.Layer):
    """A layer that computes in float32, whatever the layers around it do: in 16 bits a box is off by pixels."""

    def __init__(self, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))


@contextlib.contextmanager
def computing_in(precision):
    """Within the block the layers that are made compute in `precision`; Keras' own policy is as it was afterwards.

    Raises:
        ValueError: where it is none of PRECISIONS.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"PRECISION is {precision!r}: use one of {', '.join(PRECISIONS)}.")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
