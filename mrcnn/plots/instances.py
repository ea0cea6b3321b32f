"""Images of objects: boxes, masks and captions on an image, ground truth against predictions, grids of images.

N objects, H W image. Boxes are (y1, x1, y2, x2) in pixels; masks are (H, W, N) bool or 0/1.
"""

import matplotlib.pyplot as plt
import numpy as np

from mrcnn.metrics import compute_matches
from mrcnn.plots import canvas
from mrcnn.plots.labels import class_label
from mrcnn.plots.masks import apply_mask
from mrcnn.plots.palette import random_colors


def display_images(images, titles=None, cols=4, cmap=None, norm=None, interpolation=None):
    """Show images in a grid of `cols` columns.

    Args:
        images: list or array of (H, W), (H, W, 1) or (H, W, 3) arrays. Images of one channel are coloured by `cmap`.
        titles: one text per image.
        cols: images in a row.
        cmap: as in Matplotlib's `imshow`.
        norm: the same.
        interpolation: the same.
    """
    titles = [""] * len(images) if titles is None else titles
    rows = max(1, -(-len(images) // cols))
    shapes = [np.shape(image)[0] / np.shape(image)[1] for image in images]
    cell_height = 14 / cols * min(max(shapes, default=1), 2) + 0.3  # inches, with room for a title
    plt.figure(figsize=(14, rows * cell_height), layout="constrained")
    for place, (image, title) in enumerate(zip(images, titles, strict=False), start=1):
        image = np.squeeze(image, axis=2) if np.ndim(image) == 3 and np.shape(image)[2] == 1 else np.asarray(image)
        ax = plt.subplot(rows, cols, place)
        ax.set_title(title, fontsize=9)
        ax.axis("off")
        shown = np.asarray(image, np.float32) if image.ndim == 2 else canvas.drawable(image)
        ax.imshow(shown, cmap=cmap, norm=norm, interpolation=interpolation)
    canvas.show()


def display_instances(
    image, boxes, masks, class_ids, class_names, scores=None, title="", figsize=(16, 16), ax=None,
    show_mask=True, show_bbox=True, colors=None, captions=None, save_path=None,
):  # fmt: skip
    """Show the objects of an image with boxes, masks and captions.

    Args:
        image: (H, W, 3), or gray, or RGBA.
        boxes: (N, 4) pixels; a box of zeros is skipped (lost in cropping).
        masks: (H, W, N), or None.
        class_ids: (N,) int.
        class_names: list, background first.
        scores: (N,) from 0 to 1, written behind the class name.
        title: above the image.
        figsize: inches.
        ax: draw there and show nothing, else a new figure is made and shown.
        show_mask: fill the masks; outlines are drawn anyway.
        show_bbox: draw the boxes.
        colors: one colour per object, else random ones; `class_colors(class_ids)` gives each class a lasting colour.
        captions: one text per object in place of class name and score.
        save_path: write the figure to this file (PNG by its ending) and show nothing.

    Raises:
        ValueError: if the numbers of boxes, masks and class ids differ, or masks and image differ in size.
    """
    boxes, class_ids = np.asarray(boxes), np.asarray(class_ids)
    if not len(boxes):
        print("\n*** No instances to display *** \n")
    _check_objects(image, boxes, masks, class_ids)
    own_figure = ax is None
    if own_figure:
        ax = canvas.open_axes(figsize, on_screen=save_path is None)
    colors = random_colors(len(boxes)) if colors is None or not len(colors) else colors
    if captions is None or not len(captions):
        captions = [_caption(i, class_ids, class_names, scores) for i in range(len(boxes))]

    shown = [i for i in range(len(boxes)) if np.any(boxes[i])]
    canvas_image = canvas.drawable(image)
    layers = {} if masks is None else {i: np.ascontiguousarray(masks[:, :, i]) for i in shown}
    if show_mask:
        for i, mask in layers.items():
            apply_mask(canvas_image, mask, colors[i])
    canvas.show_image(ax, canvas_image, title)
    for i in shown:
        if show_bbox:
            canvas.add_box(ax, boxes[i], colors[i], alpha=0.7, linestyle="dashed")
        if i in layers:
            canvas.add_outlines(ax, layers[i], colors[i])
    for i in shown:  # captions last: no outline of a neighbour runs through them
        canvas.add_caption(ax, boxes[i], captions[i], colors[i], canvas_image.shape[:2])
    if save_path is not None:
        canvas.save(ax, save_path)
    elif own_figure:
        canvas.show()


def _check_objects(image, boxes, masks, class_ids):
    if len(boxes) != len(class_ids):
        raise ValueError(f"{len(boxes)} boxes but {len(class_ids)} class ids: one of each per object is needed")
    if masks is None or not len(boxes):
        return
    if masks.shape[-1] != len(boxes):
        raise ValueError(f"{len(boxes)} boxes but masks of shape {masks.shape}: masks are (H, W, N), one per box")
    if masks.shape[:2] != image.shape[:2]:
        raise ValueError(
            f"masks of {masks.shape[:2]} pixels on an image of {image.shape[:2]}: use the masks and the image of the"
            " same size (mini masks: utils.expand_mask, or use_mini_mask=False in load_image_gt)"
        )


def _caption(i, class_ids, class_names, scores):
    label = class_label(class_ids[i], class_names)
    score = scores[i] if scores is not None else None
    return f"{label} {score:.3f}" if score else label


def display_differences(
    image, gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, class_names,
    title="", ax=None, show_mask=True, show_box=True, iou_threshold=0.5, score_threshold=0.5,
):  # fmt: skip
    """Show ground truth (green) and predictions (red) on one image; captions of predictions are "score / IoU".

    The IoU is that with the matched true object, else the best with any.

    Args:
        image: (H, W, 3), or gray, or RGBA.
        gt_box: (G, 4) pixels.
        gt_class_id: (G,) int.
        gt_mask: (H, W, G).
        pred_box: (D, 4) pixels.
        pred_class_id: (D,) int.
        pred_score: (D,) from 0 to 1.
        pred_mask: (H, W, D).
        class_names: list, background first.
        title: above the image; else one that explains the colours.
        ax: as in `display_instances`.
        show_mask: fill the masks; outlines are drawn anyway.
        show_box: draw the boxes.
        iou_threshold: as in `utils.compute_matches`.
        score_threshold: the same.
    """
    real = np.any(gt_box, axis=1)  # boxes of zeros are padding: compute_matches drops them too
    gt_box, gt_class_id, gt_mask = gt_box[real], gt_class_id[real], gt_mask[..., real]
    best_first = np.argsort(-pred_score, kind="stable")
    best_first = best_first[np.any(pred_box[best_first], axis=1)]
    pred_box, pred_class_id, pred_score = pred_box[best_first], pred_class_id[best_first], pred_score[best_first]
    pred_mask = pred_mask[..., best_first]
    # compute_matches sorts again; ranks in place of scores keep equal scores in the order that we number them in.
    ranks = np.arange(len(pred_box), 0, -1, dtype=np.float32)
    gt_match, pred_match, overlaps = compute_matches(
        gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, ranks, pred_mask,
        iou_threshold=iou_threshold, score_threshold=score_threshold,
    )  # fmt: skip
    captions = [""] * len(gt_match)
    for i, match in enumerate(pred_match):
        overlap = overlaps[i, int(match)] if match > -1 else np.max(overlaps[i], initial=0)
        captions.append(f"{pred_score[i]:.2f} / {overlap:.2f}")
    display_instances(
        image,
        np.concatenate([gt_box, pred_box]),
        np.concatenate([gt_mask, pred_mask], axis=-1),
        np.concatenate([gt_class_id, pred_class_id]),
        class_names,
        title=title or "Ground Truth and Detections\n GT=green, pred=red, captions: score/IoU",
        ax=ax, show_mask=show_mask, show_bbox=show_box, captions=captions,
        colors=[(0, 1, 0, 0.8)] * len(gt_match) + [(1, 0, 0, 1)] * len(pred_match),
    )  # fmt: skip


def display_top_masks(image, mask, class_ids, class_names, limit=4):
    """Show an image and beside it the masks of the `limit` classes that cover the most pixels.

    Places without a class stay empty and are titled "-".

    Args:
        image: (H, W, 3).
        mask: (H, W, N).
        class_ids: (N,).
        class_names: list, background first.
        limit: how many classes.
    """
    class_ids = np.asarray(class_ids)
    present = np.unique(class_ids)
    areas = [np.sum(mask[:, :, class_ids == class_id]) for class_id in present]
    largest_first = sorted(zip(present, areas, strict=True), key=lambda pair: pair[1], reverse=True)
    top = [class_id for class_id, area in largest_first if area > 0][:limit]

    images, titles = [image], [f"H x W={image.shape[0]}x{image.shape[1]}"]
    for class_id in top:
        objects = mask[:, :, class_ids == class_id]
        images.append(np.sum(objects * np.arange(1, objects.shape[-1] + 1), axis=-1))  # each object its own shade
        titles.append(class_label(class_id, class_names))
    blanks = limit - len(top)
    images += [np.zeros(image.shape[:2])] * blanks
    titles += ["-"] * blanks
    display_images(images, titles=titles, cols=limit + 1, cmap="Blues_r")
