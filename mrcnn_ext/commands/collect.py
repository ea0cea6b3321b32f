"""`mrcnn collect`"""

import json
from pathlib import Path
from typing import Annotated

import typer


def collect(
    urls: Annotated[Path, typer.Argument(help="CSV with a column url, and where known source, licence, attribution.")],
    folder: Annotated[Path | None, typer.Argument(help="Where the images and manifest.csv go.")] = None,
    query: Annotated[str, typer.Option(help="First search for this, and add what is found to the CSV.")] = "",
    source: Annotated[
        str, typer.Option(help="Where to search: openverse, or module:function of your own.")
    ] = "openverse",
    count: Annotated[int, typer.Option(help="How many images to search for.")] = 100,
    near: Annotated[
        int | None, typer.Option(help="Leave out near-duplicates: bits of 64 that may differ; 4 is a good number.")
    ] = None,
    min_side: Annotated[int, typer.Option(help="Smallest width and height, pixels.")] = 64,
    delay: Annotated[float, typer.Option(help="Seconds between two requests to one host.")] = 1.0,
    allow_private: Annotated[bool, typer.Option(help="Also ask hosts in this network, such as localhost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
):
    """Collect images from the web: each is fetched once, checked and written down. Call it again to go on.

    Use only what you may use: keep licence and source of each file, give the credit the licence asks for. Openverse has
    openly licensed images only; other search engines show other people's work, and scraping them breaks their terms.

    Example: mrcnn collect urls.csv --query peach --count 200

    Example: mrcnn collect urls.csv data/mine --near 4
    """
    from mrcnn_ext.collect import Rules, collect_images, search

    if not query and folder is None:
        raise typer.BadParameter("say where the images go (mrcnn collect urls.csv OUT), or search with --query")
    result = {"urls": str(urls)}
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
            typer.echo(f"What became of each address is in {result['manifest']}")
    if as_json:
        typer.echo(json.dumps(result))
