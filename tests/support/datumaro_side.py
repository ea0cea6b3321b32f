"""Runs in an environment with datumaro: `read FOLDER` prints what it finds as JSON, `write FOLDER` writes a set."""

import json
import sys

import numpy as np
from datumaro.components.annotation import Bbox, Mask
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image


def read(folder):
    dataset = Dataset.import_from(folder, "tf_detection_api")
    found = {}
    for item in dataset:
        masks = [a for a in item.annotations if isinstance(a, Mask)]
        rows = [[a.label + 1, np.argwhere(a.image).tolist()] for a in masks]  # it takes ids as places, with gaps, too
        found[item.id] = {"size": list(item.media.size), "masks": rows}
    print(json.dumps(found))


def write(folder):
    ring = np.zeros((20, 30), bool)
    ring[2:12, 3:15] = True
    ring[5:8, 6:9] = False
    dot = np.zeros((20, 30), bool)
    dot[15:18, 20:29] = True
    things = [
        Mask(ring, label=0, id=1, group=1),
        Bbox(3, 2, 12, 10, label=0, id=1, group=1),
        Mask(dot, label=1, id=2, group=2),
        Bbox(20, 15, 9, 3, label=1, id=2, group=2),
    ]
    image = Image.from_numpy(data=np.full((20, 30, 3), 90, np.uint8))
    items = [DatasetItem("one", media=image, annotations=things), DatasetItem("sub/none", media=image)]
    Dataset.from_iterable(items, categories=["leaf", "木"]).export(
        folder, "tf_detection_api", save_media=True, save_masks=True
    )


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](sys.argv[2])
