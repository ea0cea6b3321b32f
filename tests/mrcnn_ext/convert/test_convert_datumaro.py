"""What datumaro writes with our readers, and formats that only datumaro reads through the adapter.

It needs an environment of its own: see test_tfrecord_datumaro.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mrcnn_ext.convert import Options, read
from tests.support import ROOT
from tests.support.converted import summary

PYTHON = os.environ.get("MRCNN_DATUMARO_PYTHON")
needs_datumaro = pytest.mark.skipif(not PYTHON, reason="MRCNN_DATUMARO_PYTHON names no Python with datumaro")
SQUARE, RING = ("car", 60, [22, 3, 10, 6]), ("tree", 48, [4, 10, 8, 8])


def datumaro(what, name, folder):
    command = [PYTHON, "-m", "tests.support.datumaro_convert", what, name, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_datumaro
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "labels", "images"),
    [
        ("voc", ".", "JPEGImages"),
        ("cvat", "train.xml", "images"),
        ("coco_instances", "annotations/instances_train.json", "images"),
    ],
)
def test_we_read_theirs(tmp_path, name, labels, images):
    datumaro("export", name, tmp_path)
    builder = read(tmp_path / labels, options=Options(images=tmp_path / images))
    assert sorted(item[1:] for item in summary(builder)) == [SQUARE, RING]
    assert {Path(item[0]).name for item in summary(builder)} == {"one.jpg"}


@needs_datumaro
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cityscapes", "cvat"])
def test_adapter(tmp_path, name):
    datumaro("export", name, tmp_path)
    result = json.loads(datumaro("adapter", name, tmp_path))
    coco = result["coco"]
    names = {item["id"]: item["name"] for item in coco["categories"]}
    assert sorted((names[a["category_id"]], a["area"], a["bbox"]) for a in coco["annotations"]) == [SQUARE, RING]
    assert len(coco["images"]) == 2 and result["account"]["dropped"] == {}
    assert [a["iscrowd"] for a in coco["annotations"]] == [0, 0]


def test_datumaro_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datumaro.components.dataset", None)
    with pytest.raises(ValueError, match="this needs the package datumaro"):
        read(tmp_path, "datumaro:mots")
    with pytest.raises(ValueError, match="no format that is known"):
        read(tmp_path)
