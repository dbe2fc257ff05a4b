"""The scripts for a queue, run as the queue runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from batch_cases import batch_words, contents

SCRIPTS = Path(__file__).resolve().parents[2] / "docs" / "slurm"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("engine", "code", "done"), [("SmallEngine", 0, 8), ("Raising", 3, 4)])
def test_shards_of_a_queue_join_to_a_dataset_also_where_runs_failed(
    batch_command: Callable[..., int],
    space_file: Path,
    tmp_path: Path,
    engine: str,
    code: int,
    done: int,
) -> None:
    programs, out = tmp_path / "bin", tmp_path / "big"
    programs.mkdir()
    program = programs / "ecosim"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ecosim "$@"\n')
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    words = batch_words(space_file, out, engine)[1:]
    del words[words.index("--out") : words.index("--out") + 2]
    for task in ("1", "2"):
        queue = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2"}
        ended = subprocess.run(
            ["bash", str(SCRIPTS / "batch.sh"), str(out), *words],
            env={**os.environ, "PATH": path, **queue},
        )
        assert ended.returncode in (0, code)
    ended = subprocess.run(
        ["bash", str(SCRIPTS / "join.sh"), str(out)], env={**os.environ, "PATH": path}
    )
    assert ended.returncode == code
    assert len(contents(out / "whole")) == done
    assert list((out / "whole" / "dataset").rglob("part-*.parquet"))
    whole = tmp_path / "whole"
    assert batch_command(engine=engine, out=whole) == code
    for part in (whole / "dataset").rglob("part-*.parquet"):
        assert (out / "whole" / part.relative_to(whole)).read_bytes() == part.read_bytes()
