"""What the folder or file that a user names holds: a run, or a batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecosim.batch.layout import BatchLayout, mark_file
from ecosim.errors import DatasetError
from ecosim.telemetry_writers import telemetry_path

#: What the name of every telemetry file ends with.
_SUFFIX: Final = telemetry_path(Path(), "").name


@dataclass(frozen=True, slots=True)
class Found:
    """A run (its telemetry file) or a batch (its folder)."""

    path: Path
    is_batch: bool

    def default_output(self) -> Path:
        """Return where the report goes unless the user says so: beside the data, outside a run.

        The folder of a run of a batch belongs to the batch, which looks after what is in it.
        """
        if self.is_batch:
            return self.path / "report.html"
        name = self.path.name.removesuffix(_SUFFIX) + "_report.html"
        folder = self.path.parent
        if mark_file(folder).exists() or folder.parent.name == "runs":
            return folder.parent.parent / "reports" / name
        return folder / name


def telemetry_files(folder: Path) -> list[Path]:
    """Return the telemetry files in a folder, sorted."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.is_file())


def locate(given: Path) -> Found:
    """Return what a path holds.

    Raises
    ------
    DatasetError
        It is neither a batch folder, nor a folder with the telemetry file of one run, nor such a
        file.
    """
    if given.is_file():
        return Found(given, is_batch=False)
    if not given.is_dir():
        raise DatasetError(f"{given}: expected a run or a batch folder, there is nothing")
    if BatchLayout(given).batch.is_file():
        return Found(given, is_batch=True)
    files = telemetry_files(given)
    if len(files) == 1:
        return Found(files[0], is_batch=False)
    if files:
        raise DatasetError(
            f"{given}: expected one run, it holds {len(files)}; name one of their files, such as "
            f"{files[0]}"
        )
    tables = sorted(given.glob("*_parquet"))
    hint = "; it has tables in Parquet alone, write the run with format jsonl too" if tables else ""
    raise DatasetError(
        f"{given}: expected a batch (batch.json) or a run (a file *{_SUFFIX}), there is neither"
        + hint
    )
