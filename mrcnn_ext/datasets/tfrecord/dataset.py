"""Training from TFRecord files: `TFRecordDataset().load_tfrecord("records", "shapes_train2018")`, then `prepare()`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.label_map import read_label_map
from mrcnn_ext.datasets.layout import LABEL_MAP, find_shards
from mrcnn_ext.datasets.tfrecord.example import Record, from_example
from mrcnn_ext.datasets.tfrecord.shards import read_record, record_places


@dataclass(frozen=True)
class _Place:
    """Where a record is in its shard, in bytes, and whether boxes stand for masks."""

    path: str
    offset: int
    length: int
    box_masks: bool


class TFRecordDataset(Dataset):
    """Images and objects from shards. Only the place of each record is kept; an image is read when asked for.

    An `image_info` has id, source and path (of the shard); the id is the file name of the shard with the number of the
    record in it. (Its "_record" is this class's own.)
    """

    def __init__(self, class_map=None):
        super().__init__(class_map)
        self._checked = set()  # places of the records whose checksum was right
        self._sizes = {}  # place: (height, width, number of objects), as far as it was asked for

    def load_tfrecord(self, folder, name, label_map=None, *, source="tfrecord", box_masks=False):
        """Load the shards NAME-?????-of-?????.tfrecord of a folder, or the single file NAME there.

        Images come in the order in which `write_tfrecords` dealt them out.

        Args:
            folder: of the shards.
            name: NAME.
            label_map: file that names the classes; None: label_map.pbtxt in the folder.
            source: name of the source, for sets whose class ids mean other things than those loaded before.
            box_masks: take the box as mask where there are no masks (for USE_MASK = False).

        Raises:
            ValueError: names the file that is missing, damaged or incomplete.
        """
        folder = Path(folder)
        names = read_label_map(label_map or folder / LABEL_MAP)
        for class_id, class_name in names.items():
            self.add_class(source, class_id, class_name)
        shards = find_shards(folder, name)
        places = [(path, number, place) for path in shards for number, place in enumerate(record_places(path))]
        for path, number, (offset, length) in sorted(places, key=lambda item: (item[1], item[0])):
            place = _Place(str(path), offset, length, box_masks)
            self.add_image(source, f"{path.name}:{number}", str(path), _record=place)

    def load_record(self, image_id) -> Record:
        """All there is of an image. Raises ValueError naming the shard and the record."""
        info = self.image_info[image_id]
        place = info["_record"]
        try:
            data = read_record(place.path, place.offset, place.length, check=place not in self._checked)
            self._checked.add(place)
            return from_example(data)
        except ValueError as error:
            raise ValueError(self._error(info, error)) from error

    def load_image(self, image_id):
        """The image as RGB uint8 (H, W, 3)."""
        if not self.has_record(image_id):
            return super().load_image(image_id)
        info = self.image_info[image_id]
        record = self.load_record(image_id)
        try:
            return record.image()
        except ValueError as error:
            raise ValueError(self._error(info, error)) from error

    def load_mask(self, image_id):
        """Masks, bool (H, W, N), and class ids, int32 (N,), negative for crowds. Empty objects are left out."""
        if not self.has_record(image_id):
            return super().load_mask(image_id)
        crops, class_ids = self.load_mask_crops(image_id)
        return crops.full(), class_ids

    def load_mask_crops(self, image_id):
        """As `load_mask`, with the masks as CroppedMasks: one mask at a time is as large as the image."""
        info = self.image_info[image_id]
        if not self._has_own_masks(image_id):
            return super().load_mask_crops(image_id)
        record = self.load_record(image_id)
        try:
            boxes_only = info["_record"].box_masks and not len(record.masks)
            crops = _boxes_as_masks(record) if boxes_only else _cropped(record)
            class_ids = self._class_ids(info["source"], record)
        except ValueError as error:
            raise ValueError(self._error(info, error)) from error
        full = np.array([crop.size > 0 for crop in crops.crops], bool)
        return crops.chosen(np.flatnonzero(full)), class_ids[full]

    def has_record(self, image_id):
        """Whether an image is of a shard: not one that another kind of data set added."""
        return "_record" in self.image_info[image_id]

    def image_size(self, image_id):
        """Height and width of an image in pixels, as its record says."""
        return self._size(image_id)[:2] if self.has_record(image_id) else super().image_size(image_id)

    def object_count(self, image_id):
        """How many objects the record of an image has, crowds among them."""
        return self._size(image_id)[2] if self._has_own_masks(image_id) else super().object_count(image_id)

    def image_reference(self, image_id):
        """The shard and the number of the record in it."""
        return str(Path(self.image_info[image_id]["path"]).parent / self.image_info[image_id]["id"])

    def _size(self, image_id) -> tuple[int, int, int]:
        place = self.image_info[image_id]["_record"]
        if place not in self._sizes:
            record = self.load_record(image_id)
            self._sizes[place] = (record.height, record.width, len(record.labels))
        return self._sizes[place]

    def _has_own_masks(self, image_id) -> bool:
        """Whether an image's masks are those of its record, and no subclass's `load_mask` changes them."""
        unchanged = getattr(self.load_mask, "__func__", None) is TFRecordDataset.load_mask
        return unchanged and self.has_record(image_id)

    def _class_ids(self, source: str, record: Record) -> np.ndarray:
        class_ids = []
        for label, crowd in zip(record.labels, record.crowd, strict=True):
            try:
                inside = self.map_source_class_id(f"{source}.{label}")
            except KeyError:
                raise ValueError(f"image {record.filename}: its label {label} is not in the label map") from None
            class_ids.append(-inside if crowd else inside)
        return np.array(class_ids, np.int32)

    @staticmethod
    def _error(info: dict, error: Exception) -> str:
        return f"{Path(info['path']).parent / info['id']}: {error}"


def _cropped(record: Record) -> CroppedMasks:
    crops, corners = [], []
    for mask in record.each_mask():
        y1, x1, y2, x2 = extract_bboxes(mask[:, :, np.newaxis])[0].tolist()
        crops.append(mask[y1:y2, x1:x2].copy())  # not a part of the large one, which would stay
        corners.append((y1, x1))
    return CroppedMasks(crops, corners, (record.height, record.width))


def _boxes_as_masks(record: Record) -> CroppedMasks:
    """Filled boxes."""
    size = [record.height, record.width]
    boxes_px = np.rint(record.boxes * [*size, *size]).astype(int).clip(0, [*size, *size]).tolist()
    crops = [np.ones((max(0, y2 - y1), max(0, x2 - x1)), bool) for y1, x1, y2, x2 in boxes_px]
    return CroppedMasks(crops, [box[:2] for box in boxes_px], size)
