"""What is pushed and pulled: the images of a data set, with the labels they have already."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrcnn_ext.common.values import first_few
from mrcnn_ext.convert import Options, read
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.images import ImageFolder
from mrcnn_ext.datasets.layout import annotation_files, find_images, find_parts, is_record, usual_image_dir


@dataclass
class Images:
    """One annotation file with its images, or a folder of images without labels.

    folder: of the images; file: the annotation file, or None; coco: its content, and a new entry for each image
    that it does not list; listed: file names that it does list.
    prefix: stands before a file name to make the key of an image, which no other image of the data set has.
    """

    folder: Path
    file: Path | None
    coco: dict
    listed: set[str]
    prefix: str = ""

    def key(self, image: dict) -> str:
        """Key of an image in the tasks."""
        return self.prefix + image["file_name"]

    def labelled(self) -> set[int]:
        """Ids of the images with an object."""
        return {item["image_id"] for item in self.coco["annotations"]}


def read_images(data, folder=None) -> tuple[list[Images], Account]:
    """The images behind a path, and an account of what is odd in their labels.

    data: a folder with images, with or without annotation files, for all images in it; or an annotation file, for
    the images it lists.  folder: of the images, if not the usual one (see `mrcnn_ext.datasets.layout.find_parts`).
    Raises ValueError naming the file or image, also where there is no image at all.
    """
    data, account = Path(data), Account()
    if not data.exists():
        raise ValueError(f"{data}: there is no such folder or annotation file.")
    files = _annotation_files(data, folder)
    parts = [_read_part(file, images, whole=data.is_dir(), account=account) for file, images in files]
    if len(parts) > 1:
        for part in parts:
            part.prefix = f"{part.folder.name}/"
    keys = [part.key(image) for part in parts for image in part.coco["images"]]
    if len(set(keys)) < len(keys):
        names = first_few([part.file for part in parts])
        raise ValueError(f"{data}: several files list the same images ({names}). Say which file to take.")
    if not keys:
        raise ValueError(f"{data}: there are no images in {parts[0].folder}.")
    return parts, account


def class_names(parts: list[Images], more=()) -> list[str]:
    """Names of all classes, those of the files first, each once."""
    names = [item["name"] for part in parts for item in part.coco["categories"]]
    return list(dict.fromkeys([*names, *more]))


def _annotation_files(data: Path, folder) -> list[tuple[Path | None, Path]]:
    if data.is_file() or annotation_files(data) or any(map(is_record, data.iterdir())):
        return [*find_parts(data, folder)]
    return [(None, Path(folder) if folder else usual_image_dir(data / "annotations.json"))]


def _read_part(file, folder: Path, whole: bool, account: Account) -> Images:
    if file is None:
        coco: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
        coco["info"] = {"description": "labelled in Label Studio"}
    else:
        builder = read(file, "coco", Options(images=folder))
        coco = builder.coco()
        account.add(builder.account)
        names = [image["file_name"] for image in coco["images"]]
        missing = [name for name, path in zip(names, find_images(names, folder), strict=True) if path is None]
        if missing:
            raise ValueError(f"{file}: {len(missing)} of {len(names)} images are not in {folder}: {first_few(missing)}")
    listed = {image["file_name"] for image in coco["images"]}
    if whole:
        _add_unlisted(coco, ImageFolder(folder), listed, account)
    return Images(folder, file, coco, listed)


def _add_unlisted(coco: dict, folder: ImageFolder, listed: set[str], account: Account) -> None:
    following = max((image["id"] for image in coco["images"]), default=0) + 1
    for name in folder:
        if name not in listed:
            width, height = folder.stored(name).upright
            coco["images"].append({"id": following, "file_name": name, "width": width, "height": height})
            following += 1
    for name in (name for name in folder.others if not name.endswith(".json")):  # annotations may lie beside
        account.note("file in the folder of images that is none by its ending", name)
