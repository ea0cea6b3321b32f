"""A data set of two classes whose objects are rectangles, and found ones, for the tests of evaluation."""

import numpy as np

from mrcnn.data.dataset import Dataset

HEIGHT, WIDTH = 60, 90


class Rectangles(Dataset):
    """images: for each a list of (class id, y1, x1, y2, x2)."""

    def __init__(self, images, class_names=("cat", "dog")):
        super().__init__()
        for class_id, name in enumerate(class_names, start=1):
            self.add_class("made", class_id, name)
        for i, objects in enumerate(images):
            self.add_image("made", i, f"{i}.png", height=HEIGHT, width=WIDTH, objects=objects)
        self.prepare()

    def load_image(self, image_id):
        return np.full((HEIGHT, WIDTH, 3), 90, np.uint8)

    def load_mask(self, image_id):
        objects = self.image_info[image_id]["objects"]
        return masks_of(objects), np.array([o[0] for o in objects], np.int32)


def masks_of(objects):
    """Masks bool [H, W, N] of (class id, y1, x1, y2, x2)."""
    masks = np.zeros((HEIGHT, WIDTH, len(objects)), bool)
    for i, (_, y1, x1, y2, x2) in enumerate(objects):
        masks[y1:y2, x1:x2, i] = True
    return masks
