"""The network's graph for TensorBoard's Graphs tab: one named scope for each stage, the layers inside."""

import re
from pathlib import Path

from mrcnn.export.image_model import image_model
from mrcnn.extras import needs
from mrcnn_ext.common.runs import find_run

STAGES = (
    ("resize_and_anchors", r"mold"),
    ("backbone", r"conv1.*|bn_conv1|pool1|res\d.*|bn\d.*"),
    ("feature_pyramid", r"fpn_.*"),
    ("region_proposals", r"rpn_.*"),
    ("proposals", r"proposals.*|ROI"),
    ("box_head", r"roi_align_classifier|mrcnn_class.*|mrcnn_bbox.*|pool_squeeze"),
    ("detections", r"mrcnn_detection|window"),
    ("mask_head", r"roi_align_mask|mrcnn_mask.*"),
    ("to_pixels", r"unmold"),
)
LARGE = 1024  # bytes of a constant; what is larger (tables, anchors) would only slow the page down


def write_graph(run: str | Path = "last", out: str | Path | None = None, logs: str | Path = "logs") -> Path:
    """Write the graph of a run, from images to objects, as TensorBoard reads it.

    Args:
        run: see `find_run`.
        out: folder; None: graph/ in the run's folder.
        logs: where the runs are.

    Returns:
        The folder.

    Raises:
        ValueError: Keras does not run on TensorFlow.
        FileNotFoundError: there is no such run.
    """
    import keras

    with needs("cpu"):
        import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise ValueError("The graph is TensorFlow's: start again with KERAS_BACKEND=tensorflow in the environment.")
    found = find_run(run, logs)
    one = image_model(found.model())
    spec = tf.TensorSpec(one.input_shape, tf.uint8, name="image")
    graph = tf.function(lambda image: one(image, training=False)).get_concrete_function(spec).graph
    out = Path(out or found.folder / "graph")
    for old in out.glob("events.out.tfevents.*"):  # TensorBoard would show the first of several graphs
        old.unlink()
    writer = tf.summary.create_file_writer(str(out))
    with writer.as_default():
        tf.summary.graph(staged(graph.as_graph_def()))
    writer.close()
    return out


def staged(graph_def):
    """The GraphDef with every node under the scope of its stage, and without the content of large constants."""
    names = {node.name: stage_name(node.name) for node in graph_def.node}
    for node in graph_def.node:
        node.name = names[node.name]
        node.input[:] = [_renamed(name, names) for name in node.input]
        if "value" in node.attr and len(node.attr["value"].tensor.tensor_content) > LARGE:
            node.attr["value"].tensor.tensor_content = b""
        if "_class" in node.attr:
            del node.attr["_class"]  # colocation: names nodes as they were
    return graph_def


def stage_name(name):
    """`image_to_objects_1/mask_rcnn_1/res2a_out_1/Relu` -> `backbone/res2a_out_1/Relu`; other names stay."""
    parts = [part for part in name.split("/") if not re.fullmatch(r"(image_to_objects|mask_rcnn)(_\d+)?", part)]
    for stage, pattern in STAGES:
        if len(parts) > 1 and any(re.fullmatch(pattern, part) for part in (parts[0], re.sub(r"_\d+$", "", parts[0]))):
            return "/".join([stage, *parts])
    return "/".join(parts) if len(parts) > 1 else name


def _renamed(name, names):
    """An input, `^node`, `node` or `node:1`, by the node's new name."""
    mark, name = ("^", name[1:]) if name.startswith("^") else ("", name)
    node, colon, output = name.partition(":")
    return f"{mark}{names.get(node, node)}{colon}{output}"
