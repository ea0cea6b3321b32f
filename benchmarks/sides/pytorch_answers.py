"""torchvision's answers: `python pytorch_answers.py v1|v2 MIN_SIDE MAX_SIDE SEED FOLDER HxW ...`.

Makes a network with random weights whose answers differ from region to region, and detects in images of noise and
blocks. FOLDER/weights.npz gets the state dict, FOLDER/HxW.npz of each image its pixels and what was found.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import detection

NETWORKS = {"v1": detection.maskrcnn_resnet50_fpn, "v2": detection.maskrcnn_resnet50_fpn_v2}
# Spread of what these layers say: logits between sure and unsure, and boxes that move a little.
SPREAD = {
    "rpn.head.cls_logits": 2.0,
    "rpn.head.bbox_pred": 0.25,
    "roi_heads.box_predictor.cls_score": 2.5,
    "roi_heads.box_predictor.bbox_pred": 1.0,
    "roi_heads.mask_predictor.mask_fcn_logits": 2.0,
}


def image(height, width, rng):
    """uint8 RGB: blocks of colour with noise."""
    blocks = rng.integers(20, 236, (-(-height // 17), -(-width // 17), 3)).repeat(17, 0).repeat(17, 1)
    return np.clip(blocks[:height, :width] + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)


def calibrate(model, tensor):
    """Running statistics of the batch norms, then the scale of each last layer, from one image."""
    for name, module in model.named_modules():
        if name.endswith(".bn3"):  # the last of a residual block: small, or random weights amplify rounding
            module.weight.fill_(0.4)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    model([tensor])
    for norm in norms:
        norm.eval()
    for name, spread in SPREAD.items():
        layer, seen = model.get_submodule(name), []
        hook = layer.register_forward_hook(lambda _, __, output, seen=seen: seen.append(output.std()))
        model([tensor])
        hook.remove()
        layer.weight.mul_(spread / torch.stack(seen).mean())


@torch.no_grad()
def main(kind, low, high, seed, folder, *sizes):
    torch.manual_seed(int(seed))
    rng = np.random.default_rng(int(seed))
    model = NETWORKS[kind](weights=None, weights_backbone=None, min_size=int(low), max_size=int(high)).eval()
    images = {size: image(*(int(side) for side in size.split("x")), rng) for size in sizes}
    tensors = {size: torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 for size, pixels in images.items()}
    calibrate(model, tensors[sizes[0]])
    np.savez(Path(folder, "weights.npz"), **{name: value.numpy() for name, value in model.state_dict().items()})
    proposals = []
    model.rpn.register_forward_hook(lambda _, __, output: proposals.append(output[0][0].numpy()))
    for size, tensor in tensors.items():
        (found,) = model([tensor])
        arrays = {name: value.numpy() for name, value in found.items() if name != "masks"}
        masks = found["masks"][:, 0].numpy() > 0.5
        np.savez(Path(folder, f"{size}.npz"), image=images[size], proposals=proposals[-1], masks=masks, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
