"""Dealing out: properties for any counts, groups and shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_ext.datasets.stratify import deal, part_sizes


@st.composite
def cases(draw):
    """Counts (N, K), groups (N,), sizes (P,)."""
    n = draw(st.integers(12, 60))
    k = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    counts = rng.poisson(rng.exponential(2, k), (n, k))
    groups = rng.integers(0, draw(st.integers(4, n)), n)
    shares = draw(st.sampled_from([{"a": None, "b": 0.15, "c": 0.15}, {"a": 0.5, "b": 0.5}, {"a": 3, "b": None}]))
    return counts, groups, list(part_sizes(n, shares).values())


@settings(max_examples=80, deadline=None)
@given(cases(), st.integers(0, 5))
def test_groups_stay_whole_and_a_seed_fixes_everything(case, seed):
    counts, groups, sizes = case
    parts = deal(counts, groups, sizes, seed)
    assert parts.shape == groups.shape and set(parts) <= set(range(len(sizes)))
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
    np.testing.assert_array_equal(parts, deal(counts, groups, sizes, seed))


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 5))
def test_without_groups_the_sizes_are_met(case, seed):
    counts, _, sizes = case
    parts = deal(counts, np.arange(len(counts)), sizes, seed)
    assert np.bincount(parts, minlength=len(sizes)).tolist() == sizes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(6, 60), min_size=1, max_size=5), st.integers(0, 5))
def test_classes_of_single_objects_have_their_shares(class_sizes, seed):
    """One object a thing: each part has nearly the right number of each class; a large one gives way to small ones."""
    counts = np.repeat(np.eye(len(class_sizes), dtype=int), class_sizes, axis=0)
    sizes = np.array(list(part_sizes(len(counts), {"a": None, "b": 0.2, "c": 0.2}).values()))
    parts = deal(counts, np.arange(len(counts)), sizes, seed)
    got = np.array([counts[parts == part].sum(axis=0) for part in range(3)])
    assert np.abs(got - np.outer(sizes / len(counts), class_sizes)).max() <= 3


def test_things_without_objects_are_shared_out_too():
    counts = np.zeros((40, 1), int)
    counts[:20] = 1
    parts = deal(counts, np.arange(40), [20, 20], 0)
    assert counts[parts == 0].sum() == 10


def test_other_seeds_give_other_parts():
    counts = np.ones((50, 1), int)
    first, second = (deal(counts, np.arange(50), [40, 10], seed) for seed in (1, 2))
    assert (first != second).any()


def test_groups_come_near_the_sizes():
    groups = np.repeat(np.arange(20), 5)
    parts = deal(np.ones((100, 1), int), groups, [70, 15, 15], 0)
    assert np.bincount(parts).tolist() == [70, 15, 15]


@pytest.mark.parametrize(
    ("total", "shares", "sizes"),
    [
        (10, {"a": 0.7, "b": 0.15, "c": 0.15}, [7, 2, 1]),
        (7, {"a": None, "b": 2}, [5, 2]),
        (3, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [1, 1, 1]),
        (100, {"a": None, "b": 0.15, "c": 0.15}, [70, 15, 15]),
        (5, {"a": 1.0}, [5]),
    ],
)
def test_part_sizes(total, shares, sizes):
    assert list(part_sizes(total, shares).values()) == sizes


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"a": 0.5, "b": 0.4}, "do not add up"),
        ({"a": None, "b": 11}, "do not add up"),
        ({"a": None, "b": None}, "Only one"),
        ({"a": None, "b": 0.01}, "no images"),
        ({"a": None, "b": -1}, "above 0"),
        ({"a": None, "b": 1.5}, "up to 1.0"),
    ],
)
def test_shares_that_cannot_be(shares, words):
    with pytest.raises(ValueError, match=words):
        part_sizes(10, shares)
