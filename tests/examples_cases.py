"""Small real batches for the examples, and the examples as modules."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

SPACE = {
    "names": ["rates.hunger", "sim_config.metabolism.starve_damage", "rates.dissolution"],
    "bounds": [[1, 20], [0.02, 0.5], [0.5, 2]],
}


def run_batch(out: Path, *options: object, design: Path | None = None) -> Path:
    """Run a batch of the minimal world with the command, and return its folder."""
    space = out.with_suffix(".space.json")
    space.write_text(json.dumps(SPACE), encoding="utf-8")
    words = ["--world", "minimal", "--space", space, "--interval", 5, "--out", out, "--workers", 2]
    words += ["--design", design] if design else []
    done = subprocess.run(
        [sys.executable, "-m", "ecosim", "batch", *map(str, [*words, *options])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def load(script: Path):
    """Return a script of the examples as a module; its neighbours are found as when it is run."""
    if str(script.parent) not in sys.path:
        sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
