"""Looking inside a model: tensors by name, values of any stage for given images.

Shapes: B images, A anchors, N of them before NMS, R ROIs, K classes, D detections, H W C.
"""

import collections
import re

import keras
import numpy as np
from keras import ops

from mrcnn.network.proposals import ProposalLayer
from mrcnn.ops.roi_align import roi_levels

# The old engine's TensorFlow names of what happens inside its proposal layer -> entry of ours.
OLD_NAMES = {
    "ROI/pre_nms_anchors": "pre_nms_anchors",
    "ROI/refined_anchors": "refined_anchors",
    "ROI/refined_anchors_clipped": "refined_anchors_clipped",
    "ROI/rpn_non_max_suppression": "kept",
}
# What `stages` gives, in the order of the computation; a name that the model lacks is left out.
STAGES = (
    *("input_image", "conv1_relu", "res2", "res3", "res4", "res5"),  # (B, H, W, C); each stage's last block
    *("fpn_p2", "fpn_p3", "fpn_p4", "fpn_p5", "fpn_p6"),
    *("rpn_class", "rpn_bbox"),  # (B, A, 2), (B, A, 4)
    *("pre_nms_anchors", "refined_anchors", "refined_anchors_clipped", "kept"),  # (B, N, 4); kept (B, R) into these
    *("ROI", "roi_levels"),  # (B, R, 4), (B, R)
    *("mrcnn_class", "mrcnn_bbox", "mrcnn_detection", "mrcnn_mask"),  # (B, R, K), (B, R, K, 4), (B, D, 6), masks
)


# Layers of the heads that work on the ROIs of all images in one row, (B * R, ...).
ROIS_IN_ONE_ROW = re.compile(
    r"mrcnn_(box|class)_(conv|bn|relu)\d|pool_squeeze|mrcnn_class_logits|mrcnn_bbox_fc|"
    r"roi_align_mask|mrcnn_mask_((conv|bn|relu)\d|deconv)"
)


class RoiLevels(keras.layers.Layer):
    """[ROIs (B, R, 4), image (B, H, W, C)] -> the pyramid's level that each is pooled from, (B, R) int32, 2 to 5.

    rule: as in `ops.roi_align.roi_levels`.
    """

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule

    def call(self, inputs):
        rois, image = inputs
        height, width = ops.shape(image)[1:3]
        return roi_levels(rois, height * width, self.rule)


def find(keras_model, name):
    """A tensor of the model by name; None when there is none.

    name: a layer ("fpn_p2"), a stage of `STAGES`, or an old TensorFlow name: of something inside the proposals
    ("ROI/refined_anchors:0"), or of what a layer gives ("res4w_out/Relu:0"). The indices that NMS kept are under their
    old name those of the first image, (R,), as they were; "kept" has all, (B, R).
    """
    name = name.split(":")[0]
    layers = {layer.name: layer for layer in keras_model.layers}
    if name in layers:
        return layers[name].output
    if name == "roi_levels" and "ROI" in layers:
        rule = layers["roi_align_classifier"].pooling.level
        return RoiLevels(rule, name=name)([layers["ROI"].output, keras_model.inputs[0]])
    if "proposals" in layers:  # Keras lists the entries of a dict by name
        entries = dict(zip(sorted(ProposalLayer.OUTPUTS), layers["proposals"].output, strict=True))
        for old_name, entry in OLD_NAMES.items():
            if name == old_name or name.startswith(old_name + "/"):
                return entries["kept"][0] if entry == "kept" else entries[entry]
        if name in entries:
            return entries[name]
    owner = layers.get(name.split("/")[0])
    return None if owner is None else owner.output


def stages(keras_model):
    """[(name, tensor)] of all `STAGES` that the model has, for `run`."""
    found = [(name, find(keras_model, _last_block(keras_model, name) or name)) for name in STAGES]
    return [(name, tensor) for name, tensor in found if tensor is not None]


def _last_block(keras_model, stage):
    """Name of the last layer of a stage of the ResNet ("res4": "res4f_out"), or None."""
    names = [layer.name for layer in keras_model.layers]
    return max((name for name in names if re.fullmatch(rf"{stage}[a-z]_out", name)), default=None)


def run(keras_model, inputs, outputs):
    """Values of tensors inside the model: an ordered dict of arrays by the given names.

    inputs: arrays for the model's inputs.  outputs: list of (name, tensor). What is of ROIs is (B, R, ...).
    """
    outputs = list(outputs)
    missing = [name for name, tensor in outputs if tensor is None]
    if missing:
        raise ValueError(f"No tensor for {', '.join(missing)}: use keras_model.get_layer(name).output or ancestor().")
    function = keras.Model(keras_model.inputs, [_readable(tensor) for _, tensor in outputs])
    values = function.predict_on_batch(inputs)
    values = values if isinstance(values, list) else [values]
    images = len(inputs[0])
    return collections.OrderedDict(
        (name, _by_image(np.asarray(value), tensor, images))
        for (name, tensor), value in zip(outputs, values, strict=True)
    )


def _by_image(value, tensor, images):
    layer = tensor._keras_history.operation.name
    if ROIS_IN_ONE_ROW.fullmatch(layer) and value.ndim < 5:  # (B, R, P, P, C) is by image already
        return value.reshape(images, -1, *value.shape[1:])
    return value


def _readable(tensor):
    """In float32 where PRECISION made it shorter: numpy has no bfloat16."""
    return ops.cast(tensor, "float32") if tensor.dtype in ("bfloat16", "float16") else tensor
