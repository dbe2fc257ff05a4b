"""``ecosim run``: one world, its telemetry in two files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final, Literal

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_INTERRUPTED
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options, warnings_as_lines
from ecosim.commands.values import assignment, positive, seed
from ecosim.telemetry_config import FORMATS, TelemetryConfig

_DEFAULT_TICKS: Final = 1000


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("world", metavar="WORLD", help="world file or shipped name")
    parser.add_argument("--ticks", type=positive, metavar="T", default=_DEFAULT_TICKS,
                        help="ticks to run (%(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=seed, metavar="X",
                        help="seed (the world's own, else drawn)")  # fmt: skip
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
                        help="set a value of the world by its dotted path; repeatable")  # fmt: skip
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
    from ecosim.engine import EcosystemEngine
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
    engine = EcosystemEngine(world, seed=arguments.seed, telemetry=False)
    emitter = TelemetryEmitter(settings, parameters=dict(arguments.parameters))
    with (
        emitter,
        stopped_by_signals() as stop,
        progress(sys.stderr, "ticks", quiet=output.quiet) as advanced,
    ):
        emitter.on_init(engine)
        while engine.tick < arguments.ticks and not stop.is_set():
            engine.step()
            emitter.on_tick()
            advanced(engine.tick, arguments.ticks)
        status: Literal["stopped", "completed"] = "stopped" if stop.is_set() else "completed"
        emitter.close(status)
    output.line(f"{engine.tick} ticks of {arguments.world}, seed {engine.seed}")
    for path in emitter.paths:
        output.line(f"data: {path}")
    output.document(
        {
            "run_id": emitter.run_id,
            "world": arguments.world,
            "seed": engine.seed,
            "ticks": engine.tick,
            "interval": emitter.config.interval,
            "status": status,
            "files": [str(path) for path in emitter.paths],
        }
    )
    if status == "stopped":
        print("interrupted; the data up to here is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_DONE


COMMAND: Final = Command(
    name="run",
    help="run one world and write its telemetry",
    examples=(
        "ecosim run demo --ticks 1000 --out out/one",
        "ecosim run demo --seed 7 --set rates.hunger=1.5 --set environment.biome=DESERT",
        "ecosim run my_world.json --json --quiet",
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
