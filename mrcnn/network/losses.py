"""The five losses. Every mean is over the real items; without any, a loss is 0.

Shapes: B images, A anchors, T ROIs of which the first P slots are for objects, K classes.
"""

from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import replicas, sampling

EPSILON = 1e-7  # of the old binary cross-entropy


class Losses(ExactLayer):
    """The five losses of a batch, by the old names.

    Call with predictions (`rpn_logits`, `rpn_deltas`, `logits`, `deltas`, and `masks` if there is a mask head), the
    results of RPNTargetLayer and of DetectionTargetLayer, and active_class_ids (B, K); returns a dict of scalars.
    """

    def call(self, predictions, rpn_targets, targets, active_class_ids):
        valid = targets["positive_valid"]
        slots = valid.shape[1]
        class_ids = targets["class_ids"][:, :slots]
        result = {
            "rpn_class_loss": rpn_class_loss(predictions["rpn_logits"], rpn_targets),
            "rpn_bbox_loss": rpn_bbox_loss(predictions["rpn_deltas"], rpn_targets),
            "mrcnn_class_loss": class_loss(predictions["logits"], targets["class_ids"], active_class_ids),
            "mrcnn_bbox_loss": bbox_loss(predictions["deltas"][:, :slots], class_ids, targets["deltas"], valid),
        }
        if "masks" in predictions:
            result["mrcnn_mask_loss"] = mask_loss(predictions["masks"], class_ids, targets["masks"], valid)
        return result


def rpn_class_loss(logits, targets):
    """Cross-entropy object / background of the sampled anchors. logits: (B, A, 2)."""
    positive = _cross_entropy(sampling.gather(logits, targets["positive"]), 1)
    negative = _cross_entropy(sampling.gather(logits, targets["negative"]), 0)
    positive_valid = ops.cast(targets["positive_valid"], "float32")
    negative_valid = ops.cast(targets["negative_valid"], "float32")
    total = ops.sum(positive * positive_valid) + ops.sum(negative * negative_valid)
    return _mean(total, ops.sum(positive_valid) + ops.sum(negative_valid))


def rpn_bbox_loss(deltas, targets):
    """Smooth L1 of the sampled object anchors. deltas: (B, A, 4)."""
    predicted = sampling.gather(ops.cast(deltas, "float32"), targets["positive"])
    return masked_mean(smooth_l1(targets["deltas"] - predicted), targets["positive_valid"])


def class_loss(logits, class_ids, active_class_ids):
    """Cross-entropy of the ROIs' classes. logits: (B, T, K).  class_ids: (B, T).  active_class_ids: (B, K), 1 or 0.

    A ROI whose predicted class is not one of its image's data set does not count. Unused slots count as background,
    as in the old engine.
    """
    logits = ops.cast(logits, "float32")
    predicted = ops.cast(ops.argmax(logits, axis=-1), "int32")  # (B, T)
    active = ops.take_along_axis(ops.cast(active_class_ids, "float32"), predicted, axis=1)
    return masked_mean(_cross_entropy(logits, class_ids), active)


def bbox_loss(deltas, class_ids, targets, valid):
    """Smooth L1 of the objects' boxes. deltas: (B, P, K, 4), those of the true class count.  targets: (B, P, 4)."""
    index = ops.cast(class_ids, "int32")[..., None, None]
    predicted = ops.take_along_axis(ops.cast(deltas, "float32"), index, axis=2)[:, :, 0]
    return masked_mean(smooth_l1(targets - predicted), valid)


def mask_loss(masks, class_ids, targets, valid):
    """Binary cross-entropy of the objects' masks.

    masks: (B, P, h, w, K), the true class counts.  targets: (B, P, h, w).
    """
    chosen = ops.one_hot(class_ids, masks.shape[-1], dtype="float32")  # (B, P, K)
    predicted = ops.einsum("bphwk,bpk->bphw", ops.cast(masks, "float32"), chosen)
    predicted = ops.clip(predicted, EPSILON, 1.0 - EPSILON)
    loss = -(targets * ops.log(predicted) + (1.0 - targets) * ops.log(1.0 - predicted))
    return masked_mean(loss, valid)


def smooth_l1(difference):
    """0.5 d^2 where |d| < 1, else |d| - 0.5 (Fast R-CNN, eq. 3)."""
    size = ops.abs(difference)
    return ops.where(size < 1.0, 0.5 * size * size, size - 0.5)


def masked_mean(values, valid):
    """Mean of values (B, S, ...) over the items that are valid (B, S); 0 when none is."""
    per_item = ops.mean(values, axis=tuple(range(2, len(values.shape)))) if len(values.shape) > 2 else values
    valid = ops.cast(valid, "float32")
    return _mean(ops.sum(per_item * valid), ops.sum(valid))


def _mean(total, count):
    """`total` / `count`, 0 where there is none; where a step is spread, their mean over the replicas is that."""
    (count,) = replicas.total([count])
    return replicas.count() * total / ops.maximum(count, 1.0)


def _cross_entropy(logits, labels):
    """Softmax cross-entropy, logits (..., K) and integer labels (...) or one label for all -> (...)."""
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    if isinstance(labels, int):
        return -log_probabilities[..., labels]
    return -ops.take_along_axis(log_probabilities, ops.cast(labels, "int32")[..., None], axis=-1)[..., 0]
