"""Looking inside a model: tensors by name, values of any stage for given pictures."""

import collections

import keras
import numpy as np

from mrcnn.network.proposals import ProposalLayer

# The old engine's TensorFlow names of what happens inside its proposal layer -> entry of ours.
OLD_NAMES = {
    "ROI/pre_nms_anchors": "pre_nms_anchors",
    "ROI/refined_anchors": "refined_anchors",
    "ROI/refined_anchors_clipped": "refined_anchors_clipped",
    "ROI/rpn_non_max_suppression": "kept",
}


def find(keras_model, name):
    """The tensor of a layer's output, or of a named part of the old proposal layer; None when there is none.

    name: a layer ("fpn_p2"), or an old TensorFlow name ("ROI/refined_anchors:0").
    """
    name = name.split(":")[0]
    for old_name, entry in OLD_NAMES.items():
        if name == old_name or name.startswith(old_name + "/"):
            entries = zip(sorted(ProposalLayer.OUTPUTS), keras_model.get_layer("proposals").output, strict=True)
            return dict(entries)[entry]  # Keras lists the entries of a dict by name
    layers = {layer.name: layer for layer in keras_model.layers}
    return layers[name].output if name in layers else None


def run(keras_model, inputs, outputs):
    """Values of tensors inside the model: an ordered dict of arrays by the given names.

    inputs: arrays for the model's inputs.  outputs: list of (name, tensor).
    """
    outputs = list(outputs)
    missing = [name for name, tensor in outputs if tensor is None]
    if missing:
        raise ValueError(f"No tensor for {', '.join(missing)}: use keras_model.get_layer(name).output or ancestor().")
    function = keras.Model(keras_model.inputs, [tensor for _, tensor in outputs])
    values = function.predict_on_batch(inputs)
    values = values if isinstance(values, list) else [values]
    names = [name for name, _ in outputs]
    return collections.OrderedDict((name, np.asarray(value)) for name, value in zip(names, values, strict=True))
