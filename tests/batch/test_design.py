"""Designs: points, values, seeds and the file that keeps them."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from SALib.util import scale_samples
from scipy.stats import qmc

from ecosim.batch.design import make_design, run_seed, sample, transform
from ecosim.batch.rows import parse_value, read_design
from ecosim.batch.samplers import SAMPLERS, block_size, size_warning
from ecosim.batch.space import load_space
from ecosim.errors import BatchFolderError, SpaceError

#: One parameter of each distribution; the bounds mean what SALib says they mean.
BOUNDS = {
    "unif": [0.1, 0.7],
    "logunif": [0.001, 10],
    "triang": [2, 6, 0.25],
    "norm": [5, 2],
    "truncnorm": [1, 4, 2, 3],
    "lognorm": [0.5, 0.25],
}
SPACE = load_space({"names": list(BOUNDS), "bounds": list(BOUNDS.values()), "dists": list(BOUNDS)})
GROUPED = load_space(
    {"names": ["a", "b", "c"], "bounds": [[0, 1]] * 3, "groups": ["first", "second", "first"]}
)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("space", [SPACE, GROUPED], ids=["single", "grouped"])
def test_a_sampler_is_seeded_and_fills_the_unit_cube(sampler: str, space) -> None:
    points = sample(space, sampler, 8, seed=5)
    assert points.shape == (8 * block_size(space, sampler), len(space.parameters))
    assert 0 <= points.min() <= points.max() <= 1
    assert np.array_equal(points, sample(space, sampler, 8, seed=5))
    assert not np.array_equal(points, sample(space, sampler, 8, seed=6))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**40))
def test_a_shorter_sobol_design_begins_a_longer_one(n: int, more: int, seed: int) -> None:
    longer = sample(SPACE, "sobol", n + more, seed)
    assert np.array_equal(longer[:n], sample(SPACE, "sobol", n, seed))


def test_sobol_points_are_more_even_than_chance() -> None:
    points = sample(SPACE, "sobol", 64, seed=1)
    drawn = np.random.default_rng(1).random(points.shape)
    assert qmc.discrepancy(points) < 0.5 * qmc.discrepancy(drawn)
    # Each margin of 64 points has one in each 64th.
    assert all(len(set(np.floor(column * 64))) == 64 for column in points.T)


def test_a_saltelli_block_changes_one_group_at_a_time() -> None:
    points = sample(GROUPED, "saltelli", 4, seed=1)
    for block in points.reshape(4, 4, 3):
        base, first, second, other = block
        assert (base != other).all()
        assert (first == base).tolist() == [False, True, False]
        assert (second == base).tolist() == [True, False, True]


def test_a_morris_step_changes_one_group() -> None:
    for path in sample(GROUPED, "morris", 4, seed=1).reshape(4, 3, 3):
        moved = [tuple((path[step] != path[step + 1]).tolist()) for step in range(2)]
        assert sorted(moved) == [(False, True, False), (True, False, True)]


def test_values_are_those_of_salib() -> None:
    points = sample(SPACE, "sobol", 64, seed=2)
    problem = {**SPACE.to_problem(), "sample_scaled": False}
    expected = scale_samples(points.copy(), problem)
    assert np.allclose(np.array(transform(SPACE, points)).T, expected, rtol=1e-12)


@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_values_at_the_corners_are_finite_and_within_bounds(corner: float) -> None:
    values = [value for (value,) in transform(SPACE, np.full((1, len(BOUNDS)), corner))]
    assert all(map(math.isfinite, values))
    for parameter, value in zip(SPACE.parameters, values, strict=True):
        if parameter.dist in ("unif", "logunif", "triang", "truncnorm"):
            assert parameter.bounds[0] <= value <= parameter.bounds[1]


def test_an_integer_takes_each_whole_number_alike() -> None:
    space = load_space({"names": ["k"], "bounds": [[1, 4]], "parameters": {"k": {"integer": True}}})
    values = list(*transform(space, sample(space, "sobol", 64, seed=0)))
    assert {type(value) for value in values} == {int}
    assert [values.count(whole) for whole in (1, 2, 3, 4)] == [16, 16, 16, 16]
    assert [list(column) for column in transform(space, np.array([[1.0]]))] == [[4]]


@given(st.integers(0, 2**64), st.integers(0, 10**6))
def test_a_seed_depends_on_batch_and_row_and_fits_a_double(batch_seed: int, index: int) -> None:
    seed = run_seed(batch_seed, index)
    assert 0 <= seed < 2**53
    assert seed == run_seed(batch_seed, index)
    assert seed != run_seed(batch_seed + 1, index)
    assert seed != run_seed(batch_seed, index + 1)


@pytest.mark.parametrize("sampler", ["sobol", "lhs", "saltelli", "morris"])
def test_a_negative_seed_is_a_seed_of_its_own(sampler: str) -> None:
    points = sample(SPACE, sampler, 8, seed=-3)
    assert np.array_equal(points, sample(SPACE, sampler, 8, seed=-3))
    assert not np.array_equal(points, sample(SPACE, sampler, 8, seed=3))
    assert run_seed(-3, 0) == run_seed(2**64 - 3, 0) != run_seed(3, 0)


def test_seeds_of_today_are_seeds_of_tomorrow() -> None:
    assert [run_seed(1, index) for index in range(3)] == [
        4117112474581694,
        1973965755700615,
        623034932427892,
    ]


def test_seed_modes_share_seeds_as_they_say() -> None:
    def seeds(mode: str) -> list[int]:
        return [row.seed for row in make_design(GROUPED, "saltelli", 2, 1, mode)]

    assert len(set(seeds("per_run"))) == 8
    assert len(set(seeds("common"))) == 1
    blocks = seeds("per_block")
    assert [len(set(blocks[:4])), len(set(blocks[4:])), len(set(blocks))] == [1, 1, 2]


@given(st.integers(0, 2**32))
def test_a_design_file_keeps_every_bit(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    space = load_space(
        {
            "names": ['a,"b"', "tiny", "whole", "biome", "size"],
            "bounds": [[0, 1], [0, 1e-300], [0, 9], [0, 2], [0, 1]],
            "parameters": {
                "whole": {"integer": True},
                "biome": {"choices": ["DESERT", "a, b", "no 1"]},
                "size": {"choices": [1.5, 32]},
            },
        }
    )
    rows = make_design(space, "sobol", 3, seed, "per_run").with_ids("b")
    path = tmp_path_factory.mktemp("design") / "design.csv"
    path.write_bytes(b"".join(rows.lines()))
    assert list(read_design(path)) == list(rows)
    assert read_design(path).sha256() == rows.sha256()
    assert list(rows[1:]) == list(rows)[1:]


@pytest.mark.parametrize(
    "text", ["", "a,b,c\n", "run_id,index,seed,x\nr,0,1\n", "run_id,index,seed,x\nr,0,one,2\n"]
)
def test_a_file_that_is_no_design_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "design.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BatchFolderError, match=r"design\.csv: expected a design"):
        read_design(path)


@pytest.mark.parametrize(
    ("sampler", "n", "seed", "message"),
    [
        ("sobol", 0, 1, "at least 1 run"),
        ("sobol", 10**9, 1, "at most 10000000 rows"),
        ("saltelli", 12, 1, "a power of two"),
    ],
)
def test_a_size_that_cannot_be_is_refused(sampler: str, n: int, seed: int, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        sample(SPACE, sampler, n, seed)


def test_choices_come_in_equal_shares() -> None:
    choices = ["TROPICAL", "TEMPERATE", "ARCTIC", "DESERT"]
    space = load_space(
        {
            "names": ["environment.biome", "x"],
            "bounds": [[0, 3], [0, 1]],
            "parameters": {"environment.biome": {"choices": choices}},
        }
    )
    rows = make_design(space, "sobol", 64, 1, "per_run")
    counts = Counter(row.parameters["environment.biome"] for row in rows)
    assert counts == dict.fromkeys(choices, 16)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("9" * 30, 1e30),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("ARCTIC", "ARCTIC"),
    ],
)
def test_a_cell_is_a_number_or_text(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_a_sobol_size_that_is_no_power_of_two_is_explained() -> None:
    assert size_warning("sobol", 16) is None
    assert size_warning("lhs", 12) is None
    warning = size_warning("sobol", 12)
    assert warning is not None
    assert "8 or 16 runs" in warning
