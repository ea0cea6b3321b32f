"""A part of a data set by its path, COCO or TFRecord alike."""

from pathlib import Path

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.layout import annotation_files, find_parts, find_record_set, kind_of
from mrcnn_ext.datasets.tfrecord.dataset import TFRecordDataset


def open_data(
    data: str | Path, subset: str = "test", year: str | int = "2018", images: str | Path | None = None
) -> Dataset:
    """Open a part of a data set.

    Args:
        data: A folder with annotations/ (the trees of data/README.md), one with TFRecord shards and their
            label_map.pbtxt, or one COCO annotation file, which is a part by itself.
        subset: The part, of a folder: as in instances_NAME_SUBSETYEAR.json or NAME_SUBSETYEAR-00000-of-00010.tfrecord.
        year: Text behind it in the file names; may be empty.
        images: Folder of the images of a single annotation file, where it is not the usual one.

    Returns:
        The data set, prepared, with at least one image.

    Raises:
        ValueError: Something is missing or broken; it says what, and what to do.
    """
    data = Path(data)
    kind = kind_of(data)
    dataset: CocoDataset | TFRecordDataset
    if kind == "tfrecord":
        if data.is_file():
            raise ValueError(f"{data}: this is one TFRecord file of a set; name its folder, {data.parent}.")
        dataset = TFRecordDataset()
        dataset.load_tfrecord(data, find_record_set(data, subset, year))
    else:
        dataset = CocoDataset()
        if kind == "file":
            dataset.load_coco_files(*find_parts(data, images)[0])
        else:
            _refuse_loose_file(data)
            dataset.load_coco(data, subset, year)
    dataset.prepare()
    if not dataset.num_images:
        what = f"{data}: there" if kind == "file" else f"{data}: the part {subset!r}: there"
        raise ValueError(f"{what} are no images in it.")
    return dataset


def _refuse_loose_file(folder: Path) -> None:
    """Raises ValueError for a folder whose annotation file lies beside the images: it has no parts."""
    if not (folder / "annotations").is_dir():
        file = annotation_files(folder)[0]
        raise ValueError(
            f"{folder}: {file.name} is one annotation file for all images, and there are no parts, such as train and "
            f"validate. Make them with mrcnn split {file} OUT; or name the file itself where one part is enough."
        )
