"""Samples of LabelMe, CVAT, Supervisely, Pascal VOC, YOLO and mask folders; see label_samples."""

import base64
import io
import shutil
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.label_samples import SQUARE, flat, made_by, made_images, mask_image, ring, save_json


def packed_mask(mask: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(data, "PNG")
    return data.getvalue()


@made_by("labelme")
def labelme(folder):
    """A folder of two files; a group of two polygons, a mask with a hole."""
    made_images(folder)
    crop = base64.b64encode(packed_mask(ring(30, 40)[10:18, 4:12])).decode()
    base = {"group_id": None, "flags": {}, "description": ""}
    shapes = [
        {
            **base,
            "label": "car",
            "shape_type": "polygon",
            "points": SQUARE,
            "flags": {"ripe": True},
            "description": "x",
        },
        {**base, "label": "car", "shape_type": "polygon", "points": SQUARE, "group_id": 1},
        {**base, "label": "tree", "shape_type": "rectangle", "points": [[24, 8], [20, 3]]},
        {**base, "label": "car", "shape_type": "rectangle", "points": [[20, 3], [24, 8]], "group_id": 1},
        {**base, "label": "tree", "shape_type": "circle", "points": [[30, 20], [33, 24]]},
        {**base, "label": "leaf", "shape_type": "mask", "points": [[4, 10], [11, 17]], "mask": crop},
        {**base, "label": "leaf", "shape_type": "point", "points": [[4, 10]]},
    ]
    top = {"version": "5.5.0", "flags": {"good": True}, "imageData": None}
    save_json(folder / "a.json", {**top, "shapes": shapes, "imagePath": "a.png", "imageHeight": 30, "imageWidth": 40})
    inner = {**top, "shapes": [], "imagePath": "..\\sub\\größe.png", "imageHeight": 24, "imageWidth": 20, "flags": {}}
    save_json(folder / "sub" / "größe.json", inner)
    save_json(folder / "zz_other.json", {"a": 1})
    return folder, {}


@made_by("cvat")
def cvat(folder):
    corners = ";".join(f"{x:.2f},{y:.2f}" for x, y in SQUARE)
    crop = ring(30, 40)[10:18, 4:12].reshape(-1)
    runs, last = [0], False
    for pixel in crop.tolist():
        if pixel != last:
            runs.append(0)
            last = pixel
        runs[-1] += 1
    rle = ", ".join(str(run) for run in runs)
    path = folder / "annotations.xml"
    path.write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
  <meta><task><name>t</name><labels>
    <label><name>car</name><type>any</type><attributes/></label><label><name>unused</name></label>
  </labels></task></meta>
  <image id="5" name="a.png" width="40" height="30">
    <polygon label="car" source="manual" occluded="1" points="{corners}" z_order="2">
      <attribute name="ripe">yes</attribute></polygon>
    <box label="tree" occluded="0" xtl="20" ytl="3" xbr="24" ybr="8" z_order="0" rotation="90.0"></box>
    <mask label="leaf" occluded="0" rle="{rle}" left="4" top="10" width="8" height="8" z_order="0"></mask>
    <ellipse label="tree" occluded="0" cx="30" cy="20" rx="8" ry="4" z_order="0"></ellipse>
    <polygon label="car" group_id="3" points="{corners}"></polygon>
    <box label="car" group_id="3" xtl="20" ytl="3" xbr="24" ybr="8"></box>
    <polyline label="car" points="1,2;3,4"></polyline>
    <tag label="sunny"></tag>
  </image>
  <image id="0" name="sub/größe.png" width="20" height="24"></image>
</annotations>""",
        encoding="utf-8",
    )
    return path, {}


@made_by("supervisely")
def supervisely(folder):
    bitmap = base64.b64encode(zlib.compress(packed_mask(ring(30, 40)[10:18, 4:12]))).decode()
    hole = [[4, 5], [6, 5], [6, 7], [4, 7]]
    objects = [
        {"id": 7, "classTitle": "car", "geometryType": "polygon", "tags": [{"name": "ripe", "value": "yes"}],
         "points": {"exterior": SQUARE, "interior": [hole]}},
        {"classTitle": "leaf", "geometryType": "bitmap", "tags": [], "bitmap": {"data": bitmap, "origin": [4, 10]}},
        {"classTitle": "tree", "geometryType": "rectangle", "tags": [],
         "points": {"exterior": [[20, 3], [24, 8]], "interior": []}},
        {"classTitle": "tree", "geometryType": "point", "points": {"exterior": [[1, 2]], "interior": []}},
    ]  # fmt: skip
    made_images(folder / "ds" / "img", {"a.png": (40, 30), "größe.png": (20, 24)})
    classes = [{"title": title, "shape": "any"} for title in ("tree", "car", "leaf", "unused")]
    save_json(folder / "meta.json", {"classes": classes, "tags": []})
    size = {"size": {"height": 30, "width": 40}, "description": "", "tags": [{"name": "sunny"}]}
    save_json(folder / "ds" / "ann" / "a.png.json", {**size, "objects": objects})
    small = {"size": {"height": 24, "width": 20}, "tags": [], "objects": []}
    save_json(folder / "ds" / "ann" / "größe.png.json", small)
    return folder, {}


def palette_image(path: Path, numbers: np.ndarray, colours) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(numbers.astype(np.uint8)).convert("P")
    image.putpalette(flat(colours))
    image.putdata(numbers.reshape(-1).tolist())
    image.save(path)
    return path


VOC_COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]


def voc_numbers():
    """Instances 1 (60 pixels) and 2 (the ring), with one row of void below the first."""
    objects = np.where(ring(30, 40), 2, 0)
    objects[3:9, 2:12] = 1
    objects[9, 2:12] = 255
    return objects


@made_by("voc")
def voc(folder):
    objects = voc_numbers()
    classes = np.select([objects == 1, objects == 2, objects == 255], [2, 1, 255], 0)
    palette = VOC_COLOURS + [(9, 9, 9)] * 252 + [(224, 224, 192)]
    for kind, numbers in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        palette_image(folder / kind / "a.png", numbers, palette)
        palette_image(folder / kind / "größe.png", np.zeros((24, 20), int), palette)
    (folder / "labelmap.txt").write_text("# name:colour\nbackground:0,0,0::\ncar:128,0,0::\ntree:0,128,0::\n")
    made_images(folder / "JPEGImages", {"a.jpg": (40, 30), "größe.jpg": (20, 24), "new.jpg": (5, 5)})
    return folder, {}


@made_by("yolo")
def yolo(folder):
    made_images(folder / "images")
    rows = [
        "1 " + " ".join(f"{x / 40} {y / 30}" for x, y in SQUARE),
        f"0 {22 / 40} {5.5 / 30} {4 / 40} {5 / 30}",
        "",
    ]
    (folder / "labels" / "sub").mkdir(parents=True)
    (folder / "labels" / "a.txt").write_text("\n".join(rows))
    (folder / "labels" / "gone.txt").write_text("0 0 0 1 0 1 1\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images\nnames:\n  0: tree\n  1: Äpfel\n", encoding="utf-8")
    return folder, {}


@made_by("mask-png")
def mask_png(folder):
    made_images(folder / "images", {"100.png": (40, 30), "1000.png": (40, 30), "sub/größe.png": (20, 24)})
    square = np.zeros((30, 40), bool)
    square[3:9, 2:12] = True
    mask_image(folder / "annotations" / "100_car_0.png", square)
    mask_image(folder / "annotations" / "100_green_leaf_1.png", ring(30, 40))
    mask_image(folder / "annotations" / "1000_car_10.png", square | ring(30, 40))
    mask_image(folder / "annotations" / "gone_car_0.png", square)
    return folder / "annotations", {}


@made_by("tfrecord")
def tfrecord(folder):
    """Two shards; a square, the ring and a crowd on a.png, nothing on the other."""
    import tensorflow as tf

    from mrcnn_ext.datasets.tfrecord.example import Record, encode_png_mask, to_example

    made_images(folder / "made")
    square, crowd = np.zeros((2, 30, 40), bool)
    square[3:9, 2:12] = True
    crowd[20:] = True
    a = Record("a.png", "17", 30, 40, (folder / "made" / "a.png").read_bytes(), "png", np.zeros((3, 4)), [7, 3, 3])
    a.boxes = np.array([[3, 2, 9, 12], [10, 4, 18, 12], [0, 0, 30, 40]]) / [30, 40, 30, 40]
    a.names, a.crowd, a.areas = ["Bäume", "car", "car"], [0, 0, 1], [61.5, 48, 400]
    a.masks = [encode_png_mask(mask) for mask in (square, ring(30, 40), crowd)]
    name = "sub/größe.png"
    b = Record(name, "42", 24, 20, (folder / "made" / name).read_bytes(), "png", np.zeros((0, 4)), [])
    for i, record in enumerate((a, b)):
        with tf.io.TFRecordWriter(str(folder / f"mine-0000{i}-of-00002.tfrecord")) as writer:
            writer.write(to_example(record))
    shutil.rmtree(folder / "made")
    (folder / "label_map.pbtxt").write_text("item { id: 3 name: 'car' }\nitem { id: 7 name: 'Bäume' }\n", "utf-8")
    return folder, {}
