"""The whole state of a training in one file: weights, optimizer, random generators, running means, and the place.

A run that goes on from it takes the same steps as one that was never stopped.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

from mrcnn.whole_file import whole_file


def save_state(path, keras_model, place):
    """Writes the state of a compiled model, whole or not at all.

    place: dict of plain values, what else is to be known: epoch, step, batches, loader_seed, layers, learning_rate.
    Raises OSError when the disk is full.
    """
    arrays = {
        f"{kind}/{number}": np.asarray(variable)
        for kind, variables in _variables(keras_model).items()
        for number, variable in enumerate(variables)
    }
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, place=np.array(json.dumps(place)), **arrays)


def read_place(path):
    """The `place` of a state file, or None where there is no such file. Raises ValueError for a damaged one."""
    if not Path(path).is_file():
        return None
    with _opened(path) as stored:
        return json.loads(str(stored["place"]))


def restore_generators(path, keras_model):
    """Only the states of the model's random generators."""
    _restore(path, keras_model, ("generators",))


def restore_state(path, keras_model):
    """All that `save_state` wrote, into a model that was made and compiled in the same way."""
    _restore(path, keras_model, ("weights", "generators", "optimizer"))


def restore_means(path, keras_model):
    """The running means of the losses, for an epoch that goes on in its middle."""
    _restore(path, keras_model, ("means",))


def _restore(path, keras_model, kinds):
    variables = _variables(keras_model)
    with _opened(path) as stored:
        values = []
        for kind in kinds:
            names = [name for name in stored.files if name.startswith(f"{kind}/")]
            if len(names) != len(variables[kind]):
                raise ValueError(_misfit(path, f"{len(names)} arrays of the {kind}, this one {len(variables[kind])}"))
            for number, variable in enumerate(variables[kind]):
                value = stored[f"{kind}/{number}"]
                if value.shape != tuple(variable.shape):
                    raise ValueError(_misfit(path, f"{variable.path} as {value.shape}, this one {variable.shape}"))
                values.append((variable, value))
    for variable, value in values:
        variable.assign(value)


def _misfit(path, difference):
    return (
        f"{path} does not fit: that run has {difference}. Resume with the same Config and layers as before, or train "
        "on from its weights: load_weights, then train without resume."
    )


def _opened(path):
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}): load the last checkpoint, and train without resume.") from error


def _variables(keras_model):
    """Every variable that a step reads or writes, by kind."""
    weights = keras_model.weights
    known = {id(variable) for variable in weights}
    return {
        "weights": weights,
        "generators": [variable for variable in keras_model.variables if id(variable) not in known],
        "optimizer": keras_model.optimizer.variables if keras_model.optimizer is not None else [],
        "means": keras_model.metrics_variables,
    }
