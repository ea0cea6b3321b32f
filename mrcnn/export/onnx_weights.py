"""Smaller weights in an ONNX file: 16 or 8 bits for each; whatever is not a weight stays as it was."""

import contextlib
import logging

import numpy as np

from mrcnn.extras import needs

LEAST = 1000  # numbers in a tensor that is worth it


def store_float16(path):
    """Weights as float16 that the runtime makes float32 when it loads them: half the file, no other time.

    Tensors with numbers beyond float16 stay float32.
    """
    with needs("export"):
        import onnx

    model = onnx.load(path)
    kept, casts = [], []
    for tensor in model.graph.initializer:
        is_weight = tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= LEAST
        values = onnx.numpy_helper.to_array(tensor) if is_weight else None
        if values is None or np.abs(values).max() > np.finfo(np.float16).max:
            kept.append(tensor)
            continue
        name = f"{tensor.name}/float16"
        kept.append(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(onnx.helper.make_node("Cast", [name], [tensor.name], name, to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]  # what uses a tensor stands behind it
    for field, items in ((model.graph.initializer, kept), (model.graph.node, nodes)):
        del field[:]
        field.extend(items)
    onnx.save(model, path)


def compute_int8(path):
    """Weights of convolutions and matrix products as 8 bits, a scale for each channel; a quarter of the file.

    What they are multiplied with becomes 8 bits at run time, by its own range (dynamic quantisation).
    """
    with needs("export"):
        from onnxruntime.quantization import QuantType, quantize_dynamic

    with _without_advice():
        # unsigned: on processors without VNNI the products of signed weights run over
        quantize_dynamic(path, path, ["Conv", "MatMul"], per_channel=True, weight_type=QuantType.QUInt8)


@contextlib.contextmanager
def _without_advice():
    """ONNX Runtime recommends a step for static quantisation on the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
