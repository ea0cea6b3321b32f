"""One image and its masks through an augmentation of imgaug or Albumentations, if installed.

Both change the image and the masks in the same random way. Only changes that make sense for masks are applied to
them (a flip, not a change of brightness).
"""

import copy

import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks

# imgaug cannot tell by itself what is safe for masks: these move pixels or choose between augmenters, no more.
IMGAUG_MASK_AUGMENTERS = {
    "Sequential",
    "SomeOf",
    "OneOf",
    "Sometimes",
    "Fliplr",
    "Flipud",
    "CropAndPad",
    "Affine",
    "PiecewiseAffine",
}


def augment(image, masks, augmentation, rng=None):
    """Image uint8 [H, W, C] and its CroppedMasks after one random draw of `augmentation`.

    augmentation: an imgaug augmenter, or an Albumentations transform or Compose (2.0 or newer where rng is given, as
        the loader does).
    rng: np.random.Generator that fixes the draw; None: by the package's own chance.
    Raises ValueError for another kind of object, and where the augmentation changes the size of the image, as its
    window and its anchors are fixed by then.
    """
    image = np.ascontiguousarray(image)  # a crop is not, and OpenCV wants it
    mask = masks.full()
    if hasattr(augmentation, "to_deterministic"):
        new_image, new_mask = _with_imgaug(image, mask, augmentation, rng)
    elif any(base.__module__.split(".")[0] == "albumentations" for base in type(augmentation).__mro__):
        new_image, new_mask = _with_albumentations(image, mask, augmentation, rng)
    else:
        raise ValueError(
            f"augmentation: {type(augmentation).__module__}.{type(augmentation).__qualname__} is neither an "
            f"mrcnn.data.transforms.Augmentation nor an imgaug augmenter nor an Albumentations transform."
        )
    if new_image.shape != image.shape or new_mask.shape != mask.shape:
        raise ValueError(
            f"augmentation: the image's shape went from {image.shape} to {new_image.shape}, the masks' from "
            f"{mask.shape} to {new_mask.shape}. Use only augmenters that keep the size (imgaug: keep_size=True)."
        )
    return new_image, CroppedMasks.of(new_mask)


def _with_imgaug(image, mask, augmentation, rng):
    import imgaug  # only here: it takes a second, and few have such an augmentation

    hooks = imgaug.HooksImages(
        activator=lambda images, augmenter, parents, default: type(augmenter).__name__ in IMGAUG_MASK_AUGMENTERS
    )
    fixed = augmentation.to_deterministic()
    if rng is not None:
        fixed.seed_(int(rng.integers(2**31)), deterministic_too=True)
    new_image = fixed.augment_image(image)
    if mask.shape[-1] == 0:
        return new_image, mask
    return new_image, fixed.augment_image(mask.astype(np.uint8), hooks=hooks).astype(bool)


def _with_albumentations(image, mask, augmentation, rng):
    if rng is not None:
        if not hasattr(augmentation, "set_random_seed"):
            raise ValueError("augmentation: this Albumentations is too old to be seeded; install 2.0 or newer.")
        augmentation = copy.deepcopy(augmentation)  # loader threads share the object; seeding must not reach the others
        augmentation.set_random_seed(int(rng.integers(2**31)))
    if mask.shape[-1] == 0:
        return augmentation(image=image)["image"], mask
    masks = [np.ascontiguousarray(mask[:, :, i], np.uint8) for i in range(mask.shape[-1])]
    result = augmentation(image=image, masks=masks)
    return result["image"], np.stack([np.asarray(one) for one in result["masks"]], axis=-1).astype(bool)
