"""`mrcnn serve`"""

from pathlib import Path
from typing import Annotated

import typer

from mrcnn_ext.commands import options


def serve(
    run: options.Run = "last",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    batch: Annotated[int, typer.Option(envvar="MRCNN_BATCH", help="Images that go through the network together.")] = 4,
    max_megabytes: Annotated[
        float, typer.Option(envvar="MRCNN_MAX_MEGABYTES", help="Most megabytes of a request.")
    ] = 20,
    max_megapixels: Annotated[
        float, typer.Option(envvar="MRCNN_MAX_MEGAPIXELS", help="Most million pixels of an image.")
    ] = 25,
    max_seconds: Annotated[float, typer.Option(envvar="MRCNN_MAX_SECONDS", help="Most seconds for a request.")] = 30,
    max_waiting: Annotated[
        int,
        typer.Option(envvar="MRCNN_MAX_WAITING", help="Most requests at a time; further ones are refused with 503."),
    ] = 64,
    max_tiles: Annotated[
        int, typer.Option(envvar="MRCNN_MAX_TILES", help="Most tiles that an image may be cut into.")
    ] = 64,
    addresses: Annotated[
        bool, typer.Option(envvar="MRCNN_ADDRESSES", help="Also fetch images from web addresses: POST /detect/url.")
    ] = False,
    logs: options.Logs = Path("logs"),
):
    """Serve a run: a page for images, and a REST API (POST /detect; its description at /docs).

    With MRCNN_API_KEY in the environment clients must send it in the header X-API-Key.

    Example: mrcnn serve last --port 8000

    Then: curl -F image=@photo.jpg "http://127.0.0.1:8000/detect?min_score=0.7"
    """
    from mrcnn_ext.serve.limits import Limits
    from mrcnn_ext.serve.run import api_key_from_environment
    from mrcnn_ext.serve.run import serve as run_service

    limits = Limits(
        bytes=round(max_megabytes * 1e6),
        pixels=round(max_megapixels * 1e6),
        seconds=max_seconds,
        waiting=max_waiting,
        batch=batch,
        tiles=max_tiles,
    )
    typer.echo(
        f"Loading the run. The page is http://{host}:{port}/, the API is described at http://{host}:{port}/docs."
    )
    run_service(run, logs, host, port, api_key_from_environment(), limits, addresses)
