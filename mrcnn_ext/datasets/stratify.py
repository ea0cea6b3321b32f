"""Dealing groups of things out to parts, so that every class has its share in every part.

N things, K classes, P parts.
"""
# By hand: scikit-learn and iterative-stratification keep groups together or deal out many labels, not both at once.

import numpy as np

_EXCHANGES = 20  # tried for each group
_MOST_EXCHANGES = 40_000


def part_sizes(total: int, shares: dict) -> dict[str, int]:
    """Things in each part: {name: count}.  shares: {name: a fraction (float), a count (int), or None for the rest}.

    Fractions are of all things, rounded so that the sum is right.
    Raises ValueError for shares that do not add up, or a part that would have nothing.
    """
    rest = [name for name, share in shares.items() if share is None]
    if len(rest) > 1:
        raise ValueError(f"Only one part can take the rest, but {' and '.join(rest)} do.")
    for name, share in shares.items():
        is_fraction = isinstance(share, float | np.floating)
        if share is not None and (share <= 0 or (is_fraction and share > 1)):
            raise ValueError(f"{name}: {share} must be a count above 0, or a fraction above 0 and up to 1.0.")
    exact = {
        n: share * total if isinstance(share, float) else share for n, share in shares.items() if share is not None
    }
    if rest:
        exact[rest[0]] = total - sum(exact.values())
    if abs(sum(exact.values()) - total) > 1e-6 * max(total, 1) or min(exact.values(), default=0) < 0:
        text = ", ".join(f"{name} {share}" for name, share in shares.items())
        raise ValueError(f"The parts do not add up to the {total} images: {text}. Leave one out to give it the rest.")
    sizes = {name: int(np.floor(exact[name] + 1e-9)) for name in shares}
    by_remainder = sorted(shares, key=lambda name: sizes[name] - exact[name])
    for name in by_remainder[: total - sum(sizes.values())]:
        sizes[name] += 1
    empty = [name for name, size in sizes.items() if size == 0]
    if empty:
        raise ValueError(f"{', '.join(empty)} would have no images: there are only {total}. Take counts.")
    return sizes


def deal(counts, groups, sizes, seed: int) -> np.ndarray:
    """Part (N,), int64, of each thing.

    counts: (N, K), objects of each class in each thing.  groups: (N,) int; equal numbers stay together.
    sizes: (P,), things wanted in each part; their sum is N.  With groups of one the sizes are met, otherwise nearly.
    The same arguments give the same parts.

    The groups that hold most of any class go first, each to the part that would still lack most of it; then groups of
    equal size change places as long as that brings the shares nearer.
    """
    counts, groups, sizes = np.asarray(counts, np.float64), np.asarray(groups), np.asarray(sizes)
    numbers, of_group = np.unique(groups, return_inverse=True)
    things = np.bincount(of_group, minlength=len(numbers))
    held = np.zeros((len(numbers), counts.shape[1] + 1))  # objects of each class, and things without objects
    np.add.at(held, of_group, np.column_stack([counts, counts.sum(axis=1) == 0]))
    held /= np.maximum(held.sum(axis=0), 1)  # share of each class that a group holds
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(numbers))
    order = order[np.argsort(-held[order].max(axis=1, initial=0), kind="stable")]
    wanted = sizes / sizes.sum()  # (P,)
    lacks = np.outer(wanted, held.sum(axis=0) > 0)  # (P, K + 1), as shares
    room = sizes.astype(np.int64)
    part_of = np.zeros(len(numbers), np.int64)
    for group in order:
        fits = room >= things[group]
        best = np.flatnonzero(fits) if fits.any() else np.flatnonzero(room == room.max())
        still = (lacks[best] - held[group] / 2) @ held[group] / wanted[best]
        best = best[still >= still.max() - 1e-12]
        part = best[np.argmax(room[best] / sizes[best])]
        part_of[group] = part
        lacks[part] -= held[group]
        room[part] -= things[group]
    _exchange(part_of, held, things, lacks, wanted, rng)
    return part_of[of_group]


def _exchange(part_of, held, things, lacks, wanted, rng) -> None:
    """Let groups of as many things change places, in place, where what the parts lack gets less."""
    same_size = [np.flatnonzero(things == size) for size in np.unique(things)]
    same_size = [members for members in same_size if len(members) > 1]
    for members in same_size:
        pairs = rng.choice(members, (min(_EXCHANGES * len(members), _MOST_EXCHANGES), 2))
        for one, other in pairs[part_of[pairs[:, 0]] != part_of[pairs[:, 1]]]:
            p, q = part_of[one], part_of[other]
            change = held[one] - held[other]  # what q gains and p loses
            gain = ((lacks[p] + change) ** 2 - lacks[p] ** 2).sum() / wanted[p]
            gain += ((lacks[q] - change) ** 2 - lacks[q] ** 2).sum() / wanted[q]
            if p != q and gain < -1e-12:
                part_of[one], part_of[other] = q, p
                lacks[p] += change
                lacks[q] -= change
