"""An exported network with the `detect` of `MaskRCNN`, for what asks for no more: `detect_dataset` and the drawings.

It has no Config, so that `mrcnn_ext.detection.Detector` and `mrcnn serve`, which need one, do not take it.
"""

from pathlib import Path

import numpy as np

from mrcnn.data.image import as_channels
from mrcnn.data.pasting import mask_crops
from mrcnn.data.unmolding import Unmolded
from mrcnn.export.formats import FILES, RUNNERS


class ExportedModel:
    """What `write` wrote, run by its own runtime.

    path: of the file, or for a SavedModel of its folder.  channels: of the images.  pasting: how masks come into the
    image, see `mrcnn.conventions.Conventions`.
    """

    def __init__(self, path, channels=3, pasting="box"):
        self.path = Path(path)
        self.channels = channels
        self.pasting = pasting
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path}: there is no such export.")
        formats = [name for name, file in FILES.items() if Path(file).suffix == self.path.suffix]
        if not formats:
            raise ValueError(f"{self.path}: not an export; expected one of {', '.join(FILES.values())}.")
        self.format = formats[0]
        if self.format == "savedmodel" and not (self.path / "saved_model.pb").is_file():
            raise ValueError(
                f"{self.path}: not an export; give the path of the model itself, such as model.onnx or, for a "
                f"SavedModel, {FILES['savedmodel']}."
            )
        self.run = RUNNERS[self.format](self.path)

    def detect(self, images, verbose=0, crops=False):
        """As `MaskRCNN.detect`: for each image a dict of rois (N, 4) px, class_ids, scores, masks [H, W, N] bool.

        crops: masks is a list of N bool arrays instead, each as large as its box.
        """
        return [self._detect(as_channels(image, self.channels), crops) for image in images]

    def _detect(self, image, crops):
        found = {name: values[0] for name, values in self.run(np.ascontiguousarray(image[None])).items()}
        number = int(found["number"])
        boxes, classes, scores = (found[name][:number] for name in ("boxes", "classes", "scores"))
        cut = corners = None
        if "masks" in found:
            cut, corners = mask_crops(found["masks"][:number], boxes, image.shape[:2], self.pasting)
        return Unmolded(boxes, classes, scores, cut, corners).as_dict(image.shape, crops)
