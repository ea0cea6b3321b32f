"""Data sets written as people wrote them for the old package: cv2 drawings, VIA polygons, folders of mask files."""
# Old code joins paths with os.path, and so do these tests.
# ruff: noqa: PTH118, PTH119, PTH120, PTH123, PTH208

import json
import math
import os

import cv2
import numpy as np

from mrcnn import utils
from tests.support.engine_data import SmallConfig


class ShapesDataset(utils.Dataset):
    """Images that exist only as a list of what is in them."""

    def load_shapes(self, count, height, width, seed):
        self.rng = np.random.RandomState(seed)  # noqa: NPY002
        for i, name in enumerate(("square", "circle", "triangle"), 1):
            self.add_class("shapes", i, name)
        for i in range(count):
            self.add_image(
                "shapes",
                image_id=i,
                path=None,
                width=width,
                height=height,
                bg_color=self.rng.randint(0, 255, 3),
                shapes=[self.random_shape(height, width) for _ in range(2)],
            )

    def random_shape(self, height, width):
        kind = ("square", "circle", "triangle")[self.rng.randint(3)]
        side = self.rng.randint(6, 12)
        y, x = self.rng.randint(side, height - side), self.rng.randint(side, width - side)
        return kind, tuple(int(c) for c in self.rng.randint(0, 255, 3)), (int(x), int(y), int(side))

    def load_image(self, image_id):
        info = self.image_info[image_id]
        image = np.ones([info["height"], info["width"], 3], dtype=np.uint8) * info["bg_color"].astype(np.uint8)
        for kind, color, dims in info["shapes"]:
            image = self.draw_shape(image, kind, dims, color)
        return image

    def image_reference(self, image_id):
        info = self.image_info[image_id]
        if info["source"] == "shapes":
            return info["shapes"]
        return super(self.__class__, self).image_reference(image_id)

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        mask = np.zeros([info["height"], info["width"], len(info["shapes"])], dtype=np.uint8)
        for i, (kind, _, dims) in enumerate(info["shapes"]):
            mask[:, :, i : i + 1] = self.draw_shape(mask[:, :, i : i + 1].copy(), kind, dims, 1)
        free = np.logical_not(mask[:, :, -1]).astype(np.uint8)
        for i in range(len(info["shapes"]) - 2, -1, -1):
            mask[:, :, i] = mask[:, :, i] * free
            free = np.logical_and(free, np.logical_not(mask[:, :, i]))
        class_ids = np.array([self.class_names.index(kind) for kind, *_ in info["shapes"]])
        return mask.astype(np.bool), class_ids.astype(np.int32)

    def draw_shape(self, image, kind, dims, color):
        x, y, s = dims
        if kind == "square":
            cv2.rectangle(image, (x - s, y - s), (x + s, y + s), color, -1)
        elif kind == "circle":
            cv2.circle(image, (x, y), s, color, -1)
        else:
            rise = s / math.sin(math.radians(60))
            cv2.fillPoly(image, np.array([[(x, y - s), (x - rise, y + s), (x + rise, y + s)]], dtype=np.int32), color)
        return image


class BalloonDataset(utils.Dataset):
    """Outlines in the JSON of the VGG Image Annotator."""

    def load_balloon(self, dataset_dir, subset):
        self.add_class("balloon", 1, "balloon")
        folder = os.path.join(dataset_dir, subset)
        with open(os.path.join(folder, "via_region_data.json")) as file:
            annotations = [a for a in json.load(file).values() if a["regions"]]
        for a in annotations:
            regions = a["regions"].values() if isinstance(a["regions"], dict) else a["regions"]
            path = os.path.join(folder, a["filename"])
            height, width = cv2.imread(path).shape[:2]
            polygons = [region["shape_attributes"] for region in regions]
            self.add_image("balloon", image_id=a["filename"], path=path, width=width, height=height, polygons=polygons)

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        if info["source"] != "balloon":
            return super(self.__class__, self).load_mask(image_id)
        mask = np.zeros([info["height"], info["width"], len(info["polygons"])], dtype=np.uint8)
        for i, p in enumerate(info["polygons"]):
            one = np.zeros(mask.shape[:2], np.uint8)
            points = np.stack([p["all_points_x"], p["all_points_y"]], axis=1).astype(np.int32)
            mask[:, :, i] = cv2.fillPoly(one, [points], 1)
        return mask.astype(bool), np.ones([mask.shape[-1]], dtype=np.int32)

    def image_reference(self, image_id):
        return self.image_info[image_id]["path"]


def write_balloons(folder, via_version):
    """One image with two outlines, and one without; in version 1 the regions are a dict, in version 2 a list."""
    folder.mkdir(parents=True)
    for name in ("one.jpg", "empty.jpg"):
        cv2.imwrite(str(folder / name), np.full((48, 64, 3), 90, np.uint8))
    outlines = [([5, 20, 20, 5], [5, 5, 25, 25]), ([30, 50, 40], [10, 10, 40])]
    regions = [{"shape_attributes": {"name": "polygon", "all_points_x": x, "all_points_y": y}} for x, y in outlines]
    if via_version == 1:
        regions = {str(i): region for i, region in enumerate(regions)}
    annotations = {
        "one": {"filename": "one.jpg", "regions": regions},
        "empty": {"filename": "empty.jpg", "regions": {}},
    }
    (folder / "via_region_data.json").write_text(json.dumps(annotations))


class NucleusDataset(utils.Dataset):
    """A folder an image, with the image in images/ and a file a mask in masks/."""

    def load_nucleus(self, dataset_dir, subset):
        self.add_class("nucleus", 1, "nucleus")
        folder = os.path.join(dataset_dir, subset)
        for image_id in sorted(next(os.walk(folder))[1]):
            path = os.path.join(folder, image_id, f"images/{image_id}.png")
            self.add_image("nucleus", image_id=image_id, path=path)

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        folder = os.path.join(os.path.dirname(os.path.dirname(info["path"])), "masks")
        masks = [
            cv2.imread(os.path.join(folder, name), cv2.IMREAD_GRAYSCALE).astype(bool)
            for name in sorted(next(os.walk(folder))[2])
            if name.endswith(".png")
        ]
        mask = np.stack(masks, axis=-1)
        return mask, np.ones([mask.shape[-1]], dtype=np.int32)


def write_nuclei(folder):
    """Two RGBA images of different size, with three masks each."""
    for name, (height, width) in {"aa": (30, 44), "bb": (50, 36)}.items():
        (folder / name / "images").mkdir(parents=True)
        (folder / name / "masks").mkdir()
        image = np.full((height, width, 4), 30, np.uint8)
        for i in range(3):
            mask = np.zeros((height, width), np.uint8)
            cv2.circle(mask, (8 + 12 * i, 10 + 5 * i), 5, 255, -1)
            cv2.imwrite(str(folder / name / "masks" / f"{i}.png"), mask)
            image[mask > 0, :3] = 160 + 20 * i
        cv2.imwrite(str(folder / name / "images" / f"{name}.png"), image)


class ShapesConfig(SmallConfig):
    NAME = "shapes"
    GPU_COUNT = 1
    IMAGES_PER_GPU = 2
    NUM_CLASSES = 1 + 3
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1


class InferenceConfig(ShapesConfig):
    GPU_COUNT = 1
    IMAGES_PER_GPU = 1


def shapes(count, seed):
    dataset = ShapesDataset()
    dataset.load_shapes(count, 64, 64, seed)
    dataset.prepare()
    return dataset
