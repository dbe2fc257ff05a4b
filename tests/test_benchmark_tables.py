"""The figures that pages show are those that the benchmarks wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/compiled-core.md", "docs/model.md")


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT))
    import benchmarks.tables

    return benchmarks.tables


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_the_figures_last_written(tables, name):
    page = (PROJECT / name).read_text()
    assert tables.updated(page) == page, "run python -m benchmarks.tables"


def test_every_table_stands_on_a_page_that_is_kept_up_to_date(tables):
    assert set(tables.PAGES) == set(PAGES)
    text = "".join((PROJECT / name).read_text() for name in PAGES)
    for name in tables.TABLES:
        assert text.count(f"<!-- table of {name}: made by python -m benchmarks -->") == 1
