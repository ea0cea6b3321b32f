"""The old names of mrcnn.model: the old arguments and results, with numbers to check on paper."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

import mrcnn.model as modellib
from mrcnn.data.boxes import norm_boxes
from tests.support.engine_data import SmallConfig

OLD_ARGUMENTS = {
    "resnet_graph": "input_image architecture stage5 train_bn",
    "identity_block": "input_tensor kernel_size filters stage block use_bias train_bn",
    "conv_block": "input_tensor kernel_size filters stage block strides use_bias train_bn",
    "apply_box_deltas_graph": "boxes deltas",
    "clip_boxes_graph": "boxes window",
    "log2_graph": "x",
    "overlaps_graph": "boxes1 boxes2",
    "detection_targets_graph": "proposals gt_class_ids gt_boxes gt_masks config",
    "refine_detections_graph": "rois probs deltas window config",
    "rpn_graph": "feature_map anchors_per_location anchor_stride",
    "build_rpn_model": "anchor_stride anchors_per_location depth",
    "fpn_classifier_graph": "rois feature_maps image_meta pool_size num_classes train_bn fc_layers_size",
    "build_fpn_mask_graph": "rois feature_maps image_meta pool_size num_classes train_bn",
    "smooth_l1_loss": "y_true y_pred",
    "rpn_class_loss_graph": "rpn_match rpn_class_logits",
    "rpn_bbox_loss_graph": "config target_bbox rpn_match rpn_bbox",
    "mrcnn_class_loss_graph": "target_class_ids pred_class_logits active_class_ids",
    "mrcnn_bbox_loss_graph": "target_bbox target_class_ids pred_bbox",
    "mrcnn_mask_loss_graph": "target_masks target_class_ids pred_masks",
    "parse_image_meta_graph": "meta",
    "trim_zeros_graph": "boxes name",
    "batch_pack_graph": "x counts num_rows",
    "norm_boxes_graph": "boxes shape",
    "denorm_boxes_graph": "boxes shape",
    "compute_backbone_shapes": "config image_shape",
    "log": "text array",
}


class OldConfig(SmallConfig):
    TRAIN_ROIS_PER_IMAGE = 6
    ROI_POSITIVE_RATIO = 0.5
    USE_MINI_MASK = False
    MASK_POOL_SIZE = 2
    MASK_SHAPE = [4, 4]
    DETECTION_MAX_INSTANCES = 3
    DETECTION_MIN_CONFIDENCE = 0.5


def tensor(values, dtype="float32"):
    return ops.convert_to_tensor(np.array(values, dtype))


def array(value):
    return ops.convert_to_numpy(value)


@pytest.mark.parametrize("name", OLD_ARGUMENTS)
def test_arguments_have_the_old_names(name):
    assert list(inspect.signature(getattr(modellib, name)).parameters) == OLD_ARGUMENTS[name].split()


def test_every_name_is_exported():
    for name in modellib.__all__:
        assert hasattr(modellib, name), name
    assert {"BatchNorm", "ProposalLayer", "PyramidROIAlign", "DetectionTargetLayer", "DetectionLayer"} <= set(
        modellib.__all__
    )


def test_boxes():
    moved = modellib.apply_box_deltas_graph(tensor([[0, 0, 2, 4]]), tensor([[0.5, 0.25, 0, np.log(2)]]))
    np.testing.assert_allclose(array(moved), [[1, -1, 3, 7]], atol=1e-6)
    clipped = modellib.clip_boxes_graph(moved, tensor([0, 0, 2, 6]))
    np.testing.assert_allclose(array(clipped), [[1, 0, 2, 6]], atol=1e-6)
    overlaps = modellib.overlaps_graph(tensor([[0, 0, 2, 2]]), tensor([[0, 0, 2, 4], [5, 5, 6, 6]]))
    np.testing.assert_allclose(array(overlaps), [[0.5, 0]])
    assert float(modellib.log2_graph(tensor(8.0))) == pytest.approx(3)


def test_zeros_and_packing():
    boxes, real = modellib.trim_zeros_graph(tensor([[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 0]]), name="trim")
    assert array(boxes).tolist() == [[0, 1, 2, 3]]
    assert array(real).tolist() == [False, True, False]
    packed = modellib.batch_pack_graph(tensor([[1, 2, 3], [4, 5, 6]]), [2, 1], 2)
    assert array(packed).tolist() == [1, 2, 4]
    for call in (
        lambda x: modellib.trim_zeros_graph(x),
        lambda x: modellib.batch_pack_graph(x, [1], 1),
    ):
        with pytest.raises(NotImplementedError, match="carry a mask"):
            call(keras.Input((5, 4)))


def test_losses():
    match = tensor([[[1], [0], [-1], [1]]], "int32")
    logits = tensor([[[0, 0], [9, 9], [0, 0], [0, np.log(3)]]])
    expected = (np.log(2) + np.log(2) + np.log(4 / 3)) / 3
    assert float(modellib.rpn_class_loss_graph(match, logits)) == pytest.approx(expected, rel=1e-5)
    deltas = tensor([[[1, 1, 1, 1], [7, 7, 7, 7], [7, 7, 7, 7], [0, 0, 0, 2]]])
    target = tensor([[[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]])  # of the first and the last anchor
    loss = modellib.rpn_bbox_loss_graph(OldConfig(), target, match, deltas)
    assert float(loss) == pytest.approx(1.5 / 8)
    np.testing.assert_allclose(array(modellib.smooth_l1_loss(tensor([0, 0]), tensor([0.5, -3]))), [0.125, 2.5])

    class_ids, active = tensor([[2, 0]], "int32"), tensor([[1, 1, 1]])
    loss = modellib.mrcnn_class_loss_graph(class_ids, tensor([[[0, 0, 0], [0, 0, 0]]]), active)
    assert float(loss) == pytest.approx(np.log(3), rel=1e-5)
    predicted = np.zeros((1, 2, 3, 4), np.float32)
    predicted[0, 0, 2] = [2, 0, 0, 0]
    loss = modellib.mrcnn_bbox_loss_graph(tensor(np.zeros((1, 2, 4))), class_ids, tensor(predicted))
    assert float(loss) == pytest.approx(1.5 / 4)
    masks = tensor(np.full((1, 2, 2, 2, 3), 0.5))
    loss = modellib.mrcnn_mask_loss_graph(tensor(np.ones((1, 2, 2, 2))), class_ids, masks)
    assert float(loss) == pytest.approx(np.log(2), rel=1e-5)


def test_proposal_layer():
    probabilities = tensor([[[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]]])
    anchors = tensor([[[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.49], [0.5, 0.5, 1, 1]]])
    layer = modellib.ProposalLayer(proposal_count=3, nms_threshold=0.7, name="ROI", config=OldConfig())
    rois = layer([probabilities, tensor(np.zeros((1, 3, 4))), anchors])
    np.testing.assert_allclose(array(rois)[0], [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0, 0]])
    with pytest.raises(ValueError, match="config="):
        modellib.ProposalLayer(3, 0.7)


def test_detection_targets_come_first_and_zeros_last():
    truth = [0.0, 0.0, 0.5, 0.5]
    proposals = tensor([[truth, [0.6, 0.6, 1, 1], [0, 0, 0, 0], [0.5, 0.0, 1.0, 0.4]]])
    masks = np.zeros((1, 8, 8, 2), np.float32)
    masks[0, :4, :2, 0] = 1
    layer = modellib.DetectionTargetLayer(OldConfig(), name="proposal_targets")
    boxes = tensor([[truth, [0, 0, 0, 0]]])
    inputs = [proposals, tensor([[2, 0]], "int32"), boxes, tensor(masks)]
    rois, class_ids, deltas, mask = (array(x) for x in layer(inputs))
    assert [x.shape for x in (rois, class_ids, deltas, mask)] == [(1, 6, 4), (1, 6), (1, 6, 4), (1, 6, 4, 4)]
    assert class_ids.tolist() == [[2, 0, 0, 0, 0, 0]]
    np.testing.assert_allclose(rois[0, 0], truth)
    assert rois[0, 1].any() and not rois[0, 2:].any()  # one object leaves room for one of the background
    assert not deltas.any()
    # the 4 rows are sampled at 0, 1.17, 2.33 and 3.5 of which the last is half outside, the columns likewise
    assert mask[0, 0].tolist() == [[1, 1, 0, 0]] * 3 + [[0, 0, 0, 0]] and not mask[0, 1:].any()
    one = modellib.detection_targets_graph(*(x[0] for x in inputs), OldConfig())
    assert array(one[1]).tolist() == [2, 0, 0, 0, 0, 0]


def test_detections():
    rois = tensor([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0, 0]]])
    probabilities = tensor([[[0.1, 0.2, 0.7], [0.9, 0.1, 0], [0, 1, 0]]])
    deltas = tensor(np.zeros((1, 3, 3, 4)))
    meta = modellib.compose_image_meta(0, (64, 64, 3), (64, 64, 3), (0, 0, 64, 32), 1, np.ones(3))
    layer = modellib.DetectionLayer(OldConfig(), name="mrcnn_detection")
    found = array(layer([rois, probabilities, deltas, tensor(meta[None])]))[0]
    np.testing.assert_allclose(found[0], [0, 0, 0.5, 31 / 63, 2, 0.7], atol=1e-6)  # cut to the window
    assert not found[1:].any()
    window = tensor(norm_boxes(np.array([0, 0, 64, 32]), (64, 64)))
    graph = modellib.refine_detections_graph(rois[0], probabilities[0], deltas[0], window, OldConfig())
    np.testing.assert_allclose(array(graph), found, atol=1e-6)
    parts = modellib.parse_image_meta_graph(tensor(meta[None]))
    assert array(parts["window"]).tolist() == [[0, 0, 64, 32]]


def test_roi_align_takes_metas_in_place_of_the_image():
    rng = np.random.default_rng(0)
    maps = [tensor(rng.random((2, 256 // s, 128 // s, 3))) for s in (4, 8, 16, 32)]
    rois = tensor([[[0, 0, 1, 1], [0.1, 0.2, 0.3, 0.5]]] * 2)
    meta = modellib.compose_image_meta(0, (9, 9, 3), (256, 128, 3), (0, 0, 256, 128), 1, np.ones(2))
    by_meta = modellib.PyramidROIAlign([7, 7])([rois, tensor(np.stack([meta] * 2)), *maps])
    by_image = modellib.PyramidROIAlign([7, 7])([rois, tensor(np.zeros((2, 256, 128, 3))), *maps])
    assert by_meta.shape == (2, 2, 7, 7, 3)
    np.testing.assert_array_equal(array(by_meta), array(by_image))


def test_parts_of_the_network():
    image = keras.Input((64, 96, 3))
    maps = modellib.resnet_graph(image, "resnet50", stage5=False, train_bn=False)
    assert [None if m is None else m.shape[1:] for m in maps] == [
        (16, 24, 64), (16, 24, 256), (8, 12, 512), (4, 6, 1024), None,
    ]  # fmt: skip
    block = modellib.conv_block(maps[0], 3, [8, 8, 32], stage=9, block="a", strides=(2, 2), train_bn=False)
    block = modellib.identity_block(block, 3, [8, 8, 32], stage=9, block="b")
    assert block.shape[1:] == (8, 12, 32)
    with pytest.raises(ValueError, match="kernel_size 5.*BACKBONE"):
        modellib.identity_block(block, 5, [8, 8, 32], stage=9, block="c")

    outputs = modellib.rpn_graph(block, anchors_per_location=3, anchor_stride=1)
    assert [o.shape[-1] for o in outputs] == [2, 2, 4]
    rpn = modellib.build_rpn_model(1, 3, 32)
    assert rpn.name == "rpn_model" and [o.shape[1:] for o in rpn(block)] == [(288, 2), (288, 2), (288, 4)]

    pyramid = [keras.Input((s, s, 16)) for s in (16, 8, 4, 2)]
    rois, meta = keras.Input((5, 4)), keras.Input((15,))
    heads = modellib.fpn_classifier_graph(rois, pyramid, meta, 7, 3, train_bn=False, fc_layers_size=8)
    assert [h.shape[1:] for h in heads] == [(5, 3), (5, 3), (5, 3, 4)]
    masks = modellib.build_fpn_mask_graph(rois, pyramid, meta, 14, 3, train_bn=False)
    assert masks.shape[1:] == (5, 28, 28, 3)


def test_batch_norm_keeps_the_training_of_its_call():
    x = np.array([[1.0, 3.0], [3.0, 7.0]], np.float32)
    inputs = keras.Input((2,))
    frozen = keras.Model(inputs, modellib.BatchNorm(name="a")(inputs, training=False))
    trained = keras.Model(inputs, modellib.BatchNorm(name="b")(inputs, training=True))
    np.testing.assert_allclose(array(frozen(x, training=True)), x / np.sqrt(1.001), rtol=1e-5)
    np.testing.assert_allclose(array(trained(x, training=False)), [[-1, -1], [1, 1]], atol=1e-2)
