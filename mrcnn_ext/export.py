"""Export of a run: written, run beside the network, and kept only when both find the same."""

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np

from mrcnn.data.picture import read_picture
from mrcnn.export.exported import ExportedModel
from mrcnn.export.formats import FILES, write
from mrcnn.export.parity import Parity, compare
from mrcnn.export.picture_model import picture_model
from mrcnn_ext.label_map import write_label_map
from mrcnn_ext.model_card import write_model_card
from mrcnn_ext.runs import find_run, load_run

SAMPLES = 6  # pictures that both are run on
AP_PICTURES = 100  # pictures that AP is measured on
MAX_AP_LOSS = 0.01
REPEATS = 5


@dataclasses.dataclass
class ExportReport:
    """What was written, how far it is from the network, and how fast both are.

    seconds, seconds_network: of `detect` for the first sample picture, the median of five.
    ap, ap_network: mask AP (box AP without masks) on the data set, None when none was given.
    """

    run: str
    to: str
    precision: str
    path: Path
    megabytes: float
    size: tuple | None
    parity: Parity
    seconds: float
    seconds_network: float
    ap: float | None = None
    ap_network: float | None = None

    def to_dict(self):
        return json.loads(json.dumps(dataclasses.asdict(self), default=str))

    def text(self):
        lines = [
            f"{self.path} ({self.megabytes:.1f} MB, {self.precision})",
            f"beside the network in Keras: {self.parity.text}",
            f"seconds a picture: {self.seconds:.3f}; the network in Keras: {self.seconds_network:.3f}",
        ]
        if self.ap is not None:
            lines.append(f"AP {self.ap:.4f}; the network in Keras: {self.ap_network:.4f}")
        return "\n".join(lines)


def export_run(
    run="last",
    to="savedmodel",
    out=None,
    *,
    size=None,
    precision="float32",
    pictures=(),
    dataset=None,
    max_ap_loss=MAX_AP_LOSS,
    licence=None,
    logs="logs",
) -> ExportReport:
    """Exports a run: one input, uint8 pictures (B, H, W, C), to boxes in their pixels, classes, scores, masks, number.

    run, logs: see `mrcnn_ext.runs.find_run`.  to: "savedmodel", "onnx", "keras" or "tflite".
    out: folder; default: export/<to> in the run's folder, with the precision in its name when not float32.
    size: (height, width) of every picture; default: any, for TFLite the network's.
    precision: "float32", or for TFLite "float16" or "int8", which need a `dataset`.
    pictures: files or arrays that both are run on; default: the first of the data set, else drawn shapes.
    dataset: a prepared Dataset; AP of both is measured on up to 100 of its pictures.
    licence: of the weights, for the model card.
    Beside the model lie label_map.pbtxt, MODEL_CARD.md and export.json, this report.
    Raises ValueError, and leaves nothing, when the export differs from the network or loses more than `max_ap_loss`.
    """
    if precision != "float32" and dataset is None:
        raise ValueError(f"{precision} changes what is found: give a data set, so that the loss of AP can be measured.")
    files = find_run(run, logs)
    out = Path(out or files.folder / "export" / (to if precision == "float32" else f"{to}-{precision}"))
    model, names, _ = load_run(run, logs=logs, IMAGES_PER_GPU=1, GPU_COUNT=1, PRECISION="float32")
    size = _size(to, size, model.config)
    samples = _samples(pictures, dataset, size, model.config)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        file = part / FILES[to] if to in FILES else part
        write(to, picture_model(model, size, batch=1 if to == "tflite" else None), file, precision)
        exported = ExportedModel(file, channels=int(model.config.IMAGE_CHANNEL_COUNT))
        report = ExportReport(
            run=files.folder.name,
            to=to,
            precision=precision,
            path=out / file.name,
            megabytes=sum(p.stat().st_size for p in [file, *file.rglob("*")] if p.is_file()) / 1e6,
            size=size,
            parity=compare(model, exported, samples, model.config.DETECTION_MIN_CONFIDENCE),
            seconds=_seconds(exported, samples[0]),
            seconds_network=_seconds(model, samples[0]),
        )
        if dataset is not None:
            report.ap_network, report.ap = (_ap(one, dataset) for one in (model, exported))
        _accept(report, max_ap_loss)
        write_label_map(part / "label_map.pbtxt", dict(enumerate(names[1:], 1)))
        (part / "export.json").write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
        write_model_card(part / "MODEL_CARD.md", files, report, licence)
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


def _size(to, size, config):
    if size is not None or to != "tflite":
        return None if size is None else (int(size[0]), int(size[1]))
    return int(config.IMAGE_MAX_DIM), int(config.IMAGE_MAX_DIM)


def _samples(pictures, dataset, size, config):
    """Pictures [H, W, C] that both are run on."""
    if len(pictures):
        samples = [read_picture(p) if isinstance(p, str | Path) else p for p in pictures]
    elif dataset is not None:
        samples = [dataset.load_image(i) for i in dataset.image_ids[:SAMPLES]]
    else:
        samples = list(_drawn(size, int(config.IMAGE_MAX_DIM)))
    wrong = [image.shape[:2] for image in samples if size and tuple(image.shape[:2]) != size]
    if wrong:
        raise ValueError(
            f"The export takes pictures of {size[0]} x {size[1]} px (H x W), but a sample picture has {wrong[0][0]} x "
            f"{wrong[0][1]}: give samples of that size, or the size of your pictures."
        )
    return samples


def _drawn(size, side):
    from mrcnn_ext.shapes import random_picture

    random = np.random.default_rng(0)
    sizes = [size] if size else [(side, side), (side * 3 // 4, side), (side * 2, side * 3 // 2)]
    for number in range(SAMPLES):
        yield random_picture(random, *sizes[number % len(sizes)])[0]


def _seconds(model, image):
    """Median seconds of `detect`."""
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        model.detect([image])
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def _ap(model, dataset):
    from mrcnn_ext.evaluate import detect_dataset, evaluate

    image_ids = list(dataset.image_ids[:AP_PICTURES])
    detections = detect_dataset(model, dataset, image_ids, batch_size=1, progress=False)
    has_masks = any("rles" in item for item in detections)
    kind = "segm" if has_masks else "bbox"
    return float(evaluate(dataset, detections, kind, image_ids)[kind]["AP"])


def _accept(report, max_ap_loss):
    problem = "" if report.precision != "float32" else report.parity.problem
    loss = 0.0 if report.ap is None else report.ap_network - report.ap
    if not problem and loss > max_ap_loss:
        problem = f"AP falls from {report.ap_network:.4f} to {report.ap:.4f}, by more than {max_ap_loss:g}"
    if problem:
        raise ValueError(f"The export to {report.to} ({report.precision}) is refused: {problem}. Nothing was kept.")
