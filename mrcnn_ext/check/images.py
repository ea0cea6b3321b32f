"""The image files of a part: are they there, can they be read, are they as large as the annotations say."""

import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tqdm.auto import tqdm

from mrcnn.data.image import read_image
from mrcnn_ext.convert.images import stored_size
from mrcnn_ext.datasets.duplicates import Fingerprint, fingerprint, near_groups, same_bytes
from mrcnn_ext.datasets.layout import find_images, is_image

_QUARTER_TURNS = (5, 6, 7, 8)  # EXIF orientations that swap width and height


@dataclass(slots=True)
class Look:
    """What an image file is: its size upright in pixels, its EXIF orientation (1: none), and its fingerprint.

    path: None when there is no such file.  error: why it cannot be read, or None.
    """

    path: str | None
    error: str | None = None
    width: int = 0
    height: int = 0
    orientation: int = 1
    mark: Fingerprint | None = None

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height before the turn by EXIF."""
        return (self.height, self.width) if self.orientation in _QUARTER_TURNS else (self.width, self.height)


def look_at_images(part, progress: bool = True) -> list[Look]:
    """A Look for each of `part.images`; every file is read whole, as training will."""
    paths = find_images([image["file_name"] for image in part.images], part.image_dir)
    with ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) + 1)) as pool:
        looks = pool.map(_look_at, paths)
        return list(tqdm(looks, total=len(paths), desc=part.name, unit="image", disable=not progress))


def check_images(part, looks, report) -> None:
    """Report what is wrong with the files of one part, and copies within it."""
    for image, look in zip(part.images, looks, strict=True):
        if look.path is None:
            report.add("image-missing", part.file, f"not in {part.image_dir}", image)
        elif look.error is not None:
            report.add("image-unreadable", part.file, look.error, image)
        else:
            _check_size(part, image, look, report)
    _check_unlisted(part, looks, report)
    marks = [look.mark for look in looks]
    for group in same_bytes(marks):
        names = {part.images[i]["file_name"] for i in group}
        if len(names) > 1:  # one file listed twice is another fault
            what = f"the same bytes: {', '.join(sorted(names))}"
            twin = (part.file, part.images[group[0]])
            report.add("image-twice", part.file, what, part.images[group[1]], other=twin)
    for first, *others in near_groups(marks):
        for row in others:
            what = f"looks like {part.images[first]['file_name']}"
            twin = (part.file, part.images[first])
            report.add("image-near-twice", part.file, what, part.images[row], other=twin)


def check_across(parts, looks, report) -> None:
    """Report images that are, or nearly are, in two parts.  looks: a list of Look for each part."""
    places = [(part, row) for part, seen in zip(parts, looks, strict=True) for row in range(len(seen))]
    marks = [look.mark for seen in looks for look in seen]
    kinds = (
        ("image-in-two-parts", same_bytes(marks), "the same bytes as"),
        ("image-near-in-two-parts", near_groups(marks), "looks like"),
    )
    for code, groups, words in kinds:
        for first, *others in groups:
            part, row = places[first]
            what = f"{words} {part.images[row]['file_name']} of {part.name}"
            for other, place in (places[i] for i in others):
                if other is not part:
                    report.add(code, other.file, what, other.images[place], other=(part.file, part.images[row]))


def _check_size(part, image, look, report) -> None:
    said, real = (image["width"], image["height"]), (look.width, look.height)
    if None in said:
        return  # reported as image-entry
    text = f"{said[0]} x {said[1]} in the file, the image is {real[0]} x {real[1]}"
    if said == real:
        if look.orientation != 1 and look.stored == real:
            what = f"EXIF orientation {look.orientation}; the size does not tell which way the labels were drawn"
            report.add("image-exif-half", part.file, what, image)
    elif said == look.stored:
        report.add("image-exif", part.file, f"{text} after EXIF orientation {look.orientation}", image)
    else:
        swapped = "; width and height are swapped" if said == real[::-1] else ""
        report.add("image-size", part.file, text + swapped, image)


def _check_unlisted(part, looks, report) -> None:
    """Files next to the listed images; only in folders that hold some, as a folder may serve several parts."""
    listed = {unicodedata.normalize("NFC", os.path.normpath(look.path)) for look in looks if look.path is not None}
    if part.image_dir.name != part.name or not part.image_dir.is_dir():
        return  # a folder that several annotation files share
    for path in sorted(part.image_dir.rglob("*")):
        if is_image(path) and path.is_file() and unicodedata.normalize("NFC", str(path)) not in listed:
            report.add("image-unlisted", part.file, str(path.relative_to(part.image_dir)))


def _look_at(path) -> Look:
    if path is None:
        return Look(None)
    try:
        image = read_image(path)
        mark = fingerprint(path, image)
    except (OSError, ValueError) as error:
        return Look(path, error=str(error).removeprefix(f"{path}: "))
    return Look(path, None, image.shape[1], image.shape[0], _orientation(path), mark)


def _orientation(path) -> int:
    """EXIF orientation 1 to 8; 1 for none, for nonsense, and for formats that Pillow does not know."""
    try:
        return stored_size(path).orientation
    except ValueError:
        return 1
