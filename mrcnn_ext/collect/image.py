"""What a downloaded file is: a whole image of a useful size, or nothing to keep."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mrcnn.data.image import LOCAL_PIXELS, decode_image
from mrcnn.extras import needs
from mrcnn_ext.common.web import Refused
from mrcnn_ext.datasets.duplicates import MAX_DIFFERENCE, small_version

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
EXTENSIONS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
}  # MPO: JPEG with more than one image


@dataclass(frozen=True)
class Checked:
    """extension: that of its real format. width, height: pixels, upright. phash: 16 hex digits."""

    extension: str
    width: int
    height: int
    phash: str


def check_image(content: bytes, content_type: str, min_side: int, max_pixels: int) -> Checked:
    """Look at a file's content. Raises Refused for what is no image, damaged, too small or too large."""
    with needs("data"):
        import imagehash

    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height, extension = *image.size, EXTENSIONS[str(image.format)]
            if width * height > max_pixels:
                raise Refused(f"too large: {width} x {height} pixels, more than {max_pixels:,}")
            if min(width, height) < min_side:
                raise Refused(f"too small: {width} x {height} pixels, a side below {min_side}")
            if image.mode == "F":
                raise Refused("pixels are floating point numbers, which nothing here trains on")
            image.verify()
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return Checked(extension, *upright.size, str(imagehash.phash(upright.convert("RGB"))))
    except Refused:
        raise
    except UnidentifiedImageError:
        sent = f": the server sent {content_type.partition(';')[0]}" if content_type else ""
        raise Refused(f"not an image of a known format{sent}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(f"too large: more than {max_pixels:,} pixels") from None
    except Exception as error:  # Pillow raises nearly anything for damaged files, and these come from anyone
        raise Refused(f"a damaged image: {error or type(error).__name__}") from error


class Known:
    """The images kept so far, by content and by look."""

    def __init__(self, folder: Path, near: int | None):
        """near: images whose perceptual hashes differ in more of 64 bits do not look alike; None: not compared."""
        self._folder = folder
        self._near = near
        self._files: dict[str, str] = {}  # sha256 -> file
        self._names: list[str] = []
        self._hashes = np.zeros(256, np.uint64)
        self._small: dict[str, np.ndarray | None] = {}  # file -> its small version, of those that were once compared

    def add(self, sha256: str, phash: str, file: str) -> None:
        """Make a kept file known. Raises ValueError for a phash that is no hexadecimal number."""
        number = np.uint64(int(phash, 16))
        self._files[sha256] = file
        if len(self._names) == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[len(self._names)] = number
        self._names.append(file)

    def duplicate(self, sha256: str) -> str:
        """The kept file with that content, or nothing."""
        return self._files.get(sha256, "")

    def near_duplicate(self, phash: str, content: bytes) -> str:
        """The kept file that looks like an image, given as the content of its file, or nothing.

        The hashes only say which may: images with a plain background have nearly the same. A small version decides.
        """
        if self._near is None or not self._names:
            return ""
        distances = np.bitwise_count(self._hashes[: len(self._names)] ^ np.uint64(int(phash, 16)))
        candidates = np.flatnonzero(distances <= self._near)
        small = _small_version(lambda: content) if candidates.size else None
        if small is None:
            return ""
        for name in (self._names[i] for i in candidates[np.argsort(distances[candidates], kind="stable")]):
            if name not in self._small:
                self._small[name] = _small_version((self._folder / name).read_bytes)
            other = self._small[name]
            if other is not None and np.abs(small.astype(np.int16) - other).mean() <= MAX_DIFFERENCE:
                return name
        return ""


def _small_version(read: Callable[[], bytes]) -> np.ndarray | None:
    """uint8 (24, 24, 3); None where there is nothing to compare: a file that was deleted since, or changed."""
    try:
        return small_version(decode_image(read(), "an image", max_pixels=LOCAL_PIXELS))
    except (OSError, ValueError):
        return None
