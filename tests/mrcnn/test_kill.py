"""Killed at 20 random moments, a run loses no more than its checkpoint interval, and ends as one that was not."""

import json
import multiprocessing
import os
import random
import time

import numpy as np
import pytest

from mrcnn.training.metrics_file import read_metrics
from mrcnn.training.names import STATE
from mrcnn.training.state import read_place
from mrcnn.weights import h5
from tests.support import ROOT

pytestmark = pytest.mark.slow  # 22 processes, each builds and compiles its (tiny) network

KILLS, EVERY, STEPS, EPOCHS = 20, 5, 40, 20


def train(root, connection):
    """In a process of its own: trains on to the end, and tells each step that is done."""
    import keras

    from tests.support.engine_data import few_images
    from tests.support.toy_training import ToyConfig, ToyRCNN

    class KillConfig(ToyConfig):
        STEPS_PER_EPOCH = STEPS
        CHECKPOINT_STEPS = EVERY
        KEEP_CHECKPOINTS = 2

    class Tell(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            connection.send(1)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the progress bars of 22 runs
    model = ToyRCNN("training", KillConfig(), root)
    data = few_images()
    model.train(data, data, 0.001, EPOCHS, "all", custom_callbacks=[Tell()], resume=True)
    connection.send([np.asarray(weight) for weight in model.keras_model.weights])


@pytest.fixture(scope="module")
def start():
    """start(root) -> a running process that trains there, and the connection it tells its steps on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # where the fork server finds what to import
        yield from _starter()


def _starter():
    context = multiprocessing.get_context("forkserver")  # the packages are imported once
    context.set_forkserver_preload(["tests.support.toy_training"])

    def start_(root):
        mine, its = context.Pipe(duplex=False)
        process = context.Process(target=train, args=(root, its))
        process.start()
        its.close()
        return process, mine

    yield start_


def place_of(folder):
    place = read_place(folder / STATE) or {"epoch": 0, "step": 0}
    return place["epoch"] * STEPS + place["step"]


def assert_whole(folder):
    """Every file that a reader may meet can be read."""
    for path in folder.glob("*.h5"):
        with h5.open_weights(path) as layers:
            assert all(np.isfinite(array[()]).all() for layer in layers.values() for array in layer.values())
    rows = read_metrics(folder / "metrics.csv")
    assert [row["epoch"] for row in rows] == list(range(len(rows)))
    for path in folder.glob("*.json"):
        json.loads(path.read_text())


def finish(process, connection):
    """Steps that were told, and the weights at the end."""
    steps = 0
    while isinstance(last := connection.recv(), int):
        steps += last
    process.join()
    return steps, last


def test_killed_at_random_moments(start, tmp_path):
    rng = random.Random(20)
    done = 0
    for _ in range(KILLS):
        process, connection = start(tmp_path / "killed")
        told = 0
        for _ in range(rng.randrange(1, 40)):
            told += connection.recv()
        time.sleep(rng.random() * 0.05)
        process.kill()
        process.join()
        while connection.poll():
            try:
                told += connection.recv()
            except EOFError:
                break
        (folder,) = (tmp_path / "killed").iterdir()
        assert_whole(folder)
        now = place_of(folder)
        assert done + told - EVERY - 1 <= now <= done + told + 1
        done = now
    assert 0 < done < EPOCHS * STEPS
    steps, weights = finish(*start(tmp_path / "killed"))
    assert steps == EPOCHS * STEPS - done
    assert_whole(folder)
    assert sorted(p.name for p in folder.glob("*.h5")) == [f"mask_rcnn_toy_00{n}.h5" for n in (19, 20)]
    assert not list(folder.glob(".*.part"))
    _, expected = finish(*start(tmp_path / "whole"))
    for mine, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
