"""Engines that compute a function with known sensitivity indices, and nothing else.

Each is named to a batch as ``known_functions:ishigami`` or ``known_functions:g_function``, with
this folder where Python looks for modules. An entity carries the function's value as its
``energy``; the parameters are numbers of a world that lie in 0..1.

Sources: Ishigami & Homma (1990) with a = 7, b = 0.1; Saltelli & Sobol (1995) for the g-function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

#: The outcome of every function, as a query.
QUERY = "SELECT run_id, max(energy_mean) AS value FROM species WHERE tick = 1 GROUP BY run_id"

#: The smallest world that loads: nobody lives in it.
WORLD: dict[str, Any] = {
    "species_definitions": [],
    "telemetry": {"events": False, "variables": ["energy"]},
}

#: How much each input of the g-function matters: less, the greater its number.
_G_NUMBERS = (0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0)


class Function(NamedTuple):
    """A function of inputs in 0..1.

    Attributes
    ----------
    name : str
        Also the name of its engine in this module.
    paths : tuple of str
        The numbers of a world that its inputs are.
    value : callable
        Takes the inputs.
    first, total : tuple of float
        Its first-order and total effects, one an input.
    """

    name: str
    paths: tuple[str, ...]
    value: Callable[[Sequence[float]], float]
    first: tuple[float, ...]
    total: tuple[float, ...]

    def space(self) -> dict[str, Any]:
        """Return its inputs as a space."""
        return {"names": list(self.paths), "bounds": [[0.0, 1.0]] * len(self.paths)}


def _ishigami(inputs: Sequence[float]) -> float:
    x, y, z = (math.pi * (2 * value - 1) for value in inputs)
    return math.sin(x) + 7 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x)


def _g_function(inputs: Sequence[float]) -> float:
    return math.prod(
        (abs(4 * value - 2) + number) / (1 + number)
        for value, number in zip(inputs, _G_NUMBERS, strict=True)
    )


def _g_effects() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the first-order and total effects of the g-function, from its partial variances."""
    parts = [1 / (3 * (1 + number) ** 2) for number in _G_NUMBERS]
    product = math.prod(1 + part for part in parts)
    variance = product - 1
    first = tuple(part / variance for part in parts)
    total = tuple(part * product / (1 + part) / variance for part in parts)
    return first, total


_CLIMATE = tuple(f"environment.climate.{name}" for name in ("humidity", "rainfall", "light_level"))
_SOIL = ("nitrogen", "phosphorus", "potassium", "moisture", "organic_matter")

ISHIGAMI = Function(
    "ishigami", _CLIMATE, _ishigami, (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
)
G_FUNCTION = Function(
    "g_function",
    _CLIMATE + tuple(f"environment.soil.{name}" for name in _SOIL),
    _g_function,
    *_g_effects(),
)


class FunctionEngine:
    """A host with one entity, whose energy is the function's value."""

    def __init__(self, function: Function, world: dict[str, Any]) -> None:
        inputs = []
        for path in function.paths:
            value: Any = world
            for key in path.split("."):
                value = value[key]
            inputs.append(value)
        self.world = world
        self.tick = 0
        self.events: list[dict[str, Any]] = []
        self.entities = {
            "probe": {
                "species": "probe",
                "state": "IDLE",
                "state_vars": {"energy": function.value(inputs)},
            }
        }

    def step(self) -> None:
        """Let a tick pass; nothing changes."""
        self.tick += 1


def ishigami(world: dict[str, Any], *, seed: int) -> FunctionEngine:
    """Make an engine of the Ishigami function."""
    return FunctionEngine(ISHIGAMI, world)


def g_function(world: dict[str, Any], *, seed: int) -> FunctionEngine:
    """Make an engine of the g-function."""
    return FunctionEngine(G_FUNCTION, world)
