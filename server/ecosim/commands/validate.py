"""``ecosim validate``: whether a world file is in order."""

from __future__ import annotations

import argparse
from typing import Final

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_MISTAKE
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options, warnings_as_lines
from ecosim.errors import WorldError


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("world", metavar="WORLD", help="world file or shipped name")
    add_output_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.engine.world import load_world

    output = Output(arguments)
    warned: list[str] = []
    try:
        with warnings_as_lines() as warned:
            world = load_world(arguments.world)
    except WorldError as error:
        if not output.json:
            raise
        output.document(
            {
                "world": arguments.world,
                "valid": False,
                "problems": error.problems,
                "warnings": warned,
            }
        )
        return EXIT_MISTAKE
    biome, cells = world.environment.biome, world.environment.voxel_grid.dimensions
    species, entities = len(world.species_definitions), len(world.entities)
    output.line(
        f"{arguments.world}: in order; {biome}, {species} species, {entities} entities, "
        f"{' x '.join(map(str, cells))} cells"
    )
    output.document(
        {
            "world": arguments.world,
            "valid": True,
            "problems": [],
            "warnings": warned,
            "biome": biome,
            "species": species,
            "entities": entities,
            "grid_dimensions": list(cells),
        }
    )
    return EXIT_DONE


COMMAND: Final = Command(
    name="validate",
    help="check a world file, every mistake at once",
    examples=("ecosim validate my_world.json", "ecosim validate demo --json"),
    add_options=_add_options,
    run=_run,
    json_keys={
        "world": "as it was given",
        "valid": "true or false; false goes with exit code 2",
        "problems": "list of mistakes, each `path: expected ..., got ...`",
        "warnings": "list of texts",
        "biome": "only of a valid world",
        "species": "number of definitions; only of a valid world",
        "entities": "number of entities; only of a valid world",
        "grid_dimensions": "cells along x, y and z; only of a valid world",
    },
)
