"""What the current model sees in images that nobody has labelled, as COCO annotations that are easy to correct."""

import numpy as np

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.as_coco import coco_content
from mrcnn_ext.detection.coco_results import DESCRIPTION, editable_annotation
from mrcnn_ext.labelstudio.images import Images

SOURCE = "labelstudio"


def detect_objects(model, class_names: list[str], part: Images, image_ids: list[int], progress=True) -> dict:
    """A COCO dict of some images of a part with the objects that a model finds, each with its score.

    model: a MaskRCNN in inference mode; class_names: its classes, background first.
    Raises ValueError naming an image that cannot be read.
    """
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
    annotations: list[dict] = []
    for image, found in zip(images, detect_dataset(model, dataset, progress=progress), strict=True):
        found = found.take(np.flatnonzero(found.areas()))  # an empty mask is nothing to correct
        items = found.to_coco(image["id"], first_id=len(annotations) + 1)
        annotations += [editable_annotation(item) for item in items]
    return coco_content(images, annotations, dict(enumerate(class_names[1:], 1)), DESCRIPTION)
