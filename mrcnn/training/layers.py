"""Which layers train."""

import re

import keras

LAYERS = {
    # From a stage of the ResNet on and up; the heads are everything that COCO weights may not fit.
    "heads": r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "3+": r"(res3.*)|(bn3.*)|(res4.*)|(bn4.*)|(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "4+": r"(res4.*)|(bn4.*)|(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "5+": r"(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    "all": ".*",
}


def layers_with_weights(keras_model):
    """Every layer with weights, those of nested models included."""
    found = []
    for layer in keras_model.layers:
        if isinstance(layer, keras.Model):
            found += layers_with_weights(layer)
        elif layer.weights:
            found.append(layer)
    return found


def set_trainable(keras_model, layer_regex):
    """Only layers whose whole name fits the regular expression train. Returns those; ValueError when there is none."""
    chosen = []
    for layer in layers_with_weights(keras_model):
        layer.trainable = bool(re.fullmatch(layer_regex, layer.name))
        if layer.trainable and layer.trainable_weights:
            chosen.append(layer)
    if not chosen:
        raise ValueError(
            f"layers={layer_regex!r} fits no layer, so nothing would train. Use one of {', '.join(LAYERS)}, or a "
            "regular expression for whole layer names (print them with model.get_trainable_layers())."
        )
    return chosen
