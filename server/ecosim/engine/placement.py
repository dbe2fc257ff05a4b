"""Where a run starts: the positions as written, or what ``randomize`` makes of them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecosim.engine.world_models import (
    SQUARE_ONLY,
    SYMMETRIES,
    Entity,
    Position,
    Species,
    Symmetry,
    WaterSource,
    World,
)

# Row-wise matrices that take (x, z), measured from the centre of the world, to its image.
_MATRICES: Final[dict[Symmetry, tuple[tuple[int, int], tuple[int, int]]]] = {
    "identity": ((1, 0), (0, 1)),
    "rotate_90": ((0, -1), (1, 0)),
    "rotate_180": ((-1, 0), (0, -1)),
    "rotate_270": ((0, 1), (-1, 0)),
    "mirror_x": ((-1, 0), (0, 1)),
    "mirror_z": ((1, 0), (0, -1)),
    "transpose": ((0, 1), (1, 0)),
    "anti_transpose": ((0, -1), (-1, 0)),
}


class Layout(NamedTuple):
    """What stands where at the start of a run."""

    entities: tuple[Entity, ...]
    water_sources: tuple[WaterSource, ...]


def place(world: World, generator: np.random.Generator) -> Layout:
    """Return the entities and water sources a run starts with.

    Without ``randomize`` these are the world's own, and nothing is drawn. With it, in this order:
    the symmetry (drawn if it is "random") moves entities and water alike, so that the run differs
    from its original as seen from another side only; each entity is shifted by up to ``jitter``
    along x and along z, but not past the edge; grass, then flowers are added at uniform positions,
    their number uniform over the range, its upper end included.

    Parameters
    ----------
    world : World
        A loaded world.
    generator : numpy.random.Generator
        Advanced only as far as ``randomize`` asks for.

    Returns
    -------
    Layout
        The world's entities in their order, then the added ones, whose ids are
        ``<species>_extra_<number>``.
    """
    environment, randomize = world.environment, world.randomize
    if randomize is None:
        return Layout(world.entities, environment.water_sources)
    extent = environment.voxel_grid.extent
    symmetry = _draw_symmetry(randomize.transform, extent, generator)
    water = tuple(
        source.model_copy(update={"position": _moved(source.position, symmetry, extent)})
        for source in environment.water_sources
    )
    entities = [
        entity.model_copy(update={"position": _moved(entity.position, symmetry, extent)})
        for entity in world.entities
    ]
    if randomize.jitter > 0:
        shifts = generator.uniform(-randomize.jitter, randomize.jitter, (len(entities), 2))
        entities = [
            entity.model_copy(update={"position": _shifted(entity.position, shift, extent)})
            for entity, shift in zip(entities, shifts.tolist(), strict=True)
        ]
    plants = [each for each in world.species_definitions if each.entity_class == "PLANT"]
    grasses = [each for each in plants if "graminoid" in each.resource_tags]
    flowers = [each for each in plants if each.pollination_syndrome is not None]
    taken = {entity.id for entity in entities}
    for species, (low, high) in (
        (grasses, randomize.extra_grass),
        (flowers, randomize.extra_flowers),
    ):
        if high > 0:
            count = int(generator.integers(low, high, endpoint=True))
            entities += _added(species, count, extent, taken, generator)
    return Layout(tuple(entities), water)


def _draw_symmetry(
    transform: str, extent: tuple[float, float], generator: np.random.Generator
) -> Symmetry:
    """Return the symmetry named, or one of those that fit the world's shape."""
    square = extent[0] == extent[1]
    fitting = [name for name in SYMMETRIES if square or name not in SQUARE_ONLY]
    if transform == "random":
        return fitting[int(generator.integers(len(fitting)))]
    return next(name for name in fitting if name == transform)


def _moved(position: Position, symmetry: Symmetry, extent: tuple[float, float]) -> Position:
    """Return the image of a position under a symmetry about the centre of the world."""
    if symmetry == "identity":
        return position
    (xx, xz), (zx, zz) = _MATRICES[symmetry]
    x, y, z = position
    x, z = x - extent[0] / 2, z - extent[1] / 2
    moved = (xx * x + xz * z + extent[0] / 2, y, zx * x + zz * z + extent[1] / 2)
    return _shifted(moved, [0.0, 0.0], extent)


def _shifted(position: Position, shift: list[float], extent: tuple[float, float]) -> Position:
    """Return a position moved along x and z, kept inside the world."""
    x = min(max(position[0] + shift[0], 0.0), extent[0])
    z = min(max(position[2] + shift[1], 0.0), extent[1])
    return (x, position[1], z)


def _added(
    species: list[Species],
    count: int,
    extent: tuple[float, float],
    taken: set[str],
    generator: np.random.Generator,
) -> list[Entity]:
    """Return new entities of the given species, each drawn, at uniform positions."""
    kinds = generator.integers(len(species), size=count).tolist()
    places = (generator.random((count, 2)) * extent).tolist()
    added = []
    number = 0
    for kind, (x, z) in zip(kinds, places, strict=True):
        chosen = species[kind]
        name = f"{chosen.species_id}_extra_{number}"
        while name in taken:
            number += 1
            name = f"{chosen.species_id}_extra_{number}"
        taken.add(name)
        added.append(
            Entity(
                id=name,
                type=chosen.entity_class,
                species=chosen.species_id,
                position=(x, 0.0, z),
                skeleton_id=chosen.skeleton_id,
            )
        )
    return added
