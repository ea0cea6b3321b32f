"""The tutorial's data set: squares, circles and triangles on a plain background, as COCO files.

Later shapes hide earlier ones, and the annotation of an object is its visible part.  Everything follows from the seed;
image number i of a subset is the same whatever the counts are.
Command: `python -m mrcnn_ext.datasets.shapes data/shapes`.
"""

import argparse
import colorsys
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from mrcnn_ext.masks.outlines import mask_to_segmentation
from mrcnn_ext.masks.rle import encode_mask, rle_area, rle_box

YEAR = "2018"
COUNTS = {"train": 750, "validate": 100, "test": 250}
CLASSES = ("square", "circle", "triangle")  # category ids 1, 2, 3
MAX_OBJECTS = 4
RADIUS = (10 / 128, 32 / 128)  # half the size of a shape, as a fraction of the image's shorter side
BORDER = 20 / 128  # centres keep this far from the border, as a fraction of each side
MIN_SIDE = 48  # pixels; below this the smallest shapes are too few pixels to tell apart
MIN_VISIBLE = 0.2  # an object that shows less of itself than this is not kept
MIN_PIXELS = 16
FROM_BACKGROUND = 110  # least distance of a shape's colour from the background, in RGB units of 0..255
FROM_OTHERS = 80  # least distance of a shape's colour from the other shapes' colours
JPEG_QUALITY = 95  # with colours for every pixel (subsampling 0), so that they stay what they were


class Drawing(NamedTuple):
    """name: what is drawn.  classes: names, of category ids 1 and up.  image: function as `random_image`."""

    name: str
    classes: tuple[str, ...]
    image: Callable


def make_shapes(
    out_dir: str | Path,
    counts: dict[str, int] | None = None,
    size: tuple[int, int] = (128, 128),
    seed: int = 2018,
    progress: bool = True,
    drawing: Drawing | None = None,
) -> Path:
    """Make the shapes data set: circles, squares and triangles, in COCO form.

    The set is built in a temporary folder and then renamed, so that there is never half a set.  A complete set that was
    made with the same settings is left alone; one with files missing is made again.

    Args:
        out_dir: its folder.
        counts: {"train": images, "validate": .., "test": ..}; None: 750, 100 and 250.
        size: (height, width) of every image in pixels, each at least 48.
        seed: the same seed makes the same images.
        progress: show a bar.
        drawing: other things than the shapes, see `mrcnn_ext.datasets.hard_shapes`.

    Returns:
        Its path.

    Raises:
        ValueError: `out_dir` holds anything else, or a set made with other settings.
    """
    out_dir = Path(out_dir)
    counts = dict(COUNTS if counts is None else counts)
    if set(counts) != set(COUNTS) or any(int(n) != n or n < 0 for n in counts.values()):
        raise ValueError(f"counts must give a whole number for each of {', '.join(COUNTS)}, but is {counts}.")
    height, width = size
    if min(height, width) < MIN_SIDE:
        raise ValueError(f"size is (height, width) in pixels, each at least {MIN_SIDE}, but is {tuple(size)}.")
    settings = {"seed": seed, "height": height, "width": width, "counts": counts}
    if drawing is None:
        drawing = Drawing("shapes", CLASSES, random_image)
    else:
        settings["drawing"] = drawing.name
    if _is_complete(out_dir, settings):
        return out_dir
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        new = work / "new"  # the folder around it is private, as mkdtemp makes it
        (new / "annotations").mkdir(parents=True)
        with tqdm(total=sum(counts.values()), desc="shapes", unit="image", disable=not progress) as bar:
            first_id = 1
            for number, subset in enumerate(COUNTS):
                _make_subset(new, subset, number, first_id, settings, drawing, bar)
                first_id += counts[subset]
        _move_into_place(new, out_dir, settings)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return out_dir


def random_image(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Draw one image: uint8 RGB (height, width, 3) and, per object, (class id 1..3, visible mask (height, width))."""
    background = _random_background(rng, height, width)
    shapes: list[tuple[int, np.ndarray]] = []
    colours: list[np.ndarray] = []
    for _ in range(rng.integers(1, MAX_OBJECTS + 1)):
        class_id = int(rng.integers(1, len(CLASSES) + 1))
        shapes.append((class_id, _random_coverage(rng, CLASSES[class_id - 1], height, width)))
        colours.append(_random_colour(rng, background, colours))
    kept = seen(shapes)
    image = background
    for i in kept:
        coverage = shapes[i][1][:, :, None]
        image = image * (1 - coverage) + np.array(colours[i]) * coverage
    visible = visible_masks([shapes[i][1] for i in kept])
    return np.rint(image).astype(np.uint8), [(shapes[i][0], mask) for i, mask in zip(kept, visible, strict=True)]


def _random_coverage(rng, name: str, height: int, width: int) -> np.ndarray:
    """How much of each pixel a random shape covers, 0..1, (height, width); soft over one pixel at the edge."""
    low, high = (fraction * min(height, width) for fraction in RADIUS)
    radius = rng.uniform(low, high)
    y = rng.uniform(BORDER * height, (1 - BORDER) * height) - (np.arange(height)[:, None] + 0.5)
    x = rng.uniform(BORDER * width, (1 - BORDER) * width) - (np.arange(width)[None, :] + 0.5)
    if name == "square":
        outside = np.maximum(abs(y), abs(x))
    elif name == "circle":
        outside = np.hypot(y, x)
    else:  # top at -radius, base at +radius and 2 radius / sin 60 degrees wide, as in the old tutorial
        half = radius / np.sin(np.pi / 3)
        slope = np.hypot(2 * radius, half)
        outside = np.maximum(-y, (2 * radius * abs(x) + half * (y - radius)) / slope + radius)
    return np.clip(radius - outside + 0.5, 0, 1)


def visible_masks(coverages) -> list[np.ndarray]:
    """What shows of each shape when they are drawn in this order; a pixel counts from half covered on."""
    masks = [coverage >= 0.5 for coverage in coverages]
    hidden: np.ndarray | None = None
    visible = []
    for mask in reversed(masks):
        visible.append(mask if hidden is None else mask & ~hidden)
        hidden = mask if hidden is None else hidden | mask
    return visible[::-1]


def seen(shapes) -> list[int]:
    """Numbers of the shapes that show enough of themselves, leaving out the worst until all the rest do."""
    kept = list(range(len(shapes)))
    while True:
        visible = [mask.sum() for mask in visible_masks([shapes[i][1] for i in kept])]
        whole = [(shapes[i][1] >= 0.5).sum() for i in kept]
        shares = [0 if pixels < MIN_PIXELS else pixels / total for pixels, total in zip(visible, whole, strict=True)]
        if min(shares) >= MIN_VISIBLE:
            return kept
        del kept[int(np.argmin(shares))]


def _random_background(rng, height: int, width: int) -> np.ndarray:
    """A calm colour that fades a little across the image, float RGB (height, width, 3)."""
    colour = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.95))) * 255
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 24)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)[None, :]
    fade = strength * (np.sin(angle) * y + np.cos(angle) * x)
    return np.clip(colour + fade[:, :, None], 0, 255)


def _random_colour(rng, background: np.ndarray, others) -> np.ndarray:
    """A colour that stands out from the background and, if it can be had, from the other shapes."""
    far = background.mean((0, 1))
    best, best_room = background[0, 0], -np.inf
    for _ in range(50):
        colour = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 1), rng.uniform(0.35, 1))) * 255
        rooms = [np.linalg.norm(colour - other) - FROM_OTHERS for other in others]
        room = float(min([np.linalg.norm(colour - far) - FROM_BACKGROUND, *rooms]))
        if room >= 0:
            return colour
        if room > best_room:
            best, best_room = colour, room
    return best


def _make_subset(new: Path, subset: str, number: int, first_id: int, settings: dict, drawing: Drawing, bar) -> None:
    """Draw the images of one subset and write its annotation file."""
    folder = new / f"shapes_{subset}{YEAR}"
    folder.mkdir()
    images: list[dict] = []
    annotations: list[dict] = []
    height, width = settings["height"], settings["width"]
    for i in range(settings["counts"][subset]):
        rng = np.random.default_rng([settings["seed"], number, i])
        pixels, objects = drawing.image(rng, height, width)
        image = {"id": first_id + i, "file_name": f"{first_id + i:06d}.jpeg", "width": width, "height": height}
        Image.fromarray(pixels).save(folder / str(image["file_name"]), quality=JPEG_QUALITY, subsampling=0)
        images.append(image)
        for class_id, mask in objects:
            rle = encode_mask(mask)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": class_id,
                    "iscrowd": 0,
                    "area": rle_area(rle),
                    "bbox": rle_box(rle),
                    "segmentation": mask_to_segmentation(mask),
                }
            )
        bar.update()
    content = {
        "info": {"description": f"{drawing.name}, drawn by mrcnn_ext", "year": int(YEAR), "settings": settings},
        "licenses": [],
        "categories": [{"id": i, "name": name, "supercategory": "shape"} for i, name in enumerate(drawing.classes, 1)],
        "images": images,
        "annotations": annotations,
    }
    _annotation_file(new, subset).write_text(json.dumps(content), encoding="utf-8")


def _annotation_file(folder: Path, subset: str) -> Path:
    return folder / "annotations" / f"instances_shapes_{subset}{YEAR}.json"


def _is_complete(out_dir: Path, settings: dict) -> bool:
    """True for a whole set made with these settings, False for nothing or a part of one."""
    if not out_dir.exists():
        return False
    ours = {"annotations"} | {f"shapes_{subset}{YEAR}" for subset in COUNTS}
    names = {path.name for path in out_dir.iterdir() if path.name[0] != "."} if out_dir.is_dir() else {out_dir.name}
    if names - ours:
        raise ValueError(f"{out_dir} holds other things ({sorted(names - ours)[0]}); choose a new or an empty folder.")
    complete = True
    for subset in COUNTS:
        try:
            content = json.loads(_annotation_file(out_dir, subset).read_text(encoding="utf-8"))
            made_with = content["info"]["settings"]
            wanted = {image["file_name"] for image in content["images"]}
        except (OSError, ValueError, KeyError, TypeError):
            complete = False  # absent or cut off: not complete, so it is made again
            continue
        if made_with != settings:
            raise ValueError(
                f"{out_dir} was made with other settings: {made_with} instead of {settings}. "
                "Choose another folder, or delete this one to make it again."
            )
        folder = out_dir / f"shapes_{subset}{YEAR}"
        there = {path.name for path in folder.iterdir() if path.stat().st_size} if folder.is_dir() else set()
        complete = complete and wanted <= there
    return complete


def _move_into_place(new: Path, out_dir: Path, settings: dict) -> None:
    """Rename the finished set to `out_dir`, taking a partial one out of the way first."""
    if out_dir.exists():
        if _is_complete(out_dir, settings):
            return  # another process was quicker
        out_dir.rename(new.with_name("partial"))
    new.rename(out_dir)


def main(arguments=None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(prog="mrcnn_ext.datasets.shapes", description="Make the shapes data set.")
    parser.add_argument("out_dir", nargs="?", default="data/shapes", help="folder of the set (default: data/shapes)")
    parser.add_argument("--size", nargs=2, type=int, default=(128, 128), metavar=("HEIGHT", "WIDTH"), help="in pixels")
    parser.add_argument("--seed", type=int, default=2018)
    for subset, count in COUNTS.items():
        parser.add_argument(f"--{subset}", type=int, default=count, metavar="N", help=f"images (default: {count})")
    options = parser.parse_args(arguments)
    counts = {subset: getattr(options, subset) for subset in COUNTS}
    try:
        folder = make_shapes(options.out_dir, counts=counts, size=tuple(options.size), seed=options.seed)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    print(f"{folder}: {sum(counts.values())} images")


if __name__ == "__main__":
    main()
