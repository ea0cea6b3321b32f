"""Which network a converted file of weights belongs to: the settings that can be read from its layers."""

import re
from collections.abc import Mapping

import numpy as np

from mrcnn.weights.load_report import some
from mrcnn.weights.torch_names import LATERALS

BLOCKS = {(3, 4, 6, 3): "resnet50", (3, 4, 23, 3): "resnet101"}  # blocks of the stages 2 to 5


def norm_name(layer: str) -> str | None:
    """The batch norm behind a convolution of the engine; None where it has none."""
    if layer == "conv1":
        return "bn_conv1"
    if layer.startswith("res"):
        return "bn" + layer.removeprefix("res")
    if re.fullmatch(r"mrcnn_(mask|box|class)_conv\d", layer):
        return layer.replace("_conv", "_bn")
    return None


def settings_of(tensors: Mapping[str, Mapping[str, np.ndarray]], maker: str) -> dict:
    """The settings of Config that fit tensors under the engine's names (`torch_names.engine_names`).

    The side of a stage's stride cannot be seen in weights: it is the one that torchvision (3x3) and detectron2's R50
    and R101 (1x1) have. Raises ValueError for a backbone that is none of ours, and for heads that lack layers.
    """
    blocks = tuple(_count(tensors, rf"res{stage}[a-z]_branch2a") for stage in (2, 3, 4, 5))
    bottleneck = "res2a_branch2c" in tensors
    if blocks not in BLOCKS or not bottleneck:
        kind = "bottlenecks" if bottleneck else "plain blocks"
        raise ValueError(f"the stages of the backbone have {blocks} {kind}: only ResNet-50 and ResNet-101 are known")
    inner = _shape(tensors, "res2a_branch2b")
    if inner[1] != inner[0]:
        raise ValueError(f"the backbone has grouped convolutions ({inner}), as ResNeXt: the engine has none")
    convolutions = _count(tensors, r"mrcnn_box_conv\d")
    before = f"mrcnn_box_conv{convolutions}" if convolutions else "fpn_p2"
    inputs, channels = _shape(tensors, "mrcnn_class_conv1")[1], _shape(tensors, before)[0]
    side = round((inputs / channels) ** 0.5)
    if side * side * channels != inputs:
        raise ValueError(f"mrcnn_class_conv1 takes {inputs} numbers, which is no square of {channels} channels")
    settings = {
        "CONVENTIONS": maker,
        "BACKBONE": BLOCKS[blocks],
        "BACKBONE_WIDTH": _shape(tensors, "conv1")[0],
        "BACKBONE_STRIDE_IN": "3x3" if maker == "torchvision" else "1x1",
        "TOP_DOWN_PYRAMID_SIZE": _shape(tensors, "fpn_p2")[0],
        "RPN_CHANNELS": _shape(tensors, "rpn_conv_shared")[0],
        "RPN_DEPTH": _count(tensors, r"rpn_conv(\d|_shared)"),
        "BOX_HEAD_CONVS": convolutions,
        "BOX_HEAD_LAYERS": _count(tensors, r"mrcnn_class_conv\d"),
        "FPN_CLASSIF_FC_LAYERS_SIZE": _shape(tensors, "mrcnn_class_conv1")[0],
        "POOL_SIZE": side,
        "USE_MASK": "mrcnn_mask" in tensors,
    }
    if settings["USE_MASK"]:
        settings["MASK_HEAD_CHANNELS"] = _shape(tensors, "mrcnn_mask_deconv")[1]
        settings["MASK_HEAD_DEPTH"] = _count(tensors, r"mrcnn_mask_conv\d")
    return settings


def expected_layers(settings: Mapping) -> set[str]:
    """The names of all layers with weights that a network of these settings has."""
    convolutions = {"conv1"}
    blocks = next(blocks for blocks, name in BLOCKS.items() if name == settings["BACKBONE"])
    for stage, number in enumerate(blocks, start=2):
        for block in range(number):
            branches = ("2a", "2b", "2c", "1") if block == 0 else ("2a", "2b", "2c")
            convolutions |= {f"res{stage}{chr(ord('a') + block)}_branch{branch}" for branch in branches}
    convolutions |= {*LATERALS, *(f"fpn_p{level}" for level in (2, 3, 4, 5))}
    convolutions |= {f"rpn_conv{i}" for i in range(1, settings["RPN_DEPTH"])}
    convolutions |= {"rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred"}
    convolutions |= {f"mrcnn_box_conv{i + 1}" for i in range(settings["BOX_HEAD_CONVS"])}
    convolutions |= {f"mrcnn_class_conv{i + 1}" for i in range(settings["BOX_HEAD_LAYERS"])}
    convolutions |= {"mrcnn_class_logits", "mrcnn_bbox_fc"}
    if settings["USE_MASK"]:
        convolutions |= {f"mrcnn_mask_conv{i + 1}" for i in range(settings["MASK_HEAD_DEPTH"])}
        convolutions |= {"mrcnn_mask_deconv", "mrcnn_mask"}
    return convolutions | {norm for norm in map(norm_name, convolutions) if norm}


def check_complete(layers: Mapping, settings: Mapping) -> None:
    """ValueError with the layers that the network has and the file lacks, or the other way round."""
    expected = expected_layers(settings)
    missing, surplus = sorted(expected - layers.keys()), sorted(layers.keys() - expected)
    if missing or surplus:
        parts = [f"{what} {some(names)}" for what, names in (("lacks", missing), ("has besides", surplus)) if names]
        raise ValueError(f"for a {settings['BACKBONE']} with a feature pyramid the file {' and '.join(parts)}")


def _count(tensors: Mapping, pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in tensors)


def _shape(tensors: Mapping, layer: str) -> tuple[int, ...]:
    if "weight" not in tensors.get(layer, ()):
        raise ValueError(f"{layer} has no weight in the file")
    return tensors[layer]["weight"].shape
