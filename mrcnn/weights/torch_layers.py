"""torchvision's and detectron2's tensors as layers of the engine, with the same answers.

What the engine has not is worked into the weights:

| there | here |
| --- | --- |
| batch norm with another epsilon | gamma times sqrt((variance + 1e-3) / (variance + epsilon)) |
| batch norm in the pyramid | folded into the convolution (exact while it is frozen) |
| no batch norm in a head | one that changes nothing |
| pixels 0 to 1 over a standard deviation; BGR | in the first kernel |
| one objectness logit l | two: 0 for background, and l |
| anchors wide first; deltas x y w h | anchors tall first; y x h w over `RPN_BBOX_STD_DEV` |
| background last, and without deltas and masks | background first, with zeros |
| torchvision's 91 ids of COCO | 81 classes: ten ids belong to no class |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mrcnn.weights.h5 import write_weights
from mrcnn.weights.load_report import some
from mrcnn.weights.network_of import ANCHORS, network_of
from mrcnn.weights.torch_names import engine_names, has_names_of_2019, maker_of
from mrcnn.weights.torch_network import check_complete, check_kind, norm_name, pool_side

EPSILON = 1e-3  # of the engine's batch norm (`network.norm.EPSILON`, which needs Keras)
LARGEST_GAMMA = 1e3
RPN_STD = np.array([0.1, 0.1, 0.2, 0.2])  # Config.RPN_BBOX_STD_DEV
PIXEL_STD = 255 * np.array([0.229, 0.224, 0.225])  # of torchvision's images, in gray levels; detectron2's is 1
GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # COCO's category ids without a class
COCO_IDS = 91
STRIDES_IN = {"torchvision": "3x3", "detectron2": "1x1"}  # of a stage; weights do not tell it
NORM = ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")

Layers = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class TorchWeights:
    """A converted file.

    Attributes:
        layers: {layer: {weight: float32 array}}, named and shaped as in the engine.
        settings: The settings of Config that the network must have, with `NUM_CLASSES` and `USE_MASK`.
        maker: "torchvision" or "detectron2".
        epsilon: Of the file's batch norm.
        folded: Layers with channels whose gamma would exceed `LARGEST_GAMMA` -> how many; folded into the kernel.
    """

    layers: Layers
    settings: dict
    maker: str
    epsilon: float
    folded: dict[str, int] = field(default_factory=dict)


def from_torch(
    state: Mapping[str, np.ndarray], *, epsilon: float | None = None, coco_gaps: bool = True
) -> TorchWeights:
    """The layers of a Mask R-CNN or Faster R-CNN (ResNet, FPN) of torchvision or of detectron2.

    Args:
        state: The file's state_dict, {name: array}, with today's names or those of 2019.
        epsilon: Of its batch norm. None: 1e-5, which both libraries have; but 0 for a file of torchvision with the
            names of 2019, as torchvision reads that file with 0.
        coco_gaps: Whether torchvision's 91 classes are COCO's ids, of which ten have no class and are dropped.

    Raises:
        ValueError: With the tensors that have no place in the engine, are missing, or are of an unknown form.
    """
    state = {name.removeprefix("module."): np.asarray(array) for name, array in state.items()}
    maker = maker_of(state)
    if epsilon is None:
        epsilon = 0.0 if maker == "torchvision" and has_names_of_2019(state) else 1e-5
    _check_constants(state)
    tensors = engine_names(state, maker)
    check_kind(tensors)
    side = pool_side(tensors)
    folded: dict[str, int] = {}
    layers: Layers = {}
    for name in list(tensors):
        parts = {key: np.asarray(array, np.float64) for key, array in tensors.pop(name).items()}
        _convert_layer(layers, folded, name, parts, epsilon, side)
    _order_input(layers, maker)
    _order_anchors(layers)
    _order_classes(layers, maker, coco_gaps)
    settings = network_of({name: {w: array.shape for w, array in weights.items()} for name, weights in layers.items()})
    check_complete(layers, settings)
    del settings[ANCHORS]
    settings |= {"CONVENTIONS": maker, "BACKBONE_STRIDE_IN": STRIDES_IN[maker]}
    layers = {
        layer: {weight: np.ascontiguousarray(array, np.float32) for weight, array in weights.items()}
        for layer, weights in layers.items()
    }
    bad = [name for name, weights in layers.items() if not all(np.isfinite(a).all() for a in weights.values())]
    if bad:
        raise ValueError(f"not all numbers are finite, with the epsilon {epsilon:g} of its batch norm, in {some(bad)}")
    return TorchWeights(layers, settings, maker, epsilon, folded)


def write_engine_file(path, layers: Layers, attributes: dict[str, str] | None = None) -> None:
    """Writes the layers as the engine's `save_weights` lays them out, whole or not at all, with texts about them."""
    groups: dict[str, list[tuple[str, np.ndarray]]] = {}
    for layer, weights in layers.items():
        group = groups.setdefault("rpn_model" if layer.startswith("rpn_") else layer, [])
        group.extend((f"{layer}/{weight}:0", array) for weight, array in weights.items())
    write_weights(path, groups, attributes)


def _convert_layer(layers: Layers, folded: dict, name: str, parts: dict, epsilon: float, side: int) -> None:
    """Puts one layer, and the batch norm behind it, into `layers`."""
    kernel = _kernel(name, parts.pop("weight"), side)
    bias = parts.pop("bias", None)
    if bias is None:
        if not parts:
            raise ValueError(f"{name} has neither a bias nor a batch norm in the file")
        bias = np.zeros(kernel.shape[-1])
    layers[name] = {"kernel": kernel, "bias": bias}
    norm = norm_name(name)
    if not parts:
        if norm:
            layers[norm] = _identity_norm(kernel.shape[-1])
        return
    if set(parts) != set(NORM):
        raise ValueError(
            f"the norm behind {name} has {some(parts)}: only batch norm with its running statistics is known here"
        )
    gamma, beta, mean, variance = (parts[key] for key in NORM)
    with np.errstate(divide="ignore", invalid="ignore"):  # a variance of 0 with epsilon 0 is refused at the end
        scale = gamma / np.sqrt(variance + epsilon)
    if norm is None:
        layers[name] = {"kernel": kernel * scale, "bias": beta + (bias - mean) * scale}
        return
    gamma = scale * np.sqrt(variance + EPSILON)
    large = np.abs(gamma) > LARGEST_GAMMA
    if large.any():  # gamma trains, and gradients are clipped by their common norm: one such channel would eat it
        folded[name] = int(large.sum())
        layers[name] = {
            "kernel": np.where(large, kernel * scale, kernel),
            "bias": np.where(large, (bias - mean) * scale, bias),
        }
        identity = _identity_norm(len(gamma))
        gamma = np.where(large, identity["gamma"], gamma)
        mean, variance = np.where(large, 0.0, mean), np.where(large, 1.0, variance)
    layers[norm] = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}


def _kernel(name: str, weight: np.ndarray, side: int) -> np.ndarray:
    """PyTorch's (out, in, h, w) or (out, in) -> (h, w, in, out), or (in, out) for the dense layers at the end."""
    if weight.ndim == 4:
        return weight.transpose(2, 3, 1, 0)
    if weight.ndim != 2:
        raise ValueError(f"the weight of {name} has the shape {weight.shape}, which is neither convolution nor dense")
    if name in ("mrcnn_class_logits", "mrcnn_bbox_fc"):
        return weight.T
    if name != "mrcnn_class_conv1":
        return weight.T[None, None]
    return weight.reshape(len(weight), -1, side, side).transpose(2, 3, 1, 0)


def _identity_norm(channels: int) -> dict[str, np.ndarray]:
    return {
        "gamma": np.full(channels, np.sqrt(1 + EPSILON)),
        "beta": np.zeros(channels),
        "moving_mean": np.zeros(channels),
        "moving_variance": np.ones(channels),
    }


def _order_input(layers: Layers, maker: str) -> None:
    """The first kernel for RGB in gray levels."""
    kernel = layers["conv1"]["kernel"]
    if kernel.shape[2] != 3:
        raise ValueError(f"conv1 takes {kernel.shape[2]} channels: only files for colour images are known here")
    layers["conv1"]["kernel"] = kernel / PIXEL_STD[:, None] if maker == "torchvision" else kernel[:, :, ::-1]


def _order_anchors(layers: Layers) -> None:
    """Objectness as two logits, anchors of a place tall first, deltas as y x h w in units of the engine."""
    for weight, array in layers["rpn_class_raw"].items():
        wide_last = array[..., ::-1]
        layers["rpn_class_raw"][weight] = _flat(np.stack([np.zeros_like(wide_last), wide_last], -1))
    for weight, array in layers["rpn_bbox_pred"].items():
        layers["rpn_bbox_pred"][weight] = _flat(_deltas(array)[..., ::-1, :] / RPN_STD)


def _order_classes(layers: Layers, maker: str, coco_gaps: bool) -> None:
    """Background first, in all three layers, without gaps; deltas as y x h w."""
    logits, boxes, masks = layers["mrcnn_class_logits"], layers["mrcnn_bbox_fc"], layers.get("mrcnn_mask")
    count = len(logits["bias"])
    objects = count - 1 if maker == "detectron2" else count
    counts = {"mrcnn_bbox_fc": len(boxes["bias"]) / 4} | ({"mrcnn_mask": len(masks["bias"])} if masks else {})
    for name, number in counts.items():
        if number != objects:
            raise ValueError(f"{name} has {number:g} rows for {count} classes: heads common to all are not known")
    rows = np.arange(count)
    if maker == "torchvision" and count == COCO_IDS and coco_gaps:
        rows = np.setdiff1d(rows, GAPS)
    for weight in ("kernel", "bias"):
        deltas = _deltas(boxes[weight])
        if maker == "detectron2":
            logits[weight] = np.roll(logits[weight], 1, axis=-1)
            deltas = np.concatenate([np.zeros_like(deltas[..., :1, :]), deltas], axis=-2)
        logits[weight] = logits[weight][..., rows]
        boxes[weight] = _flat(deltas[..., rows, :])
        if masks:
            array = masks[weight]
            if maker == "detectron2":
                array = np.concatenate([np.zeros_like(array[..., :1]), array], axis=-1)
            masks[weight] = array[..., rows]


def _deltas(array: np.ndarray) -> np.ndarray:
    """(..., 4 n), x y w h -> (..., n, 4), y x h w."""
    return array.reshape(*array.shape[:-1], -1, 4)[..., [1, 0, 3, 2]]


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:-2], -1)


def _check_constants(state: Mapping[str, np.ndarray]) -> None:
    """detectron2's files may hold the mean and the scale of its pixels, and then they must be those assumed here."""
    for name, expected in (("pixel_mean", (103.53, 116.28, 123.675)), ("pixel_std", (1.0, 1.0, 1.0))):
        if name in state and not np.allclose(np.ravel(state[name]), expected, rtol=1e-4):
            raise ValueError(f"{name} is {np.ravel(state[name])}: only files with {expected} (BGR) are known here")
