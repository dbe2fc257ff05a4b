"""The command ``ecosim``: parse, call the library, print.

Errors of the library are one line (or one line a mistake) on standard error, without a traceback.
Exit codes are those of :mod:`ecosim.batch.exit_codes` for every command.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import platform
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ecosim import __version__
from ecosim.batch.exit_codes import (
    EXIT_DONE,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_MISTAKE,
    EXIT_SOME_FAILED,
)
from ecosim.batch.options import BatchSettings, add_options, positive
from ecosim.errors import (
    EcosimError,
    EngineError,
    SpaceError,
    TelemetryConfigError,
    WorldError,
)
from ecosim.stopping import stopped_by_signals
from ecosim.telemetry_config import TelemetryConfig

_DEFAULT_TICKS: Final = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process when left out.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of a narrow encoding
    parser = _parser()
    try:
        arguments = parser.parse_args(words)
        code: int = arguments.handler(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_MISTAKE
    except (SpaceError, WorldError, EngineError, TelemetryConfigError) as error:
        _complain(error)
        return EXIT_MISTAKE
    except EcosimError as error:
        _complain(error)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; this command needs: "
              "pip install 'ecosim-telemetry[all]'", file=sys.stderr)  # fmt: skip
        return EXIT_ERROR
    except BrokenPipeError:
        # Whoever read the output has gone; there is nobody left to tell.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return EXIT_ERROR
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ecosim", description="Run ecosystem worlds, watch them, and vary them in batches."
    )
    parser.add_argument("--version", action="version", version=f"ecosim {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run one world and write its telemetry")
    run.add_argument("world", metavar="WORLD", help="world file or shipped name")
    run.add_argument("--ticks", type=positive, metavar="T", default=_DEFAULT_TICKS,
                     help="ticks to run (%(default)s)")  # fmt: skip
    run.add_argument("--seed", type=int, metavar="X", help="seed (the world's own, else drawn)")
    run.add_argument("--interval", type=positive, metavar="K",
                     help="ticks between samples (the world's own, else "
                     f"{TelemetryConfig.interval})")  # fmt: skip
    run.add_argument("--out", type=Path, metavar="DIR",
                     help="folder of the two files (the world's own, else "
                     f"{TelemetryConfig.output_dir})")  # fmt: skip
    run.add_argument("--set", action="append", type=_assignment, metavar="PATH=VALUE", default=[],
                     dest="parameters",
                     help="set a value of the world by dotted path; may be repeated")  # fmt: skip
    run.set_defaults(handler=_run)

    batch = commands.add_parser("batch", help="run a sampled parameter space of a world")
    add_options(batch)
    batch.set_defaults(handler=lambda arguments: _batch(arguments, batch))

    collect = commands.add_parser("collect", help="build the dataset of a batch from its runs")
    collect.add_argument("directory", type=Path, metavar="DIR", help="the batch folder")
    collect.set_defaults(handler=lambda arguments: _collect(arguments.directory))

    validate = commands.add_parser("validate", help="check a world file, every mistake at once")
    validate.add_argument("world", metavar="WORLD", help="world file or shipped name")
    validate.set_defaults(handler=_validate)

    info = commands.add_parser("info", help="versions, backend, shipped files and defaults")
    info.set_defaults(handler=_info)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.engine import EcosystemEngine
    from ecosim.engine.world import load_world
    from ecosim.telemetry import TelemetryEmitter

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        world = load_world(arguments.world, parameters=dict(arguments.parameters))
    _tell(caught)
    chosen = {"interval": arguments.interval, "output_dir": arguments.out}
    settings = {**(world.to_dict().get("telemetry") or {}), "enabled": True}
    settings |= {key: str(value) if key == "output_dir" else value
                 for key, value in chosen.items() if value is not None}  # fmt: skip
    engine = EcosystemEngine(world, seed=arguments.seed, telemetry=False)
    emitter = TelemetryEmitter(settings, parameters=dict(arguments.parameters))
    with emitter, stopped_by_signals() as stop:
        emitter.on_init(engine)
        while engine.tick < arguments.ticks and not stop.is_set():
            engine.step()
            emitter.on_tick()
        emitter.close("stopped" if stop.is_set() else "completed")
    print(f"{engine.tick} ticks of {arguments.world}, seed {engine.seed}")
    for path in emitter.paths:
        print(f"data: {path}")
    if stop.is_set():
        print("interrupted; the data up to here is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_DONE


def _batch(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    # Behind this are scipy and the executors, which the other commands do without.
    from ecosim.batch.command import run_command
    from ecosim.batch.layout import BatchLayout
    from ecosim.batch.plan import read_plan
    from ecosim.telemetry_parquet import load_pyarrow

    dataset = bool(importlib.util.find_spec("pyarrow"))
    if arguments.action is None and arguments.format is not None:
        dataset = "parquet" in arguments.format
        if dataset:
            load_pyarrow()
    code = run_command(arguments, parser)
    finished = arguments.action is None and code in (EXIT_DONE, EXIT_SOME_FAILED)
    # A shard is a part: the dataset is for the folder that the shards are merged into.
    if finished and dataset and read_plan(BatchLayout(arguments.out)).shard is None:
        _collect(arguments.out)
    return code


def _collect(folder: Path) -> int:
    from ecosim.datasets.collect import collect, dataset_folder

    collected = collect(folder)
    print(f"dataset: {dataset_folder(folder)}, {collected.runs} runs")
    for run_id, reason in collected.left_out.items():
        print(f"left out: {run_id}: {reason}")
    return EXIT_DONE


def _validate(arguments: argparse.Namespace) -> int:
    from ecosim.engine.world import load_world

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        world = load_world(arguments.world)
    _tell(caught)
    grid = " x ".join(map(str, world.environment.voxel_grid.dimensions))
    print(
        f"{arguments.world}: in order; {world.environment.biome}, "
        f"{len(world.species_definitions)} species, {len(world.entities)} entities, {grid} cells"
    )
    return 0


def _info(arguments: argparse.Namespace) -> int:
    from ecosim import telemetry

    print(f"ecosim {__version__}, Python {platform.python_version()} on {platform.platform()}")
    print(f"telemetry backend: {telemetry.BACKEND}")
    defaults = ("interval", "format", "ring_capacity", "on_full", "on_error")
    shown = ", ".join(f"{name} {getattr(TelemetryConfig, name)}" for name in defaults)
    print(f"telemetry defaults: {shown}")
    print(f"variables: {', '.join(TelemetryConfig.variables)}")
    if importlib.util.find_spec("pydantic") and importlib.util.find_spec("numpy"):
        from ecosim.engine.config import BIOMES
        from ecosim.engine.world import shipped_worlds

        print(f"worlds: {', '.join(shipped_worlds())}")
        print(f"biomes: {', '.join(BIOMES)}")
    if importlib.util.find_spec("scipy"):
        from ecosim.batch.plan import software_versions
        from ecosim.batch.space import shipped_spaces

        settings = BatchSettings()
        names = ("world", "space", "sampler", "n", "ticks", "seed", "seed_mode", "engine")
        print(f"spaces: {', '.join(shipped_spaces())}")
        print("batch defaults: " + ", ".join(f"{name} {getattr(settings, name)}" for name in names))
        versions = software_versions()
        print("packages: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    return 0


def _complain(error: EcosimError) -> None:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)


def _tell(caught: list[warnings.WarningMessage]) -> None:
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)


def _assignment(text: str) -> tuple[str, Any]:
    """Return the path and value of ``path=value``; what is not JSON is a string."""
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise argparse.ArgumentTypeError(f"expected PATH=VALUE, got {text!r}")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value
