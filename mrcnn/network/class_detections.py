"""Detections of every class: a ROI may be several things, as torchvision and detectron2 have it.

Shapes: B images, R ROIs, K classes, N candidates, D detections; boxes (y1, x1, y2, x2), normalised with edge 0.
"""

import math

import keras
from keras import ops

from mrcnn.network.detections import DetectionLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling
from mrcnn.ops.nms import nms


@keras.saving.register_keras_serializable("mrcnn")
class ClassDetectionLayer(DetectionLayer):
    """Picks the final boxes among all classes of all ROIs with a probability above `min_confidence`.

    Settings as of `DetectionLayer`.  least_side_px: boxes with a shorter side go.  delta_limit: of log dh and log dw.

    Call with its inputs and the image (B, H, W, C), whose size counts. Returns (B, D, 6) as it does.
    """

    def __init__(self, *, least_side_px, delta_limit, **kwargs):
        super().__init__(**kwargs)
        self.least_side_px = least_side_px
        self.delta_limit = delta_limit

    def call(self, inputs):
        rois, valid, probabilities, deltas, window, image = inputs
        probabilities, deltas = ops.cast(probabilities, "float32"), ops.cast(deltas, "float32")
        number, classes = probabilities.shape[1:]
        scores = ops.where(valid[..., None], probabilities[..., 1:], -1.0)  # without the background
        scores, index = ops.top_k(ops.reshape(scores, (-1, number * (classes - 1))), self._candidates(number, classes))
        index = ops.cast(index, "int32")  # (B, N)
        roi, class_ids = index // (classes - 1), index % (classes - 1) + 1
        deltas = sampling.gather(ops.reshape(deltas, (-1, number * classes, 4)), roi * classes + class_ids)
        deltas = deltas * ops.convert_to_tensor(self.bbox_std_dev, "float32")
        boxes = box_ops.decode(sampling.gather(rois, roi), deltas, self.delta_limit)
        boxes = box_ops.clip(boxes, window)
        height, width = ops.shape(image)[1:3]
        usable = box_ops.long_sides(boxes, height, width, self.least_side_px)
        usable = ops.logical_and(usable, scores > self.min_confidence)
        index, used = nms(
            boxes, usable, iou_threshold=self.nms_threshold, max_output=self.max_instances, groups=class_ids
        )  # (B, D)
        rows = ops.concatenate([boxes, ops.cast(class_ids, "float32")[..., None], scores[..., None]], axis=-1)
        return ops.where(used[..., None], sampling.gather(rows, index), 0.0)

    def compute_output_spec(self, inputs):
        """Shape and type of the output; JAX cannot find them for images of any size."""
        return keras.KerasTensor((inputs[0].shape[0], self.max_instances, 6), "float32")

    def _candidates(self, rois, classes):
        """N: more classes of a ROI cannot be above the threshold, as their probabilities add up to 1."""
        most = math.ceil(1.0 / self.min_confidence) - 1 if self.min_confidence > 0 else classes - 1
        return rois * max(1, min(classes - 1, most))

    def get_config(self):
        return super().get_config() | {"least_side_px": self.least_side_px, "delta_limit": self.delta_limit}
