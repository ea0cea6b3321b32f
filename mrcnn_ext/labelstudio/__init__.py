"""Labelling in the browser with Label Studio: `push` images and pre-annotations, `pull` the finished labels as COCO.

    push("data/raw", classes=["peach"], model="last")
    pull("data/raw", "data/raw/annotations.json")

Any Label Studio will do; the one of `docker compose --profile label up` is found without being told.
"""

from mrcnn_ext.labelstudio.access import Access, Studio, answering_access, find_access
from mrcnn_ext.labelstudio.pull_labels import Pulled, pull
from mrcnn_ext.labelstudio.push_data import Pushed, push
from mrcnn_ext.labelstudio.server import Server

__all__ = ["Access", "Pulled", "Pushed", "Server", "Studio", "answering_access", "find_access", "pull", "push"]
