"""Our engine beside the original one, on the same weights and images: detect() and a training step.

    python benchmarks/original.py [--presets r50 r101] [--sizes 128 512] [--what detect heads] [--json FILE]

Makes, once, an environment with mrcnn 0.2 on TensorFlow 1.15.5 and Python 3.7 (uv must be there). The weights are those
of tests/golden/recipe.py, the images noise; a step has 8 images with 32 ROIs each at 128 pixels, one with 200
above. `detect` finds the seven objects of the highest scores, `detect-full` takes every score. The two take turns;
`times_as_fast` is the median of their ratios, the seconds are the least.
"""

from common import arguments, report
from duel import compare

WHAT = ("detect", "detect-full", "heads", "all")


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--what", nargs="+", choices=WHAT, default=WHAT)
    parser.set_defaults(presets=("r50", "r101"))
    options = parser.parse_args()
    rows = []
    for what in options.what:
        for preset in options.presets:
            for size in options.sizes:
                rows.append(compare("original", what, preset, size, options.repeats))
                print(rows[-1], flush=True)
    report(rows, options.json)


if __name__ == "__main__":
    main()
