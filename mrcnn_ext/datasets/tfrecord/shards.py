"""Where in a TFRecord file its records are. (TensorFlow writes them; reading needs no more.)"""

import os
import struct
from pathlib import Path

import google_crc32c

HEADER = 12  # bytes before a record: its length, and a checksum of that
FOOTER = 4  # bytes after it: a checksum of the record


def masked_crc(data: bytes) -> int:
    """The checksum of TFRecord files: CRC-32C, turned by 15 bits, plus a constant."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record_places(path: Path) -> list[tuple[int, int]]:
    """(offset, length) in bytes of each record of a file, from the lengths alone: nothing else is read.

    Raises ValueError naming the file where it is cut off or no TFRecord file.
    """
    places: list[tuple[int, int]] = []
    offset = 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while offset < size:
            file.seek(offset)
            header = file.read(HEADER)
            if len(header) < HEADER:
                raise ValueError(f"{path}: record {len(places)} is cut off, the file is not complete.")
            length, checksum = struct.unpack("<QI", header)
            if masked_crc(header[:8]) != checksum:
                raise ValueError(
                    f"{path}: record {len(places)} is damaged, or this is no (uncompressed) TFRecord file."
                )
            offset += HEADER
            if offset + length + FOOTER > size:
                raise ValueError(f"{path}: record {len(places)} is cut off, the file is not complete.")
            places.append((offset, length))
            offset += length + FOOTER
    return places


def read_record(path, offset: int, length: int, check: bool = True) -> bytes:
    """One record. Raises ValueError where its checksum is not the one behind it (unless check=False)."""
    with Path(path).open("rb") as file:
        file.seek(offset)
        data = file.read(length)
        if check and masked_crc(data) != int.from_bytes(file.read(FOOTER), "little"):
            raise ValueError("damaged: its checksum is not the one written behind it")
        return data
