"""A data set of a few drawn images and the smallest sensible configuration, for tests that train and detect."""

import numpy as np

from mrcnn.config import Config
from mrcnn.utils import Dataset


class SmallConfig(Config):
    """64-pixel images; a ResNet-18 of width 8."""

    NAME = "small"
    SEED = 7
    NUM_CLASSES = 3
    BACKBONE = "resnet18"
    BACKBONE_WIDTH = 8
    TOP_DOWN_PYRAMID_SIZE = 16
    RPN_CHANNELS = 16
    FPN_CLASSIF_FC_LAYERS_SIZE = 32
    MASK_HEAD_CHANNELS = 16
    MASK_HEAD_DEPTH = 1
    TRAIN_BN = None
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 32, 48, 64)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 32
    PRE_NMS_LIMIT = 200
    POST_NMS_ROIS_TRAINING = 60
    POST_NMS_ROIS_INFERENCE = 30
    TRAIN_ROIS_PER_IMAGE = 16
    MAX_GT_INSTANCES = 4
    MINI_MASK_SHAPE = (28, 28)
    DETECTION_MAX_INSTANCES = 8
    DETECTION_MIN_CONFIDENCE = 0.0


class Boxes(Dataset):
    """Images of 48 x 64 with bright rectangles (class 1) and dark ones (class 2) on grey.

    objects: for each image a list of (class id, y1, x1, y2, x2).
    """

    def __init__(self, objects):
        super().__init__()
        self.add_class("boxes", 1, "bright")
        self.add_class("boxes", 2, "dark")
        for number, things in enumerate(objects):
            self.add_image("boxes", image_id=f"image {number}", path=None, things=things)
        self.prepare()

    def load_image(self, image_id):
        image = np.full((48, 64, 3), 120, np.uint8)
        for class_id, y1, x1, y2, x2 in self.image_info[image_id]["things"]:
            image[y1:y2, x1:x2] = (240, 220, 60) if class_id == 1 else (20, 30, 90)
        return image

    def load_mask(self, image_id):
        things = self.image_info[image_id]["things"]
        masks = np.zeros((48, 64, len(things)), bool)
        for i, (_, y1, x1, y2, x2) in enumerate(things):
            masks[y1:y2, x1:x2, i] = True
        return masks, np.array([thing[0] for thing in things], np.int32)


def random_images(number, seed=0):
    """So many images of one to three objects, each in a third of its own; the same for the same seed."""
    rng, images = np.random.default_rng(seed), []
    for _ in range(number):
        things = []
        for third in rng.permutation(3)[: rng.integers(1, 4)]:
            height, width = rng.integers(8, 20, 2)
            y, x = rng.integers(0, 48 - height), 21 * third + rng.integers(0, 21 - width)
            things.append((rng.integers(1, 3), y, x, y + height, x + width))
        images.append(things)
    return Boxes(images)


def few_images():
    """Two with objects, one without."""
    return Boxes([[(1, 4, 6, 24, 30), (2, 26, 34, 44, 60)], [(2, 10, 10, 40, 26)], []])
