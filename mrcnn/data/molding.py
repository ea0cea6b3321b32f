"""One image as the network reads it: resized, mean taken off, with its meta vector and its truth.

A meta vector (12 + K numbers, K classes with the background) says where an image comes from:
image id | original shape H W C | molded shape H W C | window y1 x1 y2 x2 in px | scale | one flag a class, 1 if the
image's source knows the class.
"""

import contextlib
import random
from typing import NamedTuple

import numpy as np

from mrcnn.conventions import conventions_of
from mrcnn.data.augment import augment as apply_augmentation
from mrcnn.data.copy_paste import another_image, paste
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.fitting import fit_image
from mrcnn.data.image import as_channels
from mrcnn.data.transforms import Augmentation

META_PARTS = {
    "image_id": slice(0, 1),
    "original_image_shape": slice(1, 4),
    "image_shape": slice(4, 7),
    "window": slice(7, 11),
    "scale": slice(11, 12),
    "active_class_ids": slice(12, None),
}


def mold_image(images, config):
    """Images [..., C], 0 to 255 -> float32 [..., C] less the mean of each channel: see `mean_pixel`."""
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


def parse_image_meta_graph(meta):
    """Meta vectors (B, 12 + K) -> dict of their parts by name, as tensors of the same type."""
    parts = {name: meta[:, where] for name, where in META_PARTS.items()}
    return parts | {name: parts[name][:, 0] for name in ("image_id", "scale")}


def load_image_gt(dataset, config, image_id, augment=False, augmentation=None, use_mini_mask=False, rng=None):
    """One image of a prepared data set with its truth, at the size of the network.

    augment: True flips half of the images left to right (the old way; prefer `augmentation`).
    augmentation: an `Augmentation`, an imgaug augmenter or an Albumentations transform (2.0 or newer with rng).
    use_mini_mask: masks as crops of their boxes in `config.MINI_MASK_SHAPE`.
    rng: np.random.Generator for every random choice in here; None: Python's `random`, as in the old package.

    Returns image uint8 [H, W, C] with IMAGE_CHANNEL_COUNT channels, image_meta float64 (12 + K,), class_ids int32 (N,),
    bbox int32 px (N, 4) and mask bool [H, W, N], or [h, w, N] with mini masks. Objects that resizing or augmenting left
    without a pixel are dropped.
    Raises ValueError if the image cannot be read or its masks do not fit; every error has a note that names it.
    """
    with _named(dataset, image_id):
        seen = _seen(dataset, config, image_id, augment, augmentation, rng)
        image, masks, class_ids = seen.image, seen.masks, seen.class_ids
        if getattr(augmentation, "copy_paste", 0):
            rng = np.random.default_rng() if rng is None else rng
            if rng.random() < augmentation.copy_paste:
                other_id = another_image(dataset, image_id, rng)
                with _named(dataset, other_id):
                    other = _seen(dataset, config, other_id, augment, augmentation, rng)
                image, masks, class_ids = paste(image, masks, class_ids, other.image, other.masks, other.class_ids, rng)
        bbox = masks.boxes()
        present = np.flatnonzero(bbox[:, 2] > 0)  # an empty mask has a box of zeros
        masks, class_ids, bbox = masks.chosen(present), class_ids[present], bbox[present]
        mask = masks.mini(config.MINI_MASK_SHAPE) if use_mini_mask else masks.full()
    active = np.zeros(dataset.num_classes, np.int32)
    active[dataset.source_class_ids[dataset.image_info[image_id]["source"]]] = 1
    image_meta = compose_image_meta(image_id, seen.original_shape, image.shape, seen.window, seen.scale, active)
    return image, image_meta, class_ids, bbox, mask


class _Seen(NamedTuple):
    """An image at the size of the network, augmented, with its objects and where it comes from."""

    image: np.ndarray
    masks: CroppedMasks
    class_ids: np.ndarray
    original_shape: tuple
    window: tuple
    scale: float


def _seen(dataset, config, image_id, augment, augmentation, rng):
    image, masks, class_ids = _load(dataset, image_id, config.IMAGE_CHANNEL_COUNT)
    original_shape = image.shape
    change, finer = None, 1
    if isinstance(augmentation, Augmentation):
        change = augmentation.draw(np.random.default_rng() if rng is None else rng, image.shape[2])
        finer = _finer(image, config, change.scale)
    max_dim = config.IMAGE_MAX_DIM if finer == 1 else round(config.IMAGE_MAX_DIM * finer)
    shape = tuple(int(side) for side in config.IMAGE_SHAPE[:2])
    fitted = _fit(image, config, max_dim=max_dim, shape=shape, rng=rng)
    image, window, scale = fitted.image, fitted.window, fitted.scale
    masks = masks.resized(scale, fitted.padding[:2], fitted.crop, fitted.size)
    if augment and (random.randint(0, 1) if rng is None else rng.integers(2)) == 1:
        image, masks = np.ascontiguousarray(image[:, ::-1]), masks.flipped(1)
    if change:
        image, masks = change(image, masks, tuple(round(side / finer) for side in image.shape[:2]))
    elif augmentation:  # False and an empty list of augmenters are none
        image, masks = apply_augmentation(image, masks, augmentation, rng)
    window = tuple(round(side / finer) for side in window)
    return _Seen(image, masks, class_ids, original_shape, window, scale / finer)


def _finer(image, config, scale):
    """How many times the network's size an image is resized to, before a change enlarges it by `scale`.

    So what is enlarged shows what the file has; only mode "square" makes images smaller.
    """
    if config.IMAGE_RESIZE_MODE != "square":
        return 1
    longest = max(image.shape[:2]) / config.IMAGE_MAX_DIM
    return max(1, min(scale, longest))


def mold(image, config):
    """One image of any size as the network takes it in detection.

    Args:
        image: [H, W, C] with IMAGE_CHANNEL_COUNT channels. In mode "crop", which is for training, it comes in whole, in
            the square of a crop.
        config: A Config.

    Returns:
        The molded image float32 [H', W', C], its meta vector (12 + K,), and the window px (y1, x1, y2, x2).
    """
    original_shape, resizing = image.shape, conventions_of(config).resizing
    if resizing.filter == "linear":
        image = image.astype(np.float32)  # so that nothing is rounded
    if config.IMAGE_RESIZE_MODE == "crop":
        fitted = _fit(image, config, max_dim=config.IMAGE_MIN_DIM, mode="square")
    else:
        fitted = _fit(image, config)
    no_classes = np.zeros(config.NUM_CLASSES, np.int32)
    meta = compose_image_meta(0, original_shape, fitted.image.shape, fitted.window, fitted.scale, no_classes)
    molded = mold_image(fitted.image, config)
    if not resizing.centred:  # of whole gray levels the padding has the nearest to the mean
        molded[fitted.window[2] :], molded[:, fitted.window[3] :] = 0, 0
    return molded, meta, fitted.window


def _fit(image, config, max_dim=None, mode=None, shape=None, rng=None):
    resizing = conventions_of(config).resizing
    return fit_image(
        image,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=max_dim or config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mode=mode or config.IMAGE_RESIZE_MODE,
        resizing=resizing,
        fill=0 if resizing.centred else mean_pixel(config, image.shape[2]),
        shape=shape,
        rng=rng,
    )


@contextlib.contextmanager
def _named(dataset, image_id):
    """Errors inside get a note that says which image it was; the innermost one is their `image_id`."""
    try:
        yield
    except Exception as error:
        info = dataset.image_info[image_id]
        error.add_note(f"in image {image_id} (source {info['source']!r}, id {info['id']!r}, path {info['path']!r})")
        error.image_id = getattr(error, "image_id", image_id)
        raise


def _load(dataset, image_id, channels):
    """The image, its CroppedMasks and class ids int32 (N,), checked."""
    dataset.image_channels = max(3, channels)
    image = as_channels(dataset.load_image(image_id), channels, dataset.image_info[image_id]["path"])
    masks, class_ids = dataset.load_mask_crops(image_id)
    class_ids = np.asarray(class_ids, np.int32)
    if len(class_ids) == 0:
        return image, CroppedMasks([], [], image.shape[:2]), class_ids
    if masks.shape != image.shape[:2] or len(masks) != len(class_ids):
        raise ValueError(
            f"{dataset.image_info[image_id]['path']}: masks of shape {(*masks.shape, len(masks))} and {len(class_ids)} "
            f"class ids do not fit an image of shape {image.shape}; load_mask should return masks [H, W, N] and N "
            "class ids."
        )
    return image, masks, class_ids
