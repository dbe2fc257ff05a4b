"""Parts of a world, merged, are the whole: number by number and sample by sample."""

import array
import copy
import json
import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecosim.telemetry_merge import MergeError, merge_samples
from ecosim.telemetry_schema import problems
from ecosim.telemetry_statistics import Moments, combine, moments
from parity import backends

UNIT = 2.0**-53
VARIABLES = ("hunger", "energy")
TINY = Fraction(2) ** -1040

values = st.lists(st.floats(-1e6, 1e6) | st.floats(-1e-3, 1e-3).map(lambda x: 1e8 + x), max_size=30)
any_values = st.lists(st.floats(), max_size=8)


# ---- numbers ------------------------------------------------------------------------------------


def exact(given):
    """Return count, mean, variance, mean absolute value and mean square as fractions."""
    parts = [Fraction(value) for value in given if math.isfinite(value)]
    n = len(parts)
    mean = sum(parts) / n
    variance = sum((part - mean) ** 2 for part in parts) / n
    return n, mean, variance, sum(map(abs, parts)) / n, sum(part**2 for part in parts) / n


def allowed(given, from_mean=8):
    """Return how far a merged mean and a merged variance may be off, as the docstring says.

    ``from_mean`` is the error of the parts' means in units of u s. The last term of the variance is
    the same for the parts' own: Chan, Golub & LeVeque 1983, table 1.
    """
    u = Fraction(UNIT)
    n, _, variance, scale, square = exact(given)
    root = Fraction(math.sqrt(variance * square)) * (1 + u)
    of_mean = (from_mean + 1) * u * scale + TINY
    of_variance = (2 * n + 40) * u * variance + 2 * from_mean * u * root
    return of_mean, of_variance + (from_mean * u) ** 2 * square + (2 * n * u) ** 2 * square + TINY


def near(found, given):
    """Say whether moments are those of the values, within the bound."""
    n, mean, variance, _, _ = exact(given)
    of_mean, of_variance = allowed(given)
    return (
        found.n == n
        and abs(Fraction(found.mean) - mean) <= of_mean
        and abs(Fraction(found.deviation) ** 2 - variance) <= of_variance
        and (found.variance is None or abs(Fraction(found.variance) - variance) <= of_variance)
    )


@given(st.lists(values, min_size=1, max_size=5), st.booleans())
def test_parts_of_values_combine_to_the_moments_of_all(parts, only_deviation):
    together = [value for part in parts for value in part]
    assume(together)
    found = [moments(part) for part in parts]
    if only_deviation:
        found = [one._replace(variance=None) for one in found]
    whole = combine(found)
    assert near(whole, together)
    assert combine(reversed(found)) == whole


@given(values, values, values)
def test_it_does_not_matter_which_parts_are_combined_first(one, two, three):
    assume(one or two or three)
    first, second, third = moments(one), moments(two), moments(three)
    together = one + two + three
    for found in (
        combine([combine([first, second]), third]),
        combine([first, combine([second, third])]),
    ):
        assert near(found, together)


@given(any_values)
def test_one_part_is_its_own_whole_and_an_empty_one_adds_nothing(some):
    found = moments(some)
    assert combine([found]) == found
    assert combine([moments([]), found, moments([])]) == found


def test_the_rounding_is_that_of_exact_arithmetic():
    parts = [Moments(3, 0, 0.1, 0.01, None), Moments(10**6, 0, 1e-9, 1e-30, None)]
    n = 3 + 10**6
    mean = sum(Fraction(part.mean) * part.n for part in parts) / n
    variance = sum(
        part.n * (Fraction(part.variance) + (Fraction(part.mean) - mean) ** 2) for part in parts
    )
    whole = combine(parts)
    assert whole.mean == float(mean)
    assert whole.variance == float(variance / n)
    assert Fraction(whole.deviation) == pytest.approx(math.sqrt(variance / n), rel=2 * UNIT)


@pytest.mark.parametrize("size", [1e200, 1e308, 1e-200, 5e-324])
def test_numbers_at_the_ends_of_a_double_combine(size):
    parts = [moments([size, -size]), moments([size] * 3), moments([-size])]
    whole = combine(parts)
    assert whole.n == 6
    assert math.isfinite(whole.mean)
    assert math.isfinite(whole.deviation)
    if size > 1:  # the sum of the squares is beyond a double, its root is not
        assert whole.variance is None
        assert whole.deviation == pytest.approx(size * (math.sqrt(8) / 3))


# ---- samples ------------------------------------------------------------------------------------


def sample_of(core_class, entities, cells=(), run_id="r", tick=0):
    """Return the sample of some entities, and of a layer of cells where there are any."""
    core = core_class(run_id, VARIABLES)
    core.begin_tick(tick)
    core.read_entities(entities)
    if cells:
        core.read_layer("moisture", array.array("d", cells), None)
    core.close_sample()
    return json.loads(core.take_samples())


some_entities = st.lists(
    st.fixed_dictionaries(
        {
            "species": st.sampled_from(["deer", "oak"]),
            "state": st.sampled_from([None, "IDLE", "FED"]),
            "state_vars": st.dictionaries(st.sampled_from([*VARIABLES, "age"]), st.floats(0, 1)),
        }
    ),
    max_size=20,
)
cells_of_parts = st.lists(
    st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=20), min_size=4, max_size=4
)


@given(some_entities, cells_of_parts, st.randoms(), st.sampled_from(sorted(backends())))
def test_a_sample_is_the_same_however_the_world_is_split(entities, cells, chance, backend):
    core = backends()[backend]
    parts = [[] for _ in cells]
    for entity in entities:
        chance.choice(parts).append(entity)
    whole = sample_of(core, entities, [value for part in cells for value in part])
    pairs = enumerate(zip(parts, cells, strict=True))
    records = [sample_of(core, *pair, run_id=f"r{index}") for index, pair in pairs]
    before = copy.deepcopy(records)
    found = merge_samples(records, cells=[len(part) for part in cells], variables=VARIABLES)
    assert records == before
    assert problems(found) == []
    assert found["run_id"] == "r0"
    same_but_for_rounding(found, whole, n=80)
    again = merge_samples(records[::-1], cells=[len(p) for p in cells][::-1], variables=VARIABLES)
    assert again | {"run_id": "r0"} == found


def same_but_for_rounding(found, whole, n):
    """Hold a merged record against the whole's: all equal, numbers within the documented bound.

    For up to n values of 0..1, whose mean absolute value and root mean square are 1 at most. Both
    records may be off by as much.
    """
    if not isinstance(whole, dict):
        assert found == whole
        return
    assert list(found) == list(whole)
    for key, value in whole.items():
        if key == "mean" and value is not None:
            assert abs(found[key] - value) <= 2 * 9 * UNIT
        elif key in ("std", "var") and value is not None:
            one, two = (found[key], value) if key == "var" else (found[key] ** 2, value**2)
            bound = (2 * n + 40) * UNIT * two + 16 * UNIT * math.sqrt(two)
            assert abs(one - two) <= 2 * (bound + (8 * UNIT) ** 2 + (2 * n * UNIT) ** 2)
        elif key != "run_id":
            same_but_for_rounding(found[key], value, n)


def test_one_part_is_its_own_whole():
    core = backends()["python"]
    one = sample_of(core, [{"species": "deer", "state_vars": {"hunger": 0.1}}], [0.1, 0.7, 0.3])
    assert merge_samples([one]) == one
    assert merge_samples([one], cells=[3]) == one


def test_a_part_without_a_grid_leaves_the_layers_as_they_are():
    core = backends()["python"]
    ground, sky = sample_of(core, [], [0.25, 0.75]), sample_of(core, [{"species": "hawk"}])
    found = merge_samples([ground, sky])
    assert found["voxels"] == ground["voxels"]
    assert found["entity_count"] == 1


def test_a_layer_without_a_finite_value_weighs_nothing():
    core = backends()["python"]
    parts = [sample_of(core, [], [math.nan] * 2), sample_of(core, [], [0.5])]
    moisture = merge_samples(parts, cells=[2, 1])["voxels"]["moisture"]
    assert moisture == {"mean": 0.5, "min": 0.5, "max": 0.5, "var": 0.0, "nonfinite": 2}


def test_a_variance_beyond_a_double_stays_unknown():
    core = backends()["python"]
    parts = [sample_of(core, [], [1e200, -1e200]), sample_of(core, [], [0.5])]
    moisture = merge_samples(parts, cells=[2, 1])["voxels"]["moisture"]
    assert moisture["var"] is None
    assert moisture["max"] == 1e200


def test_variables_keep_the_order_of_the_config():
    core = backends()["python"]
    parts = [
        sample_of(core, [{"species": "deer", "state_vars": {"energy": 0.5}}]),
        sample_of(core, [{"species": "deer", "state_vars": {"hunger": 0.5}}]),
    ]
    found = merge_samples(parts, variables=VARIABLES)["species"]["deer"]["vars"]
    assert list(found) == ["hunger", "energy"]
    assert list(merge_samples(parts)["species"]["deer"]["vars"]) == ["energy", "hunger"]


def changed(record, path, value):
    """Return a copy of a record with one value changed; ``...`` removes it."""
    record = copy.deepcopy(record)
    place = record
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["tick"], 7, "tick of b: expected that of a, 0 (int), got 7 (int)"),
        (["window"], [1, 0], r"window of b: expected that of a, \[0, 0\] \(list\)"),
        (["record"], "end", "sample of b: "),
        (["entity_count"], ..., "sample of b: entity_count: expected count, it is missing"),
        (["colour"], 1, "sample of b: colour: not a field of this record"),
        (["species", "deer", "vars", "hunger", "mean"], None, "expected a mean and a std just wh"),
        (["species", "deer", "vars", "hunger", "std"], -1, "hunger.std: expected a number >= 0"),
        (["voxels", "moisture", "var"], -1e-9, "voxels.moisture of b: var: expected a number >= 0"),
        (["voxels", "moisture", "mean"], None, "voxels.moisture of b: expected a mean of 2 cells"),
        (["voxels", "moisture", "nonfinite"], 3, "voxels.moisture of b: expected a mean of 2 cell"),
        (["voxels", "light"], {"mean": 1, "min": 1, "max": 1, "var": 0}, "voxels of b: expected t"),
    ],
)
def test_what_is_no_sample_of_the_same_tick_is_refused(path, value, message):
    core = backends()["python"]
    entities = [{"species": "deer", "state_vars": {"hunger": 0.5}}]
    one, two = (sample_of(core, entities, [0.1, 0.2], run_id=run_id) for run_id in "ab")
    with pytest.raises(MergeError, match=message.replace("(int)", r"\(int\)")):
        merge_samples([one, changed(two, path, value)], cells=[2, 2])


def test_the_cells_of_parts_with_layers_must_be_known():
    one = sample_of(backends()["python"], [], [0.1])
    for cells in ((), (1, None)):
        with pytest.raises(MergeError, match="expected a known number of cells"):
            merge_samples([one, one], cells=cells)
    with pytest.raises(MergeError, match="cells: expected one number a part, 2, got 1"):
        merge_samples([one, one], cells=[1])
    for count in (-1, "1", 1.0, True):
        with pytest.raises(MergeError, match="cells: expected an integer >= 0 or None, got"):
            merge_samples([one, one], cells=[1, count])
    with pytest.raises(MergeError, match="expected one record or more, got none"):
        merge_samples([])
