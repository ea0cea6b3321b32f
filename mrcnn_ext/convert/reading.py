"""Reading files and their values so that anything unexpected is a ValueError that says where.

Files from other people are not trusted: XML with a DOCTYPE is refused, sizes have limits, and nothing is executed.
"""

import json
import math
import warnings
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from PIL import Image, UnidentifiedImageError

from mrcnn.data.image import IMAGE_ERRORS
from mrcnn_ext.common.values import shortened, whole_number

MAX_COORDINATE = 1e7  # pixels; beyond it a number is no coordinate, and sums of its squares would overflow
MAX_ID = 1 << 62
MAX_PIXELS = 1 << 28  # of an image or mask, 16384 x 16384; a larger size in a file is taken for damage
MAX_DEPTH = 400  # of elements in XML


@contextmanager
def naming(path):
    """Errors raised inside name the file `path`."""
    try:
        yield
    except UnicodeError as error:
        raise ValueError(f"{path}: {error.reason}") from error
    except (ValueError, OSError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def read_json(path):
    """Content of a JSON file; do not change it: it is remembered, as detecting and reading are two looks."""
    path = Path(path)
    state = path.stat()
    return _parsed_json(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _parsed_json(path, _time, _size):
    return parse_json(path.read_bytes(), path)


def forget_json() -> None:
    """Free the memory of the file that `read_json` remembers."""
    _parsed_json.cache_clear()


def parse_json(data: bytes, where):
    """Content of JSON text in UTF-8, with or without a byte order mark."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: this is not JSON, or it is cut off: {error}") from error


def read_text(path) -> str:
    """Text of a UTF-8 file, with or without a byte order mark."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is no text in UTF-8: {error}") from error


def read_xml(path) -> Element:
    """Root element of an XML file.  A DOCTYPE is refused, so there are no entities that could grow or read files."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(name, attributes):
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"{path}: its elements are nested more than {MAX_DEPTH} deep")
        builder.start(name, attributes)

    def end(name):
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_):
        raise ValueError(f"{path}: it has a DOCTYPE, which no annotation file needs; it is refused as unsafe")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, refuse
    try:
        parser.Parse(Path(path).read_bytes(), True)
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding that Python does not know
        raise ValueError(f"{path}: this is not XML, or it is cut off: {error}") from error
    return builder.close()


def read_bitmap(source, where, colours: bool = False) -> np.ndarray:
    """Pixels of a mask image (path or bytes), (H, W) or (H, W, 3 or 4); of a palette one its indices or colours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about large images; the limit is below
            with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
                check_size(image.width, image.height, where)
                if image.mode in ("1", "I", "F") or image.mode.startswith("I;"):
                    return np.asarray(image)
                if image.mode not in ("L", "RGB", "RGBA") and not (image.mode == "P" and not colours):
                    return np.asarray(image.convert("RGBA" if "A" in image.mode else "RGB"))
                return np.asarray(image)
    except UnidentifiedImageError as error:
        raise ValueError(f"{where}: the mask cannot be read as an image") from error
    except IMAGE_ERRORS as error:
        if str(where) in str(error):
            raise ValueError(str(error)) from error
        raise ValueError(f"{where}: the mask image is damaged: {error}") from error


def foreground(pixels: np.ndarray) -> np.ndarray:
    """Mask bool (H, W) of an image with one object: by its transparency where that says something, else non-black."""
    if pixels.ndim == 2:
        return pixels != 0
    if pixels.shape[2] == 4 and (pixels[:, :, 3] != 255).any():
        return pixels[:, :, 3] > 0
    return (pixels[:, :, :3] != 0).any(axis=2)


def check_size(width: int, height: int, where) -> None:
    """Raises ValueError for a size that no image has."""
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"{where}: a size of {width} x {height} pixels cannot be right")


def mapping(value, where) -> dict:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, but there is {_short(value)}")
    return value


def sequence(value, where) -> list:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, but there is {_short(value)}")
    return value


def text(value, where) -> str:
    """The value, which must be text that can be written again."""
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected text, but there is {_short(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: the text {_short(value)} holds half a letter") from None
    return value


def number(value, where, limit: float = MAX_COORDINATE) -> float:
    """A finite number of at most `limit`; digits as text are taken as well."""
    try:
        result = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not abs(result) <= limit:
        raise ValueError(f"{where}: expected a number, but there is {_short(value)}")
    return result


def whole(value, where, limit: float = MAX_COORDINATE) -> int:
    """A whole number; digits as text and whole floats are taken as well."""
    number(value, where, limit)
    result = whole_number(value)
    if result is None:
        raise ValueError(f"{where}: expected a whole number, but there is {_short(value)}")
    return result


def identity(value, where) -> int:
    """An id: a whole number, which may be large."""
    return whole(value, where, MAX_ID)


def points(value, where) -> np.ndarray:
    """Points, float64 (n, 2) x, y, from a list of [x, y] or of {"x": .., "y": ..}."""
    found = []
    for point in sequence(value, where):
        x, y = (point.get("x"), point.get("y")) if isinstance(point, dict) else _pair(point, where)
        found.append((number(x, where), number(y, where)))
    return np.array(found, np.float64).reshape(-1, 2)


def _pair(point, where):
    if not isinstance(point, (list, tuple)) or len(point) != 2:
        raise ValueError(f"{where}: expected a point x, y, but there is {_short(point)}")
    return point


def _short(value) -> str:
    return shortened(value, 60)
