"""Is a weight file whole, does it fit its network, and does that network compute something sensible?"""

import tempfile
from pathlib import Path

import numpy as np

from mrcnn.config import Config
from mrcnn.data.image import read_image
from mrcnn.selftest import Check, Verdict
from mrcnn.selftest.coco_person import finds_the_person
from mrcnn.selftest.engine import IMAGE
from mrcnn.weights.class_rows import names_of_file
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.h5 import open_weights
from mrcnn.weights.network_of import ANCHORS, network_of

SIDE = 512  # pixels, of the image for a file without a config.json
NOT_CHECKED = Check(
    "right answers",
    None,
    "a weight file does not say what its classes are, and the stored image shows none of them. Measure it on "
    "images with known objects (notebook 5, or mrcnn_ext.evaluation.coco_ap).",
)


def check_weight_file(path) -> Verdict:
    """Builds the network of a `.h5`, from config.json beside it or from the file's own shapes, loads it and detects.

    With COCO's classes it is to find the person in an image; of other classes no right answer is known.
    """
    path = Path(path)
    try:
        with open_weights(path) as stored:
            shapes = {layer: {name: array.shape for name, array in its.items()} for layer, its in stored.items()}
        config, source = _config(path, shapes)
    except ValueError as error:
        return Verdict([Check("file", False, str(error))], "this file cannot be used as it is, see above.")
    checks = [Check("file", True, f"{len(shapes)} layers with weights"), Check("network", True, source)]
    checks += _run(path, config)
    if any(check.passed is False for check in checks):
        return Verdict(checks, "do not use this file before what failed above is understood.")
    if NOT_CHECKED in checks:
        return Verdict(checks, "the file loads in full, and the network computes with it.")
    return Verdict(checks, "the file loads in full, and the network finds with it what it should.")


def settings_of(shapes):
    """Settings by name that follow from a file's layers {layer: {weight: shape}}.

    Raises ValueError for a file that is not of a whole Mask R-CNN with one of the ResNets.
    """
    lacking = [name for name in ("conv1", "fpn_p2", "rpn_conv_shared", "mrcnn_class_logits") if name not in shapes]
    if lacking or "res2a_branch2a" not in shapes:
        raise ValueError(
            f"no layer {', '.join(lacking) or 'res2a_branch2a'}: not a whole Mask R-CNN with a ResNet. A backbone-only "
            "file (ImageNet) is for training; for a backbone of your own put the run's config.json beside the file."
        )
    settings = network_of(shapes)
    ratios = settings.pop(ANCHORS)
    return settings | {
        "IMAGE_CHANNEL_COUNT": int(shapes["conv1"]["kernel"][2]),
        "RPN_ANCHOR_RATIOS": [0.5, 1, 2] if ratios == 3 else np.geomspace(0.5, 2, ratios).tolist(),
    }


def _config(path, shapes):
    """The Config, and a sentence on where it comes from."""
    beside = path.with_name("config.json")
    if beside.is_file():
        config = Config.from_json(beside)
        return config, f"as in {beside.name} beside it: {_summary(config)}"
    settings = settings_of(shapes)
    sizes = {"NAME": "selftest", "IMAGES_PER_GPU": 1, "IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE}
    config = type("FileConfig", (Config,), settings | sizes)()
    return config, f"read from its layers (no config.json beside it; anchors are the defaults): {_summary(config)}"


def _summary(config):
    head = "with masks" if config.USE_MASK else "without masks"
    return f"{config.BACKBONE}, {config.NUM_CLASSES} classes with the background, {head}"


def _run(path, config):
    from mrcnn.model import MaskRCNN
    from mrcnn.weights import load_weights

    with tempfile.TemporaryDirectory() as folder:
        model = MaskRCNN("inference", config, folder)
        try:
            report = load_weights(model.keras_model, path, mode="inference", verbose=0)
        except ValueError as error:
            return [Check("loading", False, str(error))]
        image = read_image(IMAGE)
        if config.IMAGE_CHANNEL_COUNT not in (1, 3):
            image = np.repeat(image.mean(axis=2, keepdims=True), config.IMAGE_CHANNEL_COUNT, 2).astype(np.uint8)
        values = dict(zip(_outputs(config), model.keras_model.predict_on_batch(_inputs(model, image)), strict=True))
        found = model.detect([image])[0]
        answers = finds_the_person(model) if _is_of_coco(path, config) else NOT_CHECKED
    bad = [name for name, value in values.items() if not np.isfinite(value).all()]
    return [
        Check("loading", report.complete, f"{len(report.loaded) + len(report.adapted)} layers"),
        Check("numbers", not bad, f"not finite: {', '.join(bad)}" if bad else "all outputs are finite"),
        _rpn_decides(values),
        _heads_decide(values, config),
        _boxes_plausible(found, image, config),
        answers,
    ]


def _is_of_coco(path, config):
    """By the names beside the file, or, as COCO's file has none, by their number."""
    if len(COCO_CLASS_NAMES) != config.NUM_CLASSES or config.IMAGE_CHANNEL_COUNT not in (1, 3):
        return False
    named = path.with_name("classes.json").is_file()
    return not named or names_of_file(path, config.NUM_CLASSES)[1:] == COCO_CLASS_NAMES[1:]


def _inputs(model, image):
    molded, metas, _ = model.mold_inputs([image])
    anchors = model.get_anchors(molded[0].shape)[None]
    return [np.asarray(values, np.float32) for values in (molded, metas, anchors)]


def _outputs(config):
    masks = ["masks"] if config.USE_MASK else []
    return ["detections", "class probabilities", "deltas", *masks, "ROIs", "RPN probabilities", "RPN deltas"]


def _rpn_decides(values):
    objectness = values["RPN probabilities"][..., 1]
    spread = float(np.percentile(objectness, 99.5) - np.median(objectness))
    text = f"the best anchors are {spread:.2f} more of an object than the median one"
    return Check("region proposals", spread > 0.05, text + ("" if spread > 0.05 else "; a trained network tells apart"))


def _heads_decide(values, config):
    """Random heads have no opinion, or the same one, on every region; trained ones are sure of most."""
    probabilities = values["class probabilities"][np.any(values["ROIs"] != 0, axis=-1)]
    sure = float(probabilities.max(axis=-1).mean()) if len(probabilities) else 0.0
    least = (1 + 1 / config.NUM_CLASSES) / 2
    text = (
        f"sure of its class by {sure:.2f} on average over {len(probabilities)} regions (expected {least:.2f} or more)"
    )
    return Check("class head", sure >= least, text)


def _boxes_plausible(found, image, config):
    rois, (height, width) = found["rois"], image.shape[:2]
    inside = bool(np.all((rois >= 0) & (rois <= [height, width, height, width])))
    full = len(rois) >= config.DETECTION_MAX_INSTANCES and config.DETECTION_MIN_CONFIDENCE >= 0.5
    text = f"{len(rois)} objects with a score of {config.DETECTION_MIN_CONFIDENCE} or more in an image of a few shapes"
    if full:
        text += ": as many as can come out, as with random weights"
    return Check("detections", inside and not full, text if inside else f"{text}, some outside of it")
