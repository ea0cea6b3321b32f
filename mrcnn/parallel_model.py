"""The old `mrcnn.parallel_model`: its class exists, and says what replaces it."""


class ParallelModel:
    """Split a model over several GPUs, in the old package. Making one raises NotImplementedError."""

    def __init__(self, keras_model, gpu_count):
        raise NotImplementedError(
            f"ParallelModel({gpu_count} GPUs): a model is not spread over GPUs yet, MaskRCNN uses one. "
            f"GPU_COUNT = {gpu_count} gives steps of as many pictures as before, all on that one; where its memory is "
            "short, GRADIENT_ACCUMULATION_STEPS does so too."
        )
