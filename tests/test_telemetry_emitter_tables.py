"""Runs of hosts that keep an event table: looked at now and then, and nothing lost between."""

import array
import json
import time
from types import SimpleNamespace

import pytest

from ecosim.telemetry import EventTable, HostError, TelemetryWarning
from ecosim.telemetry_testing import check_host
from emitter_runs import KeepingHost, posix, records, run, started, ticks_logged


@pytest.fixture
def patient(monkeypatch):
    """Let an emitter wait as many ticks as it likes, however long they take."""
    monkeypatch.setattr("ecosim.telemetry._LONGEST_QUIET_NS", 10**12)


@pytest.mark.usefixtures("patient")
def test_a_second_failure_behind_the_first_reaches_nobody(tmp_path):
    """Events that waited turn out faulty while the first failure is being dealt with."""
    host = KeepingHost(ids=lambda code: 1 / 0 if host.tick > 1 else "frog")
    emitter = started(host, tmp_path, on_error="disable", interval=3)
    host.hop(1)
    emitter.on_tick()
    host.hop(2)
    host.event_table.bind(entity=array.array("q", [8]))
    host.event_table.add("HOP", array.array("b", [0]))
    emitter.on_tick()
    host.tick = 0
    with pytest.warns(TelemetryWarning, match="expected a tick after 2, got 0"):
        emitter.on_tick()
    emitter.close()
    config, sample, end = records(tmp_path)
    assert (config["record"], sample["tick"]) == ("config", 0)
    assert (end["status"], end["error"]) == ("failed", "tick: expected a tick after 2, got 0")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kept", [1, 10, 64])
@pytest.mark.parametrize("ticks", [1, 2, 3, 10, 11, 20, 49, 50, 51, 57, 130])
def test_the_events_of_a_table_are_all_written_although_it_is_rarely_asked(tmp_path, ticks, kept):
    host = KeepingHost(kept)
    telemetry, events = run(host, tmp_path, ticks, interval=50)
    assert [tick for batch in events for tick in batch["tick"]] == list(range(1, ticks + 1))
    assert {name for batch in events for name in batch["source_id"]} == {"e7"}
    assert telemetry[-1]["tick"] == ticks
    expected = {0, ticks, *(tick for tick in (50, 100) if tick < ticks)}
    assert [record["tick"] for record in telemetry[1:-1]] == sorted(expected)


@pytest.mark.usefixtures("patient")
def test_a_host_with_a_table_is_left_alone_between_samples(tmp_path):
    host = KeepingHost(64)
    with started(host, tmp_path) as emitter:
        host.looks.clear()
        host.hop_through(emitter, range(1, 201))
        # The first tick tells how many events to expect.
        assert host.looks == [1, 50, 100, 150, 200]


@pytest.mark.parametrize("interval", [1, 7, 50])
def test_a_host_with_a_table_leaves_the_bytes_of_one_without(tmp_path, interval):
    class Forgetful(KeepingHost):
        def __init__(self):
            super().__init__()
            self.kept, self.event_table = self.event_table, None

        def step(self):
            self.event_table = self.kept
            packet = super().step()
            self.event_table = None
            return packet | {"events": list(self.kept.rows_of(self.tick))}

    written = []
    for kind in (KeepingHost, Forgetful):
        run(kind(), tmp_path / kind.__name__, 60, interval=interval)
        files = sorted((tmp_path / kind.__name__).iterdir())
        written.append([file.read_bytes() for file in files if "events" in file.name])
    assert written[0] == written[1]
    assert len(written[0][0].splitlines()) == 6


@pytest.mark.usefixtures("patient")
def test_a_flush_and_an_exception_between_two_looks_lose_no_tick(tmp_path):
    host = KeepingHost()

    def drive():
        with started(host, tmp_path) as emitter:
            for tick in range(1, 9):
                host.hop(tick)
                emitter.on_tick()
                if tick == 4:
                    emitter.flush()
                    lines = (tmp_path / "r_events.jsonl").read_text().splitlines()
                    assert [json.loads(line)["tick"] for line in lines] == [[1, 2, 3, 4]]
            host.hop(9)  # in the middle of a tick that is never completed
            raise RuntimeError("the engine stops")

    with pytest.raises(RuntimeError, match="the engine stops"):
        drive()
    lines = (tmp_path / "r_events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["tick"] == [5, 6, 7, 8]
    assert records(tmp_path)[-1]["tick"] == 8


@pytest.mark.usefixtures("patient")
def test_an_id_that_fails_between_two_looks_ends_the_run_at_its_tick(tmp_path):
    ids = ["frog"]
    host = KeepingHost(64, ids)
    emitter = started(host, tmp_path)
    host.event_table.bind(entity=array.array("q", [0]))

    def drive():
        for tick in range(1, 60):
            if tick == 20:
                host.event_table.bind(entity=array.array("q", [5]))
            host.hop(tick)
            emitter.on_tick()

    with pytest.raises(HostError, match=r"event_table.ids: expected an id of code 5, got 1 ids"):
        drive()
    assert host.tick == 50
    end = records(tmp_path)[-1]
    assert (end["status"], end["tick"], end["events"]) == ("failed", 20, 19)
    assert ticks_logged(tmp_path) == list(range(1, 20))


@pytest.mark.usefixtures("patient")
def test_a_table_put_in_place_of_another_costs_no_event_of_the_first(tmp_path):
    host = KeepingHost(64)

    def drive():
        with started(host, tmp_path) as emitter:
            for tick in range(1, 24):
                if tick == 13:
                    host.event_table = EventTable(str)
                host.hop(tick)
                emitter.on_tick()

    host.event_table.bind(entity=array.array("q", [7]))
    with pytest.raises(HostError, match="expected a row below 0, got 0; call bind when"):
        drive()
    assert ticks_logged(tmp_path) == list(range(1, 13))
    assert records(tmp_path)[-1]["tick"] == 12


class Interrupting(KeepingHost):
    """Its user presses Ctrl-C when the entities are looked at."""

    interrupts = False

    @property
    def entities(self):
        if self.interrupts:
            raise KeyboardInterrupt
        return self.found

    @entities.setter
    def entities(self, found):
        self.found = found


@pytest.mark.usefixtures("patient")
def test_ctrl_c_in_the_last_look_leaves_what_was_recorded(tmp_path):
    host = Interrupting(64)
    emitter = started(host, tmp_path)
    host.hop_through(emitter, range(1, 9))
    host.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        emitter.close()
    end = records(tmp_path)[-1]
    assert (end["status"], end["tick"], end["events"], end["samples"]) == ("stopped", 8, 8, 1)
    assert ticks_logged(tmp_path) == list(range(1, 9))


@posix
def test_ctrl_c_is_not_lost_where_the_files_cannot_be_written_either(tmp_path):
    host = Interrupting(64)
    emitter = started(host, tmp_path)
    host.hop_through(emitter, range(1, 9))
    host.interrupts = True
    (tmp_path / "r_telemetry.jsonl").unlink()
    with pytest.raises(KeyboardInterrupt) as caught:
        emitter.close()
    assert "r_telemetry.jsonl: the file was removed" in str(caught.value.__context__)


@pytest.mark.usefixtures("patient")
def test_ticks_that_were_not_announced_are_said_to_be_missing(tmp_path):
    host = KeepingHost()
    emitter = started(host, tmp_path)

    with pytest.raises(
        HostError, match="event_table: expected every tick from 2 to 22, tick 2 is missing"
    ):
        host.hop_through(emitter, (1, *range(4, 40, 2)))
    emitter.close()


@pytest.mark.parametrize(
    ("kept", "steps", "message"),
    [
        (2, [1, 2, 3], "expected the events after tick 0, got those after 1: it keeps 2 ticks"),
        (9, [1, 2, None], r"expected begin_tick\(3\) in the step to tick 3, its last tick is 2"),
    ],
)
def test_a_table_that_lacks_what_is_asked_for_is_refused(tmp_path, kept, steps, message):
    host = KeepingHost(kept)
    emitter = started(host, tmp_path)
    for tick in steps:
        if tick is None:
            host.tick += 1
        else:
            host.hop(tick)
    with pytest.raises(HostError, match=message):
        emitter.on_tick()
    assert records(tmp_path)[-1]["status"] == "failed"


@pytest.mark.usefixtures("patient")
def test_a_tick_that_was_not_begun_costs_no_tick_before_it(tmp_path):
    host = KeepingHost(64)
    emitter = started(host, tmp_path)
    host.hop_through(emitter, range(1, 50))
    host.tick = 50
    with pytest.raises(HostError, match=r"expected begin_tick\(50\)"):
        emitter.on_tick()
    assert ticks_logged(tmp_path) == list(range(1, 50))
    assert (records(tmp_path)[-1]["tick"], records(tmp_path)[-1]["status"]) == (49, "failed")


@pytest.mark.usefixtures("patient")
def test_ticks_that_nobody_announced_are_in_the_files_at_the_end(tmp_path):
    host = KeepingHost(64)
    with started(host, tmp_path) as emitter:
        for tick in range(1, 31):
            host.hop(tick)
            if tick <= 10 or tick % 2 == 0:
                emitter.on_tick()
    assert ticks_logged(tmp_path) == list(range(1, 31))
    assert [record["tick"] for record in records(tmp_path)[1:]] == [0, 30, 30]


@pytest.mark.usefixtures("patient")
def test_the_time_of_the_loop_includes_the_calls_that_had_nothing_to_do(tmp_path):
    host = KeepingHost(64)
    emitter = started(host, tmp_path)
    host.hop(1)
    start = time.perf_counter_ns()
    emitter.on_tick()
    first = time.perf_counter_ns()
    host.hop_through(emitter, range(2, 41))
    spent = time.perf_counter_ns() - first
    emitter.close()
    whole = time.perf_counter_ns() - start
    assert spent <= records(tmp_path)[-1]["loop_ns"] <= whole


@pytest.mark.parametrize("first", [True, False])
def test_a_table_that_comes_late_or_is_replaced_is_refused(tmp_path, first):
    host = KeepingHost()
    table = host.event_table
    if not first:
        host.event_table = None
    emitter = started(host, tmp_path)
    host.event_table = EventTable(str) if first else table
    host.tick = 1
    host.event_table.begin_tick(1)
    with pytest.raises(HostError, match=r"event_table: expected the same table all through"):
        emitter.on_tick()


def test_a_table_made_anew_in_a_step_is_found_before_a_run():
    class Anew(KeepingHost):
        def step(self):
            self.event_table = EventTable(str)
            self.event_table.bind(entity=array.array("q", [7]))
            self.hop(self.tick + 1)

    (problem,) = check_host(Anew(), ticks=1)
    assert "host.event_table: expected the same table all through the run" in problem


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(HostError, match=r"host.event_table: expected an EventTable, got \[\]"):
        started(SimpleNamespace(tick=0, entities={}, event_table=[]), tmp_path)
