"""ResNet, version 1, with the old engine's layer names: C2 to C5 of an image.

Deep Residual Learning (He et al., 2015), table 1. As in the old engine: every convolution has a bias, and conv1 is
padded by 3 and then valid.
"""

from keras import layers

from mrcnn.network.norm import normalise

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
STRIDE_IN = ("1x1", "3x3")
BOTTLENECK = ("resnet50", "resnet101")
STRIDES = (4, 8, 16, 32, 64)  # of P2 to P6


def resnet(image, architecture, *, width=64, stride_in="1x1", padding="same", norm="batch", train_bn=False):
    """Maps C2, C3, C4, C5 with strides 4, 8, 16, 32 of an image tensor (B, H, W, C).

    width: channels of conv1 (64 in the paper); the stages have 1, 2, 4 and 8 times as many (four times that in the
    bottleneck nets).  stride_in: "1x1" or "3x3", the convolution of a bottleneck that has the stride.  padding: "same"
    (TensorFlow's: a window of 3 with stride 2 starts on the first pixel of an even side) or "symmetric" (PyTorch's: it
    starts one pixel before it).
    """
    if architecture not in BLOCKS:
        raise ValueError(f"BACKBONE is {architecture!r}: use one of {', '.join(BLOCKS)}, or a Keras model.")
    if stride_in not in STRIDE_IN:
        raise ValueError(f"BACKBONE_STRIDE_IN is {stride_in!r}: use one of {', '.join(STRIDE_IN)}.")
    bottleneck = architecture in BOTTLENECK
    block_options = {"bottleneck": bottleneck, "stride_in": stride_in, "padding": padding}
    options = {"norm": norm, "train_bn": train_bn}
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(width, 7, strides=2, name="conv1")(x)
    x = layers.Activation("relu", name="conv1_relu")(normalise(x, "bn_conv1", **options))
    if padding == "symmetric":  # with zeros, as relu leaves nothing below
        x, padding = layers.ZeroPadding2D(1, name="pool1_pad")(x), "valid"
    x = layers.MaxPooling2D(3, strides=2, padding=padding, name="pool1")(x)
    maps = []
    for stage, blocks in enumerate(BLOCKS[architecture], start=2):
        channels = width * 2 ** (stage - 2)
        for block in range(blocks):
            stride = 2 if stage > 2 and block == 0 else 1
            label = f"{stage}{chr(ord('a') + block)}"
            project = stride != 1 or (block == 0 and (bottleneck or x.shape[-1] != channels))
            x = residual_block(x, channels, label, stride=stride, project=project, **block_options, **options)
        maps.append(x)
    return maps


def residual_block(
    x,
    channels,
    label,
    *,
    stride=1,
    bottleneck,
    project,
    stride_in="1x1",
    padding="same",
    norm="batch",
    train_bn=False,
):
    """One block of the ResNet, (B, H, W, C) -> `channels` channels, in a bottleneck block four times as many.

    label: stage and block, as "2a".  project: whether the shortcut has a convolution.  The rest: as in `resnet`.
    """
    options = {"padding": padding, "norm": norm, "train_bn": train_bn}
    shortcut = _conv(x, channels * (4 if bottleneck else 1), 1, label, "1", stride, options) if project else x
    strides = (1, stride) if bottleneck and stride_in == "3x3" else (stride, 1)
    residual = (_bottleneck if bottleneck else _basic)(x, channels, strides, label, options)
    x = layers.Add(name=f"res{label}_add")([residual, shortcut])
    return layers.Activation("relu", name=f"res{label}_out")(x)


def _bottleneck(x, channels, strides, label, options):
    x = _relu(_conv(x, channels, 1, label, "2a", strides[0], options), label, "2a")
    x = _relu(_conv(x, channels, 3, label, "2b", strides[1], options), label, "2b")
    return _conv(x, 4 * channels, 1, label, "2c", 1, options)


def _basic(x, channels, strides, label, options):
    x = _relu(_conv(x, channels, 3, label, "2a", strides[0], options), label, "2a")
    return _conv(x, channels, 3, label, "2b", 1, options)


def _conv(x, channels, kernel, label, branch, stride, options):
    name, padding = f"res{label}_branch{branch}", "same"
    if kernel > 1 and stride > 1 and options["padding"] == "symmetric":
        x, padding = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"
    x = layers.Conv2D(channels, kernel, strides=stride, padding=padding, name=name)(x)
    return normalise(x, f"bn{label}_branch{branch}", norm=options["norm"], train_bn=options["train_bn"])


def _relu(x, label, branch):
    return layers.Activation("relu", name=f"res{label}_branch{branch}_relu")(x)
