"""Writing a COCO data set as TFRecord files: several shards at once, and only those that are not there yet."""

import hashlib
import json
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm.auto import tqdm

from mrcnn.whole_file import whole_file
from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.label_map import write_label_map
from mrcnn_ext.datasets.layout import LABEL_MAP, find_parts, shard_name
from mrcnn_ext.datasets.tfrecord.example import Record, encode_png_mask, to_example
from mrcnn_ext.masks.rle import decode_masks, rle_area, rle_box

STORED_AS_IS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png"}
EXIF_ORIENTATION = 0x0112
LAYOUT = 1  # counted up when what is written changes, so that shards of before are written anew


def write_tfrecords(
    data: str | Path,
    out_dir: str | Path,
    shards: int = 8,
    images: str | Path | None = None,
    workers: int = 4,
    progress: bool = True,
) -> dict[str, Any]:
    """Write each annotation file of a COCO data set as shards, and one label_map.pbtxt for all of them.

    instances_X.json becomes X-00000-of-00008.tfrecord ..; image i is in shard i % shards.
    Files of JPEG and PNG are stored as they are; other formats, and images turned by EXIF data, which the schema's
    readers do not know, as PNG. Boxes are cut to the image. Masks are PNG files with 0 and 1, for crowds too.
    A shard has its name only when it is complete. A second call writes what is missing, or changed in `data`.

    Args:
        data: folder of a data set, or one annotation file.
        out_dir: folder for the shards.
        shards: files for each annotation file, 1 to 99999.
        images: folder of the images, where it is not the usual one.
        workers: shards written at once, each with one image in memory.
        progress: show a bar.

    Returns:
        {"images", "objects", "files": [..], "turned": [..], "left_out": [..]}: images that were stored upright as PNG,
        and annotations without any pixel in the image.

    Raises:
        ValueError: names the file and image that are wrong.
    """
    if shards < 1 or shards > 99_999:
        raise ValueError(f"shards must be 1 .. 99999, but is {shards}.")
    out_dir = Path(out_dir)
    parts = []
    for annotation_file, image_dir in find_parts(data, images):
        dataset = CocoDataset()
        dataset.load_coco_files(annotation_file, image_dir)
        dataset.prepare()
        parts.append((annotation_file, dataset))
    out_dir.mkdir(parents=True, exist_ok=True)
    write_label_map(out_dir / LABEL_MAP, _all_names(parts))
    result: dict[str, Any] = {"images": 0, "objects": 0, "files": [], "turned": [], "left_out": []}
    total = sum(len(dataset.image_info) for _, dataset in parts)
    with tqdm(total=total, unit="image", disable=not progress) as bar:
        for annotation_file, dataset in parts:
            name = annotation_file.stem.removeprefix("instances_")
            for report in _Writer(dataset, annotation_file, out_dir, name, shards, bar).write(workers):
                for key, value in report.items():
                    result[key] += value
            result["left_out"] += _without_polygon(dataset)
            result["files"] += [str(out_dir / shard_name(name, number, shards)) for number in range(shards)]
    return result


class _Writer:
    """The shards of one annotation file. What is done is noted in a hidden file beside them."""

    def __init__(self, dataset: CocoDataset, annotation_file: Path, out_dir: Path, name: str, shards: int, bar):
        self.dataset, self.folder, self.name, self.count, self.bar = dataset, out_dir, name, shards, bar
        self.file_name = annotation_file.name
        self.notes = out_dir / f".{name}.json"
        self.key = _key(dataset, annotation_file, shards)
        self.lock = threading.Lock()
        self.failure: BaseException | None = None  # the first error; the other shards then stop
        self.done = self._read_notes()

    def write(self, workers: int) -> list[dict]:
        """Write the shards that are missing; a report for each of all."""
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._shard, number) for number in range(self.count)]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
                if self.failure is not None:
                    raise self.failure
            except BaseException as error:  # also Ctrl-C
                self.failure = error
                pool.shutdown(cancel_futures=True)
                raise
        return [future.result() for future in futures]

    def _read_notes(self) -> dict:
        """{shard number as text: [its size in bytes, its report]} of an earlier call on the very same data."""
        try:
            notes = json.loads(self.notes.read_text(encoding="utf-8"))
            return notes["done"] if notes["key"] == self.key else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # none or not readable: all is written anew

    def _shard(self, number: int) -> dict:
        path = self.folder / shard_name(self.name, number, self.count)
        image_ids = range(number, len(self.dataset.image_info), self.count)
        size, report = self.done.get(str(number), (None, None))
        if report is not None and path.is_file() and path.stat().st_size == size:
            self._advance(len(image_ids))
            return report
        report = self._write_shard(path, image_ids)
        with self.lock:
            self.done[str(number)] = [path.stat().st_size, report]
            write_json(self.notes, {"key": self.key, "done": self.done})
        return report

    def _write_shard(self, path: Path, image_ids: range) -> dict:
        from tensorflow.io import TFRecordWriter

        report = {"images": 0, "objects": 0, "turned": [], "left_out": []}
        try:
            with whole_file(path) as part, TFRecordWriter(str(part)) as writer:
                for image_id in image_ids:
                    if self.failure is not None:
                        raise InterruptedError(f"{path}: another shard failed")
                    writer.write(to_example(_record(self.dataset, image_id, report, self.file_name)))
                    self._advance(1)
        except BaseException as error:
            self.failure = self.failure or error
            raise
        return report

    def _advance(self, images: int) -> None:
        with self.lock:
            self.bar.update(images)


def _record(dataset: CocoDataset, image_id: int, report: dict, name: str) -> Record:
    """One image with its objects; what is to be known of it is added to the report. name: of the annotation file."""
    info = dataset.image_info[image_id]
    height, width = info["height"], info["width"]
    encoded, kind, turned = _image_file(dataset, image_id)
    record = Record(info["file_name"], str(info["id"]), height, width, encoded, kind, np.zeros((0, 4)), [])
    boxes, masks = [], []
    for item in dataset.load_truth(image_id):
        rle, category = item["rle"], dataset.class_info[item["class_id"]]
        if not rle_area(rle):
            report["left_out"].append(f"{name}: an object of {info['file_name']} has no pixel in it")
            continue
        boxes.append(_box(item["bbox"], rle, height, width))
        record.labels.append(category["id"])
        record.names.append(category["name"])
        record.crowd.append(item["iscrowd"])
        record.areas.append(item["area"])
        masks.append(encode_png_mask(decode_masks([rle], height, width)[:, :, 0]))
    record.boxes, record.masks = np.array(boxes, np.float64).reshape(-1, 4), masks
    report["images"] += 1
    report["objects"] += len(boxes)
    report["turned"] += [info["file_name"]] if turned else []
    return record


def _box(box: list[float], rle: dict, height: int, width: int) -> list[float]:
    """ymin, xmin, ymax, xmax as parts of the image, cut to it; the mask's box where the file's is no use."""
    for x, y, w, h in (box, rle_box(rle)):
        ymin, xmin, ymax, xmax = np.clip(np.array([y / height, x / width, (y + h) / height, (x + w) / width]), 0, 1)
        if ymax > ymin and xmax > xmin:  # False for NaN, too
            break
    return [ymin, xmin, ymax, xmax]


def _image_file(dataset: CocoDataset, image_id: int) -> tuple[bytes, str, bool]:
    """Content and format of the file to store, and whether the image was turned upright for it."""
    info = dataset.image_info[image_id]
    image = dataset.load_image(image_id)  # an error here names a missing, damaged or wrongly sized file
    content = Path(info["path"]).read_bytes()
    turned = False
    try:
        with Image.open(BytesIO(content)) as stored:
            turned = stored.getexif().get(EXIF_ORIENTATION, 1) in range(2, 9)
            if stored.format in STORED_AS_IS and not turned:
                return content, STORED_AS_IS[stored.format], False
    except UnidentifiedImageError:
        turned = False  # a format that only OpenCV reads
    return cv2.imencode(".png", image[:, :, ::-1])[1].tobytes(), "png", turned


def _without_polygon(dataset: CocoDataset) -> list[str]:
    """The annotations that were left out when the file was read."""
    return [
        f"{Path(path).name}: annotation {number} has no polygon of three points"
        for path, numbers in dataset.annotations_left_out().items()
        for number in numbers
    ]


def _all_names(parts) -> dict[int, str]:
    """{category id: name} of all annotation files."""
    names: dict[int, str] = {}
    for annotation_file, dataset in parts:
        for info in dataset.class_info[1:]:
            if names.setdefault(info["id"], info["name"]) != info["name"]:
                raise ValueError(
                    f"{annotation_file}: category {info['id']} is {info['name']!r}, but {names[info['id']]!r} in "
                    "another annotation file. One label map cannot hold both: write each to a folder of its own."
                )
    return names


def _key(dataset: CocoDataset, annotation_file: Path, shards: int) -> str:
    """A hash of all that the shards are made of: the annotation file, and the image files by size and time."""
    key = hashlib.sha256(f"{LAYOUT} {shards} ".encode())
    key.update(annotation_file.read_bytes())
    for info in dataset.image_info:
        status = Path(info["path"]).stat()
        key.update(f"{info['path']} {status.st_size} {status.st_mtime_ns}\n".encode())
    return key.hexdigest()
