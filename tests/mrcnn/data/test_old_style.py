"""Data sets written the way people wrote them for the old package: no path, a folder of masks, polygons."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn import utils
from mrcnn.config import Config
from mrcnn.data.generator import data_generator
from mrcnn.data.molding import load_image_gt


class OldConfig(Config):
    NAME = "old"
    IMAGES_PER_GPU = 1
    NUM_CLASSES = 1 + 2
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    TRAIN_ROIS_PER_IMAGE = 16
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = max(1, 5 // IMAGES_PER_GPU)


class DrawnDataset(utils.Dataset):
    """Images drawn when asked for, from what add_image was given; later shapes cover earlier ones."""

    def load_shapes(self, count, height, width):
        self.add_class("shapes", 1, "disc")
        self.add_class("shapes", 2, "box")
        for i in range(count):
            self.add_image(
                "shapes", image_id=i, path=None, height=height, width=width, shapes=[("disc", 20, 20), ("box", 28, 24)]
            )

    def draw(self, canvas, shape, colour):
        kind, y, x = shape
        if kind == "disc":
            return cv2.circle(canvas, (x, y), 10, colour, -1)
        return cv2.rectangle(canvas, (x - 8, y - 8), (x + 8, y + 8), colour, -1)

    def load_image(self, image_id):
        info = self.image_info[image_id]
        image = np.ones([info["height"], info["width"], 3], dtype=np.uint8)
        for shape in info["shapes"]:
            image = self.draw(image, shape, (200, 100, 50))
        return image

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        masks = np.zeros([info["height"], info["width"], len(info["shapes"])], dtype=np.uint8)
        for i, shape in enumerate(info["shapes"]):
            masks[:, :, i] = self.draw(np.zeros([info["height"], info["width"]], np.uint8), shape, 1)
        masks[:, :, 0] *= 1 - masks[:, :, 1]
        class_ids = np.array([self.class_names.index(kind) for kind, *_ in info["shapes"]])
        return masks.astype(np.bool), class_ids.astype(np.int32)

    def image_reference(self, image_id):
        info = self.image_info[image_id]
        if info["source"] == "shapes":
            return info["shapes"]
        return super(self.__class__, self).image_reference(image_id)


class FolderDataset(utils.Dataset):
    """An image and a folder of one mask file for each object; every object has the same class."""

    def load_folder(self, folder):
        self.add_class("cells", 1, "cell")
        for path in sorted(folder.glob("*.png")):
            self.add_image("cells", image_id=path.stem, path=str(path))

    def load_mask(self, image_id):
        folder = Path(self.image_info[image_id]["path"]).with_suffix("")
        files = sorted(folder.glob("*.png"))
        mask = np.stack([np.array(Image.open(file)).astype(bool) for file in files], axis=-1)
        return mask, np.ones([mask.shape[-1]], dtype=np.int32)


class PolygonDataset(utils.Dataset):
    """Outlines kept with the image; images of other sources are left to the base class."""

    def add_outlines(self, path, height, width, outlines):
        self.add_class("outlines", 1, "thing")
        self.add_image("outlines", image_id=path.name, path=str(path), height=height, width=width, outlines=outlines)
        self.add_image("elsewhere", image_id="x", path=str(path))

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        if info["source"] != "outlines":
            return super(self.__class__, self).load_mask(image_id)
        mask = np.zeros([info["height"], info["width"], len(info["outlines"])], np.uint8)
        for i, points in enumerate(info["outlines"]):
            mask[:, :, i] = cv2.fillPoly(mask[:, :, i].copy(), [np.array(points, np.int32)], 1)
        return mask.astype(bool), np.ones([mask.shape[-1]], dtype=np.int32)


def test_drawn_images_train():
    dataset = DrawnDataset()
    dataset.load_shapes(3, 48, 64)
    dataset.prepare()
    assert dataset.image_reference(1) == [("disc", 20, 20), ("box", 28, 24)]
    mask, class_ids = dataset.load_mask(0)
    assert not (mask[:, :, 0] & mask[:, :, 1]).any()
    _, _, ids, boxes, masks = load_image_gt(dataset, OldConfig(), 0, augment=False, use_mini_mask=False)
    assert ids.tolist() == class_ids.tolist() == [1, 2]
    assert np.array_equal(boxes, utils.extract_bboxes(masks))
    assert boxes[1].tolist() == [28, 16, 45, 33]  # 8 rows above the image
    inputs, _ = next(data_generator(dataset, OldConfig(), shuffle=True, batch_size=OldConfig().BATCH_SIZE))
    assert inputs[4][0, :2].tolist() == [1, 2]


def test_folder_of_masks(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("RGBA", (30, 20), (1, 2, 3, 128)).save(tmp_path / "a.png")
    for i in range(3):
        one = np.zeros((20, 30), np.uint8)
        one[2 + 5 * i : 6 + 5 * i, 4:20] = 255
        Image.fromarray(one).save(tmp_path / "a" / f"{i}.png")
    dataset = FolderDataset()
    dataset.load_folder(tmp_path)
    dataset.prepare()
    image, _, class_ids, boxes, _ = load_image_gt(dataset, OldConfig(), 0)
    assert image[32, 32].tolist() == [1, 2, 3]
    assert class_ids.tolist() == [1, 1, 1]
    assert len(np.unique(boxes[:, 0])) == 3


def test_outlines_and_the_base_class(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (40, 30), 90).save(path)
    dataset = PolygonDataset()
    dataset.add_outlines(path, 30, 40, [[(5, 5), (20, 5), (20, 15), (5, 15)]])
    dataset.prepare()
    mask, class_ids = dataset.load_mask(0)
    assert (mask.sum(), class_ids.tolist()) == (11 * 16, [1])
    assert dataset.load_mask(1)[1].shape == (0,)
    assert dataset.load_image(1)[0, 0].tolist() == [90, 90, 90]


@pytest.mark.parametrize("mini", [True, False])
def test_steps_of_the_old_data_notebook(mini):
    """Boxes moved by deltas end on the truth; ROIs, their targets and their masks go together."""
    config = OldConfig()
    config.USE_MINI_MASK = mini
    dataset = DrawnDataset()
    dataset.load_shapes(2, 64, 64)
    dataset.prepare()
    rng = np.random.default_rng(0)
    batches = data_generator(dataset, config, False, random_rois=200, batch_size=1, detection_targets=True, rng=rng)
    inputs, (class_ids, deltas, masks) = next(batches)
    rois, gt_boxes = inputs[8][0], utils.trim_zeros(inputs[5][0])
    positive = np.flatnonzero(class_ids[0, :, 0] > 0)
    assert positive.size
    ids = class_ids[0, positive, 0]
    moved = utils.apply_box_deltas(rois[positive], deltas[0, positive, ids] * config.BBOX_STD_DEV)
    assert utils.compute_overlaps(moved, gt_boxes).max(axis=1).min() > 0.99
    assert (masks[0, positive, :, :, ids].max(axis=(1, 2)) == 1).all()
