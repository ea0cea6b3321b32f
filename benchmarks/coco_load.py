"""Seconds and memory to load an annotation file of COCO's size.

    python benchmarks/coco_load.py [--images 118000] [--objects 860000] [--folder DIR] [--json FILE]

The file is made: as many images, objects, points and bytes as instances_train2017.json, 1 in 86 objects a crowd. Each
reader has a process of its own. `json` only parses; `pycocotools` is `COCO(file)`; `CocoFile` and `CocoDataset` are
ours, the second with a look for each image file. `kept` is what the loaded data hold, `peak` the most during loading.
"""

import argparse
import contextlib
import gc
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from common import report, run_case

WIDTH, HEIGHT = 640, 480
POINTS = 24  # of a polygon, on average: this gives COCO's 480 bytes an object
CROWDS = 86  # one object in so many is a crowd with an RLE


def write_set(folder, images, objects):
    """An annotation file and an empty file for each image; returns (file, folder of the images)."""
    rng = np.random.default_rng(0)
    image_dir = folder / "images"
    image_dir.mkdir(parents=True, exist_ok=True)
    file = folder / "instances.json"
    url = "http://images.cocodataset.org/train2017/"
    with file.open("w") as out:
        out.write('{"info": {}, "licenses": [], "categories": ')
        json.dump([{"id": i, "name": f"class {i}", "supercategory": "thing"} for i in range(1, 81)], out)
        out.write(', "images": [')
        for number in range(images):
            name = f"{number:012d}.jpg"
            (image_dir / name).touch()
            entry = {"license": 3, "file_name": name, "coco_url": url + name, "height": HEIGHT, "width": WIDTH}
            entry |= {"date_captured": "2013-11-14 11:18:45", "flickr_url": f"http://farm9.staticflickr.com/{name}"}
            out.write((", " if number else "") + json.dumps(entry | {"id": number}))
        out.write('], "annotations": [')
        for number in range(objects):
            entry = _crowd(rng) if number % CROWDS == 0 else _object(rng)
            entry |= {"image_id": int(rng.integers(images)), "category_id": number % 80 + 1, "id": number + 1}
            out.write((", " if number else "") + json.dumps(entry))
        out.write("]}")
    return file, image_dir


def _object(rng):
    """A polygon around a place, with coordinates of two digits after the point."""
    count = int(rng.integers(POINTS // 3, POINTS * 5 // 3 + 1))
    angles = np.sort(rng.random(count)) * 2 * np.pi
    x, y = rng.integers(60, WIDTH - 60), rng.integers(60, HEIGHT - 60)
    radii = rng.uniform(10, 60, count)
    points = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)
    low, high = points.min(axis=0), points.max(axis=0)
    return {
        "segmentation": [points.round(2).reshape(-1).tolist()],
        "area": float(np.prod(high - low).round(2)),
        "iscrowd": 0,
        "bbox": [*low.round(2).tolist(), *(high - low).round(2).tolist()],
    }


def _crowd(rng):
    """An RLE of uncompressed runs, as COCO's crowds have it."""
    runs = np.diff(np.sort(rng.choice(WIDTH * HEIGHT - 1, 300, replace=False) + 1), prepend=0, append=WIDTH * HEIGHT)
    area = int(runs[1::2].sum())
    return {
        "segmentation": {"counts": runs.tolist(), "size": [HEIGHT, WIDTH]},
        "area": area,
        "iscrowd": 1,
        "bbox": [0, 0, WIDTH, HEIGHT],
    }


def load(reader, file, image_dir):
    """Seconds (of the clock, and of the processor), and memory that the loaded data hold."""
    call = {"json": _json, "pycocotools": _pycocotools, "CocoFile": _coco_file, "CocoDataset": _coco_dataset}[reader]
    call(None, None)  # imports do not count
    before, start, cpu = _resident_mb(), time.perf_counter(), time.process_time()
    loaded = call(file, image_dir)
    figures = {"seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    gc.collect()
    kept = _resident_mb() - before
    assert loaded is not None
    return figures | {"kept_mb": kept}


def _json(file, image_dir):
    if file is None:
        return None
    with file.open() as content:
        return json.load(content)


def _pycocotools(file, image_dir):
    from pycocotools.coco import COCO

    if file is None:
        return None
    with Path(os.devnull).open("w") as quiet, contextlib.redirect_stdout(quiet):
        return COCO(str(file))


def _coco_file(file, image_dir):
    from mrcnn_ext.datasets.coco_file import CocoFile

    return None if file is None else CocoFile(file)


def _coco_dataset(file, image_dir):
    from mrcnn_ext.datasets.coco import CocoDataset

    if file is None:
        return None
    dataset = CocoDataset()
    dataset.load_coco_files(file, image_dir)
    dataset.prepare()
    return dataset


def _resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--objects", type=int, default=860_000)
    parser.add_argument("--repeats", type=int, default=3, help="the least of so many runs is reported")
    parser.add_argument("--folder", type=Path, help="keep the made set here, and use it again")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        file, image_dir = folder / "instances.json", folder / "images"
        if not file.exists():
            file, image_dir = write_set(folder, options.images, options.objects)
        print(f"{file.stat().st_size >> 20} MB")
        rows = []
        for reader in ("json", "pycocotools", "CocoFile", "CocoDataset"):
            runs = [run_case(load, reader, file, image_dir) for _ in range(options.repeats)]
            rows.append({"reader": reader} | {key: min(run[key] for run in runs) for key in runs[0]})
            print(rows[-1], flush=True)
        report(rows, options.json)


if __name__ == "__main__":
    main()
