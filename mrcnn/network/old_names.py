"""The old `mrcnn.model`'s functions and layers by their old names, arguments and results, for code that calls them.

They hand on to the stages beside this file, which the engine itself calls directly. Where those give fixed slots and a
`valid` mask, the old results have rows of zeros at the end instead.

Shapes: B images, N boxes, A anchors, R ROIs, T sampled ROIs, G truth slots, K classes, D detections; boxes are
(y1, x1, y2, x2), normalised. image_meta is (B, 12 + K).
"""

import keras
from keras import ops

from mrcnn.graph_helpers import denorm_boxes_graph, norm_boxes_graph
from mrcnn.network import backbone, detections, heads, norm, proposals, roi_targets, rpn
from mrcnn.network.geometry import Window, nonempty
from mrcnn.network.heads import PyramidROIAlign
from mrcnn.network.old_losses import (
    mrcnn_bbox_loss_graph,
    mrcnn_class_loss_graph,
    mrcnn_mask_loss_graph,
    rpn_bbox_loss_graph,
    rpn_class_loss_graph,
    smooth_l1_loss,
)
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import sampling

__all__ = [
    "BatchNorm",
    "DetectionLayer",
    "DetectionTargetLayer",
    "ProposalLayer",
    "PyramidROIAlign",
    "apply_box_deltas_graph",
    "batch_pack_graph",
    "build_fpn_mask_graph",
    "build_rpn_model",
    "clip_boxes_graph",
    "conv_block",
    "denorm_boxes_graph",
    "detection_targets_graph",
    "fpn_classifier_graph",
    "identity_block",
    "log2_graph",
    "mrcnn_bbox_loss_graph",
    "mrcnn_class_loss_graph",
    "mrcnn_mask_loss_graph",
    "norm_boxes_graph",
    "overlaps_graph",
    "refine_detections_graph",
    "resnet_graph",
    "rpn_bbox_loss_graph",
    "rpn_class_loss_graph",
    "rpn_graph",
    "smooth_l1_loss",
    "trim_zeros_graph",
]

# --- Layers ----------------------------------------------------------------------------------------------------------


class BatchNorm(norm.BatchNorm):
    """Batch norm that keeps the `training` of its call: False freezes it, True trains it, None follows the model."""

    def __init__(self, **kwargs):
        super().__init__(train_bn=None, **kwargs)

    def __call__(self, inputs, training=None, **kwargs):
        if training is not None and isinstance(inputs, keras.KerasTensor):
            self.train_bn = training  # Keras 3 forgets the argument when the model is called with another mode
        return super().__call__(inputs, training=training, **kwargs)


class ProposalLayer(proposals.ProposalLayer):
    """[RPN probabilities (B, A, 2), deltas (B, A, 4), anchors (B, A, 4)] -> proposals (B, proposal_count, 4)."""

    def __init__(self, proposal_count, nms_threshold, config=None, **kwargs):
        _need_config("ProposalLayer", config)
        super().__init__(
            proposal_count=proposal_count,
            nms_threshold=nms_threshold,
            pre_nms_limit=config.PRE_NMS_LIMIT,
            bbox_std_dev=config.RPN_BBOX_STD_DEV,
            **kwargs,
        )

    def call(self, inputs):
        return super().call(inputs)["rois"]


class DetectionTargetLayer(roi_targets.DetectionTargetLayer):
    """[proposals (B, N, 4), class ids (B, G), boxes (B, G, 4), masks (B, h, w, G)] -> the heads' targets.

    Returns ROIs (B, T, 4), class ids (B, T), deltas (B, T, 4), masks (B, T, *MASK_SHAPE): objects first, then
    background, then zeros.
    """

    def __init__(self, config, **kwargs):
        super().__init__(
            sample=config.TRAIN_ROIS_PER_IMAGE,
            positive_ratio=config.ROI_POSITIVE_RATIO,
            bbox_std_dev=config.BBOX_STD_DEV,
            mask_shape=config.MASK_SHAPE,
            mini_mask=config.USE_MINI_MASK,
            seed=config.SEED,
            **kwargs,
        )

    def call(self, inputs):
        rois, class_ids, boxes, masks = inputs
        class_ids = ops.cast(class_ids, "int32")
        masks = ops.cast(ops.moveaxis(masks, 3, 1), "uint8")  # (B, G, h, w)
        targets = super().call([rois, nonempty(rois), class_ids, boxes, _not_zeros(boxes), masks])
        slots = self.sample
        deltas, masks = (roi_targets.pad(targets[name], slots) for name in ("deltas", "masks"))
        rank = ops.arange(slots, 0, -1, dtype="int32")[None]  # of slots in use; the others come after them
        _, order = ops.top_k(ops.where(targets["valid"], rank, rank - slots), slots)
        order = ops.cast(order, "int32")
        return [sampling.gather(x, order) for x in (targets["rois"], targets["class_ids"], deltas, masks)]


class DetectionLayer(detections.DetectionLayer):
    """[ROIs (B, R, 4), probabilities (B, R, K), deltas (B, R, K, 4), image_meta] -> detections (B, D, 6)."""

    def __init__(self, config=None, **kwargs):
        _need_config("DetectionLayer", config)
        super().__init__(
            max_instances=config.DETECTION_MAX_INSTANCES,
            min_confidence=config.DETECTION_MIN_CONFIDENCE,
            nms_threshold=config.DETECTION_NMS_THRESHOLD,
            bbox_std_dev=config.BBOX_STD_DEV,
            **kwargs,
        )

    def call(self, inputs):
        rois, probabilities, deltas, meta = inputs
        return super().call([rois, nonempty(rois), probabilities, deltas, Window()(meta)])


def _need_config(layer, config):
    if config is None:
        raise ValueError(f"{layer}: give it the model's Config, config=...; it reads its settings there.")


# --- Parts of the network --------------------------------------------------------------------------------------------


def resnet_graph(input_image, architecture, stage5=False, train_bn=True):
    """Maps [C1, C2, C3, C4, C5] of an input (B, H, W, C); C5 is None unless `stage5`."""
    maps = backbone.resnet(input_image, architecture, train_bn=train_bn)
    c1 = keras.Model(input_image, maps[-1]).get_layer("pool1").output
    return [c1, *(maps if stage5 else [*maps[:3], None])]


def identity_block(input_tensor, kernel_size, filters, stage, block, use_bias=True, train_bn=True):
    """A bottleneck block whose shortcut has no convolution. filters: (f, f, 4 f).  block: a letter."""
    channels = _bottleneck_channels("identity_block", kernel_size, filters, use_bias)
    label = f"{stage}{block}"
    return backbone.residual_block(input_tensor, channels, label, bottleneck=True, project=False, train_bn=train_bn)


def conv_block(input_tensor, kernel_size, filters, stage, block, strides=(2, 2), use_bias=True, train_bn=True):
    """A bottleneck block whose shortcut has a convolution. filters: (f, f, 4 f).  block: a letter."""
    channels = _bottleneck_channels("conv_block", kernel_size, filters, use_bias)
    label = f"{stage}{block}"
    return backbone.residual_block(
        input_tensor, channels, label, stride=strides, bottleneck=True, project=True, train_bn=train_bn
    )


def _bottleneck_channels(name, kernel_size, filters, use_bias):
    f = filters[0]
    if kernel_size != 3 or tuple(filters) != (f, f, 4 * f) or not use_bias:
        raise ValueError(
            f"{name}: only the ResNet's own block is here (kernel_size 3, filters (f, f, 4 f), with biases), not "
            f"kernel_size {kernel_size}, filters {tuple(filters)}, use_bias {use_bias}. For another network write its "
            "layers with keras.layers and give a function or a keras.Model as BACKBONE."
        )
    return f


def rpn_graph(feature_map, anchors_per_location, anchor_stride):
    """The RPN's layers on a map (B, H, W, C): [class logits (B, A, 2), probabilities (B, A, 2), deltas (B, A, 4)]."""
    return rpn.rpn_layers(feature_map, ratios=anchors_per_location, stride=anchor_stride)


def build_rpn_model(anchor_stride, anchors_per_location, depth):
    """Keras model `rpn_model`: what `rpn_graph` does, for maps of `depth` channels."""
    return rpn.rpn_model(ratios=anchors_per_location, stride=anchor_stride, depth=depth)


def fpn_classifier_graph(
    rois, feature_maps, image_meta, pool_size, num_classes, train_bn=True, fc_layers_size=1024
):  # fmt: skip
    """Class logits (B, R, K), probabilities (B, R, K), deltas (B, R, K, 4) of ROIs. feature_maps: [P2, P3, P4, P5]."""
    pool = PyramidROIAlign((pool_size, pool_size), name="roi_align_classifier")
    features = pool([rois, image_meta, *feature_maps])
    return heads.class_box_head(features, classes=num_classes, fc_size=fc_layers_size, norm="batch", train_bn=train_bn)


def build_fpn_mask_graph(rois, feature_maps, image_meta, pool_size, num_classes, train_bn=True):
    """Masks (B, R, 2 pool_size, 2 pool_size, K) of ROIs. feature_maps: [P2, P3, P4, P5]."""
    pool = PyramidROIAlign((pool_size, pool_size), name="roi_align_mask")
    features = pool([rois, image_meta, *feature_maps])
    return heads.mask_head(features, classes=num_classes, channels=256, depth=4, norm="batch", train_bn=train_bn)


# --- One image at a time -------------------------------------------------------------------------------------------


def detection_targets_graph(proposals, gt_class_ids, gt_boxes, gt_masks, config):
    """`DetectionTargetLayer` for one image: the same arguments and results without the axis B."""
    inputs = [x[None] for x in (proposals, gt_class_ids, gt_boxes, gt_masks)]
    return [x[0] for x in DetectionTargetLayer(config)(inputs)]


def refine_detections_graph(rois, probs, deltas, window, config):
    """Detections (D, 6) of one image: ROIs (R, 4), probabilities (R, K), deltas (R, K, 4), window (4,)."""
    layer = detections.DetectionLayer(
        max_instances=config.DETECTION_MAX_INSTANCES,
        min_confidence=config.DETECTION_MIN_CONFIDENCE,
        nms_threshold=config.DETECTION_NMS_THRESHOLD,
        bbox_std_dev=config.BBOX_STD_DEV,
    )
    rois, probs, deltas, window = (x[None] for x in (rois, probs, deltas, window))
    return layer([rois, nonempty(rois), probs, deltas, window])[0]


# --- Tensors ---------------------------------------------------------------------------------------------------------


def apply_box_deltas_graph(boxes, deltas):
    """Boxes (N, 4) moved by deltas (N, 4)."""
    return box_ops.decode(boxes, deltas)


def clip_boxes_graph(boxes, window):
    """Boxes (N, 4) cut to a window (4,)."""
    return box_ops.clip(boxes, window)


def overlaps_graph(boxes1, boxes2):
    """IoU (N, M) of boxes (N, 4) with boxes (M, 4)."""
    return box_ops.iou(boxes1, boxes2)


def log2_graph(x):
    """Logarithm to the base 2."""
    return ops.log2(x)


def trim_zeros_graph(boxes, name=None):
    """The rows of boxes (N, 4) that are not all zero, and which these are, (N,) bool.

    For values, not inside a Keras model: there the number of rows is unknown, and `valid` masks are the way.
    """
    real = _not_zeros(boxes)
    if isinstance(boxes, keras.KerasTensor):
        raise NotImplementedError(
            "trim_zeros_graph: a Keras 3 model has no tensors of unknown length on every backend. Keep all rows and "
            "carry a mask: keras.ops.any(boxes != 0, axis=-1)."
        )
    return ops.take(boxes, ops.nonzero(real)[0], axis=0), real


def batch_pack_graph(x, counts, num_rows):
    """The first counts[i] rows of each x[i], one after another. For values, not inside a Keras model."""
    if isinstance(x, keras.KerasTensor):
        raise NotImplementedError(
            "batch_pack_graph: a Keras 3 model has no tensors of unknown length on every backend. Keep all rows and "
            "carry a mask: keras.ops.arange(x.shape[1])[None] < counts[:, None]."
        )
    return ops.concatenate([x[i, : counts[i]] for i in range(num_rows)], axis=0)


def _not_zeros(boxes):
    return ops.any(ops.not_equal(boxes, 0), axis=-1)
