"""Batches of small engines: a world, a space of two parameters, and the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from batch_cases import HERE, batch_words, write_space

from ecosim.cli import main


@pytest.fixture(autouse=True)
def engines_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import ``small_engines``."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    return write_space(tmp_path)


@pytest.fixture
def batch_command(space_file: Path, tmp_path: Path) -> Callable[..., int]:
    """Run the batch command with a small engine; later options go before those above."""

    def run(*options: object, engine: str = "SmallEngine", out: Path | None = None) -> int:
        return main(batch_words(space_file, out or tmp_path / "out", engine, *options))

    return run


@pytest.fixture(scope="session")
def quiet_batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a batch of patient engines that nobody disturbed."""
    folder = tmp_path_factory.mktemp("quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        assert main(batch_words(write_space(folder), folder / "out", "Patient")) == 0
    return folder / "out"
