"""The old names of mrcnn.utils and mrcnn.parallel_model, and the helpers on tensors."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from mrcnn import graph_helpers, parallel_model, utils
from mrcnn.data import molding
from mrcnn.weights import download

OLD_ARGUMENTS = {
    "apply_box_deltas": "boxes deltas",
    "batch_slice": "inputs graph_fn batch_size names",
    "box_refinement": "box gt_box",
    "box_refinement_graph": "box gt_box",
    "compute_ap": "gt_boxes gt_class_ids gt_masks pred_boxes pred_class_ids pred_scores pred_masks iou_threshold",
    "compute_ap_range": "gt_box gt_class_id gt_mask pred_box pred_class_id pred_score pred_mask iou_thresholds verbose",
    "compute_iou": "box boxes box_area boxes_area",
    "compute_matches": "gt_boxes gt_class_ids gt_masks pred_boxes pred_class_ids pred_scores pred_masks iou_threshold "
    "score_threshold",
    "compute_overlaps": "boxes1 boxes2",
    "compute_overlaps_masks": "masks1 masks2",
    "compute_recall": "pred_boxes gt_boxes iou",
    "denorm_boxes": "boxes shape",
    "download_trained_weights": "coco_model_path verbose",
    "expand_mask": "bbox mini_mask image_shape",
    "extract_bboxes": "mask",
    "generate_anchors": "scales ratios shape feature_stride anchor_stride",
    "generate_pyramid_anchors": "scales ratios feature_shapes feature_strides anchor_stride",
    "minimize_mask": "bbox mask mini_shape",
    "mold_mask": "mask config",
    "non_max_suppression": "boxes scores threshold",
    "norm_boxes": "boxes shape",
    "resize": "image output_shape order mode cval clip preserve_range anti_aliasing anti_aliasing_sigma",
    "resize_image": "image min_dim max_dim min_scale mode",
    "resize_mask": "mask scale padding crop",
    "trim_zeros": "x",
    "unmold_mask": "mask bbox image_shape",
}


@pytest.mark.parametrize("name", OLD_ARGUMENTS)
def test_old_functions_take_the_old_arguments(name):
    old = OLD_ARGUMENTS[name].split()
    ours = list(inspect.signature(getattr(utils, name)).parameters.values())
    assert [parameter.name for parameter in ours[: len(old)]] == old
    assert all(parameter.default is not parameter.empty for parameter in ours[len(old) :])


def test_every_name_is_listed():
    assert set(OLD_ARGUMENTS) | {"COCO_MODEL_URL", "Dataset"} == set(utils.__all__)
    assert utils.COCO_MODEL_URL.endswith("/v2.0/mask_rcnn_coco.h5")


def test_import_needs_no_backend():
    code = "import sys, mrcnn.utils, mrcnn.data.generator; print({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_names_without_a_future_say_what_to_use():
    with pytest.raises(NotImplementedError, match="GPU_COUNT = 2"):
        parallel_model.ParallelModel(None, 2)
    with pytest.raises(NotImplementedError, match="minimize_mask"):
        utils.mold_mask(None, None)


@pytest.mark.parametrize("verbose", [0, 1])
def test_download_goes_to_the_given_path(monkeypatch, verbose):
    calls = []
    monkeypatch.setattr(download, "coco_weights", lambda path, progress: calls.append((path, progress)))
    utils.download_trained_weights("somewhere.h5", verbose=verbose)
    assert calls == [("somewhere.h5", verbose > 0)]
    assert download.COCO.url == utils.COCO_MODEL_URL


def test_tensor_helpers_agree_with_the_arrays():
    boxes = np.array([[3, 5, 20, 40], [0, 0, 10, 12]], np.float32)
    moved = boxes + np.array([1, 2, 5, 9], np.float32)
    shape = (50, 61)
    refined = np.asarray(utils.box_refinement_graph(boxes, moved))
    np.testing.assert_allclose(refined, utils.box_refinement(boxes, moved), rtol=1e-5)
    normed = np.asarray(graph_helpers.norm_boxes_graph(boxes, shape))
    np.testing.assert_allclose(normed, utils.norm_boxes(boxes, shape), rtol=1e-6)
    assert np.asarray(graph_helpers.denorm_boxes_graph(normed, shape)).tolist() == boxes.tolist()


def test_batch_slice_stacks_one_or_several_results():
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    assert np.asarray(utils.batch_slice(a, lambda row: row * 2, 2)).tolist() == (2 * a).tolist()
    both = utils.batch_slice([a, b], lambda x, y: (x + y, x), 2, names=["sum", "first"])
    assert [np.asarray(part).tolist() for part in both] == [(a + 1).tolist(), a.tolist()]


def test_parse_image_meta_on_tensors():
    parts = molding.parse_image_meta_graph(np.arange(32.0).reshape(2, 16))
    assert parts["image_id"].tolist() == [0, 16]
    assert parts["window"].tolist() == [[7, 8, 9, 10], [23, 24, 25, 26]]
    assert parts["active_class_ids"].shape == (2, 4)
