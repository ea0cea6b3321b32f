"""A repaired copy of a data set, with a list of every repair.  The original is only read."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mrcnn.config import Config
from mrcnn_ext.check.findings import Report
from mrcnn_ext.check.orientation import upright_segmentation
from mrcnn_ext.check.repair_objects import repaired_object
from mrcnn_ext.check.run import check_data, read_parts
from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.duplicates import same_bytes
from mrcnn_ext.datasets.layout import place_image

# The copy of an image that stays is in the part that should change least.
_KEEP_FIRST = ("test", "val", "train")


@dataclass(frozen=True, slots=True)
class Repair:
    """One change: annotation file, image, annotation, and what was done."""

    file: str
    image: str | None
    annotation_id: object
    done: str


@dataclass
class Fixed:
    """out: the repaired copy.  repairs: all that was done.  report: the check of the copy."""

    out: Path
    repairs: list[Repair] = field(default_factory=list)
    report: Report | None = None

    def to_dict(self) -> dict:
        rows = [{name: getattr(item, name) for name in Repair.__slots__} for item in self.repairs]
        report = None if self.report is None else self.report.to_dict()
        return {"out": str(self.out), "repairs": rows, "check_of_the_copy": report}


def fix_data(
    data: str | Path,
    out: str | Path,
    images: str | Path | None = None,
    config: Config | None = None,
    progress: bool = True,
) -> Fixed:
    """Write a repaired copy of a data set to the new folder `out`: annotations/ and copies of the images.

    Repaired: polygons are cut to the image, empty and unreadable masks and objects of nothing are dropped, area and
    box are computed from the mask, labels of images that EXIF turns are turned, swapped sizes are put right, ids are
    made unique, copies of images and of objects are dropped, as are images that are missing or damaged.
    What only a person can decide (alike classes, near-duplicates, objects without a mask) stays, and is in the report.

    Args:
        data: folder of a data set, or one annotation file. It is not changed.
        out: folder for the copy.
        images: folder of its images, where it is not the usual one.
        config: as for `check_data`, which looks at the copy.
        progress: show bars.

    Returns:
        What was repaired, each with its place, and the report on the copy.

    Raises:
        ValueError: `out` is not empty or lies inside `data`, or there is nothing to repair from.
    """
    data, out = Path(data), Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not empty; choose a new folder for the repaired copy.")
    if data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise ValueError(f"{out} lies inside {data}, which must stay as it is; choose a folder outside.")
    parts, looks = read_parts(data, images, Report(str(data)), progress)
    if not parts:
        raise ValueError(f"{data}: no annotation file can be read, so there is nothing to repair.")
    fixed = Fixed(out)
    keep = _kept_images(parts, looks, fixed)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for part, seen, rows in zip(parts, looks, keep, strict=True):
            _write_part(work / "new", part, seen, rows, fixed)
        if out.exists():
            out.rmdir()
        (work / "new").rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    fixed.report = check_data(out, config=config, progress=progress)
    return fixed


def _kept_images(parts, looks, fixed) -> list[list[int]]:
    """Rows of the images that stay, for each part."""
    keep = []
    for part, seen in zip(parts, looks, strict=True):
        rows = []
        for row, (image, look) in enumerate(zip(part.images, seen, strict=True)):
            reason = _why_not(part, image, look, part.objects[row])
            if reason:
                _note(fixed, part, image, None, f"image left out: {reason}", len(part.objects[row]))
            else:
                rows.append(row)
        keep.append(rows)
    places = [(number, row) for number, rows in enumerate(keep) for row in rows]
    for group in same_bytes([looks[number][row].mark for number, row in places]):
        copies = sorted((places[i] for i in group), key=lambda place: _rank(parts, *place))
        first = parts[copies[0][0]]
        name = first.images[copies[0][1]]["file_name"]
        for number, row in copies[1:]:
            part = parts[number]
            if part is first and part.images[row]["file_name"] == name:
                _merge(part, copies[0][1], row)
                _note(fixed, part, part.images[row], None, "second entry of this image: objects moved to the first")
            else:
                words = f"image left out: a copy of {name} of {first.name}"
                _note(fixed, part, part.images[row], None, words, len(part.objects[row]))
            keep[number].remove(row)
    return keep


def _why_not(part, image, look, annotations) -> str | None:
    if look.path is None:
        return "its file is not there"
    if look.error is not None:
        return look.error
    if image["id"] in part.unclear:
        return "another entry has its id, so nobody knows whose objects are whose"
    said, real = (image["width"], image["height"]), (look.width, look.height)
    if None in said or said in (real, look.stored, real[::-1]) or _rle_sizes(annotations) == {real[::-1]}:
        return None
    return f"its labels were drawn on {said[0]} x {said[1]} pixels, it is {real[0]} x {real[1]}"


def _rle_sizes(annotations) -> set[tuple]:
    """Sizes (height, width) that the masks say themselves, as far as they do."""
    masks = [item.get("segmentation") for item in annotations]
    return {tuple(mask["size"]) for mask in masks if isinstance(mask, dict) and isinstance(mask.get("size"), list)}


def _rank(parts, number, row):
    """Sorts copies of an image: the one that stays first."""
    name = parts[number].name
    order = next((i for i, word in enumerate(_KEEP_FIRST) if word in name), len(_KEEP_FIRST))
    return order, number, -len(parts[number].objects[row]), row


def _merge(part, row, other) -> None:
    for item in part.objects[other]:
        item["image_id"] = part.images[row]["id"]
    part.objects[row] += part.objects[other]


def _write_part(out, part, looks, rows, fixed) -> None:
    folder = out / part.name
    images, annotations = [], []
    for row in rows:
        image, look = part.images[row], looks[row]
        entry = part.raw_images[row] | image | {"width": look.width, "height": look.height}
        turned = (image["width"], image["height"]) == look.stored and look.stored != (look.width, look.height)
        turn = look.orientation if turned and not _drawn_upright(part.objects[row], look) else 1
        if turn != 1:
            _note(fixed, part, image, None, f"labels turned as EXIF orientation {turn} turns the image")
        if (image["width"], image["height"]) != (look.width, look.height):
            old = f"{image['width']} x {image['height']}"
            _note(fixed, part, image, None, f"size {old} became {look.width} x {look.height}")
        place_image(look.path, folder, image["file_name"])
        images.append(entry)
        seen: set = set()
        for item in part.objects[row]:
            if turn != 1:
                item = upright_segmentation(item, turn, look.stored)
            repaired, done = repaired_object(item, look.height, look.width, seen)
            for words in done:
                _note(fixed, part, image, item.get("id"), words)
            if repaired is not None:
                annotations.append(repaired)
    _number_anew(annotations, part, fixed)
    lost = len(part.content["annotations"]) - sum(map(len, part.objects))
    if lost:
        words = f"{lost} entries of 'annotations' left out: no object, or of an image or category that is not listed"
        fixed.repairs.append(Repair(str(part.file), None, None, words))
    categories = _categories(part, fixed)
    content = part.content | {"images": images, "annotations": annotations, "categories": categories}
    write_json(out / "annotations" / f"instances_{part.name}.json", content)
    folder.mkdir(exist_ok=True)


def _drawn_upright(annotations, look) -> bool:
    """True when a polygon does not fit the stored image, but does fit the upright one."""
    reach = [0.0, 0.0]
    for item in annotations:
        if isinstance(item.get("segmentation"), tuple):
            for part in item["segmentation"]:
                reach = [max(reach[0], part[0::2].max(initial=0)), max(reach[1], part[1::2].max(initial=0))]
    fits = [reach[0] <= size[0] + 1 and reach[1] <= size[1] + 1 for size in (look.stored, (look.width, look.height))]
    return fits == [False, True]


def _number_anew(annotations, part, fixed) -> None:
    """Give a new id to annotations that have none, or one that is taken."""
    whole = [item["id"] for item in annotations if type(item.get("id")) is int]
    following, used = max(whole, default=0) + 1, set()
    for item in annotations:
        number = item.get("id")
        if type(number) is not int or number in used:
            item["id"], following = following, following + 1
            fixed.repairs.append(Repair(str(part.file), None, number, f"annotation id became {item['id']}"))
        used.add(item["id"])


def _categories(part, fixed) -> list[dict]:
    """The usable categories, each id once."""
    kept, left = [], dict(part.categories)
    for item in part.content["categories"]:
        number = next((i for i in left if isinstance(item, dict) and str(item.get("id")) in (str(i), f"{i}.0")), None)
        if number is None:
            fixed.repairs.append(Repair(str(part.file), None, None, f"category entry left out: {str(item)[:60]}"))
        else:
            kept.append(item | {"id": number, "name": left.pop(number)})
    return kept


def _note(fixed, part, image, annotation_id, done, objects=0) -> None:
    done += f", with its {objects} objects" if objects else ""
    fixed.repairs.append(Repair(str(part.file), image["file_name"], annotation_id, done))
