"""Sources of every kind, everything that is written read back, and the command from end to end."""

import csv
import http.server
import json
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.cli import app
from mrcnn_ext.convert import Options, read
from mrcnn_ext.detection import Detector, Found, Writer, detect_sources
from mrcnn_ext.detection.sources import count, root_of, sources_of
from mrcnn_ext.masks import decode_masks, encode_mask
from mrcnn_ext.overlay import draw_objects

NAMES = ["BG", "red cell", "seed"]
HEIGHT, WIDTH = 40, 60


def square(y1, x1, y2, x2):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


RING = square(10, 30, 30, 50) & ~square(15, 35, 20, 40)
MASKS = [square(2, 3, 12, 23), RING]


def found():
    boxes = np.array([[2, 3, 12, 23], [10, 30, 30, 50]])
    return Found(HEIGHT, WIDTH, np.array([1, 2]), np.array([0.75, 0.5]), boxes, [encode_mask(mask) for mask in MASKS])


class Always:
    """A network that finds the same two objects in every picture."""

    config = SimpleNamespace(BATCH_SIZE=2, IMAGE_MAX_DIM=64)
    seconds = {"resize": 0.0, "network": 0.0, "paste": 0.0}

    def detect(self, images, crops=False):
        one = found()
        crops = [mask[y1:y2, x1:x2] for mask, (y1, x1, y2, x2) in zip(MASKS, one.boxes, strict=True)]
        result = {"rois": one.boxes, "class_ids": one.class_ids, "scores": one.scores, "masks": crops}
        return [result] * len(images)


@pytest.fixture
def folder(tmp_path):
    """Two pictures, one of them below; a broken one; a text; a video of three frames."""
    root = tmp_path / "in"
    (root / "b").mkdir(parents=True)
    for name, grey in (("a.png", 10), ("b/c.jpg", 200)):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), grey, np.uint8)).save(root / name)
    (root / "broken.png").write_bytes((root / "a.png").read_bytes()[:50])
    (root / "notes.txt").write_text("not looked at")
    stream = cv2.VideoWriter(str(root / "film.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 5, (WIDTH, HEIGHT))
    for grey in (30, 60, 90):
        stream.write(np.full((HEIGHT, WIDTH, 3), grey, np.uint8))
    stream.release()
    return root


def test_sources_of_a_folder(folder):
    sources = list(sources_of([folder]))
    names = [source.name for source in sources]
    assert names == ["a.png", "b/c.jpg", "broken.png", *(f"film.mp4/{i:06d}.png" for i in range(3))]
    assert sources[0].read()[0, 0].tolist() == [10, 10, 10]
    greys = [int(source.read()[20, 30, 1]) for source in sources[3:]]
    np.testing.assert_allclose(greys, [30, 60, 90], atol=4)  # a video is not exact
    assert sources[3].rate == 5 and sources[3].video == "film.mp4"
    with pytest.raises(ValueError, match="broken.png"):
        sources[2].read()
    assert count([folder]) is None and count([folder / "a.png", folder / "b"]) == 2
    assert root_of([folder / "a.png", folder / "b"]) == folder and root_of(["http://x/y.png"]) is None


def test_the_folder_of_the_results_is_no_source(folder):
    out = folder / "out"
    for _ in range(2):
        items = [folder / "b", folder / "a.png", folder]
        summary = detect_sources(Detector(Always()), items, Writer(out, NAMES, ("overlays",)), progress=False)
        assert summary.pictures == 7


def test_names_are_unique(folder):
    again = [source.name for source in sources_of([folder / "a.png", folder / "a.png"])]
    assert again == ["a.png", "a-2.png"]


def test_what_is_not_there_is_an_error_when_read(folder):
    (source,) = sources_of([folder / "nothing.png"])
    with pytest.raises(FileNotFoundError, match="nothing.png"):
        source.read()
    (folder / "bad.mp4").write_bytes(b"no video")
    (source,) = sources_of([folder / "bad.mp4"])
    with pytest.raises(ValueError, match="bad.mp4: no frame"):
        source.read()


def test_addresses(folder):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            if self.path.startswith("/away"):
                self.send_response(302)
                self.send_header("Location", "/a.png")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *args):
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        good = list(sources_of([f"{base}/away?x=1", f"{base}/b/c.jpg", f"{base}/none.png"], allow_private=True))
        assert [source.name for source in good] == ["away", "c.jpg", "none.png"]
        assert good[0].read().shape == good[1].read().shape == (HEIGHT, WIDTH, 3)
        with pytest.raises(ValueError, match="none.png"):
            good[2].read()
        (refused,) = sources_of([f"{base}/a.png"])
        with pytest.raises(ValueError, match="in this network"):
            refused.read()
        server.shutdown()


def test_everything_written_is_read_back(folder, tmp_path):
    out = tmp_path / "out"
    kinds = ("overlays", "coco", "csv", "masks", "labelme", "labelstudio")
    summary = detect_sources(Detector(Always()), [folder], Writer(out, NAMES, kinds, folder), progress=False)
    assert (summary.pictures, summary.objects) == (5, 10)
    assert [name for name, _ in summary.skipped] == ["broken.png"]
    content = json.loads((out / "detections.json").read_text())
    assert len(content["images"]) == 5 and [a["score"] for a in content["annotations"][:2]] == [0.75, 0.5]
    assert [c["name"] for c in content["categories"]] == NAMES[1:]
    for item, mask in zip(content["annotations"][:2], MASKS, strict=True):
        assert item["area"] == mask.sum()
        np.testing.assert_array_equal(decode_masks([item["segmentation"]], HEIGHT, WIDTH)[:, :, 0], mask)
    rows = list(csv.DictReader((out / "detections.csv").read_text().splitlines()))
    assert rows[0]["class"] == "red cell" and rows[0]["area"] == "200" and len(rows) == 10
    assert (rows[1]["picture"], rows[1]["x"], rows[1]["y"], rows[1]["width"]) == ("a.png", "30", "10", "20")
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


def test_boxes_without_masks(tmp_path):
    plain = found()
    plain.rles = None
    with Writer(tmp_path, NAMES, ("overlays", "coco", "csv", "masks", "labelme")) as writer:
        writer.add(SimpleNamespace(name="a.png", video=""), np.zeros((HEIGHT, WIDTH, 3), np.uint8), plain)
    content = json.loads((tmp_path / "detections.json").read_text())
    assert content["annotations"][0]["segmentation"] == [[3, 2, 23, 2, 23, 12, 3, 12]]
    assert content["annotations"][0]["area"] == 200


def test_unknown_kind(tmp_path):
    with pytest.raises(ValueError, match="jpeg cannot be written"):
        Writer(tmp_path, NAMES, ("jpeg",))


def test_overlay_colours_are_those_of_the_class():
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    one = found()
    drawn = draw_objects(picture, one.class_ids, one.rles, NAMES)
    scale = drawn.shape[0] // HEIGHT
    assert drawn.shape == (HEIGHT * scale, WIDTH * scale, 3) and drawn.shape[1] >= 300
    again = draw_objects(picture, one.class_ids[1:], one.rles[1:], NAMES)
    inside = (28 * scale, 47 * scale)
    assert drawn[inside].any() and drawn[inside].tolist() == again[inside].tolist()  # whatever else is there
    assert not drawn[17 * scale, 37 * scale].any()  # the hole
    assert not picture.any()
    np.testing.assert_array_equal(draw_objects(picture[:, :, 0], [], [], NAMES), np.zeros_like(drawn))


class CellsConfig(TinyConfig):
    NAME = "cells"
    NUM_CLASSES = 3
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    IMAGES_PER_GPU = 2
    DETECTION_MIN_CONFIDENCE = 0.0


def test_command(folder, tmp_path):
    run = tmp_path / "logs" / "cells20260101T0000"
    run.mkdir(parents=True)
    CellsConfig().to_json(run / "config.json")
    (run / "classes.json").write_text(json.dumps(NAMES))
    MaskRCNN("inference", CellsConfig(), run.parent).save_weights(run / "mask_rcnn_cells_0001.h5")
    big = tmp_path / "big.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)).save(big)
    arguments = ["detect", run, folder / "a.png", folder / "broken.png", big, "--out", tmp_path / "o", "--most", "60"]
    answer = CliRunner().invoke(app, [str(a) for a in [*arguments, "--json"]])
    assert answer.exit_code == 1, answer.output
    told = json.loads(answer.stdout)
    assert told["pictures"] == 2 and told["skipped"][0]["name"].endswith("broken.png")
    assert told["large"] == ["big.png"]
    assert all(told["seconds_per_picture"][part] > 0 for part in ("decode", "resize", "network"))
    more = ["--tile", "64", "--across-classes", "0.5", "--write", "coco", "--batch", "4", "--min-score", "0.2"]
    answer = CliRunner().invoke(app, [str(a) for a in ["detect", run, big, "--out", tmp_path / "p", *more]])
    assert answer.exit_code == 0, answer.output
    assert "milliseconds a picture: decode" in answer.output
    content = json.loads((tmp_path / "p" / "detections.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "big.png", "width": 200, "height": 300}]
