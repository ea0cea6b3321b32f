"""One small sample of every format, made by hand.  All show the same two images where the format can:

a.png, 40 x 30 pixels, and sub/größe.png, 20 x 24.  `sample(name, folder)` returns (path of the labels, options).
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"a.png": (40, 30), "sub/größe.png": (20, 24)}
SQUARE = [[2, 3], [12, 3], [12, 9], [2, 9]]  # 10 x 6 = 60 pixels


def made_images(folder: Path, sizes=None) -> Path:
    """Black images; returns their folder."""
    for name, size in (sizes or SIZES).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(folder / name)
    return folder


def turned_image(path: Path, width: int, height: int, orientation: int) -> Path:
    """A JPEG with stored pixels width x height and an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(path, exif=exif)
    return path


def save_json(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def ring(height: int, width: int) -> np.ndarray:
    """A 8 x 8 square with a 4 x 4 hole: 48 pixels."""
    mask = np.zeros((height, width), bool)
    mask[10:18, 4:12] = True
    mask[12:16, 6:10] = False
    return mask


def flat(points) -> list:
    return [value for point in points for value in point]


SAMPLES = {}


def sample(name: str, folder: Path):
    """Write the sample of a format into the folder; (path of the labels, options for `read`)."""
    from tests.support import folder_samples  # noqa: F401 (it fills SAMPLES)

    return SAMPLES[name](folder)


def made_by(name):
    def add(function):
        SAMPLES[name] = function
        return function

    return add


@made_by("coco")
def coco(folder):
    from mrcnn_ext.masks.rle import encode_mask, rle_to_json

    crowd = [25] * 4 + [40 * 30 - 100]  # columns of pixels: 25 of background, 25 of crowd, ...
    content = {
        "info": {"description": "mine", "year": 2026},
        "licenses": [{"id": 4, "name": "CC BY", "url": ""}],
        "images": [
            {"id": 17, "file_name": "a.png", "width": 40, "height": 30, "license": 4},
            {"id": 42, "file_name": "sub/größe.png", "width": 20, "height": 24},
            {"id": 99, "file_name": "empty.png", "width": 8, "height": 9},
        ],
        "categories": [{"id": i, "name": n, "supercategory": "s"} for i, n in ((1, "car"), (3, "Bäume"), (7, "x"))],
        "annotations": [
            {"id": 5, "image_id": 17, "category_id": 3, "segmentation": [flat(SQUARE)], "area": 61.5,
             "bbox": [2, 3, 10, 6], "iscrowd": 0, "attributes": {"ripe": True}},
            {"id": 8, "image_id": 17, "category_id": 1, "iscrowd": 0,
             "segmentation": [flat(SQUARE), [20, 3, 24, 3, 24, 8, 20, 8]]},
            {"id": 9, "image_id": 42, "category_id": 1, "segmentation": rle_to_json(encode_mask(ring(24, 20)))},
            {"id": 11, "image_id": 17, "category_id": 7, "iscrowd": 1,
             "segmentation": {"size": [30, 40], "counts": crowd}},
        ],
    }  # fmt: skip
    return save_json(folder / "coco.json", content), {}


@made_by("labelbox-2018")
def labelbox_2018(folder):
    """WKT with a hole, two objects in one MULTIPOLYGON, x and y pairs, an answer; y from the bottom."""
    made_images(folder)
    points = [{"x": x, "y": 30 - y} for x, y in SQUARE]
    wkt = "POLYGON ((2 27, 12 27, 12 21, 2 21, 2 27), (4 25, 6 25, 6 23, 4 23, 4 25))"
    two = "MULTIPOLYGON (((20 27, 24 27, 24 22, 20 22, 20 27)), ((30 27, 34 27, 34 23, 30 23, 30 27)))"
    common = {"Labeled Data": "https://host/x/a.png?t=1", "Created By": "me", "Seconds to Label": "3"}
    content = [
        {**common, "ID": "1", "External ID": "a.png",
         "Label": {"Car": [{"geometry": points}], "Tree": [{"geometry": wkt}], "Bäume": two, "Weather": "sunny"}},
        {**common, "ID": "2", "Labeled Data": "https://host/sub/gr%C3%B6%C3%9Fe.png", "External ID": "",
         "Label": {"Car": [[{"x": 0, "y": 0}, {"x": 3, "y": 0}, {"x": 3, "y": 4}, {"x": 0, "y": 4}]]}},
        {**common, "ID": "3", "Label": "Skip"},
    ]  # fmt: skip
    return save_json(folder / "labels.json", content), {}


def mask_image(path: Path, mask: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path)
    return path


@made_by("labelbox-v1")
def labelbox_v1(folder):
    mask_image(folder / "masks" / "f3.png", ring(30, 40))
    objects = [
        {"featureId": "f1", "value": "car", "title": "Car", "polygon": [{"x": x, "y": y} for x, y in SQUARE],
         "classifications": [{"value": "ripe", "answer": {"value": "yes"}}]},
        {"featureId": "f2", "title": "Tree", "bbox": {"top": 3, "left": 20, "height": 5, "width": 4}},
        {"featureId": "f3", "title": "Tree", "instanceURI": "https://host/masks/f3?token=x"},
        {"featureId": "f4", "title": "Pole", "line": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
    ]  # fmt: skip
    content = [
        {"ID": "1", "DataRow ID": "r", "Labeled Data": "https://host/a.png", "External ID": "a.png",
         "Media Attributes": {"width": 40, "height": 30},
         "Label": {"objects": objects, "classifications": [{"title": "Weather", "answers": [{"title": "sun"}]}]}},
        {"ID": "2", "Labeled Data": "https://host/b.png", "External ID": "sub/größe.png", "Label": {"objects": []},
         "Media Attributes": {"width": 20, "height": 24}},
        {"ID": "3", "Labeled Data": "https://host/c.png", "External ID": "c.png", "Label": {}, "Skipped": True,
         "Media Attributes": {"width": 20, "height": 24}},
    ]  # fmt: skip
    return save_json(folder / "labels.json", content), {"masks": folder / "masks"}


@made_by("labelbox")
def labelbox(folder):
    """A polygon, a box, a mask and two objects in one composite mask."""
    mask_image(folder / "masks" / "f3.png", ring(30, 40))
    composite = np.zeros((30, 40, 3), np.uint8)
    composite[0:2, 0:5], composite[3:6, 0:5] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(composite).save(folder / "masks" / "all.png")
    colours = {"f5": [255, 0, 0], "f6": [0, 0, 255]}
    objects = [
        {"feature_id": "f1", "name": "Car", "annotation_kind": "ImagePolygon",
         "polygon": [{"x": x, "y": y} for x, y in SQUARE],
         "classifications": [{"name": "ripe", "radio_answer": {"name": "yes"}}]},
        {"feature_id": "f2", "name": "Tree", "bounding_box": {"top": 3.0, "left": 20.0, "height": 5.0, "width": 4.0}},
        {"feature_id": "f3", "name": "Tree", "mask": {"url": "https://host/api/masks/xyz"}},
        {"feature_id": "f4", "name": "Pole", "point": {"x": 1, "y": 2}},
        *({"feature_id": key, "name": "Leaf", "composite_mask": {"url": "https://host/all.png", "color_rgb": colour}}
          for key, colour in colours.items()),
    ]  # fmt: skip

    def row(name, width, height, labels):
        return {
            "data_row": {"id": "r", "global_key": f"key {name}", "external_id": name, "row_data": "https://host/x"},
            "media_attributes": {"width": width, "height": height},
            "projects": {"p1": {"labels": labels}},
        }

    rows = [
        row("a.png", 40, 30, [{"annotations": {"objects": objects, "classifications": []}}]),
        row("sub/größe.png", 20, 24, [{"annotations": {"objects": []}}, {"annotations": {"objects": objects[:1]}}]),
        row("new.png", 20, 24, []),
    ]
    path = folder / "export.ndjson"
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in rows), encoding="utf-8")
    return path, {"masks": folder / "masks"}


def via_regions():
    def region(shape, **attributes):
        return {"shape_attributes": shape, "region_attributes": attributes}

    x, y = ([point[i] for point in [*SQUARE, SQUARE[0]]] for i in (0, 1))
    return [
        region({"name": "polygon", "all_points_x": x, "all_points_y": y}, name="car", ripe="yes"),
        region({"name": "rect", "x": 20, "y": 3, "width": 4, "height": 5}, name={"tree": True}),
        region({"name": "circle", "cx": 20, "cy": 20, "r": 5}, name="tree"),
        region({"name": "ellipse", "cx": 30, "cy": 20, "rx": 8, "ry": 4, "theta": 0}, name="tree"),
        region({"name": "point", "cx": 30, "cy": 20}, name="tree"),
        region({"name": "rect", "x": 1, "y": 1, "width": 4, "height": 5}),
    ]


@made_by("via")
def via(folder):
    """A VIA 2 project."""
    made_images(folder)
    entries = {
        "a.png99": {"filename": "a.png", "size": 99, "regions": via_regions(), "file_attributes": {"by": "me"}},
        "größe.png7": {"filename": "größe.png", "size": 7, "regions": [], "file_attributes": {}},
    }
    return save_json(
        folder / "via.json", {"_via_settings": {}, "_via_img_metadata": entries, "_via_attributes": {}}
    ), {}


@made_by("via-1")
def via_1(folder):
    """A VIA 1 export: regions by number."""
    made_images(folder)
    regions = {str(i): region for i, region in enumerate(via_regions())}
    entry = {"fileref": "", "size": 99, "filename": "a.png", "base64_img_data": "", "file_attributes": {}}
    return save_json(folder / "via_region_data.json", {"a.png99": {**entry, "regions": regions}}), {}


def brush_bytes() -> list:
    """Made by hand from the description of the format: 1 x 2 pixels, the second opaque."""
    bits = f"{8:032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "1" + "00" + f"{4 - 1:03b}" + f"{0:08b}"  # a run of 4 zeros
    bits += "0" + "00" + f"{4 - 1:03b}" + "".join(f"{v:08b}" for v in (9, 9, 9, 255))  # 4 values one by one
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


@made_by("labelstudio")
def labelstudio(folder):
    import base64
    import io

    from mrcnn_ext.convert.formats.labelstudio_rle import encode_brush

    data = io.BytesIO()
    clear = np.zeros((30, 40, 4), np.uint8)
    clear[:, :, 3] = ring(30, 40) * 255  # black on transparent
    Image.fromarray(clear).save(data, "PNG")
    url = "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()

    def result(kind, identity, value, label, **extra):
        value = {**value, kind: [label]}
        size = {"original_width": 40, "original_height": 30, "image_rotation": 0}
        return {"id": identity, "type": kind, "from_name": "label", "to_name": "image", "value": value, **size, **extra}

    percent = [[100 * x / 40, 100 * y / 30] for x, y in SQUARE]
    results = [
        result("polygonlabels", "r1", {"points": percent, "closed": True}, "car"),
        result("rectanglelabels", "r2", {"x": 50, "y": 10, "width": 10, "height": 50 / 3, "rotation": 90}, "tree"),
        result("ellipselabels", "r3", {"x": 75, "y": 50, "radiusX": 20, "radiusY": 40 / 3, "rotation": 0}, "tree"),
        result("brushlabels", "r4", {"format": "rle", "rle": encode_brush(ring(30, 40))}, "leaf"),
        result("bitmasklabels", "r5", {"imageDataURL": url}, "leaf", score=0.5),
        result("keypointlabels", "r6", {"x": 1, "y": 2, "width": 1}, "dot"),
        {"id": "r1", "type": "choices", "from_name": "ripe", "to_name": "image", "value": {"choices": ["yes"]}},
        {"id": "r9", "type": "choices", "from_name": "light", "to_name": "image", "value": {"choices": ["dark"]}},
    ]
    tasks = [
        {"id": 1, "data": {"image": "/data/local-files/?d=a.png", "batch": 3}, "predictions": [],
         "annotations": [{"id": 1, "result": [], "was_cancelled": True}, {"id": 2, "result": results}]},
        {"id": 2, "data": {"image": "/data/upload/1/sub/gr%C3%B6%C3%9Fe.png"}, "annotations": [{"result": []}]},
        {"id": 3, "data": {"image": "/data/upload/1/c.png"}, "annotations": [], "predictions": []},
    ]  # fmt: skip
    made_images(folder / "images")
    return save_json(folder / "tasks.json", tasks), {"images": folder / "images"}
