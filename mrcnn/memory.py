"""How much memory a training step takes, by measured peaks; and what to change when it is too much."""

# Of the whole network in float32: bytes for each pixel of the batch, and MiB for all else.  TinyConfig (resnet18 of
# width 32) at 128 px and ResNet-50 at 512 px: peaks of a step on a CPU.  ResNet-101: reckoned from 17 more blocks.
BYTES_A_PIXEL = {"resnet18": 4700, "resnet50": 6200, "resnet101": 7200}
BASE_MIB = {"resnet18": 700, "resnet50": 1500, "resnet101": 1800}
_WIDTH = {"resnet18": 32, "resnet50": 64, "resnet101": 64}  # BACKBONE_WIDTH that these were measured with
# Of a pixel's bytes in 16 bits; weights, their gradients and the optimizer stay float32.  Reckoned, not measured: all
# outputs of the layers of TinyConfig take 0.53 of their bytes in float32, those of ResNet-50 at 512 px 0.50.  On a CPU
# that computes in float32 all the same a step saves next to nothing: a peak of 1290 MiB in place of 1314.
SHARE_IN_16_BITS = 0.55


def step_mib(config, images=None, side=None, precision=None):
    """MiB that a step of the whole network takes on one device, about; None for a backbone of one's own.

    images: images of a step on that device, default all the Config's.  side: pixels, and precision: the Config's.
    """
    backbone = config.BACKBONE
    if backbone not in BYTES_A_PIXEL:
        return None
    images = config.IMAGES_PER_GPU * config.GPU_COUNT if images is None else images
    pixels = images * (side**2 if side else int(config.IMAGE_SHAPE[0]) * int(config.IMAGE_SHAPE[1]))
    scale = config.BACKBONE_WIDTH / _WIDTH[backbone]
    if (precision or config.PRECISION) != "float32":
        scale *= SHARE_IN_16_BITS
    return BASE_MIB[backbone] + pixels * BYTES_A_PIXEL[backbone] * scale / 2**20


def out_of_memory_advice(config, devices=1):
    """What to change, with values, as text. devices: as many share a step."""
    images, side = max(1, config.IMAGES_PER_GPU // 2), max(64, int(config.IMAGE_SHAPE[0]) * 3 // 4 // 64 * 64)
    step = config.IMAGES_PER_GPU * config.GPU_COUNT
    place = f" on {devices} devices" if devices > 1 else ""
    lines = [f"Out of memory in a step of {step} images of {config.IMAGE_SHAPE[0]} px{place}."]
    if devices < config.GPU_COUNT:
        lines.append(f"  GPU_COUNT = {devices}{_about(config, images=config.IMAGES_PER_GPU)}, as many as are in use")
    if images < config.IMAGES_PER_GPU:
        more = config.GRADIENT_ACCUMULATION_STEPS * config.IMAGES_PER_GPU // images
        lines.append(
            f"  IMAGES_PER_GPU = {images}{_about(config, images=images * config.GPU_COUNT // devices)}; with "
            f"GRADIENT_ACCUMULATION_STEPS = {more} the weights still change by as many images"
        )
    smaller = _about(config, images=step // devices, side=side)
    lines.append(f"  IMAGE_MIN_DIM = IMAGE_MAX_DIM = {side}{smaller}; smaller objects are lost first")
    lines.append(f"  TRAIN_ROIS_PER_IMAGE = {max(8, config.TRAIN_ROIS_PER_IMAGE // 2)}: less for the heads")
    if images == config.IMAGES_PER_GPU:
        if config.BACKBONE == "resnet101":
            lines.append('  BACKBONE = "resnet50": a third of the layers less')
        if config.PRECISION == "float32":
            half = _about(config, images=step // devices, precision="mixed_bfloat16")
            lines.append(f'  PRECISION = "mixed_bfloat16"{half}; "mixed_float16" on cards of before 2020')
    return "\n".join([*lines, "Change one after the other, from the top, and start again from the last checkpoint."])


def main_memory_advice(config, threads):
    """What to change when the main memory, not the device's, was used up by making batches."""
    lines = ["Out of main memory while batches were made. Each helps:"]
    if threads > 1:
        lines.append(f"  LOADER_THREADS = {max(1, threads // 2)}: fewer images at once")
    if config.IMAGES_PER_GPU > 1:
        lines.append(f"  IMAGES_PER_GPU = {config.IMAGES_PER_GPU // 2}: smaller batches, and fewer of them wait")
    if not config.USE_MINI_MASK:
        lines.append("  USE_MINI_MASK = True: masks as small crops")
    return "\n".join([*lines, "  smaller images on disk: each is read whole, and then made smaller"])


def is_out_of_memory(error):
    """Whether an error of any backend says that the memory is used up."""
    text = f"{type(error).__name__}: {error}".upper()
    signs = ("RESOURCE_EXHAUSTED", "RESOURCEEXHAUSTED", "OUT OF MEMORY", "OUT_OF_MEMORY")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _about(config, **values):
    mib = step_mib(config, **values)
    return "" if mib is None else f" (about {mib / 1024:.1f} GiB)"
