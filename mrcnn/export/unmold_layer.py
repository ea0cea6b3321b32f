"""The network's output -> boxes in the pixels of the images that came in, inside the graph.

Shapes: B images, D detections, K classes, h w of a mask.
"""

import keras
from keras import ops

from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling


@keras.saving.register_keras_serializable("mrcnn")
class UnmoldDetections(keras.layers.Layer):
    """What `MaskRCNN.unmold_detections` does, up to the pasting of the masks.

    edge: as in `ops.boxes.norm`.  whole: whether boxes are rounded.

    Call with [detections (B, D, 6), metas (B, 12 + K)] and masks (B, D, h, w, K) if there are any. Returns a dict:
    `boxes` (B, D, 4) int32 (float32 unless whole), y1, x1, y2, x2 in px, `classes` (B, D) int32, `scores` (B, D),
    `number` (B,) int32 and `masks` (B, D, h, w), each the mask in its box, of its class; rows from `number` on are 0.
    """

    def __init__(self, edge=1, whole=True, **kwargs):
        super().__init__(**kwargs)
        self.edge = edge
        self.whole = whole

    def call(self, inputs):
        detections, meta = inputs[:2]
        boxes, classes, scores = self._rows(detections, meta)
        solid = ops.logical_and(boxes[..., 2] > boxes[..., 0], boxes[..., 3] > boxes[..., 1])
        solid = ops.logical_and(solid, classes > 0)  # (B, D)
        slots = detections.shape[1]
        place = ops.arange(slots, dtype="float32")
        _, order = ops.top_k(ops.where(solid, 2.0 * slots - place, slots - place), slots)  # those without area last
        order = ops.cast(order, "int32")
        number = ops.sum(ops.cast(solid, "int32"), axis=1)
        used = place[None] < ops.cast(number, "float32")[:, None]
        outputs = {
            "boxes": ops.where(used[..., None], sampling.gather(boxes, order), ops.zeros_like(boxes)),
            "classes": ops.where(used, sampling.gather(classes, order), 0),
            "scores": ops.where(used, sampling.gather(scores, order), 0.0),
            "number": number,
        }
        if len(inputs) == 3:
            masks = ops.take_along_axis(inputs[2], classes[:, :, None, None, None], axis=-1)[..., 0]  # (B, D, h, w)
            outputs["masks"] = ops.where(used[..., None, None], sampling.gather(masks, order), 0.0)
        return outputs

    def get_config(self):
        return super().get_config() | {"edge": self.edge, "whole": self.whole}

    def _rows(self, detections, meta):
        height, width, molded_height, molded_width = meta[:, 1], meta[:, 2], meta[:, 4], meta[:, 5]
        window = box_ops.norm(meta[:, 7:11], molded_height, molded_width, self.edge)  # (B, 4)
        y1, x1, y2, x2 = ops.unstack(window[:, None], 4, axis=-1)  # (B, 1)
        shift, scale = ops.stack([y1, x1, y1, x1], axis=-1), ops.stack([y2 - y1, x2 - x1, y2 - y1, x2 - x1], axis=-1)
        flat = scale == 0.0  # of a thin image one row or column is left: boxes reach across it
        boxes = (detections[..., :4] - shift) / ops.where(flat, 1.0, scale)
        boxes = ops.where(flat, ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0]), boxes)
        boxes = box_ops.denorm(boxes, height[:, None], width[:, None], self.edge)
        boxes = ops.cast(ops.round(boxes), "int32") if self.whole else boxes
        return boxes, ops.cast(detections[..., 4], "int32"), detections[..., 5]
