"""`mrcnn collect`"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mrcnn_ext.commands import options


def collect(
    urls: Annotated[
        Path, typer.Argument(help="CSV with a column url and, where known, source, licence and attribution.")
    ],
    folder: Annotated[
        Path | None, typer.Argument(help="Folder for the images and manifest.csv. Without it nothing is fetched.")
    ] = None,
    query: Annotated[str, typer.Option(help="First search for this, and add the addresses found to the CSV.")] = "",
    source: Annotated[
        str, typer.Option(help="Where to search: openverse, or module:function of your own.")
    ] = "openverse",
    count: Annotated[int, typer.Option(help="How many images to search for.")] = 100,
    near: Annotated[
        int | None,
        typer.Option(
            help="Leave out near-duplicates: images that differ in at most this many of 64 bits. 4 is a good number."
        ),
    ] = None,
    min_side: Annotated[int, typer.Option(help="Least width and height in pixels.")] = 64,
    delay: Annotated[float, typer.Option(help="Seconds between two requests to one host.")] = 1.0,
    allow_private: options.AllowPrivate = False,
    as_json: options.Json = False,
):
    """Collect images from the web: each is fetched once, checked and recorded. Call it again to continue.

    Use only images that you may use. Keep the licence and the source of each,
    and give the credit that the licence asks for.
    Openverse has only openly licensed images.
    Other search engines show other people's work, and forbid scraping.

    Example: mrcnn collect urls.csv --query peach --count 200

    Example: mrcnn collect urls.csv data/mine --near 4
    """
    from mrcnn_ext.collect import Rules, collect_images, search

    if not query and folder is None:
        raise typer.BadParameter("say where the images go (mrcnn collect urls.csv OUT), or search with --query")
    result: dict[str, Any] = {"urls": str(urls)}
    if query:
        result["added"] = search(query, urls, count, source)
        if not as_json:
            typer.echo(f"{result['added']} new addresses in {urls}")
    if folder is not None:
        rules = Rules(near=near, min_side=min_side, delay=delay, allow_private=allow_private)
        result["statuses"] = collect_images(urls, folder, rules, progress=not as_json)
        result["manifest"] = str(folder / "manifest.csv")
        if not as_json:
            typer.echo(", ".join(f"{number} {status}" for status, number in result["statuses"].items() if number))
            typer.echo(f"What happened to each address is in {result['manifest']}")
    if as_json:
        typer.echo(json.dumps(result))
