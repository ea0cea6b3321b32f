"""torchvision's side: `python pytorch.py detect|detect-full|heads|all PRESET SIZE WEIGHTS OUR_NOTE`.

Its weights are random, so WEIGHTS is not used; it detects at most as many as our side found. The ResNet's
batch norms are frozen, as ours are, and images are not resized.
"""

import sys

import torch
from case_data import CLASSES, detections, full_masks, made_images, settings
from protocol import serve
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops.misc import FrozenBatchNorm2d

NETS = {"r50": "resnet50", "r101": "resnet101"}


def network(preset, size, trained_stages, most=100):
    """Mask R-CNN with the anchors, the ROIs and the proposals of our side."""
    case = settings(size)
    backbone = resnet_fpn_backbone(
        backbone_name=NETS[preset], weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=trained_stages
    )
    anchors = AnchorGenerator(tuple((s,) for s in case["anchors"]), ((0.5, 1.0, 2.0),) * 5)
    return MaskRCNN(
        backbone,
        num_classes=CLASSES,
        rpn_anchor_generator=anchors,
        min_size=size,
        max_size=size,
        box_batch_size_per_image=case["rois"],
        box_positive_fraction=0.33,
        box_score_thresh=0.0,
        box_nms_thresh=0.3,
        box_detections_per_img=most,
        rpn_nms_thresh=0.7,
    )


def main():
    what, preset, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.manual_seed(0)
    images, boxes, classes = made_images(size)
    tensors = [torch.from_numpy(image).permute(2, 0, 1).float() / 255 for image in images]
    if what.startswith("detect"):
        model = network(preset, size, 0, most=int(sys.argv[5].split()[0])).eval()
        with torch.no_grad():
            serve(lambda: model(tensors[:1]), lambda: detections(model(tensors[:1])[0]["scores"], 0.0))
        return
    model = network(preset, size, {"heads": 0, "all": 5}[what]).train()
    targets = [
        {
            "boxes": torch.tensor(b[:, [1, 0, 3, 2]], dtype=torch.float32),
            "labels": torch.tensor(c, dtype=torch.int64),
            "masks": torch.tensor(full_masks(b, size), dtype=torch.uint8),
        }
        for b, c in zip(boxes, classes, strict=True)
    ]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.0001, momentum=0.9, weight_decay=0.0001)

    def step():
        optimizer.zero_grad()
        sum(model(tensors, targets).values()).backward()
        torch.nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()

    case = settings(size)
    serve(step, f"batch {case['batch']}, {case['rois']} ROIs")


if __name__ == "__main__":
    main()
