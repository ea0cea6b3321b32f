"""Does an export find what the network finds? N and M count objects of an image."""

from dataclasses import dataclass

import numpy as np

from mrcnn.data.boxes import compute_overlaps

# What an image that the graph resizes may differ in: there a pixel can be one gray level off (see mold_layer.py).
SCORE = 0.02
BOX_PX = 2.0
MASK_IOU = 0.9


@dataclass
class Parity:
    """How far an export is from the network, over all images.

    objects: found by the network.  missing, added: found by one of the two only, with a score clearly above what
    the other leaves out.
    score, box_px: largest differences.  mask_iou: mean IoU of the masks, 1 where there are none.
    """

    images: int = 0
    objects: int = 0
    missing: int = 0
    added: int = 0
    score: float = 0.0
    box_px: float = 0.0
    mask_iou: float = 1.0

    @property
    def text(self):
        return (
            f"{self.images} images, {self.objects} objects: {self.missing} missing, {self.added} added, scores "
            f"within {self.score:.2g}, boxes within {self.box_px:.0f} px, masks' mean IoU {self.mask_iou:.4f}"
        )

    @property
    def problem(self):
        """What makes the export differ, or leaves it unproven, in words; empty when it is equal."""
        nothing = not self.objects and not self.added
        where = f"no object is found in the {self.images} sample images"
        checks = (
            (nothing, f"nothing could be compared, as {where}: give images or a data set with some"),
            (self.missing, f"{self.missing} of {self.objects} objects are not found"),
            (self.added, f"{self.added} objects are found that the network does not find"),
            (self.score > SCORE, f"scores differ by up to {self.score:.3g}"),
            (self.box_px > BOX_PX, f"boxes differ by up to {self.box_px:.3g} px"),
            (self.mask_iou < MASK_IOU, f"the masks' mean IoU is {self.mask_iou:.3f}"),
        )
        return ", ".join(text for wrong, text in checks if wrong)


def compare(reference, other, images, min_confidence, most):
    """`Parity` of two models with a `detect`, on images [H, W, C].

    min_confidence, most: least score, and number of objects in an image, that the network gives.
    """
    result, ious = Parity(), []
    for image in images:
        one, two = reference.detect([image])[0], other.detect([image])[0]
        pairs = _pairs(one, two)
        result.images += 1
        result.objects += len(one["scores"])
        result.missing += _clear(one, {i for i, _ in pairs}, _least(two, min_confidence, most))
        result.added += _clear(two, {j for _, j in pairs}, _least(one, min_confidence, most))
        for i, j in pairs:
            result.score = max(result.score, abs(float(one["scores"][i]) - float(two["scores"][j])))
            result.box_px = max(result.box_px, float(np.abs(one["rois"][i] - two["rois"][j]).max()))
            if one["masks"] is not None:
                ious.append(_iou(one["masks"][..., i], two["masks"][..., j]))
    if ious:
        result.mask_iou = float(np.mean(ious))
    return result


def _pairs(one, two):
    """Objects (i, j) of both that are the same: of one class, half overlapping or more, the closest ones first."""
    if not len(one["scores"]) or not len(two["scores"]):
        return []
    overlaps = compute_overlaps(one["rois"], two["rois"])
    overlaps = overlaps * (np.asarray(one["class_ids"])[:, None] == np.asarray(two["class_ids"])[None])
    closeness = overlaps - np.abs(np.asarray(one["scores"])[:, None] - np.asarray(two["scores"])[None])
    candidates = np.argwhere(overlaps >= 0.5)
    pairs, left, right = [], set(), set()
    for i, j in candidates[np.argsort(-closeness[tuple(candidates.T)], kind="stable")].tolist():
        if i not in left and j not in right:
            pairs.append((i, j))
            left.add(i)
            right.add(j)
    return pairs


def _least(found, min_confidence, most):
    """The score below which objects are left out: where there are as many as there may be, that of the last one."""
    return float(np.min(found["scores"])) if len(found["scores"]) >= most else min_confidence


def _clear(found, paired, least):
    """How many objects without a partner have a score that rounding cannot explain."""
    return sum(score > least + SCORE for i, score in enumerate(found["scores"]) if i not in paired)


def _iou(mask1, mask2):
    union = np.logical_or(mask1, mask2).sum()
    return float(np.logical_and(mask1, mask2).sum() / union) if union else 1.0
