"""What stays on disk: the last checkpoints, the best one, the facts of the run; whole whatever happens."""

import hashlib
import json
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.training.run_facts import code_sha256
from mrcnn.training.state import read_place
from mrcnn.whole_file import remove_parts, whole_file
from tests.support import ROOT
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN


class Measured(keras.callbacks.Callback):
    """Gives each epoch the mask AP of a list, as a real callback would."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["mask_AP"] = self.values[epoch]


class KeepTwo(ToyConfig):
    KEEP_CHECKPOINTS = 2
    CHECKPOINT_STEPS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Five epochs; the second is the best."""
    model = ToyRCNN("training", KeepTwo(), tmp_path_factory.mktemp("keep"))
    values = [0.25, 0.5, float("nan"), 0.5, 0.125]
    history = model.train(few_images(), few_images(), 0.001, 5, "all", custom_callbacks=[Measured(values)])
    return Path(model.log_dir), model, history


def test_the_last_checkpoints_and_the_best_stay(run):
    folder, model, _ = run
    assert sorted(p.name for p in folder.glob("*.h5")) == ["best.h5", *(f"mask_rcnn_toy_000{i}.h5" for i in (4, 5))]
    assert json.loads((folder / "best.json").read_text()) == {"epoch": 2, "mask_AP": 0.5}
    assert model.load_weights(folder / "best.h5").complete
    assert not list(folder.glob(".*"))


def test_metrics_have_what_callbacks_measured(run):
    folder, _, history = run
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert "mask_AP" in header.split(",")
    assert len(rows) == 5
    assert history.history["mask_AP"][:2] == [0.25, 0.5]


def test_facts_of_the_run(run):
    folder = run[0]
    assert json.loads((folder / "classes.json").read_text()) == ["BG", "bright", "dark"]
    assert Config.from_json(folder / "config.json").KEEP_CHECKPOINTS == 2
    (facts,) = json.loads((folder / "run.json").read_text())["trainings"]
    called = {"layers": "all", "learning_rate": 0.001, "epochs": 5, "extra_epochs": None, "augmentation": None}
    called |= {"no_augmentation_sources": [], "loader_seed": 7}
    assert facts["settings"] == called | {"first_epoch": 0, "first_step": 0}
    assert facts["data"]["train"] == facts["data"]["validation"]
    assert facts["data"]["train"]["images"] == 3 and facts["data"]["train"]["files"] == []
    assert facts["weights"] is facts["weights_sha256"] is None
    assert facts["versions"]["keras"] == keras.__version__


def test_the_weights_file_is_told_as_it_was_when_loaded(tmp_path):
    first = tmp_path / "first.h5"
    ToyRCNN("training", ToyConfig(), tmp_path).save_weights(first)
    model = ToyRCNN("training", ToyConfig(), tmp_path / "logs")
    model.load_weights(first)
    sha256 = hashlib.sha256(first.read_bytes()).hexdigest()
    first.unlink()
    model.train(few_images(), few_images(), 0.001, 1, "heads")
    (facts,) = json.loads((Path(model.log_dir) / "run.json").read_text())["trainings"]
    assert (facts["weights"], facts["weights_sha256"]) == (str(first), sha256)
    model = ToyRCNN("inference", ToyConfig(), tmp_path / "logs")
    model.load_weights("last")
    assert model.loaded_sha256 is None  # that takes time, and nothing asks for it


def test_the_code_is_told_without_git(run, tmp_path):
    """The command of its docstring, in the repository, gives the same."""
    (facts,) = json.loads((run[0] / "run.json").read_text())["trainings"]
    assert len(facts["code_sha256"]) == 64
    command = code_sha256.__doc__.strip().splitlines()[-1].strip()
    printed = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == code_sha256()
    hashes = []
    for name, text in (("mrcnn/a.py", "1"), ("mrcnn/a.txt", "1"), ("mrcnn_ext/.hidden/a.py", "1"), ("mrcnn/a.py", "2")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        hashes.append(code_sha256(tmp_path))
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]
    (tmp_path / "mrcnn" / "a.py").rename(tmp_path / "mrcnn" / "b.py")
    assert code_sha256(tmp_path) != hashes[3]


def test_the_fingerprint_changes_with_the_data(tmp_path):
    data, other = few_images(), few_images()
    assert data.fingerprint() == other.fingerprint()
    other.image_info[0]["id"] = "another"
    assert data.fingerprint() != other.fingerprint()
    labels = tmp_path / "labels.json"
    other = few_images()
    other.label_files = lambda: [labels]
    labels.write_text("1")
    first = other.fingerprint()
    labels.write_text("2")
    assert len({first, other.fingerprint(), data.fingerprint()}) == 3


def test_states_within_an_epoch(tmp_path):
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            place = read_place(path) if path.is_file() else {"epoch": 0, "step": 0}
            seen.append((place["epoch"], place["step"]))

    model = ToyRCNN("training", KeepTwo(), tmp_path)
    path = Path(model.log_dir) / "state.npz"
    model.train(few_images(), few_images(), 0.001, 2, "all", custom_callbacks=[Look()])
    assert seen == [(0, 0), (0, 0), (0, 2), (1, 0), (1, 0), (1, 2)]  # looked at before the step's own state is written


def test_weights_that_are_no_numbers_are_not_written(tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_test_end(self, logs=None):
            weight = self.model.trainable_weights[0]
            weight.assign(np.full(weight.shape, np.nan))

    model = ToyRCNN("training", ToyConfig(), tmp_path)
    with pytest.raises(ValueError, match="res2_toy/kernel is not a number any more at the end of epoch 1"):
        model.train(few_images(), few_images(), 0.001, 1, "all", custom_callbacks=[Spoil()])
    assert not list(Path(model.log_dir).glob("*.h5"))


def test_a_state_that_is_no_numbers_does_not_replace_the_last_one(tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weight = self.model.trainable_weights[0]
            weight.assign(np.full(weight.shape, np.nan if batch == 1 else 0.5))

    model = ToyRCNN("training", KeepTwo(), tmp_path)
    with pytest.raises(ValueError, match="res2_toy/kernel is not a number any more after 2 steps of epoch 1"):
        model.train(few_images(), few_images(), 0.001, 1, "all", custom_callbacks=[Spoil()])
    assert read_place(Path(model.log_dir) / "state.npz")["step"] == 0


def test_without_masks_the_best_is_by_boxes(tmp_path):
    class Boxes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["box_AP"] = [0.25, 0.5, 0.125][epoch]

    model = ToyRCNN("training", ToyConfig(), tmp_path)
    model.train(few_images(), few_images(), 0.001, 3, "all", custom_callbacks=[Boxes()])
    assert json.loads((Path(model.log_dir) / "best.json").read_text()) == {"epoch": 2, "box_AP": 0.5}


def test_whole_files(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as part:
        part.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), whole_file(path) as part:
        part.write_text("half")
        raise RuntimeError("stop")
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
    (path.parent / ".file.txt.123.part").write_text("of a killed process")
    assert remove_parts(path.parent) == 1
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
