"""Weight files in the old layouts, and models that fit them, for the tests."""

import importlib.util
import json

import h5py
import numpy as np

from tests.support import GOLDEN

SMALL = {  # a Mask R-CNN in names and number of axes, not in size; 4 classes
    "conv1": {"kernel": (7, 7, 3, 4), "bias": (4,)},
    "bn_conv1": {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
    "res2a_branch2a": {"kernel": (1, 1, 4, 5), "bias": (5,)},
    "fpn_c5p5": {"kernel": (1, 1, 5, 6), "bias": (6,)},
    "rpn_model/rpn_conv_shared": {"kernel": (3, 3, 6, 7), "bias": (7,)},
    "rpn_model/rpn_class_raw": {"kernel": (1, 1, 7, 6), "bias": (6,)},
    "rpn_model/rpn_bbox_pred": {"kernel": (1, 1, 7, 12), "bias": (12,)},
    "mrcnn_class_conv1": {"kernel": (7, 7, 6, 8), "bias": (8,)},
    "mrcnn_class_logits": {"kernel": (8, 4), "bias": (4,)},
    "mrcnn_bbox_fc": {"kernel": (8, 16), "bias": (16,)},
    "mrcnn_mask_deconv": {"kernel": (2, 2, 6, 5), "bias": (6,)},
    "mrcnn_mask": {"kernel": (1, 1, 6, 4), "bias": (4,)},
}
BACKBONE = ("conv1", "bn_conv1", "res2a_branch2a")
HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask"]


def with_classes(count: int, channels: int = 3) -> dict:
    """SMALL with another number of classes and of input channels."""
    return SMALL | {
        "conv1": {"kernel": (7, 7, channels, 4), "bias": (4,)},
        "mrcnn_class_logits": {"kernel": (8, count), "bias": (count,)},
        "mrcnn_bbox_fc": {"kernel": (8, 4 * count), "bias": (4 * count,)},
        "mrcnn_mask": {"kernel": (1, 1, 6, count), "bias": (count,)},
    }


def golden_layout(name: str) -> dict:
    """{layer: {weight: shape}} of tests/golden/h5_layout_<name>.json, nested layers as `rpn_model/rpn_conv_shared`."""
    layout = {}
    for group, weights in json.loads((GOLDEN / f"h5_layout_{name}.json").read_text()).items():
        for weight_name, shape in weights:
            layer, weight = weight_name.removesuffix(":0").split("/")
            address = layer if layer == group else f"{group}/{layer}"
            layout.setdefault(address, {})[weight] = tuple(shape)
    return layout


def recipe():
    """The module tests/golden/recipe.py."""
    spec = importlib.util.spec_from_file_location("golden_recipe", GOLDEN / "recipe.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(layout: dict) -> dict:
    """{leaf layer: {weight: array}} by the recipe of the golden numbers."""
    weight = recipe().weight
    leaves = {address.split("/")[-1]: weights for address, weights in layout.items()}
    return {layer: {name: weight(layer, name, s) for name, s in weights.items()} for layer, weights in leaves.items()}


def write_old(
    path, layout: dict, *, text=bytes, model_weights=False, full_paths=False, pieces=1, name="{layer}/{weight}:0"
):
    """A file as Keras 2 writes it, by h5py alone. `text`: type of the names; `pieces`: of the attribute layer_names;
    `full_paths`: rpn_model/rpn_conv_shared/kernel:0; `name`: pattern of the weights' names. Returns `values(layout)`.
    """
    arrays = values(layout)
    groups = {}
    for address in layout:
        group, layer = address.split("/")[0], address.split("/")[-1]
        prefix = f"{group}/" if full_paths and group != layer else ""
        for weight, array in arrays[layer].items():
            groups.setdefault(group, {})[prefix + name.format(layer=layer, weight=weight)] = array
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if model_weights else file
        parts = np.array_split(np.array(list(groups)), pieces)
        for i, part in enumerate(parts):
            root.attrs["layer_names" if pieces == 1 else f"layer_names{i}"] = _as(text, part)
        root.attrs["backend"] = _as(text, "tensorflow")
        root.attrs["keras_version"] = _as(text, "2.2.5")
        for group, weights in groups.items():
            node = root.create_group(group)
            node.attrs["weight_names"] = _as(text, list(weights))
            for weight, array in weights.items():
                node.create_dataset(weight, data=array)
    return arrays


def build_model(layout: dict):
    """A functional keras.Model with one layer for each entry of a layout, each on an input of its own."""
    import keras

    groups = {}
    for address, weights in layout.items():
        group, layer = address.split("/")[0], address.split("/")[-1]
        groups.setdefault(group, {})[layer] = weights
    inputs, outputs = [], []
    for group, members in groups.items():
        if list(members) == [group]:
            x, y = _apply(group, members[group])
        else:
            ends = [_apply(layer, weights) for layer, weights in members.items()]
            nested = keras.Model([x for x, _ in ends], [y for _, y in ends], name=group)
            x = [keras.Input(x.shape[1:]) for x, _ in ends]
            y = nested(x)
        inputs.append(x)
        outputs.append(y)
    return keras.Model(inputs, outputs)


def small_models():
    """Function (classes, channels) -> the small model, built once; each time it has its initial values."""
    built = {}

    def model(classes=4, channels=3):
        key = (classes, channels)
        if key not in built:
            new = build_model(with_classes(classes, channels))
            built[key] = new, arrays(new)
        new, initial = built[key]
        new.set_weights(initial)
        return new

    return model


def arrays(model):
    """The model's weights, in its order."""
    return [np.array(np.asarray(w)) for w in model.weights]


def state(model):
    """The model's weights by layer and name."""
    from mrcnn.weights import layers_of

    return {
        name: {w: np.array(np.asarray(v)) for w, v in layer.weights.items()} for name, layer in layers_of(model).items()
    }


def _apply(name: str, weights: dict):
    import keras

    if "gamma" in weights:
        layer, shape = keras.layers.BatchNormalization(name=name), (4, 4, weights["gamma"][0])
    elif len(weights["kernel"]) == 2:
        layer, shape = keras.layers.Dense(weights["kernel"][1], name=name), weights["kernel"][:1]
    elif name.endswith("deconv"):
        h, w, filters, channels = weights["kernel"]
        layer, shape = keras.layers.Conv2DTranspose(filters, (h, w), name=name), (8, 8, channels)
    else:
        h, w, channels, filters = weights["kernel"]
        layer, shape = keras.layers.Conv2D(filters, (h, w), padding="same", name=name), (8, 8, channels)
    x = keras.Input(shape)
    return x, layer(x)


def _as(text, names):
    if isinstance(names, str):
        return np.bytes_(names) if text is bytes else names
    return np.array([n.encode() for n in names]) if text is bytes else np.array(list(names), dtype=h5py.string_dtype())
