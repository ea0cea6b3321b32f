"""What the network gets, beside what the original engine got."""

import numpy as np
import pytest

from mrcnn.data.anchors import anchors_for
from mrcnn.data.boxes import norm_boxes
from mrcnn.data.generator import data_generator
from mrcnn.data.minimask import unmold_mask
from mrcnn.data.molding import compose_image_meta, load_image_gt, mold_image
from mrcnn.data.resize import resize_image
from tests.support.golden import GoldenConfig, GoldenImages, assert_nearly_same_image, load

CONFIG = GoldenConfig()
INFERENCE, TRAINING = load("inference_resnet50_128"), load("training_resnet50_128")


@pytest.mark.parametrize("i", [0, 1])
def test_molded_images_windows_and_metas(i):
    image = INFERENCE[f"image{i}"]
    molded, window, scale, _, crop = resize_image(image, 128, 128, 0, "square")
    assert crop is None
    assert np.array_equal(window, INFERENCE["windows"][i])
    meta = compose_image_meta(0, image.shape, molded.shape, window, scale, np.zeros(4, np.int32))
    assert np.array_equal(meta, INFERENCE["metas"][i])
    assert_nearly_same_image(mold_image(molded, CONFIG), INFERENCE["molded"][i])


def test_anchors():
    anchors = anchors_for(CONFIG, CONFIG.IMAGE_SHAPE)
    assert np.array_equal(anchors, TRAINING["anchors_px"])
    assert np.array_equal(norm_boxes(anchors, (128, 128)), INFERENCE["anchors"])


def test_training_batch():
    batches = data_generator(GoldenImages(), CONFIG, shuffle=False, batch_size=2)
    (images, metas, rpn_match, rpn_bbox, class_ids, boxes, masks), outputs = next(batches)
    assert outputs == []
    assert_nearly_same_image(images, TRAINING["images"])
    assert np.array_equal(metas, TRAINING["metas"])
    assert np.array_equal(rpn_match, TRAINING["rpn_match"])
    rows = TRAINING["rpn_bbox"].shape[1]
    np.testing.assert_allclose(rpn_bbox[:, :rows], TRAINING["rpn_bbox"], rtol=0, atol=1e-12)
    assert not rpn_bbox[:, rows:].any()
    assert np.array_equal(class_ids, TRAINING["gt_class_ids"])
    assert np.array_equal(boxes, TRAINING["gt_boxes"])
    assert np.array_equal(masks, TRAINING["gt_masks"])


@pytest.mark.parametrize("i", [0, 1])
def test_load_image_gt_without_mini_masks(i):
    image, meta, class_ids, boxes, masks = load_image_gt(GoldenImages(), CONFIG, i)
    count = len(class_ids)
    assert image.dtype == np.uint8
    assert masks.shape == (128, 128, count)
    assert masks.dtype == bool
    assert np.array_equal(meta, TRAINING["metas"][i])
    assert np.array_equal(class_ids, TRAINING["gt_class_ids"][i][:count])
    assert np.array_equal(boxes, TRAINING["gt_boxes"][i][:count])


@pytest.mark.parametrize("i", [0, 1])
def test_detected_masks_in_their_image(i):
    shape = INFERENCE[f"detect{i}_masks_shape"]
    golden = INFERENCE[f"detect{i}_masks"]
    for n, (class_id, box) in enumerate(
        zip(INFERENCE[f"detect{i}_class_ids"], INFERENCE[f"detect{i}_rois"], strict=True)
    ):
        mask = INFERENCE["mrcnn_mask"][i, n, :, :, class_id].astype(np.float32)
        assert np.array_equal(unmold_mask(mask, box, shape), golden[:, :, n])
