"""State dicts of torchvision's and detectron2's networks: whole, by the golden recipe, or narrow ones to be quick."""

import json
import re
from pathlib import Path

import numpy as np

from tests.golden.torch import recipe_torch

GOLDEN = Path(__file__).parents[1] / "golden" / "torch"
KINDS = ("v1", "v2", "d2_3x", "d2_lsj")
NARROW = {n: n // 32 for n in (64, 128, 256, 512, 1024, 2048)} | {256 * 49: 8 * 49}


def info(kind: str) -> dict:
    """The golden JSON of a kind: "tensors", "names_of_2019", "bn_eps", ..."""
    return json.loads((GOLDEN / f"torch_{kind}_160.json").read_text(encoding="utf-8"))


def golden_state(kind: str) -> dict[str, np.ndarray]:
    """The whole state_dict that the golden numbers were made with."""
    shapes = {name: tuple(shape) for name, shape, _ in info(kind)["tensors"]}
    golden = np.load(GOLDEN / f"torch_{kind}_160.npz")
    return recipe_torch.state(kind, shapes, golden["seed"], golden)


def narrow_state(
    kind: str, *, depth: int = 50, classes: int | None = None, mask: bool = True, names_of_2019: bool = False
) -> dict[str, np.ndarray]:
    """A state_dict with a 32nd of the channels, random numbers and variances that are not 1.

    depth: 50 or 101. classes: with background; None: 91 or 81, as COCO's files. mask: False for a Faster R-CNN.
    """
    rows = {91: classes, 364: 4 * classes} if classes else {}
    if classes and kind.startswith("d2"):
        rows = {81: classes, 80: classes - 1, 320: 4 * (classes - 1)}
    facts, state = info(kind), {}
    for name, shape, _ in facts["tensors"]:
        if not mask and "mask" in name:
            continue
        head = "predictor" in name or "mask_head.predictor" in name
        small = tuple(rows.get(n, NARROW.get(n, n)) if head else NARROW.get(n, n) for n in shape)
        name = facts["names_of_2019"][name] if names_of_2019 and name in facts["names_of_2019"] else name
        for copy in _copies(name, depth):
            state[copy] = _numbers(copy, small)
    return state


def _copies(name: str, depth: int) -> list[str]:
    """The name, and for a ResNet-101 those of the 17 further blocks where it is of the last in stage 4."""
    last = re.search(r"(?<=\.layer3\.)5(?=\.)|(?<=\.res4\.)5(?=\.)", name)
    if depth == 50 or not last:
        return [name]
    return [f"{name[: last.start()]}{i}{name[last.end() :]}" for i in range(5, 23)]


def _numbers(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    values = np.random.default_rng(list(name.encode())).uniform(-1, 1, shape).astype(np.float32)
    return np.abs(values) + np.float32(0.1) if name.endswith("running_var") else values
