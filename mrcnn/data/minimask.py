"""Truth masks as small crops of their boxes, and masks of any size back in their image: only the box is touched.

Truth masks are not smoothed before they shrink. The old package, with scikit-image 0.16, did smooth them, as
whole numbers: that ate a rim off every object larger than the mini mask, and all of a mask put back into a small box.
"""

import numpy as np

from mrcnn.data.resize import resize


def minimize_mask(bbox, mask, mini_shape):
    """Masks [H, W, N] -> bool [h, w, N]: each one's box (N, 4) in px, resized to `mini_shape` (h, w).

    Raises ValueError for a box without area, which has no mask in it.
    """
    mini = np.zeros(tuple(mini_shape) + (mask.shape[-1],), bool)
    for i in range(mask.shape[-1]):
        y1, x1, y2, x2 = bbox[i][:4]
        crop = mask[y1:y2, x1:x2, i].astype(bool)
        if crop.size == 0:
            raise ValueError(
                f"minimize_mask: object {i} has the box {(int(y1), int(x1), int(y2), int(x2))}, "
                f"without area. Drop objects with empty masks first."
            )
        mini[:, :, i] = resize(crop, mini_shape) > 0.5
    return mini


def expand_mask(bbox, mini_mask, image_shape):
    """Small masks [h, w, N] -> bool [H, W, N]: each one resized into its box (N, 4) in px, the way back."""
    mask = np.zeros(tuple(image_shape[:2]) + (mini_mask.shape[-1],), bool)
    for i in range(mini_mask.shape[-1]):
        y1, x1, y2, x2 = bbox[i][:4]
        if y2 > y1 and x2 > x1:
            mask[y1:y2, x1:x2, i] = resize(mini_mask[:, :, i], (y2 - y1, x2 - x1)) > 0.5
    return mask


def unmold_mask(mask, bbox, image_shape):
    """The network's mask [h, w], values 0 to 1 -> bool [H, W]: resized into its box (4) in px, True from 0.5 up."""
    return unmold_masks([mask], [bbox], image_shape)[:, :, 0]


def unmold_masks(masks, boxes, image_shape):
    """The network's masks (N, h, w) -> bool [H, W, N], each as `unmold_mask` does it; writes inside the boxes only."""
    full = np.zeros(tuple(image_shape[:2]) + (len(masks),), bool)
    for i, (crop, (y1, x1, y2, x2)) in enumerate(zip(unmold_crops(masks, boxes), boxes, strict=True)):
        if crop.size:
            full[y1:y2, x1:x2, i] = crop
    return full


def unmold_crops(masks, boxes):
    """The network's masks (N, h, w) -> N bool arrays (y2 - y1, x2 - x1): what `unmold_masks` has inside their boxes.

    In a huge image they are all that fits into memory. A box without area has an array without pixels.
    """
    crops = []
    for mask, (y1, x1, y2, x2) in zip(masks, boxes, strict=True):
        size = (max(int(y2 - y1), 0), max(int(x2 - x1), 0))
        crops.append(resize(mask, size, anti_aliasing=True) >= 0.5 if min(size) else np.zeros(size, bool))
    return crops
