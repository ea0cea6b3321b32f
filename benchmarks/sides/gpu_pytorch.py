"""torchvision's side of `gpu.py`: `python gpu_pytorch.py HEIGHT WIDTH BATCH PRECISION DEVICE STEPS`.

maskrcnn_resnet50_fpn with all stages of the backbone trained and its batch norms frozen, as in ours; bfloat16 by
torch.autocast; float32 convolutions and products may take TF32, as in ours. The batch lies on the device.
"""

import resource
import time

import torch
from case_data import CLASSES, settings
from gpu_case import ROIS, WARM_UP, answer, arguments, made_images
from torchvision.models.detection import maskrcnn_resnet50_fpn
from torchvision.models.detection.rpn import AnchorGenerator


def targets_of(boxes, classes, height, width, device):
    """What torchvision learns from, for each image; the masks fill their boxes."""
    targets = []
    for some, ids in zip(boxes, classes, strict=True):
        masks = torch.zeros((len(some), height, width), dtype=torch.uint8)
        for mask, (y1, x1, y2, x2) in zip(masks, some, strict=True):
            mask[y1:y2, x1:x2] = 1
        corners = torch.tensor(some[:, [1, 0, 3, 2]], dtype=torch.float32)
        target = {"boxes": corners, "labels": torch.tensor(ids, dtype=torch.int64), "masks": masks}
        targets.append({name: values.to(device) for name, values in target.items()})
    return targets


def main():
    options = arguments()
    device = torch.device("cuda" if options.device == "gpu" else "cpu")
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    scales = settings(min(options.height, options.width))["anchors"]
    model = maskrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=CLASSES,
        trainable_backbone_layers=5,
        rpn_anchor_generator=AnchorGenerator(tuple((s,) for s in scales), ((0.5, 1.0, 2.0),) * 5),
        min_size=min(options.height, options.width),
        max_size=max(options.height, options.width),
        box_batch_size_per_image=ROIS,
    )
    model = model.to(device).train()
    images, boxes, classes = made_images(options.height, options.width, options.batch)
    tensors = [torch.from_numpy(image).permute(2, 0, 1).float().div(255).to(device) for image in images]
    targets = targets_of(boxes, classes, options.height, options.width, device)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.0001, momentum=0.9, weight_decay=0.0001)
    moments = []
    for _ in range(WARM_UP + options.steps):
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16"):
            loss = sum(model(tensors, targets).values())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
        if not torch.isfinite(loss):  # reads it, as a training that watches its loss does
            raise ValueError(f"the loss is {loss.item()}")
        moments.append(time.perf_counter())
    if device.type == "cuda":
        answer(moments, options.batch, torch.cuda.max_memory_allocated() / 2**20, torch.cuda.get_device_name())
    else:
        answer(moments, options.batch, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "cpu")


if __name__ == "__main__":
    main()
