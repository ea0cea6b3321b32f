"""Deciding, before anything is changed, what each layer of a model gets from a file, and whether that is enough."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np

from mrcnn.weights.class_rows import ROWS_PER_CLASS, class_count, class_rows, copy_rows
from mrcnn.weights.h5 import read_array
from mrcnn.weights.load_report import LoadReport, some
from mrcnn.weights.network_of import differences, network_of

HEAD_PREFIXES = ("fpn_", "rpn_", "mrcnn_")  # all other layers are the backbone's
WEIGHTLESS = ("mrcnn_class", "mrcnn_bbox")  # layers without weights that old code likes to exclude
EXTRAS = ("anchors", "lambda", "fc1000")  # what ports of the old engine and ImageNet files with a top have beside it
EXCLUDED = "excluded by the caller"
LINES = 6  # of problems that are shown
# Keras' ImageNet files of ResNet-50, with and without the top: its `preprocess_input` turns RGB into BGR ("caffe").
BGR_FILE = re.compile(r"resnet50_weights_tf_dim_ordering_tf_kernels(_notop)?\.h5")


@dataclass(frozen=True)
class Request:
    """What the caller of load_weights asked for."""

    path: Path
    mode: str
    exclude: tuple[str, ...] = ()
    skip_mismatch: bool = False
    class_names_file: list[str] | None = None
    class_names_model: list[str] | None = None


@dataclass
class Plan:
    """The state while planning: where each variable's values come from, and what stands in the way."""

    request: Request
    report: LoadReport
    sources: list[tuple[keras.Variable, Callable[[], np.ndarray]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan_load(layers: dict, stored: dict, request: Request):
    """([(variable, function that reads its new value)], report) for model layers and an open file's layers.

    Raises ValueError with all that does not fit.
    """
    if request.mode not in ("training", "inference"):
        raise ValueError(f"mode is {request.mode!r}: use 'training' or 'inference'")
    plan = Plan(request, LoadReport(str(request.path)))
    found = {name: _find(name, stored, layers) for name in layers}
    plan.report.unused = [name for name in stored if name not in found.values()]
    here = {name: _shape(layer.weights) for name, layer in layers.items()}
    there = {name: _shape(stored[its_name]) for name, its_name in found.items() if its_name}
    rows = class_rows(request, class_count(there), class_count(here))
    first_convolution = next((name for name in here if len(here[name].get("kernel", ())) == 4), None)
    for name, layer in layers.items():
        if name in request.exclude or layer.group in request.exclude:
            plan.report.skipped[name] = EXCLUDED
        elif found[name] is None:
            plan.report.missing.append(name)
        else:
            _plan_layer(plan, layer, stored[found[name]], rows, name == first_convolution)
    if BGR_FILE.fullmatch(request.path.name) and first_convolution in plan.report.loaded:
        plan.report.loaded.remove(first_convolution)
        plan.report.adapted[first_convolution] = "made for BGR images, turned for RGB"
    _note_unknown_excludes(plan, layers, stored)
    whole = {name: _shape(arrays) for name, arrays in stored.items()}
    _judge(plan, layers, stored, differences(network_of(whole), network_of(here)))
    return plan.sources, plan.report


def _plan_layer(plan: Plan, layer, arrays: dict, rows, is_first_convolution: bool) -> None:
    here, there = _shape(layer.weights), _shape(arrays)
    if layer.name in ROWS_PER_CLASS and rows.differ and rows.fit(layer.name, there, here):
        _plan_head(plan, layer, arrays, rows)
    elif here == there:
        is_bgr = is_first_convolution and BGR_FILE.fullmatch(plan.request.path.name)
        _take(plan, layer, arrays, _turn_channels if is_bgr else np.asarray)
        plan.report.loaded.append(layer.name)
    elif is_first_convolution and _only_channels_differ(here, there):
        before, after = there["kernel"][2], here["kernel"][2]
        _take(plan, layer, arrays, partial(_inflate, channels=after))
        plan.report.adapted[layer.name] = (
            f"{before} input channels in the file, {after} in the model: kernels averaged, same answer to gray"
        )
    else:
        differences = [
            f"{weight} is {there.get(weight, 'absent')} in the file, {here.get(weight, 'absent')} in the model"
            for weight in dict.fromkeys((*here, *there))
            if here.get(weight) != there.get(weight)
        ]
        plan.report.skipped[layer.name] = f"shape: {'; '.join(differences)}"
        if not plan.request.skip_mismatch:
            plan.problems.append(f"{layer.name}: {'; '.join(differences)}")


def _plan_head(plan: Plan, layer, arrays: dict, rows) -> None:
    """One of the layers whose last axis counts classes, where the classes of file and model are not the same."""
    if plan.request.mode == "inference" and not rows.complete:
        plan.report.skipped[layer.name] = rows.reason
        if not plan.request.skip_mismatch and rows.complaint not in plan.problems:
            plan.problems.append(rows.complaint)
        return
    for weight, variable in layer.weights.items():
        fresh = partial(_initial, layer.layer, variable)
        if rows.kept:
            read = partial(_rows_of, arrays[weight], fresh, rows.kept, ROWS_PER_CLASS[layer.name], plan.request.path)
            plan.sources.append((variable, read))
        else:
            plan.sources.append((variable, fresh))
    account = plan.report.adapted if rows.kept else plan.report.skipped
    account[layer.name] = rows.reason


def _judge(plan: Plan, layers: dict, stored: dict, different: list[str]) -> None:
    """Raise ValueError unless the file gives what the caller may expect; add notes on what may not be meant.

    different: settings of the file's network that are not the model's.
    """
    report, request = plan.report, plan.request
    if not report.loaded and not report.adapted:
        if report.skipped and not report.missing and set(report.skipped.values()) == {EXCLUDED}:
            raise ValueError(f"{request.path}: exclude names all layers of the model, so nothing is left to load")
        if report.missing and not plan.problems:
            raise ValueError(
                f"{request.path}: nothing in it fits the model. The file has {some(stored) or 'no layers'}; "
                f"the model has {some(layers)}"
            )
    training = request.mode == "training"
    backbone_only = not any(name.startswith(HEAD_PREFIXES) for name in stored)
    if report.missing and not request.skip_mismatch:
        if training and backbone_only:
            _judge_backbone_only(plan)
        else:
            plan.problems.append(f"not in the file: {some(report.missing)}")
    surplus = [n for n in report.unused if not n.startswith(EXTRAS) and not _mask_of_a_maskless(n, layers)]
    if surplus:
        sentence = f"the model lacks layers of the file, {some(surplus)}: is BACKBONE the one it was trained with?"
        if request.skip_mismatch:
            report.notes.append(sentence)
        else:
            plan.problems.append(sentence)
    if plan.problems:
        lines = plan.problems[:LINES]
        if different:
            lines = [f"it is of another network: {', '.join(different)}", *lines]
        if len(plan.problems) > LINES:
            lines.append(f"and {len(plan.problems) - LINES} more layers")
        raise ValueError(
            f"{request.path} does not fit the model, which was left as it is:\n  " + "\n  ".join(lines) + "\n"
            "Build the model with the settings of the file; or name what to leave at its initial values in "
            "exclude=[...], or pass skip_mismatch=True."
        )
    if not report.loaded and not report.adapted:
        raise ValueError(f"{request.path}: nothing was loaded\n{report}")


def _judge_backbone_only(plan: Plan) -> None:
    """ResNet-50's ImageNet file may start a ResNet-101, as it always could; a file with less is the wrong one."""
    report = plan.report
    lacking = [name for name in report.missing if not name.startswith(HEAD_PREFIXES)]
    taken = len(report.loaded) + len(report.adapted)
    if len(lacking) > taken:
        plan.problems.append(f"only {taken} of {taken + len(lacking)} layers of the backbone are in the file")
    report.notes.append("the file holds a backbone only: all other layers keep their initial values")
    if lacking:
        report.notes.append(f"{len(lacking)} layers of the backbone keep theirs, too: {some(lacking)}")


def _note_unknown_excludes(plan: Plan, layers: dict, stored: dict) -> None:
    known = {*layers, *stored, *WEIGHTLESS, *(layer.group for layer in layers.values())}
    unknown = [name for name in plan.request.exclude if name not in known]
    if unknown:
        plan.report.notes.append(f"exclude names no layer with weights: {some(unknown)}")


def _find(name: str, stored: dict, layers: dict) -> str | None:
    """The file's layer of that name, or the only one with a number added (a second model in a TensorFlow 1 session)."""
    if name in stored:
        return name
    numbered = [n for n in stored if n not in layers and re.fullmatch(re.escape(name) + r"_\d+", n)]
    return numbered[0] if len(numbered) == 1 else None


def _take(plan: Plan, layer, arrays: dict, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for weight, variable in layer.weights.items():
        plan.sources.append((variable, partial(_read, arrays[weight], plan.request.path, change)))


def _read(dataset, path, change) -> np.ndarray:
    return change(read_array(dataset, path))


def _rows_of(dataset, fresh, kept: dict, per_class: int, path) -> np.ndarray:
    return copy_rows(read_array(dataset, path), fresh(), kept, per_class)


def _initial(layer, variable) -> np.ndarray:
    """What the layer starts with; the present values where it does not say."""
    layer = getattr(layer, "layer", layer)  # of a TimeDistributed
    initializer = getattr(layer, f"{variable.name}_initializer", None)
    if initializer is None:
        return np.asarray(variable)
    return keras.ops.convert_to_numpy(initializer(variable.shape))


def _turn_channels(array: np.ndarray) -> np.ndarray:
    """A kernel (h, w, 3, out) for RGB, from one for BGR or the other way round."""
    return array[:, :, ::-1] if array.ndim == 4 else array


def _inflate(array: np.ndarray, channels: int) -> np.ndarray:
    """A kernel (h, w, C, out) for another C: each channel gets the mean, scaled so that the sum over C stays."""
    if array.ndim != 4:
        return array
    return np.repeat(array.sum(axis=2, keepdims=True) / channels, channels, axis=2)


def _only_channels_differ(here: dict, there: dict) -> bool:
    cut = [{w: s if w != "kernel" else (*s[:2], *s[3:]) for w, s in shapes.items()} for shapes in (here, there)]
    return cut[0] == cut[1]


def _mask_of_a_maskless(name: str, layers: dict) -> bool:
    return name.startswith("mrcnn_mask") and not any(layer.startswith("mrcnn_mask") for layer in layers)


def _shape(weights: dict) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}
