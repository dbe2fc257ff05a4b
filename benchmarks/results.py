"""Where the figures go, and what machine they are from."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any, Final

from ecosim.telemetry import BACKEND

FOLDER: Final = Path(__file__).with_name("results")


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "backend": BACKEND,
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def describe_machine() -> str:
    """Return the same in a line."""
    return ", ".join(f"{key} {value}" for key, value in machine().items())


def write(name: str, figures: dict[str, Any]) -> None:
    """Write the figures of a benchmark as JSON."""
    FOLDER.mkdir(exist_ok=True)
    record = {"machine": machine(), **figures}
    (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def read(name: str) -> dict[str, Any]:
    """Return the figures that were last written."""
    figures: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return figures
