"""The old `mrcnn.parallel_model`: its class exists, and says what replaces it."""


class ParallelModel:
    """Split a model over several GPUs, in the old package. Making one raises NotImplementedError."""

    def __init__(self, keras_model, gpu_count):
        raise NotImplementedError(
            f"ParallelModel({gpu_count} GPUs): Keras 3 distributes training by itself and has no model that wraps a "
            f"model. Set GPU_COUNT = {gpu_count} in your Config and give it to MaskRCNN, which does the rest."
        )
