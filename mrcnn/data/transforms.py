"""Our own augmentation: one random change of a picture and its masks together.

H W C of the picture, N masks. Geometry moves picture and masks by one and the same affine map, and the boxes are taken
from the masks afterwards (by `load_image_gt`), so they cannot disagree. What comes in from outside is `fill`.
"""

import cv2
import numpy as np


class Augmentation:
    """Random flips, scale, rotation, shift and colour.

    flip_left_right, flip_up_down: probability of each flip, 0 to 1.
    scale: (least, greatest) factor about the centre.  rotate: greatest angle in degrees, either way.
    shift: greatest shift as a share of the side, either way.
    brightness: greatest shift of all channels, as a share of the full range, either way.  contrast: greatest change of
    the contrast, as a share.  colour: as brightness, for each channel by itself.
    fill: gray level, 0 to 255, of what comes in from outside.
    """

    def __init__(
        self,
        *,
        flip_left_right=0.5,
        flip_up_down=0.0,
        scale=(1.0, 1.0),
        rotate=0.0,
        shift=0.0,
        brightness=0.0,
        contrast=0.0,
        colour=0.0,
        fill=114,
    ):
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f"scale is {scale}: give (least, greatest), both above 0.")
        self.flip_left_right, self.flip_up_down = flip_left_right, flip_up_down
        self.scale, self.rotate, self.shift = scale, rotate, shift
        self.brightness, self.contrast, self.colour = brightness, contrast, colour
        self.fill = fill

    def __call__(self, image, mask, rng):
        """Picture uint8 [H, W, C] and masks bool [H, W, N], changed; rng: np.random.Generator."""
        if rng.random() < self.flip_left_right:
            image, mask = image[:, ::-1], mask[:, ::-1]
        if rng.random() < self.flip_up_down:
            image, mask = image[::-1], mask[::-1]
        image, mask = self._move(np.ascontiguousarray(image), mask, rng)
        return self._recolour(image, rng), mask

    def _move(self, image, mask, rng):
        height, width = image.shape[:2]
        scale = np.exp(rng.uniform(*np.log(self.scale)))
        angle = rng.uniform(-self.rotate, self.rotate)
        shift = rng.uniform(-self.shift, self.shift, 2) * (width, height)
        if scale == 1 and angle == 0 and not shift.any():
            return image, mask
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
        matrix[:, 2] += shift
        moved = _warp(image, matrix, cv2.INTER_LINEAR, self.fill)
        masks = [_warp(mask[:, :, i].astype(np.uint8), matrix, cv2.INTER_NEAREST, 0) for i in range(mask.shape[2])]
        return moved, np.stack(masks, axis=2).astype(bool) if masks else mask

    def _recolour(self, image, rng):
        channels = image.shape[2]
        gain = 1 + rng.uniform(-self.contrast, self.contrast)
        offset = rng.uniform(-self.brightness, self.brightness) + rng.uniform(-self.colour, self.colour, channels)
        if gain == 1 and not offset.any():
            return image
        levels = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((levels - 128) * gain + 128 + 255 * offset, 0, 255).astype(np.uint8)  # (256, C)
        return np.stack([table[:, i][image[:, :, i]] for i in range(channels)], axis=2)


def _warp(pixels, matrix, interpolation, fill):
    """`pixels` [H, W] or [H, W, C] moved by the 2 x 3 matrix, in the same size."""
    height, width = pixels.shape[:2]
    fill = (fill,) * 4
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=interpolation, borderValue=fill)
    return moved.reshape(pixels.shape)  # cv2 drops a channel axis of length one
