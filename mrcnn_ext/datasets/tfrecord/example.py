"""One image with its objects as a `tf.train.Example`, key by key as the Object Detection API has them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from mrcnn.data.image import decode_image


@dataclass
class Record:
    """An image and its N objects.

    encoded: the image file. boxes: float (N, 4) ymin, xmin, ymax, xmax, as parts of height and width.
    masks: N PNG files of the image's size with 0 and 1; empty where there are boxes only.
    """

    filename: str
    source_id: str
    height: int
    width: int
    encoded: bytes
    format: str  # jpeg or png
    boxes: np.ndarray
    labels: list[int]
    names: list[str] = field(default_factory=list)
    crowd: list[int] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)  # pixels
    masks: Sequence | np.ndarray = ()

    def image(self) -> np.ndarray:
        """RGB uint8 (H, W, 3), as it is stored: the schema's readers know no EXIF rotation. Raises ValueError."""
        image = decode_image(self.encoded, f"image {self.filename}", upright=False)
        if image.shape[:2] != (self.height, self.width):
            raise ValueError(
                f"image {self.filename}: it is {image.shape[1]} x {image.shape[0]} pixels, but its record says "
                f"{self.width} x {self.height}"
            )
        return image

    def decode_masks(self) -> np.ndarray:
        """bool (H, W, N). Raises ValueError for a broken mask, one of another size, or too few."""
        masks = np.zeros((self.height, self.width, len(self.labels)), bool)
        for number, mask in enumerate(self.each_mask()):
            masks[:, :, number] = mask
        return masks

    def each_mask(self) -> Iterator[np.ndarray]:
        """The masks one after the other, bool (H, W). Raises ValueError as `decode_masks`."""
        if len(self.masks) != len(self.labels):
            raise ValueError(f"image {self.filename}: {len(self.masks)} masks for {len(self.labels)} objects")
        for number, mask in enumerate(self.masks):
            if isinstance(mask, bytes):
                mask = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_UNCHANGED) if mask else None
            if mask is None or mask.shape != (self.height, self.width):
                found = "no image" if mask is None else f"{mask.shape[1]} x {mask.shape[0]} pixels"
                raise ValueError(f"image {self.filename}: mask {number} is {found}, not {self.width} x {self.height}")
            yield mask > 0


def to_example(record: Record) -> bytes:
    """The record as a serialised `tf.train.Example`."""
    from tensorflow.train import BytesList, Example, Feature, Features, FloatList, Int64List

    def texts(*values):
        values = [value.encode() if isinstance(value, str) else value for value in values]
        return Feature(bytes_list=BytesList(value=values))

    def whole(*values):
        return Feature(int64_list=Int64List(value=values))

    def real(values):
        return Feature(float_list=FloatList(value=values))

    ymin, xmin, ymax, xmax = record.boxes.T
    features = {
        "image/height": whole(record.height),
        "image/width": whole(record.width),
        "image/filename": texts(record.filename),
        "image/source_id": texts(record.source_id),
        "image/key/sha256": texts(hashlib.sha256(record.encoded).hexdigest()),
        "image/encoded": texts(record.encoded),
        "image/format": texts(record.format),
        "image/object/bbox/xmin": real(xmin),
        "image/object/bbox/xmax": real(xmax),
        "image/object/bbox/ymin": real(ymin),
        "image/object/bbox/ymax": real(ymax),
        "image/object/class/text": texts(*record.names),
        "image/object/class/label": whole(*record.labels),
        "image/object/is_crowd": whole(*record.crowd),
        "image/object/area": real(record.areas),
        "image/object/mask": texts(*record.masks),
    }
    return Example(features=Features(feature=features)).SerializeToString()


def from_example(data: bytes) -> Record:
    """A serialised `tf.train.Example` as a Record; what the image needs must be there, the rest may be missing.

    Masks may be PNG files or numbers. Raises ValueError for what is no such example, or an image that is damaged.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.train import Example

    try:
        features = dict(Example.FromString(data).features.feature)
    except DecodeError as error:
        raise ValueError(f"not a tf.train.Example: {error}") from error

    def values(key: str, kind: str) -> list:
        return list(getattr(features[key], kind).value) if key in features else []

    try:
        (encoded,) = values("image/encoded", "bytes_list")
    except ValueError:
        raise ValueError("a tf.train.Example without image/encoded: not of the Object Detection API") from None
    name = _text(values("image/filename", "bytes_list") or values("image/source_id", "bytes_list") or [b"?"])
    size = values("image/height", "int64_list") + values("image/width", "int64_list")
    if len(size) != 2 or min(size) < 1:
        size = decode_image(encoded, f"image {name}", upright=False).shape[:2]
    labels = values("image/object/class/label", "int64_list")
    sides = [values(f"image/object/bbox/{side}", "float_list") for side in ("ymin", "xmin", "ymax", "xmax")]
    crowd = values("image/object/is_crowd", "int64_list") or [0] * len(labels)
    if any(len(column) != len(labels) for column in (*sides, crowd)):
        found = [len(column) for column in (*sides, crowd)]
        raise ValueError(f"image {name}: {len(labels)} labels, but {found} ymin, xmin, ymax, xmax and is_crowd")
    return Record(
        filename=name,
        source_id=_text(values("image/source_id", "bytes_list") or [b""]),
        height=int(size[0]),
        width=int(size[1]),
        encoded=encoded,
        format=_text(values("image/format", "bytes_list") or [b""]),
        boxes=np.array(sides, np.float64).T.reshape(-1, 4),
        labels=labels,
        names=[_text([text]) for text in values("image/object/class/text", "bytes_list")],
        crowd=crowd,
        areas=values("image/object/area", "float_list"),
        masks=values("image/object/mask", "bytes_list") or _number_masks(features, size, len(labels), name),
    )


def encode_png_mask(mask: np.ndarray) -> bytes:
    """Mask (H, W) -> PNG, one channel of 8 bits, with 0 and 1."""
    return cv2.imencode(".png", mask.astype(np.uint8))[1].tobytes()


def _number_masks(features, size, count: int, name: str) -> Sequence | np.ndarray:
    """Masks written as numbers, 0 or 1 for each pixel; empty where there are none."""
    if "image/object/mask" not in features or not (numbers := features["image/object/mask"].float_list.value):
        return ()
    if len(numbers) != count * size[0] * size[1]:
        raise ValueError(f"image {name}: {len(numbers)} mask numbers for {count} masks of {size[1]} x {size[0]}")
    return np.array(numbers, np.float32).reshape(count, *size)


def _text(values: list[bytes]) -> str:
    return values[0].decode("utf-8", "replace")
