"""Images from addresses: bytes, seconds and redirects are limited, and nothing inside this network is asked."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from mrcnn.retry import Failure
from mrcnn_ext.common.address import content_of, name_of
from mrcnn_ext.common.web import Private, Refused, fetch, new_session


@contextmanager
def answering(pieces, pause=0.0):
    """The address of a server that sends these bytes to everybody, with a pause after each piece."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def send(client):
            with client:
                try:
                    client.recv(10_000)
                    for piece in pieces:
                        client.sendall(piece)
                        if stop.wait(pause):
                            return
                except OSError:
                    return  # the client has seen enough

        def serve():
            while not stop.is_set():
                client, _ = listening.accept()
                threading.Thread(target=send, args=(client,)).start()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        stop.set()
        socket.create_connection(listening.getsockname()).close()
        thread.join()


def head(*lines):
    return "\r\n".join([*lines, "", ""]).encode()


def found(location):
    return head("HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0", "Connection: close")


OK = head("HTTP/1.1 200 OK", "Connection: close")


@pytest.fixture
def public(monkeypatch):
    """This machine counts as a public one; every address that is looked at."""
    seen = []
    monkeypatch.setattr("mrcnn_ext.common.web._refuse_address", seen.append)
    return seen


def test_content():
    with answering([OK, b"12345"]) as url:
        assert content_of(url, 5, 5.0, allow_private=True, proxies=False) == b"12345"
        with pytest.raises(Refused, match="more than 4"):
            content_of(url, 4, 5.0, allow_private=True, proxies=False)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 90, b"\r\n12345"],  # a head that never ends
        [OK, *[b"1"] * 90],
    ],
    ids=["head", "body"],
)
@pytest.mark.usefixtures("public")
def test_a_server_that_sends_a_little_now_and_then_is_left(pieces):
    with answering(pieces, pause=0.1) as url:
        began = time.monotonic()
        with pytest.raises(Failure, match="in time|connection was lost"):
            content_of(url, 1000, 0.5, proxies=False)
        assert time.monotonic() - began < 2.5


def test_redirects_are_counted():
    with answering([found("/again")]) as url, pytest.raises(Failure, match="again and again"):
        content_of(url, 1000, 5.0, allow_private=True, proxies=False)


@pytest.mark.parametrize("there", ["http://169.254.169.254/latest", "http://[::1]/", "ftp://a/b", "file:///etc/passwd"])
def test_each_redirect_is_looked_at(there, monkeypatch):
    looked_at = []

    def only_ours_is_public(text):
        looked_at.append(text)
        if text != "127.0.0.1":
            raise Private("private")

    monkeypatch.setattr("mrcnn_ext.common.web._refuse_address", only_ours_is_public)
    with answering([found(there)]) as url, pytest.raises(Refused, match="private|not an http or https address"):
        content_of(url, 1000, 5.0, proxies=False)
    assert looked_at[:2] == ["127.0.0.1"] * 2  # before asking, and once more when connected


@pytest.mark.parametrize("host", ["[64:ff9b::a00:1]", "[2002:a00:1::]", "[fd00::1]", "100.64.0.1", "localhost"])
def test_private_addresses_in_other_clothes(host):
    with pytest.raises(Private):
        content_of(f"http://{host}/", 1000, 5.0)


def test_with_a_proxy_set_the_name_is_still_looked_up_when_it_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr("mrcnn_ext.common.web._addresses", lambda host: {"10.0.0.1"})
    with pytest.raises(Private):
        content_of("http://name.example/", 1000, 5.0, proxies=False)
    with new_session(False) as session, pytest.raises(Failure):  # the proxy, which is not there, is asked
        fetch(session, "http://name.example/", 1000, 5.0, allow_private=False)


def test_names():
    names = ["https://a.org/b/c%20d.jpg?x=/y#/z", "HTTP://a.org", "http://[x", "http://a/" + "b" * 300 + ".png"]
    assert [name_of(url) for url in names] == ["c d.jpg", "image", "image", "b" * 196 + ".png"]
    assert name_of("http://a/..%2f..%2fetc%2fpasswd") == "passwd"
