"""The two CSV files: addresses in, manifest out."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from mrcnn.whole_file import whole_file

ADDRESS_COLUMNS = ("url", "source", "licence", "attribution")
COLUMNS = ("url", "status", "error", "file", "sha256", "size", "width", "height", "phash", *ADDRESS_COLUMNS[1:])
OTHER_NAMES = {"license": "licence", "image_url": "url"}
END = "\r\n"  # of a CSV line


def read_addresses(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV of addresses, {"url", "source", "licence", "attribution"}, each url once.

    The first line names the columns, of which only `url` must be there; a plain list of addresses will also do.
    Raises ValueError naming the file.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such CSV of addresses.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error}).") from error
    first = next(iter(text.splitlines()), "")
    names = [OTHER_NAMES.get(name.strip().lower(), name.strip().lower()) for name in _cells(first)]
    if "url" not in names:
        if "://" not in first:
            raise ValueError(
                f"{path}: its first line names no column 'url', and it is no address either: {first[:80]!r}"
            )
        table = [[line] for line in text.splitlines()]
        names = ["url"]
    else:
        table = _lines(path, text)[1:]
    rows: dict[str, dict[str, str]] = {}
    for cells in table:
        row = dict(zip(names, cells, strict=False))
        url = one_line(row.get("url", ""))
        if url:
            rows.setdefault(url, {name: one_line(row.get(name, "")) for name in ADDRESS_COLUMNS})
    return list(rows.values())


def add_addresses(path: str | Path, rows: Iterable[dict]) -> int:
    """Write rows of addresses to a CSV, behind those that it has already; returns how many were new."""
    path = Path(path)
    known = {row["url"]: row for row in read_addresses(path)} if path.exists() else {}
    before = len(known)
    for row in rows:
        known.setdefault(row["url"], row)
    _replace(path, ADDRESS_COLUMNS, known.values())
    return len(known) - before


class Manifest:
    """The CSV of what became of each address, one line for each, added as soon as it is known.

    Opening it mends what an interruption left: a last line that is cut off is dropped, and of several lines for one
    address the last is kept. rows: {url: {column: text}}. Raises ValueError for a file that is no manifest.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.rows = self._read() if self.path.exists() else {}
        _replace(self.path, COLUMNS, self.rows.values())
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def add(self, row: dict) -> None:
        """Add a line, at once; columns that the row lacks are empty."""
        row = {name: one_line(row.get(name, "")) for name in COLUMNS}
        self.rows[row["url"]] = row
        self._file.write(_line(row[name] for name in COLUMNS))
        self._file.flush()

    def close(self) -> None:
        """Close the file, with one line for each address."""
        self._file.close()
        _replace(self.path, COLUMNS, self.rows.values())

    def _read(self) -> dict:
        text = self.path.read_bytes().decode("utf-8-sig", "ignore")  # a cut may fall inside a letter
        lines = _lines(self.path, text[: text.rfind("\n") + 1])
        if (lines and tuple(lines[0]) != COLUMNS) or (not lines and not _line(COLUMNS).startswith(text)):
            raise ValueError(
                f"{self.path}: this is not a manifest of mrcnn collect; move it, or choose another folder."
            )
        return {cells[0]: dict(zip(COLUMNS, cells, strict=False)) for cells in lines[1:] if len(cells) == len(COLUMNS)}


def one_line(value: object) -> str:
    """A value as text without line ends, so that a line of a file is a row of the table."""
    return " ".join(str(value).replace("\0", "").split())


def _cells(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _lines(path: Path, text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ValueError(f"{path}: this is not a CSV file: {error}") from error


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=END).writerow(cells)
    return out.getvalue()


def _replace(path: Path, columns: Iterable[str], rows: Iterable[dict]) -> None:
    """Write a table in one step: the file is either the old one or the new one."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.write(_line(columns))
        file.writelines(_line(row[name] for name in columns) for row in rows)
