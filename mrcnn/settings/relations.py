"""What the settings need of one another, or of the network: one function each, whose docstring is in the reference.

A function gets the Config and returns the sentence about what is wrong, or None. It is asked only where the settings
that it looks at are right by themselves. To add one, write it and put its decorator before it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrcnn.settings.kinds import shown
from mrcnn.settings.network import NetworkSettings

HALVES = 64  # the network halves an image six times
_RESNET_STRIDES = (4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Relation:
    """names: the settings it looks at.  modes: of networks for which it must hold; None: of every Config."""

    problem: Callable[[Any], str | None]
    names: tuple[str, ...]
    modes: tuple[str, ...] | None

    @property
    def text(self) -> str:
        """What must hold, in a sentence."""
        return " ".join((self.problem.__doc__ or "").split())


RELATIONS: list[Relation] = []


def problems_of_relations(config: Any, faulty: Collection[str], mode: str | None) -> list[str]:
    """The sentences about what does not go together. faulty: names of settings that are wrong by themselves."""
    asked = [
        relation
        for relation in RELATIONS
        if not set(relation.names) & set(faulty) and (relation.modes is None or mode in relation.modes)
    ]
    return [problem for relation in asked if (problem := relation.problem(config))]


def _relation(*names: str, modes: tuple[str, ...] | None = None) -> Callable:
    def add(problem: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
        RELATIONS.append(Relation(problem, names, modes))
        return problem

    return add


@_relation("IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM")
def _min_below_max(config: Any) -> str | None:
    """In mode "square" an IMAGE_MIN_DIM other than the default is at most IMAGE_MAX_DIM."""
    low, high = config.IMAGE_MIN_DIM or 0, config.IMAGE_MAX_DIM
    if config.IMAGE_RESIZE_MODE != "square" or low <= high:
        return None
    if (
        low == NetworkSettings.IMAGE_MIN_DIM
    ):  # old code often sets IMAGE_MAX_DIM alone: then no more than fits is asked for
        return None
    return (
        f"IMAGE_MIN_DIM is {low}, above IMAGE_MAX_DIM, {high}: the shorter side cannot be longer than the longest one "
        f"allowed. Set IMAGE_MIN_DIM = {high} too, or less."
    )


@_relation("IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM")
def _sides_can_be_halved(config: Any) -> str | None:
    """The side of the molded image is a multiple of 64: IMAGE_MAX_DIM in mode "square", IMAGE_MIN_DIM in the modes
    "crop" and "pad64"."""
    mode = config.IMAGE_RESIZE_MODE
    name = {"square": "IMAGE_MAX_DIM", "crop": "IMAGE_MIN_DIM", "pad64": "IMAGE_MIN_DIM"}.get(mode)
    return None if name is None else _not_halved(name, getattr(config, name) or 0, f' in mode "{mode}"')


@_relation("IMAGE_RESIZE_MODE", "IMAGE_MAX_DIM", modes=("training",))
def _training_sides_can_be_halved(config: Any) -> str | None:
    """A network for training has images of IMAGE_SHAPE in every mode, so IMAGE_MAX_DIM is a multiple of 64 in the modes
    "pad64" and "none" too."""
    if config.IMAGE_RESIZE_MODE not in ("pad64", "none"):
        return None
    return _not_halved("IMAGE_MAX_DIM", config.IMAGE_MAX_DIM, " for training")


def _not_halved(name: str, side: int, when: str) -> str | None:
    if side > 0 and side % HALVES == 0:
        return None
    below = side // HALVES * HALVES
    near = f"{below} or {below + HALVES}" if below else f"{HALVES}"
    return (
        f"{name} is {side}: the network halves the image six times, so its sides must be multiples of {HALVES}{when}. "
        f"Set it to {near}."
    )


@_relation("IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM")
def _shorter_below_longer(config: Any) -> str | None:
    """In mode "shorter" IMAGE_MIN_DIM is 1 or more, and at most IMAGE_MAX_DIM."""
    low, high = config.IMAGE_MIN_DIM or 0, config.IMAGE_MAX_DIM
    if config.IMAGE_RESIZE_MODE != "shorter" or 1 <= low <= high:
        return None
    return (
        f'IMAGE_MIN_DIM is {low} and IMAGE_MAX_DIM {high}: in mode "shorter" they are the shorter side and the most of '
        f"the longer one. Set IMAGE_MIN_DIM to 1 up to {high}, as 800 of 1333."
    )


@_relation("USE_MASK", "MASK_SHAPE", "MASK_POOL_SIZE")
def _mask_is_twice_the_pool(config: Any) -> str | None:
    """With USE_MASK, both numbers of MASK_SHAPE are twice MASK_POOL_SIZE."""
    side = 2 * int(config.MASK_POOL_SIZE)
    if not config.USE_MASK or all(n == side for n in config.MASK_SHAPE):
        return None
    return (
        f"MASK_SHAPE is {shown(config.MASK_SHAPE)}, but the mask head gives masks of twice MASK_POOL_SIZE, "
        f"{config.MASK_POOL_SIZE}. Set MASK_SHAPE = [{side}, {side}], or another MASK_POOL_SIZE."
    )


@_relation("BACKBONE", "BACKBONE_STRIDES")
def _strides_fit_the_backbone(config: Any) -> str | None:
    """BACKBONE_STRIDES are those of the backbone: 4, 8, 16, 32, 64 of a ResNet; of one of your own each is twice the
    one before, as the pyramid doubles the size of each level."""
    strides = tuple(int(stride) for stride in config.BACKBONE_STRIDES)
    if isinstance(config.BACKBONE, str):
        if strides == _RESNET_STRIDES:
            return None
        needed = f"{config.BACKBONE} has {list(_RESNET_STRIDES)}"
    else:
        needed = f"the pyramid needs {[strides[0] * 2**level for level in range(len(strides))]}"
        if all(after == 2 * before for before, after in zip(strides, strides[1:], strict=False)):
            return None
    return f"BACKBONE_STRIDES is {list(strides)}, but {needed}. Set these."


@_relation("TRAIN_ROIS_PER_IMAGE", "ROI_POSITIVE_RATIO")
def _room_for_an_object(config: Any) -> str | None:
    """TRAIN_ROIS_PER_IMAGE * ROI_POSITIVE_RATIO is 1 or more, so that there is room for an object."""
    rois, ratio = config.TRAIN_ROIS_PER_IMAGE, config.ROI_POSITIVE_RATIO
    if int(rois * ratio) >= 1:
        return None
    return (
        f"TRAIN_ROIS_PER_IMAGE is {rois} and ROI_POSITIVE_RATIO {ratio}: of these regions none may be an object, so "
        f"the heads would learn none. Set TRAIN_ROIS_PER_IMAGE to {int(np.ceil(1 / ratio))} or more."
    )


@_relation("MEAN_PIXEL", "IMAGE_CHANNEL_COUNT")
def _means_fit_the_channels(config: Any) -> str | None:
    """MEAN_PIXEL has no more numbers than the image has channels (three may stand for fewer channels too)."""
    means, channels = np.size(config.MEAN_PIXEL), config.IMAGE_CHANNEL_COUNT
    if means <= max(channels, 3):
        return None
    return (
        f"MEAN_PIXEL has {means} numbers, and IMAGE_CHANNEL_COUNT is {channels}. Give one number for each channel, or "
        "one for all."
    )


@_relation("NUM_CLASSES", modes=("training", "inference"))
def _meta_fits_the_classes(config: Any) -> str | None:
    """NUM_CLASSES is what it was when the Config was made, as IMAGE_META_SIZE follows from it then."""
    if config.IMAGE_META_SIZE == 12 + config.NUM_CLASSES:
        return None
    return _changed_later("NUM_CLASSES", config.NUM_CLASSES, "IMAGE_META_SIZE", config.IMAGE_META_SIZE)


@_relation(
    "IMAGE_CHANNEL_COUNT", "IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM", modes=("training", "inference")
)
def _shape_fits_the_sides(config: Any) -> str | None:
    """IMAGE_CHANNEL_COUNT and, in the modes "square" and "crop", the side are what they were when the Config was made,
    as IMAGE_SHAPE follows from them then. An IMAGE_SHAPE set by hand has sides that are multiples of 64."""
    *sides, channels = (int(n) for n in config.IMAGE_SHAPE)
    if channels != config.IMAGE_CHANNEL_COUNT:
        return _changed_later("IMAGE_CHANNEL_COUNT", config.IMAGE_CHANNEL_COUNT, "IMAGE_SHAPE", config.IMAGE_SHAPE)
    name = {"square": "IMAGE_MAX_DIM", "crop": "IMAGE_MIN_DIM"}.get(config.IMAGE_RESIZE_MODE)
    if name is not None and max(sides) != getattr(config, name):
        return _changed_later(name, getattr(config, name), "IMAGE_SHAPE", config.IMAGE_SHAPE)
    return _not_halved("The shorter side of IMAGE_SHAPE", min(sides), "") if min(sides) < max(sides) else None


def _changed_later(name: str, value: object, computed: str, was: object) -> str:
    return (
        f"{name} is {value} now, but {computed}, which was computed when the Config was made, is {shown(was)}. Set "
        f"{name} in a subclass of Config, before an instance is made."
    )
