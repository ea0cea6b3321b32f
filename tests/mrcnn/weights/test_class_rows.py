"""The heads' rows of classes that the file and the model both know: kept by name."""

import dataclasses
import json

import numpy as np
import pytest

from mrcnn.weights import class_rows, load_weights
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from tests.support.weight_files import HEADS, SMALL, small_models, state, with_classes, write_old


@pytest.fixture(scope="module")
def models():
    return small_models()


def test_rows_of_known_classes_are_kept(tmp_path, models):
    path = tmp_path / "mask_rcnn_coco.h5"
    expected = write_old(path, with_classes(81))
    model = models()
    before = state(model)
    names = ["BG", "truck", "kite surfer", "person"]
    report = load_weights(model, path, class_names_model=names, verbose=0)
    found, truck = state(model), COCO_CLASS_NAMES.index("truck")
    assert truck == 8
    for weight in ("kernel", "bias"):
        for head, n in zip(HEADS, (1, 4, 1), strict=True):
            for ours, theirs in ((0, 0), (1, truck), (3, 1)):
                kept = expected[head][weight][..., theirs * n : theirs * n + n]
                np.testing.assert_array_equal(found[head][weight][..., ours * n : ours * n + n], kept)
            fresh = before[head][weight][..., 2 * n : 3 * n]
            np.testing.assert_array_equal(found[head][weight][..., 2 * n : 3 * n], fresh)
    reason = "file has 81 classes, config 4: rows kept by name for BG, truck, person; re-initialised for kite surfer"
    assert report.adapted == dict.fromkeys(HEADS, reason)
    assert report.complete


def test_rows_by_name_in_inference(tmp_path, models):
    expected = write_old(tmp_path / "old.h5", with_classes(5))
    model = models()
    names = {"class_names_file": ["BG", "a", "b", "c", "d"], "class_names_model": ["BG", "d", "b", "a"]}
    load_weights(model, tmp_path / "old.h5", mode="inference", verbose=0, **names)
    np.testing.assert_array_equal(
        state(model)["mrcnn_class_logits"]["kernel"], expected["mrcnn_class_logits"]["kernel"][:, [0, 4, 2, 1]]
    )
    names["class_names_model"] = ["BG", "d", "new", "a"]
    with pytest.raises(ValueError, match="config 4; not in the file: new"):
        load_weights(model, tmp_path / "old.h5", mode="inference", **names)


def test_same_count_in_another_order_is_sorted_by_name(tmp_path, models):
    expected = write_old(tmp_path / "old.h5", SMALL)
    model = models()
    names = {"class_names_file": ["BG", "a", "b", "c"], "class_names_model": ["background", "c", "b", "a"]}
    load_weights(model, tmp_path / "old.h5", mode="inference", verbose=0, **names)
    np.testing.assert_array_equal(state(model)["mrcnn_mask"]["bias"], expected["mrcnn_mask"]["bias"][[0, 3, 2, 1]])


def test_wrong_lists_of_names(tmp_path, models):
    write_old(tmp_path / "old.h5", with_classes(81))
    with pytest.raises(ValueError, match="class_names_file has 4 names for 81 classes"):
        load_weights(models(), tmp_path / "old.h5", class_names_file=list("abcd"), class_names_model=list("abcd"))
    with pytest.raises(ValueError, match="class_names_model has 3 names for 4 classes"):
        load_weights(models(), tmp_path / "old.h5", class_names_model=list("abc"), class_names_file=COCO_CLASS_NAMES)
    with pytest.raises(ValueError, match="without class_names_model"):
        load_weights(models(), tmp_path / "old.h5", class_names_file=COCO_CLASS_NAMES)
    with pytest.raises(ValueError, match="mode is 'train'"):
        load_weights(models(), tmp_path / "old.h5", mode="train")


@pytest.mark.parametrize("beside", [True, False])
def test_names_of_a_file_come_from_classes_json_beside_it_or_from_the_caller(tmp_path, models, beside):
    expected = write_old(tmp_path / "old.h5", with_classes(5))
    theirs, names = ["BG", "a", "b", "c", "d"], ["BG", "d", "new", "a"]
    model = models()
    with pytest.raises(ValueError, match="old.h5: class_names is given, but what its own 5 classes are is unknown"):
        load_weights(model, tmp_path / "old.h5", class_names_model=names)
    if beside:
        (tmp_path / "classes.json").write_text(json.dumps(theirs))
    load_weights(
        model, tmp_path / "old.h5", verbose=0, class_names_model=names, class_names_file=None if beside else theirs
    )
    np.testing.assert_array_equal(
        state(model)["mrcnn_mask"]["bias"][[0, 1, 3]], expected["mrcnn_mask"]["bias"][[0, 4, 1]]
    )


def test_the_coco_file_is_known_by_its_size_too(tmp_path, monkeypatch):
    path = tmp_path / "renamed.h5"
    path.write_bytes(b"1234")
    monkeypatch.setattr(class_rows, "COCO", dataclasses.replace(class_rows.COCO, size=4))
    assert class_rows.names_of_file(path, 81) == COCO_CLASS_NAMES
    with pytest.raises(ValueError, match="its own 80 classes"):
        class_rows.names_of_file(path, 80)
