"""Make the tables of ``docs/worlds.md`` from the models, in place.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``; the text around it is written
by hand and kept. Run ``python scripts/make_world_reference.py`` after a change of the models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ecosim.engine.config import BIOMES, BiomeClimate, BiomeSoil, Rates, SimConfig
from ecosim.engine.world_models import (
    STATES,
    VARIABLES,
    Entity,
    Environment,
    Randomize,
    Species,
    VoxelGrid,
    WaterSource,
    World,
)
from ecosim.engine.world_schema import describe, node_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "worlds.md"

_MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_BY_BIOME = (BiomeClimate, BiomeSoil)


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def fields(record: type[BaseModel]) -> str:
    """Return the table of a record's fields."""
    rows = []
    for name, field in record.model_fields.items():
        node = node_of(field.annotation, field.metadata)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit = str(extra.get("unit", "")).replace("-", "")
        has_record = node.record is not None or field.default is PydanticUndefined
        default = "" if has_record else f"`{json.dumps(field.get_default())}`"
        if field.default is PydanticUndefined and node.record is None:
            default = "required"
        if record in _BY_BIOME:
            default = "by biome"
        rows.append((f"`{name}`", describe(node), default, unit, str(field.description)))
    return table(("key", "value", "default", "unit", "meaning"), rows)


def classes() -> str:
    """Return the table of the states and variables of each class."""
    rows = [(f"`{name}`", " ".join(STATES[name]), " ".join(VARIABLES[name])) for name in STATES]
    return table(("class", "states", "state variables"), rows)


def biomes() -> str:
    """Return the table of what each biome sets."""
    header = ("biome", *BiomeClimate.model_fields, *BiomeSoil.model_fields)
    rows = []
    for name, biome in BIOMES.items():
        values = [*biome.climate.model_dump().values(), *biome.soil.model_dump().values()]
        rows.append((f"`{name}`", *(f"{value:g}" for value in values)))
    return table(header, rows)


def settings() -> str:
    """Return the table of every setting of the model."""
    rows = []
    for section, group in SimConfig.model_fields.items():
        record = node_of(group.annotation).record
        for name, field in record.model_fields.items() if record is not None else ():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            value = describe(node_of(field.annotation, field.metadata))
            default = f"{field.default:g}"
            unit = str(extra.get("unit", ""))
            meaning = str(field.description)
            rows.append((f"`{section}.{name}`", value, default, unit, meaning))
    return table(("setting", "value", "default", "unit", "meaning"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "world": lambda: fields(World),
    "environment": lambda: fields(Environment),
    "climate": lambda: fields(BiomeClimate),
    "soil": lambda: fields(BiomeSoil),
    "voxel_grid": lambda: fields(VoxelGrid),
    "water_source": lambda: fields(WaterSource),
    "species": lambda: fields(Species),
    "entity": lambda: fields(Entity),
    "rates": lambda: fields(Rates),
    "randomize": lambda: fields(Randomize),
    "classes": classes,
    "biomes": biomes,
    "settings": settings,
}


def written(page: str) -> str:
    """Return the page with its tables made anew."""
    return _MARKED.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
