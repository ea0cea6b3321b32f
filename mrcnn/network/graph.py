"""The network on one screen: the stages in the paper's order. No maths here.

Shapes: B images, G truth slots, A anchors, R ROIs, K classes, D detections, H W C.
This file reads the Config, and `old_names.py`, whose functions get one; a stage gets plain values.
"""

import keras
from keras import layers

from mrcnn.conventions import conventions_of
from mrcnn.network import heads
from mrcnn.network.backbone import resnet
from mrcnn.network.class_detections import ClassDetectionLayer
from mrcnn.network.detections import DetectionLayer
from mrcnn.network.fpn import feature_pyramid
from mrcnn.network.geometry import Anchors, NormBoxes, Window, nonempty
from mrcnn.network.level_proposals import LevelProposalLayer
from mrcnn.network.losses import Losses
from mrcnn.network.precision import computing_in
from mrcnn.network.proposals import ProposalLayer
from mrcnn.network.roi_targets import DetectionTargetLayer
from mrcnn.network.rpn import region_proposals, rpn_model
from mrcnn.network.rpn_samples import SampledRPN
from mrcnn.network.rpn_targets import RPNTargetLayer
from mrcnn.network.stored_model import StoredModel
from mrcnn.network.train_model import TrainModel


def build_training(config, anchors_px):
    """Model from a batch (see `_training_inputs`) to the losses, a dict of scalars.

    anchors_px: (A, 4), for IMAGE_SHAPE.
    """
    with computing_in(config.PRECISION):
        return _training(config, anchors_px)


def build_inference(config, anchor_count):
    """Model from [images, image metas, normalised anchors (B, A, 4)] to the old engine's seven outputs.

    anchor_count: A, or None where every image has its own size.

    detections (B, D, 6), class probabilities (B, R, K), deltas (B, R, K, 4), masks (B, D, h, w, K), ROIs (B, R, 4), RPN
    class probabilities (B, A, 2), RPN deltas (B, A, 4). Without USE_MASK there are no masks.
    """
    with computing_in(config.PRECISION):
        return _inference(config, anchor_count)


def _training(config, anchors_px):
    if conventions_of(config).pooling.samples is None and keras.backend.backend() == "jax":
        raise ValueError("POOL_SAMPLES is None: JAX has no gradient of as many samples as needed. Set 4 to train.")
    inputs = _training_inputs(config)
    image = inputs["images"]
    pyramid = _pyramid(image, config)
    rpn = _rpn(config)
    rpn_outputs = region_proposals(pyramid, rpn)  # no gradient flows back from the proposals
    edge = conventions_of(config).edge
    anchors = Anchors(anchors_px, config.IMAGE_SHAPE[:2], edge, name="anchors")(image)

    if config.USE_RPN_ROIS:
        proposals = _proposals(rpn_outputs, anchors, image, pyramid, config, config.POST_NMS_ROIS_TRAINING)
    else:
        proposals = {"rois": inputs["rois"], "valid": nonempty(inputs["rois"])}

    rpn_targets = RPNTargetLayer(
        anchors_px=anchors_px,
        sample=config.RPN_TRAIN_ANCHORS_PER_IMAGE,
        bbox_std_dev=config.RPN_BBOX_STD_DEV,
        seed=config.SEED,
        name="rpn_targets",
    )([inputs["gt_boxes_px"], inputs["gt_class_ids"], inputs["gt_valid"]])

    targets = _detection_targets(inputs, proposals, config)
    logits, _, deltas = _class_box_head(targets["rois"], image, pyramid, config, targets["valid"])
    anchor_samples = [rpn_targets["positive"], rpn_targets["negative"]]
    sampled = SampledRPN(rpn, name="rpn_samples")([*anchor_samples, *pyramid], everywhere=rpn_outputs[1])
    rpn_targets |= {name: sampled[name] for name in ("positive", "negative")}
    predictions = {"rpn_logits": sampled["logits"], "rpn_deltas": sampled["deltas"], "logits": logits, "deltas": deltas}
    if config.USE_MASK:  # of the objects' slots only: the others have no mask to learn
        positives = targets["positive_valid"].shape[1]
        predictions["masks"] = _mask_head(
            targets["rois"][:, :positives], image, pyramid, config, targets["positive_valid"]
        )
    outputs = Losses(name="losses")(predictions, rpn_targets, targets, inputs["active_class_ids"])
    return TrainModel(
        inputs,
        outputs,
        loss_weights=config.LOSS_WEIGHTS,
        weight_decay=config.WEIGHT_DECAY,
        name="mask_rcnn",
    )


def _inference(config, anchor_count):
    image = keras.Input(image_shape(config), name="input_image")
    meta = keras.Input((config.IMAGE_META_SIZE,), name="input_image_meta")
    anchors = keras.Input((anchor_count, 4), name="input_anchors")
    pyramid = _pyramid(image, config)
    rpn_outputs = region_proposals(pyramid, _rpn(config))
    window = Window(conventions_of(config).edge, name="window")(meta)
    count = config.POST_NMS_ROIS_INFERENCE
    proposals = _proposals(rpn_outputs, anchors, image, pyramid, config, count, window)

    rois, valid = proposals["rois"], proposals["valid"]
    _, probabilities, deltas = _class_box_head(rois, image, pyramid, config, valid)
    detections = _detections(rois, valid, probabilities, deltas, window, image, config)
    outputs = [detections, probabilities, deltas]
    if config.USE_MASK:
        # Batch statistics, if TRAIN_BN asks for them, are over all slots, as in the old engine.
        used = None if config.TRAIN_BN else detections[..., 4] > 0
        outputs.append(_mask_head(detections[..., :4], image, pyramid, config, used))
    return StoredModel([image, meta, anchors], [*outputs, rois, *rpn_outputs[1:]], name="mask_rcnn")


def image_shape(config):
    """(H, W, C) of the network's images, H and W None where every image has its own size."""
    if config.IMAGE_RESIZE_MODE in ("square", "crop"):
        return tuple(int(n) for n in config.IMAGE_SHAPE)
    return (None, None, int(config.IMAGE_SHAPE[2]))


def _training_inputs(config):
    slots = config.MAX_GT_INSTANCES
    shape = config.MINI_MASK_SHAPE if config.USE_MINI_MASK else tuple(int(n) for n in config.IMAGE_SHAPE[:2])
    inputs = {
        "images": keras.Input(image_shape(config), name="images"),  # molded: mean subtracted
        "active_class_ids": keras.Input((config.NUM_CLASSES,), name="active_class_ids"),  # 1: a class of the data set
        "gt_class_ids": keras.Input((slots,), dtype="int32", name="gt_class_ids"),  # negative: a crowd
        "gt_boxes_px": keras.Input((slots, 4), name="gt_boxes_px"),
        "gt_valid": keras.Input((slots,), dtype="bool", name="gt_valid"),
    }
    if config.USE_MASK:
        inputs["gt_masks"] = keras.Input((slots, *shape), dtype="uint8", name="gt_masks")
    if not config.USE_RPN_ROIS:
        inputs["rois"] = keras.Input((config.POST_NMS_ROIS_TRAINING, 4), name="rois")  # normalised, zeros: unused
    return inputs


def _pyramid(image, config):
    if isinstance(config.BACKBONE, str):
        maps = resnet(
            image,
            config.BACKBONE,
            width=config.BACKBONE_WIDTH,
            stride_in=config.BACKBONE_STRIDE_IN,
            padding=conventions_of(config).padding,
            norm=config.NORM,
            train_bn=config.TRAIN_BN,
        )
    elif isinstance(config.BACKBONE, keras.Model):
        backbone = keras.models.clone_model(config.BACKBONE)  # the caller's keeps its weights
        backbone.set_weights(config.BACKBONE.get_weights())
        maps = backbone(image)
    else:
        maps = config.BACKBONE(image, stage5=True, train_bn=config.TRAIN_BN)
    return feature_pyramid(maps[-4:], channels=config.TOP_DOWN_PYRAMID_SIZE)


def _rpn(config):
    return rpn_model(
        ratios=len(config.RPN_ANCHOR_RATIOS),
        stride=config.RPN_ANCHOR_STRIDE,
        depth=config.TOP_DOWN_PYRAMID_SIZE,
        channels=config.RPN_CHANNELS,
        convolutions=config.RPN_DEPTH,
    )


def _proposals(rpn_outputs, anchors, image, pyramid, config, count, window=None):
    logits, probabilities, deltas = rpn_outputs
    conventions = conventions_of(config)
    options = {
        "proposal_count": count,
        "nms_threshold": config.RPN_NMS_THRESHOLD,
        "pre_nms_limit": config.PRE_NMS_LIMIT,
        "bbox_std_dev": config.RPN_BBOX_STD_DEV,
        "name": "proposals",
    }
    if conventions.proposals_per_level:
        layer = LevelProposalLayer(
            anchors_in_cell=len(config.RPN_ANCHOR_RATIOS),
            anchor_stride=config.RPN_ANCHOR_STRIDE,
            least_side_px=conventions.least_proposal_px,
            delta_limit=conventions.delta_limit,
            **options,
        )
        proposals = layer([logits, deltas, anchors, image, *pyramid], window=window)
    else:
        proposals = ProposalLayer(**options)([probabilities, deltas, anchors])
    rois = layers.Identity(name="ROI", dtype="float32")(proposals["rois"])  # the old name, for looking inside
    return proposals | {"rois": rois}


def _detection_targets(inputs, proposals, config):
    layer = DetectionTargetLayer(
        sample=config.TRAIN_ROIS_PER_IMAGE,
        positive_ratio=config.ROI_POSITIVE_RATIO,
        bbox_std_dev=config.BBOX_STD_DEV,
        mask_shape=tuple(int(n) for n in config.MASK_SHAPE) if config.USE_MASK else None,
        mini_mask=config.USE_MINI_MASK,
        seed=config.SEED,
        name="proposal_targets",
    )
    gt_boxes = NormBoxes(conventions_of(config).edge, name="gt_boxes")([inputs["gt_boxes_px"], inputs["images"]])
    truth = [inputs["gt_class_ids"], gt_boxes, inputs["gt_valid"]]
    masks = [inputs["gt_masks"]] if config.USE_MASK else []
    return layer([proposals["rois"], proposals["valid"], *truth, *masks])


def _class_box_head(rois, image, pyramid, config, valid):
    pool = (config.POOL_SIZE, config.POOL_SIZE)
    pooling = conventions_of(config).pooling
    features = heads.PyramidROIAlign(pool, pooling, name="roi_align_classifier")([rois, image, *pyramid[:4]])
    return heads.class_box_head(
        features,
        classes=config.NUM_CLASSES,
        fc_size=config.FPN_CLASSIF_FC_LAYERS_SIZE,
        norm=config.NORM,
        train_bn=config.TRAIN_BN,
        valid=valid,
        convolutions=config.BOX_HEAD_CONVS,
        fc_layers=config.BOX_HEAD_LAYERS,
    )


def _detections(rois, valid, probabilities, deltas, window, image, config):
    conventions = conventions_of(config)
    options = {
        "max_instances": config.DETECTION_MAX_INSTANCES,
        "min_confidence": config.DETECTION_MIN_CONFIDENCE,
        "nms_threshold": config.DETECTION_NMS_THRESHOLD,
        "bbox_std_dev": config.BBOX_STD_DEV,
        "name": "mrcnn_detection",
    }
    if not conventions.every_class:
        return DetectionLayer(**options)([rois, valid, probabilities, deltas, window])
    layer = ClassDetectionLayer(
        least_side_px=conventions.least_detection_px, delta_limit=conventions.delta_limit, **options
    )
    return layer([rois, valid, probabilities, deltas, window, image])


def _mask_head(rois, image, pyramid, config, used):
    pool = (config.MASK_POOL_SIZE, config.MASK_POOL_SIZE)
    pooling = conventions_of(config).pooling
    features = heads.PyramidROIAlign(pool, pooling, name="roi_align_mask")([rois, image, *pyramid[:4]], used=used)
    return heads.mask_head(
        features,
        classes=config.NUM_CLASSES,
        channels=config.MASK_HEAD_CHANNELS,
        depth=config.MASK_HEAD_DEPTH,
        norm=config.NORM,
        train_bn=config.TRAIN_BN,
        used=used,
    )
