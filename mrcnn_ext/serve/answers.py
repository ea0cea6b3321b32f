"""Objects of one image as a COCO document, or drawn on the image as a PNG."""

from io import BytesIO

import numpy as np
from PIL import Image

from mrcnn_ext.datasets.as_coco import coco_content
from mrcnn_ext.detection.coco_results import DESCRIPTION
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.overlay import draw_objects


def coco_document(
    found: Detections, file_name: str, class_names: list[str], masks: str = "polygon", tolerance: float = 1.0
) -> dict:
    """{"images", "annotations", "categories"}: boxes x, y, width, height in pixels of the upright image.

    masks, tolerance: see `Detections.to_coco`.
    """
    images = [{"id": 1, "file_name": file_name, "width": found.width, "height": found.height}]
    annotations = found.to_coco(1, masks=masks, tolerance=tolerance)
    return coco_content(images, annotations, dict(list(enumerate(class_names))[1:]), DESCRIPTION)


def overlay_png(image: np.ndarray, found: Detections, class_names: list[str]) -> bytes:
    """The image with its objects drawn on it, as bytes of a PNG."""
    drawn = draw_objects(image, found.class_ids, found.rles, class_names, found.scores, found.boxes)
    buffer = BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
