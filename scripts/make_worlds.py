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

FOLDER = Path(__file__).resolve().parent.parent / "server" / "ecosim" / "data" / "worlds"

Traits = dict[str, Any]


def _consumer(
    species_id: str,
    entity_class: str,
    functional_group: str,
    body: tuple[float, str, str],
    diet: tuple[str, list[str], float],
    breeding: tuple[float, int],
    thermal_range: tuple[float, float],
    sensory: float,
    movement: float = 1.0,
    **optional: Any,
) -> Traits:
    """Return the trait vector of an animal, a bird or an insect."""
    mass, locomotion, thermoregulation = body
    diet_type, diet_breadth, trophic_level = diet
    clutch, generation = breeding
    return {
        "species_id": species_id,
        "functional_group": functional_group,
        "entity_class": entity_class,
        "body_mass_kg": mass,
        "locomotion": locomotion,
        "thermoregulation": thermoregulation,
        "diet_type": diet_type,
        "diet_breadth": diet_breadth,
        "trophic_level": trophic_level,
        "reproductive_strategy": "r_selected" if clutch >= 3 else "K_selected",
        "clutch_size": clutch,
        "generation_time_ticks": generation,
        "thermal_range": list(thermal_range),
        "drought_tolerance": 0.5,
        "shade_tolerance": 0.5,
        "sensory_range_multiplier": sensory,
        "movement_budget": movement,
        **optional,
    }


def _rooted(
    species_id: str,
    entity_class: str,
    functional_group: str,
    mass: float,
    generation: int,
    thermal_range: tuple[float, float],
    tolerances: tuple[float, float, float],
    spread: tuple[str, float],
    **optional: Any,
) -> Traits:
    """Return the trait vector of a tree, a plant or a fungus."""
    is_fungus = entity_class == "MICROORGANISM"
    drought, shade, persistence = tolerances
    return {
        "species_id": species_id,
        "functional_group": functional_group,
        "entity_class": entity_class,
        "body_mass_kg": mass,
        "locomotion": "sessile" if is_fungus else "rooted",
        "thermoregulation": "ectotherm" if is_fungus else "autotroph",
        "diet_type": "decomposer" if is_fungus else "autotroph",
        "diet_breadth": ["detritus"] if is_fungus else [],
        "trophic_level": 1,
        "reproductive_strategy": "K_selected" if entity_class == "TREE" else "r_selected",
        "clutch_size": 1,
        "generation_time_ticks": generation,
        "thermal_range": list(thermal_range),
        "drought_tolerance": drought,
        "shade_tolerance": shade,
        "sensory_range_multiplier": 1.0,
        "movement_budget": 0.0,
        "spread_mode": spread[0],
        "spread_range": spread[1],
        "root_persistence": persistence,
        **optional,
    }


# Diets name guilds, so that a species may take another's place; the preferred food comes first.
GUILDS: tuple[tuple[Traits, int], ...] = (
    (
        _consumer(
            *("deer", "ANIMAL", "grazer", (60, "quadruped", "endotherm")),
            *(("herbivore", ["graminoid", "forb"], 2), (1, 3500), (-15, 32), 1.0),
        ),
        6,
    ),
    (
        _consumer(
            *("rabbit", "ANIMAL", "herbivore", (1.5, "quadruped", "endotherm")),
            *(("herbivore", ["graminoid", "forb"], 2), (3, 1500), (-10, 32), 1.2),
        ),
        20,
    ),
    (
        _consumer(
            *("fox", "ANIMAL", "mesopredator", (6, "quadruped", "endotherm")),
            ("omnivore", ["herbivore", "leaf_chewer", "insectivore", "forb:fruiting"], 3),
            *((2, 3000), (-20, 34), 1.5),
        ),
        4,
    ),
    (
        _consumer(
            *("songbird", "BIRD", "insectivore", (0.02, "flight_bird", "endotherm")),
            ("omnivore", ["leaf_chewer", "forb:fruiting", "mast:fruiting", "pollinator"], 2.6),
            *((3, 1800), (-12, 36), 2.5),
        ),
        12,
    ),
    (
        _consumer(
            *("hawk", "BIRD", "raptor", (1, "flight_bird", "endotherm")),
            ("carnivore", ["herbivore", "insectivore", "leaf_chewer"], 3.4),
            *((1, 3500), (-20, 36), 2.0),
        ),
        4,
    ),
    (
        _consumer(
            *("butterfly", "INSECT", "pollinator", (0.0003, "flight_insect", "ectotherm")),
            *(("nectarivore", ["forb"], 2), (5, 1200), (4, 38), 6.0),
            floral_affinity="forb",
        ),
        16,
    ),
    (
        _consumer(
            *("bee", "INSECT", "pollinator", (0.0001, "flight_insect", "ectotherm")),
            *(("nectarivore", ["forb"], 2), (2, 1200), (6, 38), 6.0),
            floral_affinity="forb",
            roost_affinity="ground_nest",
        ),
        12,
    ),
    (
        _consumer(
            *("beetle", "INSECT", "leaf_chewer", (0.0002, "flight_insect", "ectotherm")),
            *(("herbivore", ["graminoid", "forb"], 2), (4, 1000), (2, 38), 3.5, 2.5),
        ),
        26,
    ),
    (
        _rooted(
            *("oak", "TREE", "canopy_tree", 500, 20000, (-15, 36), (0.6, 0.3, 0.95)),
            ("animal", 6.0),
            canopy_radius=3.0,
            resource_tags=["mast"],
        ),
        6,
    ),
    (
        _rooted(
            *("meadow_grass", "PLANT", "graminoid", 0.4, 2400, (-2, 36), (0.55, 0.3, 0.9)),
            ("runner", 2.2),
            resource_tags=["graminoid"],
        ),
        60,
    ),
    (
        _rooted(
            *("wildflower", "PLANT", "forb", 0.2, 2000, (0, 36), (0.45, 0.4, 0.7)),
            ("wind", 4.0),
            resource_tags=["forb"],
            pollination_syndrome="insect",
        ),
        36,
    ),
    (
        _rooted(
            *("mushroom", "MICROORGANISM", "decomposer", 0.05, 600, (0, 34), (0.2, 0.9, 0.5)),
            ("spore", 3.0),
            resource_tags=["fungus"],
        ),
        14,
    ),
)


@dataclass(frozen=True)
class Variant:
    """How the world of another biome differs from the demo world."""

    biome: str
    names: tuple[str, ...]
    warmer: float
    """Shift of every thermal range, in C."""
    drought_tolerance: float = 0.0
    """Added to the tolerance of plants, trees and fungi."""
    share: float = 1.0
    """Numbers at the start over those of the demo world."""


VARIANTS = {
    "tropical": Variant(
        "TROPICAL",
        (
            *("brocket", "agouti", "ocelot", "tanager", "hawk_eagle", "morpho", "stingless_bee"),
            *("leaf_beetle", "kapok", "forest_grass", "heliconia", "bracket_fungus"),
        ),
        10.0,
    ),
    "desert": Variant(
        "DESERT",
        (
            *("gazelle", "jackrabbit", "kit_fox", "lark", "falcon", "painted_lady", "desert_bee"),
            *("darkling_beetle", "acacia", "bunchgrass", "brittlebush", "crust_fungus"),
        ),
        16.0,
        0.35,
        0.5,
    ),
    "arctic": Variant(
        "ARCTIC",
        (
            *("caribou", "hare", "arctic_fox", "bunting", "snowy_owl", "fritillary", "bumblebee"),
            *("ground_beetle", "willow", "sedge", "poppy", "tundra_fungus"),
        ),
        -12.0,
        0.0,
        0.5,
    ),
}


def make_worlds() -> dict[str, str]:
    """Return the text of each world file by the name of the world."""
    demo = _world("demo", "TEMPERATE", GUILDS, (32, 32, 32), [((8, 8), 2.5), ((24, 22), 3.0)])
    by_name = {traits["species_id"]: (traits, count) for traits, count in GUILDS}
    few = {"rabbit": 4, "bee": 3, "meadow_grass": 12, "wildflower": 6, "mushroom": 3}
    tiny = tuple((by_name[name][0], count) for name, count in few.items())
    worlds = {
        "demo": demo,
        "minimal": _world("minimal", "TEMPERATE", tiny, (12, 8, 12), [((6, 6), 1.0)]),
    }
    for name, variant in VARIANTS.items():
        guilds = tuple(
            (_adapted(traits, own_name, variant), max(2, round(count * variant.share)))
            for (traits, count), own_name in zip(GUILDS, variant.names, strict=True)
        )
        ponds = [((8, 8), 2.5), ((24, 22), 3.0)]
        worlds[name] = _world(name, variant.biome, guilds, (32, 32, 32), ponds)
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
    species: tuple[tuple[Traits, int], ...],
    dimensions: tuple[int, int, int],
    ponds: list[tuple[tuple[float, float], float]],
) -> dict[str, Any]:
    """Return a world with entities at random places on dry land."""
    generator = random.Random(f"positions of {name}")
    entities = []
    for traits, count in species:
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
            "type": {"minimal": "meadow", "demo": "meadow"}.get(name, name),
            "biome": biome,
            "voxel_grid": {"dimensions": list(dimensions), "cell_size": 1.0},
            "water_sources": [
                {"position": [float(x), 0.0, float(z)], "radius": radius}
                for (x, z), radius in ponds
            ],
        },
        "species_definitions": [traits for traits, _ in species],
        "entities": entities,
    }


def _dry_place(
    generator: random.Random,
    dimensions: tuple[int, int, int],
    ponds: list[tuple[tuple[float, float], float]],
) -> list[float]:
    """Return a uniform position outside the ponds."""
    while True:
        x = round(generator.random() * dimensions[0], 2)
        z = round(generator.random() * dimensions[2], 2)
        if all((x - px) ** 2 + (z - pz) ** 2 > radius**2 for (px, pz), radius in ponds):
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
