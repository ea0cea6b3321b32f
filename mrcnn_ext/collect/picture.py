"""What a downloaded file is: a whole picture of a useful size, or nothing to keep."""

from dataclasses import dataclass
from io import BytesIO

import imagehash
import numpy as np
from PIL import Image, ImageOps

from mrcnn_ext.collect.fetch import Refused

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
EXTENSIONS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
}  # MPO: JPEG with more than one picture


@dataclass(frozen=True)
class Picture:
    """extension: that of its real format. width, height: pixels, upright. phash: 16 hex digits."""

    extension: str
    width: int
    height: int
    phash: str


def check_picture(content: bytes, content_type: str, min_side: int, max_pixels: int) -> Picture:
    """Look at a file's content. Raises Refused for what is no picture, damaged, too small or too large."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            width, height, extension = *picture.size, EXTENSIONS[picture.format]
            if width * height > max_pixels:
                raise Refused(f"too large: {width} x {height} pixels, more than {max_pixels:,}")
            if min(width, height) < min_side:
                raise Refused(f"too small: {width} x {height} pixels, a side below {min_side}")
            picture.verify()
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            return Picture(extension, *upright.size, str(imagehash.phash(upright.convert("RGB"))))
    except Refused:
        raise
    except Image.UnidentifiedImageError:
        sent = f": the server sent {content_type.partition(';')[0]}" if content_type else ""
        raise Refused(f"not a picture of a known format{sent}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(f"too large: more than {max_pixels:,} pixels") from None
    except Exception as error:  # Pillow raises nearly anything for damaged files, and these come from anyone
        raise Refused(f"a damaged picture: {error or type(error).__name__}") from error


class Known:
    """The pictures kept so far, by content and by look."""

    def __init__(self, near: int | None):
        """near: perceptual hashes that differ in at most so many of 64 bits are of one picture; None: not compared."""
        self._near = near
        self._files = {}  # sha256 -> file
        self._names = []
        self._hashes = np.zeros(256, np.uint64)

    def add(self, sha256: str, phash: str, file: str) -> None:
        """Make a kept file known."""
        self._files[sha256] = file
        if len(self._names) == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[len(self._names)] = int(phash, 16)
        self._names.append(file)

    def find(self, sha256: str, phash: str) -> tuple[str, str]:
        """("duplicate" or "near-duplicate", the file it is one of), or ("", "") for a new picture."""
        if sha256 in self._files:
            return "duplicate", self._files[sha256]
        if self._near is not None and self._names:
            distances = np.bitwise_count(self._hashes[: len(self._names)] ^ np.uint64(int(phash, 16)))
            nearest = int(distances.argmin())
            if distances[nearest] <= self._near:
                return "near-duplicate", self._names[nearest]
        return "", ""
