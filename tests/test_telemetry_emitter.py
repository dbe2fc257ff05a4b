"""Whole runs of hosts that are not ours: what the files say, and what happens when things fail."""

import contextlib
import json
import math
import random
import subprocess
import sys
import tempfile
import textwrap
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecosim.telemetry import (
    BACKEND,
    HostError,
    OutputError,
    TelemetryConfigError,
    TelemetryEmitter,
    TelemetryError,
    TelemetryWarning,
)
from ecosim.telemetry_schema import problems
from emitter_runs import KeepingHost, posix, records, run, started
from hosts import MeadowHost, SparseGrid

TESTS = Path(__file__).parent


# ---- the three streams --------------------------------------------------------------------------


def test_a_run_writes_config_samples_events_and_end(tmp_path):
    telemetry, events = run(MeadowHost(), tmp_path, 23, interval=10)
    config, *samples, end = telemetry
    assert [r for record in telemetry + events for r in problems(record)] == []
    assert [sample["tick"] for sample in samples] == [0, 10, 20, 23]
    assert [sample["window"] for sample in samples] == [[0, 0], [1, 10], [11, 20], [21, 23]]
    assert config["biome"] == "TEMPERATE"
    assert config["sim_config_merged"] == {"movement": {"wander_range": 3.0}}
    assert config["world_rates"] == {"hunger": 1.0}
    assert config["species"] == ["fox", "rabbit"]
    assert (config["species_count"], config["entity_count_initial"]) == (2, 5)
    assert (config["seed"], config["interval"]) == (1, 10)
    assert config["voxel_layers"] == ["nutrients_fast", "moisture"]
    assert config["software"]["backend"] == BACKEND
    assert (end["tick"], end["samples"], end["status"], end["error"]) == (23, 4, "completed", None)
    assert end["emitter_ns"] > 0
    assert end["loop_ns"] > 0


def test_samples_and_batches_count_every_event_of_the_host_once(tmp_path):
    host, seen = MeadowHost(seed=4), []
    with TelemetryEmitter({"output_dir": tmp_path, "interval": 7}, run_id="r") as emitter:
        emitter.on_init(host)
        for _ in range(40):
            seen.extend(host.step()["events"])
            emitter.on_tick()
    telemetry, events = records(tmp_path), records(tmp_path, "events")
    counted = sum(r["events"]["by_type"].get("STATE_CHANGE", 0) for r in telemetry[1:-1])
    moved = sum(n for r in telemetry[1:-1] for n in r["transitions"].get("rabbit", {}).values())
    assert counted == moved == telemetry[-1]["events"] == len(seen) > 0
    logged = [
        (tick, source, batch["extra"][str(i)]["new_state"])
        for batch in events
        for i, (tick, source) in enumerate(zip(batch["tick"], batch["source_id"], strict=True))
    ]
    assert logged == [(e["tick"], e["source_id"], e["new_state"]) for e in seen]


def test_a_sample_shows_the_state_at_the_end_of_its_tick(tmp_path):
    host = MeadowHost(seed=9)
    expected = []
    with TelemetryEmitter({"output_dir": tmp_path, "interval": 5}, run_id="r") as emitter:
        emitter.on_init(host)
        for _ in range(10):
            emitter.on_tick(host.step())
            hungers = [e["state_vars"]["hunger"] for e in host.entities.values()]
            expected.append(math.fsum(hungers) / len(hungers))
    for sample in records(tmp_path)[2:-1]:
        found = sample["species"]["rabbit"]["vars"]["hunger"]["mean"]
        assert found == pytest.approx(expected[sample["tick"] - 1], rel=1e-15)


@pytest.mark.parametrize("packets", [True, False])
def test_events_come_from_the_packet_or_from_the_host(tmp_path, packets):
    telemetry, events = run(MeadowHost(), tmp_path, 20, packets=packets)
    assert telemetry[-1]["events"] == sum(batch["count"] for batch in events) > 0


def test_a_host_without_a_tick_is_counted_by_its_packets(tmp_path):
    with TelemetryEmitter({"output_dir": tmp_path, "interval": 4}, run_id="r") as emitter:
        emitter.on_init(SimpleNamespace(entities={}))
        for tick in (4, 8, 9):
            emitter.on_tick({"tick": tick})
    assert [r["tick"] for r in records(tmp_path)[1:]] == [0, 4, 8, 9, 9]


def test_a_sparse_grid_is_walked(tmp_path):
    host = MeadowHost()
    host.voxel_grid = SparseGrid({"moisture": {(0, 0, 0): 0.0}, "salt": {}})
    config, sample, _ = run(host, tmp_path, 0)[0]
    assert config["voxel_layers"] == ["moisture"]
    assert config["grid_dimensions"] == [2, 3, 4]
    assert sample["voxels"]["moisture"]["mean"] == pytest.approx(23 / 24)


def test_the_same_run_gives_the_same_bytes_apart_from_clock_and_software(tmp_path):
    texts = []
    for name in ("a", "b"):
        run(MeadowHost(), tmp_path / name, 60, interval=10)
        telemetry = records(tmp_path / name)
        for key in ("created_at", "software", "emitter_ns", "loop_ns"):
            telemetry[0].pop(key, None)
            telemetry[-1].pop(key, None)
        texts.append((telemetry, (tmp_path / name / "r_events.jsonl").read_bytes()))
    assert texts[0] == texts[1]


def test_the_hash_of_the_config_follows_what_decides_the_run(tmp_path):
    def digest(name, **changes):
        host = MeadowHost()
        host.world = host.world | changes.pop("world", {})
        host.seed = changes.pop("seed", host.seed)
        with TelemetryEmitter({"output_dir": tmp_path, **changes}, run_id=name) as emitter:
            emitter.on_init(host)
        return records(tmp_path, run_id=name)[0]["config_sha256"]

    base = digest("a")
    assert digest("b", interval=7) == base
    assert digest("c", world={"_note": "a comment", "telemetry": {"interval": 3}}) == base
    assert digest("d", seed=2) != base
    assert digest("e", world={"rates": {"hunger": 2.0}}) != base


def test_the_hash_does_not_ask_how_a_value_was_set(tmp_path):
    def digest(name, rate, **parameters):
        host = MeadowHost()
        host.world["rates"] = {"hunger": rate}
        emitter = TelemetryEmitter({"output_dir": tmp_path}, run_id=name, parameters=parameters)
        with emitter:
            emitter.on_init(host)
        return records(tmp_path, run_id=name)[0]["config_sha256"]

    written = digest("a", 2.0)
    assert digest("b", 2.0, **{"rates.hunger": 2}) == written
    assert digest("c", 2.0, **{"rates.hunger": 2.0}) == written
    assert digest("d", 2.0, **{"rates.thirst": 3.0}) != written


def test_flush_writes_everything_recorded_so_far(tmp_path):
    host = MeadowHost(rabbits=50)
    emitter = TelemetryEmitter({"output_dir": tmp_path, "interval": 2}, run_id="r")
    emitter.on_init(host)
    for _ in range(5):
        emitter.on_tick(host.step())
    emitter.flush()
    assert [r["tick"] for r in records(tmp_path)[1:]] == [0, 2, 4]
    (batch,) = records(tmp_path, "events")
    assert batch["ticks"] == [1, 5]
    emitter.close("stopped")
    assert records(tmp_path)[-1]["status"] == "stopped"


def _run_and_raise(folder, error):
    with TelemetryEmitter({"output_dir": folder}, run_id="r") as emitter:
        emitter.on_init(MeadowHost())
        raise error


def test_an_error_in_the_loop_ends_the_run_as_failed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _run_and_raise(tmp_path, ZeroDivisionError("the wolf divided by zero"))
    end = records(tmp_path)[-1]
    assert (end["status"], end["error"]) == (
        "failed",
        "ZeroDivisionError: the wolf divided by zero",
    )


def test_an_interrupted_loop_ends_the_run_as_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _run_and_raise(tmp_path, KeyboardInterrupt())
    assert records(tmp_path)[-1]["status"] == "stopped"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_an_error_in_the_middle_of_a_tick_leaves_no_sample_of_half_a_tick(tmp_path, error):
    host = MeadowHost()
    with (
        contextlib.suppress(type(error)),
        TelemetryEmitter({"output_dir": tmp_path, "interval": 5}, run_id="r") as emitter,
    ):
        emitter.on_init(host)
        for _ in range(7):
            emitter.on_tick(host.step())
        host.entities.popitem()  # as far as the eighth step got
        raise error
    assert [r["tick"] for r in records(tmp_path)[1:]] == [0, 5, 7]
    assert records(tmp_path)[-2]["entity_count"] == 5


def test_switched_off_it_does_nothing(tmp_path):
    with TelemetryEmitter({"output_dir": tmp_path / "x", "enabled": False}) as emitter:
        emitter.on_init(MeadowHost())
        emitter.on_tick(None)
        emitter.flush()
    assert not (tmp_path / "x").exists()


def test_without_an_event_log_there_is_no_events_file(tmp_path):
    with TelemetryEmitter({"output_dir": tmp_path, "events": False}, run_id="r") as emitter:
        host = MeadowHost()
        emitter.on_init(host)
        emitter.on_tick(host.step())
    assert [path.name for path in tmp_path.iterdir()] == ["r_telemetry.jsonl"]
    assert records(tmp_path)[-2]["events"]["by_type"]["STATE_CHANGE"] > 0


def test_calls_out_of_order_are_refused(tmp_path):
    emitter = TelemetryEmitter({"output_dir": tmp_path})
    with pytest.raises(TelemetryError, match="expected on_init"):
        emitter.on_tick()
    emitter.on_init(MeadowHost())
    with pytest.raises(TelemetryError, match="expected one call on a new emitter"):
        emitter.on_init(MeadowHost())
    with pytest.raises(TelemetryConfigError, match="status: expected 'completed'"):
        emitter.close("done")
    emitter.close()
    emitter.close()
    with pytest.raises(TelemetryError, match="is closed"):
        emitter.on_tick()


# ---- hosts that do not fit ----------------------------------------------------------------------


class Broken(MeadowHost):
    @property
    def seed(self):
        raise RuntimeError("no seed today")

    @seed.setter
    def seed(self, value):
        pass


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (object(), r"expected an attribute 'entities' or a method 'entity_columns'"),
        (Broken(), r"reading the host failed: RuntimeError: no seed today"),
    ],
)
def test_a_host_that_does_not_fit_leaves_no_file(tmp_path, host, message):
    emitter = TelemetryEmitter({"output_dir": tmp_path}, run_id="r")
    with pytest.raises(HostError, match=message):
        emitter.on_init(host)
    assert list(tmp_path.iterdir()) == []


def test_a_warning_points_at_the_line_of_the_host_that_called(tmp_path):
    settings = {"output_dir": tmp_path, "on_error": "disable"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        TelemetryEmitter(settings, run_id="r1").on_init(object())
        with TelemetryEmitter(settings, run_id="r2") as emitter:
            host = MeadowHost()
            emitter.on_init(host)
            emitter.on_tick(host.step())
            host.entities["rabbit_0"]["state"] = 17
    assert [warning.filename for warning in caught] == [__file__, __file__]


def test_a_host_that_does_not_fit_is_forgiven_with_one_warning_when_asked(tmp_path):
    emitter = TelemetryEmitter({"output_dir": tmp_path, "on_error": "disable"}, run_id="r")
    with pytest.warns(TelemetryWarning, match="expected an attribute 'entities'"):
        emitter.on_init(object())
    emitter.on_tick()  # a second warning would be an error
    emitter.on_tick({"tick": 2})
    emitter.flush()
    emitter.close()


@pytest.mark.parametrize("packet", [5, "x", object()])
def test_a_packet_that_is_none_is_named(tmp_path, packet):
    host = MeadowHost()
    emitter = TelemetryEmitter({"output_dir": tmp_path}, run_id="r")
    emitter.on_init(host)
    host.step()
    with pytest.raises(
        HostError, match="packet: expected a mapping, an iterable of events or None"
    ):
        emitter.on_tick(packet)


def test_entities_that_can_be_read_only_once_are_refused(tmp_path):
    host = SimpleNamespace(tick=0, entities=iter([{"species": "deer"}]))
    with pytest.raises(HostError, match=r"host\.entities: expected a mapping, or an iter"):
        TelemetryEmitter({"output_dir": tmp_path}, run_id="r").on_init(host)


def test_a_world_of_unexpected_shape_still_gives_a_valid_config(tmp_path):
    host = MeadowHost()
    host.world = {"environment": {"biome": 7}, "sim_config": [1], "rates": "fast"}
    with TelemetryEmitter({"output_dir": tmp_path}, run_id="r") as emitter:
        emitter.on_init(host)
    config = records(tmp_path)[0]
    assert problems(config) == []
    assert (config["biome"], config["sim_config_merged"], config["world_rates"]) == (None, {}, {})


def test_text_that_utf8_cannot_hold_is_written_readable(tmp_path):
    host = MeadowHost()
    host.entities = {"a\ud800b": {"species": "\udc00\U0001f98a", "state": "\\ud800"}}
    host.step = lambda: setattr(host, "tick", host.tick + 1)
    with TelemetryEmitter({"output_dir": tmp_path, "interval": 1}, run_id="r") as emitter:
        emitter.on_init(host)
        host.step()
        emitter.on_tick([{"type": "CROAK", "source_id": "a\ud800b"}])
    assert records(tmp_path)[-2]["species"]["\ufffd\U0001f98a"]["states"] == {"\\ud800": 1}
    assert records(tmp_path, "events")[0]["source_id"] == ["a\ufffdb"]


def test_a_tick_that_goes_backwards_is_refused(tmp_path):
    host = MeadowHost()
    emitter = TelemetryEmitter({"output_dir": tmp_path}, run_id="r")
    emitter.on_init(host)
    with pytest.raises(HostError, match="expected a tick after 0, got 0"):
        emitter.on_tick()
    end = records(tmp_path)[-1]
    assert (end["status"], end["error"]) == ("failed", "tick: expected a tick after 0, got 0")
    with pytest.raises(TelemetryError, match="failed before: tick: expected a tick after 0"):
        emitter.on_tick()


def test_a_bad_entity_fails_the_run_with_all_that_was_recorded(tmp_path):
    host = MeadowHost(rabbits=40)
    emitter = TelemetryEmitter({"output_dir": tmp_path, "interval": 5}, run_id="r")
    emitter.on_init(host)
    for _ in range(9):
        emitter.on_tick(host.step())
    host.step()
    host.entities["rabbit_3"]["state_vars"]["hunger"] = "peckish"
    with pytest.raises(HostError, match=r"entities\['rabbit_3'\].state_vars\['hunger'\]"):
        emitter.on_tick()
    telemetry = records(tmp_path)
    assert [r.get("tick") for r in telemetry[1:]] == [0, 5, 10]
    assert telemetry[-1]["status"] == "failed"
    assert telemetry[-1]["events"] == sum(b["count"] for b in records(tmp_path, "events")) > 0


def test_on_error_disable_warns_once_and_lets_the_simulation_go_on(tmp_path):
    host = MeadowHost()
    settings = {"output_dir": tmp_path, "interval": 1, "on_error": "disable"}
    emitter = TelemetryEmitter(settings, run_id="r")
    emitter.on_init(host)
    host.entities["rabbit_0"]["state"] = 17
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(5):
            host.tick += 1
            emitter.on_tick()
    emitter.close()
    (warning,) = caught
    assert warning.category is TelemetryWarning
    assert "run r stops at tick 1: entities['rabbit_0'].state: expected a string" in str(
        warning.message
    )
    assert records(tmp_path)[-1]["status"] == "failed"


def test_a_list_of_the_hosts_own_may_make_its_events_when_it_is_read(tmp_path):
    class Made(list):
        def __iter__(self):
            return iter([{"type": "CROAK"}])

    host = MeadowHost()
    with started(host, tmp_path) as emitter:
        host.step()
        emitter.on_tick(Made())
    assert records(tmp_path)[-1]["events"] == 1


@pytest.mark.parametrize("entities", [{}, ()])
def test_a_source_that_cannot_be_an_id_is_named(tmp_path, entities):
    host = MeadowHost()
    emitter = started(host, tmp_path)
    host.entities, host.tick = entities, 1
    change = {"type": "STATE_CHANGE", "source_id": ["a"], "prev_state": "A", "new_state": "B"}
    with pytest.raises(HostError, match=r"STATE_CHANGE event.source_id: expected a string, an int"):
        emitter.on_tick([change])


def test_further_sinks_get_the_lines_of_the_files(tmp_path):
    class Keeper:
        paths = ()

        def __init__(self):
            self.telemetry, self.events, self.closed = b"", b"", 0

        def write_telemetry(self, lines):
            self.telemetry += lines

        def write_events(self, lines):
            self.events += lines

        def flush(self):
            pass

        def close(self):
            self.closed += 1

    keeper, host = Keeper(), KeepingHost()
    with TelemetryEmitter({"output_dir": tmp_path}, run_id="r", sinks=[keeper]) as emitter:
        emitter.on_init(host)
        host.hop_through(emitter, range(1, 80))
    assert keeper.telemetry == (tmp_path / "r_telemetry.jsonl").read_bytes()
    assert keeper.events == (tmp_path / "r_events.jsonl").read_bytes()
    assert keeper.closed
    assert emitter.emitter_ns == records(tmp_path)[-1]["emitter_ns"]


# ---- files that cannot be written ---------------------------------------------------------------


@pytest.mark.parametrize("run_id", ["../../x", "x" * 300, "a\nb"])
def test_a_run_id_that_is_no_file_name_is_refused_before_anything_is_made(tmp_path, run_id):
    with pytest.raises(TelemetryConfigError, match="run_id: expected"):
        TelemetryEmitter({"output_dir": tmp_path / "out"}, run_id=run_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stream", ["telemetry", "events"])
def test_an_earlier_run_is_never_touched_unless_asked(tmp_path, stream):
    earlier = tmp_path / f"r_{stream}.jsonl"
    earlier.write_text("precious\n")
    with pytest.raises(OutputError, match=rf"r_{stream}\.jsonl: expected no file of this name"):
        run(MeadowHost(), tmp_path, 3)
    assert earlier.read_text() == "precious\n"
    assert list(tmp_path.iterdir()) == [earlier]
    telemetry, _ = run(MeadowHost(), tmp_path, 3, overwrite=True)
    assert telemetry[-1]["tick"] == 3


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_is_never_followed_out_of_the_folder(tmp_path, overwrite):
    outside = tmp_path / "outside"
    outside.write_text("precious\n")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "r_telemetry.jsonl").symlink_to(outside)
    if overwrite:
        run(MeadowHost(), folder, 3, overwrite=True)
        assert not (folder / "r_telemetry.jsonl").is_symlink()
    else:
        with pytest.raises(OutputError, match="expected no file of this name"):
            run(MeadowHost(), folder, 3)
    assert outside.read_text() == "precious\n"


def test_an_output_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"telemetry.output_dir: expected a folder .*file"):
        run(MeadowHost(), tmp_path / "file", 3)


@pytest.fixture
def public_path():
    """A folder that every user may enter, as tmp_path may not be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@posix
def test_a_read_only_folder_is_named_to_a_user_without_rights(public_path):
    folder = public_path / "sealed"
    folder.mkdir(mode=0o555)
    done = _script(
        f"""
        import os
        from hosts import MeadowHost
        from ecosim.telemetry import TelemetryEmitter
        with TelemetryEmitter({{"output_dir": {str(public_path)!r}}}, run_id="mine") as emitter:
            emitter.on_init(MeadowHost())
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        TelemetryEmitter({{"output_dir": {str(folder)!r}}}, run_id="r").on_init(MeadowHost())
        """
    )
    assert done.returncode == 1
    assert "OutputError" in done.stderr
    assert "could not create the file: Permission denied" in done.stderr
    assert list(folder.iterdir()) == []


@posix
def test_a_file_that_vanished_is_an_error_and_not_silence(tmp_path):
    host = MeadowHost()
    emitter = TelemetryEmitter({"output_dir": tmp_path}, run_id="r")
    emitter.on_init(host)
    emitter.on_tick(host.step())
    (tmp_path / "r_telemetry.jsonl").unlink()
    with pytest.raises(OutputError, match=r"r_telemetry\.jsonl: the file was removed"):
        emitter.close()


@posix
@pytest.mark.parametrize("on_error", ["raise", "disable"])
def test_a_full_disk_leaves_whole_lines_and_no_end_record(tmp_path, on_error):
    """A limit on file size stands for the disk: the kernel cuts the write short just the same."""
    done = _script(
        f"""
        import resource, signal, warnings
        from hosts import MeadowHost
        from ecosim.telemetry import OutputError, TelemetryEmitter, TelemetryWarning
        host = MeadowHost(rabbits=30)
        settings = {{"output_dir": {str(tmp_path)!r}, "interval": 1, "on_error": {on_error!r}}}
        emitter = TelemetryEmitter(settings, run_id="r")
        emitter.on_init(host)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        warnings.simplefilter("error", TelemetryWarning)
        try:
            for _ in range(2000):
                emitter.on_tick(host.step())
                emitter.flush()
        except (OutputError, TelemetryWarning) as error:
            print(type(error).__name__, error)
        """
    )
    assert done.returncode == 0, done.stderr
    assert "could not write: File too large" in done.stdout
    assert done.stdout.startswith("OutputError" if on_error == "raise" else "TelemetryWarning")
    for stream in ("telemetry", "events"):
        text = (tmp_path / f"r_{stream}.jsonl").read_bytes()
        assert 5_000 < len(text) <= 20_000
        assert text.endswith(b"\n")
        assert {json.loads(line)["record"] for line in text.splitlines()} <= {
            *("config", "sample", "events")
        }


def _script(body, **options):
    """Run a program in a fresh process that can import the test hosts."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        capture_output=True,
        text=True,
        cwd=TESTS,
        timeout=120,
        check=False,
        **options,
    )


# ---- killed -------------------------------------------------------------------------------------

KILLED = """
import sys
from hosts import MeadowHost
from ecosim.telemetry import TelemetryEmitter
host = MeadowHost(rabbits=20)
emitter = TelemetryEmitter({"output_dir": sys.argv[1], "interval": 3}, run_id="r")
emitter.on_init(host)
while True:
    emitter.on_tick(host.step())
    if host.tick % 50 == 0:
        emitter.flush()
        print(host.tick, flush=True)
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_every_line_is_whole_and_every_flushed_line_is_there(tmp_path, seed):
    generator = random.Random(seed)
    reports = generator.randint(1, 12)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=TESTS, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(reports):
            flushed = int(process.stdout.readline())
        for _ in range(generator.randint(0, 200_000)):
            pass  # a moment that differs from seed to seed
        process.kill()
        process.wait()
    ticks = {}
    for stream in ("telemetry", "events"):
        *lines, _ = (tmp_path / f"r_{stream}.jsonl").read_bytes().split(b"\n")
        whole = [json.loads(line) for line in lines]
        assert [problem for record in whole for problem in problems(record)] == []
        ticks[stream] = whole
    assert ticks["telemetry"][0]["record"] == "config"
    assert "end" not in {record["record"] for record in ticks["telemetry"]}
    samples = [record["tick"] for record in ticks["telemetry"][1:]]
    assert samples == list(range(0, samples[-1] + 1, 3))
    assert samples[-1] >= flushed - flushed % 3
    assert ticks["events"][-1]["ticks"][1] >= flushed
