"""`mrcnn suggest`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def suggest(
    data: Annotated[Path, typer.Argument(help="Folder with parts, COCO files or TFRecords; or one COCO file.")],
    year: options.Year = "2018",
    images: options.Images = None,
    memory: Annotated[
        float | None, typer.Option(help="For a GPU with this many GB. Default: for this machine.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Preset to start from. Default: the one that fits the machine.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the settings: a .yaml for `mrcnn train --config`, or .json as notebook 2 does."),
    ] = None,
    as_json: options.Json = False,
):
    """Print a Config for this data and this machine, each line with its reason.

    Examples: mrcnn suggest data/mine
              mrcnn suggest data/mine --memory 8
              mrcnn suggest data/mine --out mine.yaml    then: mrcnn train data/mine --config mine.yaml
    """
    from mrcnn.presets import preset_named
    from mrcnn_ext.common.machine import machine_with_gpu
    from mrcnn_ext.training.suggest import suggest as run_suggest

    machine = None if memory is None else machine_with_gpu(memory)
    chosen = None if preset is None else preset_named(preset)
    result = run_suggest(data, machine, year=year, images=images, preset=chosen)
    if out is not None:
        result.write(out)
    typer.echo(json.dumps(result.to_dict(), indent=2) if as_json else result.text())
