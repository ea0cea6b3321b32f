"""The model card beside an export: what it is, what it was trained on, what it reaches, whose it is."""

import json
from pathlib import Path

from mrcnn.training.run_facts import file_sha256
from mrcnn.weights.origin import passed_on
from mrcnn_ext.detection.on_dataset import LEAST_SCORE

USE = {
    "savedmodel": 'function = tf.saved_model.load("saved_model").signatures["serving_default"]\n'
    "found = function(tf.constant(images))",
    "onnx": 'session = onnxruntime.InferenceSession("model.onnx")\n'
    "found = session.run(None, {session.get_inputs()[0].name: images})",
    "keras": "import mrcnn.model  # the layers\n"
    'found = keras.models.load_model("model.keras").predict_on_batch(images)',
    "tflite": 'runner = tf.lite.Interpreter("model.tflite").get_signature_runner("serving_default")\n'
    "found = runner(image=images)  # one image at a time",
}
SETTINGS = (
    *(
        "CONVENTIONS",
        "BACKBONE",
        "BACKBONE_WIDTH",
        "NUM_CLASSES",
        "IMAGE_RESIZE_MODE",
        "IMAGE_MIN_DIM",
        "IMAGE_MAX_DIM",
    ),
    *("IMAGE_CHANNEL_COUNT", "DETECTION_MIN_CONFIDENCE", "DETECTION_NMS_THRESHOLD", "DETECTION_MAX_INSTANCES"),
)
NAMED = {None: "random", "coco": "COCO's", "imagenet": "ImageNet's"}
NO_LICENCE = (
    "Not stated. Weights trained from random ones (see above) are yours, as far as the licence of the images allows; "
    "weights that began as others' also carry what their publishers ask."
)


def write_model_card(path, run, report, licence=None):
    """Writes the card, Markdown.

    run: the Run.  report: an ExportReport.  licence: of the weights, in the user's words.
    """
    size = "any size" if report.size is None else f"{report.size[0]} x {report.size[1]} px (H x W)"
    lines = [
        f"# {run.config.NAME}: Mask R-CNN, {report.to}, {report.precision}",
        "",
        f"Input: images, uint8 RGB, (batch, height, width, {run.config.IMAGE_CHANNEL_COUNT}), of {size}. Output:",
        "",
        "| name | shape | is |",
        "| --- | --- | --- |",
        "| `boxes` | (batch, D, 4) | y1, x1, y2, x2 in pixels of the image, y2 and x2 outside |",
        "| `classes` | (batch, D) | see below, and `label_map.pbtxt` |",
        "| `scores` | (batch, D) | 0 to 1, best first |",
        "| `masks` | (batch, D, h, w) | 0 to 1, stretched over the box; the object is where it is 0.5 or more |",
        "| `number` | (batch,) | objects found; rows from there on are 0 |",
        "",
        "```python",
        USE[report.to],
        "```",
        "",
        "Classes: " + ", ".join(f"{i} {name}" for i, name in enumerate(run.class_names) if i),
        "",
        "## Training",
        *_training(run),
        "",
        "## Settings (all of them are in `config.json`)",
        *(f"- {name}: {getattr(run.config, name)}" for name in SETTINGS),
        "",
        "## Measured",
        f"- Beside the network in Keras: {report.parity.text}.",
        f"- Seconds an image: {report.seconds:.3f} (Keras: {report.seconds_network:.3f}).",
        _average_precision(report),
        "",
        "## Licence of the weights",
        *_licence(report.origins, licence),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def _training(run):
    digest = file_sha256(run.weights)
    lines = [f"- Weights: `{run.weights.name}` of run `{run.name}`, sha256 {digest}"]
    facts = run.folder / "run.json"
    if not facts.is_file():
        return [*lines, "- Data and first weights: the run does not say."]
    trainings = json.loads(facts.read_text(encoding="utf-8"))["trainings"]
    lines.append(f"- First weights: {_first_weights(trainings[0])}.")
    for training in trainings:
        data = training["data"]["train"]
        places = "".join(f" of `{Path(file).name}`" for file in data.get("files", ()))
        lines.append(
            f"- {training['started']}: {data['images']} images{places}, {data['classes']} classes, fingerprint "
            f"{data['sha256']}; settings {training['settings']}"
        )
    return lines


def _licence(origins, licence):
    """The user's words, whose the first weights are, and what these pass on."""
    lines = [licence or NO_LICENCE] if licence or not origins else []
    for origin in origins:
        lines.append(f"- They began as {origin['name']}: {origin['licence']}; {origin['attribution']}.")
    shared = passed_on(origins)
    return [*lines, "", shared] if shared else lines


def _first_weights(training):
    if "weights" not in training:
        return "the run does not say"
    weights = training["weights"]
    return NAMED[weights] if weights in NAMED else f"`{Path(weights).name}`"


def _average_precision(report):
    if report.ap is None:
        return "- AP: not measured with this export."
    fitted = "" if report.size is None else ", of images fitted into the size"
    apart = f"; `mrcnn evaluate` counts from {LEAST_SCORE:g} on" if report.min_score > LEAST_SCORE else ""
    return (
        f"- AP, IoU 0.50 to 0.95{fitted}, of detections with scores from {report.min_score:g} on{apart}: "
        f"{report.ap:.4f} (Keras: {report.ap_network:.4f}). An export that loses more than {report.max_ap_loss:g} is "
        "refused."
    )
