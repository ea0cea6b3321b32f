"""A folder of mask images, one an object, named <image>_<class>_<number>.png as pycococreator has it."""

import re
from pathlib import Path

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.images import ImageFolder
from mrcnn_ext.convert.reading import foreground, naming, read_bitmap

TITLE = "folder of mask images (pycococreator)"
NAME = re.compile(r"(?P<stem>.+)_(?P<label>[^_]+)_(?P<number>\d+)")


def detect(path: Path) -> str | None:
    """A folder with images named <image>_<class>_<number>.png."""
    if not path.is_dir():
        return None
    first = next((file for file in sorted(path.rglob("*.png")) if NAME.fullmatch(file.stem)), None)
    return f"a folder of masks <image>_<class>_<number>.png ({first.name})" if first else None


def read(path: Path, options: Options) -> Builder:
    """White is object; holes and several parts are kept.  Images without a mask have no objects.

    The image's name is taken up to the last two `_`; where there is no such image, up to an earlier `_`, so that a
    class may hold `_`.  The folder of images may be the one of the masks, or one around it.
    """
    if not path.is_dir():
        raise ValueError("expected a folder of mask images")
    images = options.images
    if images is None:
        sibling = path.parent / "images"
        images = sibling if sibling.is_dir() else path
    builder, folder = Builder(options, images), ImageFolder(images)
    files = sorted(file for file in path.rglob("*.png") if file.is_file() and NAME.fullmatch(file.stem))
    stems = _stems(folder, {file.resolve() for file in files})
    masks: dict[str, list[tuple[str, int, Path]]] = {stem: [] for stem in stems}
    by_name: dict[str, list[str]] = {}
    for stem in stems:
        by_name.setdefault(stem.rpartition("/")[2], []).append(stem)
    for file in files:
        owner, label, number = _split(file.relative_to(path).with_suffix("").as_posix(), stems, by_name)
        if owner is None:
            builder.account.drop("mask without an image", file.relative_to(path).as_posix())
        else:
            masks[owner].append((label, number, file))
    if files and not any(masks.values()):
        raise ValueError(f"none of its {len(files)} masks has the name of an image in {images}; see --images")
    for stem, name in stems.items():
        _read_image(builder, name, sorted(masks[stem]))
    return builder


def _read_image(builder: Builder, name: str, masks: list) -> None:
    """One image with its masks, [(class, number, file), ..]; the first mask's size says which way up they are."""
    image = None
    for label, _, file in masks:
        with naming(file):
            mask = foreground(read_bitmap(file, file))
            image = image or builder.image(name, (mask.shape[1], mask.shape[0]))
            if image is None:
                return
            builder.add(image, builder.category(label), masks=[mask], where=file.name)
    if not masks:
        builder.image(name)


def _stems(folder: ImageFolder, own: set) -> dict[str, str]:
    """{path without ending: path} of the images that are no masks."""
    stems: dict[str, str] = {}
    for name in folder:
        if (folder.root / name).resolve() not in own:
            stem = str(Path(name).with_suffix("").as_posix())
            if stem in stems:
                raise ValueError(f"{name} and {stems[stem]} have the same name but for their ending")
            stems[stem] = name
    return stems


def _split(name: str, stems: dict, by_name: dict[str, list[str]]) -> tuple[str | None, str, int]:
    """(image's stem, class, number) of a mask's path without its ending; stem None when there is no image.

    by_name: {last part of a stem: stems}.
    """
    matched = NAME.fullmatch(name)
    if matched is None:
        raise ValueError(f"{name}: expected a name such as image_class_1")
    head, label, number = matched.groups()
    while True:
        if head in stems:
            return head, label, int(number)
        same = by_name.get(head.rpartition("/")[2], [])
        if len(same) == 1:
            return same[0], label, int(number)
        head, cut, more = head.rpartition("_")
        if not cut or "/" in more:
            return None, label, int(number)
        label = f"{more}_{label}"
