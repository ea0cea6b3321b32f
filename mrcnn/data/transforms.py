"""Our own augmentation: one random change of an image and its masks together.

H W C of the image, N masks. Geometry moves image and masks by one and the same affine map, and the boxes are taken
from the masks afterwards (by `load_image_gt`), so they cannot disagree. What comes in from outside is `fill`.
"""
# By hand: Albumentations is no longer developed under MIT; ours draws before it resizes, keeps crops and is seeded.

import dataclasses

import cv2
import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random flips, scale, rotation, shift and colour, and objects of another image.

    flip_left_right, flip_up_down: probability of each flip, 0 to 1.
    scale: (least, greatest) factor.
    random_crop: True: the scaled image lies anywhere, of a larger one a random crop is seen; False: in the middle.
    rotate: greatest angle in degrees, either way.  shift: greatest shift as a share of the side, either way.
    brightness: greatest shift of all channels, as a share of the full range, either way.  contrast: greatest change of
    the contrast, as a share.  colour: as brightness, for each channel by itself.
    copy_paste: probability, 0 to 1, that objects of another image are pasted into this one, see
    `mrcnn.data.copy_paste`; where images are loaded with their data set (`load_image_gt`, `Loader`).
    fill: gray level, 0 to 255, of what comes in from outside.
    """

    flip_left_right: float = 0.5
    flip_up_down: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    random_crop: bool = False
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
        """Image uint8 [H, W, C] and masks bool [H, W, N], changed; rng: np.random.Generator."""
        change = self.draw(rng, image.shape[2])
        image, masks = change(image, CroppedMasks.of(mask), image.shape[:2])
        return image, masks.full()

    def draw(self, rng, channels):
        """The Change of one image of so many channels."""
        left_right, up_down = rng.random() < self.flip_left_right, rng.random() < self.flip_up_down
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        angle = rng.uniform(-self.rotate, self.rotate)
        shift = rng.uniform(-self.shift, self.shift, 2)
        if self.random_crop:
            shift += rng.uniform(-0.5, 0.5, 2) * abs(1 - scale)
        gain = 1 + rng.uniform(-self.contrast, self.contrast)
        offset = rng.uniform(-self.brightness, self.brightness) + rng.uniform(-self.colour, self.colour, channels)
        return Change(left_right, up_down, scale, angle, shift, gain, offset, self.fill)


@dataclasses.dataclass(frozen=True, eq=False)
class Change:
    """What an Augmentation drew for one image.

    shift: (x, y) as shares of the sides.  gain, offset (C,): of the gray levels about the middle, as shares.
    """

    left_right: bool
    up_down: bool
    scale: float
    angle: float
    shift: np.ndarray
    gain: float
    offset: np.ndarray
    fill: int

    def __call__(self, image, masks, size):
        """Image uint8 [h, w, C] and its CroppedMasks, changed, at `size` (H, W).

        The image has the proportions of `size`. It may be larger: what `scale` enlarges is taken from its pixels.
        """
        if self.left_right:
            image, masks = image[:, ::-1], masks.flipped(1)
        if self.up_down:
            image, masks = image[::-1], masks.flipped(0)
        image, masks = self._move(np.ascontiguousarray(image), masks, size)
        return self._recolour(image), masks

    def _move(self, image, masks, size):
        (h, w), (height, width) = image.shape[:2], size
        if (h, w) == size and self.scale == 1 and self.angle == 0 and not self.shift.any():
            return image, masks
        move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), self.angle, self.scale)
        move[:, 2] += self.shift * (width, height)
        down, across = height / h, width / w
        matrix = move @ [
            [across, 0, (across - 1) / 2],
            [0, down, (down - 1) / 2],
            [0, 0, 1],
        ]  # pixel centres: (x, y, 1)
        smaller = self.scale * max(down, across)
        if smaller < 1:
            image = cv2.GaussianBlur(
                image, (0, 0), (1 / smaller - 1) / 2
            )  # as scikit-image does, see data/antialias.py
        moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(self.fill,) * 4)
        return moved.reshape(height, width, -1), masks.warped(matrix, size)  # cv2 drops a channel axis of length one

    def _recolour(self, image):
        if self.gain == 1 and not self.offset.any():
            return image
        levels = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((levels - 128) * self.gain + 128 + 255 * self.offset, 0, 255).astype(np.uint8)  # (256, C)
        return cv2.LUT(image, table[np.newaxis]).reshape(image.shape)
