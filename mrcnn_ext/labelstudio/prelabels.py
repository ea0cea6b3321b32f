"""What the current model sees in images that nobody has labelled, as COCO annotations that are easy to correct."""

import cv2
import numpy as np

from mrcnn.data.dataset import Dataset
from mrcnn_ext.labelstudio.images import Images
from mrcnn_ext.masks.outlines import mask_outlines
from mrcnn_ext.masks.rle import decode_masks, rle_area

SOURCE = "labelstudio"
TOLERANCE = 0.75  # pixels that a corner of an outline may be away from the mask's edge


def detect_objects(model, class_names: list[str], part: Images, image_ids: list[int], progress=True) -> dict:
    """A COCO dict of some images of a part with the objects that a model finds, each with its score.

    model: a MaskRCNN in inference mode; class_names: its classes, background first.
    Raises ValueError naming an image that cannot be read.
    """
    from mrcnn_ext.detection.coco_results import result_to_coco
    from mrcnn_ext.detection.on_dataset import detect_dataset

    dataset = Dataset()
    for class_id, name in enumerate(class_names[1:], 1):
        dataset.add_class(SOURCE, class_id, name)
    wanted = set(image_ids)
    images = [image for image in part.coco["images"] if image["id"] in wanted]
    for image in images:
        path = str(part.folder / image["file_name"])
        dataset.add_image(SOURCE, image["id"], path, width=image["width"], height=image["height"])
    dataset.prepare()
    results = result_to_coco(dataset, detect_dataset(model, dataset, progress=progress))
    annotations = [
        {"id": number, "iscrowd": 0, **result, "segmentation": outline(result["segmentation"])}
        for number, result in enumerate(results, 1)
        if rle_area(result["segmentation"])
    ]
    categories = [{"id": class_id, "name": name} for class_id, name in enumerate(class_names[1:], 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def outline(rle: dict):
    """One polygon near the edge of a mask, which a person can correct by its corners.

    A mask with holes, or of several parts, stays as it is.
    """
    height, width = rle["size"]
    lines = mask_outlines(decode_masks([rle], height, width)[:, :, 0])
    if len(lines) > 1:
        return rle
    corners = cv2.approxPolyDP(lines[0].astype(np.float32)[:, None], TOLERANCE, True)[:, 0]
    return [corners.reshape(-1).tolist()] if len(corners) > 2 else rle
