"""The optimizers, with the global norm of the gradients and, if wanted, moving averages of the weights."""

import keras
from keras import ops

from mrcnn.ops import replicas


class _Whole:
    """Adds up the gradients of all replicas before anything looks at them, so that clipping is by the step's norm.

    (Keras on TensorFlow clips those of each replica, then adds.)
    """

    def apply_gradients(self, grads_and_vars):
        gradients, variables = zip(*grads_and_vars, strict=True)
        return super().apply_gradients(zip(replicas.total(gradients), variables, strict=True))


@keras.saving.register_keras_serializable("mrcnn")
class LossScale(_Whole, keras.optimizers.LossScaleOptimizer):
    """Keras' scale of the loss for float16, of the whole step's gradients."""


class _Watched(_Whole):
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

    # Of the same gradients every replica makes the same weights by itself. Keras on TensorFlow has the replicas meet in
    # each of these three, which cannot be within a condition, as accumulation needs it.

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def _backend_increment_gradient_accumulators(self, grads, acc_grads):
        for gradient, sum_so_far in zip(grads, acc_grads, strict=True):
            sum_so_far.assign(sum_so_far + gradient)

    def _apply_weight_decay(self, variables):
        for variable in variables if self.weight_decay else []:
            if self._use_weight_decay(variable):
                rate = ops.cast(self.learning_rate, variable.dtype)
                variable.assign(variable - variable * self.weight_decay * rate)

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
        "global_clipnorm": float(config.GRADIENT_CLIP_NORM),
        "use_ema": config.EMA_MOMENTUM is not None,
        "gradient_accumulation_steps": None
        if config.GRADIENT_ACCUMULATION_STEPS == 1
        else config.GRADIENT_ACCUMULATION_STEPS,
    }
    if config.EMA_MOMENTUM is not None:
        shared["ema_momentum"] = float(config.EMA_MOMENTUM)
    if config.OPTIMIZER == "sgd":
        optimizer = SGD(momentum=float(momentum), **shared)
    elif config.OPTIMIZER == "adamw":
        optimizer = AdamW(weight_decay=float(config.WEIGHT_DECAY), **shared)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    else:
        raise ValueError(f'OPTIMIZER is {config.OPTIMIZER!r}: use "sgd" or "adamw".')
    return LossScale(optimizer) if config.PRECISION == "mixed_float16" else optimizer


def inner_optimizer(keras_model):
    """The optimizer itself, also where another one around it scales the loss (float16)."""
    return getattr(keras_model.optimizer, "inner_optimizer", keras_model.optimizer)
