"""POST /detect/url: off unless allowed; then images from the web, and nothing from this network."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from mrcnn.retry import Failure
from mrcnn_ext.common.web import Refused
from mrcnn_ext.serve import addresses
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits
from tests.support.stand_in_model import API_KEY, encoded, made_image, served

URL = "https://example.org/a/photo.png?size=2"


def ask(client, url=URL, **options):
    return client.post("/detect/url", data={"url": url}, **options)


@pytest.fixture
def web(monkeypatch):
    """What the web answers: bytes, or an exception; and how it was asked."""

    class Web:
        gives = encoded()
        asked = []

    def content_of(url, max_bytes, seconds, proxies):
        Web.asked.append((url, max_bytes, seconds, proxies))
        if isinstance(Web.gives, Exception):
            raise Web.gives
        return Web.gives

    Web.asked.clear()
    monkeypatch.setattr(addresses, "content_of", content_of)
    return Web


def test_off_at_first(web):
    with TestClient(create_app(served)) as client:
        answer = ask(client)
    assert answer.status_code == 403 and "--addresses" in answer.json()["detail"] and not web.asked


def test_the_key_is_asked_for_before_anything_is_fetched(web):
    with TestClient(create_app(served, api_key=API_KEY, addresses=True)) as client:
        assert ask(client).status_code == 401 and not web.asked
        assert ask(client, headers={"X-API-Key": API_KEY}).status_code == 200 and len(web.asked) == 1


def test_an_image_on_the_web_is_answered_as_one_that_was_sent(web):
    limits = Limits(bytes=5000, pixels=1000, seconds=7.0)
    with TestClient(create_app(served, limits, addresses=True)) as client:
        assert ask(client).status_code == 413  # 1200 pixels
        web.gives = encoded(made_image(20, 30))
        document = ask(client, params={"masks": "none"}).json()
        assert document["images"] == [{"id": 1, "file_name": "photo.png", "width": 30, "height": 20}]
        assert document["annotations"][0]["bbox"] == [10, 5, 20, 10]
        assert ask(client, params={"answer": "png"}).headers["content-type"] == "image/png"
        web.gives = b"<html>"
        assert ask(client).status_code == 415
    assert set(web.asked) == {(URL, 5000, 7.0, False)}


@pytest.mark.parametrize("error", [Refused("too large: more than 5 bytes"), Failure("the connection was lost")])
def test_what_went_wrong_is_said(web, error):
    web.gives = error
    with TestClient(create_app(served, addresses=True)) as client:
        answer = ask(client)
    assert answer.status_code == 400 and answer.json() == {"detail": f"The address gives no image: {error}"}


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:1/a", "http://localhost/a", "http://[::1]/a", "http://169.254.169.254/latest/meta-data"),
        *("http://0x7f.1/a", "http://2130706433/", "http://[::ffff:10.0.0.1]/", "http://192.168.0.1/a", "http://0/"),
    ],
)
def test_this_network_is_not_asked(url):
    with TestClient(create_app(served, addresses=True)) as client:
        answer = ask(client, url)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The address leads into this service's own network."


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "gopher://a", "//a", "", "http://", "http://[x"])
def test_what_is_no_address(url):
    with TestClient(create_app(served, addresses=True)) as client:
        answer = ask(client, url)
    assert answer.status_code in (400, 422), answer.text  # 422: an empty field


def test_slow_addresses_do_not_keep_the_others_waiting(monkeypatch):
    release = threading.Event()

    def never(url, max_bytes, seconds, proxies):
        release.wait()
        raise Failure("the test is over")

    monkeypatch.setattr(addresses, "content_of", never)
    with (
        TestClient(create_app(served, Limits(seconds=5.0), addresses=True)) as client,
        ThreadPoolExecutor(60) as pool,
    ):
        try:
            asking = [pool.submit(ask, client) for _ in range(60)]  # more than Starlette has threads
            time.sleep(0.2)
            assert client.post("/detect", files={"image": encoded()}).status_code == 200
            assert {one.result().status_code for one in asking} == {504}
        finally:
            release.set()  # also ends the threads that were given up
