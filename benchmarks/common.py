"""What the benchmarks share: cases in processes of their own, peak memory, tables.

A case is a function of plain arguments that prints nothing and returns a dict of numbers; it runs in a fresh process,
so that its peak memory is its own.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from case_data import CLASSES, OBJECTS, settings

PRESETS = ("tiny", "r50", "r101")
SIZES = (128, 512)
MODES = ("eager", "graph", "xla")


def config_for(preset, size, **values):
    """A Config of a preset for square images of `size` pixels, with the settings of `case_data`."""
    from mrcnn import presets

    base = {"tiny": presets.TinyConfig, "r50": presets.ResNet50Config, "r101": presets.ResNet101Config}[preset]
    case = settings(size)
    common = {
        "NAME": preset,
        "NUM_CLASSES": CLASSES,
        "IMAGE_MIN_DIM": size,
        "IMAGE_MAX_DIM": size,
        "RPN_ANCHOR_SCALES": case["anchors"],
        "IMAGES_PER_GPU": case["batch"],
        "MAX_GT_INSTANCES": 20,
        "SEED": 0,
    }
    if preset != "tiny":  # which has its own
        common["TRAIN_ROIS_PER_IMAGE"] = case["rois"]
    return type("BenchmarkConfig", (base,), common | values)()


def training_batch(config, images, boxes, classes):
    """A batch as the loader gives it, of the images of `case_data`; the masks fill their boxes."""
    empty = ((0, 0), (0, config.MAX_GT_INSTANCES - OBJECTS))
    valid = np.arange(config.MAX_GT_INSTANCES) < OBJECTS
    return {
        "images": images.astype(np.float32) - config.MEAN_PIXEL.astype(np.float32),
        "active_class_ids": np.ones((len(images), config.NUM_CLASSES), np.float32),
        "gt_class_ids": np.pad(classes, empty).astype(np.int32),
        "gt_boxes_px": np.pad(boxes, (*empty, (0, 0))).astype(np.float32),
        "gt_valid": np.broadcast_to(valid, (len(images), len(valid))),
        "gt_masks": np.ones((len(images), len(valid), *config.MINI_MASK_SHAPE), np.uint8),
    }


def time_calls(call, repeats):
    """Seconds of `repeats` calls after two that do not count: least and median."""
    for _ in range(2):
        call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return {"least_s": min(seconds), "median_s": statistics.median(seconds)}


def run_case(case, *args):
    """Result of `case(*args)` in a process of its own, with `peak_mb`, the process's greatest resident memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (case, args))


def _measured(case, args):
    result = case(*args)
    return result | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def machine():
    """What the figures were measured on."""
    import keras

    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
    }


def arguments(description):
    """The command line that every benchmark has; add to it, then parse."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    return parser


def report(rows, json_path):
    """Prints rows (dicts of the same keys) as a Markdown table, and writes them with the machine to `json_path`."""
    names = list(rows[0])
    print("| " + " | ".join(names) + " |")
    print("|" + " --- |" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    facts = machine()
    print("\n" + ", ".join(f"{key} {value}" for key, value in facts.items()))
    if json_path:
        json_path.write_text(json.dumps({"machine": facts, "rows": rows}, indent=2) + "\n")
