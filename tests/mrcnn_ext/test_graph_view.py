"""The graph for TensorBoard: a stage's nodes under one scope, edges still whole."""

import pytest

from mrcnn_ext.graph_view import LARGE, stage_name, staged


@pytest.mark.parametrize(
    "name, expected",
    [
        ("picture_to_objects_1/mask_rcnn_1/res2a_out_1/Relu", "backbone/res2a_out_1/Relu"),
        ("picture_to_objects_1/mask_rcnn_1/bn_conv1_1/add", "backbone/bn_conv1_1/add"),
        (
            "picture_to_objects_1/mask_rcnn_1/rpn_model_1/rpn_class_raw_1/add",
            "region_proposals/rpn_model_1/rpn_class_raw_1/add",
        ),
        ("picture_to_objects_1/mask_rcnn_1/proposals_1/while", "proposals/proposals_1/while"),
        ("picture_to_objects_1/mask_rcnn_1/mrcnn_mask_conv1_1/add", "mask_head/mrcnn_mask_conv1_1/add"),
        ("picture_to_objects_1/mask_rcnn_1/mrcnn_detection_1/mul", "detections/mrcnn_detection_1/mul"),
        ("picture_to_objects_1/mold_1/Cast", "resize_and_anchors/mold_1/Cast"),
        ("picture_to_objects_1/unmold_1/Cast", "to_pixels/unmold_1/Cast"),
        ("picture", "picture"),
    ],
)
def test_stage_names(name, expected):
    assert stage_name(name) == expected


def test_edges_follow_and_large_constants_are_emptied():
    tf = pytest.importorskip("tensorflow")
    with tf.Graph().as_default() as graph:
        table = tf.constant([1.5] * LARGE, name="picture_to_objects_1/mold_1/table")
        pair = tf.split(table, 2, name="picture_to_objects_1/mask_rcnn_1/res2a_out_1/split")
        first = tf.identity(pair[0], name="picture_to_objects_1/mask_rcnn_1/fpn_p2_1/first")
        with tf.control_dependencies([first]):
            tf.identity(pair[1], name="picture_to_objects_1/unmold_1/out")
    result = staged(graph.as_graph_def())
    nodes = {node.name: node for node in result.node}
    assert len(nodes) == len(result.node)
    out = nodes["to_pixels/unmold_1/out"]
    assert list(out.input) == ["backbone/res2a_out_1/split:1", "^feature_pyramid/fpn_p2_1/first"]
    assert "resize_and_anchors/mold_1/table" in nodes
    assert all(len(n.attr["value"].tensor.tensor_content) <= LARGE for n in result.node if "value" in n.attr)
