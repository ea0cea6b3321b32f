"""`mrcnn check`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def check(
    data: Annotated[Path, typer.Argument(help="Folder of a data set, or one COCO annotation file.")],
    images: options.Images = None,
    config: Annotated[
        Path | None, typer.Option(help="config.json of a run: also check its limits on objects in an image.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write one HTML page with overlays of the worst cases.")
    ] = None,
    fix: Annotated[Path | None, typer.Option(help="Write a repaired copy to this new folder.")] = None,
    as_json: options.Json = False,
):
    """Look at every image and every label, and say what is wrong with them.

    The exit code is 1 when there are errors; with --fix, when the copy still has some.
    The original is never changed.

    Example: mrcnn check data/mine --html check.html --fix data/mine_fixed
    """
    from mrcnn.config import Config
    from mrcnn_ext.check import check_data, fix_data
    from mrcnn_ext.check.page import write_page
    from mrcnn_ext.check.terminal import print_repairs, print_report

    settings = None if config is None else Config.from_json(config)
    report = check_data(data, images, settings, progress=not as_json)
    if html is not None:
        write_page(report, html)
    fixed = None if fix is None else fix_data(data, fix, images, settings, progress=not as_json)
    if as_json:
        typer.echo(json.dumps(report.to_dict() | ({} if fixed is None else {"fix": fixed.to_dict()}), indent=2))
    else:
        print_report(report)
        if html is not None:
            typer.echo(f"The page is in {html}")
        if fixed is not None:
            print_repairs(fixed)
            typer.echo("\nThe copy:")
            print_report(fixed.report)
    raise typer.Exit((report if fixed is None or fixed.report is None else fixed.report).exit_code)
