"""``ecosim serve``: one world, live, on a page and for programs."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from pathlib import Path
from typing import Any, Final

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED
from ecosim.commands.command import Command
from ecosim.commands.output import warnings_as_lines
from ecosim.commands.values import assignment, positive, seed
from ecosim.telemetry_config import TelemetryConfig
from ecosim.viewer.limits import DEFAULT_HOST, DEFAULT_PORT, DEFAULT_RATE, HIGHEST_RATE

_HIGHEST_PORT: Final = 65535


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("world", metavar="WORLD", help="world file or shipped name")
    parser.add_argument("--host", metavar="ADDR", default=DEFAULT_HOST,
                        help="address to listen on; anything but loopback can be reached by "
                        "others (%(default)s)")  # fmt: skip
    parser.add_argument("--port", type=_port, metavar="P", default=DEFAULT_PORT,
                        help="port; 0 takes a free one (%(default)s)")  # fmt: skip
    parser.add_argument(
        "--rate",
        type=_rate,
        metavar="R",
        default=DEFAULT_RATE,
        help=f"ticks a second, at most {HIGHEST_RATE:g} ({DEFAULT_RATE:g})",
    )
    parser.add_argument("--ticks", type=positive, metavar="T",
                        help="end the run after T ticks; without it the run goes on")  # fmt: skip
    parser.add_argument("--seed", type=seed, metavar="X",
                        help="seed (the world's own, else drawn)")  # fmt: skip
    parser.add_argument("--interval", type=positive, metavar="K",
                        help="ticks between samples (the world's own, else "
                        f"{TelemetryConfig.interval})")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="folder of the telemetry files (the world's own, else "
                        f"{TelemetryConfig.output_dir})")  # fmt: skip
    parser.add_argument("--set", action="append", type=assignment, metavar="PATH=VALUE",
                        default=[], dest="parameters", help="set a value of the world by "
                        "dotted path; may be repeated")  # fmt: skip
    parser.add_argument("--no-telemetry", action="store_true", help="write no telemetry")
    parser.add_argument("--paused", action="store_true",
                        help="wait for 'resume' before the first tick")  # fmt: skip
    parser.add_argument("--allow-origin", action="append", type=_origin, metavar="ORIGIN",
                        default=[], dest="allowed_origins",
                        help="a page from elsewhere that may connect, such as "
                        "http://localhost:3000; may be repeated")  # fmt: skip
    parser.add_argument("--quiet", action="store_true",
                        help="print the address, warnings and errors only")  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.engine.world import load_world
    from ecosim.stopping import stopped_by_signals
    from ecosim.viewer.launch import LiveSettings, serve_world
    from ecosim.viewer.server import open_socket

    with warnings_as_lines():
        world = load_world(arguments.world, parameters=dict(arguments.parameters))
    settings = LiveSettings(
        name=arguments.world,
        host=arguments.host,
        rate=arguments.rate,
        ticks=arguments.ticks,
        seed=arguments.seed,
        telemetry=None if arguments.no_telemetry else _telemetry(arguments, world.telemetry),
        parameters=dict(arguments.parameters),
        paused=arguments.paused,
        allowed_origins=tuple(arguments.allowed_origins),
    )
    try:
        listener = open_socket(arguments.host, arguments.port)
    except OSError as error:
        print(f"error: {arguments.host}:{arguments.port}: could not listen: {error.strerror}; "
              "choose another --port (0 takes a free one) or --host", file=sys.stderr)  # fmt: skip
        return EXIT_ERROR

    def listening(address: str, seed: int) -> None:
        rest = "" if arguments.quiet else f" shows {arguments.world}, seed {seed}"
        print(f"{address}{rest}", flush=True)

    def log(line: str) -> None:
        if not arguments.quiet:
            print(line, file=sys.stderr, flush=True)

    with listener, stopped_by_signals() as stop, warnings.catch_warnings():
        warnings.showwarning = _show_warning
        outcome = serve_world(world, listener, settings, stop=stop, listening=listening, log=log)
    if outcome.status == "failed":
        print(f"error: the run failed at tick {outcome.ticks}: {outcome.error}", file=sys.stderr)
        return EXIT_ERROR
    if not arguments.quiet:
        print(f"{outcome.ticks} ticks of {arguments.world}, seed {outcome.seed}")
        for path in outcome.paths:
            print(f"data: {path}")
    if outcome.interrupted and outcome.status == "stopped":
        print("interrupted; the data up to here is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_DONE


def _telemetry(arguments: argparse.Namespace, block: Any) -> dict[str, Any]:
    """Return the world's telemetry settings with what the options say instead."""
    settings = dict(block or {})
    if arguments.interval is not None:
        settings["interval"] = arguments.interval
    if arguments.out is not None:
        settings["output_dir"] = str(arguments.out)
    return settings


def _show_warning(message: Warning | str, *place: Any, **more: Any) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(
            f"expected an integer from 0 to {_HIGHEST_PORT}, got {text}"
        )
    return port


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= HIGHEST_RATE:
        raise argparse.ArgumentTypeError(
            f"expected ticks a second above 0 and at most {HIGHEST_RATE:g}, got {text}"
        )
    return rate


def _origin(text: str) -> str:
    from ecosim.viewer.guards import normal_origin

    origin = normal_origin(text)
    if origin is None:
        raise argparse.ArgumentTypeError(
            f"expected an origin such as http://localhost:3000, got {text!r}"
        )
    return origin


COMMAND: Final = Command(
    name="serve",
    help="run one world live and show it on a page",
    examples=(
        "ecosim serve demo",
        "ecosim serve demo --rate 50 --seed 7 --out out/live",
        "ecosim serve my_world.json --port 0 --paused --no-telemetry",
    ),
    add_options=_add_options,
    run=_run,
)
