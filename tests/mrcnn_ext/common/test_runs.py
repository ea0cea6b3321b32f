"""Which run a name means, and the model that comes of it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.common.runs import changed, detection_settings, find_run


class CellsConfig(TinyConfig):
    NAME = "cells"
    NUM_CLASSES = 3


def made(folder, epochs=(1,), classes=None, config=True):
    folder.mkdir(parents=True)
    for epoch in epochs:
        (folder / f"mask_rcnn_cells_{epoch:04d}.h5").touch()
    if config:
        CellsConfig().to_json(folder / "config.json")
    if classes is not None:
        (folder / "classes.json").write_text(json.dumps(classes))
    return folder


def test_last_is_the_newest_run_with_a_checkpoint(tmp_path):
    made(tmp_path / "cells20260102T0000")
    made(tmp_path / "zebras20260101T0000", epochs=(2, 10), classes=["BG", "mare", "foal"])
    made(tmp_path / "cells20260301T0000", epochs=())  # stopped before its first checkpoint
    made(tmp_path / "notes")
    assert find_run("last", tmp_path).folder.name == "cells20260102T0000"
    files = find_run("last", tmp_path, name="Zebras")
    assert files.weights.name == "mask_rcnn_cells_0010.h5"
    assert files.class_names == ["BG", "mare", "foal"]
    with pytest.raises(FileNotFoundError, match="No run of 'cats'"):
        find_run("last", tmp_path, name="cats")


def test_last_means_one_file_to_the_engine_and_to_the_commands(tmp_path, capsys):
    """A newer run that died in its first epoch is passed over; weights put beside the checkpoints are none of them."""
    run = made(tmp_path / "cells20260101T0000", epochs=(3, 7))
    for name in ("mask_rcnn_pretrained.h5", "mask_rcnn_zebras_0009.h5", "mask_rcnn_coco_2018.h5"):
        (run / name).touch()
    made(tmp_path / "cells20260102T0000", epochs=())
    engine = SimpleNamespace(model_dir=str(tmp_path), config=CellsConfig())
    last = run / "mask_rcnn_cells_0007.h5"
    assert MaskRCNN.find_last(engine) == str(last)
    assert "No checkpoint in cells20260102T0000: the last run is cells20260101T0000." in capsys.readouterr().err
    assert find_run("last", tmp_path).weights == find_run("last", tmp_path, name="CELLS").weights == last
    assert find_run(run).weights == last
    last.unlink()
    (run / "mask_rcnn_cells_0003.h5").unlink()
    (run / "mask_rcnn_zebras_0009.h5").unlink()
    (run / "mask_rcnn_coco_2018.h5").unlink()
    with pytest.raises(FileNotFoundError, match="No checkpoint in .*cells20260102T0000"):
        MaskRCNN.find_last(engine)
    with pytest.raises(FileNotFoundError, match="No run with a checkpoint"):
        find_run("last", tmp_path)


def test_last_is_a_run_of_the_quick_mode_only_where_there_is_no_other(tmp_path, capsys):
    made(tmp_path / "cells_quick20260301T0000")
    made(tmp_path / "cells_quick20260201T0000")
    assert find_run("last", tmp_path).folder.name == "cells_quick20260301T0000"
    assert "only runs of the quick mode; the newest is cells_quick20260301T0000" in capsys.readouterr().err
    made(tmp_path / "cells20260102T0000")
    assert find_run("last", tmp_path).folder.name == "cells20260102T0000"
    assert find_run("last", tmp_path, name="cells_quick").folder.name == "cells_quick20260301T0000"
    assert capsys.readouterr().err == ""


def test_best_is_the_best_of_the_last_run(tmp_path):
    made(tmp_path / "cells20260101T0000")
    last = made(tmp_path / "cells20260102T0000", epochs=(1, 2))
    with pytest.raises(FileNotFoundError, match="no AP was measured"):
        find_run("best", tmp_path)
    (last / "best.h5").touch()
    assert find_run("best", tmp_path).weights == find_run("best", tmp_path, name="cells").weights == last / "best.h5"


def test_by_folder_by_name_and_by_file(tmp_path):
    folder = made(tmp_path / "cells20260102T0000", epochs=(1, 2))
    assert find_run(folder).weights.name == "mask_rcnn_cells_0002.h5"
    assert find_run(folder.name, tmp_path).folder == folder
    files = find_run(folder / "mask_rcnn_cells_0001.h5")
    assert files.weights.name == "mask_rcnn_cells_0001.h5" and files.config.NAME == "cells"
    assert files.class_names == ["BG", "class 1", "class 2"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run"):
        find_run(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="No checkpoint"):
        find_run(made(tmp_path / "empty", epochs=()))
    with pytest.raises(FileNotFoundError, match="no config.json"):
        find_run(made(tmp_path / "bare", config=False))
    for i, wrong in enumerate((["BG", "cat"], {"a": 1}, ["BG", 1, 2])):
        with pytest.raises(ValueError, match="expected a list of 3 names"):
            find_run(made(tmp_path / f"names{i}", classes=wrong))
    (tmp_path / "names0" / "classes.json").write_text("[")
    with pytest.raises(ValueError, match="not a JSON file"):
        find_run(tmp_path / "names0")


def test_changed_settings():
    config = changed(CellsConfig(), IMAGES_PER_GPU=3, DETECTION_MIN_CONFIDENCE=0.1)
    assert (config.BATCH_SIZE, config.DETECTION_MIN_CONFIDENCE, config.NAME) == (3, 0.1, "cells")
    own = type("Own", (CellsConfig,), {"BACKBONE": staticmethod(len), "note": "mine"})()
    assert (changed(own, GPU_COUNT=2).BACKBONE, changed(own, GPU_COUNT=2).note, own.GPU_COUNT) == (len, "mine", 1)
    with pytest.raises(ValueError, match="DETECTION_MIN_CONFIDENCE"):
        changed(CellsConfig(), DETECTION_CONFIDENCE=0.1)


def test_settings_for_detection():
    config = CellsConfig()
    assert detection_settings(config) == {}
    few = changed(config, **detection_settings(config, min_score=0.2, most=10, batch=3))
    assert (few.DETECTION_MIN_CONFIDENCE, few.DETECTION_MAX_INSTANCES, few.BATCH_SIZE) == (0.2, 10, 3)
    assert few.POST_NMS_ROIS_INFERENCE == config.POST_NMS_ROIS_INFERENCE
    many = changed(config, **detection_settings(config, most=2000))
    assert many.PRE_NMS_LIMIT >= many.POST_NMS_ROIS_INFERENCE >= many.DETECTION_MAX_INSTANCES == 2000


def test_a_run_becomes_its_model_again(tmp_path, capsys):
    config = changed(CellsConfig(), IMAGE_MIN_DIM=64, IMAGE_MAX_DIM=64)
    folder = tmp_path / "cells20260102T0000"
    folder.mkdir()
    config.to_json(folder / "config.json")
    before = MaskRCNN("inference", config, tmp_path)
    before.save_weights(folder / "mask_rcnn_cells_0001.h5")
    run = find_run(folder)
    model = run.model(DETECTION_MAX_INSTANCES=7)
    assert (run.folder, run.class_names[0], model.config.DETECTION_MAX_INSTANCES, model.epoch) == (folder, "BG", 7, 1)
    for a, b in zip(before.keras_model.get_weights(), model.keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert capsys.readouterr().out == ""
