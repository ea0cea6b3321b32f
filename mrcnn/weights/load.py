"""Loading and saving the weights of a model by layer name, in the files of the old mrcnn, with a full account."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.extras import needs_backend

with needs_backend():
    import keras

from mrcnn.weights import h5
from mrcnn.weights.load_plan import Request, plan_load
from mrcnn.weights.load_report import LoadReport


@dataclass
class ModelLayer:
    """A layer that holds weights. `group` is the layer of the whole model it belongs to: itself, or rpn_model."""

    name: str
    group: str
    layer: keras.Layer
    weights: dict[str, keras.Variable]


def layers_of(model: keras.Model) -> dict[str, ModelLayer]:
    """All layers with weights by name, those of nested models too, in the model's order."""
    variables = []
    for top in model.layers:
        seen = set()
        for path, layer, variable in _variables(top, (top.name,)):
            if id(variable) not in seen:
                seen.add(id(variable))
                variables.append((path, layer, variable))
    layers: dict[str, ModelLayer] = {}
    for (name, weight), (path, layer, variable) in zip(h5.addresses([v[0] for v in variables]), variables, strict=True):
        known = layers.setdefault(name, ModelLayer(name, path[0], layer, {}))
        if weight in known.weights:
            raise ValueError(f"layer {name} has two weights called {weight}: give its parts names of their own")
        known.weights[weight] = variable
    return layers


def load_weights(
    model: keras.Model,
    path,
    *,
    mode: str = "training",
    exclude=None,
    skip_mismatch: bool = False,
    class_names_file=None,
    class_names_model=None,
    verbose: int = 1,
) -> LoadReport:
    """Fill the model from a file of the old mrcnn, of Keras 1 or 2, or of save_weights; layers are matched by name.

    mode: "training" re-initialises the three layers that depend on the number of classes where the file has another
    one, and takes a backbone-only file (ImageNet); "inference" wants a file that fits in full.
    exclude: names of layers to leave as they are. skip_mismatch: leave all that does not fit, too.
    class_names_file, class_names_model: names in order with background first; rows of classes in both are kept. The
    file's are known where a run's classes.json lies beside it, and of mask_rcnn_coco.h5.
    A first convolution with another number of input channels is made from the file's by averaging.
    verbose: 1 prints the report. Returns the report.

    Raises FileNotFoundError, or ValueError where the file is damaged, of another kind or does not fit; the model is
    then unchanged.
    """
    layers = layers_of(model)
    request = Request(Path(path), mode, tuple(exclude or ()), skip_mismatch, class_names_file, class_names_model)
    with h5.open_weights(path) as stored:
        sources, report = plan_load(layers, stored, request)
        values = [(variable, read()) for variable, read in sources]
    for variable, value in values:
        variable.assign(value.astype(variable.dtype, copy=False))
    if verbose:
        print(report)
    return report


def save_weights(model: keras.Model, path) -> None:
    """Write all weights in the layout of the old mrcnn, which can load them; the file appears when complete."""
    groups: dict[str, list[tuple[str, np.ndarray]]] = {}
    for layer in layers_of(model).values():
        name = layer.name.removeprefix(f"{layer.group}/")
        for weight, variable in layer.weights.items():
            groups.setdefault(layer.group, []).append((f"{name}/{weight}:0", np.asarray(variable)))
    if not groups:
        raise ValueError(f"{path}: the model has no weights to save")
    h5.write_weights(path, {group: groups[group] for group in sorted(groups, key=_place)})


def _place(group: str) -> int:
    """Sorts layers as in the old network for inference, for old code that counts layers (by_name=False)."""
    branches = ("mrcnn_class", "mrcnn_bbox", "mrcnn_mask")
    return next((i for i, branch in enumerate(branches, 1) if group.startswith(branch)), 0)


def _variables(layer, path: tuple[str, ...]):
    """(path, owner, variable) for each weight of a layer; the path goes from the model's own layer to the weight."""
    covered = set()
    for inner in layer.layers if isinstance(layer, keras.Model) else ():
        for found in _variables(inner, (*path, inner.name)):
            covered.add(id(found[-1]))
            yield found
    names = [variable.name for variable in layer.weights]
    for variable in layer.weights:
        if id(variable) in covered:
            continue
        if names.count(variable.name) == 1:
            yield (*path, variable.name), layer, variable
        else:  # a layer made of layers: its parts' names tell the weights apart
            parts = variable.path.split("/")
            start = parts.index(layer.name) + 1 if layer.name in parts else 0
            yield (*path, *parts[start:]), layer, variable
