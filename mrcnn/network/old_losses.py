"""The five losses by their old names and arguments: see `old_names`.

Shapes: B images, A anchors, T sampled ROIs, K classes.
"""

from keras import ops

from mrcnn.network import losses


def smooth_l1_loss(y_true, y_pred):
    """0.5 d^2 where |d| < 1, else |d| - 0.5, of every number."""
    return losses.smooth_l1(y_true - y_pred)


def rpn_class_loss_graph(rpn_match, rpn_class_logits):
    """Mean cross-entropy of the anchors with match 1 or -1. rpn_match: (B, A, 1).  rpn_class_logits: (B, A, 2)."""
    match = rpn_match[..., 0]
    every = ops.broadcast_to(ops.arange(match.shape[1], dtype="int32"), ops.shape(match))
    targets = {
        "positive": every,
        "positive_valid": ops.equal(match, 1),
        "negative": every,
        "negative_valid": ops.equal(match, -1),
    }
    return losses.rpn_class_loss(rpn_class_logits, targets)


def rpn_bbox_loss_graph(config, target_bbox, rpn_match, rpn_bbox):
    """Mean smooth L1 of the anchors with match 1. target_bbox: (B, N, 4), a row for each of them in the anchors' order,
    then zeros.  rpn_match: (B, A, 1).  rpn_bbox: (B, A, 4).  config: not used."""
    match = rpn_match[..., 0]
    rows, count = target_bbox.shape[1], match.shape[1]
    rank = ops.arange(count, 0, -1, dtype="int32")[None]  # the first anchor has the highest
    score, positive = ops.top_k(ops.where(ops.equal(match, 1), rank, 0), min(rows, count))
    positive = ops.cast(positive, "int32")
    targets = {"positive": positive, "positive_valid": score > 0, "deltas": target_bbox[:, : positive.shape[1]]}
    return losses.rpn_bbox_loss(rpn_bbox, targets)


def mrcnn_class_loss_graph(target_class_ids, pred_class_logits, active_class_ids):
    """Mean cross-entropy of the ROIs' classes (B, T), logits (B, T, K), where the predicted class is active (B, K)."""
    return losses.class_loss(pred_class_logits, ops.cast(target_class_ids, "int32"), active_class_ids)


def mrcnn_bbox_loss_graph(target_bbox, target_class_ids, pred_bbox):
    """Mean smooth L1 of the ROIs with a class above 0: deltas (B, T, 4), class ids (B, T), predicted (B, T, K, 4)."""
    class_ids = ops.cast(target_class_ids, "int32")
    return losses.bbox_loss(pred_bbox, class_ids, target_bbox, class_ids > 0)


def mrcnn_mask_loss_graph(target_masks, target_class_ids, pred_masks):
    """Mean binary cross-entropy of the ROIs with a class above 0: masks (B, T, h, w), class ids (B, T), predicted
    masks (B, T, h, w, K)."""
    class_ids = ops.cast(target_class_ids, "int32")
    return losses.mask_loss(pred_masks, class_ids, target_masks, class_ids > 0)
