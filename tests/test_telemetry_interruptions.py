"""Signals, forks and errors of any kind in the middle of a run: the files stay whole and true."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_signals import HeldSignals
from emitter_runs import records, started, ticks_logged
from hosts import MeadowHost

if not hasattr(os, "fork"):
    pytest.skip("signals and forks as POSIX has them", allow_module_level=True)

TESTS = Path(__file__).parent


class Striking:
    """A sink during whose work a signal arrives, once."""

    paths = ()

    def __init__(self, number, *, when):
        self.number, self.when = number, when

    def strike(self, moment):
        if moment == self.when:
            self.when = None
            signal.raise_signal(self.number)

    def write_telemetry(self, lines):
        self.strike("telemetry")

    def write_events(self, lines):
        self.strike("events")

    def flush(self):
        pass

    def close(self):
        self.strike("close")


class TimeIsUpError(Exception):
    """What a handler of alarms raises."""


def raise_time_is_up(number, frame):
    raise TimeIsUpError


@pytest.fixture
def alarm():
    before = signal.signal(signal.SIGALRM, raise_time_is_up)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("when", ["telemetry", "events"])
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGALRM, TimeIsUpError)]
)
def test_a_signal_in_the_middle_of_writing_loses_nothing(tmp_path, when, number, error):
    sink = Striking(number, when=None)
    settings = {"output_dir": tmp_path, "interval": 1}

    def loop():
        with TelemetryEmitter(settings, run_id="r", sinks=[sink]) as emitter:
            host = MeadowHost()
            emitter.on_init(host)
            sink.when = when
            for _ in range(500):
                emitter.on_tick(host.step())

    with pytest.raises(error):
        loop()
    *_, sample, end = records(tmp_path)
    assert end["tick"] == sample["tick"] > 10
    assert end["samples"] == len(records(tmp_path)) - 2 == end["tick"] + 1
    assert end["events"] == len(ticks_logged(tmp_path)) > 0
    in_windows = sum(sum(one["events"]["by_type"].values()) for one in records(tmp_path)[1:-1])
    assert in_windows == end["events"]


def test_handlers_are_there_again_and_what_arrived_is_answered_when_asked_for():
    before = signal.getsignal(signal.SIGINT)
    held = HeldSignals()
    with held:
        with held:
            signal.raise_signal(signal.SIGINT)
        assert len(held.arrived) == 1
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        held.answer()
    held.answer()  # nothing is left


@pytest.mark.usefixtures("alarm")
def test_every_signal_is_answered_though_the_first_raises():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    held = HeldSignals()
    with held:
        signal.raise_signal(signal.SIGALRM)
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(TimeIsUpError):
        held.answer()
    signal.signal(signal.SIGTERM, before)
    assert (seen, held.arrived) == ([signal.SIGTERM], [])


def test_where_no_handler_can_run_nothing_is_held():
    code = "from ecosim.telemetry_signals import HeldSignals\nwith HeldSignals(): pass\nprint(1)"
    program = f"import threading\nthreading.main_thread = threading.current_thread\n{code}"
    threaded = (
        "import threading\n"
        f"thread = threading.Thread(target=exec, args=({program!r}, {{}}))\n"
        "thread.start(); thread.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", threaded], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_handler_may_close_the_emitter_that_is_being_closed(tmp_path):
    emitter = started(MeadowHost(), tmp_path)
    emitter.close()
    sink = Striking(signal.SIGTERM, when=None)
    settings = {"output_dir": tmp_path}
    emitter = TelemetryEmitter(settings, run_id="closing", sinks=[sink])
    emitter.on_init(MeadowHost())
    sink.when = "close"

    def close_and_leave(number, frame):
        emitter.close("stopped")
        raise SystemExit(3)

    before = signal.signal(signal.SIGTERM, close_and_leave)
    with pytest.raises(SystemExit):
        emitter.close()
    signal.signal(signal.SIGTERM, before)
    assert records(tmp_path, run_id="closing")[-1]["status"] == "completed"


FORKING = """
import os, sys
from hosts import MeadowHost
from ecosim.telemetry import TelemetryEmitter, TelemetryError
folder, what = sys.argv[1:]
with TelemetryEmitter({"output_dir": folder, "interval": 5}, run_id="r") as emitter:
    host = MeadowHost()
    emitter.on_init(host)
    for tick in range(40):
        emitter.on_tick(host.step())
        if tick == 22:
            child = os.fork()
            if child == 0:
                if what == "leave":
                    sys.exit(0)
                try:
                    emitter.flush()
                except TelemetryError as error:
                    print(error, flush=True)
                emitter.close()
                os._exit(7)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == (0 if what == "leave" else 7)
"""


@pytest.mark.parametrize("what", ["leave", "go on"])
def test_a_forked_process_leaves_the_files_of_its_parent_alone(tmp_path, what):
    command = [sys.executable, "-W", "ignore", "-c", FORKING, tmp_path, what]
    done = subprocess.run(command, cwd=TESTS, check=True, capture_output=True, text=True)
    told = "run r belongs to process" in done.stdout
    assert told is (what == "go on")
    config, *samples, end = records(tmp_path)
    assert config["record"] == "config"
    assert [one["tick"] for one in samples] == list(range(0, 41, 5))
    assert (end["record"], end["status"], end["tick"]) == ("end", "completed", 40)
    assert ticks_logged(tmp_path) == sorted(ticks_logged(tmp_path))
    assert end["events"] == len(ticks_logged(tmp_path))


class Unspeakable(Exception):
    """An error that cannot say what it is."""

    def __str__(self):
        raise RuntimeError


def test_an_error_without_words_ends_the_run_like_any_other(tmp_path):
    def loop():
        with started(MeadowHost(), tmp_path):
            raise Unspeakable

    with pytest.raises(Unspeakable):
        loop()
    end = records(tmp_path)[-1]
    assert (end["status"], end["error"]) == ("failed", "Unspeakable, which cannot be shown as text")


def test_warnings_that_are_errors_are_not_taken_for_faults_of_the_host(tmp_path):
    program = (
        "from hosts import MeadowHost; from ecosim.telemetry import TelemetryEmitter\n"
        f"TelemetryEmitter({{'output_dir': {str(tmp_path)!r}}}).on_init(MeadowHost())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=TESTS,
        env=os.environ | {"ECOSIM_BACKEND": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ecosim.telemetry.TelemetryWarning: the reference"
    )
