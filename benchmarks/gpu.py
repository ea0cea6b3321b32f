"""Images a second and memory of a training step on a GPU, R50-FPN at 800 x 1344, beside torchvision on the same card.

    KERAS_BACKEND=jax python benchmarks/gpu.py [--batch 2 4 8 16] [--precision bfloat16 float32] [--json FILE]

The whole network trains on noise, seven objects and 512 ROIs an image, in both. Each case runs in a process of its
own, one after the other. torchvision needs a Python with torch and torchvision: --torchvision PYTHON, or the one that
`train_step.py --beside torchvision` made. `--device cpu --size 128 128 --batch 1 --precision float32 --steps 2` tries
the code without a GPU; its memory is then that of the process.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from common import report
from duel import ENVIRONMENTS, SIDES


def side(python, script, arguments, env):
    """What a side answered, or None where it failed (out of memory, most likely: its message is on stderr)."""
    paths = {"PYTHONPATH": os.pathsep.join([str(SIDES.parent), str(SIDES.parent.parent)])}
    command = [str(python), str(SIDES / script), *(str(argument) for argument in arguments)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | paths | env)
    lines = [line[3:] for line in result.stdout.splitlines() if line.startswith("@@ ")]
    return json.loads(lines[-1]) if result.returncode == 0 and lines else None


def has_torchvision(python):
    """Whether that Python can import both packages."""
    if not Path(python).is_file():
        return False
    command = [str(python), "-c", "import torch, torchvision"]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def row_of(name, found):
    """The columns of a side."""
    rate, memory = (found[key] if found else "failed" for key in ("images_per_second", "memory_gib"))
    return {f"{name} img/s": rate, f"{name} GiB": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs=2, type=int, default=(800, 1344), metavar=("HEIGHT", "WIDTH"), help="pixels")
    parser.add_argument("--batch", nargs="+", type=int, default=(2, 4, 8, 16), help="images a step")
    parser.add_argument("--precision", nargs="+", choices=("bfloat16", "float32"), default=("bfloat16", "float32"))
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--steps", type=int, default=30, help="that count, after five that do not")
    parser.add_argument("--torchvision", default=ENVIRONMENTS / "torchvision" / "bin" / "python", metavar="PYTHON")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    from mrcnn_ext.common.machine import this_machine

    if options.device == "gpu" and not this_machine().gpus:
        print("No GPU here (nvidia-smi shows none); --device cpu tries the code without one.", file=sys.stderr)
        return 2
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if options.device == "cpu" else {}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    beside = has_torchvision(options.torchvision)
    if not beside:
        print(f"torchvision is left out: {options.torchvision} cannot import torch and torchvision.", flush=True)
    rows = []
    for precision in options.precision:
        for batch in options.batch:
            arguments = [*options.size, batch, precision, options.device, options.steps]
            row = {"pixels": "{} x {}".format(*options.size), "precision": precision, "batch": batch}
            ours = side(sys.executable, "gpu_ours.py", arguments, hidden | quiet)
            row |= row_of("ours", ours)
            if beside:
                theirs = side(options.torchvision, "gpu_pytorch.py", arguments, hidden)
                row |= row_of("torchvision", theirs)
                both = ours and theirs
                row["times as fast"] = ours["images_per_second"] / theirs["images_per_second"] if both else "-"
            rows.append(row)
            print(row, flush=True)
    report(rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
