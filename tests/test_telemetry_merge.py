"""Parts of a world, merged, are the whole: number by number and record by record."""

import array
import copy
import json
import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import backends
from ecosim.telemetry_merge import (
    MergeError,
    cells_of,
    merge_configs,
    merge_ends,
    merge_events,
    merge_samples,
)
from ecosim.telemetry_schema import problems
from ecosim.telemetry_statistics import Moments, combine, moments

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


# ---- config and end -----------------------------------------------------------------------------


CONFIG = {
    "record": "config",
    "schema_version": 1,
    "run_id": "a",
    "biome": "TEMPERATE",
    "sim_config_merged": {"movement": {"wander_range": 3.0, "origin": 0}, "time": {"dt": 0.1}},
    "world_rates": {"hunger": 1.0},
    "species_count": 1,
    "entity_count_initial": 3,
    "grid_dimensions": [2, 3, 4],
    "seed": 1,
    "interval": 50,
    "species": ["deer"],
    "variables": ["hunger"],
    "voxel_layers": ["moisture"],
    "parameters": {"rates.hunger": 1.0},
    "config_sha256": "1" * 64,
    "software": {
        "package": "ecosim-telemetry",
        "version": "1.0",
        "schema_version": 1,
        "python": "CPython 3.11",
        "platform": "Linux",
        "backend": "compiled",
        "git_revision": None,
    },
    "created_at": "2026-01-01T00:00:00+00:00",
}
OTHER = CONFIG | {
    "run_id": "b",
    "biome": "ARCTIC",
    "sim_config_merged": {"movement": {"wander_range": 3.0, "origin": 2}, "time": {"dt": 0.1}},
    "entity_count_initial": 4,
    "grid_dimensions": [2, 3, 5],
    "species": ["bear"],
    "seed": 2,
    "config_sha256": "2" * 64,
    "created_at": "2026-01-02T00:00:00+00:00",
}


def test_the_config_of_the_whole_says_what_its_parts_agree_on():
    assert problems(CONFIG) == []
    found = merge_configs([CONFIG, OTHER], run_id="world", dimensions=[2, 3, 9])
    assert problems(found) == []
    assert {key for key in CONFIG if found[key] == CONFIG[key]} == {
        *("record", "schema_version", "world_rates", "interval", "variables", "voxel_layers"),
        *("parameters", "software"),
    }
    assert found["biome"] is found["seed"] is None
    assert found["sim_config_merged"] == {"movement": {"wander_range": 3.0}, "time": {"dt": 0.1}}
    assert (found["species"], found["species_count"]) == (["bear", "deer"], 2)
    assert found["entity_count_initial"] == 7
    assert found["grid_dimensions"] == [2, 3, 9]
    assert found["created_at"] == "2026-01-02T00:00:00+00:00"
    assert [(part["run_id"], part["seed"], part["cells"]) for part in found["parts"]] == [
        ("a", 1, 24),
        ("b", 2, 30),
    ]
    assert cells_of(found) == 54


def test_a_merged_config_merges_again_to_the_same():
    third = CONFIG | {"run_id": "c", "config_sha256": "3" * 64}
    once = merge_configs([CONFIG, OTHER, third], run_id="w")
    first = merge_configs([merge_configs([CONFIG, OTHER], run_id="v"), third], run_id="w")
    assert first == once
    assert once["grid_dimensions"] is None
    assert cells_of(once) == 78


def test_parts_of_one_definition_make_a_whole_of_its_hash():
    found = merge_configs([CONFIG, CONFIG | {"run_id": "b"}], run_id="w")
    assert found["config_sha256"] == CONFIG["config_sha256"]
    different = merge_configs([CONFIG, OTHER], run_id="w")["config_sha256"]
    assert different == merge_configs([OTHER, CONFIG], run_id="w")["config_sha256"]
    assert different not in (CONFIG["config_sha256"], OTHER["config_sha256"])


def test_a_grid_that_one_part_alone_has_is_that_of_the_whole():
    sky = OTHER | {"grid_dimensions": None, "voxel_layers": []}
    found = merge_configs([sky, CONFIG], run_id="w")
    assert found["grid_dimensions"] == [2, 3, 4]
    assert found["voxel_layers"] == ["moisture"]
    assert [part["cells"] for part in found["parts"]] == [0, 24]
    assert cells_of(CONFIG | {"grid_dimensions": None}) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval": 10}, "interval of b: expected that of a, 50 "),
        ({"variables": []}, "variables of b: expected that of a, "),
        ({"voxel_layers": ["light"]}, "voxel_layers of b: expected that of a, "),
        ({"parameters": {}}, "parameters of b: expected that of a, "),
        ({"schema_version": 2}, "schema_version of b: expected that of a, 1 "),
        ({"run_id": "a"}, "parts: expected each run once, got a twice"),
        ({"run_id": "w"}, "run_id: expected one of its own for the whole, got a part's, w"),
        ({"seed": ...}, "config of b: seed: expected anything, it is missing"),
        ({"parts": [{"run_id": "c"}]}, "config of b: parts: seed is missing"),
        ({"grid_dimensions": [1, 1, 1]}, "dimensions: expected the 25 cells of the parts togeth"),
    ],
)
def test_configs_of_other_runs_are_refused(change, message):
    ((key, value),) = change.items()
    with pytest.raises(MergeError, match=message):
        merge_configs([CONFIG, changed(OTHER, [key], value)], run_id="w", dimensions=[2, 3, 9])


def test_a_later_version_of_both_is_refused_and_a_key_it_adds_is_left_out():
    later = [one | {"schema_version": 2} for one in (CONFIG, OTHER)]
    with pytest.raises(MergeError, match="schema_version: expected 1, got 2"):
        merge_configs(later, run_id="w")
    added = merge_configs([CONFIG | {"moon": 1}, OTHER | {"moon": 1}], run_id="w")
    assert "moon" not in added
    for run_id in ("", "../w", 7):
        with pytest.raises(MergeError, match="run_id: expected 1 to 128 letters"):
            merge_configs([CONFIG, OTHER], run_id=run_id)


END = {
    "record": "end",
    "run_id": "a",
    "tick": 100,
    "samples": 3,
    "events": 10,
    "events_dropped": 1,
    "status": "completed",
    "error": None,
    "emitter_ns": 5,
    "loop_ns": 50,
}


def test_the_end_of_the_whole_is_that_of_its_worst_part():
    failed = END | {"run_id": "b", "status": "failed", "error": "no food", "events": 7}
    found = merge_ends([END, END | {"run_id": "c", "status": "stopped"}, failed], run_id="w")
    assert problems(found) == []
    assert found == END | {
        "run_id": "w",
        "events": 27,
        "events_dropped": 3,
        "status": "failed",
        "error": "b: no food",
        "emitter_ns": 15,
        "loop_ns": 150,
    }
    assert merge_ends([failed]) == failed


def test_parts_that_ended_at_other_ticks_are_refused_unless_that_is_allowed():
    early = END | {"run_id": "b", "tick": 90, "samples": 2}
    with pytest.raises(MergeError, match="tick of b: expected that of a, 100 "):
        merge_ends([END, early])
    found = merge_ends([END, early], is_short=True)
    assert (found["tick"], found["samples"]) == (90, 2)


# ---- events -------------------------------------------------------------------------------------


def log_of(core_class, events, run_id="r", ticks=30, **options):
    """Return the batches that a core makes of (tick, source, extra) triples."""
    core = core_class(run_id, (), **options)
    for tick in range(1, ticks + 1):
        core.begin_tick(tick)
        for event in events:
            if event[0] == tick:
                core.record("MOVE", tick, event[1], None, [0.5, 0.0, 1.0], event[2])
        core.end_tick()
    return [json.loads(text) for text in core.take_events(cut=True).splitlines()]


def flat(batches):
    """Return the events of batches, one by one."""
    for batch in batches:
        assert problems(batch) == []
        for place in range(batch["count"]):
            columns = ("tick", "type", "source_id", "target_id", "position")
            values = [batch[key][place] for key in columns]
            assert batch["ticks"][0] <= values[0] <= batch["ticks"][1]
            yield json.dumps([*values, batch["extra"].get(str(place))])


events_of_parts = st.lists(
    st.lists(
        st.tuples(st.integers(1, 30), st.text(max_size=2), st.just({"n": 1}) | st.none()),
        max_size=12,
    ),
    min_size=3,
    max_size=3,
)


@given(events_of_parts, st.integers(1, 20), st.sampled_from(sorted(backends())))
def test_events_come_tick_by_tick_and_part_by_part(parts, ring, backend):
    core = backends()[backend]
    logs = [log_of(core, part, ring_capacity=ring) for part in parts]
    merged = list(merge_events(logs, run_id="w", last_tick=30))
    one = [event for part in parts for event in part]
    # A core that is told tick by tick sorts what it is told: the parts in order within each tick.
    assert merged == log_of(core, one, run_id="w")
    first = merge_events(logs[:2], run_id="v", last_tick=30)
    assert list(merge_events([first, logs[2]], run_id="w", last_tick=30)) == merged


def test_an_event_that_states_an_earlier_tick_stays_behind_what_was_recorded_before():
    core = backends()["python"]("r", ())
    core.begin_tick(12)
    for tick, source in ((12, "now"), (3, "reported late"), (99, "announced")):
        core.record("MOVE", tick, source)
    late = json.loads(core.take_events(cut=True))
    other = log_of(backends()["python"], [(11, "before", None), (13, "after", None)])
    (merged,) = merge_events([[late], other], run_id="w", first_tick=11)
    assert merged["source_id"] == ["before", "now", "reported late", "announced", "after"]
    assert merged["tick"] == [11, 12, 3, 99, 13]


def test_what_a_full_ring_dropped_is_counted_in_the_merged_batches():
    core = backends()["python"]
    events = [(1, "x", None)] * 5 + [(15, "y", None)] * 4
    logs = [log_of(core, events, ring_capacity=3, on_full="drop"), log_of(core, events)]
    found = list(merge_events(logs, run_id="w"))
    assert [batch["count"] for batch in found] == [8, 7]
    assert [batch["dropped"] for batch in found] == [{"ring_full": 2}, {"ring_full": 1}]


def test_a_merged_batch_has_a_largest_size():
    batch = {"record": "events", "run_id": "a", "ticks": [1, 10], "count": 40_000, "extra": {}}
    columns = {"tick": 7, "type": "MOVE", "source_id": None, "target_id": None, "position": None}
    batch |= {key: [value] * 40_000 for key, value in columns.items()}
    found = list(merge_events([[batch], [batch]], run_id="w"))
    assert [one["count"] for one in found] == [65_536, 14_464]
    assert [one["ticks"] for one in found] == [[1, 7], [7, 10]]


def test_columns_of_different_lengths_are_refused():
    (batch, *_) = log_of(backends()["python"], [(1, "x", None)])
    batch["type"] = []
    with pytest.raises(MergeError, match=r"events of r, ticks \[1, 10\]: expected columns of 1 e"):
        list(merge_events([[batch]], run_id="w"))
