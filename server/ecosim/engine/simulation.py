"""The whole state of one run, which the phases read and change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ecosim.engine.arrays import FloatArray, IntArray
from ecosim.engine.config import BIOMES
from ecosim.engine.phases.climate import light_and_temperature
from ecosim.engine.phases.codes import FLEEING, HUNTING
from ecosim.engine.phases.movement import SPEED_FACTOR
from ecosim.engine.phases.plants import shade
from ecosim.engine.placement import Layout
from ecosim.engine.population import founder_rows
from ecosim.engine.randomness import Streams
from ecosim.engine.species import STATE_NAMES, SpeciesTable
from ecosim.engine.state import Table
from ecosim.engine.voxels import Soil
from ecosim.engine.world_models import WaterSource, World
from ecosim.telemetry_backend import choose

#: Edge of the neighbourhoods in which crowding is counted, u.
_BLOCK: Final = 8.0
#: Width of the ground beside a pond that its water reaches, u.
_BANK: Final = 3.0


class WaterSources:
    """The ponds: arrays of shape (n_sources,); ``level`` is 0 when dry and 1 when full.

    ``radius`` is that of the full pond.
    """

    def __init__(self, sources: tuple[WaterSource, ...], soil: Soil) -> None:
        self.x: FloatArray = np.array([one.position[0] for one in sources], dtype=np.float64)
        self.y = [one.position[1] for one in sources]
        self.z: FloatArray = np.array([one.position[2] for one in sources], dtype=np.float64)
        self.radius: FloatArray = np.array([one.radius for one in sources], dtype=np.float64)
        self.level: FloatArray = np.ones(len(sources))
        #: For each column the pond that wets it most, and how much: 1 in the full pond, 0 where
        #: its banks end.
        self._pond_of: IntArray = np.zeros(soil.n_columns, np.intp)
        self._wetted: FloatArray = np.zeros(soil.n_columns)
        self._find_banks(soil)

    def _find_banks(self, soil: Soil) -> None:
        nx, _, nz = soil.dimensions
        wetted, pond_of = soil.as_map(self._wetted), self._pond_of.reshape(nx, nz)
        x, z = ((np.arange(n) + 0.5) * soil.cell_size for n in (nx, nz))
        for pond, radius in enumerate(self.radius.tolist()):
            away_x, away_z = np.abs(x - self.x[pond]), np.abs(z - self.z[pond])
            near = np.ix_(away_x < radius + _BANK, away_z < radius + _BANK)
            distance = np.hypot(away_x[near[0]], away_z[near[1]])
            share = np.clip(1 - (distance - radius) / _BANK, 0.0, 1.0)
            closer = share > wetted[near]
            wetted[near] = np.where(closer, share, wetted[near])
            pond_of[near] = np.where(closer, pond, pond_of[near])

    def at_banks(self) -> FloatArray:
        """Return how much water stands at or beside each column, 0..1."""
        return self.level.take(self._pond_of) * self._wetted

    def shore(self) -> FloatArray:
        """Return the radii at the present levels, u: the surface of a bowl shrinks with them."""
        radius: FloatArray = self.radius * np.sqrt(self.level)
        return radius


class Simulation:
    """One run: its world, clock, weather, entities, soil, random streams and events.

    Parameters
    ----------
    world : World
    layout : Layout
        The entities and ponds it starts with.
    streams : Streams

    Attributes
    ----------
    tick, time : int, float
        Ticks completed, and their model time in s. During a step they are those of its end.
    light : float
        Present light, 0..1.
    temperature : float
        Present air temperature, C.
    rainfall : float
        Rainfall index of the season, 0..1.
    pool : float
        Nutrients held by all consumers together, in cells.
    cover : ndarray of shape (n_columns,)
        Growth of plants other than trees per u2.
    shade : ndarray of shape (n_columns,)
        Share of the light that canopies take.
    """

    def __init__(self, world: World, layout: Layout, streams: Streams) -> None:
        self.world = world
        self.config = world.sim_config
        self.rates = world.rates
        self.biome = BIOMES[world.environment.biome]
        self.climate = world.environment.climate
        self.streams = streams
        grid = world.environment.voxel_grid
        self.extent = (grid.dimensions[0] * grid.cell_size, grid.dimensions[2] * grid.cell_size)
        self.cell_area = grid.cell_size**2

        self.tick = 0
        self.time = 0.0
        self.light = 0.0
        self.temperature = 0.0
        self.rainfall = 0.0
        self.storm_until = 0.0
        self.storm_intensity = 0.0
        #: Rain since the last water step, intensity x s.
        self.rain_depth = 0.0
        #: Intensity of a storm that a client asked for and that has not begun.
        self.rain_asked: float | None = None
        self.pool = 0.0

        self.species = SpeciesTable(world)
        self.soil = Soil(world, streams.start)
        self.sources = WaterSources(layout.water_sources, self.soil)
        self.table = Table(self.species)
        self.table.add(founder_rows(self.config, self.species, layout.entities, streams.start))
        #: Most worlds are flat, and one number for all is cheaper to hand on.
        self._has_heights = any(one.position[1] for one in layout.entities)
        self.event_table = choose().event_table(
            self.table.ids, species_names=self.species.names, state_names=STATE_NAMES
        )
        self.event_table.begin_tick(0)
        #: Largest position, as a column (x, z) that limits the position block of the table.
        self.far_corner: FloatArray = np.array(self.extent)[:, None]
        self.speed_factor = SPEED_FACTOR.copy()
        self.speed_factor[HUNTING] = self.config.movement.hunt_factor
        self.speed_factor[FLEEING] = self.config.movement.flee_factor
        #: Rows with a goal, the goals, and the distances left, as the last steering found them.
        self.pursuit: tuple[IntArray, IntArray, FloatArray] = (
            np.empty(0, np.intp),
            np.empty(0, np.intp),
            np.empty(0),
        )
        self.cover: FloatArray = np.zeros(self.soil.n_columns)
        self.shade: FloatArray = np.zeros(self.soil.n_columns)
        self.plant_column: IntArray = np.empty(0, np.intp)
        self.microbe_column: IntArray = np.empty(0, np.intp)
        self._blocks = (
            math.ceil(self.extent[0] / _BLOCK),
            math.ceil(self.extent[1] / _BLOCK),
        )
        self.flush()
        self.measure_cover()
        light_and_temperature(self, 0.0)
        shade(self, 0.0)

    @property
    def is_raining(self) -> bool:
        """Whether a storm is under way."""
        return self.time < self.storm_until

    @property
    def room(self) -> int:
        """How many may still be born: a guard against worlds that would fill the memory."""
        occupied = len(self.table) + self.table.n_waiting
        return max(0, self.config.lifecycle.max_entities - occupied)

    @property
    def is_night(self) -> bool:
        """Whether it is too dark for most animals to be about."""
        return self.light < 0.12 * self.climate.light_level

    def flush(self) -> None:
        """Drop dead rows and sort in newborn ones; find the cells of what does not move."""
        table = self.table
        if not table.flush():
            return
        rooted = slice(table.n_mobile, table.n_plant_end)
        self.plant_column = self.soil.column(table.x[rooted], table.z[rooted])
        microbes = slice(table.n_plant_end, table.n_living)
        self.microbe_column = self.soil.column(table.x[microbes], table.z[microbes])
        self._bind_events()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._bind_events()

    def _bind_events(self) -> None:
        """Tell the table of events which arrays the entities are in now."""
        table = self.table
        self.event_table.bind(
            entity=table.uid,
            species=table.species,
            state=table.state,
            x=table.x,
            y=table.y if self._has_heights else 0.0,
            z=table.z,
        )

    def measure_cover(self) -> None:
        """Redraw the map of the growth of plants other than trees."""
        table = self.table
        rows = slice(table.n_tree_end, table.n_plant_end)
        column = self.plant_column[table.n_tree_end - table.n_mobile :]
        cover = np.bincount(column, weights=table.growth[rows], minlength=self.soil.n_columns)
        self.cover = cover / self.cell_area

    def crowding(self, rows: slice | IntArray) -> FloatArray:
        """Return how full the world and the neighbourhood are for mobile rows; 1 is the reference.

        A row counts as long as it is in the table, so the dead of the last ticks are included.
        """
        table, species = self.table, self.species
        mobile = slice(0, table.n_mobile)
        codes = table.mobile_species
        n_blocks = self._blocks[0] * self._blocks[1]
        block = (table.x[mobile] / _BLOCK).astype(np.intp) * self._blocks[1]
        block += (table.z[mobile] / _BLOCK).astype(np.intp)
        np.minimum(block, n_blocks - 1, out=block)
        key = codes * n_blocks + block
        in_block = np.bincount(key, minlength=len(species.names) * n_blocks)
        reference = species.reference_count
        chosen = codes[rows]
        local = (in_block[key[rows]] - 1) * n_blocks / reference[chosen]
        overall = (table.counts / np.where(reference > 0, reference, np.inf))[chosen]
        share = self.config.reproduction.local_share
        total: FloatArray = share * local + (1 - share) * overall
        return total

    def emit(
        self,
        event_type: str,
        rows: IntArray,
        target: IntArray | None = None,
        **extra: tuple[IntArray, Sequence[str]],
    ) -> None:
        """Record events whose sources (and targets) are rows of the table.

        Parameters
        ----------
        **extra : tuple of (ndarray of shape (n,), sequence of str)
            Further keys of the events, as codes and what they stand for.
        """
        self.event_table.add(event_type, rows, target, extra or None)

    def change_state(self, rows: IntArray, new: IntArray) -> None:
        """Put rows into new states: clears targets, notes the time, records the changes."""
        table = self.table
        self.event_table.add_changes(rows, new)
        table.state[rows] = new
        table.since[rows] = self.time
        table.target[rows] = -1

    def ledger(self) -> dict[str, float]:
        """Return the account of nutrients, in cells: what is where, what came in, what went out.

        ``balance`` = cells + plants + pool + leached + overflow - deposited; it stays what it was
        at the start, to rounding.
        """
        table, soil = self.table, self.soil
        held = slice(table.n_mobile, table.n_plant_end)
        alive = table.alive[held]
        content = (table.growth[held] + 0.5 * table.store[held]) * self.species.nutrients[
            table.plant_species
        ]
        account = {
            "cells": soil.total(),
            "plants": float(content[alive].sum()),
            "pool": self.pool,
            "deposited": soil.deposited,
            "leached": soil.leached,
            "overflow": soil.overflow,
        }
        account["balance"] = (
            sum(account[key] for key in ("cells", "plants", "pool", "leached", "overflow"))
            - soil.deposited
        )
        return account
