"""What a file of torchvision or detectron2 must hold to be a network of the engine."""

import re
from collections.abc import Mapping

import numpy as np

from mrcnn.weights.load_report import some
from mrcnn.weights.network_of import BLOCKS
from mrcnn.weights.torch_names import LATERALS

RESNETS = {name: blocks for (blocks, is_bottleneck), name in BLOCKS.items() if is_bottleneck}
NEEDED = (
    *("conv1", "res2a_branch2b", "fpn_p2", "rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred"),
    *("mrcnn_class_conv1", "mrcnn_class_logits", "mrcnn_bbox_fc"),
)

Tensors = Mapping[str, Mapping[str, np.ndarray]]


def norm_name(layer: str) -> str | None:
    """The batch norm behind a convolution of the engine; None where it has none."""
    if layer == "conv1":
        return "bn_conv1"
    if layer.startswith("res"):
        return "bn" + layer.removeprefix("res")
    if re.fullmatch(r"mrcnn_(mask|box|class)_conv\d", layer):
        return layer.replace("_conv", "_bn")
    return None


def check_kind(tensors: Tensors) -> None:
    """ValueError for a network that the engine has not, from tensors under its names (`torch_names.engine_names`)."""
    lacking = [name for name in dict.fromkeys((*NEEDED, *tensors)) if "weight" not in tensors.get(name, ())]
    if lacking:
        raise ValueError(f"the file has no weight for {some(lacking)}")
    blocks = tuple(
        sum(re.fullmatch(rf"res{stage}[a-z]_branch2a", name) is not None for name in tensors) for stage in (2, 3, 4, 5)
    )
    if blocks not in RESNETS.values() or "res2a_branch2c" not in tensors:
        kind = "bottlenecks" if "res2a_branch2c" in tensors else "plain blocks"
        raise ValueError(f"the stages of the backbone have {blocks} {kind}: only ResNet-50 and ResNet-101 are known")
    outputs, inputs = tensors["res2a_branch2b"]["weight"].shape[:2]
    if inputs != outputs:
        raise ValueError(
            f"the backbone has grouped convolutions ({inputs} for {outputs} channels): the engine has none"
        )
    ratios = len(tensors["rpn_class_raw"]["weight"])
    if ratios != 3:
        raise ValueError(f"it has {ratios} anchors a place: only the 3 with the ratios 0.5, 1 and 2 are known")


def pool_side(tensors: Tensors) -> int:
    """The side of the box head's pooled maps, 7 in all published files."""
    convolutions = [name for name in tensors if name.startswith("mrcnn_box_conv")]
    channels = len(tensors[max(convolutions, default="fpn_p2")]["weight"])
    inputs = tensors["mrcnn_class_conv1"]["weight"].shape[1]
    side = round((inputs / channels) ** 0.5)
    if side * side * channels != inputs:
        raise ValueError(f"mrcnn_class_conv1 takes {inputs} numbers, which is no square of {channels} channels")
    return side


def check_complete(layers: Mapping, settings: Mapping) -> None:
    """ValueError with the layers that the network has and the file lacks, or the other way round.

    Args:
        layers: All of the file, under the engine's names.
        settings: Of its network, from `network_of`.
    """
    expected = _expected_layers(settings)
    missing, surplus = sorted(expected - layers.keys()), sorted(layers.keys() - expected)
    if missing or surplus:
        parts = [f"{what} {some(names)}" for what, names in (("lacks", missing), ("has besides", surplus)) if names]
        raise ValueError(f"for a {settings['BACKBONE']} with a feature pyramid the file {' and '.join(parts)}")


def _expected_layers(settings: Mapping) -> set[str]:
    convolutions = {"conv1"}
    for stage, number in enumerate(RESNETS[settings["BACKBONE"]], start=2):
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
        convolutions |= {f"mrcnn_mask_conv{i + 1}" for i in range(settings.get("MASK_HEAD_DEPTH", 0))}
        convolutions |= {"mrcnn_mask_deconv", "mrcnn_mask"}
    return convolutions | {norm for norm in map(norm_name, convolutions) if norm}
