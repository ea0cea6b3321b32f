"""Pretrained networks by name: what they are, where they are, whose they are, and what their authors measured.

The AP values are what their authors publish, on COCO's val2017 (`source` says where); nothing of them was measured
here. Of the hashes they publish the first digits, in the files' names.
"""

from dataclasses import dataclass, field

from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.download import COCO, IMAGENET, Asset

TORCHVISION = "https://download.pytorch.org/models/"
DETECTRON2 = "https://dl.fbaipublicfiles.com/detectron2/"
TORCHVISION_PAGES = "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.detection."
MODEL_ZOO = "https://github.com/facebookresearch/detectron2/blob/main/MODEL_ZOO.md"
BSD = (
    "not stated for the weights; torchvision's code is BSD-3-Clause, and its README leaves it to you whether you may "
    "use weights in view of the data they were trained on (COCO, ImageNet)"
)
CC_BY_SA = "CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)"
BY_META = (
    "Mask R-CNN {} of Detectron2 (Yuxin Wu, Alexander Kirillov, Francisco Massa, Wan-Yen Lo, Ross Girshick; Meta AI), "
    "https://github.com/facebookresearch/detectron2"
)
BY_TORCHVISION = "{} of torchvision (the TorchVision maintainers and contributors), https://github.com/pytorch/vision"


@dataclass(frozen=True)
class ZooEntry:
    """A pretrained network.

    Attributes:
        name: What one says for it.
        asset: The file of its authors.
        megabytes: Of the file, to the next million bytes; from the number of parameters where it is not published.
        about: What it is, in a few words.
        preset: The class in `mrcnn.presets` that has its settings.
        settings: What differs from the preset, as the backbone.
        class_names: Background first; None: it has no heads.
        box_ap, mask_ap: COCO AP (IoU 0.50 to 0.95, 0 to 100) that its authors publish; None: they do not.
        source: The page that says so, or that the file comes from.
        licence: Of the weights.
        attribution: Who made it, to be named with it.
        share_alike: Whether weights trained from it carry its licence, too.
        epsilon: Of the file's batch norm, for the conversion; None: it is the engine's own kind of file.
    """

    name: str
    asset: Asset
    megabytes: int
    about: str
    preset: str
    source: str
    licence: str
    attribution: str
    settings: dict = field(default_factory=dict)
    class_names: tuple[str, ...] | None = tuple(COCO_CLASS_NAMES)
    box_ap: float | None = None
    mask_ap: float | None = None
    share_alike: bool = False
    epsilon: float | None = None

    def origin(self) -> dict:
        """What is stored of it with weights that come from it."""
        return {
            "name": self.name,
            "file": self.asset.name,
            "url": self.asset.url,
            "licence": self.licence,
            "attribution": self.attribution,
            "share_alike": self.share_alike,
        }


def entry_of(name: str) -> ZooEntry:
    """The entry of a name. ValueError for a name that is not in the zoo, with those that are."""
    if name not in ZOO:
        raise ValueError(f"there are no weights {name!r}: say {', '.join(ZOO)}, or the path of an .h5")
    return ZOO[name]


def published(entry: ZooEntry) -> str:
    """ "box AP 47.4, mask AP 41.8, published by its authors (https://..)"; empty where they publish none."""
    values = [f"{what} AP {value}" for what, value in (("box", entry.box_ap), ("mask", entry.mask_ap)) if value]
    return f"{', '.join(values)}, published by its authors ({entry.source})" if values else ""


def _torchvision(name: str, file: str, digits: str, megabytes: int, page: str, about: str, **more) -> ZooEntry:
    asset = Asset(f"{file}-{digits}.pth", f"{TORCHVISION}{file}-{digits}.pth", sha256=digits)
    return ZooEntry(
        name,
        asset,
        megabytes,
        about,
        source=f"{TORCHVISION_PAGES}{page}.html",
        licence=BSD,
        attribution=BY_TORCHVISION.format(page),
        **more,
    )


def _detectron2(name: str, path: str, digits: str, megabytes: int, about: str, **more) -> ZooEntry:
    asset = Asset(f"model_final_{digits}.pkl", f"{DETECTRON2}{path}/model_final_{digits}.pkl", md5=digits)
    return ZooEntry(
        name,
        asset,
        megabytes,
        about,
        source=MODEL_ZOO,
        licence=CC_BY_SA,
        attribution=BY_META.format(path.split("/")[1].removeprefix("mask_rcnn_")),
        share_alike=True,
        epsilon=1e-5,
        **more,
    )


_R101 = {"BACKBONE": "resnet101"}
_ENTRIES = (
    _torchvision(
        "torchvision",
        "maskrcnn_resnet50_fpn_coco",
        "bf2d0c1e",
        178,
        "maskrcnn_resnet50_fpn",
        "ResNet-50, COCO; the Mask R-CNN of torchvision's tutorial",
        preset="TorchvisionConfig",
        box_ap=37.9,
        mask_ap=34.6,
        epsilon=0.0,  # as torchvision reads this file
    ),
    _torchvision(
        "torchvision-v2",
        "maskrcnn_resnet50_fpn_v2_coco",
        "73cbd019",
        186,
        "maskrcnn_resnet50_fpn_v2",
        "ResNet-50, COCO, longer and better training",
        preset="TorchvisionV2Config",
        box_ap=47.4,
        mask_ap=41.8,
        epsilon=1e-5,
    ),
    _detectron2(
        "detectron2-r50",
        "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x/137849600",
        "f10217",
        178,
        "ResNet-50, COCO, 3x schedule",
        preset="Detectron2Config",
        box_ap=41.0,
        mask_ap=37.2,
    ),
    _detectron2(
        "detectron2-r101",
        "COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x/138205316",
        "a3ec72",
        254,
        "ResNet-101, COCO, 3x schedule",
        preset="Detectron2Config",
        settings=_R101,
        box_ap=42.9,
        mask_ap=38.6,
    ),
    _detectron2(
        "detectron2-r50-lsj",
        "new_baselines/mask_rcnn_R_50_FPN_400ep_LSJ/42019571",
        "14d201",
        186,
        "ResNet-50, COCO alone, 400 epochs of large-scale jitter",
        preset="Detectron2LSJConfig",
        box_ap=47.4,
        mask_ap=42.5,
    ),
    _detectron2(
        "detectron2-r101-lsj",
        "new_baselines/mask_rcnn_R_101_FPN_400ep_LSJ/42073830",
        "f96b26",
        262,
        "ResNet-101, COCO alone, 400 epochs of large-scale jitter",
        preset="Detectron2LSJConfig",
        settings=_R101,
        box_ap=48.9,
        mask_ap=43.7,
    ),
    ZooEntry(
        "coco",
        COCO,
        258,
        "ResNet-101, COCO, of 2017: the old package's file",
        preset="ResNet101Config",
        source="https://github.com/matterport/Mask_RCNN/releases/tag/v2.0",
        licence="MIT, as the package that it was released with",
        attribution="mask_rcnn_coco.h5 of Matterport's Mask R-CNN, https://github.com/matterport/Mask_RCNN",
    ),
    ZooEntry(
        "imagenet",
        IMAGENET,
        95,
        "ResNet-50's backbone alone, ImageNet",
        preset="ResNet50Config",
        source="https://github.com/fchollet/deep-learning-models/releases/tag/v0.2",
        licence="MIT, of Keras' deep-learning-models and of the original",
        attribution="ResNet-50 of Kaiming He et al., https://github.com/KaimingHe/deep-residual-networks, by Keras",
        class_names=None,
    ),
)
ZOO: dict[str, ZooEntry] = {entry.name: entry for entry in _ENTRIES}
