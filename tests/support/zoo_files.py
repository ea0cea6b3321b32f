"""A zoo of narrow networks with random weights, for the tests, on a server of this machine or in a folder."""

import contextlib
import hashlib
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from mrcnn.weights.download import Asset
from mrcnn.weights.zoo import ZOO
from tests.support.torch_files import write_state
from tests.support.torch_states import narrow_state

NARROW = {
    "BACKBONE_WIDTH": 2,
    "TOP_DOWN_PYRAMID_SIZE": 8,
    "RPN_CHANNELS": 8,
    "FPN_CLASSIF_FC_LAYERS_SIZE": 32,
    "MASK_HEAD_CHANNELS": 8,
    "IMAGE_MIN_DIM": 64,
    "IMAGE_MAX_DIM": 64,
}
KINDS = {"torchvision": "v1", "torchvision-v2": "v2", "detectron2-r50": "d2_3x", "detectron2-r101-lsj": "d2_lsj"}
LAYOUTS = {"torchvision": "legacy", "torchvision-v2": "zip", "detectron2-r50": "pkl", "detectron2-r101-lsj": "pkl"}


def narrow_entry(monkeypatch, folder, name, url="http://127.0.0.1:9/none/"):
    """Puts a narrow network under a name of the zoo, its file in a folder; returns the entry."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = ZOO[name]
    file = folder / entry.asset.name
    depth = 101 if "r101" in name else 50
    write_state(file, narrow_state(KINDS[name], depth=depth, names_of_2019=name == "torchvision"), LAYOUTS[name])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    asset = Asset(file.name, f"{url}{file.name}", sha256=digest[:8])
    entry = replace(entry, asset=asset, settings=entry.settings | NARROW)
    monkeypatch.setitem(ZOO, name, entry)
    return entry


class _Quiet(SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        """Nothing is printed."""


@contextlib.contextmanager
def served(folder):
    """(address, list of the paths that were asked for) of a server of the folder's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
