"""The estimators on functions with known indices, for designs of many seeds."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_cases import SCRIPTS
from SALib.analyze import rbd_fast
from SALib.analyze.delta import calc_delta

from ecosim.analysis import estimators
from ecosim.analysis.aliasing import false_indices
from ecosim.analysis.delta import Densities, class_edges, outcome_grid
from ecosim.analysis.estimators import (
    Problem,
    RefusedError,
    estimate_delta,
    estimate_morris,
    estimate_rbd_fast,
    estimate_sobol,
)
from ecosim.analysis.floors import morris_floor, sobol_floor
from ecosim.batch.design import MORRIS_LEVELS, sample
from ecosim.batch.space import parse_space


@pytest.fixture(scope="module")
def functions():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        import known_functions

        return {one.name: one for one in (known_functions.ISHIGAMI, known_functions.G_FUNCTION)}


def problem(inputs, outcome, *, groups=None, replicates=None, same_seeds=True, **settings):
    columns = tuple(f"x{number}" for number in range(inputs.shape[1]))
    settings = {"confidence": 0.95, "resamples": 20, "seed": 0} | settings
    return Problem(
        names=tuple(dict.fromkeys(groups or columns)),
        groups=groups,
        columns=columns,
        inputs=inputs,
        outcome=outcome,
        replicates=outcome[np.newaxis] if replicates is None else replicates,
        same_seeds=same_seeds,
        **settings,
    )


def drawn(space, sampler, n, seed):
    """Return the points of a design; every input of these spaces lies in 0..1."""
    return sample(parse_space(space, "test"), sampler, n, seed)


def unit_space(count, **more):
    names = [f"x{number}" for number in range(count)]
    return {"names": names, "bounds": [[0, 1]] * count, **more}


@pytest.mark.parametrize("name", ["ishigami", "g_function"])
@pytest.mark.parametrize("seed", range(8))
def test_sobol_finds_the_known_indices_within_a_twentieth(functions, name, seed):
    function = functions[name]
    points = drawn(function.space(), "saltelli", 1024, seed)
    outcome = np.array([function.value(row) for row in points])
    found = estimate_sobol(problem(points, outcome))
    assert found.values["S1"] == pytest.approx(function.first, abs=0.05)
    assert found.values["ST"] == pytest.approx(function.total, abs=0.05)


@pytest.mark.parametrize("sampler", ["sobol", "lhs"])
@pytest.mark.parametrize("name", ["ishigami", "g_function"])
def test_rbd_fast_finds_the_known_first_order_indices(functions, name, sampler):
    function = functions[name]
    points = drawn(function.space(), sampler, 1024, 3)
    outcome = np.array([function.value(row) for row in points])
    found = estimate_rbd_fast(problem(points, outcome))
    assert found.values["S1"] == pytest.approx(function.first, abs=0.05)
    assert found.clear[np.array(function.first) > 0.05].all()


def made_of(points, cause):
    """Return an outcome that one input decides."""
    return np.sin(3 * points[:, cause])


@pytest.mark.parametrize("seed", [3, 4])
def test_rbd_fast_is_refused_where_the_order_by_one_input_gives_away_another(seed):
    points = drawn(unit_space(56), "sobol", 1024, seed)
    cause = false_indices(points).max(axis=0).argmax()
    false = false_indices(points)[:, cause]
    assert false.max() > 0.2
    with pytest.raises(RefusedError) as caught:
        estimate_rbd_fast(problem(points, made_of(points, cause)))
    assert f"sorted by x{false.argmax()} they leave x{cause} in waves" in str(caught.value)
    assert "--method delta" in str(caught.value)


@pytest.mark.parametrize("rows", [128, 1024])
def test_rbd_fast_takes_a_latin_hypercube_of_many_inputs(rows):
    points = drawn(unit_space(56), "lhs", rows, 3)
    found = estimate_rbd_fast(problem(points, made_of(points, 5)))
    assert found.values["S1"][5] > 0.9
    assert np.delete(found.values["S1"], 5).max() < 0.3


def test_false_indices_are_those_of_salib():
    points = drawn(unit_space(6), "sobol", 256, 4)
    space = {"num_vars": 6, "names": list("abcdef"), "bounds": [[0, 1]] * 6}
    for cause in range(6):
        salib = rbd_fast.analyze(space, points, points[:, cause], num_resamples=2, seed=1)["S1"]
        salib[cause] = 0
        assert false_indices(points)[:, cause] == pytest.approx(salib, abs=1e-9)


@pytest.mark.parametrize("rows", [128, 500, 3000])
def test_delta_is_that_of_salib(rows):
    rng = np.random.default_rng(rows)
    column = rng.random(rows)
    outcome = np.sin(6 * column) + rng.normal(0, 0.3, rows)
    grid, edges = outcome_grid(outcome), class_edges(rows)
    expected = calc_delta(outcome, grid, column, np.linspace(0, rows, len(edges)))
    assert Densities(outcome, grid, edges).delta(column) == pytest.approx(expected, rel=1e-9)


def test_delta_of_a_class_with_one_value_is_that_of_salib():
    column = np.arange(400.0)
    outcome = np.where(column < 200, 1.0, np.sin(column))
    grid, edges = outcome_grid(outcome), class_edges(400)
    with pytest.warns(UserWarning, match="bins skipped"):
        expected = calc_delta(outcome, grid, column, np.linspace(0, 400, len(edges)))
    densities = Densities(outcome, grid, edges)
    assert densities.delta(column) == pytest.approx(expected, rel=1e-9)
    assert densities.constant_classes(column) == 0.4


def test_delta_finds_what_matters_and_what_does_not(functions):
    function = functions["ishigami"]
    space = {"names": [*function.paths, "idle"], "bounds": [[0, 1]] * 4}
    points = drawn(space, "sobol", 1024, 1)
    outcome = np.array([function.value(row[:3]) for row in points])
    state = np.random.get_state()[1].copy()
    found = estimate_delta(problem(points, outcome))
    assert np.array_equal(np.random.get_state()[1], state)
    assert found.clear.tolist() == [1, 1, 1, 0]
    assert (found.values["delta_conf"] > 0).all()


def test_delta_says_that_it_is_not_for_outcomes_of_few_values():
    points = drawn(unit_space(2), "lhs", 256, 0)
    found = estimate_delta(problem(points, np.where(points[:, 0] < 0.9, 0.0, 1.0)))
    assert "it is made for outcomes of many values" in found.notes[-1]


def test_rbd_fast_of_an_outcome_with_one_value_in_nearly_all_runs_has_no_interval():
    points = drawn(unit_space(2), "sobol", 128, 0)
    outcome = np.zeros(128)
    outcome[3] = 1.0
    found = estimate_rbd_fast(problem(points, outcome))
    assert np.isnan(found.values["S1_conf"]).all()
    assert np.isfinite(found.values["S1"]).all()
    assert "no intervals" in found.notes[-1]


def test_morris_gives_a_straight_line_its_slopes():
    points = drawn(unit_space(3), "morris", 12, 0)
    found = estimate_morris(problem(points, points @ [4.0, -2.0, 0.0]))
    assert found.values["mu_star"] == pytest.approx([4, 2, 0], abs=1e-9)
    assert found.values["mu"] == pytest.approx([4, -2, 0], abs=1e-9)
    assert found.values["sigma"] == pytest.approx([0, 0, 0], abs=1e-9)
    assert found.clear.tolist() == [1, 1, 0]


def test_the_levels_of_a_morris_design_are_those_the_analysis_takes():
    points = drawn(unit_space(3), "morris", 40, 0)
    assert len(np.unique(points)) == MORRIS_LEVELS


def test_groups_have_one_index_each():
    space = unit_space(4, groups=["a", "b", "a", "b"])
    points = drawn(space, "saltelli", 256, 0)
    outcome = points @ [3.0, 1.0, 2.0, 0.5]
    groups = ("a", "b", "a", "b")
    found = estimate_sobol(problem(points, outcome, groups=groups))
    share = (9 + 4) / (9 + 1 + 4 + 0.25)
    assert found.values["ST"] == pytest.approx([share, 1 - share], abs=0.05)
    points = drawn(space, "morris", 12, 0)
    found = estimate_morris(problem(points, points @ [3.0, 1.0, 2.0, 0.5], groups=groups))
    assert len(found.values["mu_star"]) == 2
    assert np.isnan(found.values["sigma"]).all()
    assert np.isnan(found.values["mu"]).all()


@pytest.mark.parametrize(
    ("estimate", "sampler"),
    [
        (estimate_sobol, "saltelli"),
        (estimate_morris, "morris"),
        (estimate_rbd_fast, "sobol"),
        (estimate_delta, "sobol"),
    ],
)
def test_the_same_seed_gives_the_same_numbers_and_changes_no_input(estimate, sampler):
    points = drawn(unit_space(2), sampler, 128, 0)
    outcome = points @ [2.0, 1.0] + points[:, 0] ** 2
    one = problem(points.copy(), outcome.copy(), seed=0)
    first, again = estimate(one), estimate(one)
    other = estimate(problem(points, outcome, seed=1))
    for name, column in first.values.items():
        assert np.array_equal(column, again.values[name], equal_nan=True)
    assert any(not np.array_equal(c, other.values[n]) for n, c in first.values.items())
    assert np.array_equal(one.inputs, points)
    assert np.array_equal(one.outcome, outcome)


def test_resamples_that_are_drawn_in_several_goes_give_the_same_interval(monkeypatch):
    points = drawn(unit_space(2), "saltelli", 64, 0)
    one = problem(points, points @ [2.0, 1.0], resamples=501)
    whole = estimate_sobol(one)
    monkeypatch.setattr(estimators, "_DRAWN_AT_ONCE", 64 * 50)
    parts = estimate_sobol(one)
    for name in ("ST", "S1"):
        assert np.array_equal(parts.values[name], whole.values[name])
        assert parts.values[f"{name}_conf"] == pytest.approx(whole.values[f"{name}_conf"], rel=0.2)


def test_without_equal_seeds_a_total_effect_alone_proves_nothing():
    points = drawn(unit_space(2), "saltelli", 256, 0)
    noise = np.random.default_rng(0).normal(0, 0.3, len(points))
    found = estimate_sobol(problem(points, points @ [4.0, 0.0] + noise, same_seeds=False))
    assert found.values["ST"][1] > found.values["ST_conf"][1]
    assert np.isnan(found.floor).all()
    assert found.clear[0] == 1
    assert np.isnan(found.clear[1])


def test_replicates_tell_what_chance_gives():
    points = drawn(unit_space(2), "saltelli", 512, 0)
    rng = np.random.default_rng(1)
    replicates = points @ [4.0, 0.0] + rng.normal(0, 0.5, (4, len(points)))
    one = problem(points, replicates.mean(axis=0), replicates=replicates, same_seeds=False)
    found = estimate_sobol(one)
    variance = 16 / 12 + 0.25 / 4
    assert found.floor == pytest.approx([0.25 / 4 / variance] * 2, rel=0.2)
    assert found.values["ST"][1] == pytest.approx(found.floor[1], abs=0.02)
    assert found.clear.tolist() == [1, 0]


def test_replicates_that_share_their_chance_have_no_floor():
    points = drawn(unit_space(2), "saltelli", 64, 0)
    shifted = points @ [4.0, 1.0] + np.array([[0.0], [3.0]])
    floor, clear = sobol_floor(shifted, 2, 0.95, np.random.default_rng(0))
    assert floor == pytest.approx([0, 0], abs=1e-12)
    assert clear.tolist() == [1, 1]


def test_chance_is_seldom_taken_for_an_effect():
    points = drawn(unit_space(2), "saltelli", 64, 0)
    rng = np.random.default_rng(5)
    found = [
        sobol_floor(points @ [4.0, 0.0] + rng.standard_cauchy((2, len(points))) / 20, 2, 0.95, rng)
        for _ in range(50)
    ]
    true, false = np.mean([clear for _, clear in found], axis=0)
    assert false <= 0.1
    assert true > 0.8


def test_the_floor_of_morris_is_the_mean_effect_of_chance():
    points = drawn(unit_space(3), "morris", 200, 0)
    rng = np.random.default_rng(2)
    replicates = rng.normal(0, 1, (5, len(points)))
    step = MORRIS_LEVELS / (2 * (MORRIS_LEVELS - 1))
    floor, clear = morris_floor(replicates, points, [[0], [1], [2]], step, 0.95, rng)
    found = estimate_morris(problem(points, replicates.mean(axis=0), replicates=replicates))
    assert found.values["mu_star"] == pytest.approx(floor, rel=0.2)
    assert clear.tolist() == found.clear.tolist() == [0, 0, 0]
