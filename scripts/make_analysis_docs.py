"""Write the tables of ``docs/analysis.md`` that say what outcomes and methods there are.

Run ``python scripts/make_analysis_docs.py`` after a change of either; a test compares the two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from ecosim.analysis.community import Community
from ecosim.analysis.definitions import NUTRIENT_LAYER, Outcome, Settings, definitions
from ecosim.analysis.methods import METHODS
from ecosim.analysis.units import MOST_LEFT_OUT

PAGE = Path(__file__).resolve().parent.parent / "docs" / "analysis.md"


def outcomes() -> Iterator[str]:
    """Yield the lines of the table of outcomes."""
    yield "| outcome | unit | range | what it is |"
    yield "|---|---|---|---|"
    few, many = (_defined(species) for species in (("SPECIES",), ("SPECIES", "other")))
    for name, one in few.items():
        if one.high != many[name].high:
            shown = "0 to a bound that grows with the number of species"
        elif math.isfinite(one.high):
            shown = f"{one.low:g}..{one.high:g}"
        else:
            shown = f"{one.low:g} and more"
        yield f"| `{name}` | {one.unit} | {shown} | {one.meaning} |"


def methods() -> Iterator[str]:
    """Yield the lines of the table of methods."""
    yield "| method | `--sampler` | ranks by | also gives | left out as one | at least |"
    yield "|---|---|---|---|---|---|"
    for one in METHODS.values():
        samplers = ", ".join(f"`{name}`" if name != "table" else "a table" for name in one.samplers)
        first, *others = (f"`{index.name}`, {index.label}" for index in one.indices)
        yield (
            f"| `{one.name}` | {samplers} | {first} | {'; '.join(others)} | a {one.unit} "
            f"| {one.least} {one.unit}s: {one.why} |"
        )


def indices() -> Iterator[str]:
    """Yield the lines of the table of indices."""
    yield "| index | what it is |"
    yield "|---|---|"
    found = {index.name: index for one in METHODS.values() for index in one.indices}
    for index in found.values():
        yield f"| `{index.name}` | {index.meaning} |"


def page(text: str) -> str:
    """Return a page with its tables made anew."""
    for name, lines in (("outcomes", outcomes()), ("methods", methods()), ("indices", indices())):
        table = "\n".join(lines)
        text = re.sub(
            rf"<!-- {name} -->\n.*?<!-- end -->",
            lambda _, name=name, table=table: f"<!-- {name} -->\n{table}\n<!-- end -->",
            text,
            flags=re.DOTALL,
        )
    return re.sub(r"more than \d+ %", f"more than {MOST_LEFT_OUT:.0%}".replace("%", " %"), text)


def _defined(species: tuple[str, ...]) -> dict[str, Outcome]:
    roles = dict.fromkeys(species, "consumer") | {species[0]: "producer"}
    community = Community(species, roles, (NUTRIENT_LAYER,), ("TYPE",), has_grid=True)
    return {name: one.outcome for name, one in definitions(community, Settings()).items()}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
