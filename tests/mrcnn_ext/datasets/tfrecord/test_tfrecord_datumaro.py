"""Our TFRecord files with datumaro's reader, and theirs with ours.

datumaro holds some of our packages back, so it has an environment of its own:
    uv venv DIR; uv pip install --python DIR datumaro tensorflow-cpu; MRCNN_DATUMARO_PYTHON=DIR/bin/python pytest ..
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mrcnn_ext.convert import Options, read
from mrcnn_ext.masks.rle import decode_masks
from tests.support import ROOT
from tests.support.tfrecord_data import coco, ring, write

PYTHON = os.environ.get("MRCNN_DATUMARO_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="MRCNN_DATUMARO_PYTHON names no Python with datumaro, the other reader"),
]


def datumaro(what, folder):
    command = [PYTHON, "-m", "tests.support.datumaro_side", what, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_datumaro_reads_ours(data, tmp_path):
    write(data, tmp_path / "out", shards=1)
    found, dataset = json.loads(datumaro("read", tmp_path / "out")), coco(data)
    assert len(found) == 6
    for image_id in dataset.image_ids:
        info = dataset.image_info[image_id]
        item = found[str(Path(info["file_name"]).with_suffix(""))]
        assert item["size"] == [info["height"], info["width"]]
        masks, class_ids = dataset.load_mask(image_id)
        labels = [dataset.class_info[abs(i)]["id"] for i in class_ids]  # 1, 7 and 90, as in the COCO file
        expected = [[label, np.argwhere(masks[:, :, i]).tolist()] for i, label in enumerate(labels)]
        assert sorted(item["masks"]) == sorted(expected)


def test_we_read_theirs(tmp_path):
    datumaro("write", tmp_path / "theirs")
    builder = read(tmp_path / "theirs", options=Options(images=tmp_path / "images"))
    made = builder.coco()
    assert builder.account.format == "tfrecord" and not builder.account.dropped
    assert [(i["file_name"], i["width"], i["height"]) for i in made["images"]] == [
        ("one.jpg", 30, 20),
        ("sub/none.jpg", 30, 20),
    ]
    assert {c["id"]: c["name"] for c in made["categories"]} == {1: "leaf", 2: "木"}
    assert [(a["category_id"], a["area"], a["bbox"]) for a in made["annotations"]] == [
        (1, 120 - 9, [3, 2, 12, 10]),
        (2, 27, [20, 15, 9, 3]),
    ]
    np.testing.assert_array_equal(decode_masks([made["annotations"][0]["segmentation"]], 20, 30)[:, :, 0], ring())
