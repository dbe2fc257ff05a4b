"""For authors of host engines: prove that an engine fits before a run depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_backend import choose
from ecosim.telemetry_config import DEFAULT_VARIABLES
from ecosim.telemetry_errors import HostError
from ecosim.telemetry_host import VOXEL_LAYERS, HostView
from ecosim.telemetry_values import depth_bands, describe, float_buffer, plain, plain_seed

#: Problems of one kind beyond this many are counted, not listed.
_LISTED: Final = 10


def check_host(
    engine: Any, *, variables: Iterable[str] = DEFAULT_VARIABLES, ticks: int = 0
) -> list[str]:
    """Return what of an engine does not fit the host interface, in words.

    Parameters
    ----------
    engine : object
        Ready for its first tick. It is only read, unless ``ticks`` says otherwise.
    variables : iterable of str
        State variables the telemetry will aggregate.
    ticks : int
        How often to call ``engine.step()`` and look again.

    Returns
    -------
    list of str
        One line per problem: where, what was expected, what came. Empty for an engine that fits.
    """
    found = list(_check_state(engine, tuple(variables)))
    if found:
        return found
    versions = _VersionCheck(engine)
    host = HostView(engine)
    for _ in range(ticks):
        found = (
            list(_check_step(engine, tuple(variables)))
            or list(_attempt(host.check_same_table))
            or list(_check_event_table(engine))
            or list(versions.look())
        )
        if found:
            break
    return found


def _check_state(engine: Any, variables: tuple[str, ...]) -> Iterator[str]:
    """Yield the problems of what the engine shows now."""
    try:
        host = HostView(engine)
    except Exception as error:
        yield _words(error)
        return
    core = _core(variables)
    if host.has_tick:
        yield from _attempt(host.tick)
    world = getattr(engine, "world", None)
    if world is not None and not isinstance(world, Mapping):
        yield f"host.world: expected a mapping, got {describe(world)}"
    yield from _attempt(plain, host.world(), "host.world")
    yield from _attempt(plain_seed, host.seed(), "host.seed")
    yield from _check_entities(host, core)
    yield from _check_layers(host, core)
    if host.event_table is None:
        yield from _attempt(core.record_events, host.events(), host.entities_by_id)


def _check_entities(host: HostView, core: AggregateCore) -> Iterator[str]:
    """Yield the problems of the entities, one by one where they are dicts."""
    try:
        columns = host.columns()
        if columns is not None:
            core.read_columns(columns)
            return
        entities = host.entities()
        pairs = list(entities.items() if isinstance(entities, Mapping) else enumerate(entities))
    except Exception as error:
        yield _words(error)
        return
    faulty = [
        problem for key, entity in pairs for problem in _attempt(core.read_entities, {key: entity})
    ]
    yield from faulty[:_LISTED]
    if len(faulty) > _LISTED:
        yield f"entities: {len(faulty) - _LISTED} more with problems"


def _check_layers(host: HostView, core: AggregateCore) -> Iterator[str]:
    """Yield the problems of each voxel layer."""
    try:
        dimensions = host.dimensions()
    except Exception as error:
        yield _words(error)
        return
    grid = host.grid()
    if not host.layers and grid is not None and not isinstance(grid, Mapping):
        yield (
            "voxel_grid: expected layers, got none; a grid to walk lists those it has in 'layers', "
            f"unless they are among {', '.join(VOXEL_LAYERS)}"
        )
    try:
        versions = host.voxel_versions()
    except Exception as error:
        yield _words(error)
        return
    for layer in versions:
        if layer not in host.layers:
            known = ", ".join(host.layers) or "none"
            yield f"voxel_versions: expected layers of the grid ({known}), got {layer!r}"
    for layer in host.layers:
        yield from _attempt(core.read_layers, (layer,), grid, dimensions, versions)


def _check_step(engine: Any, variables: tuple[str, ...]) -> Iterator[str]:
    """Step the engine once, and yield the problems of the tick and of the state after it."""
    before = getattr(engine, "tick", None)
    step = getattr(engine, "step", None)
    if not callable(step):
        yield f"host.step: expected a method, got {describe(step)}"
        return
    try:
        packet = step()
    except Exception as error:
        yield f"host.step(): {type(error).__name__}: {error}"
        return
    # Anything but a packet or a list of events is what a batch would pass over as well.
    events = packet.get("events") if isinstance(packet, Mapping) else packet
    if events is not None and isinstance(packet, (Mapping, list, tuple)):
        yield from _attempt(_core(variables).record_events, events, None)
    if before is None:
        if not isinstance(packet, Mapping) or "tick" not in packet:
            yield "tick: expected host.tick, or a packet with 'tick' from host.step(), got neither"
    elif engine.tick <= before:
        yield f"host.tick: expected more than {before} after a step, got {describe(engine.tick)}"
    yield from _check_state(engine, variables)


def _check_event_table(engine: Any) -> Iterator[str]:
    """Yield the problems of what an engine's event table has of the tick just done."""
    host = HostView(engine)
    if host.event_table is None:
        return
    core = _core(())
    try:
        tick = host.tick()
        host.event_table.check_ticks(tick - 1, tick, every=False)
        core.record_table(host.event_table, tick - 1, tick)
    except Exception as error:
        yield _words(error)


class _VersionCheck:
    """Copies of an engine's dense layers, to see whether what has a version changed without it."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.steps = 0
        #: By layer and band (first depth, end): the version, and the cells.
        self.seen = self._look()

    def look(self) -> Iterator[str]:
        """Yield the bands that changed in the step just done although their versions did not."""
        before, self.seen = self.seen, self._look()
        self.steps += 1
        for (layer, start, end), (version, cells) in self.seen.items():
            known, held = before.get((layer, start, end), (None, cells))
            if version == known and cells != held:
                tick = getattr(self.engine, "tick", self.steps)
                yield (
                    f"voxel_versions[{layer!r}]: expected another version of depths {start} to "
                    f"{end - 1}, which changed at tick {tick}, got {version} again"
                )

    def _look(self) -> dict[tuple[str, int, int], tuple[int, list[bytes]]]:
        host = HostView(self.engine)
        versions, dimensions, grid = host.voxel_versions(), host.dimensions(), host.grid()
        seen = {}
        for layer in host.layers:
            if layer not in versions or dimensions is None or not isinstance(grid, Mapping):
                continue
            nx, ny, nz = dimensions
            cells = float_buffer(grid[layer], nx * ny * nz, f"voxel_grid[{layer!r}]")
            start = 0
            for end, version in depth_bands(versions[layer], ny, f"voxel_versions[{layer!r}]"):
                rows = [
                    cells[(x * ny + start) * nz : (x * ny + end) * nz].tobytes() for x in range(nx)
                ]
                seen[layer, start, end] = version, rows
                start = end
        return seen


def _core(variables: tuple[str, ...]) -> AggregateCore:
    """Return a core as runs use it here: the live one."""
    return choose().core("check", variables)


def _attempt(read: Callable[..., object], *args: Any) -> Iterator[str]:
    """Yield the problem that reading meets, if any."""
    try:
        read(*args)
    except Exception as error:
        yield _words(error)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, HostError) else f"{type(error).__name__}: {error}"
