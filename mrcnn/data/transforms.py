"""Our own augmentation: one random change of a picture and its masks together.

H W C of the picture, N masks. Geometry moves picture and masks by one and the same affine map, and the boxes are taken
from the masks afterwards (by `load_image_gt`), so they cannot disagree. What comes in from outside is `fill`.
"""

import dataclasses

import cv2
import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random flips, scale, rotation, shift and colour, and objects of another picture.

    flip_left_right, flip_up_down: probability of each flip, 0 to 1.
    scale: (least, greatest) factor about the centre.  rotate: greatest angle in degrees, either way.
    shift: greatest shift as a share of the side, either way.
    brightness: greatest shift of all channels, as a share of the full range, either way.  contrast: greatest change of
    the contrast, as a share.  colour: as brightness, for each channel by itself.
    copy_paste: probability, 0 to 1, that objects of another picture are pasted into this one, see
    `mrcnn.data.copy_paste`; where pictures are loaded with their data set (`load_image_gt`, `Loader`).
    fill: gray level, 0 to 255, of what comes in from outside.
    """

    flip_left_right: float = 0.5
    flip_up_down: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    rotate: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    copy_paste: float = 0.0
    fill: int = 114

    def __post_init__(self):
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale is {self.scale}: give (least, greatest), both above 0.")
        if not 0 <= self.copy_paste <= 1:
            raise ValueError(f"copy_paste is {self.copy_paste}: give a probability, 0 to 1.")

    def __call__(self, image, mask, rng):
        """Picture uint8 [H, W, C] and masks bool [H, W, N], changed; rng: np.random.Generator."""
        image, masks = self.change(image, CroppedMasks.of(mask), rng)
        return image, masks.full()

    def change(self, image, masks, rng):
        """The same, for masks as CroppedMasks."""
        if rng.random() < self.flip_left_right:
            image, masks = image[:, ::-1], masks.flipped(1)
        if rng.random() < self.flip_up_down:
            image, masks = image[::-1], masks.flipped(0)
        image, masks = self._move(np.ascontiguousarray(image), masks, rng)
        return self._recolour(image, rng), masks

    def _move(self, image, masks, rng):
        height, width = image.shape[:2]
        scale = np.exp(rng.uniform(*np.log(self.scale)))
        angle = rng.uniform(-self.rotate, self.rotate)
        shift = rng.uniform(-self.shift, self.shift, 2) * (width, height)
        if scale == 1 and angle == 0 and not shift.any():
            return image, masks
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
        matrix[:, 2] += shift
        moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(self.fill,) * 4)
        return moved.reshape(image.shape), masks.warped(matrix)  # cv2 drops a channel axis of length one

    def _recolour(self, image, rng):
        channels = image.shape[2]
        gain = 1 + rng.uniform(-self.contrast, self.contrast)
        offset = rng.uniform(-self.brightness, self.brightness) + rng.uniform(-self.colour, self.colour, channels)
        if gain == 1 and not offset.any():
            return image
        levels = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((levels - 128) * gain + 128 + 255 * offset, 0, 255).astype(np.uint8)  # (256, C)
        return cv2.LUT(image, table[np.newaxis]).reshape(image.shape)
