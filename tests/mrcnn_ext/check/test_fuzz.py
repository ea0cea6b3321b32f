"""Damaged files: whatever is in them, check ends in a report, and fix in a copy or a ValueError."""

import copy
import json
import random
import shutil

import pytest

from mrcnn_ext.check import check_data, fix_data
from mrcnn_ext.check.page import html_page

ODD = [None, True, -1, 0, 3, 1.5, 1e308, -1e308, float("nan"), 2**70, "", "7", "\ud800", "a\0b", [], [[]], {}, [1, 2]]
ODD += [{"size": 5, "counts": []}, {"size": [40, 60], "counts": [-1]}, [[1e308, 0, -1e308, 5, 9, 1e308]], [["x"]]]


def _places(value, path=()):
    """Paths to everything inside a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def _with_odd_value(content, rng):
    """A copy with one to three values anywhere replaced by odd ones, or taken out."""
    content = json.loads(json.dumps(content))
    for _ in range(rng.randint(1, 3)):
        *path, last = rng.choice([place for place in _places(content) if place])
        parent = content
        for key in path:
            parent = parent[key]
        if rng.random() < 0.2:
            del parent[last]
        else:
            parent[last] = copy.deepcopy(rng.choice(ODD))
    return json.dumps(content).encode()


def _with_odd_bytes(content, rng):
    data = bytearray(json.dumps(content).encode())
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)


def _run(made, tmp_path, seeds, repair):
    made.write()
    file = made.folder / "annotations" / "instances_made_train2018.json"
    for seed in seeds:
        rng = random.Random(seed)
        break_it = rng.choice([_with_odd_value, _with_odd_value, _with_odd_bytes])
        file.write_bytes(break_it(made.train, rng))
        try:
            report = check_data(made.folder, progress=False)
            json.dumps(report.to_dict())
            if seed % 10 == 0:
                html_page(report).encode("utf-8")
            if repair:
                fixed = fix_data(made.folder, tmp_path / "fixed", progress=False)
                left = {code for code in fixed.report.counts if code.startswith(("polygon", "box", "area", "mask-b"))}
                assert not left - {"box-missing", "area-missing"}, left
                shutil.rmtree(tmp_path / "fixed")
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__} {error}: {file.read_bytes()!r}") from error


def test_damaged_annotations(made, tmp_path):
    _run(made, tmp_path, range(60), repair=False)
    _run(made, tmp_path, range(60, 100), repair=True)


@pytest.mark.slow
def test_many_damaged_annotations(made, tmp_path):
    _run(made, tmp_path, range(1000, 3000), repair=False)
    _run(made, tmp_path, range(3000, 4000), repair=True)


def test_damaged_images(made):
    whole = made.image(1).read_bytes()
    rng = random.Random(0)
    for _ in range(60):
        data = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.5 else whole)
        for _ in range(rng.randint(0, 3)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        made.image(1).write_bytes(data)
        assert set(made.check().counts) <= {"image-unreadable", "image-size"}
