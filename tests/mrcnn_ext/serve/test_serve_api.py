"""The service's answers: objects, limits, keys, reload, health, metrics."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.masks.rle import decode_masks
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits
from mrcnn_ext.serve.worker import Served
from tests.support.stand_in_model import API_KEY, NAMES, StandIn, encoded, made_image, served


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(served)) as client:
        yield client


def post(client, data, name="a.png", headers=None, **query):
    return client.post("/detect", params=query, files={"image": (name, data)}, headers=headers)


def test_json_is_a_coco_document(client, tmp_path):
    answer = post(client, encoded(), name="../up/../photo.png")
    assert answer.status_code == 200
    document = answer.json()
    assert document["images"] == [{"id": 1, "file_name": "photo.png", "width": 40, "height": 30}]
    assert document["categories"] == [{"id": 1, "name": "bright"}, {"id": 2, "name": "dark"}]
    (found,) = document["annotations"]
    assert found["bbox"] == [10, 5, 20, 10] and found["area"] == 200 and found["category_id"] == 1
    assert found["score"] == pytest.approx(0.9)
    corners = np.reshape(found["segmentation"], (-1, 2))
    assert sorted(map(tuple, corners)) == [(10, 5), (10, 15), (30, 5), (30, 15)]
    Image.fromarray(made_image()).save(tmp_path / "photo.png")
    (tmp_path / "found.json").write_text(answer.text)
    data = CocoDataset()
    data.load_coco_files(tmp_path / "found.json", tmp_path)
    data.prepare()
    masks, class_ids = data.load_mask(0)
    assert masks.sum() == 200 and class_ids.tolist() == [1]


def test_rle_is_exact_and_none_leaves_masks_out(client):
    image = made_image()
    image[8:10, 15:20] = 0  # a hole
    (found,) = post(client, encoded(image), masks="rle").json()["annotations"]
    assert (decode_masks([found["segmentation"]], 30, 40)[..., 0] == (image[..., 0] > 200)).all()
    assert (found["area"], found["bbox"]) == (200 - 10, [10, 5, 20, 10])
    without = post(client, encoded(image), masks="none").json()["annotations"][0]
    assert "segmentation" not in without and without["area"] == 200 - 10


def test_tolerance_takes_corners_away(client):
    y, x = np.mgrid[:80, :80]
    image = np.where((np.hypot(y - 40, x - 40) < 30)[..., None], 250, 0).astype(np.uint8).repeat(3, axis=2)
    corners = [
        len(post(client, encoded(image), tolerance=t).json()["annotations"][0]["segmentation"][0]) for t in (0, 1, 5)
    ]
    assert corners[0] > corners[1] > corners[2] >= 6


def test_an_image_is_looked_at_in_tiles_when_asked():
    model = served()
    image = made_image(64, 128, (10, 30, 50, 90))  # the box lies in two tiles
    with TestClient(create_app(lambda: model, Limits(batch=2, tiles=8))) as client:
        (whole,) = post(client, encoded(image)).json()["annotations"]
        before = len(model.model.batches)
        (joined,) = post(client, encoded(image), tile=64, overlap=0.25).json()["annotations"]
        assert model.model.batches[before:] == [2, 2]  # three tiles, the last batch filled up
        assert joined == whole
        (small,) = post(client, encoded(image), tile=128).json()["annotations"]
        assert small == whole and model.model.batches[-1] == 1
        answer = post(client, encoded(image), tile=32)
        assert (answer.status_code, answer.json()["detail"]) == (
            413, "The image would be cut into 15 tiles; 8 are allowed: ask for larger ones."
        )  # fmt: skip
        for query in ({"tile": 8}, {"overlap": 0.6}, {"across_classes": 2}, {"across_classes": "nan"}):
            assert post(client, encoded(image), **query).status_code == 422
        names = {one["name"] for one in client.get("/openapi.json").json()["paths"]["/detect"]["post"]["parameters"]}
        assert {"tile", "overlap", "across_classes"} <= names


def test_the_weaker_of_two_classes_goes_when_asked():
    class Twice(StandIn):
        """Finds every object twice, as class 1 and, weaker, as class 2."""

        def detect(self, images, crops=False):
            found = super().detect(images, crops)
            return [
                {"rois": one["rois"].repeat(2, axis=0), "class_ids": np.array([1, 2]), "scores": np.array([0.9, 0.6])}
                | {"masks": one["masks"] * 2}
                for one in found
            ]

    with TestClient(create_app(lambda: Served(Twice(), NAMES, "run 1"))) as client:
        assert len(post(client, encoded()).json()["annotations"]) == 2
        (found,) = post(client, encoded(), across_classes=0.7).json()["annotations"]
        assert found["category_id"] == 1


def test_png_and_least_score(client):
    answer = post(client, encoded(), answer="png", min_score=0.5)
    assert answer.headers["content-type"] == "image/png"
    drawn = np.asarray(Image.open(BytesIO(answer.content)))
    assert drawn.shape[0] >= 30 and len(np.unique(drawn)) > 2
    assert post(client, encoded(), min_score=0.95).json()["annotations"] == []
    assert post(client, encoded(made_image(box=None))).json()["annotations"] == []


def test_boxes_are_those_of_the_upright_image(client):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    document = post(client, encoded(kind="JPEG", exif=exif, quality=95)).json()
    assert document["images"][0]["width"] == 30 and document["images"][0]["height"] == 40


@pytest.mark.parametrize(
    "data, status",
    [
        (b"", 400),
        (b"no image", 415),
        (encoded()[:60], 400),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
    ],
)
def test_what_is_no_image_is_refused(client, data, status):
    answer = post(client, data)
    assert answer.status_code == status and isinstance(answer.json()["detail"], str)


def test_questions_out_of_range_are_refused(client):
    for query in ({"min_score": 2}, {"min_score": "nan"}, {"tolerance": -1}, {"answer": "xml"}, {"masks": "all"}):
        assert post(client, encoded(), **query).status_code == 422
    assert client.post("/detect").status_code == 422
    assert client.get("/detect").status_code == 405
    assert client.get("/../../etc/passwd").status_code == 404


def test_bombs_and_large_requests_are_refused():
    limits = Limits(bytes=5000, pixels=100 * 100)
    with TestClient(create_app(served, limits)) as client:
        bomb = encoded(np.zeros((101, 100, 3), np.uint8))
        assert len(bomb) < 1000
        assert post(client, bomb).status_code == 413
        noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
        assert post(client, encoded(noise)).status_code == 413
        boundary = b"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"
        headers = {"content-type": "multipart/form-data; boundary=b"}
        chunks = (part for part in [boundary, *[b"0" * 1000] * 10, b"\r\n--b--\r\n"])  # of no stated length
        assert client.post("/detect", content=chunks, headers=headers).status_code == 413
        assert post(client, encoded()).status_code == 200


def test_key_is_asked_for():
    with TestClient(create_app(served, api_key=API_KEY)) as client:
        assert post(client, encoded()).status_code == 401
        assert post(client, encoded(), headers={"X-API-Key": "a-kex"}).status_code == 401
        assert post(client, encoded(), headers={"X-API-Key": "\xe4".encode("latin-1")}).status_code == 401
        assert client.post("/reload").status_code == 401
        assert post(client, encoded(), headers={"X-API-Key": API_KEY}).status_code == 200
        assert client.get("/health").status_code == 200


def test_health_ready_and_metrics():
    app = create_app(served)
    assert TestClient(app).get("/ready").status_code == 503  # not started
    with TestClient(app) as client:
        assert client.get("/health").json() == {"status": "alive"}
        assert client.get("/ready").json() == {"run": "run 1", "classes": ["bright", "dark"]}
        post(client, encoded())
        text = client.get("/metrics").text
    assert 'mrcnn_requests_total{path="/detect",status="200"} 1.0' in text
    assert 'mrcnn_objects_total{name="bright"} 1.0' in text and "mrcnn_batch_images_count 1.0" in text
    assert TestClient(app).get("/ready").status_code == 503  # stopped


def test_a_failing_image_does_not_take_its_batch_along():
    model = served(fails=lambda image: image.shape[0] == 31)
    with TestClient(create_app(lambda: model), raise_server_exceptions=False) as client:
        model.model.gate.clear()
        with ThreadPoolExecutor(4) as pool:
            images = [made_image(), made_image(height=31), made_image(), made_image()]
            answers = [pool.submit(post, client, encoded(image)) for image in images]
            time.sleep(0.5)
            model.model.gate.set()
            statuses = [answer.result().status_code for answer in answers]
    assert statuses == [200, 500, 200, 200]


def test_full_queue_and_slow_answers():
    model = served()
    limits = Limits(waiting=1, batch=1, seconds=1.0)
    with TestClient(create_app(lambda: model, limits)) as client:
        model.model.gate.clear()
        with ThreadPoolExecutor(3) as pool:
            answers = [pool.submit(post, client, encoded()) for _ in range(3)]
            statuses = sorted(answer.result().status_code for answer in answers)
        model.model.gate.set()
        assert statuses.count(503) >= 1 and statuses.count(504) >= 1 and len(statuses) == 3
        wait_for(lambda: post(client, encoded()).status_code == 200)


def test_reload_drops_no_request():
    numbers = iter(range(1, 100))
    stop = threading.Event()

    def load():
        return served(run=f"run {next(numbers)}", delay=0.002)

    with TestClient(create_app(load)) as client:

        def ask():
            statuses = set()
            while not stop.is_set():
                statuses.add(post(client, encoded()).status_code)
            return statuses

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask) for _ in range(3)]
            runs = [client.post("/reload").json()["run"] for _ in range(5)]
            stop.set()
            assert set().union(*(one.result() for one in asking)) == {200}
        assert runs == ["run 2", "run 3", "run 4", "run 5", "run 6"]


def test_a_reload_that_fails_keeps_the_old_model():
    runs = iter([served()])

    def load():
        try:
            return next(runs)
        except StopIteration:
            raise FileNotFoundError("there is no run") from None

    with TestClient(create_app(load)) as client:
        answer = client.post("/reload")
        assert answer.status_code == 500 and "there is no run" in answer.json()["detail"]
        assert post(client, encoded()).status_code == 200


def test_images_that_wait_go_together():
    model = served()
    with TestClient(create_app(lambda: model, Limits(batch=4))) as client:
        model.model.gate.clear()
        with ThreadPoolExecutor(9) as pool:
            answers = [pool.submit(post, client, encoded()) for _ in range(9)]
            wait_for(lambda: client.app.state.worker._queue.qsize() >= 5)
            model.model.gate.set()
            assert {answer.result().status_code for answer in answers} == {200}
    assert max(model.model.batches) == 4 and sum(model.model.batches) == 9


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
