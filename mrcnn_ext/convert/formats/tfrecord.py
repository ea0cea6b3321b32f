"""TFRecord files in the schema of the TensorFlow Object Detection API: images, boxes and masks in one."""

import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mrcnn.data.image import IMAGE_ERRORS
from mrcnn.whole_file import whole_file
from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.images import clean
from mrcnn_ext.convert.reading import MAX_ID, MAX_PIXELS, check_size, naming, number
from mrcnn_ext.datasets.label_map import read_label_map
from mrcnn_ext.datasets.layout import LABEL_MAP, SHARD, find_shards, is_image, is_record
from mrcnn_ext.datasets.tfrecord.shards import read_record, record_places
from mrcnn_ext.masks.geometry import rectangle

TITLE = "TFRecord of the TensorFlow Object Detection API"
ROUNDING = 0.01  # pixels; boxes are stored as 32-bit parts of the image


def detect(path: Path) -> str | None:
    """A file, or a folder with files, named as shards or with such an ending."""
    if path.is_file():
        return "a file named as TFRecord" if is_record(path) else None
    found = next((file for file in sorted(path.iterdir()) if file.is_file() and is_record(file)), None)
    return None if found is None else f"a folder with TFRecord files, such as {found.name}"


def read(path: Path, options: Options) -> Builder:
    """All sets of a folder, or the set that a file belongs to.  Masks come as RLE, boxes without masks as masks.

    With `images`, the images are written there, those that are not there yet; their labels lie on the stored pixels.
    """
    folder = path if path.is_dir() else path.parent
    files = _files(path)
    names = _label_names(folder)
    records = [(file, i, place) for file in files for i, place in enumerate(record_places(file))]
    if options.images:
        options.images.mkdir(parents=True, exist_ok=True)
        for record, where in _records(records):
            with naming(where):
                _write_image(options.images, record)
    builder = Builder(replace(options, exif="stored"), options.images)
    for label, name in names.items():
        builder.category(name, label)
    for record, where in _records(records):
        with naming(where):
            _read_record(builder, record, names)
    if options.images is None and records:
        builder.account.note("images stay in the records; --images DIR writes them to a folder", path.name)
    if len({_set_name(file) for file in files}) > 1:
        builder.account.note("several sets in one; to read one of them, name a file of it", str(folder))
    return builder


def write(coco: dict, out: Path, options: Options) -> Account:
    """Shards and label_map.pbtxt in the folder `out`; the images of `options.images` go into them."""
    from mrcnn_ext.datasets.tfrecord.write import write_tfrecords

    if options.images is None:
        raise ValueError(f"{out}: TFRecord files hold the images, too. Say where these are with --images.")
    account = Account()
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    for image in coco["images"]:
        if image.get("attributes"):
            account.drop("attributes: TFRecord has no place for them", image["file_name"])
    for item in coco["annotations"]:
        if item.get("attributes"):
            place = f"{names[item['image_id']]}: annotation {item['id']}"
            account.drop("attributes: TFRecord has no place for them", place)
    with tempfile.TemporaryDirectory() as work:
        file = write_json(Path(work) / f"instances_{out.name}.json", coco)
        try:
            result = write_tfrecords(file, out, images=options.images, progress=False)
        except ValueError as error:
            raise ValueError(str(error).replace(f"{file}: ", "")) from error
    for name in result["turned"]:
        account.note("image with an EXIF rotation, stored upright as PNG", name)
    for place in result["left_out"]:
        account.drop("object without a pixel inside the image", place)
    return account


def _set_name(path: Path) -> str:
    match = SHARD.match(path.name)
    return match["name"] if match else path.name


def _files(path: Path) -> list[Path]:
    """The files to read, shards of a set in their order.  Raises ValueError when some of a set are missing."""
    found = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file() and is_record(file))
    folder = path if path.is_dir() else path.parent
    files = []
    for file in found:
        files += [each for each in find_shards(folder, _set_name(file)) if each not in files]
    if not files:
        raise ValueError(f"there are no TFRecord files in {path}")
    return files


def _label_names(folder: Path) -> dict[int, str]:
    """{label: name} of label_map.pbtxt, or of the only .pbtxt in the folder; none where there is none."""
    own = folder / LABEL_MAP
    maps = [own] if own.is_file() else sorted(folder.glob("*.pbtxt"))
    if len(maps) > 1:
        raise ValueError(f"{folder}: several label maps: {', '.join(m.name for m in maps)}. Keep one of them there.")
    return read_label_map(maps[0]) if maps else {}


def _records(records):
    """(record, its place) one after the other."""
    from mrcnn_ext.datasets.tfrecord.example import from_example

    for file, i, (offset, length) in records:
        where = f"{file}: record {i}"
        with naming(where):
            record = from_example(read_record(file, offset, length))
            _check_stored_size(record, where)
            record.filename = _image_name(record, f"{file.stem}_{i}")
        yield record, where


def _check_stored_size(record, where: str) -> None:
    """Raises ValueError when the image is not of the size that its record states."""
    check_size(record.width, record.height, where)
    try:
        with Image.open(BytesIO(record.encoded)) as image:
            same = image.size == (record.width, record.height)
    except IMAGE_ERRORS:
        same = False  # damaged, or of a format that only OpenCV reads
    if not same:
        record.image()


def _image_name(record, otherwise: str) -> str:
    """Name for the image file; with the ending of its format where the record gives none."""
    name = clean(record.filename) if record.filename not in ("", "?") else ""
    name = name or clean(record.source_id) or otherwise
    if not is_image(name):
        name += ".png" if record.encoded.startswith(b"\x89PNG") else ".jpg"
    return name


def _write_image(folder: Path, record) -> None:
    """Write the image file, unless a file of its name is there.  Raises ValueError when that one is another."""
    path = folder / record.filename
    if path.is_file():
        if path.read_bytes() != record.encoded:
            raise ValueError(f"{path} is there already, and is another image. Choose an empty folder for --images.")
        return
    record.image()  # raises ValueError for a broken one
    with whole_file(path, on_disk=False) as part:
        part.write_bytes(record.encoded)


def _read_record(builder: Builder, record, names: dict[int, str]) -> None:
    source_id = int(record.source_id) if record.source_id.isdecimal() and len(record.source_id) < 19 else None
    image_id = source_id if source_id is not None and source_id <= MAX_ID else None
    image = builder.image(record.filename, (record.width, record.height), image_id)
    if image is None:
        return
    masks = record.decode_masks() if len(record.masks) else None
    if len(record.areas) not in (0, len(record.labels)):
        raise ValueError(f"{len(record.areas)} areas for {len(record.labels)} objects")
    for i, label in enumerate(record.labels):
        where = f"object {i + 1}"
        category_id = _category(builder, names, label, record.names[i] if i < len(record.names) else "")
        box = _pixels(record, i, where)
        extra: dict[str, Any] = {"polygons": [rectangle(*box)]} if masks is None else {"masks": [masks[:, :, i]]}
        if masks is None:
            builder.account.note("box taken as the mask of its object", f"{image.file_name}: {where}")
        if record.areas:
            extra["source_area"] = round(number(record.areas[i], f"{where}: area", MAX_PIXELS), 2)
        crowd = int(record.crowd[i] != 0)
        if builder.add(image, category_id, where=where, iscrowd=crowd, **extra):
            _keep_box(builder.annotations[-1], box, image)


def _category(builder: Builder, names: dict[int, str], label: int, text: str) -> int:
    """Category id of a label, which is the label; without an entry in a label map its own text is its name."""
    if not 1 <= label <= MAX_ID:
        raise ValueError(f"its label {label} is no class; labels are 1 or more")
    if label not in names:
        names[label] = text or f"class_{label}"
        builder.account.note("class that no label map names", f"{label} {names[label]}")
        builder.category(names[label], label)
    return label


def _pixels(record, i: int, where: str) -> tuple[float, float, float, float]:
    """Box i as x, y, width, height in pixels."""
    ymin, xmin, ymax, xmax = (number(side, f"{where}: box") for side in record.boxes[i])
    return xmin * record.width, ymin * record.height, (xmax - xmin) * record.width, (ymax - ymin) * record.height


def _keep_box(annotation: dict, box: tuple[float, float, float, float], image) -> None:
    """Keep the record's box as source_bbox where it is not the mask's."""
    if image.turn == 1 and np.abs(np.array(box) - annotation["bbox"]).max() > ROUNDING:
        annotation["source_bbox"] = [round(value, 2) for value in box]
