"""The objects of a data set as columns of numbers, for statistics and for settings, and how well anchors fit them.

N counts boxes, A anchors; boxes are (y1, x1, y2, x2) in pixels.
"""

import math

import numpy as np
from tqdm.auto import tqdm

from mrcnn.data.boxes import compute_overlaps
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.dataset import Dataset
from mrcnn.data.molding import load_image_gt

_SMALLEST = 8  # pixels; two cells of the finest feature map
_NO_OBJECTS = {
    "image_ids": np.zeros(0, np.int32),
    "numbers": np.zeros(0, np.int32),
    "class_ids": np.zeros(0, np.int32),
    "boxes_px": np.zeros((0, 4), np.int32),
    "areas_px": np.zeros(0, np.int32),
    "image_px": np.zeros((0, 2), np.int32),
}


def some_images(dataset, most, seed=0):
    """Ids (N,) of at most `most` images, in order: all of them, or a random choice that the seed fixes."""
    ids = dataset.image_ids
    if len(ids) <= most:
        return ids
    return np.sort(np.random.default_rng(seed).choice(ids, most, replace=False))


def gather_objects(dataset, image_ids=None, config=None):
    """Look at every object of a data set once, with a progress bar.

    dataset: a prepared `mrcnn.utils.Dataset`. image_ids: the images to look at; None: all of them.
    config: a Config, for the objects as the network sees them, in molded images; None: in the images as loaded.
    Returns a dict of arrays over the N objects: image_ids (N,), numbers (N,) (which object of its image), class_ids
    (N,), boxes_px (N, 4) int32, areas_px (N,) in pixels, image_px (N, 2) height and width of its image.
    """
    image_ids = dataset.image_ids if image_ids is None else image_ids
    found = {name: [empty] for name, empty in _NO_OBJECTS.items()}
    for image_id in tqdm(image_ids, desc="objects", unit="image"):
        if config is None:
            masks, class_ids = dataset.load_mask_crops(image_id)
        else:
            _, _, class_ids, _, molded = load_image_gt(dataset, config, image_id)
            masks = CroppedMasks.of(molded)
        total = len(class_ids)
        found["image_ids"].append(np.full(total, image_id))
        found["numbers"].append(np.arange(total))
        found["class_ids"].append(class_ids)
        found["boxes_px"].append(masks.boxes())
        found["areas_px"].append(np.array([np.count_nonzero(crop) for crop in masks.crops], np.int32))
        found["image_px"].append(np.tile(masks.shape, (total, 1)))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def image_side(dataset: Dataset) -> int:
    """Pixels, the longest side of any image of a data set."""
    return max(max(dataset.image_size(image_id)) for image_id in dataset.image_ids)


def fullest(*datasets: Dataset) -> int:
    """Objects in the fullest image of some data sets, 1 or more."""
    counts = (dataset.object_count(image_id) for dataset in datasets for image_id in dataset.image_ids)
    return max(1, max(counts, default=1))


def fitting_scales(boxes_px, image_side, levels=5) -> tuple[int, ...]:
    """Sides, in pixels, of square anchors that span the objects: powers of two, each twice the one before.

    boxes_px: (N, 4) in the molded image.  image_side: its side; the largest anchor is no larger.
    The smallest is not above the side of one object in twenty.
    """
    sides = np.sqrt(np.prod(np.diff(np.reshape(boxes_px, (-1, 2, 2)), axis=1), axis=-1))
    small = np.quantile(sides, 0.05) if sides.size else _SMALLEST
    largest_first = image_side // 2 ** (levels - 1)
    first = min(2 ** int(math.log2(max(small, _SMALLEST))), largest_first)
    return tuple(max(first, 1) * 2**level for level in range(levels))


def best_anchor_ious(boxes_px, anchors_px) -> np.ndarray:
    """IoU (N,) of each box with the anchor that fits it best."""
    boxes_px = np.asarray(boxes_px).reshape(-1, 4)
    blocks = np.array_split(boxes_px, max(1, len(boxes_px) // 256))  # a block at a time: (A, N) may be gigabytes
    return np.concatenate([compute_overlaps(anchors_px, block).max(axis=0, initial=0) for block in blocks])
