"""A Config for a data set and a machine, each value with its reason: `suggest("data/mine")`."""

from pathlib import Path

import numpy as np

from mrcnn.config import SETTINGS, Config
from mrcnn.data.anchors import anchors_for
from mrcnn.memory import BASE_MIB, BYTES_A_PIXEL, step_mib
from mrcnn.presets import ResNet50Config, ResNet101Config, TinyConfig
from mrcnn_ext.common.machine import Machine, this_machine
from mrcnn_ext.datasets.objects import best_anchor_ious, fitting_scales, gather_objects, some_images
from mrcnn_ext.datasets.parts import DataParts
from mrcnn_ext.training.keep_scale import keep_scale
from mrcnn_ext.training.suggestion import Suggestion

LARGEST_SIDES = {TinyConfig: 256, ResNet50Config: 1024, ResNet101Config: 1024}  # pixels
SMALLEST_OBJECT = 8  # pixels in the molded image: two cells of the finest feature map
RATIOS = ([0.5, 1, 2], [0.33, 1, 3], [0.25, 0.5, 1, 2, 4])  # the first one that does nearly as well as the best
_WORTH = 0.02  # share of boxes that more anchors must win to be worth it
_IMAGES, _BOXES = 500, 200  # looked at
_USED = 0.85  # share of the memory at hand that training may take
_MOST_IMAGES = 8  # in a step
_STEPS = (50, 500)  # of an epoch, at least and at most: each ends with a validation
_TRAINING = {  # what data and machine do not decide
    "KEEP_CHECKPOINTS": (3, "The best one stays besides."),
    "SEED": (2018, "So that a training can be repeated."),
    "LEARNING_SCHEDULE": ("cosine", "It ends with small steps, which a constant rate never makes."),
    "WARMUP_STEPS": (50, "Enough for weights that are random at first."),
}


def suggest(
    data: str | Path | DataParts,
    machine: Machine | None = None,
    *,
    year: str = "2018",
    images: str | Path | None = None,
    preset: type[Config] | None = None,
    side: int | None = None,
    pretrained: bool = False,
) -> Suggestion:
    """Look at the sizes of images and objects (no pixels) and at the machine, and propose a Config.

    Args:
        data: Folder of a split data set (COCO or TFRecords), one COCO annotation file, or DataParts.
        machine: Default: this one.
        year: Text at the end of the file names of a folder.
        images: Folder of the images of a single annotation file, where it is not the usual one.
        preset: The class of mrcnn.presets to start from; default: one that fits the machine.
        side: Pixels of the molded image, a multiple of 64; default: what fits images, objects and machine.
        pretrained: Whether the heads come from trained weights, too: then anchors and scale of the images stay those
            that the preset has and the weights know.

    Returns:
        A Suggestion: the preset and the settings that differ from it, each with its reason.

    Raises:
        ValueError: The data cannot be read.
    """
    machine = machine or this_machine()
    parts = data if isinstance(data, DataParts) else DataParts(data, year, images=images)
    train, validate = parts.train, None if parts.is_single else parts.validate
    preset, reason = (preset, "it was asked for") if preset else _preset(machine)
    result = Suggestion(preset, machine)
    result.notes.append(f"{preset.__name__}: {reason}.")
    result.add("NAME", parts.name, "The name of the data.")
    classes = train.num_classes - 1
    result.add("NUM_CLASSES", train.num_classes, f"{classes} of the data, and the background.")
    for name, (value, why) in _TRAINING.items():
        result.add(name, value, why)
    objects = gather_objects(train, some_images(train, _IMAGES))
    counts = len(train.image_ids), len(validate.image_ids) if validate else 0
    if pretrained:
        side = keep_scale(result, parts.image_side(), images_a_step)
        _add_batch(result, side, *counts)
    else:
        side, boxes_px = _add_images(result, parts.image_side(), objects, side)
        _add_batch(result, side, *counts)
        _add_anchors(result, side, boxes_px)
    _add_precision(result)
    _add_caps(result, parts.fullest())
    _add_notes(result, train, objects)
    order = list(SETTINGS)
    result.settings.sort(key=lambda setting: order.index(setting.name))
    return result


def caps_for(fullest_image: int, preset) -> dict:
    """Settings that count objects or regions, for the number of objects in the fullest image.

    Args:
        fullest_image: How many objects it has.
        preset: The Config that they are for.

    Returns:
        {name of the setting: value}.
    """
    return {
        "MAX_GT_INSTANCES": fullest_image,
        "TRAIN_ROIS_PER_IMAGE": max(preset.TRAIN_ROIS_PER_IMAGE, min(fullest_image, 64)),
        "PRE_NMS_LIMIT": max(preset.PRE_NMS_LIMIT, 10 * fullest_image),
        "DETECTION_MAX_INSTANCES": max(20, round(1.25 * fullest_image)),
        "POST_NMS_ROIS_INFERENCE": max(preset.POST_NMS_ROIS_INFERENCE, 2 * fullest_image),
    }


def images_a_step(preset, side: int, machine: Machine) -> int:
    """Images of side x side pixels that fit a training step in the memory of the machine.

    In float32 on every card: what 16 bits save is reckoned only, and a training that starts is worth more.

    Args:
        preset: The Config of the network.
        side: Pixels of the molded image.
        machine: With its GPUs and memory.

    Returns:
        Their number; 0 when not even one.
    """
    memory = min((gpu.memory_mib for gpu in machine.gpus), default=machine.memory_mib) * _USED
    return max(0, int((memory - BASE_MIB[preset.BACKBONE]) * 2**20 / (BYTES_A_PIXEL[preset.BACKBONE] * side**2)))


def _preset(machine) -> tuple[type, str]:
    if not machine.gpus:
        return TinyConfig, "there is no GPU, and this one trains from scratch on a few cores in minutes"
    memory = min(gpu.memory_mib for gpu in machine.gpus)
    if images_a_step(ResNet101Config, 1024, machine):
        return ResNet101Config, "the GPU has the memory for it, and mask_rcnn_coco.h5 holds weights to start from"
    return ResNet50Config, f"ResNet-101 at 1024 px does not fit the GPU's {memory / 1024:.0f} GiB"


def _add_images(result: Suggestion, longest: int, objects: dict, asked: int | None) -> tuple[int, np.ndarray]:
    """Side and resize mode; returns the side and the boxes (N, 4) in molded images. asked: the side, if given."""
    largest = asked or LARGEST_SIDES.get(result.preset, 1024)
    while not asked and largest > 128 and not images_a_step(result.preset, largest, result.machine):
        largest -= 64
    fitting = asked or min(largest, -(-longest // 64) * 64)
    scales = 1 / objects["image_px"].max(axis=1, keepdims=True)  # boxes as shares of the longest side
    shares = objects["boxes_px"] * scales
    sides = np.sqrt(np.prod(shares[:, 2:] - shares[:, :2], axis=1))
    small = float(np.quantile(sides, 0.05)) if sides.size else 1.0
    wanted = -(-int(np.ceil(SMALLEST_OBJECT / max(small, 1e-9))) // 64) * 64
    side, mode = fitting, "square"
    limit = f"{asked} px were asked for" if asked else f"the preset takes up to {largest} px here"
    reason = f"The longest side of the images is {longest} px, {limit}"
    if small * fitting < SMALLEST_OBJECT:
        in_file = small * longest
        if longest <= largest:
            side = max(fitting, min(largest, wanted, 2 * fitting))
            larger = "so images are made larger" if side > fitting else "which is hard to find"
            reason += f"; one object in twenty is below {in_file:.0f} px, {larger}"
        elif in_file >= SMALLEST_OBJECT:
            mode = "crop"
            reason += f"; scaled down, one object in twenty would be below {small * fitting:.1f} px"
            result.notes.append(
                'IMAGE_RESIZE_MODE = "crop" trains on random pieces at full size; detection cuts tiles of this side.'
            )
    result.add("IMAGE_MIN_DIM", side, "The same as IMAGE_MAX_DIM, so that the longest side fills the square.")
    result.add("IMAGE_MAX_DIM", side, reason + ".")
    words = {
        "square": "Scaled and padded: whole images, one size for a batch.",
        "crop": "Random squares at full size: objects would be lost by scaling down.",
    }
    result.add("IMAGE_RESIZE_MODE", mode, words[mode])
    return side, (objects["boxes_px"].astype(np.float64) if mode == "crop" else shares * side)


def _add_batch(result, side, train_images, validate_images) -> None:
    fitting = images_a_step(result.preset, side, result.machine)
    gpus = max(1, min(len(result.machine.gpus), train_images))
    if gpus > 1:
        reason = "Each GPU takes IMAGES_PER_GPU images of a step; 1 leaves the others to other work."
        result.add("GPU_COUNT", gpus, reason)
    each = max(1, min(_MOST_IMAGES, fitting, train_images // gpus))
    gib = step_mib(result.config_class()(), each, precision="float32") / 1024
    reason = f"A step takes about {gib:.1f} GiB in float32 (an estimate); there is {result.machine}."
    result.add("IMAGES_PER_GPU", each, reason)
    batch = each * gpus
    least, most = _STEPS
    reason = f"{train_images} images to train, {batch} a step; {least} at least, {most} at most."
    result.add("STEPS_PER_EPOCH", max(least, min(most, train_images // batch)), reason)
    reason = f"{validate_images} images to validate, {batch} a step; 50 at most."
    result.add("VALIDATION_STEPS", max(1, min(50, validate_images // batch)), reason)
    if not fitting:
        result.notes.append("Not even one image fits the memory by the estimate: take a smaller side or network.")


def _add_precision(result) -> None:
    capability = min((gpu.capability for gpu in result.machine.gpus), default=0)
    if capability < 7:
        result.add("PRECISION", "float32", "16 bits are no faster here.")
        return
    precision, scaled = ("mixed_bfloat16", "") if capability >= 8 else ("mixed_float16", "; the loss is scaled for it")
    gib = step_mib(result.config_class()(), result.values["IMAGES_PER_GPU"], precision=precision) / 1024
    reason = f"This GPU computes in 16 bits, in which a step takes about {gib:.1f} GiB (reckoned from float32){scaled}."
    result.add("PRECISION", precision, reason)


def _add_anchors(result, side, boxes_px) -> None:
    scales = fitting_scales(boxes_px, side)
    lengths = np.sqrt(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1)) if len(boxes_px) else np.zeros(1)
    low, high = np.quantile(lengths, [0.05, 0.95])
    reason = f"Nine in ten objects have sides of {low:.0f} to {high:.0f} px in an image of {side} px."
    result.add("RPN_ANCHOR_SCALES", scales, reason)
    chosen = np.random.default_rng(0).permutation(len(boxes_px))[:_BOXES]
    covered = []
    for ratios in RATIOS:
        values = {
            "IMAGE_MIN_DIM": side,
            "IMAGE_MAX_DIM": side,
            "RPN_ANCHOR_SCALES": scales,
            "RPN_ANCHOR_RATIOS": ratios,
        }
        config = type("Tried", (result.preset,), values)()
        boxes = _into_square(boxes_px[chosen], side)
        ious = best_anchor_ious(boxes, anchors_for(config, config.IMAGE_SHAPE))
        covered.append(float(np.mean(ious >= 0.5)) if len(ious) else 1.0)
    best = next(i for i, share in enumerate(covered) if share >= max(covered) - _WORTH)
    tried = ", ".join(f"{ratios}: {share:.0%}" for ratios, share in zip(RATIOS, covered, strict=True))
    result.add("RPN_ANCHOR_RATIOS", RATIOS[best], f"Boxes with an anchor of IoU 0.5 and more, by ratios: {tried}.")
    if covered[best] < 0.7:
        result.notes.append(f"Only {covered[best]:.0%} of the boxes have a fitting anchor: many are too small or thin.")


def _into_square(boxes_px, side) -> np.ndarray:
    """Boxes moved so that they lie in the square; with "crop" they may come from anywhere in a larger image."""
    start = boxes_px[:, :2] - np.where(boxes_px[:, 2:] > side, boxes_px[:, :2] // side * side, 0)
    return np.concatenate([start, start + boxes_px[:, 2:] - boxes_px[:, :2]], axis=1)


def _add_caps(result, most) -> None:
    reasons = {
        "MAX_GT_INSTANCES": f"The fullest image has {most} objects; training drops what is above this.",
        "TRAIN_ROIS_PER_IMAGE": "One for each object of the fullest image, up to 64; or the preset's, if more.",
        "PRE_NMS_LIMIT": "Ten boxes for each object of the fullest image; or the preset's, if more.",
        "DETECTION_MAX_INSTANCES": "A quarter more than in the fullest image can come out.",
        "POST_NMS_ROIS_INFERENCE": "At least two proposals for each object of the fullest image.",
    }
    for name, value in caps_for(most, result.preset).items():
        result.add(name, value, reasons[name])


def _add_notes(result, train, objects) -> None:
    images = len(train.image_ids)
    if images < 100:
        result.notes.append(f"{images} images are few: start from trained weights, and use augmentation.")
    counts = np.bincount(np.abs(objects["class_ids"]), minlength=train.num_classes)[1:]
    rare = [f"{name} ({count})" for name, count in zip(train.class_names[1:], counts, strict=True) if count < 20]
    if rare:
        result.notes.append(f"Classes with fewer than 20 objects to learn from: {', '.join(rare[:10])}.")
