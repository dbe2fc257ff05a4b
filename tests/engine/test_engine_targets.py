"""The search for the nearest place, in its exact and its gridded form."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosim.engine.phases.targets import nearest

REACH = 6.0


def scene(seed: int, searchers: int, places: int, extent: float):
    """Return random searchers, places and preferences."""
    random = np.random.default_rng(seed)
    return (
        *random.uniform(0, extent, (2, searchers)),
        *random.uniform(0, extent, (2, places)),
        random.choice([1.0, 0.5], places),
    )


@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_exact_search_finds_the_best_place_within_reach(seed, searchers, places):
    x, z, place_x, place_z, preference = scene(seed, searchers, places, 20.0)
    found = nearest(x, z, place_x, place_z, REACH, preference)
    for row, choice in enumerate(found.tolist()):
        distance = np.hypot(place_x - x[row], place_z - z[row])
        near = np.flatnonzero(distance <= REACH)
        if not near.size:
            assert choice == -1
        else:
            score = distance / preference
            assert distance[choice] <= REACH
            assert score[choice] <= score[near].min() * (1 + 1e-12)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_the_gridded_search_finds_a_place_exactly_where_there_is_one(seed, searchers, places):
    x, z, place_x, place_z, _ = scene(seed, searchers, places, 40.0)
    exact = nearest(x, z, place_x, place_z, REACH)
    gridded = nearest(x, z, place_x, place_z, REACH, pair_limit=0)
    found = gridded >= 0
    assert not (found & (exact < 0)).any()
    distance = np.hypot(place_x[gridded] - x, place_z[gridded] - z)[found]
    best = np.hypot(place_x[exact] - x, place_z[exact] - z)[found]
    assert (distance <= REACH).all()
    # A cell is represented by one of its places: the answer is off by less than the diagonal of
    # the coarsest cell, and a place may be missed only near the edge of the reach.
    assert (distance - best <= np.sqrt(2) * REACH / 3 + 1e-9).all()
    missed = ~found & (exact >= 0)
    edge = np.hypot(place_x[exact] - x, place_z[exact] - z)[missed]
    assert (edge > REACH * (1 - np.sqrt(2) / 3)).all()


def test_of_equal_places_the_first_is_taken():
    places = np.array([3.0, 1.0, 1.0])
    for limit in (0, 100):
        found = nearest(
            np.zeros(1), np.zeros(1), places, np.zeros(3), REACH, np.ones(3), pair_limit=limit
        )
        assert found.tolist() == [1]


def test_a_preferred_place_goes_before_a_nearer_one():
    places, preference = np.array([1.0, 1.2]), np.array([0.5, 1.0])
    for limit in (0, 100):
        found = nearest(
            np.zeros(1), np.zeros(1), places, np.zeros(2), REACH, preference, pair_limit=limit
        )
        assert found.tolist() == [1]


def test_the_gridded_search_is_near_the_exact_one_on_average():
    x, z, place_x, place_z, _ = scene(1, 500, 2000, 100.0)
    exact = nearest(x, z, place_x, place_z, REACH)
    gridded = nearest(x, z, place_x, place_z, REACH, pair_limit=0)
    both = (exact >= 0) & (gridded >= 0)
    assert both.mean() > 0.95
    ratio = np.hypot(place_x[gridded] - x, place_z[gridded] - z)[both].mean()
    ratio /= np.hypot(place_x[exact] - x, place_z[exact] - z)[both].mean()
    assert ratio < 1.2
