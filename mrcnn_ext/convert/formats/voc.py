"""Pascal VOC segmentation: SegmentationObject (pixel = number of the instance) and SegmentationClass."""

from pathlib import Path

import numpy as np

from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.reading import naming, read_bitmap, read_text

TITLE = "Pascal VOC segmentation"
NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
BACKGROUND, VOID = 0, 255
VOID_COLOUR = (224, 224, 192)


def detect(path: Path) -> str | None:
    """A folder with SegmentationObject and SegmentationClass."""
    there = path.is_dir() and (path / "SegmentationObject").is_dir() and (path / "SegmentationClass").is_dir()
    return "a folder with SegmentationObject and SegmentationClass" if there else None


def read(path: Path, options: Options) -> Builder:
    """One object an instance; void pixels (255) belong to none.  Names: labelmap.txt, else the twenty of VOC."""
    folders = path / "SegmentationObject", path / "SegmentationClass"
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder.name}")
    images = options.images or (path / "JPEGImages" if (path / "JPEGImages").is_dir() else None)
    builder = Builder(options, images)
    colours = _labelmap(path / "labelmap.txt")
    names = [""] + (list(NAMES) if colours is None else [name for name, _ in colours if name != "background"])
    for name in names[1:]:
        builder.category(name)
    files = sorted(file for file in folders[0].rglob("*.png") if file.is_file())
    stems = {file.relative_to(folders[0]).with_suffix("").as_posix() for file in files}
    by_stem = {Path(name).with_suffix("").as_posix(): name for name in builder.folder or ()}
    for file in files:
        stem = file.relative_to(folders[0]).with_suffix("").as_posix()
        other = folders[1] / file.relative_to(folders[0])
        with naming(file):
            objects = _numbers(read_bitmap(file, file))
        if not other.is_file():
            builder.account.drop("image without a file in SegmentationClass", stem)
            continue
        with naming(other):
            classes = _classes(read_bitmap(other, other, colours=colours is not None), colours)
            if classes.shape != objects.shape:
                raise ValueError(f"it is {classes.shape[::-1]} pixels, but {file} is {objects.shape[::-1]}")
        _add_image(builder, by_stem.get(stem, f"{stem}.jpg"), objects, classes, names, colours)
    for stem, name in by_stem.items():
        if stem not in stems:
            builder.account.note("image without a file in SegmentationObject: not labelled, left out", name)
    return builder


def _add_image(builder: Builder, name: str, objects, classes, names, colours) -> None:
    """One image with its objects; the class of an instance is that of most of its pixels."""
    image = builder.image(name, objects.shape[::-1])
    if image is None:
        return
    for number in np.unique(objects).tolist():
        if number in (BACKGROUND, VOID):
            continue
        mask = objects == number
        inside, counts = np.unique(classes[mask], return_counts=True)
        class_number = int(inside[counts.argmax()])
        place = f"{image.file_name}: instance {number}"
        if class_number in (BACKGROUND, VOID):
            builder.account.drop("instance without a class", place)
            continue
        if len(inside) > 1:
            builder.account.note("instance of several classes, that of most pixels is taken", place)
        if class_number >= len(names):
            raise ValueError(f"{place}: its class is number {class_number}, but there are {len(names) - 1} classes")
        builder.add(image, builder.category(names[class_number]), masks=[mask], where=f"instance {number}")


def _labelmap(path: Path) -> list[tuple[str, tuple]] | None:
    """[(name, (red, green, blue)), ..] of lines name:r,g,b:parts:actions; None when there is no such file.

    A line without a colour, as some tools write it, has the one that Pascal VOC gives to its number.
    """
    if not path.is_file():
        return None
    found: list[tuple[str, tuple[int, ...]]] = []
    with naming(path):
        for line in read_text(path).splitlines():
            if line.strip() and not line.startswith("#"):
                name, _, rest = line.partition(":")
                numbers = rest.partition(":")[0].strip()
                try:
                    colour = tuple(map(int, numbers.split(","))) if numbers else _standard_colour(len(found))
                except ValueError:
                    colour = ()
                if len(colour) != 3 or not name:
                    raise ValueError(f"expected name:red,green,blue:: but there is {line[:60]!r}")
                found.append((name, colour))
    return found


def _standard_colour(number: int) -> tuple[int, ...]:
    """Pascal VOC's colour of a class: its bits, dealt out to red, green and blue from the highest down."""
    colour = [0, 0, 0]
    for i in range(24):
        colour[i % 3] |= (number >> i & 1) << (7 - i // 3)
    return tuple(colour)


def _packed(pixels: np.ndarray) -> np.ndarray:
    """Colours as one number each, int64 (H, W)."""
    return pixels[:, :, :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _numbers(pixels: np.ndarray) -> np.ndarray:
    """Numbers of instances int64 (H, W), of a palette image or a coloured one; 255 is void."""
    if pixels.ndim == 2:
        return pixels.astype(np.int64)
    packed = _packed(pixels)
    colours = [colour for colour in np.unique(packed).tolist() if colour not in (0, _one(VOID_COLOUR))]
    numbers = np.zeros(packed.shape, np.int64)
    numbers[packed == _one(VOID_COLOUR)] = VOID
    for i, colour in enumerate(colours, 1):
        numbers[packed == colour] = i if i < VOID else i + 1
    return numbers


def _classes(pixels: np.ndarray, colours) -> np.ndarray:
    """Numbers of classes int64 (H, W), in the order of the names; 255 is void."""
    if colours is None:
        if pixels.ndim == 3:
            raise ValueError("it is in colours; there must be a labelmap.txt that says which colour is which class")
        return pixels.astype(np.int64)
    known = [name for name, _ in colours if name != "background"]
    lines = [(0 if name == "background" else known.index(name) + 1, colour) for name, colour in colours]
    if pixels.ndim == 2:  # gray: the number of a line of labelmap.txt
        codes, values = list(range(len(lines))), pixels.astype(np.int64)
    else:
        codes, values = [_one(colour) for _, colour in lines], _packed(pixels)
    numbers = np.full(values.shape, VOID, np.int64)
    numbers[values == 0] = BACKGROUND
    for code, (number, _) in zip(codes, lines, strict=True):
        numbers[values == code] = number
    return numbers


def _one(colour) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue
