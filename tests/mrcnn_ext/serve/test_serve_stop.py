"""Stopping a real server: what is in is answered, what comes after is not taken."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from real_server import running
from stand_in_model import encoded, served

from mrcnn_ext.serve.app import create_app


def test_requests_that_are_in_are_answered_before_the_end():
    slow = served(seconds=0.3)
    with ThreadPoolExecutor(6) as pool:
        with running(create_app(lambda: slow)) as address:
            answers = [
                pool.submit(requests.post, f"{address}/detect", files={"picture": encoded()}, timeout=60)
                for _ in range(6)
            ]
            while not slow.model.batches:
                time.sleep(0.02)
        assert [answer.result().status_code for answer in answers] == [200] * 6
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address}/health", timeout=5)


def test_a_client_that_sends_half_a_request_does_no_harm():
    with running(create_app(served)) as address:
        host, port = address.removeprefix("http://").split(":")
        for half in (b"POST /detect HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf", b"\x00\xff" * 50):
            with socket.create_connection((host, int(port))) as client:
                client.sendall(half)
        assert requests.post(f"{address}/detect", files={"picture": encoded()}, timeout=60).status_code == 200
