"""Callbacks and the run's names, without a training."""

import datetime

import numpy as np
import pytest
from keras import ops

from mrcnn import training
from mrcnn.ops.roi_align import pyramid_roi_align
from mrcnn.training.checkpoints import path_of
from mrcnn.training.clock import Clock


def stopper(checkpoint):
    """StopOnNaN at step 8 of epoch 3."""
    return training.StopOnNaN(Clock(10, epoch=2, step=8, batches=28), {27: ["a", "b"]}.get, lambda: checkpoint)


def test_a_loss_that_is_no_number_stops_the_run_and_says_where():
    stop = stopper("logs/run/mask_rcnn_x_0002.h5")
    stop.on_train_batch_end(0, {"loss": 1.0, "rpn_class_loss": 1.0})
    with pytest.raises(ValueError, match=r"step 8 of epoch 3 \(rpn_bbox_loss\).*'a', 'b'.*mask_rcnn_x_0002.h5"):
        stop.on_train_batch_end(7, {"loss": np.nan, "rpn_bbox_loss": np.inf, "rpn_class_loss": 0.5})


def test_before_the_first_checkpoint_there_is_none_to_name():
    with pytest.raises(ValueError, match="L2 term.*none yet"):
        stopper("none yet").on_train_batch_end(0, {"loss": np.inf})


def test_boxes_of_a_diverged_network_do_not_crash_roi_align():
    maps = [ops.ones((1, 2**n, 2**n, 2)) for n in (5, 4, 3, 2)]
    boxes = ops.convert_to_tensor(np.array([[[np.nan] * 4, [-np.inf, 0, np.inf, 1], [0, 0, 1, 1]]], np.float32))
    pooled = ops.convert_to_numpy(pyramid_roi_align(maps, boxes, 128 * 128, (3, 3)))
    assert np.array_equal(pooled[0, 2], np.ones((3, 3, 2)))
    assert np.isfinite(pooled).all()


def test_names_of_runs_and_checkpoints_are_the_old_ones():
    when = datetime.datetime(2026, 11, 21, 9, 5)
    folder = training.run_folder("logs", "Shapes", when)
    assert folder.name == "shapes20261121T0905"
    path = training.checkpoint_path(folder, "Shapes").format(epoch=12)
    assert path.endswith("shapes20261121T0905/mask_rcnn_shapes_0012.h5")
    assert training.parse_checkpoint(path) == (when, 12)
    assert training.parse_checkpoint("mask_rcnn_coco.h5") is None


@pytest.mark.parametrize("model_dir", [".", "./", "", "..", "logs with {braces}"])
def test_a_run_is_known_again_in_whatever_folder_it_is(model_dir):
    when = datetime.datetime(2026, 11, 21, 9, 5)
    for name in ("shapes", "my.shapes 2"):
        path = path_of(training.checkpoint_path(training.run_folder(model_dir, name, when), name), 12)
        assert path.name == f"mask_rcnn_{name}_0012.h5"
        assert training.parse_checkpoint(path) == (when, 12)
