"""Running `collect` in tests: its CSV, its rules, its manifest."""

import csv
from dataclasses import replace

from mrcnn_ext.collect import Rules, collect_images

QUICK = Rules(delay=0.0, backoff=0.01, timeout=1.0, max_bytes=200_000, allow_private=True)
QUICK_NEAR = replace(QUICK, near=4)


def addresses(path, server, names, **columns):
    """Write a CSV of addresses; a name without a dot is taken as the whole text of the address."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["url", *columns])
        writer.writeheader()
        for name in names:
            writer.writerow({"url": f"{server.url}/{name}" if "." in name and ":" not in name else name} | columns)
    return path


def manifest(folder):
    """{last part of the url: row} of a manifest, which has each address once."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["url"] for row in rows}) == len(rows)
    return {row["url"].rpartition("/")[2]: row for row in rows}


def run(server, tmp_path, names, rules=QUICK, **columns):
    out = tmp_path / "out"
    counts = collect_images(addresses(tmp_path / "urls.csv", server, names, **columns), out, rules, progress=False)
    rows = manifest(out) if (out / "manifest.csv").exists() else {}
    files = {path.name for path in out.iterdir()} - {"manifest.csv"}
    assert files == {row["file"] for row in rows.values() if row["status"] == "ok"}  # no leftovers, nothing missing
    return counts, rows
