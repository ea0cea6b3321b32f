"""Images fitted into one size, and their masks with them."""

import numpy as np

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.one_size import OneSize, fit_image
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation.coco_ap import evaluate


class Halves(Dataset):
    """One image of 20 x 40 px, its left half white and an object, and an empty one of 40 x 20."""

    def __init__(self):
        super().__init__()
        self.add_class("made", 1, "half")
        self.add_image("made", 1, None, height=20, width=40)
        self.add_image("made", 2, None, height=40, width=20)
        self.prepare()

    def load_image(self, image_id):
        image = np.zeros(((20, 40, 3), (40, 20, 3))[image_id], np.uint8)
        if image_id == 0:
            image[:, :20] = 255
        return image

    def load_mask(self, image_id):
        if image_id:
            return np.zeros((40, 20, 0), bool), np.zeros(0, np.int32)
        return self.load_image(0)[..., :1] > 0, np.array([1], np.int32)


def test_proportions_stay():
    white = np.full((20, 40, 3), 200, np.uint8)
    half = fit_image(white, (30, 20))  # 40 -> 20, so 20 -> 10
    assert half.shape == (30, 20, 3) and half.dtype == np.uint8
    assert (half[10:20] == 200).all() and not half[:10].any() and not half[20:].any()
    assert (fit_image(white, (20, 40)) == white).all()
    assert fit_image(white[..., 0], (30, 20)).shape == (30, 20)
    assert fit_image(white[..., :1], (30, 20)).shape == (30, 20, 1)
    assert fit_image(np.zeros((1, 500, 3), np.uint8), (8, 8)).shape == (8, 8, 3)  # a row stays a row


def test_masks_go_with_their_images():
    whole = Halves()
    fitted = OneSize(whole, (30, 20))
    masks, class_ids = fitted.load_mask(0)
    expected = np.zeros((30, 20, 1), bool)
    expected[10:20, :10] = True
    np.testing.assert_array_equal(masks, expected)
    assert class_ids.tolist() == [1]
    assert fitted.load_mask(1)[0].shape == (30, 20, 0)
    assert [fitted.load_image(i).shape for i in fitted.image_ids] == [(30, 20, 3)] * 2
    found = {"class_ids": [1], "scores": [0.9], "rois": [[10, 0, 20, 10]], "masks": expected}
    nothing = {"class_ids": [], "scores": [], "rois": [], "masks": []}
    result = evaluate(fitted, [Detections.of(one, 30, 20, image_id=i) for i, one in enumerate((found, nothing))])
    assert result["segm"]["AP"] == result["bbox"]["AP"] == 1
