"""A little web server on this machine with drawn shapes, for trying out what is meant for images on the web.

It has what the web has: an image that is there twice, and one that is gone.
"""

import csv
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.layout import find_parts

LICENCE = "CC0-1.0"


class DemoWeb:
    """Serves images of the shapes until the program ends.

    folder: emptied, and `urls.csv` with their addresses written into it.  shapes: the data set as `make_shapes`
    makes it.  count: images, at most those of its part for test.
    """

    def __init__(self, folder, shapes="../data/shapes", count: int = 24):
        self.folder = Path(folder)
        self.file, image_dir = next(part for part in find_parts(shapes) if "test" in part[0].name)
        self.content = json.loads(self.file.read_bytes())
        self.names = sorted(image["file_name"] for image in self.content["images"])[:count]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(image_dir)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.csv = self.folder / "urls.csv"
        self._write_csv()

    def write_labels(self, manifest, out) -> None:
        """The labels that the shapes were drawn with, as COCO, for the files that `collect` made of their images."""
        with Path(manifest).open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
        file_of = {row["url"].rpartition("/")[2]: row["file"] for row in rows}
        images = [
            {**image, "file_name": file_of[image["file_name"]]}
            for image in self.content["images"]
            if image["file_name"] in file_of
        ]
        ids = {image["id"] for image in images}
        annotations = [item for item in self.content["annotations"] if item["image_id"] in ids]
        write_json(out, {**self.content, "images": images, "annotations": annotations})

    def _write_csv(self) -> None:
        names = [*self.names, f"{self.names[0]}?again", "gone.jpeg"]
        with self.csv.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["url", "source", "licence"])
            table.writerows([f"{self.address}/{name}", "drawn shapes", LICENCE] for name in names)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing is printed."""
