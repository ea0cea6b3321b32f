"""The old `mrcnn.parallel_model`: its class exists, and says what replaces it."""


class ParallelModel:
    """Split a model over several GPUs, in the old package. Making one raises NotImplementedError."""

    def __init__(self, keras_model, gpu_count):
        raise NotImplementedError(
            f"ParallelModel({gpu_count} GPUs): MaskRCNN spreads its training over GPUs by itself, so leave this out. "
            f"Set GPU_COUNT = {gpu_count} in the Config, and call MaskRCNN.train."
        )
