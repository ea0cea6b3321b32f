"""The service with a real, small network: odd images, a client's least score, and reloads."""

import gc
import json
import multiprocessing
import weakref
from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.run import load_served
from tests.mrcnn_ext.serve.test_serve_memory import resident_mb

NAMES = ["BG", "apple", "pear"]
RELOADS, MOST_MB = 10, 40  # it grows by 6 MB in all; the weights alone of ten models that stayed would be 54 MB
SIZES = ((1, 1), (1, 300), (300, 1), (2, 90), (53, 37))  # width, height
KINDS = {"1": "PNG", "L": "JPEG", "LA": "PNG", "P": "GIF", "I;16": "TIFF", "RGB": "BMP", "RGBA": "WEBP", "CMYK": "JPEG"}


class FruitConfig(TinyConfig):
    NAME = "fruit"
    NUM_CLASSES = len(NAMES)
    BACKBONE_WIDTH = 8
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 32, 48, 64)
    DETECTION_MIN_CONFIDENCE = 0.0  # it has learnt nothing, but finds something
    DETECTION_MAX_INSTANCES = 5
    SEED = 7


class StrictConfig(FruitConfig):
    DETECTION_MIN_CONFIDENCE = 0.7


def save_run(folder, config):
    model = MaskRCNN("inference", config, folder.parent)
    folder.mkdir()
    model.save_weights(folder / "mask_rcnn_fruit_0001.h5")
    config.to_json(folder / "config.json")
    (folder / "classes.json").write_text(json.dumps(NAMES))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("logs") / "fruit20260102T0304", FruitConfig())


@pytest.fixture(scope="module")
def client(run):
    with TestClient(create_app(lambda: load_served(run, run.parent, batch=2))) as client:
        yield client


def odd_image(mode, size):
    """Noise of a mode and size, as the bytes of a file."""
    width, height = size
    numbers = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    if mode == "I;16":
        image = Image.fromarray(numbers[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(numbers, "CMYK") if mode == "CMYK" else Image.fromarray(numbers).convert(mode)
    buffer = BytesIO()
    image.save(buffer, KINDS[mode])
    return buffer.getvalue()


def post(client, data, **query):
    return client.post("/detect", params={"min_score": 0, **query}, files={"image": data})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", KINDS)
def test_odd_images(client, mode, size):
    data = odd_image(mode, size)
    answer = post(client, data, masks="rle")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["images"][0]["width"], document["images"][0]["height"]) == size
    for found in document["annotations"]:
        x, y, width, height = found["bbox"]
        assert 0 <= x < x + width <= size[0] and 0 <= y < y + height <= size[1]
    assert post(client, data, masks="polygon").status_code == 200
    assert post(client, data, answer="png").status_code == 200


def test_an_animated_gif_is_its_first_frame(client):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("white", "black", "red")]
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    moving = post(client, buffer.getvalue(), masks="rle").json()
    still = BytesIO()
    frames[0].save(still, "GIF")
    assert moving == post(client, still.getvalue(), masks="rle").json()
    assert len(moving["annotations"]) > 0


def test_the_client_decides_on_the_least_score(client, run, tmp_path):
    strict = save_run(tmp_path / "fruit20260102T0305", StrictConfig())
    assert load_served(strict, tmp_path, batch=1).model.config.DETECTION_MIN_CONFIDENCE == 0.05
    assert client.app.state.worker.served.model.config.DETECTION_MIN_CONFIDENCE == 0.0  # the run's, which is lower


@pytest.mark.slow
def test_memory_is_flat_over_reloads(run):
    with multiprocessing.get_context("spawn").Pool(1) as fresh:  # here the memory of other tests would move
        assert fresh.apply(growth_over_reloads, (run,)) < MOST_MB


def growth_over_reloads(run):
    """MB that this process grows by. Each model must be gone when the next one is there."""
    image = odd_image("RGB", (53, 37))

    def reload(client):
        old = weakref.ref(client.app.state.worker.served.model.keras_model)
        assert client.post("/reload").status_code == 200
        assert post(client, image).status_code == 200
        gc.collect()
        assert old() is None

    with TestClient(create_app(lambda: load_served(run, run.parent, batch=2))) as client:
        for _ in range(2):  # for what TensorFlow keeps once
            reload(client)
        before = resident_mb()
        for _ in range(RELOADS):
            reload(client)
        return resident_mb() - before
