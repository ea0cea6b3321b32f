"""Where the time of one image goes: decoding its file, resizing, the network, pasting the masks."""

import statistics
import time
from io import BytesIO

from PIL import Image


def parts(model, image, repeats):
    """Median seconds of each part of `detect([image])`, `image` coming as a JPEG, and the share of each in percent."""
    from mrcnn.data.image import decode_image
    from mrcnn_ext.detection.detector import PARTS

    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    turns = []
    for _ in range(repeats):
        start = time.perf_counter()
        decode_image(file.getvalue(), "noise")
        decode = time.perf_counter() - start
        model.detect([image])
        turns.append({"decode": decode} | model.seconds)
    seconds = {part: statistics.median(turn[part] for turn in turns) for part in PARTS}
    whole = sum(seconds.values())
    shares = {f"{part}_%": 100 * value / whole for part, value in seconds.items()}
    return {f"{part}_s": value for part, value in seconds.items()} | shares
