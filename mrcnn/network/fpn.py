"""Feature pyramid (Lin et al., 2017): P2 to P6 from C2 to C5."""

from keras import layers


def feature_pyramid(maps, *, channels=256):
    """C2..C5 (B, H, W, C) -> P2..P6, all with `channels` channels; P6 is P5 at every second place, for the RPN only."""
    c2, c3, c4, c5 = maps
    p5 = layers.Conv2D(channels, 1, name="fpn_c5p5")(c5)
    p4 = _merge(p5, c4, channels, "fpn_p5upsampled", "fpn_c4p4", "fpn_p4add")
    p3 = _merge(p4, c3, channels, "fpn_p4upsampled", "fpn_c3p3", "fpn_p3add")
    p2 = _merge(p3, c2, channels, "fpn_p3upsampled", "fpn_c2p2", "fpn_p2add")
    p2, p3, p4, p5 = (
        layers.Conv2D(channels, 3, padding="same", name=f"fpn_p{level}")(x)
        for level, x in zip((2, 3, 4, 5), (p2, p3, p4, p5), strict=True)
    )
    p6 = layers.MaxPooling2D(1, strides=2, name="fpn_p6")(p5)
    return [p2, p3, p4, p5, p6]


def _merge(coarse, fine, channels, upsample_name, lateral_name, add_name):
    upsampled = layers.UpSampling2D(2, name=upsample_name)(coarse)
    return layers.Add(name=add_name)([upsampled, layers.Conv2D(channels, 1, name=lateral_name)(fine)])
