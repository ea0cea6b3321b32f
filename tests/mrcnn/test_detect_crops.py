"""Masks as large as their boxes, for huge images, and the seconds of the parts of detect()."""

import numpy as np

from mrcnn.data.minimask import unmold_crops, unmold_masks
from mrcnn.model import MaskRCNN
from tests.support.engine_data import SmallConfig


def test_crops_are_what_full_masks_hold_in_their_boxes():
    rng = np.random.default_rng(0)
    masks = rng.random((4, 28, 28)).astype(np.float32)
    boxes = np.array([[0, 0, 9, 40], [3, 7, 33, 11], [5, 5, 5, 20], [39, 49, 40, 50]])
    crops, full = unmold_crops(masks, boxes), unmold_masks(masks, boxes, (40, 50))
    assert [crop.shape for crop in crops] == [(9, 40), (30, 4), (0, 15), (1, 1)]
    for i, (crop, (y1, x1, y2, x2)) in enumerate(zip(crops, boxes, strict=True)):
        np.testing.assert_array_equal(full[y1:y2, x1:x2, i], crop)
        assert full[:, :, i].sum() == crop.sum()
    assert unmold_crops(masks[:0], boxes[:0]) == []


def test_detect_with_crops(tmp_path):
    class Eager(SmallConfig):
        DETECTION_MIN_CONFIDENCE = 0.0

    model = MaskRCNN("inference", Eager(), tmp_path)
    images = [np.random.default_rng(i).integers(0, 256, (40, 64 + i, 3), np.uint8) for i in range(3)]
    for plain, found in zip(model.detect(images), model.detect(images, crops=True), strict=True):
        np.testing.assert_array_equal(plain["rois"], found["rois"])
        assert len(found["masks"]) == len(found["rois"])
        for i, (crop, (y1, x1, y2, x2)) in enumerate(zip(found["masks"], found["rois"], strict=True)):
            np.testing.assert_array_equal(plain["masks"][y1:y2, x1:x2, i], crop)
    assert set(model.seconds) == {"resize", "network", "paste"} and min(model.seconds.values()) > 0
    model.detect([])
    assert set(model.seconds.values()) == {0.0}
