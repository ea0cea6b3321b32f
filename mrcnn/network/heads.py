"""The two heads: class and box of each ROI, and its mask.

Shapes: B images, R ROIs, K classes, C channels, P samples along a side.
"""

import keras
from keras import layers, ops

from mrcnn.conventions import MATTERPORT, Pooling
from mrcnn.network.norm import normalise
from mrcnn.network.rows import UsedRows, back_to_all, rows_in_use
from mrcnn.ops.roi_align import pyramid_roi_align


@keras.saving.register_keras_serializable("mrcnn")
class PyramidROIAlign(layers.Layer):
    """Features of ROIs: [rois (B, R, 4), image (B, H, W, C), P2, P3, P4, P5] -> (B, R, *pool_shape, C).

    Of the image only the size counts: it decides which level a ROI belongs to. In its place image metas (B, 12 + K) may
    stand, as in old code; the first one's size counts.
    pooling: a `conventions.Pooling`.
    used: (B, R) bool, or None. With it the result has the ROIs of all images in one row, (B * R, *pool_shape, C), or
    only those in use where shapes may vary (see `rows`).
    """

    def __init__(self, pool_shape, pooling=MATTERPORT.pooling, **kwargs):
        super().__init__(**({"autocast": False} | kwargs))  # places stay float32, features as they are
        self.pool_shape = tuple(pool_shape)
        self.pooling = Pooling(*pooling)

    def call(self, inputs, used=None):
        rois, image, *maps = inputs
        height, width = ops.shape(image)[1:3] if len(image.shape) == 4 else (image[0, 4], image[0, 5])
        if used is None:
            return pyramid_roi_align(maps, rois, height * width, self.pool_shape, pooling=self.pooling)
        rows = rows_in_use(used)
        features = pyramid_roi_align(maps, rois, height * width, self.pool_shape, rows, self.pooling)
        return ops.reshape(features, (-1, *features.shape[-3:]))

    def compute_output_spec(self, inputs, used=None):
        rois, maps = inputs[0], inputs[2:]
        leading = rois.shape[:2] if used is None else (None,)
        return keras.KerasTensor((*leading, *self.pool_shape, maps[0].shape[-1]), maps[0].dtype)

    def get_config(self):
        return super().get_config() | {"pool_shape": self.pool_shape, "pooling": list(self.pooling)}


@keras.saving.register_keras_serializable("mrcnn")
class FullKernelConv(layers.Conv2D):
    """A convolution whose kernel covers the whole input, so one place is left: done as one matrix product."""

    def call(self, inputs):
        rows = ops.shape(inputs)[0]
        kernel = ops.reshape(ops.cast(self.kernel, self.compute_dtype), (-1, self.filters))
        outputs = ops.matmul(ops.reshape(inputs, (rows, kernel.shape[0])), kernel)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, self.compute_dtype)
        return ops.reshape(self.activation(outputs), (rows, 1, 1, self.filters))


@keras.saving.register_keras_serializable("mrcnn")
class RoiConv(layers.Conv2D):
    """A convolution of merged ROIs (B * R, P, P, C) whose output has them apart again, (B, R, P, P, filters).

    used: (B * R, 1, 1) bool, if `UsedRows` left out the others; those are 0 in the output.
    """

    def __init__(self, rois, filters, kernel_size, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.rois = rois

    def call(self, inputs, used=None):
        outputs = super().call(inputs)
        if used is not None:
            outputs = back_to_all(outputs, used)
        return ops.reshape(outputs, (-1, self.rois, *outputs.shape[1:]))

    def compute_output_shape(self, input_shape):
        _, *shape = super().compute_output_shape(input_shape)
        return (None, self.rois, *shape)

    def get_config(self):
        return super().get_config() | {"rois": self.rois}


def class_box_head(features, *, classes, fc_size, norm, train_bn, valid=None, convolutions=0, fc_layers=2):
    """ROI features (B, R, P, P, C) -> class logits (B, R, K), probabilities (B, R, K), deltas (B, R, K, 4).

    valid: (B, R) bool, ROIs that count in batch statistics.  convolutions, fc_layers: of each, how many.
    """
    rois = features.shape[1]
    x, valid = _merge(features, valid)  # (B * R, P, P, C)
    options = {"norm": norm, "train_bn": train_bn, "valid": valid}
    for i in range(1, convolutions + 1):
        x = layers.Conv2D(features.shape[-1], 3, padding="same", name=f"mrcnn_box_conv{i}")(x)
        x = layers.Activation("relu", name=f"mrcnn_box_relu{i}")(normalise(x, f"mrcnn_box_bn{i}", **options))
    for i in range(1, fc_layers + 1):
        x = FullKernelConv(fc_size, features.shape[2:4] if i == 1 else 1, name=f"mrcnn_class_conv{i}")(x)
        x = layers.Activation("relu", name=f"mrcnn_class_relu{i}")(normalise(x, f"mrcnn_class_bn{i}", **options))
    x = layers.Reshape((fc_size,), name="pool_squeeze")(x)  # (B * R, fc)
    logits = layers.Dense(classes, name="mrcnn_class_logits", dtype="float32")(x)
    deltas = layers.Dense(4 * classes, name="mrcnn_bbox_fc", dtype="float32")(x)
    logits = Split(rois, (classes,), name="mrcnn_class_logits_split", dtype="float32")(logits)
    probabilities = layers.Activation("softmax", name="mrcnn_class", dtype="float32")(logits)
    return logits, probabilities, Split(rois, (classes, 4), name="mrcnn_bbox", dtype="float32")(deltas)


def mask_head(features, *, classes, channels, depth, norm, train_bn, used=None):
    """ROI features (B, R, P, P, C) -> masks (B, R, 2P, 2P, K), values 0 to 1.

    used: (B, R) bool, ROIs that have a mask and count in batch statistics; the others' is 0. None: all of them. The
    features are to be what `PyramidROIAlign` gives with the same `used`.
    """
    if used is None:
        rois, valid = features.shape[1], None
        x, _ = _merge(features, None)
    else:
        rois, x = used.shape[1], features
        used = ops.reshape(used, (-1, 1, 1))  # one dimension less than the features, as batch norm wants it
        valid = UsedRows(name="mrcnn_mask_valid")(used)
    for i in range(1, depth + 1):
        x = layers.Conv2D(channels, 3, padding="same", name=f"mrcnn_mask_conv{i}")(x)
        x = normalise(x, f"mrcnn_mask_bn{i}", norm=norm, train_bn=train_bn, valid=valid)
        x = layers.Activation("relu", name=f"mrcnn_mask_relu{i}")(x)
    x = layers.Conv2DTranspose(channels, 2, strides=2, activation="relu", name="mrcnn_mask_deconv")(x)
    return RoiConv(rois, classes, 1, activation="sigmoid", name="mrcnn_mask", dtype="float32")(x, used=used)


@keras.saving.register_keras_serializable("mrcnn")
class Split(layers.Layer):
    """(B * R, ...) -> (B, R, *shape)."""

    def __init__(self, rois, shape, **kwargs):
        super().__init__(**kwargs)
        self.rois = rois
        self.shape = tuple(shape)

    def call(self, inputs):
        return ops.reshape(inputs, (-1, self.rois, *self.shape))

    def compute_output_shape(self, input_shape):  # JAX cannot divide an unknown batch by the number of ROIs
        return (None, self.rois, *self.shape)

    def get_config(self):
        return super().get_config() | {"rois": self.rois, "shape": self.shape}


def _merge(features, valid):
    """(B, R, P, P, C) -> (B * R, P, P, C), and `valid`, if any, to (B * R, 1, 1)."""
    merged = ops.reshape(features, (-1, *features.shape[2:]))
    if valid is not None:  # one dimension less than the features, as batch norm wants it
        valid = ops.reshape(valid, (-1, 1, 1))
    return merged, valid
