"""Proposals level by level: the best anchors of each level of the pyramid, without near-duplicates within it.

So small objects are not crowded out by the many anchors of large ones (Lin et al., 2017, as torchvision and detectron2
do it). Shapes: B images, A anchors, L levels of N of them, R ROIs; boxes (y1, x1, y2, x2), normalised with edge 0.
"""

import keras
from keras import ops

from mrcnn.network.proposals import ProposalLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling
from mrcnn.ops.nms import nms

NOTHING = -1e30  # logit of what pads a level with fewer anchors than the limit


@keras.saving.register_keras_serializable("mrcnn")
class LevelProposalLayer(ProposalLayer):
    """Turns the RPN's output into ROIs; settings as of `ProposalLayer`, but `pre_nms_limit` is for each level.

    anchors_in_cell, anchor_stride: anchors of a place; cells of a map between places.  least_side_px: ROIs with a
    shorter side go.  delta_limit: of log dh and log dw, as in `ops.boxes.decode`.

    Call with [class logits (B, A, 2), deltas (B, A, 4), anchors (B, A, 4), image (B, H, W, C), P2, ..., P6], of image
    and maps only the size counts; window: (B, 4), where the image lies, or None for all of it. Returns the dict of
    `ProposalLayer`, its arrays (B, L N, 4) with the levels one after the other, N = pre_nms_limit.
    """

    def __init__(self, *, anchors_in_cell, anchor_stride, least_side_px, delta_limit, **kwargs):
        super().__init__(**kwargs)
        self.anchors_in_cell = anchors_in_cell
        self.anchor_stride = anchor_stride
        self.least_side_px = least_side_px
        self.delta_limit = delta_limit

    def call(self, inputs, window=None):
        logits, deltas, anchors = (ops.cast(ops.stop_gradient(x), "float32") for x in inputs[:3])
        height, width = ops.shape(inputs[3])[1:3]
        scores = logits[..., 1] - logits[..., 0]  # (B, A); probabilities near 1 are equal in float32 where these differ
        deltas = deltas * ops.convert_to_tensor(self.bbox_std_dev, "float32")
        levels = self._best_of_levels(scores, deltas, anchors, inputs[4:])
        scores, deltas, anchors, level = (ops.concatenate(parts, axis=1) for parts in zip(*levels, strict=True))
        scores, order = ops.top_k(scores, scores.shape[1])  # all, best first
        order = ops.cast(order, "int32")
        deltas, anchors, level = (sampling.gather(x, order) for x in (deltas, anchors, level))
        refined = box_ops.decode(anchors, deltas, self.delta_limit)  # (B, L N, 4)
        whole = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], "float32")
        clipped = box_ops.clip(refined, whole if window is None else window)
        usable = ops.logical_and(scores > 0.5 * NOTHING, box_ops.long_sides(clipped, height, width, self.least_side_px))
        index, valid = nms(
            clipped, usable, iou_threshold=self.nms_threshold, max_output=self.proposal_count, groups=level
        )  # (B, R)
        return {
            "rois": ops.where(valid[..., None], sampling.gather(clipped, index), 0.0),
            "valid": valid,
            "kept": index,
            "pre_nms_anchors": anchors,
            "refined_anchors": refined,
            "refined_anchors_clipped": clipped,
        }

    def _best_of_levels(self, scores, deltas, anchors, maps):
        """For each level: scores (B, N), deltas and anchors (B, N, 4), and its number (B, N)."""
        found, start = [], 0
        for level, features in enumerate(maps):
            rows, columns = (-(-side // self.anchor_stride) for side in ops.shape(features)[1:3])
            end = start + rows * columns * self.anchors_in_cell
            padding = [[0, 0], [0, self.pre_nms_limit]]
            part, best = ops.top_k(ops.pad(scores[:, start:end], padding, constant_values=NOTHING), self.pre_nms_limit)
            best = ops.cast(best, "int32")
            moves, boxes = (
                sampling.gather(ops.pad(x[:, start:end], [*padding, [0, 0]]), best) for x in (deltas, anchors)
            )
            found.append((part, moves, boxes, ops.full_like(best, level)))
            start = end
        return found

    def compute_output_spec(self, inputs, window=None):
        """Shapes and types of the outputs; JAX cannot find them for images of any size."""
        batch, number = inputs[0].shape[0], self.pre_nms_limit * len(inputs[4:])
        boxes = {name: keras.KerasTensor((batch, number, 4), "float32") for name in self.OUTPUTS[3:]}
        return boxes | {
            "rois": keras.KerasTensor((batch, self.proposal_count, 4), "float32"),
            "valid": keras.KerasTensor((batch, self.proposal_count), "bool"),
            "kept": keras.KerasTensor((batch, self.proposal_count), "int32"),
        }

    def get_config(self):
        names = ("anchors_in_cell", "anchor_stride", "least_side_px", "delta_limit")
        return super().get_config() | {name: getattr(self, name) for name in names}
