"""A world that runs in tiles, each in a process of its own, leaves the files of the whole."""

import copy
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim.telemetry import OutputError, TelemetryEmitter
from ecosim.telemetry_host import VOXEL_LAYERS
from ecosim.telemetry_merge import MergeError, merge_files
from ecosim.telemetry_schema import problems
from hosts import MeadowHost, SparseGrid
from parity import backends
from test_telemetry_merge import same_but_for_rounding

TESTS = Path(__file__).parent
CELLS = 32 * 32 * 32


def records(path):
    return [json.loads(text) for text in Path(path).read_bytes().splitlines()]


# ---- the shipped engine in tiles ----------------------------------------------------------------


TILES = (("dicts", 2), ("columns", 3), ("dicts", 4))


def run_in_processes(folder, backend):
    """Run the whole demo world and its tiles, each in a process of its own, as many as at once."""
    for kind, count in (("whole", 1), *TILES):
        processes = [
            subprocess.Popen(
                [sys.executable, TESTS / "tile_hosts.py", folder, kind, str(index), str(count)],
                env=os.environ | {"ECOSIM_BACKEND": backend},
            )
            for index in range(count)
        ]
        assert [process.wait() for process in processes] == [0] * count


@pytest.mark.parametrize("backend", sorted(backends()))
def test_tiles_in_processes_of_their_own_merge_to_the_whole_world(tmp_path, backend):
    run_in_processes(tmp_path, backend)
    whole_config, *whole_samples, whole_end = records(tmp_path / "whole-0-of-1_telemetry.jsonl")
    whole_batches = records(tmp_path / "whole-0-of-1_events.jsonl")
    for kind, count in TILES:
        parts = [tmp_path / f"{kind}-{index}-of-{count}_telemetry.jsonl" for index in range(count)]
        folder = tmp_path / f"{kind}{count}"
        done = merge_files(parts, folder, run_id="world", dimensions=(32, 32, 32))
        config, *samples, end = records(done.telemetry_path)
        batches = records(done.events_path)
        assert [p for one in (config, *samples, *batches, end) for p in problems(one)] == []

        differ = {key for key in config if config[key] != whole_config.get(key)}
        # The revision of the checkout is looked up by each process.
        assert differ - {"software", "created_at"} == {"run_id", "parts"}
        assert config["software"]["backend"] == backend
        assert [sample["tick"] for sample in samples] == [*range(0, 301, 20), 310]
        for sample, whole in zip(samples, whole_samples, strict=True):
            same_but_for_rounding(sample, whole, n=CELLS)
        assert any(sample["transitions"] for sample in samples)
        counts = ("tick", "samples", "events", "events_dropped", "status", "error")
        assert [end[key] for key in counts] == [whole_end[key] for key in counts]

        assert [batch["ticks"] for batch in batches] == [batch["ticks"] for batch in whole_batches]
        in_turn = list(events(batches))
        assert sorted(in_turn, key=json.dumps) == sorted(events(whole_batches), key=json.dumps)
        assert [event[0] for event in in_turn] == sorted(event[0] for event in in_turn)
        assert {"STATE_CHANGE", "PREDATION"} <= {event[1] for event in in_turn}


def events(batches):
    for batch in batches:
        for place in range(batch["count"]):
            columns = ("tick", "type", "source_id", "target_id", "position")
            yield [*(batch[key][place] for key in columns), batch["extra"].get(str(place))]


# ---- small hosts, whole and broken files ---------------------------------------------------------


def run(folder, run_id, ticks=25, seed=1, host=MeadowHost, **settings):
    """Run a host and return the path of its telemetry file."""
    engine = host(seed)
    config = {"interval": 10, "output_dir": folder, **settings}
    with TelemetryEmitter(config, run_id=run_id) as emitter:
        emitter.on_init(engine)
        for _ in range(ticks):
            emitter.on_tick(engine.step())
    return folder / f"{run_id}_telemetry.jsonl"


def merged(folder, parts, **options):
    return merge_files(parts, folder / "out", run_id="world", cells=[8] * len(parts), **options)


def test_two_hosts_are_counted_together(tmp_path):
    done = merged(tmp_path, [run(tmp_path, "a", seed=1), run(tmp_path, "b", seed=2)])
    one, two, both = (
        records(path)
        for path in (
            tmp_path / "a_telemetry.jsonl",
            tmp_path / "b_telemetry.jsonl",
            done.telemetry_path,
        )
    )
    assert (done.tick, done.samples, done.has_ended) == (25, 4, True)
    assert done.events == one[-1]["events"] + two[-1]["events"] > 0
    assert both[2]["entity_count"] == 10
    assert both[0]["species"] == ["fox", "rabbit"]
    assert both[2]["species"]["fox"] == {"count": 0, "states": {}, "vars": {}}
    assert both[2]["species"]["rabbit"]["vars"]["hunger"]["n"] == 10
    assert list(both[2]["species"]["rabbit"]["vars"]) == ["hunger", "energy"]
    changes = [sum(s[2]["transitions"]["rabbit"].values()) for s in (one, two, both)]
    assert changes[0] + changes[1] == changes[2] > 0


class PondHost(MeadowHost):
    """A meadow with a sparse grid."""

    def __init__(self, seed):
        super().__init__(seed)
        layers = {layer: {(0, 0, seed % 4): 0.5} for layer in VOXEL_LAYERS}
        self.voxel_grid = SparseGrid(layers)


def test_sparse_grids_count_the_cells_they_do_not_store(tmp_path):
    parts = [run(tmp_path, "a", seed=1, host=PondHost), run(tmp_path, "b", seed=2, host=PondHost)]
    done = merge_files(parts, tmp_path, run_id="world", dimensions=[4, 3, 4])
    config, sample, *_ = records(done.telemetry_path)
    assert config["grid_dimensions"] == [4, 3, 4]
    assert sample["voxels"]["moisture"]["mean"] == (46 + 2 * 0.5) / 48
    with pytest.raises(MergeError, match="dimensions: expected the 48 cells of the parts together"):
        merge_files(parts, tmp_path, run_id="other", dimensions=[4, 3, 5])


def test_merging_by_pairs_is_merging_at_once(tmp_path):
    parts = [run(tmp_path, f"p{seed}", seed=seed, host=PondHost) for seed in range(4)]
    at_once = merge_files(parts, tmp_path, run_id="at-once")
    west = merge_files(parts[:2], tmp_path, run_id="west").telemetry_path
    east = merge_files(parts[2:], tmp_path, run_id="east").telemetry_path
    by_pairs = merge_files([west, east], tmp_path, run_id="by-pairs")
    one, two = records(at_once.telemetry_path), records(by_pairs.telemetry_path)
    for place in (0, -1):
        assert two[place] | {"run_id": "at-once"} == one[place]
    for found, whole in zip(two[1:-1], one[1:-1], strict=True):
        same_but_for_rounding(found, whole, n=100)
    logs = [at_once.events_path.read_bytes(), by_pairs.events_path.read_bytes()]
    assert logs[0] == logs[1].replace(b'"by-pairs"', b'"at-once"')


class LateHost(MeadowHost):
    """A meadow that has been running for a while."""

    def __init__(self, seed):
        super().__init__(seed)
        self.tick = 107


def test_one_part_alone_is_its_own_whole(tmp_path):
    done = merged(tmp_path, [run(tmp_path, "a", 33, host=LateHost)])
    for stream, whole in (("telemetry", done.telemetry_path), ("events", done.events_path)):
        lines = (tmp_path / f"a_{stream}.jsonl").read_bytes().replace(b':"a"', b':"world"')
        skipped = 1 if stream == "telemetry" else 0  # the config record lists the part
        found = whole.read_bytes().splitlines()[skipped:]
        assert found == lines.splitlines()[skipped:]
    assert done.tick == 140


def test_events_that_full_rings_dropped_add_up(tmp_path):
    full = {"ring_capacity": 3, "on_full": "drop"}
    parts = [run(tmp_path, name, 40, seed, **full) for seed, name in enumerate("abc")]
    ends = [records(part)[-1] for part in parts]
    done = merged(tmp_path, parts)
    end = records(done.telemetry_path)[-1]
    assert end["events_dropped"] == sum(one["events_dropped"] for one in ends) > 0
    lost = [batch["dropped"]["ring_full"] for batch in records(done.events_path)]
    assert sum(lost) == end["events_dropped"]
    assert done.events == end["events"] == 3 * 3 * 4


def test_layers_without_known_dimensions_need_the_cells(tmp_path):
    parts = [run(tmp_path, "a"), run(tmp_path, "b", seed=2)]
    with pytest.raises(MergeError, match=r"voxels.nutrients_fast of a: expected a known number"):
        merge_files(parts, tmp_path / "out", run_id="world")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_ended_early_is_refused_or_cuts_the_whole_short(tmp_path):
    parts = [run(tmp_path, "a", 40), run(tmp_path, "b", 25)]
    words = "b_telemetry.jsonl: expected a sample of tick 30 as in the other parts, got the end of"
    with pytest.raises(MergeError, match=f"{words} the run, which completed at tick 25"):
        merged(tmp_path, parts)
    done = merged(tmp_path, parts, allow_short=True)
    assert (done.tick, done.samples, done.has_ended) == (20, 3, True)
    *_, last, end = records(done.telemetry_path)
    assert (last["tick"], end["tick"], end["samples"]) == (20, 20, 3)
    batches = records(done.events_path)
    assert [batch["ticks"] for batch in batches] == [[1, 10], [11, 20]]
    assert end["events"] == done.events == sum(batch["count"] for batch in batches)


class SickHost(MeadowHost):
    """A meadow whose engine gives up in tick 26."""

    def step(self):
        if self.tick == 25:
            raise RuntimeError("no more food")
        return super().step()


def test_a_part_that_failed_makes_the_whole_one_that_failed(tmp_path):
    parts = [run(tmp_path, "a", 40)]
    with pytest.raises(RuntimeError):
        run(tmp_path, "b", 40, host=SickHost)
    parts.append(tmp_path / "b_telemetry.jsonl")
    with pytest.raises(MergeError, match="got the end of the run, which failed at tick 25"):
        merged(tmp_path, parts)
    merged(tmp_path, parts, allow_short=True)
    end = records(tmp_path / "out" / "world_telemetry.jsonl")[-1]
    assert (end["tick"], end["status"]) == (20, "failed")
    assert end["error"] == "b: RuntimeError: no more food"


def test_a_run_that_was_killed_leaves_the_whole_without_an_end(tmp_path):
    parts = [run(tmp_path, "a", 40), run(tmp_path, "b", 40)]
    for name, keep in (("b_telemetry.jsonl", -300), ("b_events.jsonl", -5)):
        text = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(text[:keep])  # cut in the middle of a line
    with pytest.raises(MergeError, match="got none: the run did not finish; allow_short"):
        merged(tmp_path, parts)
    done = merged(tmp_path, parts, allow_short=True)
    assert (done.tick, done.samples, done.has_ended) == (30, 4, False)
    assert records(done.telemetry_path)[-1]["record"] == "sample"
    assert [batch["ticks"][1] for batch in records(done.events_path)] == [10, 20, 30]


def test_a_run_without_its_end_record_alone_is_refused_too(tmp_path):
    parts = [run(tmp_path, "a", 40), run(tmp_path, "b", 40)]
    lines = parts[1].read_bytes().splitlines(keepends=True)
    parts[1].write_bytes(b"".join(lines[:-1]))
    with pytest.raises(MergeError, match=r"b_telemetry.jsonl: expected an end record, got none"):
        merged(tmp_path, parts)
    done = merged(tmp_path, parts, allow_short=True)
    assert (done.tick, done.samples, done.has_ended) == (40, 5, False)


def test_a_lost_batch_of_events_is_noticed(tmp_path):
    parts = [run(tmp_path, "a"), run(tmp_path, "b")]
    log = tmp_path / "b_events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(MergeError, match=r"events: expected \d+, as the end records of the parts"):
        merged(tmp_path, parts)


def test_runs_without_an_event_log_go_together_alone(tmp_path):
    parts = [run(tmp_path, "a", events=False), run(tmp_path, "b", events=False)]
    done = merged(tmp_path, parts)
    assert done.events_path is None
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["world_telemetry.jsonl"]
    with pytest.raises(MergeError, match=r"a_events.jsonl: expected an event log as of c_events"):
        merged(tmp_path, [*parts, run(tmp_path, "c")], overwrite=True)


def test_files_that_are_there_stay_unless_asked(tmp_path):
    parts = [run(tmp_path, "a"), run(tmp_path, "b")]
    done = merged(tmp_path, parts)
    before = done.telemetry_path.read_bytes()
    with pytest.raises(OutputError, match=r"world_telemetry.jsonl: expected no file of this name"):
        merged(tmp_path, parts)
    with pytest.raises(MergeError, match="interval of c"):
        merged(tmp_path, [parts[0], run(tmp_path, "c", interval=5)], overwrite=True)
    assert done.telemetry_path.read_bytes() == before
    merged(tmp_path, parts, overwrite=True)
    assert done.telemetry_path.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "world_events.jsonl",
        "world_telemetry.jsonl",
    ]


def test_the_files_of_a_part_are_never_written_to(tmp_path):
    parts = [run(tmp_path, "a"), run(tmp_path, "b")]
    for name in ("telemetry", "events"):  # a copy under the name that the whole would have
        (tmp_path / f"b_{name}.jsonl").rename(tmp_path / f"world_{name}.jsonl")
    parts[1] = tmp_path / "world_telemetry.jsonl"
    before = parts[1].read_bytes()
    with pytest.raises(MergeError, match="expected a name that no part's file has"):
        merge_files(parts, tmp_path, run_id="world", cells=[8, 8], overwrite=True)
    with pytest.raises(MergeError, match="got a part's, a"):
        merge_files(parts, tmp_path, run_id="a", cells=[8, 8], overwrite=True)
    with pytest.raises(MergeError, match="expected each run once, got a twice"):
        merge_files([parts[0], parts[0]], tmp_path, run_id="w", cells=[8, 8])
    assert parts[1].read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected a config record in the first line, got none"),
        (b'{"record": "sample"}\n', "expected a config record in the first line, got none"),
        (b"{\n", "line 1: expected a JSON object, got none"),
        (b"[1]\n", "line 1: expected a JSON object, got none"),
        (b"\xff\xfe\n", "line 1: expected a JSON object, got none"),
        (b"[" * 100_000 + b"\n", "line 1: expected a JSON object, got none"),
        (b'{"record": "config"}\n', "config of None: schema_version: expected count, it is missin"),
        (None, "expected a file that can be read: No such file or directory"),
    ],
)
def test_what_is_no_telemetry_file_is_named(tmp_path, text, message):
    path = tmp_path / "b_telemetry.jsonl"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(MergeError, match=message):
        merge_files([path], tmp_path / "out", run_id="world")
    assert not (tmp_path / "out").exists()


def test_records_out_of_place_are_refused(tmp_path):
    one, two = run(tmp_path, "a"), run(tmp_path, "b")
    lines = two.read_bytes().splitlines(keepends=True)
    two.write_bytes(b"".join([*lines, lines[-1]]))
    with pytest.raises(MergeError, match="expected samples and then one end record, got a record "):
        merged(tmp_path, [one, two])
    two.write_bytes(b"".join([lines[0], *lines]))
    with pytest.raises(MergeError, match="got a record 'config'"):
        merged(tmp_path, [one, two])
    two.write_bytes(lines[0] + lines[-1])
    with pytest.raises(MergeError, match="expected a sample that all parts have, there is none"):
        merged(tmp_path, [one, two], allow_short=True)
    two.write_bytes(b"".join(lines))
    (tmp_path / "b_events.jsonl").write_bytes((tmp_path / "a_events.jsonl").read_bytes())
    with pytest.raises(MergeError, match=r"b_events.jsonl: expected events of run b, got 'a'"):
        merged(tmp_path, [one, two])


def test_a_file_of_another_name_and_no_file_at_all_are_refused(tmp_path):
    with pytest.raises(MergeError, match=r"expected a file named <run_id>_telemetry.jsonl"):
        merge_files([tmp_path / "a.jsonl"], tmp_path, run_id="w")
    with pytest.raises(MergeError, match="expected one telemetry file or more, got none"):
        merge_files([], tmp_path, run_id="w")


WRONG = (None, -1, 0, 2.5, 1e308, 10**400, "x", [], {}, [0, 0], {"a": 1}, True, math.nan, [None])


def spoil(record, chance):
    """Change, remove or add one thing somewhere in a record."""
    places = []

    def walk(value):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            places.append((value, key))
            if isinstance(item, (dict, list)):
                walk(item)

    walk(record)
    place, key = chance.choice(places)
    if chance.random() < 0.2:
        del place[key]
    elif chance.random() < 0.1 and isinstance(place, dict):
        place[chance.choice(["moon", "parts", "nonfinite", "dropped"])] = chance.choice(WRONG)
    else:
        place[key] = chance.choice(WRONG)


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_records_are_refused_in_words_or_merge_to_valid_ones(tmp_path, seed):
    chance = random.Random(seed)
    parts = [run(tmp_path, "a"), run(tmp_path, "b")]
    files = [parts[1], tmp_path / "b_events.jsonl"]
    whole = [records(path) for path in files]
    refused = 0
    for _ in range(50):
        streams = copy.deepcopy(whole)
        spoil(chance.choice(streams[chance.random() < 0.3]), chance)
        for path, stream in zip(files, streams, strict=True):
            path.write_text("".join(json.dumps(record) + "\n" for record in stream))
        try:
            done = merged(tmp_path, parts, overwrite=True, allow_short=chance.random() < 0.5)
        except MergeError:
            refused += 1
        else:
            written = records(done.telemetry_path) + records(done.events_path)
            assert [problem for record in written for problem in problems(record)] == []
    assert 25 < refused < 50
