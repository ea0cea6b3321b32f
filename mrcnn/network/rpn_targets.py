"""What the RPN should have said: which anchors are objects, and how to move them onto these.

Shapes: B images, A anchors, G truth slots, P positive slots, N slots in all; boxes (y1, x1, y2, x2) in pixels.
"""

import keras
from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import replicas, sampling

POSITIVE_IOU = 0.7
NEGATIVE_IOU = 0.3
CROWD_IOU = 0.001  # an anchor that touches a crowd by more than this is not background


def match_anchors(anchors_px, gt_boxes_px, gt_valid, gt_crowd):
    """Match of every anchor, (B, A) int32: 1 object, -1 background, 0 neither; and its ground-truth slot, int32.

    Faster R-CNN, section 3.1.2: object when the IoU is >= 0.7 or it is the best of a truth box (of ties, the first),
    background when it is < 0.3 for every truth box.
    """
    iou = box_ops.iou(anchors_px[None], gt_boxes_px)  # (B, A, G)
    crowd = ops.any(ops.logical_and(iou >= CROWD_IOU, gt_crowd[:, None]), axis=2)  # (B, A)
    real = ops.logical_and(gt_valid, ops.logical_not(gt_crowd))[:, None]  # (B, 1, G)
    iou = ops.where(real, iou, -1.0)
    best, slot = ops.max(iou, axis=2), ops.cast(ops.argmax(iou, axis=2), "int32")  # (B, A)
    nearest = ops.cast(ops.argmax(iou, axis=1), "int32")  # (B, G)
    nearest = ops.where(ops.max(iou, axis=1) > 0.0, nearest, -1)  # a ground-truth box that no anchor touches has none
    is_best = ops.any(ops.equal(ops.arange(iou.shape[1])[None, :, None], nearest[:, None]), axis=2)
    positive = ops.logical_or(is_best, best >= POSITIVE_IOU)
    negative = ops.logical_and(best < NEGATIVE_IOU, ops.logical_not(crowd))
    match = ops.where(positive, 1, ops.where(negative, -1, 0))
    return ops.cast(match, "int32"), slot


@keras.saving.register_keras_serializable("mrcnn")
class RPNTargetLayer(ExactLayer):
    """Samples anchors for the RPN's losses, up to half of them objects, the rest background.

    anchors_px: (A, 4).  sample: N, anchors an image.  bbox_std_dev: the four factors of the deltas.

    Call with [gt_boxes_px (B, G, 4), gt_class_ids (B, G), gt_valid (B, G)]; crowds have negative class ids. Returns a
    dict: `positive` and `negative`, indices (B, P) and (B, N) into the anchors, `positive_valid` and `negative_valid`,
    and `deltas` (B, P, 4) for the positive ones.
    """

    def __init__(self, *, anchors_px, sample, bbox_std_dev, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.anchors_px = anchors_px
        self.sample = sample
        self.bbox_std_dev = [float(s) for s in bbox_std_dev]
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        gt_boxes_px, gt_class_ids, gt_valid = inputs
        anchors = ops.convert_to_tensor(self.anchors_px, "float32")  # (A, 4)
        gt_boxes_px = ops.cast(gt_boxes_px, "float32")
        match, slot = match_anchors(anchors, gt_boxes_px, gt_valid, gt_class_ids < 0)
        count = anchors.shape[0]
        noise = replicas.uniform(ops.shape(match), self.generator)
        positive, positive_valid = sampling.choose(ops.equal(match, 1), noise, min(self.sample // 2, count))
        negative, negative_valid = sampling.choose(ops.equal(match, -1), noise, min(self.sample, count))
        room = self.sample - ops.sum(ops.cast(positive_valid, "int32"), axis=1, keepdims=True)  # (B, 1)
        rank = ops.arange(negative.shape[1], dtype="int32")[None]
        negative_valid = ops.logical_and(negative_valid, rank < room)

        boxes = ops.take(anchors, positive, axis=0)  # (B, P, 4)
        truth = sampling.gather(gt_boxes_px, sampling.gather(slot, positive))
        truth = ops.where(positive_valid[..., None], truth, boxes)  # unused slots: no division by an empty box
        deltas = box_ops.encode(boxes, truth) / ops.convert_to_tensor(self.bbox_std_dev, "float32")
        return {
            "positive": positive,
            "positive_valid": positive_valid,
            "negative": negative,
            "negative_valid": negative_valid,
            "deltas": deltas,
        }
