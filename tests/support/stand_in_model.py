"""A model for the service's tests that finds bright pixels, at once, and can be told to be slow or to fail."""

import threading
import time
from io import BytesIO

import numpy as np
from PIL import Image

from mrcnn_ext.serve.worker import Served

NAMES = ["BG", "bright", "dark"]
API_KEY = "a-key"


class StandIn:
    """Finds one object, class 1: the box around all pixels above 200, and in it these pixels."""

    def __init__(self, delay=0.0, fails=lambda image: False):
        self.delay = delay
        self.fails = fails
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, images, crops=False):
        self.gate.wait(60)
        time.sleep(self.delay)
        self.batches.append(len(images))
        if any(self.fails(image) for image in images):
            raise RuntimeError("told to fail")
        return [_find(image) for image in images]


def _find(image):
    mask = image.min(axis=2) > 200
    if not mask.any():
        return {"rois": np.zeros((0, 4), np.int32), "class_ids": np.zeros(0, int), "scores": np.zeros(0), "masks": []}
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y1, x1, y2, x2 = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    return {
        "rois": np.array([[y1, x1, y2, x2]], np.int32),
        "class_ids": np.array([1]),
        "scores": np.array([0.9], np.float32),
        "masks": [mask[y1:y2, x1:x2]],
    }


def served(run="run 1", **options):
    return Served(StandIn(**options), NAMES, run)


def made_image(height=30, width=40, box=(5, 10, 15, 30)):
    """Dark, with one bright rectangle (y1, x1, y2, x2)."""
    image = np.full((height, width, 3), 40, np.uint8)
    if box:
        image[box[0] : box[2], box[1] : box[3]] = 250
    return image


def encoded(image=None, kind="PNG", **options):
    buffer = BytesIO()
    Image.fromarray(made_image() if image is None else image).save(buffer, kind, **options)
    return buffer.getvalue()
