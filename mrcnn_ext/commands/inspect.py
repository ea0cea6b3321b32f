"""`mrcnn inspect`"""

import json
from pathlib import Path
from typing import Annotated

import typer


def inspect(
    run: Annotated[str, typer.Argument(help='Run folder, its name in logs/, weights file, "last" or "best".')] = "last",
    out: Annotated[Path | None, typer.Option(help="Folder; default: graph/ in the run's folder.")] = None,
    logs: Annotated[Path, typer.Option(help="Where runs are.")] = Path("logs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
):
    """Write the network's graph for TensorBoard's Graphs tab: one box for each stage.

    Example: mrcnn inspect last
    """
    from mrcnn_ext.export.graph_view import write_graph

    folder = write_graph(run, out, logs)
    text = f"The graph is in {folder}: see the Graphs tab of TensorBoard."
    typer.echo(json.dumps({"graph": str(folder)}) if as_json else text)
