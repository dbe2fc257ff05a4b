"""The ledger: what it keeps, and what a crash in the middle of a line does to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosim.batch.layout import BatchLayout, write_whole
from ecosim.batch.ledger import Attempt, Ledger, read_ledger
from ecosim.batch.runner import set_aside
from ecosim.errors import BatchFolderError


def attempt(run_id: str = "r", number: int = 1, status: str = "done", **fields: str) -> Attempt:
    return Attempt(run_id, number, "local-0", "2026-01-01T00:00:00+00:00", 1.5, status, **fields)


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5), st.data())
def test_a_torn_last_line_is_cut_and_the_rest_is_kept(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], data: st.DataObject
) -> None:
    layout = BatchLayout(tmp_path_factory.mktemp("ledger"))
    written = [
        attempt(f"r{index}", error=error, traceback=traceback)
        for index, (error, traceback) in enumerate(texts)
    ]
    with Ledger(layout) as ledger:
        for entry in written:
            ledger.append(entry)
    assert list(read_ledger(layout)) == written
    content = layout.ledger.read_bytes()
    size = data.draw(st.integers(0, len(content)))
    layout.ledger.write_bytes(content[:size])
    whole = content[:size].count(b"\n")
    assert list(read_ledger(layout)) == written[:whole]
    with Ledger(layout) as ledger:
        ledger.append(attempt("last"))
    assert list(read_ledger(layout)) == [*written[:whole], attempt("last")]


def test_a_ledger_has_one_writer(tmp_path: Path) -> None:
    layout = BatchLayout(tmp_path)
    with Ledger(layout), pytest.raises(BatchFolderError, match="another one is at work here"):
        Ledger(layout)
    Ledger(layout).close()


def test_a_ledger_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(BatchFolderError, match="expected a folder to write to"):
        Ledger(BatchLayout(tmp_path / "missing"))
    assert list(read_ledger(BatchLayout(tmp_path / "missing"))) == []


@pytest.mark.parametrize(
    ("statuses", "final"),
    [
        ([], False),
        (["no_worker", "no_space", "no_worker"], False),
        (["died"], False),
        (["died", "no_worker"], False),
        (["died", "died"], True),
        (["died", "no_worker", "died"], True),
        (["failed"], True),
        (["timeout"], True),
        (["died", "failed"], True),
        (["died", "done"], False),
    ],
)
def test_a_run_is_set_aside_after_a_failure_of_its_own(statuses: list[str], final: bool) -> None:
    attempts = [attempt(number=n, status=status) for n, status in enumerate(statuses, start=1)]
    assert (set_aside(attempts, retries=1) is not None) is final


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"third")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]
