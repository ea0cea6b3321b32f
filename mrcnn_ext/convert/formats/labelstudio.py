"""Label Studio's raw JSON (its own COCO export loses brush strokes and boxes), and tasks with predictions."""

import base64
import binascii
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.formats.labelstudio_rle import decode_brush
from mrcnn_ext.convert.formats.labelstudio_tasks import coco_to_tasks
from mrcnn_ext.convert.images import clean
from mrcnn_ext.convert.reading import (
    check_size,
    foreground,
    identity,
    mapping,
    number,
    points,
    read_bitmap,
    read_json,
    sequence,
    text,
    whole,
)  # fmt: skip
from mrcnn_ext.datasets.layout import is_image
from mrcnn_ext.masks.geometry import ellipse, rectangle

TITLE = "Label Studio JSON"
SHAPES = ("polygon", "rectangle", "ellipse", "brush", "bitmask")
UPLOADED = re.compile(r"(?:.*/)?[0-9a-f]{8}-(?=[^/]+$)")  # Label Studio puts this before the names of files
NO_AREA = ("keypoint", "vector", "line")


def detect(path: Path) -> str | None:
    """A JSON list of tasks with data and annotations or predictions."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    content = read_json(path)
    if not isinstance(content, list) or not content or not all(isinstance(t, dict) and "data" in t for t in content):
        return None
    keys = [key for key in ("annotations", "predictions") if any(key in task for task in content)]
    return f"a JSON list of tasks with data and {' and '.join(keys)}" if keys else None


def read(path: Path, options: Options) -> Builder:
    """Of a task the ground truth or else the last annotation is taken; without one, its first prediction."""
    return read_tasks(sequence(read_json(path), "the file"), options)


def read_tasks(tasks: list, options: Options) -> Builder:
    """As `read`, from the list of tasks itself."""
    builder = Builder(options, options.images)
    for i, task in enumerate(tasks, 1):
        task = mapping(task, f"task {i}")
        name, data = _image_name(mapping(task.get("data"), f"task {i}: data"), f"task {i}")
        if builder.folder and not builder.folder.find(name):
            name = UPLOADED.sub("", name)
        results = _results(builder, task, name)
        if results is None:
            builder.account.drop("task that is not labelled", name)
            continue
        regions = _regions(builder, results, name)
        image_id = identity(data["coco_id"], name) if data.get("coco_id") is not None else None
        own = ("coco_id", "width", "height", "file_name") if image_id is not None else ()  # what our own tasks carry
        extra = {key: value for key, value in data.items() if key not in own}
        image = builder.image(name, _size(regions, data, name), image_id, **({"attributes": extra} if extra else {}))
        if image is not None:
            for number_, region in enumerate(regions, 1):
                _add_region(builder, image, region, f"region {number_}")
    return builder


def write(coco: dict, out: Path, options: Options) -> Account:
    """Tasks with predictions, to import into a project; `out` is the file, or a folder for tasks.json."""
    tasks, account = coco_to_tasks(coco)
    write_json(out if out.suffix.lower() == ".json" else out / "tasks.json", tasks)
    return account


def _image_name(data: dict, where: str) -> tuple[str, dict]:
    """Name of the task's image, and its other data."""
    texts = [key for key, value in data.items() if isinstance(value, str)]
    likely = [key for key in texts if is_image(urlsplit_path(data[key]))]
    key = "image" if "image" in texts else next(iter(likely or texts), None)
    if key is None:
        raise ValueError(f"{where}: its data hold no image")
    address = text(data[key], where)
    try:
        local = parse_qs(urlsplit(address).query).get("d")
    except ValueError as error:
        raise ValueError(f"{where}: {address!r} is no address of an image: {error}") from error
    rest = {name: value for name, value in data.items() if name != key}
    if local and "local-files" in address:
        return text(local[0], where), rest
    if address.startswith("/"):
        address = f"http://host{address}"  # so that %20 and the like are read as in addresses
    return clean(address), rest


def urlsplit_path(address: str) -> str:
    """Path of an address; the text itself where it is none."""
    try:
        return urlsplit(address).path
    except ValueError:
        return address


def _results(builder: Builder, task: dict, name: str) -> list | None:
    """Results of the annotation to take; None when the task has neither annotations nor predictions."""
    given = [
        mapping(a, f"{name}: an annotation") for a in sequence(task.get("annotations") or [], f"{name}: annotations")
    ]
    done = [a for a in given if not a.get("was_cancelled")]
    predictions = sequence(task.get("predictions") or [], f"{name}: predictions")
    if done:
        chosen = next((a for a in done if a.get("ground_truth")), done[-1])
        for _ in done[1:]:
            builder.account.drop("further annotation of a task", name)
    elif predictions and not given:
        chosen = mapping(predictions[0], f"{name}: a prediction")
        builder.account.note("task without annotations: its prediction is taken", name)
    else:
        return None
    return sequence(chosen.get("result") or [], f"{name}: result")


def _regions(builder: Builder, results: list, name: str) -> list[dict]:
    """Results with a shape; answers with the id of a shape become its attributes, labels of their own its class."""
    regions, others = {}, []
    for i, item in enumerate(results):
        item = mapping(item, f"{name}: result {i + 1}")
        kind = text(item.get("type"), f"{name}: result {i + 1}: type").removesuffix("labels")
        value = item.get("value")
        if kind in SHAPES:
            key = text(item.get("id") or f"result {i + 1}", f"{name}: result {i + 1}")
            if key in regions:
                builder.account.drop("second shape with the id of another", f"{name}: result {i + 1}")
                continue
            regions[key] = {**item, "kind": kind, "answers": {}, "value": mapping(value, f"{name}: {key}")}
        elif kind in NO_AREA:
            builder.account.drop("key point or line, which has no area", f"{name}: result {i + 1}")
        else:
            others.append((i, kind, item))
    for i, kind, item in others:
        region = regions.get(str(item.get("id")))
        value = item.get("value")
        if region is None or not isinstance(value, dict):
            builder.account.drop("answer or result that belongs to no object", f"{name}: result {i + 1} ({kind})")
        elif kind in ("", "hypertext"):  # a result of <Labels>: type "labels"
            region["value"] = {**region["value"], "labels": value.get("labels")}
        else:
            region["answers"][str(item.get("from_name") or kind)] = value.get(kind, value)
    return list(regions.values())


def _size(regions: list[dict], data: dict, name: str) -> tuple[int, int] | None:
    """(width, height) as the first region states it, or as our own tasks state it."""
    for item in (*regions, {"original_width": data.get("width"), "original_height": data.get("height")}):
        if item.get("original_width") and item.get("original_height"):
            return whole(item["original_width"], f"{name}: width"), whole(item["original_height"], f"{name}: height")
    return None


def _add_region(builder: Builder, image, region: dict, where: str) -> None:
    """One object."""
    place, value = f"{image.file_name}: {where}", region["value"]
    if region.get("image_rotation"):
        builder.account.drop("region on an image that was turned in Label Studio (image_rotation)", place)
        return
    names = next((value[key] for key in (f"{region['kind']}labels", "labels") if value.get(key)), None)
    names = [text(name, place) for name in sequence(names or [], f"{place}: labels")]
    if not names:
        builder.account.drop("region without a label", place)
        return
    attributes = dict(region["answers"])
    if len(names) > 1:
        builder.account.note("region with several labels, the first is taken", place)
        attributes["labels"] = names
    extra: dict[str, Any] = {}
    if region.get("score") is not None:
        extra["score"] = number(region["score"], f"{place}: score")
    shape = _shape(region, place, *image.frame)
    extra["polygons" if shape.dtype == np.float64 else "masks"] = [shape]
    category_id = builder.category(names[0])
    builder.add(image, category_id, where=where, attributes=attributes or None, **extra)


def _shape(region: dict, place: str, width: int, height: int) -> np.ndarray:
    """Polygon float64 (n, 2) or mask bool (H, W).  Values are in percent of the image."""
    value, kind = region["value"], region["kind"]

    def pixels(key, side):
        return number(value.get(key), f"{place}: {key}") * side / 100

    if kind == "polygon":
        return points(value.get("points"), place) * [width / 100, height / 100]
    if kind == "rectangle":
        box = pixels("x", width), pixels("y", height), pixels("width", width), pixels("height", height)
        return rectangle(*box, number(value.get("rotation") or 0, f"{place}: rotation"))
    if kind == "ellipse":
        radii = pixels("radiusX", width), pixels("radiusY", height)
        degrees = number(value.get("rotation") or 0, f"{place}: rotation")
        return ellipse(pixels("x", width), pixels("y", height), *radii, degrees)
    if kind == "brush":
        wide = whole(region.get("original_width"), f"{place}: original_width")
        high = whole(region.get("original_height"), f"{place}: original_height")
        check_size(wide, high, place)
        return decode_brush(sequence(value.get("rle"), f"{place}: rle"), high, wide, place)
    address = text(value.get("imageDataURL"), f"{place}: imageDataURL")
    try:
        data = base64.b64decode(address.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{place}: its bitmask is not base64: {error}") from error
    return foreground(read_bitmap(data, place))
