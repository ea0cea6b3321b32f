"""A part of a data set by its folder, COCO or TFRecord alike."""

from pathlib import Path

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.tfrecord.dataset import TFRecordDataset
from mrcnn_ext.datasets.tfrecord.shards import SHARD


def open_data(folder, subset="test", year="2018") -> Dataset:
    """A prepared data set.

    folder: one with annotations/ (the trees of data/README.md), or with TFRecord shards and their label_map.pbtxt.
    subset, year: the part, as in instances_NAME_SUBSETYEAR.json or NAME_SUBSETYEAR-00000-of-00010.tfrecord.
    Raises ValueError that says what is missing.
    """
    folder = Path(folder)
    if (folder / "annotations").is_dir():
        dataset = CocoDataset()
        dataset.load_coco(folder, subset, year)
    elif (folder / "label_map.pbtxt").is_file():
        dataset = TFRecordDataset()
        dataset.load_tfrecord(folder, _record_name(folder, f"{subset}{year}"))
    else:
        raise ValueError(
            f"{folder}: there is neither a folder annotations nor a label_map.pbtxt (of TFRecord shards) in it."
        )
    dataset.prepare()
    if not dataset.num_images:
        raise ValueError(f"{folder}: the part {subset!r} has no images.")
    return dataset


def _record_name(folder: Path, tail: str) -> str:
    names = sorted({match["name"] for path in folder.iterdir() if (match := SHARD.match(path.name))})
    fitting = [name for name in names if name == tail or name.endswith(f"_{tail}")]
    if len(fitting) != 1:
        raise ValueError(f"{folder}: expected one set of shards whose name ends with {tail}; there are {names}.")
    return fitting[0]
