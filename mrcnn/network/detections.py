"""Detections: the heads' class and box of each ROI, refined, filtered, without doubles.

Shapes: B images, R ROIs, K classes, D detections; boxes (y1, x1, y2, x2), normalised.
"""

import keras
from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling
from mrcnn.ops.nms import nms


@keras.saving.register_keras_serializable("mrcnn")
class DetectionLayer(ExactLayer):
    """Picks the final boxes.

    max_instances: D.  min_confidence: least score.  nms_threshold: IoU above which the lesser box of a class goes.
    bbox_std_dev: the four factors of the deltas.

    Call with [rois (B, R, 4), valid (B, R), probabilities (B, R, K), deltas (B, R, K, 4), window (B, 4)]; the window is
    the part of the image that is not padding. Returns (B, D, 6): y1, x1, y2, x2, class id, score, best first, rows of
    0 where there are fewer (a real class id is never 0).
    """

    def __init__(self, *, max_instances, min_confidence, nms_threshold, bbox_std_dev, **kwargs):
        super().__init__(**kwargs)
        self.max_instances = max_instances
        self.min_confidence = min_confidence
        self.nms_threshold = nms_threshold
        self.bbox_std_dev = [float(s) for s in bbox_std_dev]

    def call(self, inputs):
        rois, valid, probabilities, deltas, window = inputs
        probabilities, deltas = ops.cast(probabilities, "float32"), ops.cast(deltas, "float32")
        scores, class_ids = ops.top_k(probabilities, 1)  # ONNX and TFLite lack a part of Keras' argmax
        scores, class_ids = scores[..., 0], ops.cast(class_ids[..., 0], "int32")  # (B, R)
        deltas = ops.take_along_axis(deltas, class_ids[..., None, None], axis=2)[:, :, 0]  # (B, R, 4)
        refined = box_ops.decode(rois, deltas * ops.convert_to_tensor(self.bbox_std_dev, "float32"))
        refined = box_ops.clip(refined, window)

        keep = ops.logical_and(valid, ops.logical_and(class_ids > 0, scores >= self.min_confidence))
        scores, order = ops.top_k(ops.where(keep, scores, -1.0), scores.shape[1])  # all, best first
        order = ops.cast(order, "int32")
        refined, class_ids = sampling.gather(refined, order), sampling.gather(class_ids, order)
        index, used = nms(
            refined,
            scores >= 0.0,
            iou_threshold=self.nms_threshold,
            max_output=self.max_instances,
            groups=class_ids,
        )  # (B, D)
        rows = ops.concatenate([refined, ops.cast(class_ids, "float32")[..., None], scores[..., None]], axis=-1)
        return ops.where(used[..., None], sampling.gather(rows, index), 0.0)

    def get_config(self):
        return super().get_config() | {
            "max_instances": self.max_instances,
            "min_confidence": self.min_confidence,
            "nms_threshold": self.nms_threshold,
            "bbox_std_dev": self.bbox_std_dev,
        }
