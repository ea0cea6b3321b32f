"""A web server on this machine with every fault that images on the web have."""

import gzip
import struct
import threading
import time
import zlib
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw


def photo(seed, size=(160, 120)):
    """Blobs of colour, unlike those of any other seed."""
    noise = np.random.default_rng(list(str(seed).encode())).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def encoded(image, kind="JPEG", **options):
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def plain(colour):
    """A disc on white; both colours used have the same brightness."""
    image = Image.new("RGB", (160, 120), "white")
    ImageDraw.Draw(image).ellipse((50, 30, 110, 90), colour)
    return image


def turned():
    """A photo 160 x 120 whose EXIF data says that it is to be shown turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(3), exif=exif)


def bomb():
    """The beginning of a PNG that says it is 30,000 x 30,000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


GOOD = encoded(photo(1))
FILES = {
    "good.jpg": GOOD,
    "same.jpg": GOOD,
    "near.jpg": encoded(photo(1).resize((120, 90)), quality=60),
    "image.jpg": encoded(photo(2), "PNG"),  # a wrong extension
    "turned.jpg": turned(),
    "busy.jpg": encoded(photo(4)),
    "later.jpg": encoded(photo(5)),
    "page.jpg": b"<html><body>Please log in.</body></html>",
    "cut.jpg": encoded(photo(6))[:-500],
    "there.jpg": encoded(photo(7)),
    "slow.jpg": encoded(photo(8)),
    "tiny.png": encoded(photo(9, (20, 10)), "PNG"),
    "noai.jpg": encoded(photo(10)),
    "noindex.jpg": encoded(photo(11)),
    "declared.jpg": bytes(300_000),
    "undeclared.jpg": bytes(300_000),
    "drop.jpg": encoded(photo(12)),
    "bomb.png": bomb(),
    "empty.jpg": b"",
    "float.tif": encoded(Image.fromarray(np.zeros((90, 90), np.float32)), "TIFF"),
    "plain1.png": encoded(plain((255, 0, 0)), "PNG"),
    "plain2.png": encoded(plain((0, 130, 0)), "PNG"),
    "gzip.jpg": encoded(photo(13)),
}
STATUS = {
    "busy.jpg": [503, 503],
    "later.jpg": [429],
    "down.jpg": [503] * 99,
    "gone.jpg": [404] * 99,
    "rest.jpg": [429] * 99,
}
REDIRECTS = {
    "moved.jpg": "/there.jpg",
    "loop.jpg": "/loop.jpg",
    "inside.jpg": "http://127.0.0.1:1/x.jpg",
    "ftp.jpg": "ftp://a/",
}
HEADERS = {"noai.jpg": ("X-Robots-Tag", "noindex, NoAI"), "noindex.jpg": ("X-Robots-Tag", "noindex")}


class Handler(BaseHTTPRequestHandler):
    """Serves FILES with their faults; `server.pace` is the seconds between two bytes of the slow one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.strip("/").partition("?")[0]
        with self.server.lock:
            self.server.asked[name] += 1
            self.server.times.append(time.monotonic())
            waits = STATUS.get(name, [])
            status = waits[self.server.asked[name] - 1] if self.server.asked[name] <= len(waits) else 200
        try:
            self._answer(name, status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the other side has seen enough

    def _answer(self, name, status):
        if name.startswith("photo"):  # until here and no further, as what is sent may be read at once
            with self.server.lock:
                self.server.open += 1
                self.server.most_open = max(self.server.most_open, self.server.open)
            time.sleep(self.server.pace)
            with self.server.lock:
                self.server.open -= 1
        if name in REDIRECTS:
            return self._send(302, b"", ("Location", REDIRECTS[name]))
        if status != 200 or name not in FILES and not name.startswith("photo"):
            wait = "3600" if name == "rest.jpg" else "1" if status == 429 else "0"
            return self._send(status if status != 200 else 404, b"", ("Retry-After", wait))
        content = FILES.get(name) or (encoded(photo(name)) if name.startswith("photo") else b"")
        kind = ("Content-Type", "text/html; charset=utf-8" if name == "page.jpg" else "image/jpeg")
        if name == "undeclared.jpg":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            return self.wfile.write(content)
        if name in ("drop.jpg", "slow.jpg"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.close_connection = True
            if name == "drop.jpg":
                return self.wfile.write(content[: len(content) // 2])
            for start in range(0, len(content), 10):
                self.wfile.write(content[start : start + 10])
                time.sleep(self.server.pace)
            return None
        if name == "gzip.jpg":
            return self._send(200, gzip.compress(content), kind, ("Content-Encoding", "gzip"))
        return self._send(200, content, kind, *([HEADERS[name]] if name in HEADERS else []))

    def _send(self, status, content, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def serving(handler=Handler):
    """The server, with `url`, and the requests it had in `asked` (by name) and `times`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.lock = threading.Lock()
        server.asked, server.times, server.open, server.most_open, server.pace = Counter(), [], 0, 0, 0.01
        server.daemon_threads = True
        server.block_on_close = False
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
