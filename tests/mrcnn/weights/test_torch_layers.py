"""Tensors of torchvision and detectron2 as layers of the engine: each gives the answer that it gave there."""

import re

import numpy as np
import pytest

from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.torch_layers import EPSILON, GAPS, from_torch
from mrcnn.weights.torch_names import TENSOR
from mrcnn.weights.torch_network import norm_name
from tests.support.torch_states import KINDS, golden_state, info, narrow_state

SOURCES = {  # a layer of the engine -> that of the file, and its norm; one or two of each sort
    "v1": {
        "conv1": ("backbone.body.conv1", "backbone.body.bn1"),
        "res2a_branch1": ("backbone.body.layer1.0.downsample.0", "backbone.body.layer1.0.downsample.1"),
        "res4f_branch2c": ("backbone.body.layer3.5.conv3", "backbone.body.layer3.5.bn3"),
        "fpn_c3p3": ("backbone.fpn.inner_blocks.1.0", None),
        "fpn_p5": ("backbone.fpn.layer_blocks.3.0", None),
        "rpn_conv_shared": ("rpn.head.conv.0.0", None),
        "mrcnn_class_conv1": ("roi_heads.box_head.fc6", None),
        "mrcnn_class_conv2": ("roi_heads.box_head.fc7", None),
        "mrcnn_mask_conv3": ("roi_heads.mask_head.2.0", None),
    },
    "v2": {
        "res5c_branch2b": ("backbone.body.layer4.2.conv2", "backbone.body.layer4.2.bn2"),
        "fpn_c2p2": ("backbone.fpn.inner_blocks.0.0", "backbone.fpn.inner_blocks.0.1"),
        "fpn_p4": ("backbone.fpn.layer_blocks.2.0", "backbone.fpn.layer_blocks.2.1"),
        "rpn_conv1": ("rpn.head.conv.0.0", None),
        "rpn_conv_shared": ("rpn.head.conv.1.0", None),
        "mrcnn_box_conv4": ("roi_heads.box_head.3.0", "roi_heads.box_head.3.1"),
        "mrcnn_class_conv1": ("roi_heads.box_head.5", None),
        "mrcnn_mask_conv1": ("roi_heads.mask_head.0.0", "roi_heads.mask_head.0.1"),
    },
    "d2_3x": {
        "conv1": ("backbone.bottom_up.stem.conv1", "backbone.bottom_up.stem.conv1.norm"),
        "res3a_branch1": ("backbone.bottom_up.res3.0.shortcut", "backbone.bottom_up.res3.0.shortcut.norm"),
        "fpn_c5p5": ("backbone.fpn_lateral5", None),
        "rpn_conv_shared": ("proposal_generator.rpn_head.conv", None),
        "mrcnn_class_conv2": ("roi_heads.box_head.fc2", None),
    },
    "d2_lsj": {
        "fpn_p3": ("backbone.fpn_output3", "backbone.fpn_output3.norm"),
        "rpn_conv1": ("proposal_generator.rpn_head.conv.conv0", None),
        "rpn_conv_shared": ("proposal_generator.rpn_head.conv.conv1", None),
        "mrcnn_box_conv1": ("roi_heads.box_head.conv1", "roi_heads.box_head.conv1.norm"),
        "mrcnn_class_conv1": ("roi_heads.box_head.fc1", None),
        "mrcnn_mask_conv4": ("roi_heads.mask_head.mask_fcn4", "roi_heads.mask_head.mask_fcn4.norm"),
    },
}


def there(state, name, norm, patch, epsilon):
    """What the file's layer, and the norm behind it, make of a patch (channels, h, w) as large as the kernel."""
    state = {key: array.astype(np.float64) for key, array in state.items()}
    weight = state[f"{name}.weight"]
    out = weight.reshape(len(weight), -1) @ patch.ravel() + state.get(f"{name}.bias", 0.0)
    if norm is None:
        return out
    gamma, beta, mean, variance = (state[f"{norm}.{w}"] for w in ("weight", "bias", "running_mean", "running_var"))
    return gamma * (out - mean) / np.sqrt(variance + epsilon) + beta


def here(layers, name, patch):
    """What the engine's layer, and the norm behind it, make of the patch (h, w, channels)."""
    out = np.einsum("hwio,hwi->o", layers[name]["kernel"].astype(np.float64), patch) + layers[name]["bias"]
    norm = layers.get(norm_name(name))
    if norm is None:
        return out
    return norm["gamma"] * (out - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + EPSILON) + norm["beta"]


def patch_of(state, name, side=None):
    """Random input of a layer, (channels, h, w)."""
    shape = state[f"{name}.weight"].shape[1:]
    if len(shape) == 1:
        side = 7 if name.endswith(("fc6", "fc1", ".5")) else 1
        shape = (shape[0] // side**2, side, side)
    return np.random.default_rng(1).uniform(-1, 1, shape)


@pytest.mark.parametrize("kind", KINDS)
def test_each_sort_of_layer_gives_the_same_answer(kind):
    state, epsilon = narrow_state(kind), info(kind)["bn_eps"]
    found = from_torch(state, epsilon=epsilon)
    for layer, (name, norm) in SOURCES[kind].items():
        patch = ours = patch_of(state, name)
        if layer == "conv1" and found.maker == "torchvision":  # ours are gray levels
            ours = patch * np.array([0.229, 0.224, 0.225])[:, None, None] * 255
        if layer == "conv1" and found.maker == "detectron2":  # ours are RGB
            ours = patch[::-1]
        np.testing.assert_allclose(
            here(found.layers, layer, ours.transpose(1, 2, 0)),
            there(state, name, norm, patch, epsilon),
            rtol=1e-4,
            atol=1e-5,
            err_msg=layer,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_deconvolution_of_the_masks(kind):
    state = narrow_state(kind)
    name = "roi_heads.mask_head.deconv" if kind.startswith("d2") else "roi_heads.mask_predictor.conv5_mask"
    kernel = from_torch(state).layers["mrcnn_mask_deconv"]["kernel"]
    pixel = np.random.default_rng(1).uniform(-1, 1, kernel.shape[3])
    np.testing.assert_allclose(
        np.einsum("hwoi,i->hwo", kernel, pixel),  # a pixel makes 2 x 2
        np.einsum("iohw,i->hwo", state[f"{name}.weight"], pixel),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rpn_anchors_are_tall_first_and_its_logits_two(kind):
    state = narrow_state(kind)
    logits, deltas = (
        ("proposal_generator.rpn_head.objectness_logits", "proposal_generator.rpn_head.anchor_deltas")
        if kind.startswith("d2")
        else ("rpn.head.cls_logits", "rpn.head.bbox_pred")
    )
    layers, cell = from_torch(state).layers, np.random.default_rng(1).uniform(-1, 1, 8)

    def theirs(name):
        return state[f"{name}.weight"][:, :, 0, 0] @ cell + state[f"{name}.bias"]

    def ours(name):
        return cell @ layers[name]["kernel"][0, 0] + layers[name]["bias"]

    two = ours("rpn_class_raw").reshape(3, 2)
    np.testing.assert_array_equal(two[:, 0], 0)
    np.testing.assert_allclose(two[::-1, 1], theirs(logits), rtol=1e-5, atol=1e-6)
    dy, dx, dh, dw = (ours("rpn_bbox_pred").reshape(3, 4)[::-1] * [0.1, 0.1, 0.2, 0.2]).T
    np.testing.assert_allclose(np.stack([dx, dy, dw, dh], 1).ravel(), theirs(deltas), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [None, 4])
def test_rows_of_the_classes(kind, classes):
    """Background first, person second, no gaps; each row with its own logit, deltas and mask."""
    state = narrow_state(kind, classes=classes)
    found = from_torch(state)
    d2 = kind.startswith("d2")
    logits = state["roi_heads.box_predictor.cls_score.bias"]
    deltas = state["roi_heads.box_predictor.bbox_pred.bias"].reshape(-1, 4)[:, [1, 0, 3, 2]]
    masks = state["roi_heads.mask_head.predictor.bias" if d2 else "roi_heads.mask_predictor.mask_fcn_logits.bias"]
    if d2:
        expected = np.concatenate([logits[-1:], logits[:-1]])
        deltas, masks = np.concatenate([np.zeros((1, 4)), deltas]), np.concatenate([[0], masks])
    else:
        rows = [i for i in range(len(logits)) if classes or i not in GAPS]
        expected, deltas, masks = logits[rows], deltas[rows], masks[rows]
    count = classes or len(COCO_CLASS_NAMES)
    assert found.settings["NUM_CLASSES"] == count == len(expected)
    for layer, rows in (("mrcnn_class_logits", expected), ("mrcnn_bbox_fc", deltas.ravel()), ("mrcnn_mask", masks)):
        np.testing.assert_array_equal(found.layers[layer]["bias"], rows.astype(np.float32))
        assert found.layers[layer]["kernel"].shape[-1] == len(rows)


def test_own_file_with_91_classes_keeps_them_all():
    assert from_torch(narrow_state("v1"), coco_gaps=False).settings["NUM_CLASSES"] == 91


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [50, 101])
@pytest.mark.parametrize("mask", [True, False])
def test_settings_are_read_from_the_layers(kind, depth, mask):
    found = from_torch(narrow_state(kind, depth=depth, mask=mask))
    modern = kind in ("v2", "d2_lsj")
    expected = {
        "CONVENTIONS": "detectron2" if kind.startswith("d2") else "torchvision",
        "BACKBONE": f"resnet{depth}",
        "BACKBONE_WIDTH": 2,
        "NORM": "batch",
        "BACKBONE_STRIDE_IN": "1x1" if kind.startswith("d2") else "3x3",
        "TOP_DOWN_PYRAMID_SIZE": 8,
        "RPN_CHANNELS": 8,
        "RPN_DEPTH": 2 if modern else 1,
        "BOX_HEAD_CONVS": 4 if modern else 0,
        "BOX_HEAD_LAYERS": 1 if modern else 2,
        "FPN_CLASSIF_FC_LAYERS_SIZE": 32,
        "POOL_SIZE": 7,
        "USE_MASK": mask,
        "NUM_CLASSES": 81,
    }
    assert found.settings == expected | ({"MASK_HEAD_CHANNELS": 8, "MASK_HEAD_DEPTH": 4} if mask else {})
    assert len(found.layers) == (140 if modern else 133) + (17 * 6 if depth == 101 else 0) - (0 if mask else 10)


def test_names_of_2019_and_their_epsilon():
    """torchvision reads that file with an epsilon of 0; today's names without it are read with 1e-5."""
    old, new = (from_torch(narrow_state("v1", names_of_2019=old, classes=3)) for old in (True, False))
    assert (old.epsilon, new.epsilon) == (0.0, 1e-5)
    assert old.layers.keys() == new.layers.keys()
    assert any("mask_fcn1" in name for name in narrow_state("v1", names_of_2019=True))


@pytest.mark.parametrize("kind", ["v1", "d2_lsj"])
def test_whole_golden_state(kind):
    """The published files' sizes; with v1's epsilon of 0 its smallest variances make gammas beyond the limit."""
    found = from_torch(golden_state(kind), epsilon=info(kind)["bn_eps"])
    assert found.layers["mrcnn_class_conv1"]["kernel"].shape == (7, 7, 256, 1024)
    assert all(array.dtype == np.float32 for weights in found.layers.values() for array in weights.values())
    gammas = [np.abs(weights["gamma"]).max() for weights in found.layers.values() if "gamma" in weights]
    assert max(gammas) <= 1e3
    assert bool(found.folded) == (kind == "v1")


@pytest.mark.parametrize("name", ["conv1", "res2b_branch2a"])
def test_channel_of_a_tiny_variance_is_folded_into_the_kernel(name):
    source, norm = {
        "conv1": ("backbone.body.conv1", "backbone.body.bn1"),
        "res2b_branch2a": ("backbone.body.layer1.1.conv1", "backbone.body.layer1.1.bn1"),
    }[name]
    state = narrow_state("v1", names_of_2019=True)
    state[f"{norm}.running_var"][1] = 1e-12
    state[f"{source}.weight"][1] *= 1e-6
    state[f"{norm}.running_mean"][1] *= 1e-6
    found = from_torch(state)
    assert found.folded == {name: 1}
    assert np.abs(found.layers[norm_name(name)]["gamma"]).max() < 100
    patch = patch_of(state, source)
    ours = patch * np.array([0.229, 0.224, 0.225])[:, None, None] * 255 if name == "conv1" else patch
    np.testing.assert_allclose(
        here(found.layers, name, ours.transpose(1, 2, 0)), there(state, source, norm, patch, 0.0), rtol=1e-3, atol=1e-4
    )


def test_weights_saved_by_dataparallel_or_with_constants():
    state = narrow_state("d2_3x")
    more = {f"module.{name}": array for name, array in state.items()}
    more["module.pixel_mean"] = np.array([103.53, 116.28, 123.675]).reshape(3, 1, 1)
    more["module.proposal_generator.anchor_generator.cell_anchors.0"] = np.zeros((3, 4))
    found, plain = from_torch(more).layers, from_torch(state).layers
    for layer, weights in plain.items():
        for weight, array in weights.items():
            np.testing.assert_array_equal(found[layer][weight], array)


def changed(kind, change, **options):
    state = narrow_state(kind, **options)
    change(state)
    return state


@pytest.mark.parametrize(
    "state, message",
    [
        ({}, "not the weights of a Mask R-CNN.*there are none"),
        ({"fc.weight": np.zeros(3), "layer1.0.conv1.weight": np.zeros(3)}, "not the weights.*fc.weight"),
        (
            changed("v1", lambda s: s.update({"neck.weight": np.zeros(1)})),
            "no place in the engine's network: neck.weight",
        ),
        (changed("v1", lambda s: s.pop("rpn.head.cls_logits.weight")), "no weight for rpn_class_raw"),
        (changed("v2", lambda s: s.pop("backbone.body.layer2.1.bn2.running_var")), "norm behind res3b_branch2b has"),
        (
            changed("d2_3x", lambda s: [s.pop(n) for n in list(s) if "res4.5." in n]),
            r"stages of the backbone have \(3, 4, 5, 3\) bottlenecks",
        ),
        (
            changed("d2_3x", lambda s: [s.pop(n) for n in list(s) if "res4.3.conv3" in n]),
            "lacks bn4d_branch2c, res4d_branch2c",
        ),
        (
            changed("d2_3x", lambda s: [s.pop(n) for n in list(s) if "fpn_lateral4" in n]),
            "lacks fpn_c4p4",
        ),
        (
            changed("v1", lambda s: [s.pop(n) for n in list(s) if "bbox_pred" in n]),
            "no weight for rpn_bbox_pred, mrcnn_",
        ),
        (
            changed("v1", lambda s: s.update({"rpn.head.cls_logits.weight": np.zeros((5, 8, 1, 1))})),
            "5 anchors a place",
        ),
        (
            changed("d2_lsj", lambda s: [s.pop(n) for n in list(s) if "norm.running" in n and "fpn" in n]),
            "norm behind fpn_c2p2 has norm.weight, norm.bias: only batch norm",
        ),
        (
            changed("v1", lambda s: s.update({"rpn.head.conv.weight": s["rpn.head.conv.0.0.weight"]})),
            "second weight of rpn_conv1",
        ),
        (
            changed("d2_3x", lambda s: s.update({"pixel_std": np.array([57.375, 57.12, 58.395])})),
            "pixel_std is .*57.375",
        ),
        (
            changed("d2_3x", lambda s: s.update({"backbone.bottom_up.res2.0.conv2.weight": np.zeros((8, 1, 3, 3))})),
            "grouped convolutions",
        ),
        (
            changed("d2_3x", lambda s: s.update({"roi_heads.box_predictor.bbox_pred.bias": np.zeros(4)})),
            "mrcnn_bbox_fc has 1 rows for 81 classes",
        ),
        (
            changed("v1", lambda s: s["backbone.body.bn1.running_var"].fill(0), names_of_2019=True),
            "not all numbers are finite, with the epsilon 0 .*conv1",
        ),
    ],
    ids=lambda value: value.split(":")[0][:40] if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_named(state, message):
    with pytest.raises(ValueError, match=message):
        from_torch(state)


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_counts(kind):
    """No tensor is ignored in silence: without any one of them, but for a counter, the conversion fails."""
    state = narrow_state(kind)
    for name in state:
        if not re.fullmatch(rf".+\.{TENSOR}", name) or re.search(r"layer[24]\.|res[35]\.", name):
            continue  # two stages stand for all
        less = {key: array for key, array in state.items() if key != name}
        with pytest.raises(ValueError):
            from_torch(less)
