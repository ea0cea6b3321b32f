"""Broken files of every format: a clear error that names the file, or a correct result; no hang and no other error.

A case takes the sample of a format, cuts one of its files off at random or changes some of its bytes, and reads it.
Records of TFRecord are mostly changed inside, with the checksums made anew, which would find any other damage.
"""

import random
import shutil
import signal
import struct

import folder_samples  # noqa: F401 (it fills SAMPLES)
import pytest
from label_samples import SAMPLES, sample

from mrcnn_ext.coco_file import CocoFile
from mrcnn_ext.convert import Options, detect, read
from mrcnn_ext.convert.files import write_json
from mrcnn_ext.tfrecord.checksum import masked_crc

FAST, MANY = 150, 800  # cases a sample; 14 samples x 800 are more than 10,000
SECONDS = 20  # a case of 5 milliseconds that takes longer hangs
STRUCTURE = b'{}[]",:0123456789.-<>/ntf'


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


def check_case(name: str, path, options, work) -> bool:
    """True when the broken labels could be read: then the result must be valid COCO."""
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
    assert check_case(format_name, path, options, tmp_path)
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
                read_anyway += check_case(format_name, path, options, tmp_path)
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
