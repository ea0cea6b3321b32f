"""Export of a run: written, run beside the network, and kept only when both find the same."""

import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.conventions import conventions_of
from mrcnn.data.dataset import Dataset
from mrcnn.data.image import read_image
from mrcnn.export.exported import ExportedModel
from mrcnn.export.formats import FILES, write
from mrcnn.export.image_model import image_model
from mrcnn.export.parity import Parity, compare
from mrcnn.weights.origin import origins_of, passed_on
from mrcnn_ext.common.runs import find_run
from mrcnn_ext.datasets.label_map import write_label_map
from mrcnn_ext.datasets.one_size import OneSize, fit_image
from mrcnn_ext.detection.on_dataset import detect_dataset
from mrcnn_ext.evaluation.measure import evaluate_detections, measured_images
from mrcnn_ext.export.model_card import write_model_card

SAMPLES = 6  # images that both are run on
AP_IMAGES = 100  # images that AP is measured on
MAX_AP_LOSS = 0.01
REPEATS = 5
REPORT, LABEL_MAP, CARD, CONFIG = "export.json", "label_map.pbtxt", "MODEL_CARD.md", "config.json"


@dataclasses.dataclass
class ExportReport:
    """What was written, how far it is from the network, and how fast both are.

    seconds, seconds_network: of `detect` for the first sample image, the median of five.
    ap, ap_network: mask AP (box AP without masks) on the data set, None when none was given, of detections with
    min_score, the run's threshold, and more.  max_ap_loss: allowed.
    origins: what the weights began as, with licence and attribution.
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
    min_score: float
    ap: float | None = None
    ap_network: float | None = None
    max_ap_loss: float = MAX_AP_LOSS
    origins: list[dict] = dataclasses.field(default_factory=list)

    def to_dict(self):
        return json.loads(json.dumps(dataclasses.asdict(self), default=str))

    def text(self):
        lines = [
            f"{self.path} ({self.megabytes:.1f} MB, {self.precision})",
            f"beside the network in Keras: {self.parity.text}",
            f"seconds an image: {self.seconds:.3f}; the network in Keras: {self.seconds_network:.3f}",
        ]
        if self.ap is not None:
            limit = f"a loss of {self.max_ap_loss:g} is allowed"
            score = f"with scores from {self.min_score:g} on"
            lines.append(f"AP {score}: {self.ap:.4f}; the network in Keras: {self.ap_network:.4f}; {limit}")
        lines.extend(filter(None, [passed_on(self.origins)]))
        return "\n".join(lines)


def export_run(
    run: str | Path = "last",
    to: str = "savedmodel",
    out: str | Path | None = None,
    *,
    size: tuple[int, int] | None = None,
    precision: str = "float32",
    images: Sequence[Any] = (),
    dataset: Dataset | None = None,
    max_ap_loss: float = MAX_AP_LOSS,
    licence: str | None = None,
    logs: str | Path = "logs",
) -> ExportReport:
    """Export a run: one input, uint8 images (B, H, W, C), to boxes in their pixels, classes, scores, masks, number.

    With a size, images of another one are fitted into it (`fit_image`) before both are run on them.
    Beside the model lie label_map.pbtxt, config.json, MODEL_CARD.md and export.json, this report.

    Args:
        run: see `find_run`.
        to: "savedmodel", "onnx", "keras" or "tflite".
        out: folder; None: export/<to> in the run's folder, with the precision in its name when not float32.
        size: (height, width) of every image, pixels; None: any, for TFLite the network's.
        precision: "float32", or for ONNX and TFLite "float16" or "int8", which need a `dataset`.
        images: files or arrays that both are run on; none: the first of the data set, else drawn shapes.
        dataset: a prepared Dataset with the run's classes; AP of both is measured on up to 100 of its images.
        max_ap_loss: AP, 0 to 1, that the export may lose.
        licence: of the weights, for the model card.
        logs: where the runs are.

    Returns:
        What was compared and measured.

    Raises:
        ValueError: the export differs from the network, there was nothing to compare, AP falls by more than
            `max_ap_loss`, or `out` holds anything but an earlier export. Things are left as they were.
        MissingExtra: ONNX's packages are not installed.
    """
    if precision != "float32" and dataset is None:
        raise ValueError(f"{precision} changes what is found: give a data set, so that the loss of AP can be measured.")
    found = find_run(run, logs)
    if dataset is not None:
        found.check_classes(dataset)
    out = Path(out or found.folder / "export" / (to if precision == "float32" else f"{to}-{precision}"))
    _must_be_replaceable(out)
    model = found.model(IMAGES_PER_GPU=1, GPU_COUNT=1, PRECISION="float32")
    size = _size(to, size, model.config)
    if size is not None and dataset is not None:
        dataset = OneSize(dataset, size)
    samples = _samples(images, dataset, size, model.config)
    min_score = float(model.config.DETECTION_MIN_CONFIDENCE)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        new = Path(folder) / "new"
        new.mkdir()
        file = new / FILES[to] if to in FILES else new
        write(to, image_model(model, size, batch=1 if to == "tflite" else None), file, precision)
        pasting = conventions_of(model.config).pasting
        exported = ExportedModel(file, channels=int(model.config.IMAGE_CHANNEL_COUNT), pasting=pasting)
        report = ExportReport(
            run=found.name,
            to=to,
            precision=precision,
            path=out / file.name,
            megabytes=sum(p.stat().st_size for p in [file, *file.rglob("*")] if p.is_file()) / 1e6,
            size=size,
            parity=compare(model, exported, samples, min_score, int(model.config.DETECTION_MAX_INSTANCES)),
            seconds=_seconds(exported, samples[0]),
            seconds_network=_seconds(model, samples[0]),
            min_score=min_score,
            max_ap_loss=max_ap_loss,
            origins=origins_of(found.weights),
        )
        if dataset is not None:
            report.ap_network, report.ap = (_ap(one, dataset, model.config) for one in (model, exported))
        _accept(report)
        write_label_map(new / LABEL_MAP, dict(enumerate(found.class_names[1:], 1)))
        found.config.to_json(new / CONFIG)
        (new / REPORT).write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
        write_model_card(new / CARD, found, report, licence)
        _put_in_place(new, out)
    return report


def _must_be_replaceable(out):
    """Raises ValueError for a folder that holds anything but an export."""
    if not out.exists():
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    foreign = sorted(names - {REPORT, LABEL_MAP, CARD, CONFIG, *FILES.values()})
    if foreign or (names and REPORT not in names):
        what = foreign[0] if foreign else f"no {REPORT}"
        raise ValueError(
            f"{out} is there and would be replaced, but holds more or less than an export ({what}): give a new folder."
        )


def _put_in_place(new, out):
    """Renames the finished folder to `out`; what was there goes, but only then."""
    old = new.with_name("old")  # goes with the temporary folder
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def _size(to, size, config):
    if size is not None or to != "tflite":
        return None if size is None else (int(size[0]), int(size[1]))
    return int(config.IMAGE_MAX_DIM), int(config.IMAGE_MAX_DIM)


def _samples(images, dataset, size, config):
    """Images [H, W, C] that both are run on."""
    if len(images):
        samples = [read_image(p) if isinstance(p, str | Path) else p for p in images]
    elif dataset is not None:
        samples = [dataset.load_image(i) for i in dataset.image_ids[:SAMPLES]]
    else:
        samples = list(_drawn(size, int(config.IMAGE_MAX_DIM)))
    return samples if size is None else [fit_image(image, size) for image in samples]


def _drawn(size, side):
    from mrcnn_ext.datasets.shapes import random_image

    random = np.random.default_rng(0)
    sizes = [size] if size else [(side, side), (side * 3 // 4, side), (side * 2, side * 3 // 2)]
    for number in range(SAMPLES):
        yield random_image(random, *sizes[number % len(sizes)])[0]


def _seconds(model, image):
    """Median seconds of `detect`."""
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        model.detect([image])
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def _ap(model, dataset, config):
    """AP as `mrcnn evaluate` has it, but of detections above the run's own threshold, which an export cannot lower."""
    image_ids = measured_images(dataset, AP_IMAGES)
    detections = detect_dataset(model, dataset, image_ids, batch_size=1, progress=False)
    kind = "segm" if config.USE_MASK else "bbox"
    return float(evaluate_detections(dataset, detections, config, image_ids)[kind]["AP"])


def _accept(report):
    """Raises ValueError for an export that is not shown to find what the network finds."""
    problem = report.parity.problem if report.precision == "float32" else ""
    problem = problem or ("" if report.ap_network is None else _ap_problem(report))
    if problem:
        raise ValueError(f"The export to {report.to} ({report.precision}) is refused: {problem}. Nothing was kept.")


def _ap_problem(report):
    """Written so that NaN, the AP where the ground truth has no object, is a problem too."""
    if not report.ap_network > 0:
        return (
            f"no loss of AP can be measured where the network's own is {report.ap_network:.4f}; give a data set with "
            "objects that it finds"
        )
    if not report.ap_network - report.ap <= report.max_ap_loss:
        return f"AP falls from {report.ap_network:.4f} to {report.ap:.4f}, by more than {report.max_ap_loss:g}"
    return ""
