"""Copy-paste: objects of another image, pasted where they are there (Ghiasi et al. 2021, arXiv 2012.07177).

Both images are augmented first, each by itself, so that places and sizes differ every time. The edges of what is
pasted are not blended: the paper found it to make no difference.
"""

import numpy as np


def another_image(dataset, image_id, rng):
    """A random other image of the same source, so that every class in it is one that the image may have.

    Raises ValueError where there is none.
    """
    source = dataset.image_info[image_id]["source"]
    image_ids = dataset.source_image_ids[source]
    if len(image_ids) < 2:
        raise ValueError(
            f"copy_paste needs a second image of source {source!r}: add some, or name the source in "
            "no_augmentation_sources."
        )
    found = image_ids[rng.integers(len(image_ids) - 1)]
    return image_ids[-1] if found == image_id else found


def paste(image, masks, class_ids, other_image, other_masks, other_ids, rng):
    """A random choice of the other image's objects, at least one, over this image: new image, masks, class ids.

    image, other_image: [H, W, C].  masks, other_masks: CroppedMasks.  class_ids, other_ids: int32 (N,).
    Crowds are not pasted. What lies under a pasted object loses these pixels, and may be left without any.
    Raises ValueError for images of two sizes.
    """
    if image.shape != other_image.shape:
        raise ValueError(
            f"copy_paste: images of {image.shape} and {other_image.shape}; set IMAGE_RESIZE_MODE to 'square' or "
            "'crop', which give one size."
        )
    seen = other_masks.boxes()[:, 2] > 0
    numbers = np.flatnonzero(seen & (other_ids > 0))
    if not len(numbers):
        return image, masks, class_ids
    numbers = np.sort(rng.choice(numbers, rng.integers(1, len(numbers), endpoint=True), replace=False))
    pasted = other_masks.chosen(numbers)
    covered = pasted.union()
    image = np.where(covered[:, :, np.newaxis], other_image, image)
    return image, masks.without(covered).and_then(pasted), np.concatenate([class_ids, other_ids[numbers]])
