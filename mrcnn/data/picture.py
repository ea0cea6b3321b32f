"""Reading picture files as RGB uint8, whatever is in them."""

import warnings
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError


def read_picture(path):
    """The picture in a file as an RGB uint8 array [H, W, 3], turned upright as its EXIF orientation says.

    Gray becomes three equal channels, an alpha channel is dropped, 16 bits become 8 (see `as_rgb`).
    Raises FileNotFoundError, or ValueError for a file that is no picture or is damaged; both name the file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such picture file. Check the path given to Dataset.add_image.") from None
    return decode_picture(data, path)


def decode_picture(data, name, upright=True):
    """The picture in the content of a file, bytes, as an RGB uint8 array [H, W, 3]: see `read_picture`.

    upright: turn it as its EXIF orientation says. name: for the message of the ValueError.
    """
    try:
        return as_rgb(_decode(data, upright))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: cannot be read as a picture ({error}). Is it complete, and a picture?") from error


def as_rgb(image):
    """A picture array [H, W], [H, W, 1], [H, W, 2], [H, W, 3] or [H, W, 4] as RGB uint8 [H, W, 3].

    Two channels are gray and alpha, four are RGB and alpha; alpha is dropped. Of uint16 the high byte
    is taken, so that the full range fits (scale pictures of a 12-bit camera yourself); bool becomes 0 and 255.
    Raises ValueError for other shapes and other types.
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3 or not 1 <= image.shape[2] <= 4:
        raise ValueError(f"picture array of shape {image.shape}: expected [H, W] or [H, W, 1 to 4]")
    if image.shape[2] in (2, 4):
        image = image[:, :, :-1]
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype == bool:
        image = image.astype(np.uint8) * np.uint8(255)
    elif image.dtype != np.uint8:
        raise ValueError(f"picture of type {image.dtype}: expected uint8 or uint16; scale it to 0..255 and convert it")
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    return np.ascontiguousarray(image)


def _decode(data, upright):
    """Pixels of an encoded picture: Pillow first (it notices damage), OpenCV for what Pillow does not know."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large local pictures are no attack
            picture = Image.open(BytesIO(data))
            picture = ImageOps.exif_transpose(picture) if upright else picture
            if picture.mode in ("L", "RGB", "RGBA", "LA", "1") or picture.mode.startswith("I;16"):
                return np.asarray(picture)
            if picture.mode == "I":  # Pillow's name for some 16-bit gray files
                return np.asarray(picture).astype(np.uint16)
            if picture.mode == "F":
                return np.asarray(picture)  # refused by as_rgb, which says what to do
            return np.asarray(picture.convert("RGB"))  # palette, CMYK, YCbCr, ...
    except UnidentifiedImageError:
        pixels = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) if data else None
        )
        if pixels is None:
            raise ValueError("unknown format") from None
        return pixels if pixels.ndim == 2 else pixels[:, :, ::-1]


def as_channels(image, channels):
    """A picture array with as many channels as a network takes, [H, W, channels].

    For 3, as `as_rgb`; float RGB from 0 to 255 stays as it is. For 1, gray is taken as it is and RGB is averaged.
    For more, the picture must have them. Raises ValueError for what does not fit.
    """
    image = np.asarray(image)
    if channels == 3:
        is_float_rgb = image.dtype.kind == "f" and image.ndim == 3 and image.shape[2] == 3
        return image if is_float_rgb else as_rgb(image)
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if channels == 1 and image.ndim == 3 and image.shape[2] != 1:
        return as_rgb(image).mean(axis=2, keepdims=True).astype(np.uint8)
    if image.ndim != 3 or image.shape[2] != channels:
        raise ValueError(f"picture of shape {image.shape}: this network takes {channels} channels, [H, W, {channels}]")
    return image
