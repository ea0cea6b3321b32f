"""Grids of images, on rectangles in memory.  Backend Agg."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Polygon

from mrcnn.data.dataset import Dataset
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.notebook import gallery, gather_objects


class Rectangles(Dataset):
    """Images of 40 x 60 pixels from lists of (class id, y1, x1, y2, x2)."""

    def __init__(self, images, classes=("cat", "dog")):
        super().__init__()
        for class_id, name in enumerate(classes, 1):
            self.add_class("made", class_id, name)
        for i, objects in enumerate(images):
            self.add_image("made", 100 + i, None, height=40, width=60, objects=objects)
        self.prepare()

    def load_image(self, image_id):
        return np.full((40, 60, 3), 100, np.uint8)

    def load_mask(self, image_id):
        objects = self.image_info[image_id]["objects"]
        masks = np.zeros((40, 60, len(objects)), bool)
        for i, (_, y1, x1, y2, x2) in enumerate(objects):
            masks[y1:y2, x1:x2, i] = True
        return masks, np.array([class_id for class_id, *_ in objects], np.int32)


def detection(dataset, image_id, scores):
    """The truth of an image as detections with these scores."""
    truth = gallery.truth_of(dataset, image_id)
    answer = {name: truth[name][: len(scores)] for name in ("rois", "class_ids")}
    answer |= {"scores": np.array(scores), "masks": truth["masks"][:, :, : len(scores)]}
    return Detections.of(answer, 40, 60, image_id=image_id)


@pytest.fixture
def dataset():
    return Rectangles([[(1, 2, 3, 12, 33), (2, 20, 30, 36, 50)], [], [(2, 5, 5, 9, 11)]])


def visible_axes(figure):
    figure.canvas.draw()
    assert not plt.get_fignums()  # a notebook shows it once, as the cell's value
    return [ax for ax in figure.axes if ax.get_visible()]


def test_truth_and_objects_of_an_image(dataset):
    truth = gallery.truth_of(dataset, 0)
    assert truth["rois"].tolist() == [[2, 3, 12, 33], [20, 30, 36, 50]]
    objects = gallery.objects_of(detection(dataset, 0, [0.4, 0.5]), min_score=0.5)
    assert (objects["class_ids"].tolist(), objects["scores"].tolist()) == ([2], [0.5])
    assert np.array_equal(objects["masks"], truth["masks"][:, :, 1:])
    nothing = gallery.objects_of(detection(dataset, 1, []))
    assert nothing["masks"].shape == (40, 60, 0)


def test_a_grid_of_truth(dataset):
    axes = visible_axes(gallery.plot_truth(dataset, [0, 1, 2], cols=2))
    titles = ["image 100: 2 objects", "image 101: 0 objects", "image 102: 1 object"]
    assert [ax.get_title() for ax in axes] == titles
    assert [text.get_text() for text in axes[0].texts] == ["cat", "dog"]
    assert len([patch for patch in axes[2].patches if isinstance(patch, Polygon)]) == 1


def test_captions_only_where_they_help():
    one_class = Rectangles([[(1, 2, 3, 12, 33), (1, 20, 30, 36, 50)]], classes=["cat"])
    (ax,) = visible_axes(gallery.plot_truth(one_class, [0]))
    assert not ax.texts
    assert len({patch.get_edgecolor() for patch in ax.patches if isinstance(patch, Polygon)}) == 2
    many = Rectangles([[(1 + i % 2, y, x, y + 4, x + 4) for i, (y, x) in enumerate(np.ndindex(30, 1))]])
    (ax,) = visible_axes(gallery.plot_truth(many, [0]))
    assert not ax.texts


def test_truth_above_prediction(dataset):
    detections = [detection(dataset, 0, [0.9, 0.3]), detection(dataset, 1, [])]
    axes = visible_axes(gallery.plot_comparison(dataset, detections, titles=["first", "second"]))
    assert [ax.get_title() for ax in axes] == ["first", "second", "found: 1", "found: 0"]
    assert [text.get_text() for text in axes[2].texts] == ["cat 0.90"]
    assert len(visible_axes(gallery.plot_comparison(dataset, detections * 3))) == 8


def test_crops_stand_in_rows_of_their_class(dataset):
    objects = gather_objects(dataset)
    axes = visible_axes(gallery.plot_crops(dataset, objects, per_class=3))
    assert [len(ax.images) for ax in axes] == [1, 0, 0, 1, 1, 0]
    assert [axes[i].get_title(loc="left") for i in (0, 3)] == ["cat", "dog"]
    left, right = axes[0].get_xlim()
    bottom, top = axes[0].get_ylim()
    assert (left, right) == (0, 36)  # around 3 .. 33, a fifth larger than its longer side
    assert (top, bottom) == (-11, 25)


def test_mean_masks():
    ring = Rectangles([[(1, 0, 0, 10, 20), (1, 20, 20, 30, 40)]])
    ring.load_mask = lambda image_id: (l_and_block(), np.array([1, 1], np.int32))
    means = gallery.mean_masks(ring, gather_objects(ring), size=10)
    assert list(means) == [1]
    assert means[1][2, 2] == means[1][8, 8] == 1
    assert means[1][2, 8] == 0.5  # the upper right quarter is in one of the two


def test_no_array_as_large_as_an_image_times_its_objects(dataset):
    """Where masks can be had as crops; `plot_crops` draws one whole mask at a time."""
    crops = {i: dataset.load_mask_crops(i) for i in dataset.image_ids}
    whole = gather_objects(dataset)
    dataset.load_mask_crops = crops.get
    dataset.load_mask = None
    objects = gather_objects(dataset)
    for name, values in whole.items():
        assert np.array_equal(objects[name], values), name
    assert objects["areas_px"].tolist() == [10 * 30, 16 * 20, 4 * 6]
    assert gallery.mean_masks(dataset, objects, size=4)[2].tolist() == [[1] * 4] * 4
    visible_axes(gallery.plot_crops(dataset, objects))


def l_and_block():
    masks = np.zeros((40, 60, 2), bool)
    masks[0:10, 0:20, 0] = True
    masks[0:5, 10:20, 0] = False
    masks[20:30, 20:40, 1] = True
    return masks


def test_a_data_set_without_objects():
    empty = Rectangles([[]])
    objects = gather_objects(empty)
    assert gallery.mean_masks(empty, objects) == {}
    visible_axes(gallery.plot_crops(empty, objects))


def test_four_tasks_of_one_image():
    """The image with the most objects that can be captioned: two of one class touch, and only instances are apart."""
    crowded = [(1, y, x, y + 2, x + 2) for y in (2, 12, 22, 32) for x in (2, 12, 22, 32)]
    dataset = Rectangles([[(2, 1, 1, 4, 4)], [(1, 5, 5, 25, 20), (1, 5, 20, 25, 40), (2, 30, 2, 38, 12)], crowded])
    classified, semantic, boxes, instances = visible_axes(gallery.plot_tasks(dataset))
    assert classified.get_title() == "classification: cat, dog"
    assert [len(ax.patches) for ax in (classified, semantic, boxes, instances)] == [0, 0, 3, 6]  # boxes; outlines too

    def colour(ax, x):
        return tuple(ax.images[0].get_array()[15, x])

    assert colour(classified, 10) == (100, 100, 100) == colour(boxes, 10)
    assert colour(semantic, 10) == colour(semantic, 30) != (100, 100, 100)
    assert colour(instances, 10) != colour(instances, 30)


def test_four_tasks_without_objects():
    titles = [ax.get_title() for ax in visible_axes(gallery.plot_tasks(Rectangles([[]])))]
    assert titles[0] == "classification: nothing"
