"""The layers around the network in an export: resizing, anchors and boxes as outside the graph."""

import keras
import numpy as np
import pytest

from mrcnn.conventions import conventions_of
from mrcnn.data.anchors import anchors_for
from mrcnn.data.boxes import norm_boxes
from mrcnn.data.molding import mold, mold_image
from mrcnn.data.resize import resize_image
from mrcnn.export.mold_layer import MoldImages
from mrcnn.export.unmold_layer import UnmoldDetections
from tests.support.engine_data import SmallConfig


def mold_layer(config):
    conventions = conventions_of(config)
    return MoldImages(
        mode=config.IMAGE_RESIZE_MODE,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mean_pixel=config.MEAN_PIXEL,
        classes=config.NUM_CLASSES,
        scales=config.RPN_ANCHOR_SCALES,
        ratios=config.RPN_ANCHOR_RATIOS,
        strides=config.BACKBONE_STRIDES,
        anchor_stride=config.RPN_ANCHOR_STRIDE,
        resizing=conventions.resizing,
        edge=conventions.edge,
        anchors_rounded=conventions.anchors_rounded,
        anchors_spread=conventions.anchors_spread,
    )


def config_with(**values):
    return type("Changed", (SmallConfig,), values)()


def smooth_image(height, width):
    y, x = np.mgrid[:height, :width] / 9.0
    waves = np.stack([np.sin(y + x), np.cos(y), np.sin(2 * x)], axis=-1)
    return (120 + 100 * waves).astype(np.uint8)


@pytest.mark.parametrize("fixed", [False, True], ids=["any size", "fixed size"])
@pytest.mark.parametrize(
    "values",
    [{}, {"IMAGE_RESIZE_MODE": "pad64", "IMAGE_MIN_DIM": 64}, {"IMAGE_RESIZE_MODE": "none"}, {"IMAGE_MIN_SCALE": 2.0}],
    ids=["square", "pad64", "none", "min_scale"],
)
@pytest.mark.parametrize("size", [(64, 64), (40, 64), (30, 20), (128, 192), (200, 131), (64, 320)])
def test_molds_as_outside_the_graph(fixed, values, size):
    config = config_with(**values)
    if config.IMAGE_RESIZE_MODE == "none":
        size = tuple(-(-n // 64) * 64 for n in size)
    given = smooth_image(*size)
    image, window, scale, _, _ = resize_image(
        given, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE, config.IMAGE_RESIZE_MODE
    )
    inputs = keras.Input((*(size if fixed else (None, None)), 3), dtype="uint8")
    model = keras.Model(inputs, mold_layer(config)(inputs))
    molded, meta, anchors = (np.asarray(value) for value in model(np.stack([given, 255 - given])))
    difference = np.abs(molded[0] - mold_image(image, config))
    assert difference.max() < 2.5 and (difference > 0.5).mean() < 0.15  # gray levels; see mold_layer.py
    if scale == 1:
        assert difference.max() < 1e-4
    assert meta[1, 1:11].tolist() == [*given.shape, *image.shape, *window]
    assert meta[0, 11] == pytest.approx(scale)
    assert anchors[0] == pytest.approx(norm_boxes(anchors_for(config, image.shape), image.shape), abs=1e-6)
    assert (anchors[0] == anchors[1]).all()


@pytest.mark.parametrize("fixed", [False, True], ids=["any size", "fixed size"])
@pytest.mark.parametrize("mode", ["square", "shorter"])
@pytest.mark.parametrize("conventions", ["torchvision", "detectron2"])
@pytest.mark.parametrize("size", [(48, 64), (40, 64), (30, 20), (128, 192), (200, 131), (64, 320)])
def test_molds_in_other_conventions(fixed, mode, conventions, size):
    config = config_with(CONVENTIONS=conventions, IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=48, IMAGE_MAX_DIM=64)
    given = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    expected, expected_meta, _ = mold(given, config)
    inputs = keras.Input((*(size if fixed else (None, None)), 3), dtype="uint8")
    molded, meta, anchors = (
        np.asarray(value) for value in keras.Model(inputs, mold_layer(config)(inputs))(given[None])
    )
    difference = np.abs(molded[0] - expected)
    assert (difference > 0.05).mean() < 1e-2 and difference.max() < 1.001  # Pillow rounds, and halves go either way
    assert meta[0, 1:] == pytest.approx(expected_meta[1:], rel=1e-6)
    edge, shape = conventions_of(config).edge, expected.shape
    assert anchors[0] == pytest.approx(norm_boxes(anchors_for(config, shape), shape, edge), abs=1e-6)


@pytest.mark.parametrize("fixed", [False, True], ids=["any size", "fixed size"])
@pytest.mark.parametrize("size", [(1, 300), (300, 1)])
def test_of_a_thin_image_a_row_or_column_is_left(fixed, size):
    test_molds_as_outside_the_graph(fixed, {}, size)


def test_crops_are_refused():
    with pytest.raises(ValueError, match="IMAGE_RESIZE_MODE is 'crop'"):
        mold_layer(config_with(IMAGE_RESIZE_MODE="crop"))


def test_unmold_gives_pixels_the_class_of_the_mask_and_drops_empty_boxes():
    # An image of 50 x 100 px, scaled by 0.64 into the middle of 64 x 64: its window is rows 16 to 48.
    meta = np.zeros((1, 15), np.float32)
    meta[0, :12] = [0, 50, 100, 3, 64, 64, 3, 16, 0, 48, 64, 0.64]
    y1, x1, y2, x2 = norm_boxes(np.array([[16, 0, 48, 64]]), (64, 64))[0]
    detections = np.zeros((1, 4, 6), np.float32)
    detections[0, 0] = [y1, x1, y1, x2, 1, 0.9]  # one row high: 1 px
    detections[0, 1] = [y2 + 0.1, x1, y1, x2, 1, 0.8]  # upside down
    detections[0, 2] = [y1, x1, y2, x2, 2, 0.7]  # the whole image
    masks = np.zeros((1, 4, 2, 2, 3), np.float32) + np.array([0.1, 0.2, 0.3], np.float32)
    found = {k: np.asarray(v) for k, v in UnmoldDetections()([detections, meta, masks]).items()}
    assert found["number"].tolist() == [2]
    assert found["boxes"][0].tolist() == [[0, 0, 1, 100], [0, 0, 50, 100], [0] * 4, [0] * 4]
    assert found["classes"][0].tolist() == [1, 2, 0, 0]
    assert found["scores"][0] == pytest.approx([0.9, 0.7, 0, 0])
    assert found["masks"][0, :, 0, 0] == pytest.approx([0.2, 0.3, 0, 0])


def test_boxes_in_a_thin_image_reach_across_it():
    # Of 2 x 600 px one row is left, row 31 of 64 x 64.
    meta = np.zeros((1, 15), np.float32)
    meta[0, :12] = [0, 2, 600, 3, 64, 64, 3, 31, 0, 32, 64, 64 / 600]
    detections = np.zeros((1, 2, 6), np.float32)
    detections[0, 0] = [31 / 63, 0, 31 / 63, 1, 1, 0.9]
    found = {k: np.asarray(v) for k, v in UnmoldDetections()([detections, meta]).items()}
    assert found["number"].tolist() == [1]
    assert found["boxes"][0].tolist() == [[0, 0, 2, 600], [0] * 4]
