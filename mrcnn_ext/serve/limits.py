"""What a request may ask for, and the images in it: decoded only when they are small enough."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from mrcnn.data.image import decode_image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "MPO")


@dataclass(frozen=True)
class Limits:
    """bytes: of a request.  pixels: of an image.  waiting: requests at a time.  seconds: for a request.

    batch: images that go through the network together.  gather_seconds: how long the first of them waits for others.
    tiles: that an image may be cut into.
    """

    bytes: int = 20_000_000
    pixels: int = 25_000_000
    waiting: int = 64
    seconds: float = 30.0
    batch: int = 4
    tiles: int = 64
    gather_seconds: float = 0.005

    def __post_init__(self):
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name != "gather_seconds"):
                raise ValueError(f"The limit {name} is {value}: it must be above 0.")

    @property
    def memory(self):
        """Bytes that the bodies and images of all requests may have: ten of the largest, or more of smaller ones."""
        return 10 * (2 * self.bytes + 3 * self.pixels)


class Refused(Exception):
    """A request that is not answered with objects: HTTP status and a sentence that says why."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


def decode(data, limits):
    """Bytes of an image file -> RGB uint8 [H, W, 3], upright. Raises `Refused` for anything else."""
    image_size(data, limits)
    try:
        return decode_image(data, "image")
    except Exception as error:  # decoders raise whatever a broken file makes them stumble over
        raise Refused(400, f"The image is damaged: {_first_line(error)}") from error


def image_size(data, limits):
    """(width, height) from the head of an image file, before a pixel is made. `Refused` when too large."""
    if not data:
        raise Refused(400, "The image is empty.")
    width, height = _size(data)
    if width * height > limits.pixels:
        raise Refused(413, f"The image has {width} x {height} pixels; {limits.pixels} are allowed.")
    return width, height


def _size(data):
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return image.size
    except Image.DecompressionBombError as error:
        raise Refused(413, "The image has far too many pixels.") from error
    except Exception as error:  # as above
        raise Refused(415, f"This is no image that can be read; {', '.join(FORMATS[:-1])} can.") from error


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
