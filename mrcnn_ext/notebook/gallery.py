"""Grids of images of a data set: ground truth, crops of each class, ground truth above detections.

Every function returns a Figure; make it a cell's last line.
"""

import cv2
import numpy as np
from tqdm.auto import tqdm

from mrcnn.data.boxes import extract_bboxes
from mrcnn.plots import canvas
from mrcnn.plots.figures import hide_unused, new_figure
from mrcnn.plots.instances import display_instances
from mrcnn.plots.labels import class_label, counted
from mrcnn.plots.masks import apply_mask
from mrcnn.plots.palette import class_colors
from mrcnn_ext.datasets.objects import some_images
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.masks.outlines import mask_outlines

_MAX_CAPTIONS = 12  # above that many objects captions hide the image
_INCHES = 14  # width of a full row
_TITLE_INCHES = 0.35
_TINT = 0.25  # of a mask's colour: light, so that the objects keep theirs


def truth_of(dataset, image_id) -> dict:
    """The true objects of an image as `MaskRCNN.detect` gives its: rois (N, 4), class_ids (N,), masks (H, W, N)."""
    masks, class_ids = dataset.load_mask(image_id)
    return {"rois": extract_bboxes(masks), "class_ids": class_ids, "masks": masks}


def objects_of(found: Detections, min_score=0.0) -> dict:
    """Detections as `MaskRCNN.detect` gives them: rois, class_ids, scores, full masks (H, W, N) if there are any."""
    found = found.above(min_score)
    objects = {"rois": found.boxes, "class_ids": found.class_ids, "scores": found.scores}
    return objects if found.rles is None else objects | {"masks": found.masks()}


def plot_truth(dataset, image_ids, cols=4):
    """Images with their true masks, boxes and class names; colours tell classes apart, or objects of one class."""
    figure, axes = _grid(dataset, image_ids, cols)
    for ax, image_id in zip(axes.flat, image_ids, strict=False):
        truth = truth_of(dataset, image_id)
        title = f"{_title(dataset, image_id)}: {counted(len(truth['class_ids']), 'object')}"
        _draw(ax, dataset, image_id, truth, title)
    hide_unused(axes, len(image_ids))
    return figure


def plot_comparison(dataset, detections, titles=None, min_score=0.5):
    """Up to four images: the true objects in the upper row, the detected ones with their scores in the lower.

    detections: entries of `detect_dataset`.  titles: a text for each.  min_score: weaker objects are not drawn.
    """
    detections = list(detections)[:4]
    image_ids = [found.image_id for found in detections]
    titles = [_title(dataset, image_id) for image_id in image_ids] if titles is None else titles
    figure, axes = _grid(dataset, image_ids * 2, len(image_ids))
    for column, (found, title) in enumerate(zip(detections, titles, strict=False)):
        _draw(axes[0, column], dataset, found.image_id, truth_of(dataset, found.image_id), title)
        objects = objects_of(found, min_score)
        _draw(axes[1, column], dataset, found.image_id, objects, f"found: {len(objects['class_ids'])}")
    return figure


def plot_tasks(dataset, image_ids=None):
    """What four tasks of computer vision say of one image: its classes, a class for each pixel, boxes, single objects.

    image_ids: the images to choose from; default: up to 200 of all.  The one is taken that has the most objects, but no
    more than can be captioned, or else the first.
    """
    image_ids = some_images(dataset, 200) if image_ids is None else image_ids
    counts = [len(dataset.load_mask_crops(image_id)[1]) for image_id in image_ids]
    image_id = image_ids[int(np.argmax([count if count <= _MAX_CAPTIONS else 0 for count in counts]))]
    truth = truth_of(dataset, image_id)
    boxes, class_ids, masks, names = truth["rois"], np.abs(truth["class_ids"]), truth["masks"], dataset.class_names
    by_class, by_object = class_colors(class_ids), class_colors(range(1, len(class_ids) + 1))
    found = ", ".join(class_label(class_id, names) for class_id in np.unique(class_ids)) or "nothing"
    captions = [class_label(class_id, names) for class_id in class_ids]
    figure, axes = _grid(dataset, [image_id] * 4, 4)
    for ax, title, colors in zip(
        axes.flat,
        (f"classification: {found}", "semantic segmentation", "object detection", "instance segmentation"),
        (None, by_class, by_class, by_object),
        strict=True,
    ):
        image = canvas.drawable(dataset.load_image(image_id))
        if "segmentation" in title:
            for i, color in enumerate(colors):
                apply_mask(image, masks[:, :, i], color, alpha=0.6)
        if title.startswith(("object", "instance")) and len(class_ids):
            outlined = masks if title.startswith("instance") else None
            display_instances(
                image, boxes, outlined, class_ids, names, ax=ax, show_mask=False, colors=colors, captions=captions
            )
        else:
            canvas.show_image(ax, image)
        ax.set_title(title, fontsize=10)
    return figure


def plot_crops(dataset, objects, per_class=8, seed=0):
    """A row for each class (twelve at most) of single objects, cut out and outlined, all drawn equally large.

    objects: from `gather_objects` of the same data set.
    """
    classes = np.unique(np.abs(objects["class_ids"]))[:12]
    rng = np.random.default_rng(seed)
    figure, axes = new_figure(
        max(len(classes), 1), per_class, width=_INCHES, height=max(len(classes), 1) * (_INCHES / per_class + 0.1)
    )
    for row, class_id, color in zip(axes, classes, class_colors(classes), strict=False):
        places = rng.permutation(np.flatnonzero(objects["class_ids"] == class_id))[:per_class]
        for ax, place in zip(row, places, strict=False):
            _draw_crop(ax, dataset, objects, place, color)
        row[0].set_title(class_label(class_id, dataset.class_names), loc="left", color="black")
    for ax in axes.flat:
        ax.axis("off")
    return figure


def _draw_crop(ax, dataset, objects, place, color):
    image_id, number = objects["image_ids"][place], objects["numbers"][place]
    image = dataset.load_image(image_id)
    mask = dataset.load_mask_crops(image_id)[0].chosen([number]).full()[:, :, 0]
    y1, x1, y2, x2 = objects["boxes_px"][place]
    half = 0.6 * max(y2 - y1, x2 - x1, 8)  # a square around the object, a fifth larger
    y, x = (y1 + y2) / 2, (x1 + x2) / 2
    ax.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
    for outline in mask_outlines(mask):
        closed = np.concatenate([outline, outline[:1]])
        ax.plot(closed[:, 0], closed[:, 1], color="white", linewidth=3)
        ax.plot(closed[:, 0], closed[:, 1], color=color, linewidth=1.5)
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y + half, y - half)


def mean_masks(dataset, objects, size=64, limit=100, seed=0) -> dict:
    """For each class, the mean of up to `limit` masks, each stretched from its box to size x size: {class id: array}.

    0 is never covered, 1 always. Shows a progress bar.
    """
    rng = np.random.default_rng(seed)
    means = {}
    classes = np.unique(objects["class_ids"][objects["class_ids"] > 0])
    for class_id in tqdm(classes, desc="mean masks", unit="class"):
        places = rng.permutation(np.flatnonzero(objects["class_ids"] == class_id))[:limit]
        means[int(class_id)] = np.mean([_stretched(dataset, objects, place, size) for place in places], axis=0)
    return means


def _stretched(dataset, objects, place, size):
    masks, _ = dataset.load_mask_crops(objects["image_ids"][place])
    crop = masks.crops[objects["numbers"][place]]
    return cv2.resize(crop.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)


def _grid(dataset, image_ids, cols):
    cols = max(1, min(cols, len(image_ids)))
    rows = max(1, -(-len(image_ids) // cols))
    sizes = [dataset.image_size(image_id) for image_id in image_ids]
    aspect = min(2, max((height / width for height, width in sizes), default=1))
    cell = min(_INCHES / cols, 5)
    height = rows * (cell * aspect + _TITLE_INCHES)
    # Captions are placed by measuring: no layout engine may move the axes afterwards.
    figure, axes = new_figure(rows, cols, width=cell * cols, height=height, layout="none")
    gap = _TITLE_INCHES / (height / rows - _TITLE_INCHES)
    figure.subplots_adjust(
        left=0.005, right=0.995, bottom=0.01, top=1 - _TITLE_INCHES / height, wspace=0.03, hspace=gap
    )
    return figure, axes


def _draw(ax, dataset, image_id, objects, title):
    class_ids, scores = objects["class_ids"], objects.get("scores")
    total, names = len(class_ids), dataset.class_names
    one_class = len(names) <= 2
    captions = [""] * total
    if total <= _MAX_CAPTIONS:
        texts = [""] * total if one_class else [class_label(class_id, names) for class_id in class_ids]
        numbers = [""] * total if scores is None else [f"{score:.2f}" for score in scores]
        captions = [f"{text} {number}".strip() for text, number in zip(texts, numbers, strict=True)]
    image = canvas.drawable(dataset.load_image(image_id))
    if total:
        colors, masks = class_colors(range(1, total + 1) if one_class else class_ids), objects.get("masks")
        for i, color in enumerate(colors if masks is not None else ()):
            apply_mask(image, masks[:, :, i], color, alpha=_TINT)
        display_instances(
            image, objects["rois"], masks, class_ids, names, ax=ax, show_mask=False, colors=colors, captions=captions
        )
    else:
        canvas.show_image(ax, image)
    ax.set_title(title, fontsize=10)


def _title(dataset, image_id):
    return f"image {dataset.image_info[image_id]['id']}"
