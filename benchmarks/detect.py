"""Seconds an image of `detect()`, and peak memory.

    python benchmarks/detect.py [--presets tiny r50] [--sizes 128 512] [--modes graph] [--json FILE]
    python benchmarks/detect.py --beside torchvision --presets r50
    python benchmarks/detect.py --beside exports --presets r50

One image at a time, from the uint8 image to boxes and full-size masks. The weights are random and every score
counts, so that many objects are found and pasted, as the column says: more work than most images make. Beside
torchvision also with the seven best of them; `--beside exports` are SavedModel, ONNX Runtime and torchvision, with
seven. The parts (decode: of a JPEG of the image) are medians.
"""

import numpy as np
from common import arguments, config_for, report, run_case, time_calls
from duel import compare
from exports import compare_exports
from parts import parts


def case(preset, size, mode, repeats):
    """Seconds of one detect() call."""
    from mrcnn.model import MaskRCNN

    config = config_for(preset, size, IMAGES_PER_GPU=1, DETECTION_MIN_CONFIDENCE=0.0, DETECTION_NMS_THRESHOLD=0.9)
    model = MaskRCNN("inference", config, "logs")
    model.keras_model.run_eagerly = mode == "eager"
    model.keras_model.jit_compile = mode == "xla"
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    objects = len(model.detect([image])[0]["class_ids"])
    seconds = time_calls(lambda: model.detect([image]), repeats)
    return {"objects": objects} | seconds | parts(model, image, repeats)


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--beside", choices=("torchvision", "exports"), help="compare with these instead")
    options = parser.parse_args()
    rows = []
    for preset in options.presets:
        for size in options.sizes:
            if options.beside == "exports":
                rows += compare_exports(preset, size, options.repeats)
                print(rows[-1], flush=True)
                continue
            if options.beside:
                for what in ("detect", "detect-full"):
                    rows.append(compare(options.beside, what, preset, size, options.repeats))
                    print(rows[-1], flush=True)
                continue
            for mode in options.modes:
                figures = run_case(case, preset, size, mode, options.repeats)
                rows.append({"preset": preset, "pixels": size, "mode": mode} | figures)
                print(rows[-1], flush=True)
    report(rows, options.json)


if __name__ == "__main__":
    main()
