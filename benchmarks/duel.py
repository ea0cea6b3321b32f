"""Two engines beside each other: each in a process of its own, their calls in turn, so that a busy machine hits both.

Used by `original.py`, and by `train_step.py` and `detect.py` with --beside torchvision.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDES = Path(__file__).resolve().parent / "sides"
PAUSE_S = 1.0
ENVIRONMENTS = Path(__file__).resolve().parent / ".environments"
PEERS = {
    # name: (script, Python, packages)
    "original": (
        "original.py",
        "3.7",
        ("mrcnn==0.2", "tensorflow==1.15.5", "keras==2.2.5", "h5py<3", "protobuf<3.21", "scikit-image==0.16.2"),
    ),
    "torchvision": ("pytorch.py", "3.11", ("torch==2.14.1", "torchvision==0.29.2", "numpy")),
}


class Side:
    """A process that makes timed calls when told to."""

    def __init__(self, python, script, arguments):
        self.process = subprocess.Popen(
            [str(python), str(SIDES / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(SIDES.parent), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"},
        )
        self.note = self._answer().removeprefix("ready").strip()

    def seconds(self):
        """Seconds of one call, after a pause: the other side's threads spin for a while when its call has ended."""
        time.sleep(PAUSE_S)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer())

    def finish(self):
        """Peak resident memory, MB."""
        self.process.stdin.close()
        peak = int(self._answer())
        self.process.wait()
        return peak

    def _answer(self):
        for line in self.process.stdout:
            if line.startswith("@@ "):
                return line[3:].strip()
        raise RuntimeError(f"{' '.join(self.process.args)} ended with {self.process.wait()} before it answered.")


def compare(peer, what, preset, size, repeats):
    """A row of the table: seconds and peak memory of ours and of the peer, and how many times as fast ours is.

    what: "heads" or "all", a training step; "detect", of an image with seven objects, or "detect-full", in which every
    score counts.
    """
    script, _, _ = PEERS[peer]
    with tempfile.TemporaryDirectory() as folder:
        arguments = [what, preset, str(size), str(Path(folder) / "weights.h5")]
        ours = Side(sys.executable, "ours.py", [*arguments, peer])
        theirs = Side(environment(peer), script, [*arguments, ours.note])
        pairs = [(ours.seconds(), theirs.seconds()) for _ in range(repeats)]
        peaks = ours.finish(), theirs.finish()
    return {
        "what": what,
        "preset": preset,
        "pixels": size,
        "case": ours.note if ours.note == theirs.note else f"{ours.note}; {peer}: {theirs.note}",
        "ours_s": min(pair[0] for pair in pairs),
        f"{peer}_s": min(pair[1] for pair in pairs),
        "times_as_fast": statistics.median(theirs / ours for ours, theirs in pairs),
        "ours_mb": peaks[0],
        f"{peer}_mb": peaks[1],
    }


def environment(peer):
    """The Python of the peer's environment, which is made the first time (a few minutes)."""
    _, version, packages = PEERS[peer]
    folder = ENVIRONMENTS / peer
    python = folder / "bin" / "python"
    done = folder / "packages.txt"
    if not done.exists() or done.read_text() != "\n".join(packages):
        uv = shutil.which("uv")
        if uv is None:
            raise SystemExit("Making an environment for a peer needs uv: pip install uv.")
        print(f"Making an environment with {', '.join(packages)} on Python {version} ...", flush=True)
        variable = f"PYTHON{version.replace('.', '_')}"  # for an interpreter that uv does not find
        interpreter = os.environ.get(variable, version)
        made = subprocess.run([uv, "venv", "--quiet", "--clear", "--python", interpreter, str(folder)])
        if made.returncode:
            raise SystemExit(f"No environment for {peer}: set {variable} to the path of a Python {version}.")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
        done.write_text("\n".join(packages))
    return python
