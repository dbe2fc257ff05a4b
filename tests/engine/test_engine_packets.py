"""A client that sees every packet is never wrong about the world."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.world_models import STATES, VARIABLES

ALWAYS = {"tick", "dt", "session_id", "entity_updates"}
WHEN_NOT_EMPTY = {
    "entity_spawns",
    "entity_removals",
    "events",
    "voxel_deltas",
    "water_sources",
}


def busy_engine(seed: int = 2) -> EcosystemEngine:
    """Return an engine of a world in which much is born and dies."""
    return EcosystemEngine(load_world("demo", parameters={"rates.reproduction": 4.0}), seed=seed)


def test_packets_have_the_keys_of_the_protocol_and_the_optional_ones_only_when_not_empty():
    engine = busy_engine()
    seen = set()
    for _ in range(400):
        engine.step()
        packet = engine.packet()
        assert ALWAYS <= set(packet) <= ALWAYS | WHEN_NOT_EMPTY
        assert all(packet[key] for key in packet.keys() - ALWAYS)
        assert packet["tick"] == engine.tick
        assert packet["session_id"] == "demo"
        assert json.loads(json.dumps(packet, allow_nan=False)) == packet
        seen |= packet.keys()
    assert seen >= (ALWAYS | WHEN_NOT_EMPTY) - {"water_sources"}


def test_heights_are_shown_as_written_and_go_to_offspring():
    world = load_world("demo", parameters={"rates.reproduction": 4.0}).to_dict()
    written = {}
    for index, one in enumerate(world["entities"]):
        x, _, z = one["position"]
        # A height of its own for each founder tells whose offspring one is.
        one["position"] = [x, index / 8 - 2, z]
        written[one["id"]] = one["position"]
    engine = EcosystemEngine(world, seed=2)
    assert {name: one["position"] for name, one in engine.entities.items()} == written
    heights = {name: position[1] for name, position in written.items()}
    species_at: dict[float, str] = {one[1]: name for name, one in written.items()}
    of = {name: one["species"] for name, one in engine.entities.items()}
    born = 0
    for _ in range(300):
        engine.step()
        packet = engine.packet()
        for one in packet.get("entity_spawns", []):
            heights[one["id"]] = one["position"][1]
            assert of[species_at[one["position"][1]]] == one["species"]
            born += 1
        for one in packet["entity_updates"]:
            assert one["position"][1] == heights[one["id"]]
        for event in packet.get("events", []):
            if event["source_id"] is not None:
                assert event["position"][1] == heights[event["source_id"]]
    assert born > 20


def test_ponds_are_told_when_their_level_moved():
    parameters = {"environment.biome": "DESERT", "rates.water_replenishment": 0.0}
    engine = EcosystemEngine(load_world("demo", parameters=parameters), seed=1)
    told = []
    for _ in range(400):
        engine.step()
        told += engine.packet().get("water_sources", [])
    assert [one["position"] for one in told[:2]] == [[8.0, 0.0, 8.0], [24.0, 0.0, 22.0]]
    assert [one["radius"] for one in told[:2]] == [2.5, 3.0]
    assert all(0 <= one["level"] < 0.95 for one in told)


def test_updates_have_the_states_and_variables_of_their_class():
    engine = busy_engine()
    kind = {entity["id"]: entity["type"] for entity in engine.entities.values()}
    for _ in range(300):
        engine.step()
        packet = engine.packet()
        kind.update({one["id"]: one["type"] for one in packet.get("entity_spawns", [])})
        for update in packet["entity_updates"]:
            assert set(update) == {"id", "state", "position", "velocity", "state_vars"}
            assert update["state"] in STATES[kind[update["id"]]]
            assert tuple(update["state_vars"]) == VARIABLES[kind[update["id"]]]
            for name, value in update["state_vars"].items():
                assert 0 <= value <= (1 if name != "age" else np.inf)
            assert update["position"][1] == update["velocity"][1] == 0.0
            assert 0 <= update["position"][0] <= 32
            assert 0 <= update["position"][2] <= 32


def test_following_spawns_and_removals_gives_the_entities():
    engine = busy_engine()
    known = {entity.id for entity in load_world("demo").entities}
    for _ in range(400):
        engine.step()
        packet = engine.packet()
        spawned = [one["id"] for one in packet.get("entity_spawns", [])]
        assert len(set(spawned)) == len(spawned)
        assert not known & set(spawned)
        known |= set(spawned)
        gone = packet.get("entity_removals", [])
        assert known.issuperset(gone)
        known -= set(gone)
        assert known == {one["id"] for one in packet["entity_updates"]}


def test_following_the_voxel_deltas_stays_within_the_threshold():
    engine = busy_engine()
    told = {name: layer.copy() for name, layer in engine.voxel_grid.items()}
    for _ in range(300):
        engine.step()
        for name, cells in engine.packet().get("voxel_deltas", {}).items():
            for place, value in cells.items():
                cell = tuple(int(part) for part in place.split(","))
                assert abs(told[name][cell] - value) > 0.05
                told[name][cell] = value
    for name, layer in engine.voxel_grid.items():
        assert np.abs(layer - told[name]).max() <= 0.05


def test_a_client_that_comes_late_is_told_what_it_missed():
    early, late = busy_engine(), busy_engine()
    born, gone = set(), set()
    for _ in range(200):
        early.step()
        late.step()
        packet = early.packet()
        born |= {one["id"] for one in packet.get("entity_spawns", [])}
        gone |= set(packet.get("entity_removals", []))
    packet = late.packet()
    assert {one["id"] for one in packet["entity_spawns"]} == born - gone
    assert set(packet["entity_removals"]) == gone - born


def test_the_killed_leave_the_packet_and_the_columns_at_once():
    engine = busy_engine()
    kills = 0
    for _ in range(600):
        engine.step()
        packet = engine.packet()
        present = {one["id"] for one in packet["entity_updates"]}
        assert present == set(engine.entities)
        victims = [e["target_id"] for e in packet.get("events", []) if e["type"] == "PREDATION"]
        assert not present & set(victims)
        assert set(victims) <= set(packet.get("entity_removals", []))
        kills += len(victims)
    assert kills > 5


def test_a_born_id_does_not_clash_with_a_stated_one():
    world = load_world("demo", parameters={"rates.reproduction": 4.0}).to_dict()
    for entity in world["entities"]:
        entity["id"] = f"rabbit_{216 + int(world['entities'].index(entity))}"
    engine = EcosystemEngine(world, seed=2)
    for _ in range(300):
        engine.step()
    assert len(engine.simulation.table.ids) > 230
    assert len(engine.entities) == int(engine.entity_columns().alive.sum())


@pytest.mark.parametrize("seed", [1, 2])
def test_events_tell_a_story_without_contradictions(seed):
    engine = busy_engine(seed)
    state = {name: one["state"] for name, one in engine.entities.items()}
    dead: set[str] = set()
    for _ in range(500):
        engine.step()
        for event in engine.packet().get("events", []):
            kind, source, target = event["type"], event["source_id"], event["target_id"]
            assert event["tick"] == engine.tick
            if kind == "RAIN":
                assert (source, target, event["position"]) == (None, None, None)
                assert 0 <= event["intensity"] <= 1
                continue
            assert source not in dead
            assert len(event["position"]) == 3
            if kind == "STATE_CHANGE":
                assert state.get(source, event["prev_state"]) == event["prev_state"]
                assert event["prev_state"] != event["new_state"]
                state[source] = event["new_state"]
            elif kind.startswith("DEATH_"):
                assert event["cause"]
                dead.add(source)
            elif kind == "PREDATION":
                assert target not in dead
                dead.add(target)
            elif kind in ("CONSUMPTION", "POLLINATION"):
                assert target is not None
        assert not dead & set(engine.entities)
        assert all(
            one["state"] == state.get(name, one["state"]) for name, one in engine.entities.items()
        )
