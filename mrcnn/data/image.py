"""Reading image files as RGB uint8, whatever is in them."""

import struct
import threading
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

LOCAL_PIXELS = 1 << 30  # of an image file on this machine, such as a slide of 32,768 x 32,768
IMAGE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
TWELVE_BITS = 1 << 12
SCALE = "scale it to 0..255 as uint8, in load_image"
_OPENING = threading.Lock()


def read_image(path, upright=True, channels=3):
    """The image in a file as an RGB uint8 array [H, W, 3], turned upright as its EXIF orientation says.

    Gray becomes three equal channels, an alpha channel is dropped, 16 bits become 8 (see `as_rgb`).
    upright: False leaves the pixels as they are stored. channels: for another number, what `as_channels` makes of it.
    Raises FileNotFoundError, or ValueError for a file that is no image or is damaged; both name the file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image file. Check the path given to Dataset.add_image.") from None
    return decode_image(data, path, upright, LOCAL_PIXELS, channels)


def decode_image(data, name, upright=True, max_pixels=None, channels=3):
    """The image in the content of a file, bytes, as an RGB uint8 array [H, W, 3]: see `read_image`.

    upright, channels: see there. name: for the messages.
    max_pixels: a larger one is refused; None: Pillow's limit, for content that anyone may have sent.
    """
    try:
        pixels = _decode(data, upright, max_pixels)
        return as_rgb(pixels, name) if channels == 3 else as_channels(pixels, channels, name)
    except IMAGE_ERRORS as error:
        raise ValueError(f"{name}: cannot be read as an image ({error}). Is it complete, and an image?") from error


def as_rgb(image, name=None):
    """An image array [H, W], [H, W, 1], [H, W, 2], [H, W, 3] or [H, W, 4] as RGB uint8 [H, W, 3].

    Two channels are gray and alpha, four are RGB and alpha; alpha is dropped. Types, name: see `gray_levels`.
    Raises ValueError for other shapes and other types.
    """
    return _three_channels(gray_levels(image, name))


def gray_levels(image, name=None):
    """An image array of whole numbers or bool as uint8.

    Of uint16 the high byte is taken, so that the full range fits, with a warning where the image uses little of it;
    bool becomes 0 and 255. name: of its file, for that warning.
    Raises ValueError for floats, and for other whole numbers outside of 0..255.
    """
    image = np.asarray(image)
    if image.dtype == np.uint8 or image.size == 0:
        return image.astype(np.uint8, copy=False)
    if image.dtype == bool:
        return image.astype(np.uint8) * np.uint8(255)
    low, high = image.min(), image.max()
    if image.dtype == np.uint16:
        if 0 < high < TWELVE_BITS:
            which = "A 16-bit image" if name is None else f"{name}: this 16-bit image"
            warnings.warn(f"{which} goes up to {high} only, so it is nearly black: {SCALE}.", stacklevel=2)
        return (image >> 8).astype(np.uint8)
    if image.dtype.kind not in "iu" or low < 0 or high > 255:
        raise ValueError(f"image of type {image.dtype} with values from {low} to {high}: {SCALE}")
    return image.astype(np.uint8)


def _three_channels(image):
    """[H, W] or [H, W, 1 to 4] -> RGB [H, W, 3] of the same type."""
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3 or not 1 <= image.shape[2] <= 4:
        raise ValueError(f"image array of shape {image.shape}: expected [H, W] or [H, W, 1 to 4]")
    if image.shape[2] in (2, 4):
        image = image[:, :, :-1]
    return np.ascontiguousarray(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image)


def _open(data, max_pixels):
    """Pillow's image, of which only the head is read yet."""
    if max_pixels is None:
        return Image.open(BytesIO(data))
    with _OPENING:
        limit = Image.MAX_IMAGE_PIXELS  # of all threads: what they open in this moment has the higher limit, too
        try:
            Image.MAX_IMAGE_PIXELS = max_pixels // 2  # Pillow warns from there on, and refuses twice as many
            return Image.open(BytesIO(data))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decode(data, upright, max_pixels):
    """Pixels of an encoded image: Pillow first (it notices damage), OpenCV for what Pillow does not know."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large local images are no attack
            image = _open(data, max_pixels)
            image = ImageOps.exif_transpose(image) if upright else image
            if image.mode in ("L", "RGB", "RGBA", "LA", "1") or image.mode.startswith("I;16"):
                return np.asarray(image)
            if image.mode == "I":  # Pillow's name for some 16-bit gray files
                return np.asarray(image).astype(np.uint16)
            if image.mode == "F":
                return np.asarray(image)  # refused by as_rgb, which says what to do
            return np.asarray(image.convert("RGB"))  # palette, CMYK, YCbCr, ...
    except UnidentifiedImageError:
        pixels = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) if data else None
        )
        if pixels is None:
            raise ValueError("unknown format") from None
        return pixels if pixels.ndim == 2 else pixels[:, :, ::-1]


def as_channels(image, channels, name=None):
    """An image array with as many channels as a network takes, [H, W, channels].

    Floats stay as they are (0 to 255, or molded already), all else becomes uint8: see `gray_levels`, also for name.
    For 3, as `as_rgb`. For 1, gray is taken as it is and RGB is averaged. For more, the image must have them.
    Raises ValueError for what does not fit.
    """
    image = np.asarray(image)
    if image.dtype.kind != "f":
        image = gray_levels(image, name)
    if channels == 3:
        return _three_channels(image)
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if channels == 1 and image.ndim == 3 and image.shape[2] != 1:
        return _three_channels(image).mean(axis=2, keepdims=True).astype(image.dtype)
    if image.ndim != 3 or image.shape[2] != channels:
        raise ValueError(f"image of shape {image.shape}: this network takes {channels} channels, [H, W, {channels}]")
    return image
