"""`docker compose --profile detect up -d detect` beside the running stack: few rights, a key, answers, a clean end."""

import http.client
import json
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import requests
from PIL import Image

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.serve.answers import coco_document

pytestmark = pytest.mark.stack

NAMES = ["BG", "apple", "pear"]
RUN, NEWER = "fruit20260102T0304", "fruit20260102T0305"
KEY = "a key for tests"
COMPOSE = ("docker", "compose", "--profile", "detect")
IMAGE = np.random.default_rng(0).integers(0, 255, (70, 110, 3), dtype=np.uint8)


class FruitConfig(TinyConfig):
    NAME = "fruit"
    NUM_CLASSES = len(NAMES)
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 32, 48, 64)
    DETECTION_MIN_CONFIDENCE = 0.0  # it has learnt nothing, but finds something
    DETECTION_MAX_INSTANCES = 5
    SEED = 7


@pytest.fixture(scope="module")
def model(stack):
    """The network of a run in the stack's logs/, as training leaves one there."""
    logs = stack.folder / "logs"
    made = MaskRCNN("inference", FruitConfig(), logs)
    folder = logs / RUN
    folder.mkdir()
    made.save_weights(folder / "mask_rcnn_fruit_0001.h5")
    made.config.to_json(folder / "config.json")
    (folder / "classes.json").write_text(json.dumps(NAMES))
    return made


@pytest.fixture(scope="module")
def address(stack, model):
    up = (*COMPOSE, "up", "--detach", "--wait", "--wait-timeout", "300", "detect")
    stack.run(*up, DETECT_API_KEY=KEY)
    try:
        yield f"http://127.0.0.1:{stack.values['DETECT_PORT']}"
    finally:
        stack.save_logs()
        stack.run(*COMPOSE, "rm", "--stop", "--force", "detect")


def png(image: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def detect(address: str, key: str = KEY, **query) -> requests.Response:
    files = {"image": ("a.png", png(IMAGE))}
    return requests.post(f"{address}/detect", params=query, files=files, headers={"X-API-Key": key}, timeout=120)


def inspect(stack) -> dict:
    container = stack.run(*COMPOSE, "ps", "--all", "--quiet", "detect").strip()
    return json.loads(stack.run("docker", "inspect", container))[0]


def test_a_plain_user_without_rights_for_this_machine_only(stack, address):
    status = stack.first_process("detect")
    assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert status["Uid"].split()[0] == stack.values["NB_UID"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", int(stack.values["DETECT_PORT"])), timeout=5)
    for place in ("/opt/x", "/home/dev/x", "/workspace/logs/x", "/workspace/mrcnn/x"):
        assert "Read-only" in stack.run(*COMPOSE, "exec", "-T", "detect", "touch", place, check=False)


def test_it_is_ready_and_says_nothing_that_worries(stack, address):
    assert requests.get(f"{address}/health", timeout=30).json() == {"status": "alive"}
    assert requests.get(f"{address}/ready", timeout=30).json() == {"run": RUN, "classes": NAMES[1:]}
    assert "Mask R-CNN" in requests.get(f"{address}/", timeout=30).text
    said = stack.run(*COMPOSE, "logs", "--no-color", "detect")
    assert "Traceback" not in said and "MRCNN_API_KEY is not set" not in said


def test_nothing_without_the_key(address):
    for key in ("", "wrong"):
        answer = detect(address, key)
        assert (answer.status_code, answer.json()) == (401, {"detail": "The header X-API-Key is missing or wrong."})
        assert requests.post(f"{address}/reload", headers={"X-API-Key": key}, timeout=30).status_code == 401


def test_the_objects_are_those_that_the_network_finds_here(address, model):
    found = Detections.of(model.detect([IMAGE], crops=True)[0], *IMAGE.shape[:2])
    wanted = coco_document(found, "a.png", NAMES, "none")
    answer = detect(address, min_score=0, masks="rle")
    assert answer.status_code == 200
    found = answer.json()
    assert found["images"] == wanted["images"] == [{"id": 1, "file_name": "a.png", "width": 110, "height": 70}]
    assert found["categories"] == [{"id": 1, "name": "apple"}, {"id": 2, "name": "pear"}]
    assert len(found["annotations"]) == len(wanted["annotations"]) > 0
    for a, b in zip(found["annotations"], wanted["annotations"], strict=True):
        assert a["category_id"] == b["category_id"]
        assert a["score"] == pytest.approx(b["score"], abs=1e-3)
        assert a["bbox"] == pytest.approx(b["bbox"], abs=1)
        assert a["segmentation"]["size"] == [70, 110]
    drawn = Image.open(BytesIO(detect(address, min_score=0, answer="png").content))
    assert (drawn.format, drawn.width * 70) == ("PNG", drawn.height * 110)  # small ones are drawn larger


def test_it_counts_for_prometheus(address):
    before = requests.get(f"{address}/metrics", timeout=30).text
    assert detect(address).status_code == 200
    after = requests.get(f"{address}/metrics", timeout=30).text
    name = 'mrcnn_requests_total{path="/detect",status="200"} '
    counts = [float(text.partition(name)[2].split("\n")[0]) for text in (before, after)]
    assert counts[1] == counts[0] + 1


def test_a_newer_run_is_served_after_a_reload(stack, address):
    shutil.copytree(stack.folder / "logs" / RUN, stack.folder / "logs" / NEWER)
    answer = requests.post(f"{address}/reload", headers={"X-API-Key": KEY}, timeout=300)
    assert (answer.status_code, answer.json()["run"]) == (200, NEWER)
    assert detect(address, min_score=0).status_code == 200


def test_make_up_leaves_it_running(stack, address):
    before = stack.run(*COMPOSE, "ps", "--quiet")
    stack.make("up")
    assert stack.run(*COMPOSE, "ps", "--quiet") == before
    assert detect(address).status_code == 200


def test_a_request_that_has_begun_is_answered_before_it_stops(stack, address):
    """Half a request, the stop, and the other half when nobody else is let in."""
    files = {"image": ("a.png", png(IMAGE))}
    request = requests.Request("POST", f"{address}/detect", files=files, headers={"X-API-Key": KEY}).prepare()
    half = len(request.body) // 2
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.values["DETECT_PORT"]), timeout=120)
    connection.putrequest("POST", "/detect")
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(request.body[:half])
    time.sleep(1)  # until it is there
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(stack.run, *COMPOSE, "stop", "detect")
        with pytest.raises(requests.ConnectionError):
            while time.monotonic() < start + 30:
                requests.get(f"{address}/health", timeout=5)
        connection.send(request.body[half:])
        assert connection.getresponse().status == 200
        connection.close()
        stopping.result()
    state = inspect(stack)["State"]
    assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False)
    assert time.monotonic() - start < 35  # it was not killed: its grace is 40 s
