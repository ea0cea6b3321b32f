"""Weights of 16 and 8 bits in an ONNX file: smaller, and what is computed stays close."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from mrcnn.export.onnx_weights import compute_int8, store_float16

SIZE = (1, 16, 20, 20)


@pytest.fixture
def path(tmp_path):
    """A convolution, and a sum with numbers that float16 does not hold."""
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(0, 0.1, (32, 16, 3, 3)).astype(np.float32),
        "large": np.full((32, 20, 20), 1e6, np.float32),
        "few": np.array([-1e6], np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"], pads=[1] * 4),
        helper.make_node("Add", ["a", "large"], ["b"]),
        helper.make_node("Add", ["b", "few"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(*one) for one in (("x", 1, SIZE), ("y", 1, (1, 32, 20, 20)))]
    initial = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initial)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


def run(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.random.default_rng(1).normal(0, 1, SIZE).astype(np.float32)})[0]


def kinds(path):
    return {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}


def test_float16(path):
    before, size = run(path), path.stat().st_size
    store_float16(path)
    # 1e6 + y - 1e6 in float32 keeps y to 1/16
    assert np.abs(run(path) - before).max() <= 1 / 16
    assert kinds(path) == {"kernel/float16": 10, "large": 1, "few": 1}
    assert size - path.stat().st_size == pytest.approx(2 * 32 * 16 * 9, abs=200)
    onnx.checker.check_model(onnx.load(path), full_check=True)


def test_int8(path):
    before = run(path)
    compute_int8(path)
    after = run(path)
    assert 0 < np.abs(after - before).max() < 0.05 * np.abs(before).max()
    assert "kernel" not in kinds(path) and 2 in kinds(path).values()  # uint8
