"""Which network a weight file is of: the settings of Config that its layers tell, and how they differ from others."""

import re
from collections.abc import Iterable, Mapping

from mrcnn.weights.class_rows import class_count

BLOCKS: dict[tuple[tuple[int, ...], bool], str] = {  # blocks of the stages 2 to 5, and whether they are bottlenecks
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
}
ANCHORS = "the number of RPN_ANCHOR_RATIOS"  # which ratios these are the layers do not tell
OF_BACKBONE = ("BACKBONE", "BACKBONE_WIDTH", "BACKBONE_STRIDE_IN")
NOT_IN_LAYERS = ("CONVENTIONS", "BACKBONE_STRIDE_IN")  # what changes no shape, and so has to be noted with the weights
SETTINGS = (
    *("CONVENTIONS", "BACKBONE", "BACKBONE_WIDTH", "BACKBONE_STRIDE_IN", "NORM", "TOP_DOWN_PYRAMID_SIZE"),
    *("RPN_CHANNELS", "RPN_DEPTH", "BOX_HEAD_CONVS", "BOX_HEAD_LAYERS", "FPN_CLASSIF_FC_LAYERS_SIZE", "POOL_SIZE"),
    *("NUM_CLASSES", "USE_MASK", "MASK_HEAD_CHANNELS", "MASK_HEAD_DEPTH"),
)

Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]


def network_of(shapes: Shapes) -> dict:
    """Settings by name, of the parts that are there.

    Args:
        shapes: {layer: {weight: shape}} as in the engine, of a file or of a model.

    Returns:
        Such as {"BACKBONE": "resnet50", "RPN_DEPTH": 1, ...}; "BACKBONE" is missing where it is none of ours.
    """
    found: dict = {}
    kernels = {name: its["kernel"] for name, its in shapes.items() if len(its.get("kernel", ())) == 4}
    blocks = tuple(_count(kernels, rf"res{stage}[a-z]_branch2a") for stage in (2, 3, 4, 5))
    backbone = BLOCKS.get((blocks, "res2a_branch2c" in kernels))
    if backbone and "conv1" in kernels:
        found |= {"BACKBONE": backbone, "BACKBONE_WIDTH": kernels["conv1"][3]}
        found["NORM"] = "batch" if "moving_mean" in shapes.get("bn_conv1", ()) else "group"
    if "fpn_p2" in kernels:
        found["TOP_DOWN_PYRAMID_SIZE"] = kernels["fpn_p2"][3]
    if "rpn_conv_shared" in kernels:
        found["RPN_CHANNELS"] = kernels["rpn_conv_shared"][3]
        found["RPN_DEPTH"] = _count(kernels, r"rpn_conv(\d|_shared)")
    if "rpn_class_raw" in kernels:
        found[ANCHORS] = kernels["rpn_class_raw"][3] // 2
    if "mrcnn_class_conv1" in kernels:
        found["BOX_HEAD_CONVS"] = _count(kernels, r"mrcnn_box_conv\d")
        found["BOX_HEAD_LAYERS"] = _count(kernels, r"mrcnn_class_conv\d")
        found["FPN_CLASSIF_FC_LAYERS_SIZE"] = kernels["mrcnn_class_conv1"][3]
        found["POOL_SIZE"] = kernels["mrcnn_class_conv1"][0]
    if "mrcnn_class_logits" in shapes:
        found["NUM_CLASSES"] = class_count(shapes)
        found["USE_MASK"] = "mrcnn_mask" in shapes
    if "mrcnn_mask_deconv" in kernels:
        found["MASK_HEAD_CHANNELS"] = kernels["mrcnn_mask_deconv"][2]
        found["MASK_HEAD_DEPTH"] = _count(kernels, r"mrcnn_mask_conv\d")
    return {name: value if isinstance(value, (str, bool)) else int(value) for name, value in found.items()}


def network_of_config(config) -> dict:
    """The same settings as a Config, or a class of it, has them; without its backbone where that is one of your own."""
    own_backbone = not isinstance(config.BACKBONE, str)
    names = [name for name in SETTINGS if not (own_backbone and name in OF_BACKBONE)]
    return {name: getattr(config, name) for name in names} | {ANCHORS: len(config.RPN_ANCHOR_RATIOS)}


def differences(file: Mapping, model: Mapping) -> list[str]:
    """What keeps a file from fitting a model, as "RPN_DEPTH 2 (here 1)"; classes may differ, and a mask may be unused.

    Args:
        file: Settings of the file, from `network_of`; with what is noted beside it.
        model: Those of the model or its Config. Only names in both are compared.
    """
    masks = ("MASK_HEAD_CHANNELS", "MASK_HEAD_DEPTH") if not model.get("USE_MASK", True) else ()
    found = []
    for name, value in file.items():
        if name in ("NUM_CLASSES", *masks) or name not in model or model[name] == value:
            continue
        if name == "USE_MASK" and value:
            continue
        found.append(f"{name} {value} (here {model[name]})")
    return found


def _count(layers: Iterable[str], pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in layers)
