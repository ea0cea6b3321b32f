"""Images of regions: proposals and their refined boxes, with captions and masks.

N regions, H W image. Boxes are (y1, x1, y2, x2) in pixels.
"""

import cv2
import numpy as np

from mrcnn.data.minimask import unmold_mask
from mrcnn.plots import canvas
from mrcnn.plots.labels import class_label
from mrcnn.plots.masks import apply_mask
from mrcnn.plots.palette import random_colors


def draw_box(image, box, color):
    """Draw a box with lines of 3 pixels on an image, in place, and return the image.

    Args:
        image: (H, W, 3) uint8.
        box: (y1, x1, y2, x2); the lines run through the pixels of both corners.
        color: (r, g, b) from 0 to 255.

    Returns:
        The same image.
    """
    y1, x1, y2, x2 = (round(float(value)) for value in box)
    return cv2.rectangle(image, (x1, y1), (x2, y2), color=[int(value) for value in color], thickness=2)


def draw_rois(image, rois, refined_rois, mask, class_ids, class_names, limit=10):
    """Draw ROIs (dashed) and, for those of a class, the refined box (solid), name and mask; print the counts.

    Args:
        image: (H, W, 3).
        rois: (N, 4) pixels.
        refined_rois: (N, 4) pixels.
        mask: (N, h, w), each mask in the frame of its ROI.
        class_ids: (N,), 0 is background.
        class_names: list, background first.
        limit: with more ROIs than this, as many are drawn, chosen by numpy's random generator.
    """
    total = len(rois)
    chosen = np.arange(total)
    if total > limit:
        chosen = np.random.choice(total, limit, replace=False)  # noqa: NPY002 (old code seeds the global generator)
    colors = random_colors(len(chosen))
    shown = canvas.drawable(image)
    for i, color in zip(chosen, colors, strict=True):
        if class_ids[i]:
            full_mask = unmold_mask(mask[i], np.asarray(rois[i][:4]).astype(np.int32), shown.shape)
            apply_mask(shown, full_mask, color)

    ax = canvas.open_axes((12, 12))
    title = f"Showing {limit} random ROIs out of {total}" if total > limit else f"{total} ROIs"
    canvas.show_image(ax, shown, title, margin=0.05)
    for i, color in zip(chosen, colors, strict=True):
        canvas.add_box(ax, rois[i], color if class_ids[i] else "gray", linestyle="dashed")
        if class_ids[i]:
            canvas.add_box(ax, refined_rois[i], color)
            canvas.add_link(ax, rois[i], refined_rois[i], color)
            canvas.add_caption(ax, refined_rois[i], class_label(class_ids[i], class_names), color, shown.shape[:2])

    positive = int(np.sum(np.asarray(class_ids) > 0))
    print("Positive ROIs: ", positive)
    print("Negative ROIs: ", int(np.sum(np.asarray(class_ids) == 0)))
    print(f"Positive Ratio: {positive / max(total, 1):.2f}")


def draw_boxes(
    image, boxes=None, refined_boxes=None, masks=None, captions=None, visibilities=None, title="", ax=None
):  # fmt: skip
    """Draw boxes (dotted) and their refined versions (solid), masks and captions.

    Args:
        image: (H, W, 3).
        boxes: (N, 4) pixels, or None where there are refined ones. A box of zeros is skipped.
        refined_boxes: (N, 4) pixels, or None where there are boxes.
        masks: (H, W, N).
        captions: N texts.
        visibilities: N of 0 (gray, not refined), 1 (coloured, dotted) or 2 (coloured, solid).
        title: above the image.
        ax: draw there, else on a new figure.

    Raises:
        ValueError: without any boxes, or for another visibility.
    """
    if boxes is None and refined_boxes is None:
        raise ValueError("draw_boxes needs boxes, refined_boxes or both")
    total = len(boxes if boxes is not None else refined_boxes)
    visibilities = np.ones(total, int) if visibilities is None else np.asarray(visibilities, int)
    if not np.isin(visibilities, (0, 1, 2)).all():
        raise ValueError(f"visibilities are 0, 1 or 2, not {sorted(set(visibilities.tolist()) - {0, 1, 2})}")
    colors = [color if seen else "gray" for color, seen in zip(random_colors(total), visibilities, strict=True)]
    shown = [i for i in range(total) if boxes is None or np.any(boxes[i])]
    drawn = canvas.drawable(image)
    if masks is not None:
        for i in shown:
            apply_mask(drawn, masks[:, :, i], colors[i])

    if ax is None:
        ax = canvas.open_axes((12, 12))
    canvas.show_image(ax, drawn, title, margin=0.05)
    for i in shown:
        box = None if boxes is None else boxes[i]
        refined = None if refined_boxes is None or visibilities[i] == 0 else refined_boxes[i].astype(np.int32)
        _draw_region(ax, box, refined, colors[i], visibilities[i])
        if masks is not None:
            canvas.add_outlines(ax, masks[:, :, i], colors[i])
        corner = refined if refined is not None else box
        if captions is not None and corner is not None:
            canvas.add_caption(ax, corner, captions[i], colors[i], drawn.shape[:2])


def _draw_region(ax, box, refined, color, visibility):
    if box is not None:
        style = "solid" if visibility == 2 else "dotted"
        canvas.add_box(ax, box, color, linestyle=style, alpha=0.5 if visibility == 0 else 1)
    if refined is not None:
        canvas.add_box(ax, refined, color)
    if box is not None and refined is not None:
        canvas.add_link(ax, box, refined, color)
