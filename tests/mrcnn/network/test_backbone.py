"""The ResNets: names, sizes and strides, and that a whole model has exactly the weights of an old file."""

import json

import keras
import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.network import graph
from mrcnn.network.backbone import resnet
from mrcnn.weights import layers_of
from tests.support import GOLDEN


def build(architecture, shape=(64, 96, 3), **options):
    image = keras.Input(shape)
    return keras.Model(image, resnet(image, architecture, **options))


@pytest.mark.parametrize(
    ("architecture", "width", "channels"), [("resnet18", 8, (8, 16, 32, 64)), ("resnet50", 4, (16, 32, 64, 128))]
)
def test_maps_of_an_image_that_is_not_square(architecture, width, channels):
    model = build(architecture, width=width)
    shapes = [m.shape for m in model(np.zeros((2, 64, 96, 3), np.float32))]
    assert shapes == [(2, 64 // s, 96 // s, c) for s, c in zip((4, 8, 16, 32), channels, strict=True)]


def test_default_width_is_the_papers():
    assert build("resnet18").get_layer("conv1").filters == 64
    assert [m.shape[-1] for m in build("resnet50").outputs] == [256, 512, 1024, 2048]


def test_any_size_and_any_channels():
    model = build("resnet18", (None, None, 1), width=8)
    assert [m.shape[1:3] for m in model(np.zeros((1, 128, 64, 1), np.float32))] == [(32, 16), (16, 8), (8, 4), (4, 2)]


def test_first_convolution_is_padded_by_three():
    model = build("resnet18", width=8)
    image = np.random.default_rng(0).normal(size=(1, 64, 96, 3)).astype(np.float32)
    kernel, bias = model.get_layer("conv1").get_weights()
    found = keras.Model(model.input, model.get_layer("conv1").output)(image)
    # The first output's middle lies on the first pixel: of the kernel only the part from its middle on sees anything.
    expected = np.einsum("yxc,yxcf->f", image[0, :4, :4], kernel[3:, 3:]) + bias
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[0, 0, 0], expected, rtol=1e-4, atol=1e-5)


def test_stride_is_in_the_first_convolution_of_a_stage():
    model = build("resnet50", width=4)
    strides = {name: model.get_layer(name).strides for name in ("res3a_branch2a", "res3a_branch2b", "res3a_branch1")}
    assert strides == {"res3a_branch2a": (2, 2), "res3a_branch2b": (1, 1), "res3a_branch1": (2, 2)}
    assert model.get_layer("res2a_branch2a").strides == model.get_layer("res2a_branch1").strides == (1, 1)


def test_group_norm_takes_the_names_of_batch_norm():
    model = build("resnet18", width=8, norm="group")
    assert isinstance(model.get_layer("bn2a_branch2a"), keras.layers.GroupNormalization)


def test_unknown_architecture():
    with pytest.raises(ValueError, match="BACKBONE is 'resnet34': use one of resnet18, resnet50, resnet101"):
        build("resnet34")


@pytest.mark.parametrize(
    ("architecture", "classes", "layout"), [("resnet50", 4, "resnet50"), ("resnet101", 81, "resnet101_coco")]
)
def test_the_whole_model_has_the_weights_of_an_old_file(architecture, classes, layout):
    """Every layer's name, and every weight's name and shape, as in `mask_rcnn_coco.h5`."""

    class Whole(Config):
        BACKBONE = architecture
        NUM_CLASSES = classes

    model = graph.build_inference(Whole(), 100)
    ours = {}
    for layer in layers_of(model).values():
        group = ours.setdefault(layer.group, {})
        group |= {f"{layer.name.split('/')[-1]}/{name}:0": list(w.shape) for name, w in layer.weights.items()}
    golden = json.loads((GOLDEN / f"h5_layout_{layout}.json").read_text())
    assert ours == {group: dict(weights) for group, weights in golden.items() if weights}
