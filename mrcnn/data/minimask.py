"""Truth masks as small crops of their boxes, and masks of any size back in their image: only the box is touched.

Truth masks are not smoothed before they shrink. The old package, with scikit-image 0.16, did smooth them, as
whole numbers: that ate a rim off every object larger than the mini mask, and all of a mask put back into a small box.
"""

import numpy as np

from mrcnn.data.resize import resize


def minimize_mask(bbox, mask, mini_shape):
    """Masks -> mini masks: each one's box, resized to `mini_shape`.

    Args:
        bbox: (N, 4), px.
        mask: [H, W, N].
        mini_shape: (h, w), px.

    Returns:
        bool [h, w, N].

    Raises:
        ValueError: for a box without area, which has no mask in it.

    Example:
        >>> mask = np.zeros((4, 6, 1), bool)
        >>> mask[1:3, 2:5] = True
        >>> mini = minimize_mask(np.array([[1, 2, 3, 5]]), mask, (8, 8))
        >>> mini.shape, bool((expand_mask(np.array([[1, 2, 3, 5]]), mini, (4, 6)) == mask).all())
        ((8, 8, 1), True)
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
    """Mini masks -> masks: each one resized into its box, the way back.

    Args:
        bbox: (N, 4), px.
        mini_mask: [h, w, N].
        image_shape: (H, W) or [H, W, C], px.

    Returns:
        bool [H, W, N].
    """
    mask = np.zeros(tuple(image_shape[:2]) + (mini_mask.shape[-1],), bool)
    for i in range(mini_mask.shape[-1]):
        y1, x1, y2, x2 = bbox[i][:4]
        if y2 > y1 and x2 > x1:
            mask[y1:y2, x1:x2, i] = resize(mini_mask[:, :, i], (y2 - y1, x2 - x1)) > 0.5
    return mask


def unmold_mask(mask, bbox, image_shape):
    """The network's mask of one object in its image: resized into its box, True from 0.5 up.

    Args:
        mask: [h, w], 0 to 1.
        bbox: (4,), y1, x1, y2, x2 in px.
        image_shape: (H, W) or [H, W, C], px.

    Returns:
        bool [H, W].
    """
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
