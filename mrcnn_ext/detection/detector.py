"""A model that takes images of any size, whole or in tiles, and tells where its seconds went."""

import time
from typing import Any

from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.tiles import join, tiles_of

PARTS = ("decode", "resize", "network", "paste")
OVERLAP = 0.25


class Detector:
    """Finds objects in images of any size, whole or in tiles.

    Args:
        model: a MaskRCNN in inference mode, or an ExportedModel.
        tile: pixels, the side of the tiles that every image larger than one is cut into; each goes through the network
            as an image of its own. None: images go through whole, but for a network that was trained on crops
            (IMAGE_RESIZE_MODE "crop"): it gets tiles as large as those.
        overlap: share of a tile's side that neighbours see as well, 0 to 0.5; objects smaller than that come out best.
            With 0 objects at seams stay cut.
        across_classes: IoU of boxes above which the weaker of two objects goes, whatever their classes; None: leave
            them.
        batch_size: images or tiles that the network gets at a time, the last ones filled up to it; None: the model's.

    Attributes:
        seconds: sums of all calls by part: decode (by who reads the images), resize, network, paste.
        images: how many went through.
    """

    def __init__(
        self,
        model,
        tile: int | None = None,
        overlap: float = OVERLAP,
        across_classes: float | None = None,
        batch_size: int | None = None,
    ):
        self.model = model
        self.tile = _crop_side(model) if tile is None else tile
        self.overlap = overlap
        self.across_classes = across_classes
        self.batch_size = model.config.BATCH_SIZE if batch_size is None else batch_size
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self.images = 0

    def __call__(self, image) -> Detections:
        """Objects of one image, array [H, W, C] or gray."""
        return self.batch([image])[0]

    def batch(self, images) -> list[Detections]:
        """Objects of several images; whole ones share the network's batches."""
        whole = [image for image in images if not self.cuts(image)]
        answers = iter(self._detect(whole))
        found = [
            self._tiled(image, self.tile)
            if self.tile is not None and self.cuts(image)
            else self._timed_found(next(answers), *image.shape[:2])
            for image in images
        ]
        self.images += len(images)
        if self.across_classes is not None:
            found = [one.across_classes(self.across_classes) for one in found]
        return found

    def cuts(self, image) -> bool:
        """Whether an image is so large that it goes through in tiles."""
        return self.tile is not None and max(image.shape[:2]) > self.tile

    def seconds_per_image(self) -> dict[str, float]:
        """Mean seconds of each part."""
        return {part: self.seconds[part] / max(self.images, 1) for part in PARTS}

    def _tiled(self, image, side: int) -> Detections:
        height, width = image.shape[:2]
        tiles = tiles_of(height, width, side, self.overlap)
        parts, size = [], self.batch_size
        for start in range(0, len(tiles), size):
            some = tiles[start : start + size]
            results = self._detect([image[y1:y2, x1:x2] for y1, x1, y2, x2 in some])
            parts += [
                (tile, self._timed_found(result, height, width, tile[:2]))
                for tile, result in zip(some, results, strict=True)
            ]
        before = time.perf_counter()
        joined = join(parts, height, width)
        self.seconds["paste"] += time.perf_counter() - before
        return joined

    def _detect(self, images) -> list[dict]:
        """The model's answers; the last batch is filled up, since a batch of a new size would be compiled anew."""
        if not images:
            return []
        missing = -len(images) % self.batch_size
        results = self.model.detect([*images, *[images[-1]] * missing], crops=True)
        for part, seconds in getattr(self.model, "seconds", {}).items():  # an exported model does not say
            self.seconds[part] += seconds
        return results[: len(images)]

    def _timed_found(self, result, height, width, corner=(0, 0)) -> Detections:
        before = time.perf_counter()
        found = Detections.of(result, height, width, corner)
        self.seconds["paste"] += time.perf_counter() - before
        return found


def _crop_side(model) -> int | None:
    """Pixels of an image that a training on random crops showed at once; None for any other network."""
    config: Any = getattr(model, "config", None)  # an exported model has none, and is never one of crops
    if getattr(config, "IMAGE_RESIZE_MODE", None) != "crop":
        return None
    return int(config.IMAGE_MIN_DIM / max(1, config.IMAGE_MIN_SCALE))
