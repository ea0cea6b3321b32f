"""The graph for TensorBoard: a stage's nodes under one scope, edges still whole."""

import keras
import pytest

from mrcnn.model import MaskRCNN
from mrcnn_ext.export.graph_view import LARGE, STAGES, stage_name, staged, write_graph
from tests.support.engine_data import SmallConfig  # noqa: E402  of the engine's tests


@pytest.mark.parametrize(
    "name, expected",
    [
        ("image_to_objects_1/mask_rcnn_1/res2a_out_1/Relu", "backbone/res2a_out_1/Relu"),
        ("image_to_objects_1/mask_rcnn_1/bn_conv1_1/add", "backbone/bn_conv1_1/add"),
        (
            "image_to_objects_1/mask_rcnn_1/rpn_model_1/rpn_class_raw_1/add",
            "region_proposals/rpn_model_1/rpn_class_raw_1/add",
        ),
        ("image_to_objects_1/mask_rcnn_1/proposals_1/while", "proposals/proposals_1/while"),
        ("image_to_objects_1/mask_rcnn_1/mrcnn_mask_conv1_1/add", "mask_head/mrcnn_mask_conv1_1/add"),
        ("image_to_objects_1/mask_rcnn_1/mrcnn_detection_1/mul", "detections/mrcnn_detection_1/mul"),
        ("image_to_objects_1/mold_1/Cast", "resize_and_anchors/mold_1/Cast"),
        ("image_to_objects_1/unmold_1/Cast", "to_pixels/unmold_1/Cast"),
        ("image", "image"),
    ],
)
def test_stage_names(name, expected):
    assert stage_name(name) == expected


def test_edges_follow_and_large_constants_are_emptied():
    tf = pytest.importorskip("tensorflow")
    with tf.Graph().as_default() as graph:
        table = tf.constant([1.5] * LARGE, name="image_to_objects_1/mold_1/table")
        pair = tf.split(table, 2, name="image_to_objects_1/mask_rcnn_1/res2a_out_1/split")
        first = tf.identity(pair[0], name="image_to_objects_1/mask_rcnn_1/fpn_p2_1/first")
        with tf.control_dependencies([first]):
            tf.identity(pair[1], name="image_to_objects_1/unmold_1/out")
    result = staged(graph.as_graph_def())
    nodes = {node.name: node for node in result.node}
    assert len(nodes) == len(result.node)
    out = nodes["to_pixels/unmold_1/out"]
    assert list(out.input) == ["backbone/res2a_out_1/split:1", "^feature_pyramid/fpn_p2_1/first"]
    assert "resize_and_anchors/mold_1/table" in nodes
    assert all(len(n.attr["value"].tensor.tensor_content) <= LARGE for n in result.node if "value" in n.attr)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the graph is TensorFlow's")
def test_every_weight_of_a_network_is_in_a_stage(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = MaskRCNN("inference", SmallConfig(), tmp_path)
    model.save_weights(tmp_path / "mask_rcnn_small_0001.h5")
    model.config.to_json(tmp_path / "config.json")
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "events.out.tfevents.1.of.before").touch()
    (tmp_path / "graph" / "notes.txt").touch()
    out = write_graph(tmp_path / "mask_rcnn_small_0001.h5")
    assert len(list(out.glob("events*"))) == 1 and (out / "notes.txt").exists()
    nodes = EventAccumulator(str(out)).Reload().Graph().node
    weights = [node.name for node in nodes if node.op == "Placeholder" and node.name != "image"]
    assert len(weights) == len(model.keras_model.weights)
    stages = [stage for stage, _ in STAGES]
    assert [name for name in weights if name.split("/")[0] not in stages] == []
    assert set(stages) <= {node.name.split("/")[0] for node in nodes}
