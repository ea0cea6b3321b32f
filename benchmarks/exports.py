"""`detect()`, its exports and torchvision beside each other, calls in turns: `detect.py --beside exports`."""

import statistics
import sys
import tempfile
from pathlib import Path

from duel import Side, environment

EXPORTS = ("savedmodel", "onnx")


def compare_exports(preset, size, repeats):
    """A row for each side: least seconds, how many times as fast as torchvision (median of the turns), peak memory.

    An image with seven objects and 1,000 proposals on all sides.
    """
    with tempfile.TemporaryDirectory() as folder:
        case = [preset, str(size), str(Path(folder) / "weights.h5")]
        sides = {"detect": Side(sys.executable, "ours.py", ["detect", *case, "torchvision"])}
        note = sides["detect"].note
        sides |= {to: Side(sys.executable, "exported.py", [to, *case, note]) for to in EXPORTS}
        sides["torchvision"] = Side(environment("torchvision"), "pytorch.py", ["detect", *case, note])
        turns = [{name: side.seconds() for name, side in sides.items()} for _ in range(repeats)]
        return [
            {
                "preset": preset,
                "pixels": size,
                "side": name,
                "case": side.note,
                "least_s": min(turn[name] for turn in turns),
                "times_torchvision": statistics.median(turn["torchvision"] / turn[name] for turn in turns),
                "peak_mb": side.finish(),
            }
            for name, side in sides.items()
        ]
