"""Small layers that bring pixels and normalised boxes together.

Shapes: B images, N boxes, A anchors; boxes (y1, x1, y2, x2).
"""

import keras
from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import boxes as box_ops


@keras.saving.register_keras_serializable("mrcnn")
class NormBoxes(ExactLayer):
    """[pixel boxes (B, N, 4), image (B, H, W, C)] -> normalised boxes (B, N, 4).  edge: as in `ops.boxes.norm`."""

    def __init__(self, edge=1, **kwargs):
        super().__init__(**kwargs)
        self.edge = edge

    def get_config(self):
        return super().get_config() | {"edge": self.edge}

    def call(self, inputs):
        boxes_px, image = inputs
        height, width = ops.shape(image)[1:3]
        return box_ops.norm(boxes_px, height, width, self.edge)


@keras.saving.register_keras_serializable("mrcnn")
class Window(ExactLayer):
    """image metas (B, 12 + K) -> normalised window (B, 4): the part of each molded image that is not padding.

    edge: as in `ops.boxes.norm`.
    """

    def __init__(self, edge=1, **kwargs):
        super().__init__(**kwargs)
        self.edge = edge

    def get_config(self):
        return super().get_config() | {"edge": self.edge}

    def call(self, meta):
        height, width, window_px = meta[:, 4], meta[:, 5], meta[:, 7:11]
        return box_ops.norm(window_px, height, width, self.edge)


class Anchors(ExactLayer):
    """The anchors of a fixed image size, once for each image of the batch: images (B, H, W, C) -> (B, A, 4).

    anchors_px: (A, 4).  shape: (height, width) of the image.  edge: as in `ops.boxes.norm`.
    """

    def __init__(self, anchors_px, shape, edge=1, **kwargs):
        super().__init__(**kwargs)
        self.anchors_px = anchors_px
        self.shape = shape
        self.edge = edge

    def call(self, images):
        anchors = box_ops.norm(ops.convert_to_tensor(self.anchors_px, "float32"), *self.shape, self.edge)
        return ops.broadcast_to(anchors[None], (ops.shape(images)[0], *anchors.shape))


def nonempty(boxes):
    """Which boxes (B, N, 4) have an area, (B, N) bool."""
    return box_ops.area(boxes) > 0.0
