"""Where addresses come from: a search that tells the licence of each image, or a plug-in of your own."""

import importlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mrcnn_ext.collect.openverse import search_openverse
from mrcnn_ext.collect.tables import ADDRESS_COLUMNS, add_addresses, one_line


def search(query: str, urls_csv: str | Path, count: int = 100, source: str = "openverse") -> int:
    """Search for images and add their addresses to a CSV that `collect` reads; returns how many are new.

    source: "openverse", which has openly licensed images only and tells licence and author of each; or
    "module:function" for your own: called with (query, count), it yields dicts with `url` and, where known, `source`
    (the page it is from), `licence` and `attribution`. No engine that must be scraped comes with this package: that
    breaks their terms, and what they show belongs to others.
    Raises ValueError for an unknown source, OSError where it does not answer.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, but is {count}.")
    found = itertools.islice(_source(source)(query, count), count)
    return add_addresses(urls_csv, _addresses(found, source))


def _addresses(found: Iterable[dict], source: str) -> Iterator[dict]:
    for row in found:
        if not isinstance(row, dict) or not row.get("url"):
            raise ValueError(f"{source}: a source must yield dicts with a url, but yields {str(row)[:80]}")
        yield {name: one_line(row.get(name) or "") for name in ADDRESS_COLUMNS}


def _source(name: str) -> Callable[[str, int], Iterable[dict]]:
    if name == "openverse":
        return search_openverse
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"source {name!r}: there are openverse, and module:function for a plug-in of your own.")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"source {name!r} cannot be loaded: {error}") from error
