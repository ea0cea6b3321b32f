"""The network's layers as a graph for TensorBoard, on any backend."""


def model_graph(keras_model):
    """A GraphDef with a node for each layer and operation of a functional model."""
    import tensorflow as tf  # also beside another backend: only its file formats are used

    graph = tf.compat.v1.GraphDef()
    for operation in keras_model.operations:
        node = graph.node.add(name=operation.name, op=type(operation).__name__)
        for call in operation._inbound_nodes:
            node.input.extend(parent.operation.name for parent in call.parent_nodes)
    return graph


def hyperparameters(config, about):
    """The plain values of a Config, as TensorBoard's HParams take them, with what this training was given.

    about: its learning_rate, None where that is a schedule, and layers.
    """
    given = {"LEARNING_RATE": about["learning_rate"] or "a schedule", "layers": about["layers"]}
    settings = config.to_dict() | given
    values = {name: value for name, value in settings.items() if isinstance(value, bool | int | float | str)}
    lists = {name: str(value) for name, value in settings.items() if isinstance(value, tuple | list)}
    return values | lists
