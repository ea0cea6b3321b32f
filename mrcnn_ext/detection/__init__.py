"""Detection on anything: images, folders, addresses, videos, and images far larger than the network.

detector = Detector(model)                          # or Detector(model, tile=512)
found = detector(image)                             # Detections: class ids, scores, boxes, masks as RLE
detect_sources(detector, ["images"], names, Writer("out", names))
"""

from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.detector import Detector
from mrcnn_ext.detection.run import detect_sources
from mrcnn_ext.detection.writer import Writer

__all__ = ["Detections", "Detector", "Writer", "detect_sources"]
