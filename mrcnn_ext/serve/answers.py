"""Objects of one image as a COCO document, or drawn on the image as a PNG."""

from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from mrcnn_ext.detection.overlay import draw_objects
from mrcnn_ext.masks.crops import crop_to_rle
from mrcnn_ext.masks.outlines import mask_outlines
from mrcnn_ext.masks.rle import rle_to_json

MASKS = ("polygon", "rle", "none")


def above(objects, min_score):
    """The objects with at least a score, as `detect(crops=True)` gives them."""
    keep = np.flatnonzero(np.asarray(objects["scores"]) >= min_score)
    masks = objects["masks"]
    return {name: np.asarray(objects[name])[keep] for name in ("rois", "class_ids", "scores")} | {
        "masks": None if masks is None else [masks[i] for i in keep]
    }


def coco_document(objects, size, file_name, class_names, masks="polygon", tolerance=1.0):
    """{"images", "annotations", "categories"}: boxes x, y, width, height in pixels of the upright image.

    objects: as from `above`.  size: (height, width).  masks: "polygon" (without holes), "rle" (exact) or "none".
    tolerance: pixels that a polygon may leave the outline by; 0 keeps every corner.
    """
    height, width = size
    annotations = []
    for i, (y1, x1, y2, x2) in enumerate(np.asarray(objects["rois"]).tolist()):
        crop = None if objects["masks"] is None else objects["masks"][i]
        annotation = {
            "id": i + 1,
            "image_id": 1,
            "category_id": int(objects["class_ids"][i]),
            "score": round(float(objects["scores"][i]), 6),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": int((y2 - y1) * (x2 - x1) if crop is None else crop.sum()),
            "iscrowd": 0,
        }
        if crop is not None and masks == "rle":
            annotation["segmentation"] = rle_to_json(crop_to_rle(crop, (y1, x1), height, width))
        elif crop is not None and masks == "polygon":
            annotation["segmentation"] = polygons(crop, (y1, x1), tolerance)
        annotations.append(annotation)
    return {
        "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(class_names) if i],
    }


def polygons(crop, corner, tolerance):
    """Outer outlines of a mask [h, w] whose upper left pixel is at corner (y1, x1): lists of x, y, x, y, ...

    Ramer (1972), Douglas and Peucker (1973): corners go as long as the line stays within `tolerance` pixels.
    """
    found = []
    for line in mask_outlines(crop):
        x, y = line.T
        if np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) <= 0:  # the outline of a hole runs the other way
            continue
        simple = cv2.approxPolyDP(line.astype(np.float32)[:, None], tolerance, True)[:, 0] if tolerance else line
        points = simple if len(simple) >= 3 else line
        found.append((points + np.array([corner[1], corner[0]], float)).ravel().tolist())
    return found


def overlay_png(image, objects, class_names):
    """The image with its objects drawn on it, as bytes of a PNG."""
    rles = objects["masks"]
    if rles is not None:
        corners = np.asarray(objects["rois"])[:, :2]
        rles = [crop_to_rle(crop, at, *image.shape[:2]) for crop, at in zip(rles, corners, strict=True)]
    drawn = draw_objects(image, objects["class_ids"], rles, class_names, objects["scores"], objects["rois"])
    return _png(drawn)


def _png(image):
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
