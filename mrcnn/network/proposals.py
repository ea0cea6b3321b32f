"""Proposals: the best anchors, refined by the RPN's deltas, without near-duplicates.

Shapes: B images, A anchors, N best of them, R ROIs; boxes (y1, x1, y2, x2), normalised.
"""

import keras
from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling
from mrcnn.ops.nms import nms


@keras.saving.register_keras_serializable("mrcnn")
class ProposalLayer(ExactLayer):
    """Turns the RPN's output into ROIs.

    proposal_count: R.  nms_threshold: IoU above which the lesser box goes.  pre_nms_limit: N, anchors that go into NMS.
    bbox_std_dev: the four factors of the RPN's deltas.

    Call with [class probabilities (B, A, 2), deltas (B, A, 4), anchors (B, A, 4)]; returns a dict of `rois` (B, R, 4)
    and `valid` (B, R) and, for looking inside, the N anchors that went into NMS (`pre_nms_anchors`), the same refined
    (`refined_anchors`) and refined and clipped (`refined_anchors_clipped`), each (B, N, 4), and which of them NMS
    `kept` (B, R), int32.
    """

    OUTPUTS = ("rois", "valid", "kept", "pre_nms_anchors", "refined_anchors", "refined_anchors_clipped")

    def __init__(self, *, proposal_count, nms_threshold, pre_nms_limit, bbox_std_dev, **kwargs):
        super().__init__(**kwargs)
        self.proposal_count = proposal_count
        self.nms_threshold = nms_threshold
        self.pre_nms_limit = pre_nms_limit
        self.bbox_std_dev = [float(s) for s in bbox_std_dev]

    def call(self, inputs):
        probabilities, deltas, anchors = (ops.cast(ops.stop_gradient(x), "float32") for x in inputs)
        scores = probabilities[..., 1]  # (B, A)
        deltas = deltas * ops.convert_to_tensor(self.bbox_std_dev, "float32")
        limit = self.pre_nms_limit
        if scores.shape[1] is None:  # images of any size: there may be fewer anchors than the limit
            scores = ops.pad(scores, [[0, 0], [0, limit]], constant_values=-1.0)
            deltas, anchors = (ops.pad(x, [[0, 0], [0, limit], [0, 0]]) for x in (deltas, anchors))
        else:
            limit = min(limit, scores.shape[1])
        scores, best = ops.top_k(scores, limit)  # (B, N)
        anchors = sampling.gather(anchors, ops.cast(best, "int32"))
        refined = box_ops.decode(anchors, sampling.gather(deltas, ops.cast(best, "int32")))  # (B, N, 4)
        clipped = box_ops.clip(refined, ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], "float32"))
        index, valid = nms(
            clipped, scores >= 0.0, iou_threshold=self.nms_threshold, max_output=self.proposal_count
        )  # (B, R)
        rois = ops.where(valid[..., None], sampling.gather(clipped, index), 0.0)
        return {
            "rois": rois,
            "valid": valid,
            "kept": index,
            "pre_nms_anchors": anchors,
            "refined_anchors": refined,
            "refined_anchors_clipped": clipped,
        }

    def compute_output_spec(self, inputs):
        """Shapes and types of the outputs; JAX cannot find them for images of any size."""
        batch, count = inputs[0].shape[:2]
        number = self.pre_nms_limit if count is None else min(self.pre_nms_limit, count)

        def boxes(slots):
            return keras.KerasTensor((batch, slots, 4), "float32")

        return {
            "rois": boxes(self.proposal_count),
            "valid": keras.KerasTensor((batch, self.proposal_count), "bool"),
            "kept": keras.KerasTensor((batch, self.proposal_count), "int32"),
            "pre_nms_anchors": boxes(number),
            "refined_anchors": boxes(number),
            "refined_anchors_clipped": boxes(number),
        }

    def get_config(self):
        return super().get_config() | {
            "proposal_count": self.proposal_count,
            "nms_threshold": self.nms_threshold,
            "pre_nms_limit": self.pre_nms_limit,
            "bbox_std_dev": self.bbox_std_dev,
        }
