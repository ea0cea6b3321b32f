"""An exported network with the `detect` of `MaskRCNN`, so that whatever measures or draws the one takes the other."""

from pathlib import Path

import numpy as np

from mrcnn.data.minimask import unmold_masks
from mrcnn.data.picture import as_channels
from mrcnn.export.formats import FILES, RUNNERS


class ExportedModel:
    """What `write` wrote, run by its own runtime.

    path: of the file, or for a SavedModel of its folder.  channels: of the pictures.
    """

    def __init__(self, path, channels=3):
        self.path = Path(path)
        self.channels = channels
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path}: there is no such export.")
        formats = [name for name, file in FILES.items() if Path(file).suffix == self.path.suffix]
        if not formats:
            raise ValueError(f"{self.path}: not an export; expected one of {', '.join(FILES.values())}.")
        self.format = formats[0]
        self.run = RUNNERS[self.format](self.path)

    def detect(self, images, verbose=0):
        """As `MaskRCNN.detect`: for each picture a dict of rois (N, 4) px, class_ids, scores, masks [H, W, N] bool."""
        return [self._detect(as_channels(image, self.channels)) for image in images]

    def _detect(self, image):
        found = {name: values[0] for name, values in self.run(np.ascontiguousarray(image[None])).items()}
        number = int(found["number"])
        boxes, masks = found["boxes"][:number], None
        if "masks" in found:
            masks = unmold_masks(found["masks"][:number], boxes, image.shape)
        return {
            "rois": boxes,
            "class_ids": found["classes"][:number],
            "scores": found["scores"][:number],
            "masks": masks,
        }
