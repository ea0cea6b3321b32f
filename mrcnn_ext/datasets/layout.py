"""Where the files of a data set are, and go in a copy of it: annotation files, folders of images, TFRecord shards.

Every command looks for them here, so that all of them take the same folders and files.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from mrcnn_ext.common.values import first_few

Kind = Literal["file", "coco", "tfrecord"]

# What Pillow or OpenCV reads here and people keep photos, scans, slides or drawn images in; lower case.
IMAGE_ENDINGS = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif"]
    + [".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".pcx", ".ras", ".sgi"]
)
VAL_PARTS = ("minival", "valminusminival")  # COCO 2014's parts of val share its folder of images
LINKS = ("copy", "hard", "symbolic")
LABEL_MAP = "label_map.pbtxt"
RECORD_ENDINGS = (".tfrecord", ".tfrecords", ".record", ".tfrec")
SHARD = re.compile(r"(?P<name>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(\.tfrecord|\.record)?$")


def is_image(name: str | Path) -> bool:
    """Whether a file is an image by the ending of its name."""
    return os.path.splitext(name)[1].lower() in IMAGE_ENDINGS  # noqa: PTH122 (fast)


def kind_of(data: str | Path) -> Kind:
    """What a path is.

    Args:
        data: A file or folder.

    Returns:
        "file": one COCO annotation file. "coco": a folder with annotation files. "tfrecord": a folder with TFRecord
        shards, or one of these.

    Raises:
        ValueError: There is nothing, or no data set.
    """
    data = Path(data)
    if data.is_file():
        return "tfrecord" if is_record(data) else "file"
    if not data.is_dir():
        raise ValueError(f"{data}: there is no such file or folder.")
    if (data / "annotations").is_dir():
        return "coco"
    if (data / LABEL_MAP).is_file() or any(map(is_record, data.iterdir())):
        return "tfrecord"
    if annotation_files(data):
        return "coco"
    raise ValueError(
        f"{data}: there is no annotation file (looked for annotations/instances_*.json, annotations/*.json and *.json) "
        f"and no TFRecord shard with its {LABEL_MAP}. Labels of other tools become COCO by mrcnn convert."
    )


def annotation_files(folder: str | Path) -> list[Path]:
    """annotations/instances_*.json, or else annotations/*.json, or else *.json; none that is hidden."""
    folder = Path(folder)
    looks = ((folder / "annotations", "instances_*.json"), (folder / "annotations", "*.json"), (folder, "*.json"))
    for place, pattern in looks:
        files = sorted(path for path in place.glob(pattern) if not path.name.startswith("."))
        if files:
            return files
    return []


def find_parts(data: str | Path, image_dir: str | Path | None = None) -> list[tuple[Path, Path]]:
    """The COCO annotation files of a data set, each with its folder of images.

    Args:
        data: Folder of a data set, or one annotation file. In a folder: `annotation_files`.
        image_dir: Folder of the images, where it is not the usual one: the images of instances_X.json are in X/ beside
            annotations/, or else in images/, or beside the file.

    Raises:
        ValueError: There is no annotation file; for TFRecords it says what to take instead.
    """
    data = Path(data)
    kind = kind_of(data)
    if kind == "tfrecord":
        raise ValueError(
            f"{data}: these are TFRecords, and this works on COCO annotation files: take the COCO data set that they "
            f"were made from, or make one of them with mrcnn convert {data} OUT/annotations.json --images OUT/images."
        )
    files = [data] if kind == "file" else annotation_files(data)
    if not files:
        raise ValueError(f"{data / 'annotations'}: there is no annotation file (.json) in it.")
    return [(file, Path(image_dir) if image_dir else usual_image_dir(file)) for file in files]


def usual_image_dir(file: Path) -> Path:
    """Where the images of an annotation file are: see `find_parts`."""
    stem = _image_stem(file.stem.removeprefix("instances_"))
    root = file.parent.parent if file.parent.name == "annotations" else file.parent
    for folder in (root / stem, root / "images"):
        if folder.is_dir():
            return folder
    return root / stem if file.parent.name == "annotations" else root


def find_subset(
    dataset_dir: str | Path, subset: str, year: str | int = "2018", name: str | None = None
) -> tuple[Path, Path]:
    """Annotation file and image folder of a part, in either of the trees of `CocoDataset.load_coco`.

    Args:
        dataset_dir: Where annotations/ is.
        subset: The part, such as "train".
        year: Text behind it in the file names; may be empty.
        name: NAME of instances_NAME_SUBSETYEAR.json; None: whatever is there.

    Raises:
        ValueError: There is no such file, or more than one.
    """
    folder = Path(dataset_dir) / "annotations"
    tail = f"{subset}{year}"
    if name is not None:
        files = [path for path in [folder / f"instances_{name}_{tail}.json"] if path.is_file()]
    else:
        own = folder / f"instances_{tail}.json"
        files = sorted(folder.glob(f"instances_*_{tail}.json")) + ([own] if own.is_file() else [])
    if not files:
        there = [path.name for path in sorted(folder.glob("*.json")) if not path.name.startswith(".")]
        raise ValueError(
            f"{folder}: there is no instances_{'NAME' if name is None else name}_{tail}.json"
            + ("" if name is not None else f" and no instances_{tail}.json")
            + f". Annotation files there: {first_few(there) or 'none'}."
        )
    if len(files) > 1:
        raise ValueError(f"{folder}: several files fit: {', '.join(f.name for f in files)}. Say which one with name=.")
    return files[0], Path(dataset_dir) / _image_stem(files[0].name.removeprefix("instances_").removesuffix(".json"))


def find_images(names: Iterable[str], image_dir: str | Path) -> list[str | None]:
    """Paths of images named relative to a folder, None where there is no such file; one look into each folder."""
    listings: dict[str, dict[str, str]] = {}
    paths: list[str | None] = []
    for name in names:
        folder, name = os.path.split(os.path.join(image_dir, name))  # noqa: PTH118, PTH206 (fast)
        if folder not in listings:
            entries = os.listdir(folder) if Path(folder).is_dir() else []  # noqa: PTH208
            listings[folder] = {unicodedata.normalize("NFC", entry): entry for entry in entries}
        real = listings[folder].get(unicodedata.normalize("NFC", name))  # macOS writes letters with accents otherwise
        paths.append(None if real is None else os.path.join(folder, real))  # noqa: PTH118
    return paths


def place_image(source: str | Path, folder: str | Path, name: str, link: str = "copy") -> None:
    """Bring an image to folder/name.

    copy: independent of the source, so safe whatever happens to either.  hard: no room on disk, but one content: who
    edits one edits both; only within one file system.  symbolic: breaks when the source moves or is not mounted.
    Raises ValueError for a name that leads out of the folder, OSError where a link is not possible.
    """
    if link not in LINKS:
        raise ValueError(f"link is {link!r}, but must be one of {', '.join(LINKS)}.")
    folder = Path(folder)
    target = folder / name
    if Path(os.path.normpath(target)).is_relative_to(os.path.normpath(folder)) is False:
        raise ValueError(f"{name}: this image name leads out of the image folder. Rename it in the annotations.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if link == "copy":
        shutil.copy2(source, target)
    elif link == "symbolic":
        target.symlink_to(Path(source).resolve())
    else:
        try:
            os.link(Path(source).resolve(), target)
        except OSError as error:
            raise OSError(f"{target}: no hard link to {source} is possible ({error}). Use copy or symbolic.") from error


def is_record(path: Path) -> bool:
    """Whether a file has the name of a TFRecord file; none that is hidden."""
    named = path.suffix.lower() in RECORD_ENDINGS or SHARD.match(path.name)
    return bool(named) and not path.name.startswith(".")


def shard_name(name: str, number: int, count: int) -> str:
    """File name of shard `number`, from 0 on, of `count`."""
    return f"{name}-{number:05d}-of-{count:05d}.tfrecord"


def find_shards(folder: str | Path, name: str) -> list[Path]:
    """All shards NAME-00000-of-00008.tfrecord .. (the ending may be .record or none), or the single file NAME.

    Raises ValueError when there are none, some are missing, or there are two sets of them.
    """
    folder = Path(folder)
    if (folder / name).is_file():
        return [folder / name]
    found: dict[tuple[int, str], dict[int, Path]] = {}
    for path in sorted(folder.glob("*-of-*")):
        match = SHARD.match(path.name)
        if match and match["name"] == name:
            found.setdefault((int(match["count"]), match[4] or ""), {})[int(match["number"])] = path
    if not found:
        sets = record_sets(folder)
        raise ValueError(f"{folder}: there are no shards {shard_name(name, 0, 8)} .. there. Sets there: {sets}.")
    if len(found) > 1:
        raise ValueError(f"{folder}: {name} is there in several sets of shards: {sorted(found)}. Delete the old ones.")
    (((count, _), shards),) = found.items()
    missing = [number for number in range(count) if number not in shards]
    if missing or len(shards) != count:
        raise ValueError(f"{folder}: of the {count} shards of {name}, {missing[:10]} are missing.")
    return [shards[number] for number in range(count)]


def record_sets(folder: str | Path) -> list[str]:
    """Names of the sets of shards in a folder."""
    return sorted({match["name"] for path in Path(folder).iterdir() if (match := SHARD.match(path.name))})


def find_record_set(folder: str | Path, subset: str, year: str | int = "2018") -> str:
    """Name of the set of shards of a part: NAME_SUBSETYEAR or SUBSETYEAR.

    Raises ValueError where there is none, or more than one.
    """
    tail, names = f"{subset}{year}", record_sets(folder)
    fitting = [name for name in names if name == tail or name.endswith(f"_{tail}")]
    if len(fitting) != 1:
        raise ValueError(f"{folder}: expected one set of shards whose name ends with {tail}; there are {names}.")
    return fitting[0]


def _image_stem(stem: str) -> str:
    """Name of the folder of images of instances_STEM.json."""
    part = next((part for part in VAL_PARTS if stem.startswith(part)), None)
    return stem if part is None else "val" + stem.removeprefix(part)
