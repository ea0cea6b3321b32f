"""A small network learns three images by heart and finds their objects again: all stages pull the same way."""

import numpy as np
import pytest

from mrcnn.model import MaskRCNN
from mrcnn.utils import compute_overlaps, compute_overlaps_masks
from tests.support.engine_data import SmallConfig, few_images

pytestmark = pytest.mark.slow  # 300 steps: more than a minute


class OverfitConfig(SmallConfig):
    NAME = "overfit"
    NORM = "group"  # batch statistics of so few images say little
    OPTIMIZER = "adamw"
    BACKBONE_WIDTH = 16
    TOP_DOWN_PYRAMID_SIZE = 32
    RPN_CHANNELS = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64
    MASK_HEAD_CHANNELS = 32
    IMAGES_PER_GPU = 3
    STEPS_PER_EPOCH = 150
    DETECTION_MIN_CONFIDENCE = 0.7


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The losses of the two epochs, the data, and a detector with the last weights."""
    root = tmp_path_factory.mktemp("overfit")
    data = few_images()
    trained = MaskRCNN("training", OverfitConfig(), root)
    history = trained.train(data, data, learning_rate=0.001, epochs=2, layers="all").history
    detector = MaskRCNN("inference", OverfitConfig(), root)
    detector.load_weights("last")
    return history, data, detector


def test_the_losses_become_small(run):
    history = run[0]
    last = {name: values[-1] for name, values in history.items() if not name.startswith("val_")}
    assert history["loss"][1] < 0.5 * history["loss"][0]
    assert last["rpn_class_loss"] < 0.1, last
    assert last["rpn_bbox_loss"] < 0.2, last
    assert last["mrcnn_class_loss"] < 0.15, last
    assert last["mrcnn_bbox_loss"] < 0.2, last
    assert last["mrcnn_mask_loss"] < 0.3, last


@pytest.mark.parametrize("image_id", [0, 1, 2])
def test_the_objects_are_found_again(run, image_id):
    _, data, detector = run
    found = detector.detect([data.load_image(image_id)])[0]
    masks, class_ids = data.load_mask(image_id)
    assert len(found["rois"]) == len(class_ids)  # none in the third image
    if len(class_ids):
        truth = np.array([thing[1:] for thing in data.image_info[image_id]["things"]])
        boxes = compute_overlaps(truth, found["rois"])  # (truth, found)
        assert boxes.max(axis=1).min() > 0.7
        np.testing.assert_array_equal(found["class_ids"][boxes.argmax(axis=1)], class_ids)
        assert compute_overlaps_masks(masks, found["masks"]).max(axis=1).min() > 0.7
