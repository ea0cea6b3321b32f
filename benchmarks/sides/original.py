"""The original engine's side: `python original.py detect|detect-full|heads|all PRESET SIZE WEIGHTS OUR_NOTE`.

On Python 3.7.
"""

import sys

from case_data import CLASSES, detections, full_masks, made_images, settings
from protocol import serve

from mrcnn import model as modellib
from mrcnn import utils
from mrcnn.config import Config

LAYERS = {"heads": r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)", "all": ".*"}


class Noise(utils.Dataset):
    """The images of `case_data`."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.images, self.boxes, self.classes = made_images(size)
        for number in range(1, CLASSES):
            self.add_class("noise", number, str(number))
        for number in range(len(self.images)):
            self.add_image("noise", number, None)
        self.prepare()

    def load_image(self, image_id):
        return self.images[image_id]

    def load_mask(self, image_id):
        return full_masks(self.boxes[image_id], self.size).transpose(1, 2, 0), self.classes[image_id]


def config_for(preset, size, batch, least_score):
    values = {
        "NAME": "original",
        "BACKBONE": {"r50": "resnet50", "r101": "resnet101"}[preset],
        "NUM_CLASSES": CLASSES,
        "IMAGES_PER_GPU": batch,
        "IMAGE_MIN_DIM": size,
        "IMAGE_MAX_DIM": size,
        "RPN_ANCHOR_SCALES": settings(size)["anchors"],
        "TRAIN_ROIS_PER_IMAGE": settings(size)["rois"],
        "MAX_GT_INSTANCES": 20,
        "DETECTION_MIN_CONFIDENCE": least_score,
        "LEARNING_RATE": 0.0001,
    }
    return type("OriginalConfig", (Config,), values)()


def main():
    what, preset, size, weights = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    case = settings(size)
    detect = what.startswith("detect")
    least_score = float(sys.argv[5].split()[-1]) if detect else 0.0
    config = config_for(preset, size, 1 if detect else case["batch"], least_score)
    model = modellib.MaskRCNN("inference" if detect else "training", config, "logs")
    model.load_weights(weights, by_name=True)
    if detect:
        images = [made_images(size)[0][0]]
        serve(lambda: model.detect(images), lambda: detections(model.detect(images)[0]["scores"], least_score))
        return
    model.set_trainable(LAYERS[what], verbose=0)
    model.compile(config.LEARNING_RATE, config.LEARNING_MOMENTUM)
    inputs, _ = next(modellib.data_generator(Noise(size), config, shuffle=False, batch_size=config.BATCH_SIZE))
    serve(
        lambda: model.keras_model.train_on_batch(inputs, []),
        f"batch {case['batch']}, {case['rois']} ROIs",
    )


if __name__ == "__main__":
    main()
