"""Stopping a real server: what is in is answered, what comes after is not taken."""

import inspect
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from mrcnn_ext.commands.cli import main
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits
from mrcnn_ext.serve.run import SECONDS_TO_STOP
from mrcnn_ext.serve.worker import Worker
from tests.support import ROOT
from tests.support.real_server import running
from tests.support.stand_in_model import encoded, served

PROGRAM = """
from mrcnn_ext.serve import run
from tests.support.stand_in_model import served
run.load_served = lambda *arguments: served()
run.serve(port={port})
"""


def test_requests_that_are_in_are_answered_before_the_end():
    slow = served(delay=0.3)
    with ThreadPoolExecutor(6) as pool:
        with running(create_app(lambda: slow)) as address:
            answers = [
                pool.submit(requests.post, f"{address}/detect", files={"image": encoded()}, timeout=60)
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
        assert requests.post(f"{address}/detect", files={"image": encoded()}, timeout=60).status_code == 200


def test_compose_waits_longer_than_stopping_takes():
    compose = ROOT / "docker-compose.yml"
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", compose.read_text())
    closing = inspect.signature(Worker.close).parameters["timeout"].default
    assert SECONDS_TO_STOP + closing < int(grace)


def test_limits_come_from_the_environment(monkeypatch):
    got = []
    monkeypatch.setattr("mrcnn_ext.serve.run.serve", lambda *arguments: got.append(arguments[5]))
    values = {"MAX_MEGABYTES": "1.5", "MAX_MEGAPIXELS": "2", "MAX_SECONDS": "7", "MAX_WAITING": "8"}
    values |= {"MAX_TILES": "9", "BATCH": ""}
    for name, value in values.items():
        monkeypatch.setenv(f"MRCNN_{name}", value)
    monkeypatch.setattr(sys, "argv", ["mrcnn", "serve"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert got == [Limits(bytes=1_500_000, pixels=2_000_000, seconds=7, waiting=8, batch=4, tiles=9)]
    compose = (ROOT / "docker-compose.yml").read_text()
    for name in values:
        assert f"MRCNN_{name}: ${{DETECT_{name}:-" in compose


def test_the_program_ends_with_0_on_sigterm():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-c", PROGRAM.format(port=port)]
    with subprocess.Popen(program, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        while True:
            try:
                assert requests.get(f"http://127.0.0.1:{port}/ready", timeout=30).status_code == 200
                break
            except requests.ConnectionError:
                assert server.poll() is None, server.stderr.read()
                time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert server.stderr.read() == ""


def test_a_run_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", ["mrcnn", "serve", "last", "--logs", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    signal.signal(signal.SIGTERM, before)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("mrcnn: No run with a checkpoint") and "\n" not in said
