"""Images a second of the loader alone, on 640 x 480 JPEGs with seven objects each, beside the old data_generator.

    python benchmarks/loader.py [--threads 1 2 4 8] [--side 512] [--seconds 10] [--json FILE]

The images are drawn once into a temporary folder, as a COCO data set; both read it, mold to `side` pixels and make
mini masks. The old generator also makes the RPN's targets on the CPU, as it must; ours are made in the graph.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from common import report

IMAGES, OBJECTS, BATCH = 64, 7, 4


def draw(folder):
    """A COCO data set of noisy JPEGs with polygons of 24 corners."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, IMAGES + 1):
        noise = cv2.resize(rng.integers(0, 256, (60, 80, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
        for _ in range(OBJECTS):
            angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            radius, centre = rng.uniform(20, 70), rng.uniform([80, 80], [560, 400])
            outline = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(
                0.8, 1, (24, 1)
            )
            cv2.fillPoly(noise, [outline.astype(np.int32)], rng.integers(0, 256, 3).tolist())
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "segmentation": [outline.ravel().round(1).tolist()],
                    "bbox": [*outline.min(axis=0), *np.ptp(outline, axis=0)],
                    "area": float(cv2.contourArea(outline.astype(np.float32))),
                }
            )
        cv2.imwrite(str(folder / f"{number}.jpg"), noise)
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 640, "height": 480})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "blob"}]}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder / "labels.json"


def rate(batches, seconds):
    """Images a second of an iterator of batches, after the first two: of the clock, and of all cores together."""
    for _ in range(2):
        next(batches)
    start, begin, count = time.perf_counter(), time.process_time(), 0
    while (passed := time.perf_counter() - start) < seconds:
        next(batches)
        count += BATCH
    return {"images_a_second": count / passed, "images_a_cpu_second": count / (time.process_time() - begin)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--side", type=int, default=512, help="pixels of the molded image")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    from mrcnn.data.generator import data_generator
    from mrcnn.data.loader import Loader
    from mrcnn.presets import LIGHT_AUGMENTATION, ResNet50Config
    from mrcnn_ext.datasets.coco import CocoDataset

    values = {"NUM_CLASSES": 2, "IMAGES_PER_GPU": BATCH, "IMAGE_MIN_DIM": options.side, "IMAGE_MAX_DIM": options.side}
    config = type("LoaderConfig", (ResNet50Config,), values)()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        dataset = CocoDataset()
        dataset.load_coco_files(draw(Path(folder)), folder)
        dataset.prepare()
        for augmentation in (None, LIGHT_AUGMENTATION):
            changed = "light" if augmentation else "none"
            old = data_generator(dataset, config, augmentation=augmentation, batch_size=BATCH)
            rows.append({"loader": "data_generator", "augmentation": changed, "threads": 1})
            rows[-1] |= rate(old, options.seconds)
            for threads in options.threads:
                with Loader(dataset, config, augmentation=augmentation, seed=0, threads=threads) as loader:
                    rows.append({"loader": "Loader", "augmentation": changed, "threads": threads})
                    rows[-1] |= rate(loader, options.seconds)
            print(rows, flush=True)
    report(rows, options.json)


if __name__ == "__main__":
    main()
