"""A small data set for tests of the whole engine: coloured squares and bars, 48 x 64 pixels, masks drawn from boxes."""

import numpy as np

from mrcnn import utils
from mrcnn.presets import TinyConfig


class SquaresConfig(TinyConfig):
    """The least network that is whole: 64 pixels, narrow everywhere."""

    NAME = "squares"
    SEED = 1
    NUM_CLASSES = 1 + 2
    BACKBONE_WIDTH = 8
    TOP_DOWN_PYRAMID_SIZE = 16
    RPN_CHANNELS = 16
    FPN_CLASSIF_FC_LAYERS_SIZE = 32
    MASK_HEAD_CHANNELS = 16
    MASK_HEAD_DEPTH = 1
    IMAGES_PER_GPU = 2
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 24, 32, 48)
    POST_NMS_ROIS_TRAINING = 50
    POST_NMS_ROIS_INFERENCE = 30
    TRAIN_ROIS_PER_IMAGE = 12
    MAX_GT_INSTANCES = 5
    STEPS_PER_EPOCH = 1
    VALIDATION_STEPS = 1
    DETECTION_MIN_CONFIDENCE = 0.0
    DETECTION_MAX_INSTANCES = 10


class SquaresDataset(utils.Dataset):
    """`number` images of 48 x 64 pixels with one to three objects each, the same for the same seed."""

    def __init__(self, number, seed=0):
        super().__init__()
        self.add_class("squares", 1, "square")
        self.add_class("squares", 2, "bar")
        rng = np.random.default_rng(seed)
        for i in range(number):
            objects = []
            for _ in range(rng.integers(1, 4)):
                class_id, side = int(rng.integers(1, 3)), int(rng.integers(8, 20))
                y, x = int(rng.integers(0, 48 - side)), int(rng.integers(0, 64 - side))
                objects.append((class_id, y, x, side, rng.integers(0, 256, 3)))
            self.add_image("squares", image_id=i, path=f"image {i}", objects=objects)
        self.prepare()

    def load_image(self, image_id):
        image = np.full((48, 64, 3), 120, np.uint8)
        for (*_, color), mask in zip(self.image_info[image_id]["objects"], self._masks(image_id), strict=True):
            image[mask] = color
        return image

    def load_mask(self, image_id):
        class_ids = [item[0] for item in self.image_info[image_id]["objects"]]
        return np.stack(self._masks(image_id), axis=-1), np.array(class_ids, np.int32)

    def _masks(self, image_id):
        masks = []
        for class_id, y, x, side, _ in self.image_info[image_id]["objects"]:
            mask = np.zeros((48, 64), bool)
            mask[y : y + side, x : x + (side if class_id == 1 else side // 2)] = True
            for earlier in masks:  # later objects hide earlier ones, all but their first pixels
                earlier[y + 1 : y + side, x + 1 : x + side] = False
            masks.append(mask)
        return masks
