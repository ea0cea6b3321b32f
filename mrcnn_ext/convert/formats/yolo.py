"""YOLO segmentation: one text file an image, a line a polygon, `class x y x y ..` as fractions of the image."""

from pathlib import Path, PurePosixPath

import numpy as np
import yaml

from mrcnn_ext.common.files import write_text
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.images import ImageFolder, clean
from mrcnn_ext.convert.reading import mapping, naming, number, read_text, text, whole
from mrcnn_ext.masks.geometry import rectangle
from mrcnn_ext.masks.outlines import by_image, keyhole, mask_outlines, object_mask, single_polygon

TITLE = "YOLO segmentation"
NAME_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt")
NOT_LABELS = ("classes.txt", "labels.txt", "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt")
DIGITS = 10  # after the point, so that the pixels are the same when it is read again


def detect(path: Path) -> str | None:
    """A folder with data.yaml or classes.txt, or with a folder `labels` of text files; or that yaml itself."""
    if path.is_file():
        return "a data.yaml with names" if path.suffix in (".yaml", ".yml") and _names(path.parent, path) else None
    found = next((name for name in NAME_FILES if (path / name).is_file()), None)
    if found:
        return f"a folder with {found} and text files" if _label_files(path) else None
    return "a folder `labels` with text files" if (path / "labels").is_dir() and _label_files(path) else None


def read(path: Path, options: Options) -> Builder:
    """Images without a text file have no objects.  Rows of five numbers are boxes, which are taken as masks."""
    folder = path if path.is_dir() else path.parent
    images = options.images or (folder / "images" if (folder / "images").is_dir() else folder)
    builder, folder_of_images = Builder(options, images), ImageFolder(images)
    names = _names(folder, path if path.is_file() else None)
    for class_number, name in sorted(names.items()):
        builder.category(name, class_number + 1)
    labels = {_stem(file.relative_to(folder)): file for file in _label_files(folder)}
    if not len(folder_of_images):
        raise ValueError(f"there are no images in {images}, and their sizes are needed; say where with --images")
    stems = {_stem(PurePosixPath(file_name)) for file_name in folder_of_images}
    if labels and not stems & labels.keys():
        raise ValueError(f"none of its {len(labels)} text files has the name of an image in {images}; see --images")
    used = set()
    for file_name in folder_of_images:
        stem = _stem(PurePosixPath(file_name))
        image = builder.image(file_name)
        if stem in used:
            raise ValueError(f"image {image}: another image has the same name but for its ending")
        used.add(stem)
        if stem in labels:
            with naming(labels[stem]):
                _read_file(builder, image, labels[stem], names)
    for stem, file in labels.items():
        if stem not in used:
            builder.account.drop("text file without an image", file.relative_to(folder).as_posix())
    return builder


def _stem(path) -> str:
    """Path without ending and without the folders `images` and `labels`: what joins an image and its text file."""
    return "/".join(part for part in path.with_suffix("").parts if part not in ("images", "labels"))


def _label_files(folder: Path) -> list[Path]:
    """Text files with labels below a folder."""
    return [file for file in sorted(folder.rglob("*.txt")) if file.is_file() and file.name.lower() not in NOT_LABELS]


def _names(folder: Path, told: Path | None) -> dict[int, str]:
    """{number: name} of the classes, from data.yaml or classes.txt; none when there is neither."""
    file = told or next((folder / name for name in NAME_FILES if (folder / name).is_file()), None)
    if file is None:
        return {}
    with naming(file):
        if file.suffix == ".txt":
            return {i: line.strip() for i, line in enumerate(read_text(file).splitlines()) if line.strip()}
        try:
            content = read_text(file)
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content)):  # they can grow without end
                raise ValueError("it has aliases, which no data.yaml needs")
            content = yaml.safe_load(content)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise ValueError(f"this is not YAML: {error}") from error
        names = mapping(content, "the file").get("names") or {}
        pairs = enumerate(names) if isinstance(names, list) else mapping(names, "names").items()
        found = {}
        for key, value in pairs:
            if not isinstance(value, (str, int, float)):
                raise ValueError(f"the name of class {key} is no text")
            found[whole(key, "number of a class")] = text(str(value), "names")
        return found


def _read_file(builder: Builder, image, file: Path, names: dict) -> None:
    """The objects of one image; a class without a name gets class_<number>."""
    for i, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        row = line.split()
        class_number = whole(row[0], f"line {i}: class")
        values = np.array([number(value, f"line {i}") for value in row[1:]], np.float64)
        if class_number < 0:
            raise ValueError(f"line {i}: its class is {class_number}")
        width, height = image.frame
        if len(values) in (4, 5):
            builder.account.note("box taken as the mask of its object", f"{image.file_name}: line {i}")
            x, y, w, h = values[:4] * [width, height, width, height]
            polygon = rectangle(x - w / 2, y - h / 2, w, h)
        elif len(values) >= 6 and len(values) % 2 == 0:
            polygon = values.reshape(-1, 2) * [width, height]
        else:
            raise ValueError(
                f"line {i}: a class and at least three points x y are needed, but it has {len(row)} numbers"
            )
        if class_number not in names:
            names[class_number] = f"class_{class_number}"
            builder.account.note("class without a name", f"{names[class_number]}")
            builder.category(names[class_number], class_number + 1)
        builder.add(image, class_number + 1, polygons=[polygon], where=f"line {i}")


def write(coco: dict, out: Path, options: Options) -> Account:
    """OUT/labels and OUT/data.yaml; the images belong in OUT/images.  One line an object, with its parts and holes.

    Parts and holes are joined to one line by bridges of no width, which fill the same pixels by the even-odd rule.
    """
    account = Account()
    categories = sorted(coco["categories"], key=lambda item: item["id"])
    numbers = {item["id"]: i for i, item in enumerate(categories)}
    written: dict[str, str] = {}
    for image, annotations in by_image(coco):
        name = PurePosixPath(clean(image["file_name"])).with_suffix(".txt").as_posix()
        if name in written:
            raise ValueError(f"{image['file_name']} and {written[name]} would have the same text file {name}")
        written[name] = image["file_name"]
        lines = []
        for item in annotations:
            place = f"{image['file_name']}: annotation {item['id']}"
            if item.get("iscrowd"):
                account.drop("crowd: YOLO has no such mark, so it would be trained as an object", place)
                continue
            if item.get("attributes"):
                account.drop("attributes: YOLO has no place for them", place)
            lines.append(_line(item, numbers[item["category_id"]], image))
        write_text(out / "labels" / name, "".join(lines), on_disk=False)
    if [item["id"] for item in categories] != list(range(1, len(categories) + 1)):
        account.note("class ids: YOLO counts from 0 without gaps", ", ".join(item["name"] for item in categories))
    content = {
        "path": ".",
        "train": "images",
        "val": "images",
        "names": {i: c["name"] for i, c in enumerate(categories)},
    }
    write_text(out / "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return account


def _line(item: dict, class_number: int, image: dict) -> str:
    """The line of one object."""
    polygon = single_polygon(item)
    if polygon is None:
        polygon = keyhole(mask_outlines(object_mask(item, image["height"], image["width"])))
    values = (polygon / [image["width"], image["height"]]).reshape(-1)
    return f"{class_number} " + " ".join(f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") for value in values) + "\n"
