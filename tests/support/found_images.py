"""Images and videos, and a network that finds the same two objects in each."""

from types import SimpleNamespace

import cv2
import numpy as np

from mrcnn_ext.detection import Detections
from mrcnn_ext.masks.rle import encode_mask

NAMES = ["BG", "red cell", "seed"]
HEIGHT, WIDTH = 40, 60


def square(y1, x1, y2, x2):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


RING = square(10, 30, 30, 50) & ~square(15, 35, 20, 40)
MASKS = [square(2, 3, 12, 23), RING]


def found():
    boxes = np.array([[2, 3, 12, 23], [10, 30, 30, 50]])
    return Detections(
        HEIGHT, WIDTH, np.array([1, 2]), np.array([0.75, 0.5]), boxes, [encode_mask(mask) for mask in MASKS]
    )


class Always:
    """A network that finds the same two objects in every image."""

    config = SimpleNamespace(BATCH_SIZE=2, IMAGE_MAX_DIM=64)
    seconds = {"resize": 0.0, "network": 0.0, "paste": 0.0}

    def detect(self, images, crops=False):
        one = found()
        crops = [mask[y1:y2, x1:x2] for mask, (y1, x1, y2, x2) in zip(MASKS, one.boxes, strict=True)]
        result = {"rois": one.boxes, "class_ids": one.class_ids, "scores": one.scores, "masks": crops}
        return [result] * len(images)


def film(path, grays, codec="mp4v"):
    """A video of frames of one gray level each."""
    stream = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 5, (WIDTH, HEIGHT))
    for gray in grays:
        stream.write(np.full((HEIGHT, WIDTH, 3), gray, np.uint8))
    stream.release()
    return path
