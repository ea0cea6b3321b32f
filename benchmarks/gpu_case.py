"""What both sides of `gpu.py` share: their arguments, images and answer. numpy only."""

import argparse
import json
import sys

import numpy as np
from case_data import CLASSES, OBJECTS

ROIS = 512  # an image: what torchvision and Detectron take
WARM_UP = 5  # steps that do not count


def arguments():
    """The command line of a side: height, width, batch, precision, device, steps."""
    parser = argparse.ArgumentParser()
    for name in ("height", "width", "batch"):
        parser.add_argument(name, type=int)
    parser.add_argument("precision", choices=("float32", "bfloat16"))
    parser.add_argument("device", choices=("gpu", "cpu"))
    parser.add_argument("steps", type=int)
    return parser.parse_args()


def made_images(height, width, batch, seed=0):
    """Noise, uint8 [B, H, W, 3], boxes px (B, OBJECTS, 4), which the masks fill, class ids (B, OBJECTS)."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    start = rng.integers(0, [height * 2 // 3, width * 2 // 3], (batch, OBJECTS, 2))
    side = rng.integers([height // 12, width // 12], [height // 3, width // 3], (batch, OBJECTS, 2))
    return images, np.concatenate([start, start + side], axis=2), rng.integers(1, CLASSES, (batch, OBJECTS))


def answer(moments, batch, memory_mib, device):
    """Tells `gpu.py` the speed: `moments` are the seconds at which the steps ended, the first of them not counted."""
    counted = moments[WARM_UP - 1 :]
    rate = batch * (len(counted) - 1) / (counted[-1] - counted[0])
    facts = {"images_per_second": rate, "memory_gib": memory_mib / 1024, "device": device}
    sys.stdout.write(f"\n@@ {json.dumps(facts)}\n")
    sys.stdout.flush()
