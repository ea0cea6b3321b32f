"""Label Studio's brush masks: a run-length code of the RGBA values of the image, as a stream of bits.

32 bits: number of values (height * width * 4); 5 bits: bits of a value - 1; four times 4 bits: bits of a length - 1.
Then blocks: 1 bit, run (1) or values one by one (0); 2 bits, which of the four lengths; the length - 1; the value(s).
"""

import numpy as np

LENGTH_BITS = (3, 4, 8, 16)
VALUE_BITS = 8
CHANNELS = 4


def decode_brush(rle, height: int, width: int, where="the mask") -> np.ndarray:
    """List of bytes -> mask bool (height, width) of all pixels that are not transparent.

    Raises ValueError when it is broken or is for another size.
    """
    if any(type(byte) is not int or not 0 <= byte <= 255 for byte in rle):
        raise ValueError(f"{where}: its rle must be a list of bytes")
    bits = np.unpackbits(np.array(rle, np.uint8))
    count, position = _take(bits, 0, 32, where)
    if count != height * width * CHANNELS:
        raise ValueError(f"{where}: its rle holds {count} values, not {height} x {width} x 4 = {height * width * 4}")
    value_bits, position = _take(bits, position, 5, where)
    value_bits += 1
    sizes = []
    for _ in LENGTH_BITS:
        size, position = _take(bits, position, 4, where)
        sizes.append(size + 1)
    values = np.zeros(count, bool)
    filled = 0
    while filled < count:
        head, position = _take(bits, position, 3, where)
        length, position = _take(bits, position, sizes[head & 3], where)
        stop = min(filled + length + 1, count)
        number = 1 if head & 4 else length + 1
        end = position + number * value_bits
        if end > len(bits):
            raise ValueError(f"{where}: its rle is cut off")
        values[filled:stop] = np.any(bits[position:end].reshape(number, value_bits), axis=1)[: stop - filled]
        filled, position = stop, end
    return values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1]


def encode_brush(mask: np.ndarray) -> list[int]:
    """Mask bool (H, W) -> list of bytes; pixels of the object are white and opaque, all others clear."""
    flat = np.asarray(mask, bool).reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]) if flat.size else np.zeros(0, int)
    lengths = np.diff(np.append(starts, flat.size)) * CHANNELS
    text = [f"{flat.size * CHANNELS:032b}", f"{VALUE_BITS - 1:05b}", *(f"{bits - 1:04b}" for bits in LENGTH_BITS)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = "1" * VALUE_BITS if flat[start] else "0" * VALUE_BITS
        while length > 0:
            part = min(length, 1 << LENGTH_BITS[-1])
            which = next(i for i, bits in enumerate(LENGTH_BITS) if part <= 1 << bits)
            text += ["1", f"{which:02b}", f"{part - 1:0{LENGTH_BITS[which]}b}", value]
            length -= part
    bits = "".join(text)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _take(bits: np.ndarray, position: int, count: int, where) -> tuple[int, int]:
    """The next `count` bits as a number, and the position after them."""
    end = position + count
    if end > len(bits):
        raise ValueError(f"{where}: its rle is cut off")
    number = 0
    for bit in bits[position:end].tolist():
        number = number << 1 | bit
    return number, end
