"""`mrcnn split`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def split(
    data: Annotated[Path, typer.Argument(help="One COCO annotation file, or a folder with one.")],
    out: Annotated[Path, typer.Argument(help="New folder for the data set.")],
    train: Annotated[
        str,
        typer.Option(help='Share of the images: a fraction ("0.7"), a percentage ("70%"), a count ("500") or "rest".'),
    ] = "rest",
    validate: Annotated[str, typer.Option(help="The same; 0: no such part.")] = "0.15",
    test: Annotated[str | None, typer.Option(help="The same. Default: 0.15; with --folds no such part.")] = None,
    folds: Annotated[
        int | None, typer.Option(help="Write this many data sets for cross-validation instead: fold1, fold2, ...")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help='What stays together: "folder", "duplicates" or a field of the images. May be repeated.'),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same parts.")] = 2018,
    images: options.Images = None,
    name: Annotated[str | None, typer.Option(help="Name in the file names. Default: that of the folder OUT.")] = None,
    year: options.Year = "2018",
    link: Annotated[
        str,
        typer.Option(
            help="How images get there: copy (shares nothing with the original), hard (links that take no disk space; "
            "a change of one file changes both) or symbolic (links that break when the original moves)."
        ),
    ] = "copy",
    as_json: options.Json = False,
):
    """Split a data set into train, validate and test, every class with its share in each; or into k folds.

    Example: mrcnn split data/raw/annotations.json data/mine --by folder --test 100
    """
    from mrcnn_ext.datasets.split import SplitRules, split_data

    if folds is None:
        texts = {"train": train, "validate": validate, "test": "0.15" if test is None else test}
    else:
        if (train, validate) != ("rest", "0.15"):
            raise ValueError("With --folds, train and validate follow from the number of folds; leave them out.")
        texts = {} if test is None else {"test": test}
    shares = {part: _share(part, text) for part, text in texts.items() if text not in ("0", "0.0")}
    rules = SplitRules(shares or None, folds, by or (), seed, name, year, link)
    result = split_data(data, out, rules, images=images, progress=not as_json)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _print(result)


def _share(part: str, text: str) -> float | int | None:
    """ "rest" -> None, "0.2" -> 0.2, "20%" -> 0.2, "50" -> 50."""
    try:
        if text == "rest":
            return None
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise ValueError(f'--{part} {text}: expected a fraction ("0.2", "20%"), a count ("50") or "rest".') from None


def _print(result) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console()
    for tree, parts in result.trees.items():
        heads = [Column(escape(part), justify="right") for part in parts]
        table = Table(Column(escape(tree), overflow="fold"), *heads)
        for key in ("images", "objects"):
            table.add_row(key, *(f"{numbers[key]:,}" for numbers in parts.values()))
        for name in next(iter(parts.values()))["classes"]:
            table.add_row(escape(name), *(f"{numbers['classes'][name]:,}" for numbers in parts.values()))
        console.print(table)
    for note in result.notes:
        console.print(f"note: {escape(note)}", style="yellow", soft_wrap=True)
    console.print(f"{result.groups:,} groups, seed {result.seed}; written to {escape(str(result.out))}", soft_wrap=True)
