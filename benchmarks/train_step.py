"""Seconds a training step, and peak memory.

    python benchmarks/train_step.py [--presets tiny r50] [--sizes 128 512] [--modes graph] [--json FILE]

Random pictures with seven objects each, batch 8 at 128 pixels and 1 above. `heads` trains the heads only, `all` the
whole network. eager: operation by operation; graph: TensorFlow's compiled graph, as `train` has it on a CPU; xla:
jit_compile.
"""

import numpy as np
from common import arguments, config_for, report, run_case, time_calls

OBJECTS = 7


def batch(config, seed=0):
    """A batch of noise with OBJECTS boxes a picture, as the loader would give."""
    rng = np.random.default_rng(seed)
    b, g, size = config.BATCH_SIZE, config.MAX_GT_INSTANCES, int(config.IMAGE_SHAPE[0])
    y1, x1 = rng.integers(0, size * 2 // 3, (2, b, g))
    height, width = rng.integers(size // 12, size // 3, (2, b, g))
    valid = np.broadcast_to(np.arange(g) < OBJECTS, (b, g))
    boxes = np.stack([y1, x1, y1 + height, x1 + width], axis=-1) * valid[..., None]
    return {
        "images": rng.normal(0, 60, (b, size, size, 3)).astype(np.float32),
        "active_class_ids": np.ones((b, config.NUM_CLASSES), np.float32),
        "gt_class_ids": (rng.integers(1, config.NUM_CLASSES, (b, g)) * valid).astype(np.int32),
        "gt_boxes_px": boxes.astype(np.float32),
        "gt_valid": valid,
        "gt_masks": np.ones((b, g, *config.MINI_MASK_SHAPE), np.uint8),
    }


def case(preset, size, layers, mode, repeats):
    """Seconds of one kind of step."""
    from mrcnn import training
    from mrcnn.model import MaskRCNN

    config = config_for(preset, size)
    model = MaskRCNN("training", config, "logs")
    training.set_trainable(model.keras_model, training.LAYERS[layers])
    model.compile(0.001, 0.9)
    model.keras_model.run_eagerly = mode == "eager"
    model.keras_model.jit_compile = mode == "xla"
    data = batch(config)
    return time_calls(lambda: model.keras_model.train_on_batch(data), repeats)


def main():
    options = arguments(__doc__.splitlines()[0]).parse_args()
    rows = []
    for preset in options.presets:
        for size in options.sizes:
            for layers in ("heads", "all"):
                for mode in options.modes:
                    figures = run_case(case, preset, size, layers, mode, options.repeats)
                    rows.append({"preset": preset, "pixels": size, "layers": layers, "mode": mode} | figures)
                    print(rows[-1], flush=True)
    report(rows, options.json)


if __name__ == "__main__":
    main()
