"""One picture as the network reads it: resized, mean taken off, with its meta vector and its truth.

A meta vector (12 + K numbers, K classes with the background) says where a picture comes from:
image id | original shape H W C | molded shape H W C | window y1 x1 y2 x2 in px | scale | one flag a class, 1 if the
picture's source knows the class.
"""

import contextlib
import random

import numpy as np

from mrcnn.data.augment import augment as apply_augmentation
from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.minimask import minimize_mask
from mrcnn.data.picture import as_channels
from mrcnn.data.resize import resize_image, resize_mask

META_PARTS = {
    "image_id": slice(0, 1),
    "original_image_shape": slice(1, 4),
    "image_shape": slice(4, 7),
    "window": slice(7, 11),
    "scale": slice(11, 12),
    "active_class_ids": slice(12, None),
}


def mold_image(images, config):
    """Pictures [..., C], 0 to 255 -> float32 [..., C] less the mean of each channel: see `mean_pixel`."""
    images = np.asarray(images)
    molded = np.empty(images.shape, np.float32)
    return np.subtract(images, mean_pixel(config, images.shape[-1]), out=molded, casting="same_kind")


def unmold_image(normalized_images, config):
    """The way back from `mold_image`, to uint8."""
    return np.rint(normalized_images + mean_pixel(config, normalized_images.shape[-1])).astype(np.uint8)


def mean_pixel(config, channels):
    """`config.MEAN_PIXEL` for a number of channels, (channels,) or (1,).

    Where it has another number (three, by default): gray takes their average, more channels than it has take the
    average for the rest.
    """
    mean = np.ravel(config.MEAN_PIXEL)
    if len(mean) in (1, channels):
        return mean
    filled = np.full(channels, mean.mean())
    if channels > len(mean):
        filled[: len(mean)] = mean
    return filled


def compose_image_meta(image_id, original_image_shape, image_shape, window, scale, active_class_ids):
    """A meta vector, float64 (12 + K,), of its parts; see the head of the file."""
    parts = [[image_id], original_image_shape, image_shape, window, [scale], active_class_ids]
    return np.concatenate([np.asarray(part, np.float64) for part in parts])


def parse_image_meta(meta):
    """Meta vectors (B, 12 + K) -> dict of their parts, int32, by name; the scale stays float32."""
    parts = {name: meta[:, where] for name, where in META_PARTS.items()}
    return {
        "image_id": parts["image_id"][:, 0].astype(np.int32),
        "original_image_shape": parts["original_image_shape"].astype(np.int32),
        "image_shape": parts["image_shape"].astype(np.int32),
        "window": parts["window"].astype(np.int32),
        "scale": parts["scale"][:, 0].astype(np.float32),
        "active_class_ids": parts["active_class_ids"].astype(np.int32),
    }


def load_image_gt(dataset, config, image_id, augment=False, augmentation=None, use_mini_mask=False, rng=None):
    """One picture of a prepared data set with its truth, at the size of the network.

    augment: True flips half of the pictures left to right (the old way; prefer `augmentation`).
    augmentation: an imgaug augmenter or an Albumentations transform.
    use_mini_mask: masks as crops of their boxes in `config.MINI_MASK_SHAPE`.
    rng: np.random.Generator for every random choice in here; None: Python's `random`, as in the old package.

    Returns image uint8 [H, W, C] with IMAGE_CHANNEL_COUNT channels, image_meta float64 (12 + K,), class_ids int32 (N,),
    bbox int32 px (N, 4) and mask bool [H, W, N], or [h, w, N] with mini masks. Objects that resizing or augmenting left
    without a pixel are dropped.
    Raises ValueError if the picture cannot be read or its masks do not fit; every error has a note that names it.
    """
    with _named(dataset, image_id):
        image, mask, class_ids = _load(dataset, image_id, config.IMAGE_CHANNEL_COUNT)
        original_shape = image.shape
        image, window, scale, padding, crop = resize_image(
            image, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE, config.IMAGE_RESIZE_MODE, rng
        )
        mask = resize_mask(mask, scale, padding, crop)
        if augment and (random.randint(0, 1) if rng is None else rng.integers(2)) == 1:
            image, mask = np.ascontiguousarray(image[:, ::-1]), mask[:, ::-1]
        if augmentation is not None:
            image, mask = apply_augmentation(image, mask, augmentation, rng)
        bbox = extract_bboxes(mask)
        present = bbox[:, 2] > 0  # an empty mask has a box of zeros
        if not present.all():
            mask, class_ids, bbox = mask[:, :, present], class_ids[present], bbox[present]
        if use_mini_mask:
            mask = minimize_mask(bbox, mask, config.MINI_MASK_SHAPE)
    active = np.zeros(dataset.num_classes, np.int32)
    active[dataset.source_class_ids[dataset.image_info[image_id]["source"]]] = 1
    image_meta = compose_image_meta(image_id, original_shape, image.shape, window, scale, active)
    return image, image_meta, class_ids, bbox, mask


@contextlib.contextmanager
def _named(dataset, image_id):
    """Errors inside get a note that says which picture it was."""
    try:
        yield
    except Exception as error:
        info = dataset.image_info[image_id]
        error.add_note(f"in image {image_id} (source {info['source']!r}, id {info['id']!r}, path {info['path']!r})")
        raise


def _load(dataset, image_id, channels):
    """The picture, its masks bool [H, W, N] and class ids int32 (N,), checked."""
    image = as_channels(dataset.load_image(image_id), channels)
    mask, class_ids = dataset.load_mask(image_id)
    class_ids = np.asarray(class_ids, np.int32)
    if len(class_ids) == 0:
        return image, np.zeros(image.shape[:2] + (0,), bool), class_ids
    if mask.ndim != 3 or mask.shape != image.shape[:2] + (len(class_ids),):
        raise ValueError(
            f"{dataset.image_info[image_id]['path']}: masks of shape {mask.shape} and {len(class_ids)} class ids do "
            f"not fit a picture of shape {image.shape}; load_mask should return masks [H, W, N] and N class ids."
        )
    return image, mask.astype(bool, copy=False), class_ids
