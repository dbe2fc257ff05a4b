"""Make the worlds that come with the package: ``python scripts/make_worlds.py`` rewrites them.

The twelve guilds of the demo world are stated once. The worlds of other biomes hold the same guilds
under other names, with thermal ranges that fit their climate. Positions are uniform, drawn with the
standard library's generator, whose numbers do not change between Python versions.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosim.engine.world_models import Species

FOLDER = Path(__file__).resolve().parent.parent / "server" / "ecosim" / "data" / "worlds"

Traits = dict[str, Any]

Guild = tuple[int, Traits]
"""Entities at the start, and the trait vector."""

Pond = tuple[float, float, float]
"""x and z of the centre, and the radius, in u."""

LANDSCAPES = {
    "TEMPERATE": "meadow",
    "TROPICAL": "rainforest",
    "DESERT": "scrubland",
    "ARCTIC": "tundra",
}


# Diets name guilds, so that a species may take another's place; the preferred food comes first.
# Columns: entities at the start, species, class, guild, mass (kg), diet, trophic level, clutch,
# generation (ticks), thermal range (C), multipliers of sensory range and of movement, foods.
MOBILE = """
 6 deer      ANIMAL grazer       60     herbivore   2   1 3500 -15 32 1   1   graminoid,forb
20 rabbit    ANIMAL herbivore    1.5    herbivore   2   3 1500 -10 32 1.2 1   graminoid,forb
 4 fox       ANIMAL mesopredator 6      omnivore    3   2 3000 -20 34 1.5 1   \
herbivore,leaf_chewer,insectivore,forb:fruiting
12 songbird  BIRD   insectivore  0.02   omnivore    2.6 3 1800 -12 36 2.5 1   \
leaf_chewer,forb:fruiting,mast:fruiting,pollinator
 4 hawk      BIRD   raptor       1      carnivore   3.4 1 3500 -20 36 2   1   \
herbivore,insectivore,leaf_chewer
16 butterfly INSECT pollinator   0.0003 nectarivore 2   5 1200   4 38 6   1   forb
12 bee       INSECT pollinator   0.0001 nectarivore 2   2 1200   6 38 6   1   forb
26 beetle    INSECT leaf_chewer  0.0002 herbivore   2   4 1000   2 38 3.5 2.5 graminoid,forb
"""

# Columns: entities at the start, species, class, guild, mass (kg), generation (ticks), thermal
# range (C), tolerance of drought and of shade, root persistence, spread and its range (u), tag.
ROOTED = """
 6 oak          TREE          canopy_tree 500  20000 -15 36 0.6  0.3 0.95 animal 6   mast
60 meadow_grass PLANT         graminoid   0.4   2400  -2 36 0.55 0.3 0.9  runner 2.2 graminoid
36 wildflower   PLANT         forb        0.2   2000   0 36 0.45 0.4 0.7  wind   4   forb
14 mushroom     MICROORGANISM decomposer  0.05   600   0 34 0.2  0.9 0.5  spore  3   fungus
"""

OPTIONAL: dict[str, Traits] = {
    "butterfly": {"floral_affinity": "forb"},
    "bee": {"floral_affinity": "forb", "roost_affinity": "ground_nest"},
    "oak": {"canopy_radius": 3.0},
    "wildflower": {"pollination_syndrome": "insect"},
}

BODIES = {
    "ANIMAL": ("quadruped", "endotherm"),
    "BIRD": ("flight_bird", "endotherm"),
    "INSECT": ("flight_insect", "ectotherm"),
    "TREE": ("rooted", "autotroph"),
    "PLANT": ("rooted", "autotroph"),
    "MICROORGANISM": ("sessile", "ectotherm"),
}


def guilds() -> list[Guild]:
    """Return the guilds of the demo world, each with its numbers at the start."""
    rows = [row.split() for row in MOBILE.strip().splitlines()]
    mobile = [(int(row[0]), _mobile(*row[1:])) for row in rows]
    rows = [row.split() for row in ROOTED.strip().splitlines()]
    return mobile + [(int(row[0]), _rooted(*row[1:])) for row in rows]


def _mobile(
    species_id: str,
    entity_class: str,
    guild: str,
    mass: str,
    diet_type: str,
    trophic_level: str,
    clutch: str,
    generation: str,
    low: str,
    high: str,
    sensory: str,
    movement: str,
    foods: str,
) -> Traits:
    """Return the trait vector of a species that walks or flies."""
    return _traits(
        species_id,
        entity_class,
        functional_group=guild,
        body_mass_kg=float(mass),
        diet_type=diet_type,
        diet_breadth=foods.split(","),
        trophic_level=float(trophic_level),
        reproductive_strategy="r_selected" if int(clutch) >= 3 else "K_selected",
        clutch_size=int(clutch),
        generation_time_ticks=int(generation),
        thermal_range=[float(low), float(high)],
        drought_tolerance=0.5,
        shade_tolerance=0.5,
        sensory_range_multiplier=float(sensory),
        movement_budget=float(movement),
    )


def _rooted(
    species_id: str,
    entity_class: str,
    guild: str,
    mass: str,
    generation: str,
    low: str,
    high: str,
    drought_tolerance: str,
    shade_tolerance: str,
    root_persistence: str,
    spread_mode: str,
    spread_range: str,
    tag: str,
) -> Traits:
    """Return the trait vector of a tree, a plant or a fungus."""
    is_fungus = entity_class == "MICROORGANISM"
    return _traits(
        species_id,
        entity_class,
        functional_group=guild,
        body_mass_kg=float(mass),
        diet_type="decomposer" if is_fungus else "autotroph",
        diet_breadth=["detritus"] if is_fungus else [],
        trophic_level=1.0,
        reproductive_strategy="K_selected" if entity_class == "TREE" else "r_selected",
        clutch_size=1,
        generation_time_ticks=int(generation),
        thermal_range=[float(low), float(high)],
        drought_tolerance=float(drought_tolerance),
        shade_tolerance=float(shade_tolerance),
        sensory_range_multiplier=1.0,
        movement_budget=0.0,
        spread_mode=spread_mode,
        spread_range=float(spread_range),
        root_persistence=float(root_persistence),
        resource_tags=[tag],
    )


def _traits(species_id: str, entity_class: str, **traits: Any) -> Traits:
    """Return a trait vector, its keys in the order of the reference."""
    locomotion, thermoregulation = BODIES[entity_class]
    vector = {
        "species_id": species_id,
        "entity_class": entity_class,
        "locomotion": locomotion,
        "thermoregulation": thermoregulation,
        **traits,
        **OPTIONAL.get(species_id, {}),
    }
    return {name: vector[name] for name in Species.model_fields if name in vector}


@dataclass(frozen=True)
class Variant:
    """How the world of another biome differs from the demo world."""

    biome: str
    names: str
    """The species that fill the guilds, in their order."""
    warmer: float
    """Shift of every thermal range, in C."""
    drought_tolerance: float = 0.0
    """Added to the tolerance of plants, trees and fungi."""
    share: float = 1.0
    """Consumers at the start over those of the demo world."""


VARIANTS = {
    "tropical": Variant(
        biome="TROPICAL",
        names=(
            "brocket agouti ocelot tanager hawk_eagle morpho stingless_bee leaf_beetle "
            "kapok forest_grass heliconia bracket_fungus"
        ),
        warmer=10.0,
    ),
    "desert": Variant(
        biome="DESERT",
        names=(
            "gazelle jackrabbit kit_fox lark falcon painted_lady desert_bee darkling_beetle "
            "acacia bunchgrass brittlebush crust_fungus"
        ),
        warmer=16.0,
        drought_tolerance=0.35,
        share=0.5,
    ),
    "arctic": Variant(
        biome="ARCTIC",
        names=(
            "caribou hare arctic_fox bunting snowy_owl fritillary bumblebee ground_beetle "
            "willow sedge poppy tundra_fungus"
        ),
        warmer=-12.0,
        share=0.5,
    ),
}

PONDS: tuple[Pond, ...] = ((8.0, 8.0, 2.5), (24.0, 22.0, 3.0))


def make_worlds() -> dict[str, str]:
    """Return the text of each world file by the name of the world."""
    demo = guilds()
    few = {"rabbit": 4, "bee": 3, "meadow_grass": 12, "wildflower": 6, "mushroom": 3}
    tiny = [
        (few[traits["species_id"]], traits) for _, traits in demo if traits["species_id"] in few
    ]
    worlds = {
        "demo": _world("demo", "TEMPERATE", demo, (32, 32, 32), PONDS),
        "minimal": _world("minimal", "TEMPERATE", tiny, (12, 8, 12), ((6.0, 6.0, 1.0),)),
    }
    for name, variant in VARIANTS.items():
        adapted = [
            (
                round(count * (variant.share if traits["trophic_level"] > 1 else 1)),
                _adapted(traits, own_name, variant),
            )
            for (count, traits), own_name in zip(demo, variant.names.split(), strict=True)
        ]
        worlds[name] = _world(name, variant.biome, adapted, (32, 32, 32), PONDS)
    return {name: _text(world) for name, world in worlds.items()}


def _adapted(traits: Traits, name: str, variant: Variant) -> Traits:
    """Return a guild's traits as the species that fills it in another biome has them."""
    rooted = traits["entity_class"] in ("TREE", "PLANT", "MICROORGANISM")
    gain = variant.drought_tolerance if rooted else 0.0
    return {
        **traits,
        "species_id": name,
        "thermal_range": [bound + variant.warmer for bound in traits["thermal_range"]],
        "drought_tolerance": round(traits["drought_tolerance"] + gain, 2),
    }


def _world(
    name: str,
    biome: str,
    species: list[Guild],
    dimensions: tuple[int, int, int],
    ponds: tuple[Pond, ...],
) -> dict[str, Any]:
    """Return a world with entities at random places on dry land."""
    generator = random.Random(f"positions of {name}")
    entities = []
    for count, traits in species:
        for number in range(1, count + 1):
            entity = {
                "id": f"{traits['species_id']}_{number:02d}",
                "type": traits["entity_class"],
                "species": traits["species_id"],
                "position": _dry_place(generator, dimensions, ponds),
            }
            if traits["entity_class"] in ("ANIMAL", "BIRD", "INSECT"):
                entity["sex"] = "female" if number % 2 else "male"
            entities.append(entity)
    return {
        "version": "1.0",
        "session_id": name,
        "seed": 42,
        "environment": {
            "type": LANDSCAPES[biome],
            "biome": biome,
            "voxel_grid": {"dimensions": list(dimensions), "cell_size": 1.0},
            "water_sources": [
                {"position": [x, 0.0, z], "radius": radius} for x, z, radius in ponds
            ],
        },
        "species_definitions": [traits for _, traits in species],
        "entities": entities,
    }


def _dry_place(
    generator: random.Random,
    dimensions: tuple[int, int, int],
    ponds: tuple[Pond, ...],
) -> list[float]:
    """Return a uniform position outside the ponds."""
    while True:
        x = round(generator.random() * dimensions[0], 2)
        z = round(generator.random() * dimensions[2], 2)
        if all((x - px) ** 2 + (z - pz) ** 2 > radius**2 for px, pz, radius in ponds):
            return [x, 0.0, z]


def _text(world: dict[str, Any]) -> str:
    """Return a world as JSON, each species and each entity on a line of its own."""
    parts = []
    for key, value in world.items():
        if key in ("species_definitions", "entities"):
            rows = ",\n".join(f"    {json.dumps(row)}" for row in value)
            parts.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            text = json.dumps(value, indent=2).replace("\n", "\n  ")
            parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write every world file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in make_worlds().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
