"""What is refused before a body is read, what requests may hold at a time, and what answers under load."""

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from mrcnn_ext.serve import app as service
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.guard import Room
from mrcnn_ext.serve.limits import Limits, Refused
from tests.support.real_server import running
from tests.support.stand_in_model import API_KEY, encoded, made_image, served

PATIENCE = 60  # seconds; only a failing test waits so long


def post(client, data=None, **options):
    return client.post("/detect", files={"image": data or encoded()}, **options)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def only_the_head(address, path="/detect", length=1000, **headers):
    """Status, body and headers of the answer to a request whose body never comes."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)
    connection.putrequest("POST", path)
    sent = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(length)} | headers
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), answer.headers
    connection.close()
    return found


def test_room_on_paper():
    room = Room(10, "full")
    with room.taken(6), room.taken(4):
        assert room.left == 0
        with pytest.raises(Refused, match="full"), room.taken(1):
            pass
    assert room.left == 10
    # ten times twice a body of 100 bytes and an image of 50 pixels of 3 bytes
    assert Limits(bytes=100, pixels=50).memory == 10 * (200 + 150)


def test_key_size_and_origin_are_looked_at_before_the_body():
    with running(create_app(served, Limits(bytes=5000), API_KEY, addresses=True)) as address:
        for path in ("/detect", "/detect/url", "/reload", "/detect%0A"):
            status, text, _ = only_the_head(address, path)
            assert status in (401, 404) and ("X-API-Key" in text or path == "/detect%0A")
        assert only_the_head(address, length=5001, **{"X-API-Key": API_KEY})[0] == 413
        assert only_the_head(address, **{"X-API-Key": API_KEY, "Sec-Fetch-Site": "cross-site"})[0] == 403


def test_the_description_names_the_key():
    schema = create_app(served, api_key=API_KEY).openapi()
    (scheme,) = schema["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    asking = {path for path, way in schema["paths"].items() if "security" in next(iter(way.values()))}
    assert asking == {"/detect", "/detect/url", "/reload"}


def test_more_requests_than_may_wait_are_refused_before_their_body():
    app = create_app(served, Limits(waiting=2))
    part = b"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"
    body = part + encoded() + b"\r\n--b--\r\n"
    with running(app) as address:
        slow = [http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE) for _ in range(2)]
        for connection in slow:
            connection.putrequest("POST", "/detect")
            connection.putheader("Content-Type", "multipart/form-data; boundary=b")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:50])
        until(lambda: app.state.guard.requests.left == 0)
        status, text, headers = only_the_head(address)
        assert status == 503 and "2 requests" in text and headers["Retry-After"] == "1"
        for connection in slow:
            connection.send(body[50:])
            assert connection.getresponse().status == 200
            connection.close()


def test_images_that_wait_have_so_many_bytes_at_most():
    model = served()
    app = create_app(lambda: model)
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        memory = app.state.guard.memory
        memory.left = 2 * 1000 + 30 * 40 * 3  # for one body of less than 1000 bytes, and its image
        model.model.gate.clear()
        first = pool.submit(post, client)
        until(lambda: memory.left < 2000)
        left = memory.left
        second = post(client)
        model.model.gate.set()
        assert (second.status_code, second.headers["Retry-After"]) == (503, "1")
        assert "memory" in second.json()["detail"]
        assert first.result().status_code == 200
        body = int(first.result().request.headers["Content-Length"])  # it counts twice: as it came, and as it is read
        assert left == 2 * 1000 - 2 * body
        assert memory.left == 2 * 1000 + 30 * 40 * 3


def test_what_was_taken_is_given_back_whatever_the_answer_is():
    model = served(fails=lambda image: image.shape[0] == 31)
    app = create_app(lambda: model, Limits(pixels=2000))
    with TestClient(app) as client:
        rooms = app.state.guard.requests, app.state.guard.memory
        before = [room.left for room in rooms]
        for data, status in (
            (encoded(), 200),
            (encoded()[:60], 400),
            (encoded(made_image(300, 40)), 413),
            (encoded(made_image(31)), 500),
        ):
            assert post(client, data).status_code == status
        assert client.post("/detect").status_code == 422
        app.state.guard.limits = Limits(seconds=1.0)
        model.model.gate.clear()
        assert post(client).status_code == 504
        model.model.gate.set()
        assert [room.left for room in rooms] == before


def test_an_image_that_is_given_up_is_not_kept_in_the_queue():
    model = served()
    app = create_app(lambda: model, Limits(batch=1))
    with TestClient(app):
        model.model.gate.clear()
        worker = app.state.worker
        first, second = worker.submit(made_image()), worker.submit(made_image())
        until(first.running)
        (task,) = worker._queue.queue
        assert len(task.held) == 1
        second.cancel()
        assert task.held == []
        model.model.gate.set()
        assert len(first.result()[0]) == 1


def test_health_and_time_limit_do_not_wait_for_decoders(monkeypatch):
    release, number = threading.Event(), service.AT_A_TIME + 41  # more than Starlette has threads

    def slow(data, limits):
        release.wait()
        raise Refused(400, "the test is over")

    monkeypatch.setattr(service, "decode", slow)
    app = create_app(served, Limits(seconds=5.0))
    with TestClient(app) as client, ThreadPoolExecutor(number + 1) as pool:
        try:
            asking = [pool.submit(post, client) for _ in range(number)]
            until(lambda: app.state.guard.requests.left == Limits().waiting - number)
            for path in ("/", "/health", "/ready", "/metrics"):
                assert pool.submit(client.get, path).result(PATIENCE).status_code == 200
            until(lambda: sum(one.done() for one in asking) == number - service.AT_A_TIME)
            assert {one.result().status_code for one in asking if one.done()} == {504}
        finally:
            release.set()


def test_failures_are_counted_and_have_a_sentence(caplog):
    def load():
        return served(fails=lambda image: True)

    app = create_app(load)
    with TestClient(app) as client:
        answer = post(client)
        assert answer.status_code == 500 and "log" in answer.json()["detail"]
        app.state.worker.submit = None  # whatever else may break
        answer = post(client)
        assert answer.status_code == 500 and "log" in answer.json()["detail"]
        assert 'mrcnn_requests_total{path="/detect",status="500"} 2.0' in client.get("/metrics").text
    assert "told to fail" in caplog.text and "'NoneType' object is not callable" in caplog.text


def test_a_reload_that_breaks_is_a_sentence_too(caplog):
    runs = [served()]

    def load():
        return runs.pop()  # IndexError the second time

    with TestClient(create_app(load)) as client:
        answer = client.post("/reload")
        assert (answer.status_code, answer.json()) == (500, {"detail": "The old model stays: pop from empty list"})
        assert post(client).status_code == 200
    assert "IndexError" in caplog.text


def test_reloads_that_come_together_load_once():
    loads, asked, release = [], [], threading.Event()

    def load():
        loads.append(1)
        assert len(loads) == 1 or release.wait(PATIENCE)
        return served(run=f"run {len(loads)}")

    app = create_app(load)
    app.state.guard._check = asked.append  # between it and the load that is under way nothing is waited for
    with TestClient(app) as client, ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(client.post, "/reload") for _ in range(5)]
        until(lambda: len(asked) == 5)
        release.set()
        assert [one.result().json()["run"] for one in answers] == ["run 2"] * 5
        assert client.post("/reload").json()["run"] == "run 3"


@pytest.mark.parametrize(
    "headers, status",
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),  # typed by a person
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "http://example.org"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_are_refused(headers, status):
    with TestClient(create_app(served)) as client:
        assert client.post("/reload", headers=headers).status_code == status
        assert post(client, headers=headers).status_code == status


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_is_not_ready_when_the_networks_thread_has_ended():
    def end(image):
        raise SystemExit  # nothing that an `except Exception` would catch

    with TestClient(create_app(lambda: served(fails=end), Limits(seconds=2.0))) as client:
        assert client.get("/ready").status_code == 200
        assert post(client).status_code == 504
        assert client.get("/ready").status_code == 503 and client.get("/health").status_code == 200
        assert post(client).status_code == 503
