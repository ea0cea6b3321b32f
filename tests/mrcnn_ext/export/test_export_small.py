"""Whole exports of a trained run with weights of 16 and 8 bits: what is told of them holds when they are read again."""

import json
import shutil

import keras
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mrcnn.export import formats
from mrcnn.export.exported import ExportedModel
from mrcnn.export.parity import compare
from mrcnn.model import MaskRCNN
from mrcnn_ext.datasets.one_size import OneSize
from mrcnn_ext.export.export_run import export_run
from tests.support.engine_data import SmallConfig, random_images

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="these formats are made from TensorFlow graphs"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # of the converters
]


class ByHeartConfig(SmallConfig):
    NAME = "by_heart"
    NORM = "group"  # batch statistics of so few images say little
    BACKBONE_WIDTH = 16
    TOP_DOWN_PYRAMID_SIZE = 32
    RPN_CHANNELS = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64
    MASK_HEAD_CHANNELS = 32
    IMAGES_PER_GPU = 4
    STEPS_PER_EPOCH = 300
    LEARNING_SCHEDULE = "cosine"
    DETECTION_MIN_CONFIDENCE = 0.5


@pytest.fixture(scope="module")
def data():
    """As large as the network's input, so that all formats see the same images."""
    return OneSize(random_images(12), (64, 64))


@pytest.fixture(scope="module")
def network(data, tmp_path_factory):
    """Finds most objects of the data; its run is the last one in `network.model_dir`."""
    logs = tmp_path_factory.mktemp("logs")
    trained = MaskRCNN("training", ByHeartConfig(), logs)
    trained.train(data, data, learning_rate=0.002, epochs=1, layers="all")
    config = type("OneByOne", (ByHeartConfig,), {"IMAGES_PER_GPU": 1})()
    network = MaskRCNN("inference", config, logs)
    network.load_weights("last")
    return network


@pytest.fixture
def converted_once(tmp_path_factory, monkeypatch):
    """The conversion to ONNX takes most of the time, and is the same for all precisions."""
    kept, convert = tmp_path_factory.getbasetemp() / "kept.onnx", keras.Model.export

    def export(model, path, **options):
        if not kept.exists():
            convert(model, kept, **options)
        shutil.copy(kept, path)

    monkeypatch.setattr(keras.Model, "export", export)


@pytest.mark.parametrize("to", ["tflite", "onnx"])
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_what_is_told_of_a_small_export_holds(to, precision, data, network, tmp_path, converted_once):
    loss = 0.01 if precision == "float16" else 0.05  # 8 bits say less of so narrow a network than of a usual one
    options = {"precision": precision, "dataset": data, "max_ap_loss": loss, "logs": network.model_dir}
    report = export_run("last", to, tmp_path / "out", **options)
    assert report.ap_network > 0.4 and report.ap >= report.ap_network - loss, report.text()
    assert report.parity.objects > 6, report.text()
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (stored["precision"], stored["ap"], stored["parity"]["score"]) == (
        precision,
        report.ap,
        report.parity.score,
    )
    images = [data.load_image(i) for i in data.image_ids]
    same = compare(network, ExportedModel(report.path), images, 0.5, 10)
    assert same.objects > 12, same.text
    if precision == "float16":
        assert not same.problem and same.score < 0.01, same.text
    else:
        assert same.missing + same.added <= same.objects // 10 and same.score < 0.3, same.text
        assert same.box_px <= 4 and same.mask_iou > 0.9, same.text


def test_an_export_that_lost_its_weights_is_refused(data, network, tmp_path, monkeypatch, converted_once):
    monkeypatch.setattr(formats, "store_float16", without_kernels)
    with pytest.raises(ValueError, match=r"AP falls from 0\.\d+ to 0\.0\d+, by more than 0\.01"):
        export_run("last", "onnx", tmp_path / "out", precision="float16", dataset=data, logs=network.model_dir)
    assert list(tmp_path.iterdir()) == []


def without_kernels(path):
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 4 and tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(np.zeros(tensor.dims, np.float32), tensor.name))
    onnx.save(model, path)
