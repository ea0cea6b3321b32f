"""Names of torchvision's and detectron2's tensors -> the engine's layers: `{layer: {tensor: array}}`.

Tensors keep the words of PyTorch: "weight", "bias", and those of the batch norm behind a layer as "norm.weight",
"norm.bias", "norm.running_mean", "norm.running_var". Nothing is computed here.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from mrcnn.weights.load_report import some

LATERALS = ("fpn_c2p2", "fpn_c3p3", "fpn_c4p4", "fpn_c5p5")
TENSOR = r"(?P<tensor>weight|bias|running_mean|running_var)"
# Counters of training, and constants of the network that the engine's settings hold.
IGNORED = re.compile(r"(.+\.)?num_batches_tracked|pixel_(mean|std)|proposal_generator\.anchor_generator\..+")

Rule = tuple[str, Callable[[re.Match], str]]


def _block(match: re.Match, first_stage: int) -> str:
    """The engine's name of a convolution in a residual block: stage 2, block 0, convolution 1 -> res2a_branch2a."""
    part = match["part"]
    branch = f"2{chr(ord('a') + int(part) - 1)}" if part.isdigit() else "1"
    return f"res{int(match['stage']) + first_stage}{chr(ord('a') + int(match['block']))}_branch{branch}"


def _rpn(match: re.Match) -> str:
    return f"rpn_conv{int(match['n'] or 0) + 1}"  # the last of them is renamed to rpn_conv_shared


# Names as they are today; what stands in (...)? is missing in files of before 2022.
TORCHVISION: tuple[Rule, ...] = (
    (r"backbone\.body\.(conv1|(?P<norm>bn1))", lambda m: "conv1"),
    (r"backbone\.body\.layer(?P<stage>\d)\.(?P<block>\d+)\.(?:conv|(?P<norm>bn))(?P<part>\d)", lambda m: _block(m, 1)),
    (
        r"backbone\.body\.layer(?P<stage>\d)\.(?P<block>\d+)\.(?P<part>downsample)\.(?:0|(?P<norm>1))",
        lambda m: _block(m, 1),
    ),
    (r"backbone\.fpn\.inner_blocks\.(?P<n>\d)(?:\.(?:0|(?P<norm>1)))?", lambda m: LATERALS[int(m["n"])]),
    (r"backbone\.fpn\.layer_blocks\.(?P<n>\d)(?:\.(?:0|(?P<norm>1)))?", lambda m: f"fpn_p{int(m['n']) + 2}"),
    (r"rpn\.head\.conv(?:\.(?P<n>\d)\.0)?", _rpn),
    (r"rpn\.head\.cls_logits", lambda m: "rpn_class_raw"),
    (r"rpn\.head\.bbox_pred", lambda m: "rpn_bbox_pred"),
    (r"roi_heads\.box_head\.(?P<n>\d)\.(?:0|(?P<norm>1))", lambda m: f"mrcnn_box_conv{int(m['n']) + 1}"),
    (r"roi_heads\.box_head\.fc(?P<n>[67])", lambda m: f"mrcnn_class_conv{int(m['n']) - 5}"),
    (r"roi_heads\.box_head\.5", lambda m: "mrcnn_class_conv1"),
    (r"roi_heads\.box_predictor\.cls_score", lambda m: "mrcnn_class_logits"),
    (r"roi_heads\.box_predictor\.bbox_pred", lambda m: "mrcnn_bbox_fc"),
    (r"roi_heads\.mask_head\.(?P<n>\d)\.(?:0|(?P<norm>1))", lambda m: f"mrcnn_mask_conv{int(m['n']) + 1}"),
    (r"roi_heads\.mask_head\.mask_fcn(?P<n>\d)", lambda m: f"mrcnn_mask_conv{m['n']}"),
    (r"roi_heads\.mask_predictor\.conv5_mask", lambda m: "mrcnn_mask_deconv"),
    (r"roi_heads\.mask_predictor\.mask_fcn_logits", lambda m: "mrcnn_mask"),
)
RES = r"backbone\.bottom_up\.res(?P<stage>\d)\.(?P<block>\d+)"
DETECTRON2: tuple[Rule, ...] = (
    (r"backbone\.bottom_up\.stem\.conv1(?P<norm>\.norm)?", lambda m: "conv1"),
    (rf"{RES}\.conv(?P<part>\d)(?P<norm>\.norm)?", lambda m: _block(m, 0)),
    (rf"{RES}\.(?P<part>shortcut)(?P<norm>\.norm)?", lambda m: _block(m, 0)),
    (r"backbone\.fpn_lateral(?P<n>[2-5])(?P<norm>\.norm)?", lambda m: LATERALS[int(m["n"]) - 2]),
    (r"backbone\.fpn_output(?P<n>[2-5])(?P<norm>\.norm)?", lambda m: f"fpn_p{m['n']}"),
    (r"proposal_generator\.rpn_head\.conv(?:\.conv(?P<n>\d))?", _rpn),
    (r"proposal_generator\.rpn_head\.objectness_logits", lambda m: "rpn_class_raw"),
    (r"proposal_generator\.rpn_head\.anchor_deltas", lambda m: "rpn_bbox_pred"),
    (r"roi_heads\.box_head\.conv(?P<n>\d)(?P<norm>\.norm)?", lambda m: f"mrcnn_box_conv{m['n']}"),
    (r"roi_heads\.box_head\.fc(?P<n>\d)", lambda m: f"mrcnn_class_conv{m['n']}"),
    (r"roi_heads\.box_predictor\.cls_score", lambda m: "mrcnn_class_logits"),
    (r"roi_heads\.box_predictor\.bbox_pred", lambda m: "mrcnn_bbox_fc"),
    (r"roi_heads\.mask_head\.mask_fcn(?P<n>\d)(?P<norm>\.norm)?", lambda m: f"mrcnn_mask_conv{m['n']}"),
    (r"roi_heads\.mask_head\.deconv", lambda m: "mrcnn_mask_deconv"),
    (r"roi_heads\.mask_head\.predictor", lambda m: "mrcnn_mask"),
)
MAKERS = {"torchvision": ("backbone.body.", TORCHVISION), "detectron2": ("backbone.bottom_up.", DETECTRON2)}


def maker_of(state: Mapping) -> str:
    """Whose names these are: "torchvision" or "detectron2". ValueError where they are of neither."""
    for maker, (start, _) in MAKERS.items():
        if any(name.startswith(start) for name in state):
            return maker
    raise ValueError(
        f"these are not the weights of a Mask R-CNN or Faster R-CNN with a feature pyramid of torchvision or of "
        f"detectron2: {some(state) or 'there are none'}"
    )


def has_names_of_2019(state: Mapping) -> bool:
    """Whether a file of torchvision was written before its layers were renamed in 2022."""
    return "rpn.head.conv.weight" in state


def engine_names(state: Mapping[str, np.ndarray], maker: str) -> dict[str, dict[str, np.ndarray]]:
    """All tensors of a file under the engine's names.

    Raises ValueError with what has no place in the engine, and where two tensors have the same one.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    unknown = []
    for name, array in state.items():
        if IGNORED.fullmatch(name):
            continue
        found = _engine_name(name, MAKERS[maker][1])
        if found is None:
            unknown.append(name)
        elif found[1] in layers.setdefault(found[0], {}):
            raise ValueError(f"{name} is a second {found[1]} of {found[0]}: the file mixes two ways of naming")
        else:
            layers[found[0]][found[1]] = array
    if unknown:
        raise ValueError(f"what has no place in the engine's network: {some(unknown)}")
    depth = sum(layer.startswith("rpn_conv") for layer in layers)
    if depth:
        layers["rpn_conv_shared"] = layers.pop(f"rpn_conv{depth}")
    return layers


def _engine_name(name: str, rules: tuple[Rule, ...]) -> tuple[str, str] | None:
    for pattern, layer in rules:
        match = re.fullmatch(rf"{pattern}\.{TENSOR}", name)
        if match:
            is_norm = match.groupdict().get("norm") is not None
            return layer(match), f"norm.{match['tensor']}" if is_norm else match["tensor"]
    return None
