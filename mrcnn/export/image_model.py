"""The network from uint8 images to boxes in their pixels, as one Keras model with one input."""

import keras

from mrcnn.conventions import conventions_of
from mrcnn.data.molding import mean_pixel
from mrcnn.export.mold_layer import MoldImages
from mrcnn.export.unmold_layer import UnmoldDetections


def image_model(model, size=None, batch=None):
    """Keras model "image to objects" that shares the weights of `model`, a MaskRCNN made for inference.

    size: (height, width) of every image; None: any, images of one batch being of one size.
    batch: images at a time; None: any.
    Input: uint8 (B, H, W, C), RGB. Output: the dict of `UnmoldDetections`.
    Raises ValueError for a Config whose images or anchors cannot be made inside the graph.
    """
    model._must_be("inference")
    config, conventions = model.config, conventions_of(model.config)
    if callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None:
        raise ValueError("COMPUTE_BACKBONE_SHAPE is Python code, which no export can hold: leave it at None.")
    shape = (*(size or (None, None)), int(config.IMAGE_CHANNEL_COUNT))
    image = keras.Input(shape, batch_size=batch, dtype="uint8", name="image")
    molded, meta, anchors = MoldImages(
        mode=config.IMAGE_RESIZE_MODE,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mean_pixel=mean_pixel(config, config.IMAGE_CHANNEL_COUNT),
        classes=config.NUM_CLASSES,
        scales=config.RPN_ANCHOR_SCALES,
        ratios=config.RPN_ANCHOR_RATIOS,
        strides=config.BACKBONE_STRIDES,
        anchor_stride=config.RPN_ANCHOR_STRIDE,
        resizing=conventions.resizing,
        edge=conventions.edge,
        anchors_rounded=conventions.anchors_rounded,
        anchors_spread=conventions.anchors_spread,
        name="mold",
    )(image)
    network = model.keras_model([molded, meta, anchors])
    masks = [network[3]] if config.USE_MASK else []
    found = UnmoldDetections(conventions.edge, conventions.whole_boxes, name="unmold")([network[0], meta, *masks])
    return keras.Model(image, found, name="image_to_objects")
