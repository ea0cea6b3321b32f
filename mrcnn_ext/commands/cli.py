"""The command line `mrcnn`."""

import sys
from typing import Annotated, NoReturn

import typer

from mrcnn import __version__
from mrcnn.extras import MissingExtra, no_backend
from mrcnn_ext.commands.check import check
from mrcnn_ext.commands.collect import collect
from mrcnn_ext.commands.convert import convert
from mrcnn_ext.commands.detect import detect
from mrcnn_ext.commands.evaluate import evaluate
from mrcnn_ext.commands.export import export
from mrcnn_ext.commands.inspect import inspect
from mrcnn_ext.commands.labelstudio import app as labelstudio
from mrcnn_ext.commands.overfit import overfit
from mrcnn_ext.commands.selftest import selftest
from mrcnn_ext.commands.serve import serve
from mrcnn_ext.commands.shapes import shapes
from mrcnn_ext.commands.split import split
from mrcnn_ext.commands.suggest import suggest
from mrcnn_ext.commands.tfrecord import tfrecord
from mrcnn_ext.commands.train import train
from mrcnn_ext.commands.weights import app as weights

app = typer.Typer(
    name="mrcnn",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mrcnn-stack {__version__}")
        raise typer.Exit


@app.callback()
def commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Mask R-CNN on your own images: data in, model and results out."""


app.command()(convert)
app.command()(shapes)
app.command()(collect)
app.add_typer(labelstudio, name="labelstudio")
app.command()(check)
app.command()(split)
app.command()(suggest)
app.command()(overfit)
app.command()(train)
app.add_typer(weights, name="weights")
app.command()(tfrecord)
app.command()(evaluate)
app.command()(detect)
app.command()(export)
app.command()(inspect)
app.command()(serve)
app.command()(selftest)


BACKENDS = ("tensorflow", "jax", "torch")


def main() -> None:
    """Runs the command line; an error that a person can mend is one line, without a traceback, and exit code 2."""
    try:
        app()
    except (ValueError, OSError, MissingExtra) as error:
        _stop(", ".join([str(error), *getattr(error, "__notes__", ())]))
    except ModuleNotFoundError as error:
        if error.name not in BACKENDS:
            raise
        _stop(no_backend(error))


def _stop(text: str) -> NoReturn:
    typer.secho(f"mrcnn: {text}", err=True, fg=typer.colors.RED)
    sys.exit(2)
