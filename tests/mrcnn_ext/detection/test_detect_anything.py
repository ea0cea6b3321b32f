"""Sources of every kind, what is skipped and how it is told, and the command from end to end."""

import http.server
import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.commands.cli import app
from mrcnn_ext.detection import Detector, Writer, detect_sources
from mrcnn_ext.detection.sources import Source, count, root_of, sources_of
from tests.support.found_images import HEIGHT, NAMES, WIDTH, Always, film


def test_images_of_four_channels_stay_so_if_asked_for(tmp_path):
    rgba = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert [source.read().shape for source in sources_of([tmp_path])] == [(2, 3, 3)]
    (source,) = sources_of([tmp_path], channels=4)
    assert np.array_equal(source.read(), rgba)


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
        assert summary.images == 7


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


def test_a_video_that_ends_too_soon_is_named(tmp_path):
    path = film(tmp_path / "cut.avi", range(40), "MJPG")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])  # its head still says 40
    writer = Writer(tmp_path / "out", NAMES, ("coco",))
    summary = detect_sources(Detector(Always()), [path], writer, progress=False)
    assert 0 < summary.images < 36
    assert summary.skipped == [
        ("cut.avi", f"{path}: only {summary.images} of about 40 frames can be read from it. Is it complete?")
    ]


def test_seconds_of_decoding_a_video(monkeypatch, tmp_path):
    clock = iter(range(100))  # each look at it is a second later

    def frames(*_):
        for i in range(3):
            next(clock)  # the video is decoded before the source is there
            yield Source(f"film/{i}", lambda: np.zeros((HEIGHT, WIDTH, 3), np.uint8))

    monkeypatch.setattr("mrcnn_ext.detection.run.sources_of", frames)
    monkeypatch.setattr("mrcnn_ext.detection.run.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    summary = detect_sources(Detector(Always()), [], Writer(tmp_path, NAMES, ("coco",)), progress=False)
    assert summary.seconds["decode"] == 2.0  # of each frame


def test_an_image_that_the_network_refuses_is_named(folder, tmp_path):
    class Picky(Always):
        def detect(self, images, crops=False):
            if any(image[0, 0, 0] > 100 for image in images):
                raise ValueError("too bright")
            return super().detect(images, crops)

    writer = Writer(tmp_path / "out", NAMES, ("coco",))
    summary = detect_sources(Detector(Picky()), [folder / "a.png", folder / "b"], writer, progress=False)
    assert (summary.images, summary.objects, summary.skipped) == (1, 2, [("b/c.jpg", "too bright")])
    assert [image["file_name"] for image in writer.images] == ["a.png"]


def test_small_images_fill_batches_beside_tiles(tmp_path):
    """Of ten images the fifth is cut into four tiles; batches of two."""
    sizes = []

    class Nothing(Always):
        def detect(self, images, crops=False):
            sizes.append([image.shape[0] for image in images])
            empty = {"rois": np.zeros((0, 4)), "class_ids": [], "scores": [], "masks": []}
            return [empty] * len(images)

    for i in range(10):
        Image.new("L", (110, 110) if i == 4 else (50, 40)).save(tmp_path / f"{i}.png")
    detector = Detector(Nothing(), tile=64, overlap=0.25)
    writer = Writer(tmp_path / "out", NAMES, ("coco",))
    assert detect_sources(detector, [tmp_path], writer, progress=False).images == 10
    assert sizes == [[40, 40]] * 2 + [[64, 64]] * 2 + [[40, 40]] * 3
    assert [image["file_name"] for image in writer.images] == [f"{i}.png" for i in range(10)]  # one in the last batch


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
    assert told["images"] == 2 and told["skipped"][0]["name"].endswith("broken.png")
    assert told["large"] == ["big.png"]
    assert all(told["seconds_per_image"][part] > 0 for part in ("decode", "resize", "network"))
    more = ["--tile", "64", "--across-classes", "0.5", "--write", "coco", "--batch", "4", "--min-score", "0.2"]
    answer = CliRunner().invoke(app, [str(a) for a in ["detect", run, big, "--out", tmp_path / "p", *more]])
    assert answer.exit_code == 0, answer.output
    assert "milliseconds an image: decode" in answer.output
    content = json.loads((tmp_path / "p" / "detections.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "big.png", "width": 200, "height": 300}]


@pytest.mark.parametrize(("asked", "hidden"), [([], 1), (["--min-score", "0.3"], 0)])
def test_the_command_draws_what_scores_half_or_what_is_asked_for(folder, tmp_path, monkeypatch, asked, hidden):
    class Unsure(Always):
        def detect(self, images, crops=False):
            return [one | {"scores": np.array([0.75, 0.4])} for one in super().detect(images, crops)]

    run = SimpleNamespace(config=CellsConfig(), class_names=NAMES, model=lambda **settings: Unsure())
    monkeypatch.setattr("mrcnn_ext.common.runs.find_run", lambda *where: run)
    arguments = ["detect", "last", folder / "a.png", "--out", tmp_path / "o", *asked, "--json"]
    told = json.loads(CliRunner().invoke(app, [str(a) for a in arguments]).stdout)
    assert told["objects"] == 2
    assert told["left_out"].get("overlays", {}) == ({"object with a score below 0.5": hidden} if hidden else {})
