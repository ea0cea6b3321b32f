"""Masks of Labelbox exports from their addresses: a server on this machine, with its faults."""

import io
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mrcnn_ext.commands.cli import app
from mrcnn_ext.convert import Options, read
from mrcnn_ext.convert.formats import labelbox_masks
from mrcnn_ext.masks.outlines import object_mask
from tests.support.converted import summary
from tests.support.label_samples import ring, sample

KEY = "secret-key"


class Server(BaseHTTPRequestHandler):
    """The masks of the samples under /masks; other paths have faults."""

    def do_GET(self):
        name = self.path.strip("/").partition("?")[0]
        self.server.asked[name] += 1
        self.server.keys.append((self.headers["Host"].partition(":")[0], self.headers.get("Authorization")))
        status, body, headers = 200, b"", {}
        if name == "gone":
            status = 404
        elif name == "busy" and self.server.asked[name] < 3:
            status, headers = 503, {"Retry-After": "0"}
        elif name == "locked" and self.headers.get("Authorization") != f"Bearer {KEY}":
            status = 401
        elif name in ("moved", "loop"):
            status = 302
            other = f"http://localhost:{self.server.server_port}"
            headers = {"Location": f"{other}/masks/xyz" if name == "moved" else "/loop"}
        elif name == "page":
            body = b"<html>log in</html>"
        elif name == "large":
            body = bytes(5000)
        else:
            body = self.server.files["all" if name.endswith("all.png") else "f3"]
            body = body[:-30] if name == "cut" else body
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv(labelbox_masks.KEY, raising=False)
    monkeypatch.setattr(labelbox_masks, "BACKOFF", 0.01)
    monkeypatch.setattr(labelbox_masks, "MAX_BYTES", 4000)
    sample("labelbox", tmp_path / "made")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.files = {name: (tmp_path / "made" / "masks" / f"{name}.png").read_bytes() for name in ("f3", "all")}
        running.asked, running.keys, running.daemon_threads = Counter(), [], True
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def export(tmp_path, name, server, mask="masks/xyz"):
    """A sample with the addresses of the server; (path, options) without any mask in the folder."""
    path, _ = sample(name, tmp_path / name)
    text = path.read_text().replace("https://host/api/masks/xyz", f"{server.url}/{mask}?token=1")
    text = text.replace("https://host/masks/f3", f"{server.url}/{mask}").replace(
        "https://host/all", f"{server.url}/all"
    )
    path.write_text(text)
    return path, Options(masks=tmp_path / "fetched", fetch_masks=True, allow_private=True)


@pytest.mark.parametrize("name", ["labelbox", "labelbox-v1"])
def test_masks_are_fetched_once(tmp_path, server, name):
    path, options = export(tmp_path, name, server)
    builder = read(path, options=options)
    _, folder = sample(name, tmp_path / "folder")
    assert summary(builder) == summary(read(tmp_path / "folder" / path.name, options=Options(**folder)))
    assert (object_mask(builder.coco()["annotations"][2], 30, 40) == ring(30, 40)).all()
    number = 2 if name == "labelbox" else 1  # the composite mask serves two objects
    assert builder.account.kept["masks fetched"] == sum(server.asked.values()) == number
    path.write_text(path.read_text().replace("token=1", "token=2"))
    again = read(path, options=options)
    assert summary(again) == summary(builder) and sum(server.asked.values()) == number
    assert len(list((tmp_path / "fetched").iterdir())) == number


def test_an_interrupted_run_goes_on(tmp_path, server):
    path, options = export(tmp_path, "labelbox", server)
    whole = path.read_text()
    path.write_text(whole.replace(f"{server.url}/all.png", f"{server.url}/gone"))
    with pytest.raises(
        ValueError, match="export.ndjson: line 1: object 5: its mask cannot be fetched from .*/gone: .*404"
    ):
        read(path, options=options)
    path.write_text(whole)
    read(path, options=options)
    assert server.asked["masks/xyz"] == 1


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("gone", "the server answers 404"),
        ("locked", "the server answers 401.* LABELBOX_API_KEY"),
        ("loop", "more than 8 redirects"),
        ("large", "too large: 5,000 bytes, more than 4,000"),
        ("page", "the mask cannot be read as an image"),
        ("cut", "the mask image is damaged"),
    ],
)
def test_faults_name_the_object(tmp_path, server, mask, message):
    path, options = export(tmp_path, "labelbox", server, mask)
    with pytest.raises(ValueError, match=f"export.ndjson: line 1: object 3: .*{message}"):
        read(path, options=options)
    assert not (tmp_path / "fetched").exists()


def test_a_busy_server_is_asked_again(tmp_path, server):
    path, options = export(tmp_path, "labelbox", server, "busy")
    assert len(summary(read(path, options=options))) == 5 and server.asked["busy"] == 3


def test_the_key_is_for_labelbox_only(tmp_path, server, monkeypatch):
    monkeypatch.setenv(labelbox_masks.KEY, KEY)
    path, options = export(tmp_path, "labelbox", server, "moved")
    read(path, options=options)
    assert server.keys and all(key is None for _, key in server.keys)
    server.keys.clear()
    monkeypatch.setattr(labelbox_masks, "KEY_HOSTS", ("127.0.0.1",))
    for mask in ("moved", "locked"):
        path, options = export(tmp_path, "labelbox", server, mask)
        for file in (tmp_path / "fetched").iterdir():
            file.unlink()
        read(path, options=options)
    assert {key for host, key in server.keys if host == "127.0.0.1"} == {f"Bearer {KEY}"}
    assert {key for host, key in server.keys if host == "localhost"} == {None}  # where `moved` leads to


def test_what_must_be_said(tmp_path, server):
    path, options = export(tmp_path, "labelbox", server)
    with pytest.raises(ValueError, match="Name a folder that keeps them with --masks"):
        read(path, options=Options(fetch_masks=True))
    with pytest.raises(ValueError, match="in this network"):
        read(path, options=Options(masks=tmp_path / "fetched", fetch_masks=True))
    with pytest.raises(ValueError, match="--fetch-masks --masks DIR"):
        read(path)
    assert not server.asked


def test_command_line(tmp_path, server):
    path, _ = export(tmp_path, "labelbox", server)
    out = tmp_path / "coco.json"
    options = ["--masks", str(tmp_path / "m"), "--fetch-masks", "--allow-private", "--json"]
    result = CliRunner().invoke(app, ["convert", str(path), str(out), *options])
    assert json.loads(result.stdout)["kept"]["masks fetched"] == 2
    assert len(json.loads(out.read_text())["annotations"]) == 5
    for file in (tmp_path / "m").iterdir():
        assert np.asarray(Image.open(io.BytesIO(file.read_bytes()))).shape[:2] == (30, 40)
