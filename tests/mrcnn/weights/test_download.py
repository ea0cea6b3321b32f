"""Downloads against a server on this machine that fails as servers do. Nothing here needs a network."""

import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mrcnn import retry
from mrcnn.weights import download
from mrcnn.weights.download import DownloadError, fetch

CONTENT = bytes(range(256)) * 3000  # 768,000 bytes
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT after the faults listed in `server.faults`, one for each request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.requests.append(wanted)
        fault = self.server.faults.pop(0) if self.server.faults else ""
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and fault != "no ranges" else 0
        self.close_connection = True
        if isinstance(fault, int):
            self.send_response(fault)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "drop" else body)

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.faults, httpd.requests = [], []
        httpd.url = f"http://127.0.0.1:{httpd.server_port}/weights.h5"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def get(server, path, **options):
    return fetch(server.url, path, **({"backoff": 0.01, "progress": False, "md5": MD5} | options))


def files(folder):
    return [path.name for path in folder.iterdir()]


def test_plain_download_and_no_second_one(server, tmp_path):
    path = tmp_path / "new" / "weights.h5"
    assert get(server, path, sha256=SHA256.upper(), size=len(CONTENT)) == path
    assert path.read_bytes() == CONTENT
    assert get(server, path) == path
    assert server.requests == [None]
    assert files(path.parent) == ["weights.h5"]


def test_busy_server_is_asked_again(server, tmp_path):
    server.faults = [503, 429, 500]
    assert get(server, tmp_path / "w.h5").read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_busy_server_too_often(server, tmp_path):
    server.faults = [503] * 9
    with pytest.raises(
        DownloadError, match=r"weights.h5 could not be downloaded: the server answers 503.*put it at .*w.h5"
    ):
        get(server, tmp_path / "w.h5", retries=2)
    assert len(server.requests) == 3
    assert files(tmp_path) == []


def test_waits_double(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(retry.time, "sleep", waits.append)
    server.faults = [503] * 4
    get(server, tmp_path / "w.h5", backoff=20.0)
    assert waits == [20.0, 40.0, 60.0, 60.0]


def test_missing_file_is_not_asked_for_again(server, tmp_path):
    server.faults = [404]
    with pytest.raises(DownloadError, match="the server answers 404 Not Found"):
        get(server, tmp_path / "w.h5")
    assert len(server.requests) == 1


def test_dropped_connection_goes_on_where_it_stopped(server, tmp_path):
    server.faults = ["drop", "drop"]
    assert get(server, tmp_path / "w.h5", retries=1).read_bytes() == CONTENT
    assert server.requests[0] is None
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in server.requests[1:]]
    assert 0.4 * len(CONTENT) < starts[0] < starts[1] < len(CONTENT)


def test_server_without_ranges_starts_anew(server, tmp_path):
    server.faults = ["drop", "no ranges"]
    assert get(server, tmp_path / "w.h5").read_bytes() == CONTENT


def test_next_call_resumes(server, tmp_path):
    server.faults = ["drop", 404]
    with pytest.raises(DownloadError):
        get(server, tmp_path / "w.h5")
    assert files(tmp_path) == ["w.h5.part"]
    assert get(server, tmp_path / "w.h5").read_bytes() == CONTENT
    assert server.requests[-1] == server.requests[1] != "bytes=0-"


@pytest.mark.parametrize(
    "part", [CONTENT, CONTENT + b"more", b"another file" * 1000, b""], ids=["complete", "longer", "foreign", "empty"]
)
def test_leftovers_of_an_earlier_call(server, tmp_path, part):
    (tmp_path / "w.h5.part").write_bytes(part)
    assert get(server, tmp_path / "w.h5").read_bytes() == CONTENT
    assert files(tmp_path) == ["w.h5"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"md5": "0" * 32}, f"its md5 is {MD5}"),
        ({"sha256": "0" * 64}, f"its sha256 is {SHA256}"),
        ({"size": 5}, "768,000 bytes, not 5"),
    ],
)
def test_wrong_content_is_refused(server, tmp_path, wrong, message):
    with pytest.raises(DownloadError, match=f"not the expected file \\({message}"):
        get(server, tmp_path / "w.h5", **wrong)
    assert files(tmp_path) == []


def test_wrong_file_in_place_is_kept_and_named(server, tmp_path):
    (tmp_path / "w.h5").write_bytes(b"mine")
    for check in ({"size": 5}, {"md5": MD5}):
        with pytest.raises(ValueError, match="w.h5 is not the expected file .*delete it"):
            get(server, tmp_path / "w.h5", **check)
    assert (tmp_path / "w.h5").read_bytes() == b"mine"
    assert server.requests == []


def test_no_server_gives_one_clear_message(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights.h5"
    with pytest.raises(DownloadError) as error:
        fetch(url, tmp_path / "w.h5", size=7_000, progress=False)
    assert str(error.value) == (
        f"{url} could not be downloaded: the server cannot be reached (no network, or a proxy is needed: HTTPS_PROXY). "
        f"Get the file on a machine that can, and put it at {tmp_path}/w.h5, 7,000 bytes."
    )
    assert error.value.__suppress_context__


def test_silent_server(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/w.h5"
        with pytest.raises(DownloadError, match="the connection was lost"):
            fetch(url, tmp_path / "w.h5", retries=1, backoff=0.01, timeout=0.2, progress=False)


def test_progress_is_shown(server, tmp_path, capsys):
    server.faults = [503]
    get(server, tmp_path / "w.h5", progress=True)
    shown = capsys.readouterr()
    assert "w.h5: the server answers 503" in shown.out
    assert "750k/750k" in shown.err


def test_cache_folder_and_the_two_files(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path))
    small = {"url": server.url, "size": len(CONTENT), "md5": MD5}
    monkeypatch.setattr(download, "COCO", download.Asset("mask_rcnn_coco.h5", **small))
    monkeypatch.setattr(download, "IMAGENET", download.Asset("notop.h5", **small))
    assert download.coco_weights(progress=False) == tmp_path / "mask_rcnn_coco.h5"
    assert download.imagenet_weights(progress=False) == tmp_path / "notop.h5"
    assert download.coco_weights(tmp_path / "own.h5", progress=False) == tmp_path / "own.h5"
    monkeypatch.setenv("MRCNN_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.cache_folder() == tmp_path / ".cache" / "mrcnn"
