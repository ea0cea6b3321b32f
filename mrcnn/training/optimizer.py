"""The optimizers, with the global norm of the gradients and, if wanted, moving averages of the weights."""

import keras
from keras import ops


class _Watched:
    """Adds to a Keras optimizer the variable `gradient_norm`: of the last step, before clipping."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.gradient_norm = self.add_variable((), name="gradient_norm", aggregation="mean")

    def apply(self, grads, trainable_variables=None):
        if not self.built:
            self.build(list(trainable_variables))
        squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in grads if g is not None]
        self.gradient_norm.assign(ops.sqrt(sum(squares)))
        super().apply(grads, trainable_variables)

    def averages(self):
        """The moving averages of the trainable weights, in their order."""
        return self._model_variables_moving_average

    def finalize_variable_values(self, var_list):
        """Keras would put the averages into the model at the end of each `fit`; `train` does that at its own end."""


@keras.saving.register_keras_serializable("mrcnn")
class SGD(_Watched, keras.optimizers.SGD):
    """Keras' SGD, watched."""


@keras.saving.register_keras_serializable("mrcnn")
class AdamW(_Watched, keras.optimizers.AdamW):
    """Keras' AdamW, watched."""


def make_optimizer(config, learning_rate, momentum):
    """The optimizer that a Config describes. learning_rate: a number or a Keras schedule."""
    shared = {
        "learning_rate": float(learning_rate) if isinstance(learning_rate, int) else learning_rate,
        "global_clipnorm": config.GRADIENT_CLIP_NORM,
        "use_ema": config.EMA_MOMENTUM is not None,
        "gradient_accumulation_steps": None
        if config.GRADIENT_ACCUMULATION_STEPS == 1
        else config.GRADIENT_ACCUMULATION_STEPS,
    }
    if config.EMA_MOMENTUM is not None:
        shared["ema_momentum"] = config.EMA_MOMENTUM
    if config.OPTIMIZER == "sgd":
        return SGD(momentum=momentum, **shared)
    if config.OPTIMIZER == "adamw":
        return AdamW(weight_decay=config.WEIGHT_DECAY, **shared)
    raise ValueError(f'OPTIMIZER is {config.OPTIMIZER!r}: use "sgd" or "adamw".')


def inner_optimizer(keras_model):
    """The optimizer itself, also where Keras has wrapped it to scale the loss (float16)."""
    return getattr(keras_model.optimizer, "inner_optimizer", keras_model.optimizer)
