"""Images of any size fitted into one size, for exports that take no other."""

import cv2
import numpy as np

from mrcnn.data.dataset import Dataset


def fit_image(image, size):
    """An image [H, W] or [H, W, C] scaled into size (height, width), with black around it as in training."""
    scale, (height, width), padding = _fitted(image.shape, size)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    image = scaled.reshape(height, width, *image.shape[2:])  # OpenCV drops an axis of one channel
    return np.pad(image, [*padding, (0, 0)][: image.ndim])


class OneSize(Dataset):
    """The images of another data set as `fit_image` gives them, and their masks likewise.

    dataset: prepared.  size: (height, width) in pixels.
    """

    def __init__(self, dataset, size):
        super().__init__()
        self.dataset, self.size = dataset, size
        height, width = size
        self.append_data(dataset.class_info, [info | {"height": height, "width": width} for info in dataset.image_info])
        self.prepare()

    def load_image(self, image_id):
        return fit_image(self.dataset.load_image(image_id), self.size)

    def load_mask(self, image_id):
        masks, class_ids = self.dataset.load_mask_crops(image_id)
        if not len(class_ids):
            return np.zeros((*self.size, 0), bool), class_ids
        scale, _, padding = _fitted(masks.shape, self.size)
        return masks.resized(scale, padding).full(), class_ids


def _fitted(shape, size):
    """Scale, (height, width) and padding, two of each axis, of an image as large as it can be inside a size."""
    scale = min(size[0] / shape[0], size[1] / shape[1])
    sides = [max(1, round(side * scale)) for side in shape[:2]]
    spare = [whole - side for whole, side in zip(size, sides, strict=True)]
    return scale, sides, [(each // 2, each - each // 2) for each in spare]
