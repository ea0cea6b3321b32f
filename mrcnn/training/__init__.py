"""Training: which layers, the run's folder, checkpoints and resuming, what is shown, and when it stops."""

from mrcnn.extras import needs_backend

with needs_backend():
    import keras  # noqa: F401

from mrcnn.training.checkpoints import Checkpoints
from mrcnn.training.layers import LAYERS, layers_with_weights, set_trainable
from mrcnn.training.loop import train
from mrcnn.training.names import (
    checkpoint_path,
    checkpoints_of,
    newest_checkpoint,
    parse_checkpoint,
    run_folder,
    runs_of,
)
from mrcnn.training.stops import StopOnNaN
from mrcnn.training.tensorboard import TensorBoardLosses

__all__ = [
    "LAYERS",
    "Checkpoints",
    "StopOnNaN",
    "TensorBoardLosses",
    "checkpoint_path",
    "checkpoints_of",
    "layers_with_weights",
    "newest_checkpoint",
    "parse_checkpoint",
    "run_folder",
    "runs_of",
    "set_trainable",
    "train",
]
