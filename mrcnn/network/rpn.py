"""Region proposal network (Ren et al., 2015): one small net slid over every level of the pyramid.

Shapes: B images, A anchors (all levels, P2 first).
"""

import keras
from keras import layers


def rpn_model(*, ratios, stride, depth, channels=512, convolutions=1):
    """Keras model `rpn_model`: a map (B, H, W, depth) -> class logits, probabilities (B, A, 2), and deltas (B, A, 4).

    ratios: anchors at each place.  stride: of the places, in cells of the map.  convolutions: before the two answers.
    """
    image = keras.Input((None, None, depth), name="input_rpn_feature_map")
    outputs = rpn_layers(image, ratios=ratios, stride=stride, channels=channels, convolutions=convolutions)
    return keras.Model(image, outputs, name="rpn_model")


def rpn_layers(features, *, ratios, stride, channels=512, convolutions=1):
    """The layers of `rpn_model` on a map (B, H, W, C): class logits, probabilities (B, A, 2), and deltas (B, A, 4)."""
    for i in range(1, convolutions):
        features = layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"rpn_conv{i}")(features)
    shared = layers.Conv2D(channels, 3, padding="same", strides=stride, activation="relu", name="rpn_conv_shared")
    shared = shared(features)
    logits = layers.Conv2D(2 * ratios, 1, name="rpn_class_raw")(shared)
    logits = layers.Reshape((-1, 2), name="rpn_class_logits_reshape")(logits)
    probabilities = layers.Activation("softmax", name="rpn_class_xxx", dtype="float32")(logits)
    deltas = layers.Conv2D(4 * ratios, 1, name="rpn_bbox_pred")(shared)
    deltas = layers.Reshape((-1, 4), name="rpn_bbox_reshape")(deltas)
    return [logits, probabilities, deltas]


def region_proposals(pyramid, model):
    """Every level through `rpn_model`: class logits, probabilities (B, A, 2: background, object), deltas (B, A, 4)."""
    outputs = [model(level) for level in pyramid]
    names = ("rpn_class_logits", "rpn_class", "rpn_bbox")
    return [
        layers.Concatenate(axis=1, name=name, dtype="float32")(list(parts))
        for name, parts in zip(names, zip(*outputs, strict=True), strict=True)
    ]
