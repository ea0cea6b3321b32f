"""The checksum of TFRecord files: CRC-32C (Castagnoli's polynomial), turned by 15 bits, plus a constant."""

import numpy as np

POLYNOMIAL = 0x82F63B78
ALL_ONES = 0xFFFFFFFF
SHORT = 256  # bytes; below this a plain loop is faster


def masked_crc(data: bytes) -> int:
    """The checksum as it stands in the file."""
    crc = (_short_crc(data) if len(data) < SHORT else _long_crc(data)) ^ ALL_ONES
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & ALL_ONES


def _table() -> np.ndarray:
    """uint32 (256,): what a byte does to a checksum of zero."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = values >> 1 ^ np.where(values & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return values


TABLE = _table()
PLAIN_TABLE = TABLE.tolist()


def _short_crc(data: bytes) -> int:
    crc = ALL_ONES
    for byte in data:
        crc = crc >> 8 ^ PLAIN_TABLE[(crc ^ byte) & 255]
    return crc


def _long_crc(data: bytes) -> int:
    """The same for long data: all rows of a table of bytes at once, then the rows put together two by two.

    That works because the checksum is linear: that of A + B is that of A, moved on by as many zero bytes as B has, xor
    that of B; and zero bytes in front of all change nothing, if the start value is mixed into the first four bytes.
    """
    rows = 1 << len(data).bit_length() // 2
    columns = -(-len(data) // rows)
    padded = np.zeros(rows * columns, np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[len(padded) - len(data) :][:4] ^= 255
    crcs = np.zeros(rows, np.uint32)
    for column in np.ascontiguousarray(padded.reshape(rows, columns).T):
        crcs = crcs >> 8 ^ TABLE[(crcs ^ column) & 255]
    moved = _moved_by(columns)
    while len(crcs) > 1:
        crcs = _look_up(moved, crcs[0::2]) ^ crcs[1::2]
        moved = _look_up(moved, moved)
    return int(crcs[0])


def _moved_by(count: int) -> np.ndarray:
    """uint32 (4, 256): each byte of a checksum, by its place, moved on by `count` zero bytes."""
    values = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    for _ in range(count):
        values = values >> 8 ^ TABLE[values & 255]
    return values


def _look_up(moved: np.ndarray, crcs: np.ndarray) -> np.ndarray:
    """Checksums, uint32 of any shape, moved on as the tables say."""
    return moved[0][crcs & 255] ^ moved[1][crcs >> 8 & 255] ^ moved[2][crcs >> 16 & 255] ^ moved[3][crcs >> 24]
