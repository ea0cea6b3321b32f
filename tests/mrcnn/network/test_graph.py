"""The whole network, small: what each setting makes of it, and that it runs on images of any kind."""

import keras
import numpy as np
import pytest

from mrcnn.data.anchors import anchors_for
from mrcnn.network import graph
from mrcnn.network.norm import BatchNorm
from tests.support.engine_data import SmallConfig  # noqa: E402  beside this folder

LOSSES = ["rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"]


class Given(SmallConfig):
    """ROIs are given, and so few that every one is sampled: no chance in the losses."""

    USE_RPN_ROIS = False
    POST_NMS_ROIS_TRAINING = 8
    TRAIN_ROIS_PER_IMAGE = 32
    ROI_POSITIVE_RATIO = 0.5
    RPN_TRAIN_ANCHORS_PER_IMAGE = 10000
    TRAIN_BN = False


def anchors_of(config, shape=(64, 64)):
    return anchors_for(config, shape).astype(np.float32)


def batch(config, boxes_px, seed=0):
    """Two images with these boxes (N, 4), four ROIs on the first of them and four elsewhere."""
    rng = np.random.default_rng(seed)
    slots, count = config.MAX_GT_INSTANCES, len(boxes_px)
    made = {
        "images": rng.normal(0, 5, (2, 64, 64, 3)).astype(np.float32),
        "active_class_ids": np.ones((2, 3), np.float32),
        "gt_class_ids": np.zeros((2, slots), np.int32),
        "gt_boxes_px": np.zeros((2, slots, 4), np.float32),
        "gt_valid": np.tile(np.arange(slots) < count, (2, 1)),
        "gt_masks": np.zeros((2, slots, 28, 28), np.uint8),
        "rois": np.tile(rng.uniform(0, 0.1, (8, 4)).astype(np.float32), (2, 1, 1)),
    }
    made["rois"][:, :, 2:] += 0.3
    if count:
        made["gt_class_ids"][:, :count] = 1 + np.arange(count) % 2
        made["gt_boxes_px"][:, :count] = boxes_px
        made["gt_masks"][:, :count, 4:] = 1
        made["rois"][:, :4] = (np.asarray(boxes_px[0]) - [0, 0, 1, 1]) / 63 + rng.uniform(-0.01, 0.01, (4, 4))
    return made


@pytest.fixture(scope="module")
def training():
    config = Given()
    keras.utils.set_random_seed(1)
    model = graph.build_training(config, anchors_of(config))
    model.compile(optimizer=keras.optimizers.SGD(0.001), jit_compile=False)
    return model


def losses_of(model, values):
    model.reset_metrics()
    return {name: float(value) for name, value in model.test_on_batch(values, return_dict=True).items()}


def test_losses_of_an_image_with_an_object(training):
    found = losses_of(training, batch(Given(), [[30, 20, 60, 60]]))
    assert set(found) == {*LOSSES, "loss"}
    assert all(0 < value < 100 for value in found.values()), found
    penalty = float(training.weight_penalty())
    assert found["loss"] == pytest.approx(sum(found[name] for name in LOSSES) + penalty, rel=1e-5)


def test_losses_of_an_empty_image(training):
    found = losses_of(training, batch(Given(), np.zeros((0, 4))))
    assert found["rpn_bbox_loss"] == found["mrcnn_bbox_loss"] == found["mrcnn_mask_loss"] == 0
    assert np.isfinite(list(found.values())).all()
    assert found["rpn_class_loss"] > 0


def test_losses_of_a_full_image(training):
    boxes = [[0, 0, 64, 64], [0, 0, 32, 32], [32, 32, 64, 64], [0, 32, 32, 64]]
    found = losses_of(training, batch(Given(), boxes))
    assert all(0 < value < 100 for value in found.values()), found


def test_the_l2_term_is_over_kernels_and_biases_by_their_size(training):
    total = 0
    for weight in training.trainable_weights:
        if weight.name in ("kernel", "bias"):
            total += np.square(np.asarray(weight)).mean(dtype=np.float64)
    assert float(training.weight_penalty()) == pytest.approx(0.0001 * total, rel=1e-4)


@pytest.mark.slow
def test_compiled_by_xla_the_steps_are_the_same(training):
    weights, values, found = training.get_weights(), batch(Given(), [[30, 20, 60, 60]]), []
    for jit_compile in (False, True):
        training.set_weights(weights)
        training.compile(optimizer=keras.optimizers.SGD(0.001, momentum=0.9), jit_compile=jit_compile)
        found.append([])
        for _ in range(3):
            training.reset_metrics()
            result = training.train_on_batch(values, return_dict=True)
            found[-1].append([float(result[name]) for name in LOSSES])
    training.set_weights(weights)
    assert found[0][2] != found[0][0]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


def infer(config, shape, model=None):
    """Outputs for two random images (H, W, C) that have no padding."""
    model = model or graph.build_inference(config, None)
    anchors = anchors_of(config, shape[:2])
    scale = np.array([shape[0], shape[1], shape[0], shape[1]]) - 1
    meta = np.concatenate([[0], shape, shape, [0, 0, *shape[:2]], [1], np.ones(config.NUM_CLASSES)])
    images = np.random.default_rng(0).normal(0, 50, (2, *shape)).astype(np.float32)
    inputs = [images, np.tile(meta, (2, 1)), np.tile((anchors - [0, 0, 1, 1]) / scale, (2, 1, 1))]
    return model.predict_on_batch([np.asarray(x, np.float32) for x in inputs])


def test_without_masks():
    class Plain(SmallConfig):
        USE_MASK = False

    config = Plain()
    model = graph.build_training(config, anchors_of(config))
    assert set(model.output) == set(LOSSES[:4])
    assert not [layer.name for layer in model.layers if "mask" in layer.name]
    shapes = [
        output.shape for output in infer(config, (64, 64, 3), graph.build_inference(config, len(anchors_of(config))))
    ]
    count = len(anchors_of(config))
    assert shapes == [(2, 8, 6), (2, 30, 3), (2, 30, 3, 4), (2, 30, 4), (2, count, 2), (2, count, 4)]


def test_group_norm_everywhere():
    class Grouped(SmallConfig):
        NORM = "group"

    def layers_of(model):
        return [type(layer) for layer in model.layers]

    config = Grouped()
    found = layers_of(graph.build_training(config, anchors_of(config)))
    batch_normed = layers_of(graph.build_training(SmallConfig(), anchors_of(config)))
    assert BatchNorm not in found
    assert found.count(keras.layers.GroupNormalization) == batch_normed.count(BatchNorm) > 20


@pytest.mark.parametrize(("mode", "shapes"), [("pad64", [(64, 128, 3), (128, 64, 3)]), ("none", [(64, 128, 3)])])
def test_images_of_any_size(mode, shapes):
    class AnySize(SmallConfig):
        IMAGE_RESIZE_MODE = mode

    config = AnySize()
    model = graph.build_inference(config, None)
    assert graph.image_shape(config) == (None, None, 3)
    for shape in shapes:
        found = infer(config, shape, model)
        assert [x.shape for x in found[:5]] == [(2, 8, 6), (2, 30, 3), (2, 30, 3, 4), (2, 8, 28, 28, 3), (2, 30, 4)]
        assert found[5].shape == (2, len(anchors_of(config, shape[:2])), 2)
        assert all(np.isfinite(x).all() for x in found)


def test_one_channel():
    class Gray(SmallConfig):
        IMAGE_CHANNEL_COUNT = 1
        MEAN_PIXEL = np.array([120.0])

    model = graph.build_inference(Gray(), 10)
    assert model.get_layer("conv1").kernel.shape == (7, 7, 1, 8)
