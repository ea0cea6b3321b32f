"""The loop push, label, pull on a small data set, told once and run against the fake and against the real server."""

import json
from types import SimpleNamespace

import numpy as np
import requests
from PIL import Image

from mrcnn_ext.common.files import write_json
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.labelstudio import Studio, pull, push
from mrcnn_ext.masks.rle import decode_masks, encode_mask, rle_to_json

SIZES = {"a b.png": (60, 90), "c.jpg": (61, 90), "sub/ü #1.jpg": (62, 90), "d.png": (63, 90), "e.png": (64, 90)}
LEAF, PEACH = 3, 7  # with gaps, and not in the order of the alphabet
BOX = (10, 20, 40, 50)  # y1, x1, y2, x2 of what the model finds


def ring(height: int, width: int) -> np.ndarray:
    """A square with a hole, bool (height, width)."""
    mask = np.zeros((height, width), bool)
    mask[10:40, 20:60] = True
    mask[20:25, 30:41] = False
    return mask


class BoxModel:
    """Finds one object of its second class in every image, and counts the images."""

    config = SimpleNamespace(BATCH_SIZE=2)
    class_names = ("BG", "leaf", "peach")

    def __init__(self):
        self.seen = 0

    def detect(self, images, crops):
        assert crops
        self.seen += len(images)
        mask = np.ones((BOX[2] - BOX[0], BOX[3] - BOX[1]), bool)
        found = {"rois": np.array([BOX]), "class_ids": np.array([2]), "scores": np.array([0.75]), "masks": [mask]}
        return [found for _ in images]


def make_data(folder):
    """Five images, two of them with labels: a polygon, a ring, and an object of two parts."""
    noise = np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (height, width, 3), np.uint8)).save(folder / name)
    images = [
        {"id": 40, "file_name": "sub/ü #1.jpg", "height": 62, "width": 90},
        {"id": 10, "file_name": "a b.png", "height": 60, "width": 90},
    ]
    parts = [[5, 5, 25, 5, 25, 15, 5, 15], [30, 30, 45, 30, 45, 50, 30, 50]]
    segmentations = [(40, LEAF, parts[:1]), (40, PEACH, rle_to_json(encode_mask(ring(62, 90)))), (10, LEAF, parts)]
    annotations = [
        {"id": 5 + i, "image_id": image_id, "category_id": category_id, "segmentation": segmentation, "iscrowd": 0}
        for i, (image_id, category_id, segmentation) in enumerate(segmentations)
    ]
    categories = [{"id": LEAF, "name": "leaf"}, {"id": PEACH, "name": "peach"}]
    write_json(folder / "annotations.json", {"images": images, "annotations": annotations, "categories": categories})
    return folder


def masks_of(file) -> dict[str, list[tuple[str, np.ndarray]]]:
    """{file name: [(class, mask), ..]} of an annotation file."""
    coco = CocoFile(file)
    found = {}
    for row, image in enumerate(coco.images):
        numbers = coco.objects(row)
        masks = decode_masks([coco.rle(row, n) for n in numbers], image["height"], image["width"])
        names = [coco.categories[int(coco.category_ids[n])] for n in numbers]
        found[image["file_name"]] = [(name, masks[:, :, i]) for i, name in enumerate(names)]
    return found


class Labeller:
    """A person at the pages: accepts, draws and skips, through the API."""

    def __init__(self, url, token, project):
        self.url, self.headers = url, {"Authorization": f"Token {token}"}
        query = f"/api/tasks?project={project}&page_size=100&fields=all"
        self.tasks = {task["data"]["file_name"]: task for task in self._all(query)}

    def _all(self, query):
        found = []
        for page in range(1, 9):
            answer = requests.get(f"{self.url}{query}&page={page}", headers=self.headers, timeout=60).json()
            found += answer["tasks"]
            if len(found) == answer["total"]:
                break
        return found

    def predicted(self, name) -> list[dict]:
        (prediction,) = self.tasks[name]["predictions"]
        return prediction["result"]

    def image(self, name) -> bytes:
        return requests.get(f"{self.url}{self.tasks[name]['data']['image']}", headers=self.headers, timeout=60).content

    def submit(self, name, result, **more):
        address = f"{self.url}/api/tasks/{self.tasks[name]['id']}/annotations/"
        answer = requests.post(address, json={"result": result, **more}, headers=self.headers, timeout=60)
        assert answer.status_code == 201, answer.text


def run_loop(url, token, data, data_dir, served):
    """label -> train (a stand-in finds boxes) -> pre-label -> correct -> pull, with every number checked."""
    access = {"studio": Studio(url=url, token=token), "data_dir": data_dir, "progress": False}
    model = BoxModel()
    first = push(data, model=(model, model.class_names), **access)
    assert (first.new, first.there, first.finished, first.from_labels, first.from_model) == (5, 0, 0, 2, 3)
    assert first.served is served
    assert first.classes == ["leaf", "peach"]
    assert model.seen == 4  # three images without labels, and one that fills up the last batch
    again = push(data, **access)
    assert (again.new, again.there, again.from_model) == (0, 5, 0)

    person = Labeller(url, token, first.project)
    assert sorted(person.tasks) == sorted(SIZES)
    assert all(person.image(name) == (data / name).read_bytes() for name in SIZES)
    kinds = {name: [result["type"] for result in person.predicted(name)] for name in SIZES}
    assert kinds["sub/ü #1.jpg"] == ["polygonlabels", "brushlabels"]
    assert kinds["a b.png"] == ["brushlabels"]
    assert kinds["c.jpg"] == kinds["d.png"] == kinds["e.png"] == ["polygonlabels"]
    assert person.tasks["c.jpg"]["predictions"][0]["score"] == 0.75

    person.submit("sub/ü #1.jpg", person.predicted("sub/ü #1.jpg"))  # the labels were right
    person.submit("c.jpg", person.predicted("c.jpg"))  # so was the model
    corner = {"type": "polygonlabels", "from_name": "polygon", "to_name": "image", "id": "new", "image_rotation": 0}
    corner |= {"original_width": 90, "original_height": 63}
    points = [[0, 0], [100 / 3, 0], [100 / 3, 100 / 3], [0, 100 / 3]]
    person.submit("d.png", [{**corner, "value": {"points": points, "closed": True, "polygonlabels": ["leaf"]}}])
    person.submit("e.png", [], was_cancelled=True)

    before = masks_of(data / "annotations.json")
    result = pull(data, data / "annotations.json", studio=Studio(url=url, token=token))
    assert (result.labelled, result.kept, result.skipped, result.unlabelled, result.objects) == (3, 1, 1, 0, 5)
    after = masks_of(data / "annotations.json")
    assert list(after) == ["sub/ü #1.jpg", "a b.png", "c.jpg", "d.png"]
    for name in ("sub/ü #1.jpg", "a b.png"):
        for (was, old), (now, new) in zip(before[name], after[name], strict=True):
            assert was == now and np.array_equal(old, new)
    box = np.zeros((61, 90), bool)
    box[BOX[0] : BOX[2], BOX[1] : BOX[3]] = True
    ((name, mask),) = after["c.jpg"]
    assert name == "peach" and np.array_equal(mask, box)
    ((name, mask),) = after["d.png"]
    assert name == "leaf" and mask.sum() == 21 * 30 and mask[:21, :30].all()

    content = json.loads((data / "annotations.json").read_text())
    ids = {image["file_name"]: image["id"] for image in content["images"]}
    assert (ids["sub/ü #1.jpg"], ids["a b.png"]) == (40, 10)
    assert [c["id"] for c in content["categories"]] == [LEAF, PEACH]
    assert len({item["id"] for item in content["annotations"]}) == 5

    model = BoxModel()
    last = push(data, model=(model, model.class_names), **access)
    assert (last.new, last.there, last.finished, last.from_labels, last.from_model) == (0, 5, 4, 1, 0)
    assert model.seen == 0  # nothing is left without labels or a decision
