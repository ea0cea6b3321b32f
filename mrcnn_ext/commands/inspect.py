"""`mrcnn inspect`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def inspect(
    run: options.Run = "last",
    out: Annotated[Path | None, typer.Option(help="Folder for the graph. Default: graph/ in the run's folder.")] = None,
    logs: options.Logs = Path("logs"),
    as_json: options.Json = False,
):
    """Write the network's graph for TensorBoard's Graphs tab: one box for each stage.

    Example: mrcnn inspect last
    """
    from mrcnn_ext.export.graph_view import write_graph

    folder = write_graph(run, out, logs)
    text = f"The graph is in {folder}: see the Graphs tab of TensorBoard."
    typer.echo(json.dumps({"graph": str(folder)}) if as_json else text)
