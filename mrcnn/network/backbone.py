"""ResNet, version 1, with the old engine's layer names: C2 to C5 of an image.

Deep Residual Learning (He et al., 2015), table 1. As in the old engine: every convolution has a bias, the stride of a
stage is in its first convolution, and conv1 is padded by 3 and then valid.
"""

from keras import layers

from mrcnn.network.norm import normalise

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
BOTTLENECK = ("resnet50", "resnet101")
STRIDES = (4, 8, 16, 32, 64)  # of P2 to P6


def resnet(image, architecture, *, width=64, norm="batch", train_bn=False):
    """Maps C2, C3, C4, C5 with strides 4, 8, 16, 32 of an image tensor (B, H, W, C).

    width: channels of conv1 (64 in the paper); the stages have 1, 2, 4 and 8 times as many (four times that in the
    bottleneck nets).
    """
    if architecture not in BLOCKS:
        raise ValueError(f"BACKBONE is {architecture!r}: use one of {', '.join(BLOCKS)}, or a Keras model.")
    bottleneck = architecture in BOTTLENECK
    options = {"norm": norm, "train_bn": train_bn}
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(width, 7, strides=2, name="conv1")(x)
    x = layers.Activation("relu", name="conv1_relu")(normalise(x, "bn_conv1", **options))
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)
    maps = []
    for stage, blocks in enumerate(BLOCKS[architecture], start=2):
        channels = width * 2 ** (stage - 2)
        for block in range(blocks):
            stride = 2 if stage > 2 and block == 0 else 1
            label = f"{stage}{chr(ord('a') + block)}"
            project = stride != 1 or (block == 0 and (bottleneck or x.shape[-1] != channels))
            x = residual_block(x, channels, label, stride=stride, bottleneck=bottleneck, project=project, **options)
        maps.append(x)
    return maps


def residual_block(x, channels, label, *, stride=1, bottleneck, project, norm="batch", train_bn=False):
    """One block of the ResNet, (B, H, W, C) -> `channels` channels, in a bottleneck block four times as many.

    label: stage and block, as "2a".  project: whether the shortcut has a convolution.
    """
    options = {"norm": norm, "train_bn": train_bn}
    shortcut = _conv(x, channels * (4 if bottleneck else 1), 1, label, "1", stride, options) if project else x
    residual = (_bottleneck if bottleneck else _basic)(x, channels, stride, label, options)
    x = layers.Add(name=f"res{label}_add")([residual, shortcut])
    return layers.Activation("relu", name=f"res{label}_out")(x)


def _bottleneck(x, channels, stride, label, options):
    x = _relu(_conv(x, channels, 1, label, "2a", stride, options), label, "2a")
    x = _relu(_conv(x, channels, 3, label, "2b", 1, options), label, "2b")
    return _conv(x, 4 * channels, 1, label, "2c", 1, options)


def _basic(x, channels, stride, label, options):
    x = _relu(_conv(x, channels, 3, label, "2a", stride, options), label, "2a")
    return _conv(x, channels, 3, label, "2b", 1, options)


def _conv(x, channels, kernel, label, branch, stride, options):
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", name=f"res{label}_branch{branch}")(x)
    return normalise(x, f"bn{label}_branch{branch}", **options)


def _relu(x, label, branch):
    return layers.Activation("relu", name=f"res{label}_branch{branch}_relu")(x)
