"""Writing an image model in a format that others run, and running what was written.

Each writer takes the Keras model of `image_model` and a path; each runner takes the path and returns a function from
images uint8 (B, H, W, C) to the dict of `UnmoldDetections`, as numpy arrays.
"""

import tempfile
import warnings

import keras
import numpy as np

from mrcnn.export.onnx_weights import compute_int8, store_float16
from mrcnn.extras import needs
from mrcnn.network.rows import shapes_may_vary

PRECISIONS = ("float32", "float16", "int8")
ONNX_OPSET = 18


def write_keras(model, path):
    """The whole model, layers and weights: `keras.models.load_model` reads it where `mrcnn` is installed."""
    model.save(path)


def run_keras(path):
    import mrcnn.model  # noqa: F401 (registers the layers)

    model = keras.models.load_model(path)
    return lambda images: {name: np.asarray(value) for name, value in model.predict_on_batch(images).items()}


def write_savedmodel(model, path):
    """TensorFlow's SavedModel, for TensorFlow Serving and `tf.saved_model.load`: needs no Python of ours."""
    _must_be_tensorflow()
    import tensorflow as tf

    spec = tf.TensorSpec(model.input_shape, tf.uint8, name="image")
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]  # Keras's own export writes each of them twice
    module.serve = tf.function(lambda image: model(image, training=False), [spec])
    with shapes_may_vary(True):
        function = module.serve.get_concrete_function()
    tf.saved_model.save(module, path, signatures=function)


def run_savedmodel(path):
    with needs("cpu"):
        import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures["serving_default"]
    name = next(iter(function.structured_input_signature[1]))

    def run(images, loaded=loaded):  # the signature alone does not keep the variables alive
        return {key: value.numpy() for key, value in function(**{name: tf.constant(images)}).items()}

    return run


def write_onnx(model, path, precision="float32"):
    """ONNX, for ONNX Runtime.

    precision: of the weights; "float16" halves the file; "int8" quarters it, and convolutions are computed in 8 bits.
    """
    _must_be_tensorflow()
    with needs("export"):
        import tf2onnx  # noqa: F401 (Keras calls it)
    signature = [keras.InputSpec(dtype="uint8", shape=model.input_shape, name="image")]
    with warnings.catch_warnings(), shapes_may_vary(True):
        warnings.simplefilter("ignore")  # of tf2onnx, on numpy's and protobuf's names
        model.export(path, format="onnx", verbose=False, input_signature=signature, opset_version=ONNX_OPSET)
    if precision != "float32":
        {"float16": store_float16, "int8": compute_int8}[precision](path)


def run_onnx(path):
    with needs("export"):
        import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    name = session.get_inputs()[0].name
    return lambda images: dict(zip(outputs, session.run(outputs, {name: images}), strict=True))


def write_tflite(model, path, precision="float32"):
    """TFLite, for phones and small boards: one image of one size at a time, built-in operations only.

    precision: of the weights; "float16" halves the file, "int8" quarters it (dynamic range: sums stay float).
    """
    _must_be_tensorflow()
    import tensorflow as tf

    if None in model.input_shape:
        raise ValueError("TFLite needs a fixed size: give the height and width of the images.")
    spec = tf.TensorSpec(model.input_shape, tf.uint8, name="image")
    frozen = _frozen(model, spec)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(frozen, folder, signatures=frozen.serve.get_concrete_function(spec))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def _frozen(model, spec):
    """The model as a tf.Module with constants for weights: TFLite cannot read a SavedModel's variables in loops."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(lambda image: model(image, training=False)).get_concrete_function(spec)
    constant = convert_variables_to_constants_v2(function, lower_control_flow=False)
    names = sorted(function.structured_outputs)  # the order in which TensorFlow flattens a dict
    module = tf.Module()
    module.constant = constant
    module.serve = tf.function(lambda image: dict(zip(names, constant(image), strict=True)), [spec])
    return module


def run_tflite(path):
    with needs("cpu"):
        import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow names the package that this class moves to
        interpreter = tf.lite.Interpreter(str(path), num_threads=2)
    runner = interpreter.get_signature_runner("serving_default")

    def run(images, interpreter=interpreter):
        each = [runner(image=image[None]) for image in images]
        return {name: np.concatenate([one[name] for one in each]) for name in each[0]}

    return run


WRITERS = {"savedmodel": write_savedmodel, "onnx": write_onnx, "keras": write_keras, "tflite": write_tflite}
RUNNERS = {"savedmodel": run_savedmodel, "onnx": run_onnx, "keras": run_keras, "tflite": run_tflite}
SMALLER = ("onnx", "tflite")  # written with smaller weights too
FILES = {"savedmodel": "saved_model", "onnx": "model.onnx", "keras": "model.keras", "tflite": "model.tflite"}


def write(to, model, path, precision="float32"):
    """Writes the image model in the format `to`, a key of `WRITERS`. Raises ValueError for what cannot be."""
    if to not in WRITERS:
        raise ValueError(f"There is no export to {to!r}: use {', '.join(WRITERS)}.")
    if precision not in PRECISIONS:
        raise ValueError(f"There is no precision {precision!r}: use {', '.join(PRECISIONS)}.")
    if to in SMALLER:
        WRITERS[to](model, path, precision)
    elif precision != "float32":
        raise ValueError(
            f"{to} is written in float32 only: its runtime would compute a {precision} graph of this kind with casts "
            "around most operations, slower than before. ONNX and TFLite have float16 and int8."
        )
    else:
        WRITERS[to](model, path)


def _must_be_tensorflow():
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"This format is made from a TensorFlow graph, and Keras runs on {keras.backend.backend()}: start again "
            'with KERAS_BACKEND=tensorflow in the environment, or export to "keras".'
        )
