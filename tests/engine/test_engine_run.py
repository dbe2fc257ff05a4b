"""A run is a function of (world, seed): nothing else changes it, and it changes nothing else."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.randomness import Streams
from ecosim.errors import WorldError
from ecosim.telemetry import TelemetryConfig, TelemetryEmitter
from ecosim.telemetry_testing import check_host

TICKS = 120


def packets(engine: EcosystemEngine, ticks: int = TICKS) -> str:
    """Return the hash of the bytes of the packets of the next ticks."""
    digest = sha256()
    for _ in range(ticks):
        engine.step()
        digest.update(json.dumps(engine.packet(), allow_nan=False).encode())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_packets_and_another_seed_others():
    first = packets(EcosystemEngine("demo", seed=7))
    assert packets(EcosystemEngine("demo", seed=7)) == first
    assert packets(EcosystemEngine("demo", seed=8)) != first


def test_another_process_with_another_hash_seed_gives_the_same_packets():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_engine_run import packets\n"
        "from ecosim.engine import EcosystemEngine\n"
        "print(packets(EcosystemEngine('demo', seed=7), 40))"
    )
    here = str(Path(__file__).parent)
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, here],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("0", "1")
    }
    assert outputs == {packets(EcosystemEngine("demo", seed=7), 40)}


def test_two_engines_that_take_turns_do_not_touch_each_other():
    apart = [packets(EcosystemEngine("minimal", seed=seed)) for seed in (1, 2)]
    engines = [EcosystemEngine("minimal", seed=seed) for seed in (1, 2)]
    digests = [sha256(), sha256()]
    for _ in range(TICKS):
        for engine, digest in zip(engines, digests, strict=True):
            engine.step()
            digest.update(json.dumps(engine.packet(), allow_nan=False).encode())
    assert [digest.hexdigest() for digest in digests] == apart


@pytest.mark.parametrize("interval", [1, 7, 50])
def test_telemetry_at_any_interval_changes_no_packet(tmp_path, interval):
    settings = {"output_dir": str(tmp_path), "interval": interval}
    with EcosystemEngine("demo", seed=3, telemetry=settings) as engine:
        watched = packets(engine)
    assert watched == packets(EcosystemEngine("demo", seed=3, telemetry=False))


def test_asking_for_entities_events_and_packets_changes_no_run():
    quiet, asked = (EcosystemEngine("demo", seed=5) for _ in range(2))
    for _ in range(60):
        quiet.step()
        asked.step()
        assert asked.packet() is asked.packet()
        assert len(asked.entities) == int(asked.entity_columns().alive.sum())
        assert all(event.tick == asked.tick for event in asked.events)
    assert quiet.entities == asked.entities


def test_the_seed_of_the_world_is_used_and_one_is_drawn_where_there_is_none():
    assert EcosystemEngine("demo").seed == load_world("demo").seed
    world = load_world("demo").to_dict()
    world["seed"] = None
    drawn = EcosystemEngine(world)
    assert drawn.world["seed"] == drawn.seed
    assert EcosystemEngine(world).seed != drawn.seed
    assert packets(EcosystemEngine(world, seed=drawn.seed), 20) == packets(drawn, 20)


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**63, 1.5, "7", True])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(WorldError, match="seed: expected an integer"):
        EcosystemEngine("minimal", seed=seed)


def test_a_negative_seed_is_a_seed_of_its_own():
    seeds = (-(2**63), -7, -1, 0, 7, 2**63 - 1)
    runs = [packets(EcosystemEngine("minimal", seed=seed), 10) for seed in seeds]
    assert len(set(runs)) == len(seeds)
    world = load_world("minimal", parameters={"seed": -7})
    assert EcosystemEngine(world).seed == -7
    assert packets(EcosystemEngine(world), 10) == runs[1]


def test_seeds_from_zero_on_are_the_entropy_itself():
    drawn = Streams.from_seed(11).weather.uniform()
    child = np.random.SeedSequence(11).spawn(6)[4]
    assert drawn == np.random.Generator(np.random.PCG64(child)).uniform()


@pytest.mark.parametrize("dt", [0, -0.1, 0.6, float("nan"), float("inf"), "0.1", True])
def test_a_bad_step_is_refused_and_does_not_advance(dt):
    engine = EcosystemEngine("minimal", seed=1)
    with pytest.raises(WorldError, match="dt: expected a number > 0"):
        engine.step(dt)
    assert engine.tick == 0


@pytest.mark.parametrize("intensity", [-0.1, 1.1, float("nan"), "1", None, True])
def test_a_bad_rain_is_refused(intensity):
    with pytest.raises(WorldError, match=r"rain\.intensity: expected a number >= 0"):
        EcosystemEngine("minimal", seed=1).apply_rain(intensity)


def test_rain_on_command_is_an_event_once_and_wets_the_soil():
    dry = load_world("demo", parameters={"environment.climate.rainfall": 0.0})
    rained, left = (EcosystemEngine(dry, seed=1) for _ in range(2))
    rained.apply_rain(0.9)
    events = []
    for _ in range(100):
        rained.step()
        left.step()
        events += [event for event in rained.events if event.event_type == "RAIN"]
    assert [(event.tick, event.extra, event.source_id) for event in events] == [
        (1, {"intensity": 0.9}, None)
    ]
    surface = [engine.voxel_grid["moisture"][:, 0].mean() for engine in (rained, left)]
    assert surface[0] > surface[1] + 0.1


def test_a_step_of_its_own_length_advances_the_time_by_it():
    engine = EcosystemEngine("minimal", seed=1)
    for dt in (None, 0.05, 0.5):
        engine.step(dt)
    assert engine.time == pytest.approx(0.65)
    assert engine.tick == 3
    assert engine.packet()["dt"] == 0.5


def test_the_engine_fits_the_host_interface():
    assert not check_host(EcosystemEngine("demo", seed=1))


def test_what_a_host_shows_cannot_be_written_to():
    engine = EcosystemEngine("minimal", seed=1)
    columns = engine.entity_columns()
    for values in (columns.state, columns.variables["hunger"], engine.voxel_grid["moisture"]):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


def test_telemetry_is_written_for_every_way_to_ask_for_it(tmp_path):
    config = TelemetryConfig(output_dir=tmp_path / "config", interval=10)
    ways = {
        "mapping": {"output_dir": str(tmp_path / "mapping"), "interval": 10},
        "config": config,
        "emitter": TelemetryEmitter(
            TelemetryConfig(output_dir=tmp_path / "emitter", interval=10), run_id="chosen"
        ),
    }
    for name, telemetry in ways.items():
        with EcosystemEngine("minimal", seed=1, telemetry=telemetry) as engine:
            for _ in range(25):
                engine.step()
        (file,) = (tmp_path / name).glob("*_telemetry.jsonl")
        records = [json.loads(line) for line in file.read_text().splitlines()]
        assert [one["tick"] for one in records if one["record"] == "sample"] == [0, 10, 20, 25]
        assert records[0]["seed"] == 1
        assert records[-1]["status"] == "completed"
    assert (tmp_path / "emitter" / "chosen_telemetry.jsonl").exists()


def test_the_telemetry_block_of_the_world_is_used_unless_told_otherwise(tmp_path):
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"output_dir": str(tmp_path / "block"), "enabled": True}
    EcosystemEngine(world, seed=1, telemetry=False).close()
    assert not (tmp_path / "block").exists()
    EcosystemEngine(world, seed=1).close("stopped")
    (file,) = (tmp_path / "block").glob("*_telemetry.jsonl")
    assert json.loads(file.read_text().splitlines()[-1])["status"] == "stopped"


def test_a_sample_counts_what_the_packet_of_its_tick_shows(tmp_path):
    settings = {"output_dir": str(tmp_path), "interval": 7}
    shown = {}
    with EcosystemEngine("demo", seed=4, telemetry=settings) as engine:
        for _ in range(70):
            engine.step()
            shown[engine.tick] = [one["state"] for one in engine.packet()["entity_updates"]]
    (file,) = tmp_path.glob("*_telemetry.jsonl")
    samples = [json.loads(line) for line in file.read_text().splitlines()][1:-1]
    for sample in samples[1:]:
        states = [
            state
            for species in sample["species"].values()
            for state, count in species["states"].items()
            for _ in range(count)
        ]
        assert sorted(states) == sorted(shown[sample["tick"]])
        assert sample["entity_count"] == len(states)


def test_randomize_places_entities_and_ponds_anew_for_every_seed():
    world = load_world("demo").to_dict()
    world["randomize"] = {"jitter": 1.0, "extra_grass": [3, 5], "transform": "rotate_90"}
    starts = []
    for seed in (1, 1, 2):
        engine = EcosystemEngine(world, seed=seed)
        grass = [one for one in engine.entities.values() if one["species"] == "meadow_grass"]
        assert 63 <= len(grass) <= 65
        starts.append({name: one["position"] for name, one in engine.entities.items()})
        ponds = set(zip(*(axis.tolist() for axis in pond_places(engine)), strict=True))
        assert ponds in ({(24.0, 8.0), (10.0, 24.0)}, {(8.0, 24.0), (22.0, 8.0)})
    assert starts[0] == starts[1] != starts[2]


def pond_places(engine: EcosystemEngine):
    """Return the x and the z of the ponds."""
    return engine.simulation.sources.x, engine.simulation.sources.z


@pytest.mark.parametrize("ticks", [12, 23])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_an_engine_goes_on_as_the_engine_does(copied, ticks, tmp_path):
    engine = EcosystemEngine("demo", seed=5, telemetry={"output_dir": str(tmp_path)})
    for _ in range(ticks):  # neither is a tick in which rows move
        engine.step()
    twin = copied(engine)
    assert twin.events == engine.events
    assert twin.event_table.ids is twin.simulation.table.ids
    for _ in range(40):
        engine.step()
        twin.step()
        assert json.dumps(twin.packet()) == json.dumps(engine.packet())
    engine.step()
    engine.close()
    assert twin.tick == engine.tick - 1
    assert twin.voxel_versions != engine.voxel_versions
