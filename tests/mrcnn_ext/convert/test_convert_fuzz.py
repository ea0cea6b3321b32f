"""Broken files of every format: a clear error that names the file, or a correct result; no hang and no other error.

Nothing is lost in silence either: where the shapes of a broken file can be counted, each is kept or in the account.

A case takes the sample of a format, cuts one of its files off at random or changes some of its bytes, and reads it.
Records of TFRecord are mostly changed inside, with the checksums made anew, which would find any other damage.
"""

import json
import random
import shutil
import signal
import struct

import pytest

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert import Options, detect, read
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.tfrecord.shards import masked_crc
from tests.support import folder_samples  # noqa: F401 (it fills SAMPLES)
from tests.support.label_samples import SAMPLES, sample

FAST, MANY = 150, 800  # cases a sample; 14 samples x 800 are more than 10,000
SECONDS = 20  # a case of 5 milliseconds that takes longer hangs
STRUCTURE = b'{}[]",:0123456789.-<>/ntf'


SHAPES = {  # the key of the list, or object, that holds the shapes
    "coco": "annotations",
    "labelbox": "objects",
    "labelbox-v1": "objects",
    "labelme": "shapes",
    "labelstudio": "result",
    "supervisely": "objects",
    "via": "regions",
}
KINDS = [f"{kind}labels" for kind in ("polygon", "rectangle", "ellipse", "brush", "bitmask", "keypoint")]
WHOLE_IMAGES = ("image", "task", "label of an image", "file that is no")  # what is dropped with all its shapes


class Hangs(Exception):
    """Raised by the alarm."""


def broken(data: bytes, rng: random.Random) -> bytes:
    """The bytes cut off, or with some changed: at random, to another digit or sign, or a piece left out or doubled."""
    if not data:
        return b"\x00"
    kind = rng.randrange(5)
    if kind == 0:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    if kind in (1, 2):
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed))
            changed[at] = rng.randrange(256) if kind == 1 else rng.choice(STRUCTURE)
        return bytes(changed)
    start = rng.randrange(len(changed))
    end = min(len(changed), start + rng.randint(1, 30))
    changed[start:end] = b"" if kind == 3 else changed[start:end] * 2
    return bytes(changed)


def signed(data: bytes, rng: random.Random) -> bytes:
    """A file of one record with a broken content, but with the right length and checksums."""
    content = broken(data[12:-4], rng)
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked_crc(length)) + content + struct.pack("<I", masked_crc(content))


def shapes_in(value, key: str) -> int:
    """How many shapes there are under a key, anywhere in JSON; Label Studio's answers stand among them, too."""
    if isinstance(value, list):
        return sum(shapes_in(item, key) for item in value)
    if not isinstance(value, dict):
        return 0
    found = value.get(key) if isinstance(value.get(key), (list, dict)) else []
    kinds = [item.get("type") for item in found if isinstance(item, dict) and key == "result"]
    answers = sum(kind not in KINDS for kind in kinds)
    return len(found) - answers + sum(shapes_in(item, key) for item in value.values())


def balance(name: str, path, builder) -> tuple[int, int]:
    """Images that were dropped with all their shapes; shapes that are neither objects nor in the account."""
    dropped = builder.account.dropped
    images = sum(len(places) for what, places in dropped.items() if any(word in what for word in WHOLE_IMAGES))
    if name not in SHAPES:
        return images, 0
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    there = 0
    for file in files:
        lines = file.read_bytes().splitlines() if file.suffix == ".ndjson" else [file.read_bytes()]
        there += sum(shapes_in(json.loads(line.decode("utf-8-sig")), SHAPES[name]) for line in lines if line.strip())
    listed = sum(len(places) for what, places in dropped.items() if not what.startswith("answer"))
    return images, there - len(builder.annotations) - listed


def check_case(name: str, path, options, work, whole: tuple[int, int]) -> bool:
    """True when the broken labels could be read: then the result must be valid COCO, and nothing be missing.

    whole: the balance of the sample, where some shapes are parts of others, and some images are dropped.
    """
    for how in ("auto", name):
        try:
            if how == "auto":
                detect(path)
                continue
            builder = read(path, how, Options(**options))
        except (ValueError, OSError) as error:
            assert str(path) in str(error) or str(path.parent) in str(error), f"no file is named: {error}"
            continue
        coco = builder.coco()
        file = CocoFile(write_json(work / "coco.json", coco))
        for row in range(len(file.images)):
            for number in file.objects(row):
                file.rle(row, number)
        assert all(item["area"] > 0 for item in coco["annotations"])
        images, missing = balance(name, path, builder)
        assert missing <= whole[1] or images != whole[0], "shapes were lost in silence"
        return True
    return False


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("cases", [FAST, pytest.param(MANY, marks=pytest.mark.slow)])
def test_broken_files(tmp_path, name, cases):
    (tmp_path / "labels").mkdir()
    path, options = sample(name, tmp_path / "labels")
    shutil.copytree(tmp_path / "labels", tmp_path / "whole")
    files = sorted(file for file in (tmp_path / "labels").rglob("*") if file.is_file())
    format_name = "via" if name == "via-1" else name
    balanced = balance(format_name, path, read(path, format_name, Options(**options)))
    assert check_case(format_name, path, options, tmp_path, balanced)
    previous = signal.signal(signal.SIGALRM, hang)
    read_anyway = 0
    try:
        for seed in range(cases):
            rng = random.Random(f"{name} {cases} {seed}")
            file = rng.choice(files)
            content = file.read_bytes()
            inside = file.suffix == ".tfrecord" and rng.random() < 0.8
            file.write_bytes((signed if inside else broken)(content, rng))
            signal.alarm(SECONDS)
            try:
                read_anyway += check_case(format_name, path, options, tmp_path, balanced)
            except BaseException as error:
                error.add_note(f"format {name}, case {seed} of {cases}, file {file.name}: {file.read_bytes()[:3000]!r}")
                raise
            finally:
                signal.alarm(0)
            file.write_bytes(content)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert 0 < read_anyway < cases


def hang(*_):
    raise Hangs(f"a case took more than {SECONDS} s")
