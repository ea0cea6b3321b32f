"""Collecting images from a server on this machine that has every fault of the web. Nothing here needs a network."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from mrcnn_ext.collect import collect_images
from mrcnn_ext.collect import run as run_module
from mrcnn_ext.collect.tables import COLUMNS, read_addresses
from tests.support.collect_runs import QUICK, QUICK_NEAR, addresses, run
from tests.support.image_server import FILES


def test_a_good_image_and_its_row(server, tmp_path):
    counts, rows = run(server, tmp_path, ["good.jpg"], source="http://a/page", license="CC BY 2.0")
    sha256 = hashlib.sha256(FILES["good.jpg"]).hexdigest()
    assert counts == {"ok": 1, "duplicate": 0, "near-duplicate": 0, "refused": 0, "failed": 0}
    row = rows["good.jpg"]
    assert (tmp_path / "out" / f"{sha256[:16]}.jpg").read_bytes() == FILES["good.jpg"]
    assert tuple(row) == COLUMNS and len(row["phash"]) == 16
    assert [row[name] for name in ("status", "error", "file", "sha256", "size", "width", "height")] == [
        *("ok", "", f"{sha256[:16]}.jpg", sha256, str(len(FILES["good.jpg"])), "160", "120")
    ]
    assert (row["source"], row["licence"], row["attribution"]) == ("http://a/page", "CC BY 2.0", "")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("page.jpg", "not an image of a known format: the server sent text/html"),
        ("cut.jpg", "a damaged image"),
        ("empty.jpg", "not an image"),
        ("float.tif", "floating point numbers"),
        ("loop.jpg", "more than 8 redirects"),
        ("ftp.jpg", "not an http or https address"),
        ("tiny.png", "too small: 20 x 10 pixels"),
        ("noai.jpg", "does not allow use for machine learning"),
        ("gone.jpg", "the server answers 404 Not Found"),
        ("declared.jpg", "too large: 300,000 bytes, more than 200,000"),
        ("undeclared.jpg", "too large: more than 200,000 bytes"),
        ("bomb.png", "too large: "),
        ("no address", "not an address"),
        ("ftp://a/b", "not an http or https address"),
        ("http://", "not an http or https address"),
        ("http://[::1", "not an address"),
        ("http://a:99999/", "not an address"),
        ("http://exa mple.org/", "not an address"),
        ("http://" + "a" * 70 + ".org/", "not an address"),
    ],
)
def test_refused(server, tmp_path, name, error):
    counts, rows = run(server, tmp_path, [name])
    (row,) = rows.values()
    assert row["status"] == "refused" and re.search(error, row["error"]) and not row["file"]
    assert sum(counts.values()) == 1


def test_fifteen_kinds_together(server, tmp_path):
    """The list of faults on one server, in one run, then a second run that asks for nothing but what failed."""
    kept = ["good.jpg", "image.jpg", "turned.jpg", "busy.jpg", "later.jpg", "moved.jpg", "noindex.jpg", "gzip.jpg"]
    refused = ["page.jpg", "cut.jpg", "loop.jpg", "tiny.png", "noai.jpg", "gone.jpg", "bomb.png", "no address"]
    failed = ["slow.jpg", "drop.jpg", "down.jpg"]
    server.pace = 0.05
    began = time.monotonic()
    counts, rows = run(server, tmp_path, [*kept, "same.jpg", "near.jpg", *refused, *failed], QUICK_NEAR)
    assert 1.0 <= time.monotonic() - began < 15  # the 429 wanted a second
    assert {name: rows[name]["status"] for name in kept if name != "good.jpg"} == dict.fromkeys(kept[1:], "ok")
    twins = [rows[name]["status"] for name in ("good.jpg", "same.jpg", "near.jpg")]
    assert twins == ["ok", "duplicate", "near-duplicate"]  # one host: in the order of the CSV
    assert rows["near.jpg"]["file"] == rows["same.jpg"]["file"] == rows["good.jpg"]["file"]
    assert {rows[name]["status"] for name in refused} == {"refused"}
    assert {name: rows[name]["error"] for name in failed} == {
        "slow.jpg": "too slow: it did not come in time",
        "drop.jpg": "the connection was lost",
        "down.jpg": "the server answers 503 Service Unavailable",
    }
    assert counts == {"ok": 8, "duplicate": 1, "near-duplicate": 1, "refused": 8, "failed": 3}
    assert (rows["image.jpg"]["file"][-4:], rows["good.jpg"]["file"][-4:]) == (".png", ".jpg")
    assert (rows["turned.jpg"]["width"], rows["turned.jpg"]["height"]) == ("120", "160")  # upright
    assert server.asked["busy.jpg"] == 3 and server.asked["later.jpg"] == 2 and server.asked["down.jpg"] == 4

    before = server.asked.copy()
    again, _ = run(server, tmp_path, [*kept, "same.jpg", "near.jpg", *refused, *failed], QUICK_NEAR)
    assert again == counts
    assert set(server.asked - before) == set(failed)


def test_near_duplicates_are_kept_unless_asked_and_found_across_runs(server, tmp_path):
    counts, _ = run(server, tmp_path, ["good.jpg"])
    assert counts["ok"] == 1
    counts, rows = run(server, tmp_path, ["good.jpg", "near.jpg", "there.jpg"], QUICK_NEAR)
    assert counts["ok"] == 2 and rows["near.jpg"]["status"] == "near-duplicate"
    (tmp_path / "other").mkdir()
    counts, _ = run(server, tmp_path / "other", ["good.jpg", "near.jpg"])
    assert counts["ok"] == 2


def test_interrupted_at_any_place(server, tmp_path, monkeypatch):
    """A run that dies in the middle, with its manifest cut at every place: the next one ends as if nothing had been."""
    names = [f"photo{i}.jpg" for i in range(6)]
    keep = run_module._Run._keep

    def dies(self, job, answer):
        if len(self.manifest.rows) == 3:
            raise KeyboardInterrupt
        keep(self, job, answer)

    monkeypatch.setattr(run_module._Run, "_keep", dies)
    with pytest.raises(KeyboardInterrupt):
        run(server, tmp_path, names)
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "*")
    counts, rows = run(server, tmp_path, names)
    assert counts["ok"] == 6
    assert [server.asked[name] for name in names] == [1, 1, 1, 2, 1, 1]  # only the one under way was lost

    path = tmp_path / "out" / "manifest.csv"
    whole = path.read_bytes()
    last = whole.rfind(b"\r\n", 0, -2) + 2
    for end in (*range(last, len(whole), 7), len(whole) - 1, 100, 50, 5, 0):
        path.write_bytes(whole[:end])
        server.asked.clear()
        counts, _ = run(server, tmp_path, names)
        assert counts["ok"] == 6
        assert sum(server.asked.values()) == (1 if end >= last else 6)
        assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_killed_process(server, tmp_path):
    """A process that is killed leaves a manifest with whole lines for whole files."""
    names = [f"photo{i}.jpg" for i in range(12)]
    urls = addresses(tmp_path / "urls.csv", server, names)
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "mrcnn_ext.commands",
        "collect",
        str(urls),
        str(out),
        "--allow-private",
        "--delay",
        "0.2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(server.times) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    asked = dict(server.asked)
    assert 4 <= len(asked) < 12
    counts, rows = run(server, tmp_path, names)
    assert counts["ok"] == 12
    assert sum(server.asked.values()) <= 13  # what was under way, at most


def test_plain_backgrounds_are_no_near_duplicates(server, tmp_path):
    """Their hashes are equal, and yet they are two images."""
    counts, rows = run(server, tmp_path, ["plain1.png", "plain2.png"], replace(QUICK, near=8))
    assert rows["plain1.png"]["phash"] == rows["plain2.png"]["phash"] and counts["ok"] == 2


def test_files_you_delete_stay_away(server, tmp_path):
    _, rows = run(server, tmp_path, ["good.jpg"])
    (tmp_path / "out" / rows["good.jpg"]["file"]).unlink()
    assert collect_images(tmp_path / "urls.csv", tmp_path / "out", QUICK, progress=False)["ok"] == 1
    assert server.asked["good.jpg"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,size\na,1\n", "names no column 'url'"),
        ("", "names no column 'url'"),
        (b"url\n\xff\xfe", "not a text file in UTF-8"),
        ('url\n"' + "x" * 140_000 + '"\n', "not a CSV file"),
    ],
)
def test_no_csv_of_addresses(tmp_path, content, message):
    path = tmp_path / "urls.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"urls.csv: .*{message}"):
        collect_images(path, tmp_path / "out")
    with pytest.raises(ValueError, match="none.csv: there is no such"):
        collect_images(tmp_path / "none.csv", tmp_path / "out")


def test_kinds_of_csv(tmp_path):
    path = tmp_path / "urls.csv"
    path.write_bytes("\ufeffName,URL,License\r\nx,http://a/ü,CC0\r\n\r\ny,http://a/ü,twice\r\nz\r\n".encode())
    assert read_addresses(path) == [{"url": "http://a/ü", "source": "", "licence": "CC0", "attribution": ""}]
    path.write_text("http://a/x,y.jpg\n\nhttps://b/\n")
    assert [row["url"] for row in read_addresses(path)] == ["http://a/x,y.jpg", "https://b/"]


def test_a_foreign_manifest_is_left_alone(server, tmp_path):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "manifest.csv"
    path.write_text("file,label\na,b\n")
    with pytest.raises(ValueError, match="not a manifest of mrcnn collect"):
        run(server, tmp_path, ["good.jpg"])
    assert path.read_text() == "file,label\na,b\n"


def test_a_spreadsheet_changed_the_manifest(server, tmp_path):
    _, rows = run(server, tmp_path, ["good.jpg"])
    path = tmp_path / "out" / "manifest.csv"
    text = path.read_text()
    path.write_text("\ufeff" + text.replace(rows["good.jpg"]["phash"], "1.2E+15"), newline="\n")
    with pytest.raises(ValueError, match="manifest.csv: the phash '1.2E.15' of .*Delete that line"):
        run(server, tmp_path, ["good.jpg"])
