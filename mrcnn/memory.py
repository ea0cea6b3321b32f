"""How much memory a training step takes, by measured peaks; and what to change when it is too much."""

# Of the whole network in float32: bytes for each pixel of the batch, and MiB for all else.  TinyConfig (resnet18 of
# width 32) at 128 px and ResNet-50 at 512 px: peaks of a step on a CPU.  ResNet-101: reckoned from 17 more blocks.
BYTES_A_PIXEL = {"resnet18": 4700, "resnet50": 6200, "resnet101": 7200}
BASE_MIB = {"resnet18": 700, "resnet50": 1500, "resnet101": 1800}
_WIDTH = {"resnet18": 32, "resnet50": 64, "resnet101": 64}  # BACKBONE_WIDTH that these were measured with


def step_mib(config, images=None, side=None):
    """MiB that a step of the whole network takes, about; None for a backbone of one's own.

    images: pictures of a step, default the Config's.  side: pixels, default the Config's.
    """
    backbone = config.BACKBONE
    if backbone not in BYTES_A_PIXEL:
        return None
    images = config.IMAGES_PER_GPU * config.GPU_COUNT if images is None else images
    pixels = images * (side**2 if side else int(config.IMAGE_SHAPE[0]) * int(config.IMAGE_SHAPE[1]))
    scale = config.BACKBONE_WIDTH / _WIDTH[backbone]
    return BASE_MIB[backbone] + pixels * BYTES_A_PIXEL[backbone] * scale / 2**20


def out_of_memory_advice(config):
    """What to change, with values, as text."""
    images, side = max(1, config.IMAGES_PER_GPU // 2), max(64, int(config.IMAGE_SHAPE[0]) * 3 // 4 // 64 * 64)
    step = config.IMAGES_PER_GPU * config.GPU_COUNT
    lines = [f"Out of memory in a step of {step} pictures of {config.IMAGE_SHAPE[0]} px."]
    if config.GPU_COUNT > 1:
        lines.append(f"  GPU_COUNT = 1{_about(config, images=config.IMAGES_PER_GPU)}; one GPU takes all so far")
    if images < config.IMAGES_PER_GPU:
        more = config.GRADIENT_ACCUMULATION_STEPS * config.IMAGES_PER_GPU // images
        lines.append(
            f"  IMAGES_PER_GPU = {images}{_about(config, images=images * config.GPU_COUNT)}; with "
            f"GRADIENT_ACCUMULATION_STEPS = {more} the weights still change by as many pictures"
        )
    lines.append(f"  IMAGE_MIN_DIM = IMAGE_MAX_DIM = {side}{_about(config, side=side)}; smaller objects are lost first")
    lines.append(f"  TRAIN_ROIS_PER_IMAGE = {max(8, config.TRAIN_ROIS_PER_IMAGE // 2)}: less for the heads")
    if images == config.IMAGES_PER_GPU and config.BACKBONE == "resnet101":
        lines.append('  BACKBONE = "resnet50": a third of the layers less')
    return "\n".join([*lines, "Change one after the other, from the top, and start again from the last checkpoint."])


def is_out_of_memory(error):
    """Whether an error of any backend says that the memory is used up."""
    text = f"{type(error).__name__}: {error}".upper()
    signs = ("RESOURCE_EXHAUSTED", "RESOURCEEXHAUSTED", "OUT OF MEMORY", "OUT_OF_MEMORY")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _about(config, **values):
    mib = step_mib(config, **values)
    return "" if mib is None else f" (about {mib / 1024:.1f} GiB)"
