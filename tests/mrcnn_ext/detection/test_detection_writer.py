"""Everything that is written is read back, and nothing is written twice or left out in silence."""

import csv
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn.data.boxes import norm_boxes
from mrcnn.model import MaskRCNN
from mrcnn_ext.convert import Options, read
from mrcnn_ext.detection import Detector, Writer, detect_sources
from mrcnn_ext.detection.overlay import draw_objects
from mrcnn_ext.detection.sources import Source
from mrcnn_ext.detection.writer import NO_FILE
from mrcnn_ext.masks.rle import decode_masks, encode_mask
from tests.support.found_images import HEIGHT, MASKS, NAMES, RING, WIDTH, Always, found


def test_everything_written_is_read_back(folder, tmp_path):
    out = tmp_path / "out"
    kinds = ("overlays", "coco", "csv", "masks", "labelme", "labelstudio")
    summary = detect_sources(Detector(Always()), [folder], Writer(out, NAMES, kinds, folder), progress=False)
    assert (summary.images, summary.objects) == (5, 10)
    assert [name for name, _ in summary.skipped] == ["broken.png"]
    content = json.loads((out / "detections.json").read_text())
    assert len(content["images"]) == 5 and [a["score"] for a in content["annotations"][:2]] == [0.75, 0.5]
    assert [c["name"] for c in content["categories"]] == NAMES[1:]
    for item, mask in zip(content["annotations"][:2], MASKS, strict=True):
        assert item["area"] == mask.sum()
        np.testing.assert_array_equal(decode_masks([item["segmentation"]], HEIGHT, WIDTH)[:, :, 0], mask)
    rows = list(csv.DictReader((out / "detections.csv").read_text().splitlines()))
    assert rows[0]["class"] == "red cell" and rows[0]["area"] == "200" and len(rows) == 10
    assert (rows[1]["image"], rows[1]["x"], rows[1]["y"], rows[1]["width"]) == ("a.png", "30", "10", "20")
    assert len(json.loads(rows[0]["polygon"])) == 1 and len(json.loads(rows[1]["polygon"])) == 2  # the ring has a hole
    assert (out / "overlays" / "b" / "c.jpg.png").is_file()
    film = cv2.VideoCapture(str(out / "overlays" / "film.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    film.release()
    mask = np.asarray(Image.open(out / "masks" / "a_seed_2.png"))
    np.testing.assert_array_equal(mask, RING)


def test_pre_annotations_are_read_by_our_converter(folder, tmp_path):
    items = [folder / "a.png", folder / "b"]
    kinds = ("labelme", "labelstudio")
    detect_sources(Detector(Always()), items, Writer(tmp_path / "out", NAMES, kinds, folder), progress=False)
    for path in (tmp_path / "out" / "labelme", tmp_path / "out" / "labelstudio.json"):
        coco = read(path, options=Options(images=folder)).coco()
        assert len(coco["images"]) == 2 and len(coco["annotations"]) == 4
        names = {c["id"]: c["name"] for c in coco["categories"]}
        assert sorted(names[a["category_id"]] for a in coco["annotations"]) == sorted(NAMES[1:] * 2)
        areas = sorted(a["area"] for a in coco["annotations"])
        np.testing.assert_allclose(areas, [200, 200, RING.sum(), RING.sum()], rtol=0.06)


def test_pre_annotations_are_for_files(folder, tmp_path):
    kinds, out = ("labelme", "labelstudio"), tmp_path / "out"
    items = [folder / "film.mp4", folder / "a.png"]
    summary = detect_sources(Detector(Always()), items, Writer(out, NAMES, kinds, folder), progress=False)
    assert [path.name for path in (out / "labelme").rglob("*.json")] == ["a.json"]
    assert json.loads((out / "labelme" / "a.json").read_text())["imagePath"] == "../../in/a.png"
    (task,) = json.loads((out / "labelstudio.json").read_text())
    assert task["data"]["image"].endswith("?d=a.png")
    scores = "score: LabelMe has no place for it"
    assert summary.left_out == {"labelme": {NO_FILE: 3, scores: 2}, "labelstudio": {NO_FILE: 3}}
    assert summary.to_dict()["left_out"] == summary.left_out


def test_an_object_without_a_pixel_is_pre_annotated_by_its_box(tmp_path):
    one = found()
    one.rles[0] = encode_mask(np.zeros((HEIGHT, WIDTH), bool))
    with Writer(tmp_path, NAMES, ("coco", "csv", "masks", "labelme", "labelstudio"), tmp_path) as writer:
        writer.add(Source("a.png", None, is_file=True), np.zeros((HEIGHT, WIDTH, 3), np.uint8), one)
    (shape, _) = json.loads((tmp_path / "labelme" / "a.json").read_text())["shapes"]
    assert (shape["shape_type"], shape["points"]) == ("polygon", [[3, 2], [23, 2], [23, 12], [3, 12]])


def test_names_that_differ_by_their_ending_share_no_file(tmp_path):
    gray = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with Writer(tmp_path, NAMES, ("overlays", "masks")) as writer:
        for name in ("a.jpg.png", "a.png", "a.jpg"):
            writer.add(Source(name, None), gray, found())
        for name in ("film.avi", "film.mp4"):
            writer.add(Source(f"{name}/0.png", None, video=name, rate=5), gray, found().take([]))
    masks = [path.name for path in sorted((tmp_path / "masks").iterdir())]
    images = ["a-2.jpg", "a.jpg", "a"]
    assert masks == [f"{name}_{label}.png" for name in images for label in ("red cell_1", "seed_2")]
    overlays = sorted(path.name for path in (tmp_path / "overlays").iterdir())
    assert overlays == ["a.jpg.png", "a.jpg.png.png", "a.png.png", "film.avi.mp4", "film.mp4"]


def test_overlays_show_what_is_sure_enough_and_files_hold_all(tmp_path):
    gray, one = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), found()
    one.scores = np.array([0.75, 0.49])
    for drawn_from, places in ((0.5, [0]), (0.4, [0, 1])):
        with Writer(tmp_path, NAMES, drawn_from=drawn_from) as writer:
            writer.add(Source("a.png", None), gray, one)
        some = one.take(places)
        expected = draw_objects(gray, some.class_ids, some.rles, NAMES, some.scores)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "overlays" / "a.png.png")), expected)
        assert len(json.loads((tmp_path / "detections.json").read_text())["annotations"]) == 2
        assert len((tmp_path / "detections.csv").read_text().splitlines()) == 3
        hidden = {"overlays": {"object with a score below 0.5": 1}}
        assert writer.left_out == (hidden if drawn_from == 0.5 else {})


def test_more_than_a_thousand_objects_in_one_pass(tmp_path):
    """1,200 of 6 x 8 pixels in rows of 40, every second one with a mask in its left half only."""

    class Full(Always):
        config = SimpleNamespace(BATCH_SIZE=1, IMAGE_MAX_DIM=320)

        def detect(self, images, crops=False):
            y, x = (part.ravel() for part in np.mgrid[0:30, 0:40])
            boxes = np.stack([y * 10, x * 8, y * 10 + 6, x * 8 + 8], axis=1)
            rows = [norm_boxes(boxes, (320, 320)), np.ones((1200, 1)), np.linspace(1, 0.1, 1200)[:, None]]
            masks = np.ones((1200, 4, 4, 2), np.float32)
            masks[1::2, :, 2:] = 0
            window = (0, 0, 320, 320)
            size = (320, 320, 3)
            found = MaskRCNN.unmold_detections(None, np.concatenate(rows, axis=1), masks, size, size, window, crops)
            return [dict(zip(("rois", "class_ids", "scores", "masks"), found, strict=True))]

    one = Detector(Full())(np.zeros((320, 320, 3), np.uint8))
    assert len(one) == 1200 and one.areas() == [48, 24] * 600
    with Writer(tmp_path, NAMES) as writer:
        writer.add(Source("a.png", None), np.zeros((320, 320, 3), np.uint8), one)
    annotations = json.loads((tmp_path / "detections.json").read_text())["annotations"]
    assert len(annotations) == 1200 and annotations[-1]["bbox"] == [312, 290, 8, 6]


def test_boxes_without_masks(tmp_path):
    plain = found()
    plain.rles = None
    with Writer(tmp_path, NAMES, ("overlays", "coco", "csv", "masks", "labelme")) as writer:
        writer.add(Source("a.png", None, is_file=True), np.zeros((HEIGHT, WIDTH, 3), np.uint8), plain)
    content = json.loads((tmp_path / "detections.json").read_text())
    assert content["annotations"][0]["segmentation"] == [[3, 2, 23, 2, 23, 12, 3, 12]]
    assert content["annotations"][0]["area"] == 200


def test_unknown_kind(tmp_path):
    with pytest.raises(ValueError, match="jpeg cannot be written"):
        Writer(tmp_path, NAMES, ("jpeg",))


def test_overlay_colours_are_those_of_the_class():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    one = found()
    drawn = draw_objects(image, one.class_ids, one.rles, NAMES)
    scale = drawn.shape[0] // HEIGHT
    assert drawn.shape == (HEIGHT * scale, WIDTH * scale, 3) and drawn.shape[1] >= 300
    again = draw_objects(image, one.class_ids[1:], one.rles[1:], NAMES)
    inside = (28 * scale, 47 * scale)
    assert drawn[inside].any() and drawn[inside].tolist() == again[inside].tolist()  # whatever else is there
    assert not drawn[17 * scale, 37 * scale].any()  # the hole
    assert not image.any()
    np.testing.assert_array_equal(draw_objects(image[:, :, 0], [], [], NAMES), np.zeros_like(drawn))
