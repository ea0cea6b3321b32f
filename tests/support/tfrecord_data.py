"""A COCO data set with every kind of object, written as TFRecord files and read again."""

import numpy as np

from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.tfrecord import TFRecordDataset, write_tfrecords
from mrcnn_ext.masks.rle import encode_mask, rle_to_json

HEIGHT, WIDTH = 20, 30
NAMES = ["a.jpg", "sub/grün.png", "日本/b.png", "empty.jpg", "turned.jpg", "c.webp"]


def ring():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:12, 3:15] = True
    mask[5:8, 6:9] = False
    return mask


def content():
    def annotation(number, image_id, category_id, segmentation, **more):
        return {"id": number, "image_id": image_id, "category_id": category_id, "segmentation": segmentation} | more

    return {
        "images": [
            {"id": image_id, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for image_id, name in zip((17, 99, 42, 43, 5, 6), NAMES, strict=True)
        ],
        "categories": [{"id": 7, "name": "leaf"}, {"id": 1, "name": "Früchte"}, {"id": 90, "name": "木"}],
        "annotations": [
            annotation(1, 17, 7, [[4, 3, 10, 3, 10, 8, 4, 8]], bbox=[4, 3, 6, 5], area=30),
            annotation(2, 17, 1, rle_to_json(encode_mask(ring())), iscrowd=0),  # a hole, no crowd, no box
            annotation(3, 99, 7, [[0, 0, 4, 0, 4, 4, 0, 4], [20, 10, 24, 10, 24, 14, 20, 14]]),
            annotation(4, 42, 90, {"size": [HEIGHT, WIDTH], "counts": [300, 300]}, iscrowd=1),
            annotation(5, 42, 7, [[20, 10, 40, 10, 40, 25, 20, 25]], bbox=[20, 10, 10.0000001, 10.0000001], area=100),
            annotation(6, 42, 7, [[40, 40, 50, 40, 50, 50]]),  # outside
            annotation(
                7, 5, 1, [[25, 0, 30, 0, 30, 5, 25, 5]], bbox=[200, 200, 5, 5], area=25
            ),  # the corner, a bad box
        ],
    }


def write(data, out, **options):
    return write_tfrecords(data, out, **({"shards": 3, "workers": 2, "progress": False} | options))


def coco(data):
    dataset = CocoDataset()
    dataset.load_coco(data, "train")
    dataset.prepare()
    return dataset


def records(out, name="train2018"):
    dataset = TFRecordDataset()
    dataset.load_tfrecord(out, name)
    dataset.prepare()
    return dataset
