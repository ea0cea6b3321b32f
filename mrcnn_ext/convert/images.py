"""Finding the images that labels speak of, and their sizes, without decoding them."""

import os
import posixpath
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image

from mrcnn.data.image import IMAGE_ERRORS
from mrcnn_ext.convert.reading import check_size
from mrcnn_ext.datasets.layout import is_image

ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Stored:
    """An image file: width and height of its stored pixels, and the EXIF orientation 1 .. 8 to turn them upright."""

    width: int
    height: int
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height after turning."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class ImageFolder:
    """The images below a folder, found by any end of their path.  others: its other files, but for hidden ones."""

    def __init__(self, root):
        self.root = Path(root)
        if not self.root.is_dir():
            raise ValueError(f"{self.root}: there is no such folder of images. Say where they are with --images.")
        self._paths: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = {}
        self.others: list[str] = []
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            for name in sorted(names):
                path = (Path(folder) / name).relative_to(self.root).as_posix()
                if not is_image(name):
                    self.others += [] if name.startswith(".") else [path]
                else:
                    self._paths[_normal(path)] = path
                    self._by_name.setdefault(_normal(name), []).append(path)

    def __iter__(self):
        return iter(self._paths.values())

    def __len__(self):
        return len(self._paths)

    def find(self, name: str) -> str | None:
        """Path below the root of the image with that name, path or URL; None when there is none.

        Leading folders that are not there are left away.  Raises ValueError when only the last part fits, and fits
        several images.
        """
        parts = _normal(clean(name)).split("/")
        for start in range(len(parts)):
            path = self._paths.get("/".join(parts[start:]))
            if path is not None:
                return path
        same = self._by_name.get(parts[-1], [])
        if len(same) > 1:
            raise ValueError(f"{name}: {len(same)} images below {self.root} have this name: {', '.join(same[:3])}")
        return same[0] if same else None

    def stored(self, path: str) -> Stored:
        """Size and orientation of an image, from its header."""
        return stored_size(self.root / path)


def stored_size(path) -> Stored:
    """Size and EXIF orientation of an image file.  Raises ValueError naming a file that is no image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about large images and odd EXIF
            with Image.open(path) as image:
                width, height = image.size
                orientation = image.getexif().get(ORIENTATION, 1)
    except IMAGE_ERRORS as error:
        raise ValueError(f"{path}: cannot be read as an image ({error}).") from error
    check_size(width, height, path)
    return Stored(width, height, orientation if orientation in range(1, 9) else 1)


def clean(name: str) -> str:
    """An image's name in labels (path of any system, or URL) as a relative path with forward slashes."""
    if "://" in name:
        try:
            name = unquote(urlsplit(name).path)
        except ValueError as error:
            raise ValueError(f"{name!r} is no address of an image: {error}") from error
    path = posixpath.normpath(name.replace("\\", "/"))
    parts = [part for part in path.split("/") if part not in ("", ".", "..") and not part.endswith(":")]
    return "/".join(parts)


def _normal(path: str) -> str:
    """Letters with accents in one spelling; macOS stores them in another."""
    return unicodedata.normalize("NFC", path)
