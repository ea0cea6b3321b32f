"""One sentence where a package is missing that not everybody has, in place of a bare ModuleNotFoundError."""

from collections.abc import Iterator
from contextlib import contextmanager

OURS = ("mrcnn", "mrcnn_ext")


class MissingExtra(ImportError):
    """A package of an extra in pyproject.toml is not installed; the text says what to install."""


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around the imports of what `extra` brings.

    Raises:
        MissingExtra: if one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package in OURS:
            raise
        raise MissingExtra(
            f"the package {package} is not installed: pip install 'mrcnn-stack[{extra}]'", name=error.name
        ) from error


@contextmanager
def needs_backend() -> Iterator[None]:
    """Around `import keras`, which imports TensorFlow, or what KERAS_BACKEND says.

    Raises:
        MissingExtra: if Keras or its backend is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(no_backend(error), name=error.name) from error


def no_backend(error: ModuleNotFoundError) -> str:
    """What to install where Keras finds no backend."""
    return (
        f"Keras has no backend here ({error.name} is not installed): pip install 'mrcnn-stack[cpu]', or, with an "
        f"NVIDIA GPU, 'mrcnn-stack[gpu]'; or set KERAS_BACKEND=jax where JAX is installed"
    )
