"""Weights: loading and saving by layer name, pretrained networks by name, and files of PyTorch made into ours.

The names below are imported when they are first used: reading, converting and fetching files needs no backend.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrcnn.weights.load import ModelLayer, layers_of, load_weights, save_weights

__all__ = ["ModelLayer", "layers_of", "load_weights", "save_weights"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mrcnn.weights import load

    return getattr(load, name)
