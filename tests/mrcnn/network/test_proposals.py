"""From the RPN's answers to the ROIs."""

import keras
import numpy as np

from mrcnn.network.proposals import ProposalLayer

APART = np.array([[0, 0, 0.1, 0.2], [0.3, 0.3, 0.4, 0.6], [0.5, 0, 0.9, 0.2], [0.6, 0.6, 1, 0.9]], np.float32)


def layer(count=3, **options):
    options = {"nms_threshold": 0.7, "pre_nms_limit": 100, "bbox_std_dev": (0.1, 0.1, 0.2, 0.2)} | options
    return ProposalLayer(proposal_count=count, **options)


def inputs(scores, anchors, deltas=None):
    """Of one image, with the batch axis."""
    scores = np.asarray(scores, np.float32)
    deltas = np.zeros((len(scores), 4)) if deltas is None else np.asarray(deltas)
    return [np.stack([1 - scores, scores], axis=-1)[None], deltas[None].astype(np.float32), np.float32(anchors)[None]]


def propose(scores, anchors, deltas=None, **options):
    found = layer(**options)([keras.ops.convert_to_tensor(x) for x in inputs(scores, anchors, deltas)])
    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in found.items()}


def test_best_first():
    found = propose([0.1, 0.4, 0.3, 0.2], APART)
    np.testing.assert_array_equal(found["rois"], APART[[1, 2, 3]])
    assert found["valid"].all()
    np.testing.assert_array_equal(found["pre_nms_anchors"], APART[[1, 2, 3, 0]])


def test_fewer_than_asked_for_are_padded():
    found = propose([0.1, 0.4, 0.3, 0.2], APART, count=6)
    np.testing.assert_array_equal(found["rois"], [*APART[[1, 2, 3, 0]], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(found["valid"], [True] * 4 + [False] * 2)


def test_near_duplicates_go():
    near = [[0.1, 0.1, 0.5, 0.5], [0.1, 0.12, 0.5, 0.52], [0.6, 0.6, 0.9, 0.9]]
    found = propose([0.8, 0.9, 0.1], near)
    np.testing.assert_allclose(found["rois"], [near[1], near[2], [0] * 4])


def test_only_the_limit_goes_into_suppression():
    found = propose([0.1, 0.4, 0.3, 0.2], APART, pre_nms_limit=2)
    np.testing.assert_array_equal(found["valid"], [True, True, False])
    assert found["refined_anchors"].shape == (2, 4)


def test_deltas_move_the_anchors_and_the_image_cuts_them():
    # Centre down by 0.1 of the height and right by half the width; the height doubled.
    deltas = [[1, 5, np.log(2) / 0.2, 0]]
    found = propose([0.9], [[0.4, 0.5, 0.6, 0.9]], deltas, count=1)
    np.testing.assert_allclose(found["refined_anchors"], [[0.32, 0.7, 0.72, 1.1]], atol=1e-6)
    np.testing.assert_allclose(found["refined_anchors_clipped"], [[0.32, 0.7, 0.72, 1]], atol=1e-6)
    np.testing.assert_allclose(found["rois"], [[0.32, 0.7, 0.72, 1]], atol=1e-6)


def test_each_image_has_its_own():
    two = [
        np.concatenate(pair) for pair in zip(inputs([0.9, 0.1], APART[:2]), inputs([0.1, 0.9], APART[2:]), strict=True)
    ]
    found = layer(count=1)([keras.ops.convert_to_tensor(x) for x in two])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found["rois"])[:, 0], APART[[0, 3]])


def test_a_number_of_anchors_that_is_not_known_beforehand():
    tensors = [keras.Input((None, n)) for n in (2, 4, 4)]
    model = keras.Model(tensors, layer()(tensors))
    for count in (4, 2):
        found = model.predict_on_batch(inputs([0.1, 0.4, 0.3, 0.2][:count], APART[:count]))
        expected = {4: APART[[1, 2, 3]], 2: [APART[1], APART[0], [0] * 4]}[count]
        np.testing.assert_array_equal(found["rois"][0], expected)
        assert found["valid"].sum() == min(count, 3)


def test_no_gradient_flows_back(gradient):
    scores, deltas, anchors = inputs([0.1, 0.4, 0.3, 0.2], APART)

    def total(moved):
        return keras.ops.sum(layer()([keras.ops.convert_to_tensor(scores), moved, anchors])["rois"])

    assert not gradient(total, deltas).any()
