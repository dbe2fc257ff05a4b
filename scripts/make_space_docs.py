"""Make ``docs/ECOSIM_PARAMETER_TELEMETRY_SPACE.md`` from the default space and the models.

Run ``python scripts/make_space_docs.py`` after a change of either; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ecosim.batch.space import Parameter, Space, load_space
from ecosim.engine.config import BiomeClimate, Rates, SimConfig
from ecosim.engine.world import load_world, settable_paths
from ecosim.telemetry_config import DEFAULT_VARIABLES
from ecosim.telemetry_host import VOXEL_LAYERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ECOSIM_PARAMETER_TELEMETRY_SPACE.md"
WORLD = "demo"

INTRODUCTION = """\
# The default parameter space

<!-- Made by scripts/make_space_docs.py; edit the space or the models, not this page. -->

The space `default` ({file}) varies {count} numbers
of a world. `ecosim batch --space default` samples it; a space of your own is a file of the same
form, given by its path ([batch.md](batch.md)).

Each range holds the default of the `{world}` world. `limits` are what a world may say at all; a
range that leaves them is refused before anything runs. The unit `x` is a multiplier, `-` a ratio,
`u` a unit of length in the world, `s` a second of model time.

Every run's config record has its values under `parameters`, by the paths of this page; the batch's
`design.csv` has a column for each.
"""

TELEMETRY = """
## What a run of the `{world}` world reports

Every record is described in [records.md](records.md). A sample holds, for each species, its count,
its count by state, and number, mean and spread of each variable it has; for each voxel layer its
mean, minimum, maximum and variance; and for the window since the last sample the events by type.

| part | names |
|---|---|
| species | {species} |
| variables | {variables} |
| voxel layers | {layers} |

## Reading results

Some pairs multiply each other, so that their effects cannot be told apart: `rates.hunger` with
`sim_config.metabolism.hunger_base`, `rates.reproduction` with
`sim_config.reproduction.drive_rate`, and `rates.dissolution`, `rates.mineralization` and
`rates.nutrient_leaching` with the settings of the soil. For sensitivity indices, vary one of each
pair.

## Every number that may be varied

Any number of a world can stand in a space, by its dotted path: the settings and rates of
[worlds.md](worlds.md), climate, soil, and the traits of a species
(`species_definitions[deer].body_mass_kg`). `ecosim.engine.world.settable_paths(world)` lists them
with their values.
"""


def limits(name: str) -> tuple[float, float]:
    """Return the lowest and highest value that a world accepts at a path of the default space."""
    section, *rest = name.split(".")
    if section == "sim_config":
        model = SimConfig.model_fields[rest[0]].annotation
    else:
        model = {"rates": Rates, "environment": BiomeClimate}[section]
    assert model is not None
    found = {type(limit).__name__: limit for limit in model.model_fields[rest[-1]].metadata}
    return found["Ge"].ge, found["Le"].le


def section_of(parameter: Parameter) -> str:
    """Return the heading a parameter stands under: its path without the last name."""
    return parameter.name.rpartition(".")[0]


def page(space: Space) -> str:
    """Return the whole page."""
    world = load_world(WORLD)
    defaults = settable_paths(world)
    file = f"`server/ecosim/data/spaces/{space.name}.json`"
    text = INTRODUCTION.format(file=file, count=len(space.parameters), world=WORLD)
    for section in dict.fromkeys(map(section_of, space.parameters)):
        text += f"\n## `{section}`\n\n"
        text += "| path | default | low | high | unit | limits | meaning |\n"
        text += "|---|---|---|---|---|---|---|\n"
        for parameter in space.parameters:
            if section_of(parameter) == section:
                low, high = parameter.bounds
                least, most = limits(parameter.name)
                text += (
                    f"| `{parameter.name}` | {defaults[parameter.name]:g} | {low:g} | {high:g} "
                    f"| {parameter.unit} | {least:g}..{most:g} | {parameter.description} |\n"
                )
    return text + TELEMETRY.format(
        world=WORLD,
        species=code_list(species.species_id for species in world.species_definitions),
        variables=code_list(DEFAULT_VARIABLES),
        layers=code_list(VOXEL_LAYERS),
    )


def code_list(names: Iterable[str]) -> str:
    """Return names as Markdown code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(load_space("default")), encoding="utf-8")
