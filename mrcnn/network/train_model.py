"""The training graph as a Keras model: its outputs are the losses, so `fit` needs no targets."""

import math

import keras
from keras import ops

from mrcnn.network.stored_model import StoredModel
from mrcnn.ops import replicas


class TrainModel(StoredModel):
    """Functional model whose outputs are a dict of scalar losses; it minimises their weighted sum and the L2 term.

    loss_weights: factor of each loss by name, 1 where absent.  weight_decay: factor of the L2 term, which as in the old
    engine is, over every trainable weight but gamma and beta, the sum of squares divided by the weight's size.
    """

    mode = "training"

    def __init__(self, inputs, outputs, *, loss_weights, weight_decay, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.loss_weights = dict(loss_weights)
        self.weight_decay = weight_decay
        self.loss_means = [keras.metrics.Mean(name=name) for name in outputs]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Weighted sum of the losses in `y_pred`, plus the L2 term; a replica's share of that."""
        total = self.weight_penalty()
        for mean in self.loss_means:
            loss = y_pred[mean.name] * self.loss_weights.get(mean.name, 1.0)
            mean.update_state(loss, sample_weight=1.0 / replicas.count())  # a step counts once
            total = total + loss
        return total / replicas.count()

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing is left to build. (Keras would average a batch over devices, also what is bool, and fail.)"""

    def weight_penalty(self):
        """The L2 term, a scalar."""
        decayed = [w for w in self.trainable_weights if w.name not in ("gamma", "beta")]
        penalty = sum((ops.sum(ops.square(w)) / math.prod(w.shape) for w in decayed), ops.zeros(()))
        return self.weight_decay * penalty
