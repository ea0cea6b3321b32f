"""Seconds a training step, and peak memory.

    python benchmarks/train_step.py [--presets tiny r50] [--sizes 128 512] [--modes graph] [--json FILE]
    python benchmarks/train_step.py --beside torchvision --presets r50

Random images with seven objects each: 8 with 32 ROIs each at 128 pixels, one with 200 above (the tiny preset has its
own number). `heads` trains the heads only, `all` the whole network. eager: operation by operation; graph: TensorFlow's
compiled graph, as `train` has it on a CPU; xla: jit_compile.
"""

from case_data import images
from common import arguments, config_for, report, run_case, time_calls, training_batch
from duel import compare


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
    data = training_batch(config, *images(size))
    return time_calls(lambda: model.keras_model.train_on_batch(data), repeats)


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--beside", choices=("torchvision",), help="compare with this one instead")
    options = parser.parse_args()
    rows = []
    for preset in options.presets:
        for size in options.sizes:
            for layers in ("heads", "all"):
                if options.beside:
                    rows.append(compare(options.beside, layers, preset, size, options.repeats))
                    print(rows[-1], flush=True)
                    continue
                for mode in options.modes:
                    figures = run_case(case, preset, size, layers, mode, options.repeats)
                    rows.append({"preset": preset, "pixels": size, "layers": layers, "mode": mode} | figures)
                    print(rows[-1], flush=True)
    report(rows, options.json)


if __name__ == "__main__":
    main()
