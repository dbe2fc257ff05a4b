"""``ecosim run``: one world, its telemetry in two files."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_INTERRUPTED
from ecosim.batch.options import DEFAULT_ENGINE
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options, warnings_as_lines
from ecosim.commands.values import assignment, positive, seed
from ecosim.errors import BatchError, EcosimError, EngineError
from ecosim.telemetry_config import FORMATS, TelemetryConfig

if TYPE_CHECKING:
    from ecosim.engine.world_models import World

_DEFAULT_TICKS: Final = 1000


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("world", metavar="WORLD", help="world file or shipped name")
    parser.add_argument("--ticks", type=positive, metavar="T", default=_DEFAULT_TICKS,
                        help="ticks to run (%(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=seed, metavar="X",
                        help="seed (the world's own, else drawn)")  # fmt: skip
    parser.add_argument("--engine", metavar="MODULE:CALLABLE", default=DEFAULT_ENGINE,
                        help="make(world: dict, *, seed: int) -> engine (%(default)s)")  # fmt: skip
    parser.add_argument("--interval", type=positive, metavar="K",
                        help="ticks between samples (the world's own, else "
                        f"{TelemetryConfig.interval})")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="folder of the files (the world's own, else "
                        f"{TelemetryConfig.output_dir})")  # fmt: skip
    parser.add_argument("--format", type=_formats, metavar="FORMATS",
                        help=f"{FORMATS[0]}: lines of JSON; {FORMATS[1]}: tables; or both with a "
                        "comma (the world's own, else "
                        f"{TelemetryConfig.format})")  # fmt: skip
    parser.add_argument("--set", action="append", type=assignment, metavar="PATH=VALUE",
                        default=[], dest="parameters",
                        help="set a value of the world by its dotted path; may be "
                        "repeated")  # fmt: skip
    add_output_options(parser)


def _formats(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(FORMATS):
        raise argparse.ArgumentTypeError(
            f"expected {' or '.join(FORMATS)}, or both with a comma, got {text}"
        )
    return names


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.commands.progress import progress
    from ecosim.engine.randomness import choose_seed
    from ecosim.engine.world import load_world
    from ecosim.stopping import stopped_by_signals
    from ecosim.telemetry import TelemetryEmitter

    output = Output(arguments)
    with warnings_as_lines():
        world = load_world(arguments.world, parameters=dict(arguments.parameters))
    chosen = {
        "interval": arguments.interval,
        "output_dir": arguments.out,
        "format": arguments.format,
    }
    settings = {**(world.to_dict().get("telemetry") or {}), "enabled": True}
    settings |= {key: str(value) if key == "output_dir" else value
                 for key, value in chosen.items() if value is not None}  # fmt: skip
    seed_in_use = choose_seed(arguments.seed, world.seed)
    engine = _make_engine(arguments.engine, world, seed_in_use)
    emitter = TelemetryEmitter(settings, parameters=dict(arguments.parameters))
    with (
        emitter,
        stopped_by_signals() as stop,
        progress(sys.stderr, "ticks", quiet=output.quiet) as advanced,
    ):
        with warnings_as_lines():
            emitter.on_init(engine)
        done = 0
        while done < arguments.ticks and not stop.is_set():
            emitter.on_tick(_step(arguments.engine, engine))
            done += 1
            advanced(done, arguments.ticks)
        status: Literal["stopped", "completed"] = "stopped" if stop.is_set() else "completed"
        emitter.close(status)
    output.line(f"{done} ticks of {arguments.world}, seed {seed_in_use}")
    for path in emitter.paths:
        output.line(f"data: {path}")
    output.document(
        {
            "run_id": emitter.run_id,
            "world": arguments.world,
            "seed": seed_in_use,
            "ticks": done,
            "interval": emitter.config.interval,
            "status": status,
            "files": [str(path) for path in emitter.paths],
        }
    )
    if status == "stopped":
        print("interrupted; the data up to here is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_DONE


def _make_engine(name: str, world: World, seed_in_use: int) -> Any:
    """Return the engine of the run: ours, or one that ``MODULE:CALLABLE`` makes."""
    if name == DEFAULT_ENGINE:
        from ecosim.engine import EcosystemEngine

        return EcosystemEngine(world, seed=seed_in_use, telemetry=False)
    from ecosim.batch.factory import load_factory, make_engine

    definition = world.to_dict() | {"seed": seed_in_use}
    definition.pop("telemetry", None)
    factory = load_factory(name)
    try:
        return make_engine(factory, name, definition, seed_in_use)
    except EcosimError:
        raise
    except Exception as error:
        raise EngineError(
            f"--engine {name}: expected an engine for this world, {type(error).__name__}: {error}"
        ) from error


def _step(name: str, engine: Any) -> Any:
    """Return what the emitter is to be told of the next tick."""
    try:
        packet = engine.step()
    except Exception as error:
        if name == DEFAULT_ENGINE:
            raise
        # Whoever wrote the engine wants to know where it went wrong.
        trace = traceback.format_exc().rstrip()
        raise BatchError(
            f"--engine {name}: a step failed, {type(error).__name__}: {error}\n{trace}"
        ) from error
    # The host interface leaves open what else a step returns.
    return packet if isinstance(packet, Mapping | list | tuple) else None


COMMAND: Final = Command(
    name="run",
    help="run one world and write its telemetry",
    examples=(
        "ecosim run demo --ticks 1000 --out out/one",
        "ecosim run demo --seed 7 --set rates.hunger=1.5 --set environment.biome=DESERT",
        "ecosim run my_world.json --engine my_engine:make --json --quiet",
    ),
    add_options=_add_options,
    run=_run,
    json_keys={
        "run_id": "names the files",
        "world": "as it was given",
        "seed": "the seed in use",
        "ticks": "ticks done",
        "interval": "ticks between samples",
        "status": "`completed` or `stopped`",
        "files": "the files that were written",
    },
)
