"""Runs in an environment with datumaro: `export FORMAT FOLDER` writes a set, `adapter FORMAT FOLDER` converts one.

The set: a square and the ring on one image, an image in a sub-folder without objects.
"""

import json
import sys

import numpy as np


def export(name, folder):
    from datumaro.components.annotation import Mask, Polygon
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    ring = np.zeros((30, 40), bool)
    ring[10:18, 4:12] = True
    ring[12:16, 6:10] = False
    square = Polygon([22, 3, 32, 3, 32, 9, 22, 9], label=0, id=1, group=1)
    shapes = [square, Mask(ring, label=1, id=2, group=2)]
    image = Image.from_numpy(data=np.full((30, 40, 3), 90, np.uint8))
    items = [DatasetItem("one", subset="train", media=image, annotations=shapes)]
    items += [DatasetItem("none", subset="train", media=image)]
    dataset = Dataset.from_iterable(items, categories=["car", "tree"])
    if name in ("voc", "cityscapes"):
        dataset.transform("polygons_to_masks")
    dataset.export(folder, name, save_media=True)


def adapter(name, folder):
    from mrcnn_ext.convert import read

    builder = read(folder, f"datumaro:{name}" if name != "auto" else "datumaro")
    print(json.dumps({"coco": builder.coco(), "account": builder.account.to_dict()}))


if __name__ == "__main__":
    {"export": export, "adapter": adapter}[sys.argv[1]](*sys.argv[2:])
