"""The loop against Label Studio itself, in an environment of its own: .venv-labelstudio, made at the first run."""

import hashlib
import os
import shutil
import socket
import subprocess
import time

import pytest
import requests
from launcher import environment
from launcher.messages import Problem

from mrcnn_ext.labelstudio import Server, Studio, push
from tests.support import ROOT
from tests.support.label_loop import make_data, run_loop

pytestmark = pytest.mark.slow

TOKEN = "fedcba9876543210fedcba9876543210fedcba98"
START = str(ROOT / "docker" / "labelstudio" / "start.py")
QUIET = {"COLLECT_ANALYTICS": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "", "LATEST_VERSION_CHECK": "false"}


@pytest.fixture(scope="module")
def python():
    """The Python of Label Studio's environment.  Skipped where its packages cannot be had, but not in CI."""
    try:
        return str(environment.ensure(ROOT, "labelstudio"))
    except Problem as problem:
        if os.environ.get("CI"):
            pytest.fail(f"Label Studio cannot be installed: {problem}")
        pytest.skip(f"Label Studio cannot be installed: {problem}")


@pytest.fixture(scope="module")
def database(python, tmp_path_factory):
    """A folder with an empty database; making it takes a minute, so a copy is kept for the next run."""
    lock = hashlib.sha256((ROOT / "requirements" / "labelstudio.txt").read_bytes()).hexdigest()[:16]
    kept = ROOT / "build" / "label-studio" / lock
    folder = tmp_path_factory.mktemp("label-studio") / "base"
    if not kept.exists():
        folder.mkdir()
        env = {**os.environ, **QUIET, "LABEL_STUDIO_BASE_DATA_DIR": str(folder)}
        subprocess.run([python, START, "migrate"], env=env, check=True, capture_output=True)
        shutil.copytree(folder, kept.with_suffix(".part"), dirs_exist_ok=True)
        kept.with_suffix(".part").rename(kept)
        return folder
    return shutil.copytree(kept, folder)


@pytest.fixture(scope="module")
def label_studio(python, database, tmp_path_factory):
    """(address, folder that it serves) of a running server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    served = tmp_path_factory.mktemp("served") / "data"
    served.mkdir()
    settings = {
        "BIND": bind,
        "USERNAME": "you@localhost",
        "PASSWORD": "correct horse",
        "USER_TOKEN": TOKEN,
        "BASE_DATA_DIR": str(database),
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(served),
    }
    env = {**os.environ, **QUIET, **{f"LABEL_STUDIO_{name}": value for name, value in settings.items()}}
    log = database.parent / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen([python, START], env=env, stdout=file, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://{bind}", process, log)
        yield f"http://{bind}", served
    finally:
        process.terminate()
        process.wait(30)


def _wait(url, process, log):
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(1)
    pytest.fail(f"Label Studio does not start:\n{log.read_text()[-3000:]}")


def test_the_loop_with_images_that_are_served(label_studio):
    url, served = label_studio
    run_loop(url, TOKEN, make_data(served / "raw"), served, served=True)


def test_the_loop_with_images_that_are_sent(label_studio, tmp_path):
    url, served = label_studio
    run_loop(url, TOKEN, make_data(tmp_path / "sent"), served, served=False)


def test_a_personal_access_token(label_studio, tmp_path):
    url, served = label_studio
    server = Server(url, TOKEN)
    server.check()
    token = server.post("/api/token/")["token"]
    assert token.count(".") == 2
    pushed = push(
        make_data(tmp_path / "personal"), studio=Studio(url=url, token=token), data_dir=served, progress=False
    )
    assert pushed.new == 5


def test_errors_are_those_of_the_made_up_server(label_studio, tmp_path):
    data = make_data(tmp_path / "errors")
    with pytest.raises(ValueError, match="does not take this token .401"):
        push(data, studio=Studio(url=label_studio[0], token="wrong"), progress=False)
    (data / "f.tif").write_bytes((data / "e.png").read_bytes())
    with pytest.raises(ValueError, match="tif extension is not supported"):
        push(data, studio=Studio(url=label_studio[0], token=TOKEN), progress=False)
    assert push(data / "annotations.json", studio=Studio(url=label_studio[0], token=TOKEN), progress=False).new == 2


def test_it_does_not_start_without_its_secrets(python):
    env = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO")}
    answer = subprocess.run([python, START], env=env, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "must not be empty" in answer.stderr
