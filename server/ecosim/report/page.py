"""A page: a head, and sections of facts, tables and figures; how they become one HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Literal, NamedTuple

from ecosim import __version__
from ecosim.errors import DatasetError
from ecosim.report.plots import Figure

if TYPE_CHECKING:
    from ecosim.report.run_page import Matrix
    from ecosim.report.sensitivity import Ranking


class Fact(NamedTuple):
    """A name with its value, both as text; ``note`` is set smaller beside it."""

    name: str
    value: str
    note: str = ""


class Badge(NamedTuple):
    """How it ended, in a word or two, and whether that is as it should be."""

    text: str
    tone: Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text under a head.

    ``folded``: away until the reader asks for it; ``prose``: cells are sentences, not numbers.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    text: str = ""
    folded: bool = False
    prose: bool = False


@dataclass(slots=True)
class Section:
    """One part of a page, reached by its anchor."""

    anchor: str
    title: str
    text: str = ""
    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    matrices: list[Matrix] = field(default_factory=list)
    rankings: list[Ranking] = field(default_factory=list)
    code_title: str = ""
    code: str = ""

    def has_content(self) -> bool:
        """Return whether there is more to it than words."""
        return any((self.facts, self.tables, self.figures, self.matrices, self.rankings))


@dataclass(slots=True)
class Page:
    """A report before it is written.

    Attributes
    ----------
    kind : str
        What it is a report of.
    heading, lead : str
        Its name, and a sentence on what was found.
    badge : Badge
    warnings : list of str
        What a reader must know before trusting the figures.
    tiles : list of Fact
        The figures to see first.
    sections : list of Section
    footer : str
    """

    kind: str
    heading: str
    lead: str
    badge: Badge
    warnings: list[str] = field(default_factory=list)
    tiles: list[Fact] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    footer: str = ""


def render(page: Page) -> Iterator[str]:
    """Yield the text of the HTML file in pieces; whatever comes from data is escaped.

    Raises
    ------
    DatasetError
        jinja2 is not installed.
    """
    try:
        import jinja2
        import markupsafe
    except ImportError as error:
        raise DatasetError(
            "report: expected jinja2 to be installed; pip install 'ecosim-telemetry[report]'"
        ) from error
    folder = resources.files(__package__).joinpath("templates")
    names = ("page.html", "parts.html", "report.css", "report.js")
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Ours, not data: escaped, a quotation mark in them would no longer be one.
    style, script = (markupsafe.Markup(texts[name]) for name in names[2:])
    yield from environment.get_template("page.html").generate(
        page=page, version=__version__, style=style, script=script
    )
