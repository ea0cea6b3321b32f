"""The files: names of shards, and where in a file its records are. (TensorFlow writes them; reading needs no more.)"""

import os
import re
import struct
from pathlib import Path

from mrcnn_ext.datasets.tfrecord.checksum import masked_crc

HEADER = 12  # bytes before a record: its length, and a checksum of that
FOOTER = 4  # bytes after it: a checksum of the record
SHARD = re.compile(r"(?P<name>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(\.tfrecord|\.record)?$")


def shard_name(name: str, number: int, count: int) -> str:
    """File name of shard `number`, from 0 on, of `count`."""
    return f"{name}-{number:05d}-of-{count:05d}.tfrecord"


def find_shards(folder, name: str) -> list[Path]:
    """All shards NAME-00000-of-00008.tfrecord .. (the ending may be .record or none), or the single file NAME.

    Raises ValueError when there are none, some are missing, or there are two sets of them.
    """
    folder = Path(folder)
    if (folder / name).is_file():
        return [folder / name]
    found = {}
    for path in sorted(folder.glob("*-of-*")):
        match = SHARD.match(path.name)
        if match and match["name"] == name:
            found.setdefault((int(match["count"]), match[4] or ""), {})[int(match["number"])] = path
    if not found:
        others = sorted({match["name"] for path in folder.glob("*-of-*") if (match := SHARD.match(path.name))})
        raise ValueError(f"{folder}: there are no shards {shard_name(name, 0, 8)} .. there. Sets there: {others}.")
    if len(found) > 1:
        raise ValueError(f"{folder}: {name} is there in several sets of shards: {sorted(found)}. Delete the old ones.")
    (((count, _), shards),) = found.items()
    missing = [number for number in range(count) if number not in shards]
    if missing or len(shards) != count:
        raise ValueError(f"{folder}: of the {count} shards of {name}, {missing[:10]} are missing.")
    return [shards[number] for number in range(count)]


def record_places(path: Path) -> list[tuple[int, int]]:
    """(offset, length) in bytes of each record of a file, from the lengths alone: nothing else is read.

    Raises ValueError naming the file where it is cut off or no TFRecord file.
    """
    places, offset = [], 0
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
