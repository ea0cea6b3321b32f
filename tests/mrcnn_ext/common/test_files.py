"""Files are written whole or not at all, by one function; JSON has no NaN."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mrcnn
import mrcnn_ext
from mrcnn.whole_file import whole_file
from mrcnn_ext.collect.tables import add_addresses
from mrcnn_ext.common.files import write_json, write_text
from mrcnn_ext.datasets.label_map import write_label_map

TWO_AT_ONCE = """
import sys
from mrcnn.whole_file import whole_file
letter, path = sys.argv[1:]
for _ in range(50):
    with whole_file(path) as part, part.open("w") as file:
        for _ in range(200):
            file.write(letter * 100)
            file.flush()
"""


class Stopped(Exception):
    """Of the test's own."""


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "new"),
        lambda path: write_json(path, {"new": 1}),
        lambda path: write_label_map(path, {1: "new"}),
        lambda path: add_addresses(path, [{"url": "http://a/new.jpg", "source": "", "licence": "", "attribution": ""}]),
    ],
)
@pytest.mark.parametrize("crash", ["write", "replace"])
def test_a_crash_leaves_the_old_file(tmp_path, monkeypatch, write, crash):
    path = tmp_path / "file.txt"
    path.write_text("url\nold://file\n")

    def stop(*_, **__):
        raise Stopped

    if crash == "replace":
        monkeypatch.setattr(Path, "replace", stop)
    else:
        monkeypatch.setattr("mrcnn.whole_file._to_disk", stop)
    with pytest.raises(Stopped):
        write(path)
    assert path.read_text() == "url\nold://file\n"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_two_processes_at_once_never_mix(tmp_path):
    path = tmp_path / "file.txt"
    writers = [subprocess.Popen([sys.executable, "-c", TWO_AT_ONCE, letter, path]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.is_file():
            text = path.read_text()
            assert len(text) == 20_000 and len(set(text)) == 1
            seen.add(text[0])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {"a", "b"} and [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_two_writers_of_one_process_have_files_of_their_own(tmp_path):
    with whole_file(tmp_path / "a") as first, whole_file(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # ended last


def test_a_long_name_fits_the_file_system(tmp_path):
    for name in ("n" * 251 + ".txt", "日" * 80 + ".txt"):  # 255 and 244 bytes; file systems allow 255
        assert write_text(tmp_path / name, "text").read_text() == "text"


def test_small_files_need_not_wait_for_the_disk(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("mrcnn.whole_file._to_disk", waits.append)
    write_text(tmp_path / "a", "text", on_disk=False)
    assert waits == [] and (tmp_path / "a").read_text() == "text"
    write_text(tmp_path / "a", "text")
    assert len(waits) == 2 and waits[1] == tmp_path


def test_json_has_no_nan_and_no_half_letters(tmp_path):
    content = {
        "nan": [float("nan"), (1.5, float("-inf"))],
        "array": np.array([1.0, 2.0]),
        "odd": np.array([[1.0, np.nan], [np.inf, 2.5]]),
        "number": np.float32(3),
        "letters": "木 \ud800",
    }
    text = write_json(tmp_path / "a.json", content).read_text(encoding="utf-8")
    assert "木" in text
    assert json.loads(text, parse_constant=pytest.fail) == {
        "nan": [None, [1.5, None]],
        "array": [1, 2],
        "odd": [[1.0, None], [None, 2.5]],
        "number": 3,
        "letters": "木 \ud800",
    }
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        write_json(tmp_path / "a.json", {1})


def test_nobody_else_writes_a_part_and_renames_it():
    by_hand = re.compile(r"\.replace\((self\.)?(path|folder|notes)|os\.replace|\.part\"")
    packages = [Path(package.__file__).parent for package in (mrcnn, mrcnn_ext)]
    files = [file for package in packages for file in package.rglob("*.py") if by_hand.search(file.read_text())]
    # a download goes on in the file that it left, so its name stays the same
    assert sorted(file.name for file in files) == ["download.py", "whole_file.py"]
