"""The step size over a training: warm-up, then constant, in steps or along a cosine."""

import math

import keras
from keras import ops

KINDS = ("constant", "step", "cosine")
_DROPS = (2 / 3, 8 / 9)  # shares of the steps after which "step" goes on with a tenth (the paper's COCO schedule)
_FLOOR = 0.01  # of the peak, where the cosine ends


@keras.saving.register_keras_serializable("mrcnn")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """kind: one of KINDS.  peak: the largest step size.  steps: of the training.  warmup: steps up to the peak."""

    def __init__(self, kind, peak, steps, warmup=0):
        if kind not in KINDS:
            raise ValueError(f"LEARNING_SCHEDULE is {kind!r}: use one of {', '.join(KINDS)}.")
        self.kind, self.peak, self.steps, self.warmup = kind, peak, steps, warmup

    def __call__(self, step):
        step = ops.cast(step, "float32")
        share = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        factor = ops.ones_like(share)
        if self.kind == "cosine":
            factor = _FLOOR + (1 - _FLOOR) * 0.5 * (1.0 + ops.cos(math.pi * share))
        elif self.kind == "step":
            drops = sum(ops.cast(share >= drop, "float32") for drop in _DROPS)
            factor = ops.power(0.1, drops)
        rise = ops.minimum(1.0, (step + 1.0) / max(1, self.warmup))
        return self.peak * factor * rise

    def get_config(self):
        return {"kind": self.kind, "peak": self.peak, "steps": self.steps, "warmup": self.warmup}


def schedule_of(config, learning_rate, steps):
    """A Keras schedule as it is; a number becomes the peak of the Config's schedule, where that has one."""
    if callable(learning_rate) or (config.LEARNING_SCHEDULE == "constant" and not config.WARMUP_STEPS):
        return learning_rate
    return Schedule(config.LEARNING_SCHEDULE, float(learning_rate), steps, min(config.WARMUP_STEPS, steps // 4))
