"""Images that are there twice: the same bytes, or nearly the same look.

Near-duplicates have perceptual hashes that differ in few of 64 bits, and small versions that look alike: the hash alone
takes images with a plain background for the same.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mrcnn.data.image import read_image
from mrcnn.extras import needs

MAX_BITS = 6  # of 64: a saved-again or resized copy differs in 0 to 4, another image in about 32
MAX_DIFFERENCE = 6.0  # gray levels, mean over the small versions; a saved-again copy differs by 1 to 3
_SMALL = 24  # pixels, side of the small version
_BANDS = MAX_BITS + 1  # hashes that differ in fewer bits than there are bands are equal in one band


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells images apart: sha256 of the file, 64 bits of perceptual hash, small version uint8 (24, 24, 3)."""

    sha256: str
    look: int
    small: np.ndarray


def fingerprint(path, image=None) -> Fingerprint:
    """Fingerprint of an image file.  image: its pixels [H, W, 3] uint8, where they are at hand.

    Raises ValueError or OSError, as `read_image`.
    """
    with needs("data"):
        import imagehash

    image = read_image(path) if image is None else image
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    middle = _middle(image)
    bits = imagehash.phash(Image.fromarray(middle)).hash.ravel()
    look = int.from_bytes(np.packbits(bits).tobytes(), "big")
    return Fingerprint(sha256, look, small_version(image))


def small_version(image: np.ndarray) -> np.ndarray:
    """The small version, uint8 (24, 24, 3), of an image [H, W, 3] uint8."""
    return cv2.resize(_middle(image), (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)


def same_bytes(fingerprints) -> list[list[int]]:
    """Groups of two and more places in the list whose files have the same bytes.  None in the list is passed over."""
    places = defaultdict(list)
    for i, mark in enumerate(fingerprints):
        if mark is not None:
            places[mark.sha256].append(i)
    return [group for group in places.values() if len(group) > 1]


def near_groups(fingerprints) -> list[list[int]]:
    """Groups of two and more places of images with different bytes that look nearly the same, or are linked by such.

    Of copies with the same bytes only the first is in a group.  None in the list is passed over.
    """
    first: dict[str, int] = {}
    for i, mark in enumerate(fingerprints):
        if mark is not None:
            first.setdefault(mark.sha256, i)
    places = np.array(list(first.values()), np.int64)
    looks = np.array([fingerprints[i].look for i in places], np.uint64)
    groups = np.arange(len(places))  # number of the group of each place; the films of a camera are one large group
    for band in range(_BANDS):
        low, high = 64 * band // _BANDS, 64 * (band + 1) // _BANDS
        keys = (looks >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(keys, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            _link_alike(bucket, looks, groups, [fingerprints[i].small for i in places[bucket]])
    members = defaultdict(list)
    for place, group in zip(places.tolist(), groups.tolist(), strict=True):
        members[group].append(place)
    return [group for group in members.values() if len(group) > 1]


def group_numbers(count: int, links) -> np.ndarray:
    """Number (count,) of the group of each thing, when things that are linked, directly or not, are one group.

    links: iterable of collections of places that belong together.  Groups are numbered by their first member.
    """
    parents = list(range(count))

    def root(i):
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for link in links:
        for i in link[1:]:
            a, b = sorted((root(link[0]), root(i)))
            parents[b] = a
    roots = np.array([root(i) for i in range(count)], np.int64)
    return np.unique(roots, return_inverse=True)[1]


def _middle(image: np.ndarray) -> np.ndarray:
    """128 x 128 pixels; the hash needs 32 x 32."""
    return cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA)


def _link_alike(bucket, looks, groups, small) -> None:
    """Make near-duplicates of a bucket one group, in place; only images of different groups are compared."""
    for n, one in enumerate(bucket[:-1]):
        rest = bucket[n + 1 :]
        near = np.bitwise_count(looks[rest] ^ looks[one]) <= MAX_BITS
        for other in np.flatnonzero(near & (groups[rest] != groups[one])):
            a, b = sorted((groups[one], groups[rest[other]]))
            if a != b and np.abs(small[n].astype(np.int16) - small[n + 1 + other]).mean() <= MAX_DIFFERENCE:
                groups[groups == b] = a
