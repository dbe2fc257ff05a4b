"""``ecosim info``: what is installed, shipped, and taken when nothing else is said."""

from __future__ import annotations

import argparse
import importlib.util
import platform
from dataclasses import fields
from typing import Any, Final

from ecosim import __version__
from ecosim.batch.exit_codes import EXIT_DONE
from ecosim.batch.options import BatchSettings
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options
from ecosim.telemetry_config import TelemetryConfig

_BATCH_DEFAULTS: Final = ("world", "space", "sampler", "n", "ticks", "seed", "seed_mode", "engine")


def _run(arguments: argparse.Namespace) -> int:
    from ecosim import telemetry

    told: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": telemetry.BACKEND,
        "telemetry_defaults": {
            field.name: getattr(TelemetryConfig, field.name) for field in fields(TelemetryConfig)
        },
        "worlds": [],
        "biomes": [],
        "spaces": [],
        "batch_defaults": {},
        "packages": {},
    }
    # What is not installed has nothing to tell.
    if importlib.util.find_spec("pydantic") and importlib.util.find_spec("numpy"):
        from ecosim.engine.config import BIOMES
        from ecosim.engine.world import shipped_worlds

        told |= {"worlds": list(shipped_worlds()), "biomes": list(BIOMES)}
        if importlib.util.find_spec("scipy"):
            from ecosim.batch.plan import software_versions
            from ecosim.batch.space import shipped_spaces

            settings = BatchSettings()
            told["spaces"] = list(shipped_spaces())
            told["batch_defaults"] = {name: getattr(settings, name) for name in _BATCH_DEFAULTS}
            told["packages"] = software_versions()
    output = Output(arguments)
    _show(output, told)
    output.document(told)
    return EXIT_DONE


def _show(output: Output, told: dict[str, Any]) -> None:
    def pairs(values: dict[str, Any]) -> str:
        return ", ".join(f"{name} {value}" for name, value in values.items())

    output.line(f"ecosim {told['version']}, Python {told['python']} on {told['platform']}")
    output.line(f"telemetry backend: {told['backend']}")
    defaults = dict(told["telemetry_defaults"])
    variables = defaults.pop("variables")
    output.line(f"telemetry defaults: {pairs(defaults)}")
    output.line(f"variables: {', '.join(variables)}")
    for name in ("worlds", "biomes", "spaces"):
        if told[name]:
            output.line(f"{name}: {', '.join(told[name])}")
    if told["batch_defaults"]:
        output.line(f"batch defaults: {pairs(told['batch_defaults'])}")
        output.line(f"packages: {pairs(told['packages'])}")


COMMAND: Final = Command(
    name="info",
    help="versions, backend, shipped files and defaults",
    examples=("ecosim info", "ecosim info --json"),
    add_options=add_output_options,
    run=_run,
    json_keys={
        "version": "of this package",
        "python": "version of the interpreter",
        "platform": "operating system and machine",
        "backend": "of the telemetry: `compiled` or `python`",
        "telemetry_defaults": "setting to its default",
        "worlds": "names of the shipped worlds; empty without the `engine` extra",
        "biomes": "names of the biome presets; empty without the `engine` extra",
        "spaces": "names of the shipped spaces; empty without the `batch` extra",
        "batch_defaults": "setting of a batch to its default; empty without the `batch` extra",
        "packages": "package to version: those that decide numbers; empty without `batch`",
    },
)
