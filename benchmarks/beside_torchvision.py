"""Our answers beside torchvision's, with weights and images of one's own choice.

    python benchmarks/beside_torchvision.py --size 120x200 --size 333x250 [--network v2] [--min 160] [--max 267]

torchvision makes a network with random weights and detects, in an environment of its own (`duel.py`); ours reads the
weights and detects in the same images. Ends with 1 where a bound of tests/mrcnn/test_golden_torch.py is broken.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from duel import SIDES, environment

from mrcnn.data.molding import mold
from mrcnn.model import MaskRCNN
from mrcnn.presets import TorchvisionConfig, TorchvisionV2Config
from mrcnn.weights import layers_of
from mrcnn.weights.torch_layers import from_torch

PRESETS = {"v1": TorchvisionConfig, "v2": TorchvisionV2Config}
BOX_PX, SCORE, PER_THOUSAND = 0.05, 1e-3, 1e-3
X_FIRST = [1, 0, 3, 2]


def our_model(network, low, high, weights, folder):
    """MaskRCNN with torchvision's weights."""
    settings = {"NAME": network, "NUM_CLASSES": 91, "IMAGES_PER_GPU": 1, "IMAGE_MIN_DIM": low, "IMAGE_MAX_DIM": high}
    model = MaskRCNN("inference", type("Ours", (PRESETS[network],), settings)(), folder)
    layers = from_torch(dict(np.load(weights)), epsilon=1e-5, coco_gaps=False).layers
    for name, layer in layers_of(model.keras_model).items():
        for weight, variable in layer.weights.items():
            variable.assign(layers[name][weight])
    return model


def compared(model, theirs):
    """A row of the table: proposals and detections of torchvision that ours has too, and how far apart they are."""
    image = theirs["image"]
    molded, meta, _ = mold(image, model.config)
    inputs = model._network_inputs(molded[None], meta[None])
    rois = np.asarray(model.keras_model.predict_on_batch(inputs)[-3][0]) * np.tile(molded.shape[:2], 2)
    proposals = np.abs(rois[None] - theirs["proposals"][:, None, X_FIRST]).max(axis=2).min(axis=1)
    (found,) = model.detect([image])
    apart = np.abs(found["rois"][None] - theirs["boxes"][:, None, X_FIRST]).max(axis=2)
    apart = np.where(found["class_ids"] == theirs["labels"][:, None], apart, np.inf)
    rows, distance = apart.argmin(axis=1), apart.min(axis=1)
    same = distance <= BOX_PX
    wrong = np.moveaxis(found["masks"], 2, 0)[rows[same]] != theirs["masks"][same]
    return {
        "size": "x".join(map(str, image.shape[:2])),
        "proposals": f"{(proposals <= BOX_PX).sum()} of {len(proposals)}",
        "proposals_px": proposals[proposals <= BOX_PX].max(initial=0.0),
        "detections": f"{same.sum()} of {len(same)}",
        "boxes_px": distance[same].max(initial=0.0),
        "scores": np.abs(found["scores"][rows] - theirs["scores"])[same].max(initial=0.0),
        "mask_pixels": f"{wrong.sum()} of {theirs['masks'][same].sum()}",
        "held": bool(
            (proposals > BOX_PX).sum() <= PER_THOUSAND * len(proposals)
            and same.all()
            and (np.abs(found["scores"][rows] - theirs["scores"]) <= SCORE).all()
            and wrong.sum() <= PER_THOUSAND * theirs["masks"].sum()
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", required=True, help="height x width of an image, as 120x200")
    parser.add_argument("--network", choices=PRESETS, default="v1")
    parser.add_argument("--min", type=int, default=160, help="IMAGE_MIN_DIM")
    parser.add_argument("--max", type=int, default=267, help="IMAGE_MAX_DIM")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", help="Python of an environment with torchvision; made where it is not given")
    given = parser.parse_args()
    python = given.python or environment("torchvision")
    with tempfile.TemporaryDirectory() as folder:
        arguments = [given.network, str(given.min), str(given.max), str(given.seed), folder, *given.size]
        subprocess.run([str(python), str(SIDES / "pytorch_answers.py"), *arguments], check=True)
        model = our_model(given.network, given.min, given.max, Path(folder, "weights.npz"), folder)
        rows = [compared(model, dict(np.load(Path(folder, f"{size}.npz")))) for size in given.size]
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(f"{v:.1e}" if isinstance(v, np.floating) else str(v) for v in row.values()) + " |")
    sys.exit(not all(row["held"] for row in rows))


if __name__ == "__main__":
    main()
