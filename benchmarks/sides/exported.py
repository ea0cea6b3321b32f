"""An export's side: `python exported.py savedmodel|onnx PRESET SIZE WEIGHTS OUR_NOTE`.

WEIGHTS are those that `ours.py` wrote, and the least score is the one in its note. The export is written by a process
of its own, so that its memory does not count here; what counts includes TensorFlow, which ONNX Runtime does not need.
"""

import sys
import tempfile
from pathlib import Path

from case_data import detections, made_images
from common import config_for, run_case
from protocol import serve

from mrcnn.export.exported import ExportedModel
from mrcnn.export.formats import FILES, write
from mrcnn.export.image_model import image_model
from mrcnn.model import MaskRCNN


def write_export(to, preset, size, weights, least_score, path):
    """Writes the network of `ours.py` in the format `to`."""
    values = {"IMAGES_PER_GPU": 1, "DETECTION_MIN_CONFIDENCE": least_score, "RPN_CHANNELS": 256}
    model = MaskRCNN("inference", config_for(preset, size, **values), "logs")
    model.load_weights(weights)
    write(to, image_model(model), path)
    return {}


def main():
    to, preset, size, weights, note = *sys.argv[1:3], int(sys.argv[3]), sys.argv[4], sys.argv[5]
    least_score = float(note.split()[-1])
    images = made_images(size)[0][:1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILES[to]
        run_case(write_export, to, preset, size, weights, least_score, path)
        model = ExportedModel(path)
        serve(lambda: model.detect(images), lambda: detections(model.detect(images)[0]["scores"], least_score))


if __name__ == "__main__":
    main()
