"""The network's output for one image, in that image's pixels.

Shapes: D slots of detections, N objects, K classes, h w of a mask, H W of the image; boxes (y1, x1, y2, x2).
"""

from typing import NamedTuple

import numpy as np

from mrcnn.data.boxes import denorm_boxes, norm_boxes
from mrcnn.data.pasting import full_masks, mask_crops

RESULTS = ("rois", "class_ids", "scores", "masks")


class Unmolded(NamedTuple):
    """Objects of one image.

    Attributes:
        boxes: (N, 4) px, int32 or float32.
        class_ids: (N,) int32.
        scores: (N,) float32.
        crops: N bool arrays, what of each mask can be set; None without masks.
        corners: (N, 2) int32 px, the crops' upper left pixels in the image; None without masks.
    """

    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    crops: list | None
    corners: np.ndarray | None

    def as_dict(self, shape, crops):
        """What `MaskRCNN.detect` gives of an image [H, W, C] of that shape."""
        masks = self.crops if crops or self.crops is None else full_masks(self.crops, self.corners, shape)
        result = dict(zip(RESULTS, (self.boxes, self.class_ids, self.scores, masks), strict=True))
        if crops and masks is not None and self.boxes.dtype.kind == "f":
            result["corners"] = self.corners  # of whole boxes the crops begin at the boxes
        return result


def unmold(detections, masks, original_shape, molded_shape, window, conventions):
    """`Unmolded` of one image.

    Args:
        detections: (D, 6), as of the network: normalised box, class id, score; class id 0: not used.
        masks: (D, h, w, K), or None.
        original_shape, molded_shape: [H, W, C] of the image and of what the network saw.
        window: Px, the image's place in the latter.
        conventions: A `Conventions`.
    """
    used = detections[:, 4] > 0
    boxes, class_ids, scores = detections[used, :4], detections[used, 4].astype(np.int32), detections[used, 5]
    y1, x1, y2, x2 = norm_boxes(window, molded_shape[:2], conventions.edge)
    shift, scale = np.array([y1, x1, y1, x1]), np.array([y2 - y1, x2 - x1, y2 - y1, x2 - x1])
    flat = np.flatnonzero(scale == 0)  # of a thin image one row or column is left: boxes reach across it
    scale[flat] = 1
    boxes = (boxes - shift) / scale
    boxes[:, flat] = flat >= 2  # y1, x1 are 0 and y2, x2 are 1
    boxes = denorm_boxes(boxes, original_shape[:2], conventions.edge, conventions.whole_boxes)
    solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    rows = np.flatnonzero(used)[solid]
    boxes, class_ids, scores = boxes[solid], class_ids[solid], scores[solid]
    if masks is None:
        return Unmolded(boxes, class_ids, scores, None, None)
    crops, corners = mask_crops(masks[rows, :, :, class_ids], boxes, original_shape[:2], conventions.pasting)
    return Unmolded(boxes, class_ids, scores, crops, corners)
