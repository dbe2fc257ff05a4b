"""What a world file may say: its records, their fields, defaults and bounds.

Each field carries its meaning and unit, so that ``docs/worlds.md`` and the messages about mistakes
are made from here. Records are frozen and refuse unknown keys, numbers written as text, booleans
used as numbers, NaN and infinities. They are made by :func:`ecosim.engine.world.load_world`, which
also checks what concerns several records at once.

Units: u is a world unit, a tick one step of the engine. y is up, entities live on the x-z plane.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ecosim.engine.config import (
    BiomeClimate,
    BiomeName,
    BiomeSoil,
    Rates,
    SimConfig,
    Whole,
    whole,
)

EntityClass = Literal["ANIMAL", "BIRD", "INSECT", "TREE", "PLANT", "MICROORGANISM"]
Locomotion = Literal["quadruped", "flight_insect", "flight_bird", "sessile", "rooted"]
Thermoregulation = Literal["endotherm", "ectotherm", "autotroph"]
DietType = Literal[
    "herbivore", "carnivore", "omnivore", "insectivore", "nectarivore", "autotroph", "decomposer"
]
ReproductiveStrategy = Literal["r_selected", "K_selected"]
Symmetry = Literal[
    "identity",
    "rotate_90",
    "rotate_180",
    "rotate_270",
    "mirror_x",
    "mirror_z",
    "transpose",
    "anti_transpose",
]
SYMMETRIES: Final[tuple[Symmetry, ...]] = get_args(Symmetry)
"""The symmetries of the square; a world file may also give one by its index here."""

SQUARE_ONLY: Final[tuple[Symmetry, ...]] = (
    "rotate_90",
    "rotate_270",
    "transpose",
    "anti_transpose",
)
"""Those that swap x and z, so that a world that is not square cannot undergo them."""

_MOBILE_STATES = ("IDLE", "FORAGING", "HUNTING", "FLEEING", "RESTING", "DRINKING", "REPRODUCING")
_ANIMAL_STATES = (*_MOBILE_STATES, "DYING")
_INSECT_STATES = (
    *("IDLE", "FORAGING", "WANDERING", "RESTING", "POLLINATING"),
    *("SWARMING", "REPRODUCING", "DORMANT", "DEAD"),
)
_PLANT_STATES = ("GROWING", "WILTING", "DORMANT", "FRUITING", "DEAD")
_ANIMAL_VARIABLES = ("hunger", "energy", "hydration", "age", "health", "reproductive_drive")
_INSECT_VARIABLES = ("hunger", "energy", "colony_health", "age", "reproductive_drive")
_PLANT_VARIABLES = ("hydration", "growth", "nutrient_store", "health", "age")

STATES: Final[dict[EntityClass, tuple[str, ...]]] = {
    "ANIMAL": _ANIMAL_STATES,
    "BIRD": _ANIMAL_STATES,
    "INSECT": _INSECT_STATES,
    "TREE": _PLANT_STATES,
    "PLANT": _PLANT_STATES,
    "MICROORGANISM": ("ACTIVE", "DORMANT", "BLOOMING"),
}
"""The states an entity of each class may be in."""

VARIABLES: Final[dict[EntityClass, tuple[str, ...]]] = {
    "ANIMAL": _ANIMAL_VARIABLES,
    "BIRD": _ANIMAL_VARIABLES,
    "INSECT": _INSECT_VARIABLES,
    "TREE": _PLANT_VARIABLES,
    "PLANT": _PLANT_VARIABLES,
    "MICROORGANISM": ("population", "activity"),
}
"""The state variables an entity of each class has; all lie in 0..1 but ``age``, in seconds."""

MAX_CELLS: Final = 256**3
"""Most cells of a grid: five layers of float64 then take 0.7 GB."""

MAX_BODY_MASS: Final = 1e6
"""Largest body mass in kg, ten times that of the heaviest animal there is."""

MIN_SEED: Final = -(2**63)
MAX_SEED: Final = 2**63 - 1
"""Bounds of a seed, so that one fits the integer columns of any table format."""


class Expected(str):
    """A note beside a field's type: the words a message uses for what the field takes."""


def _sex(value: object) -> object:
    """Accept the letters F and M, in either case, for the words."""
    words = {"f": "female", "m": "male"}
    return words.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _symmetry(value: object) -> object:
    """Accept the index of a symmetry for its name, true for "random" and false for "identity"."""
    if isinstance(value, bool):
        return "random" if value else "identity"
    index = whole(value)
    if isinstance(index, int) and 0 <= index < len(SYMMETRIES):
        return SYMMETRIES[index]
    return value


def _affinity(value: object) -> object:
    """Pass names, lists of names and numbers from 0 to 1; refuse the rest."""
    names = value if isinstance(value, list | tuple) else [value]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    if all(isinstance(name, str) and name for name in names):
        return tuple(names) if isinstance(value, list | tuple) else value
    raise PydanticCustomError("affinity", "not an affinity")


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    """Refuse a range that is written the wrong way round."""
    if pair[0] > pair[1]:
        raise PydanticCustomError("reversed", "reversed")
    return pair


Name = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=r"^[^\p{Cc}]+$"),
    Expected("a name of 1 to 200 printable characters"),
]
Share = Annotated[float, Field(ge=0, le=1)]
Position = tuple[float, float, float]
Sex = Annotated[
    Literal["female", "male"], BeforeValidator(_sex), Expected('"female", "male" or null')
]
ThermalRange = Annotated[
    tuple[
        Annotated[float, Field(ge=-100, le=150)],
        Annotated[float, Field(ge=-100, le=150)],
    ],
    AfterValidator(_ascending),
    Expected("[lo, hi] in C with lo <= hi, each a number from -100 to 150"),
]
_Extra = Annotated[Whole, Field(ge=0, le=100_000)]
CountRange = Annotated[
    tuple[_Extra, _Extra],
    AfterValidator(_ascending),
    Expected("[lo, hi] with lo <= hi, each an integer from 0 to 100000"),
]
Affinity = Annotated[
    str | float | tuple[str, ...],
    BeforeValidator(_affinity),
    Expected("a name, a list of names or a number from 0 to 1"),
]
Transform = Annotated[
    Symmetry | Literal["random"],
    BeforeValidator(_symmetry),
    Expected(f"one of {', '.join(SYMMETRIES)}, random, or an integer from 0 to 7"),
]


def _field(meaning: str, unit: str = "", default: Any = ..., **bounds: Any) -> Any:
    """Return a field with its meaning and unit; without a default it is required."""
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class Record(BaseModel):
    """A frozen part of a world file that refuses unknown keys and values of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class VoxelGrid(Record):
    """The grid of soil cells; its width and depth are the bounds of the world."""

    dimensions: tuple[
        Annotated[Whole, Field(ge=1, le=100_000)],
        Annotated[Whole, Field(ge=1, le=100_000)],
        Annotated[Whole, Field(ge=1, le=100_000)],
    ] = _field(f"cells along x, y and z, at most {MAX_CELLS} in all", "cells", (32, 32, 32))
    cell_size: float = _field("edge of a cell", "u", 1.0, gt=0, le=1000)

    @property
    def extent(self) -> tuple[float, float]:
        """Size of the world along x and z, in u."""
        return self.dimensions[0] * self.cell_size, self.dimensions[2] * self.cell_size


class WaterSource(Record):
    """A round pond that animals drink from."""

    position: Position = _field("centre", "u")
    radius: float = _field("radius of the full pond", "u", gt=0, le=100_000)


class Environment(Record):
    """The place: its biome, climate, soil, grid and water."""

    type: Name = _field("a label of the kind of place; nothing depends on it", default="meadow")
    biome: BiomeName = _field("preset of climate and soil", default="TEMPERATE")
    climate: BiomeClimate = _field("replaces values of the biome's climate")
    soil: BiomeSoil = _field("replaces values of the biome's soil")
    voxel_grid: VoxelGrid = _field("the grid of soil cells", default=VoxelGrid())
    water_sources: tuple[WaterSource, ...] = _field("ponds", default=())


class Species(Record):
    """The trait vector of one species."""

    species_id: Name = _field("name of the species; entities refer to it")
    functional_group: Name = _field("its guild; the diets of others may name it")
    entity_class: EntityClass = _field("decides which states and state variables it has")
    body_mass_kg: float = _field(f"mass of one individual, at most {MAX_BODY_MASS:.0f}", "kg", gt=0)
    locomotion: Locomotion = _field("how it moves")
    thermoregulation: Thermoregulation = _field("how it keeps its temperature")
    diet_type: DietType = _field("what kind of feeder it is")
    diet_breadth: tuple[Name, ...] = _field(
        "resource tags and functional groups it eats, the preferred first; `tag:fruiting` means "
        "only while the plant is FRUITING",
        default=(),
    )
    trophic_level: float = _field("1 for producers, 2 for those that eat them", ge=0, le=10)
    reproductive_strategy: ReproductiveStrategy = _field("many cheap offspring or few dear ones")
    clutch_size: float = _field("mean number of offspring at once", "count", ge=0, le=10_000)
    generation_time_ticks: float = _field("mean age of parents", "ticks", gt=0, le=1e9)
    thermal_range: ThermalRange = _field("temperatures it lives in unharmed", "C")
    drought_tolerance: Share = _field("0 wilts at once, 1 hardly", default=0.5)
    shade_tolerance: Share = _field("0 needs full light, 1 hardly any", default=0.5)
    sensory_range_multiplier: float = _field(
        "multiplier of the range expected from its mass", "x", 1.0, ge=0, le=100
    )
    movement_budget: float = _field(
        "multiplier of the speed expected from its mass", "x", 1.0, ge=0, le=100
    )
    skeleton_id: Name | None = _field("model for clients that draw it", default=None)
    canopy_radius: float | None = _field(
        "radius of the shade of a grown tree", "u", None, ge=0, le=1000
    )
    spread_mode: Name | None = _field("how its seeds or spores travel", default=None)
    spread_range: float | None = _field(
        "typical distance of seeds, runners or spores", "u", None, ge=0, le=100_000
    )
    root_persistence: Share | None = _field(
        "share of drought and frost damage that dormancy spares", default=None
    )
    resource_tags: tuple[Name, ...] = _field("what others may eat it as", default=())
    pollination_syndrome: Name | None = _field(
        "how it is pollinated; without one it sets seed alone", default=None
    )
    floral_affinity: Affinity | None = _field("flowers it visits", default=None)
    roost_affinity: Affinity | None = _field(
        "where it nests; an insect with one is a colony", default=None
    )


class Entity(Record):
    """One individual, or one cohort or colony of a species too small to count singly."""

    id: Name = _field("name of the entity, its own among all")
    type: EntityClass = _field("class; that of its species, where the species is defined")
    species: Name = _field("a `species_id`; one that is not defined makes it inert scenery")
    position: Position = _field(
        "x and z within the grid; y is shown as written, never changes, and goes to offspring", "u"
    )
    sex: Sex | None = _field("alternates within the species where absent", default=None)
    state: Name | None = _field("one of the states of its class", default=None)
    state_vars: dict[str, float] = _field(
        "start values of its class's variables, 0..1 but `age` (s); the rest is drawn", default={}
    )
    metadata: dict[str, Any] = _field("anything; carried along, never read", default={})
    skeleton_id: Name | None = _field("model for clients that draw it", default=None)


class Randomize(Record):
    """How a run's start differs from the positions as written."""

    jitter: float = _field("largest shift along x and along z", "u", 0.0, ge=0, le=100_000)
    extra_grass: CountRange = _field(
        "how many PLANT entities tagged `graminoid` are added", "count", (0, 0)
    )
    extra_flowers: CountRange = _field(
        "how many PLANT entities with a `pollination_syndrome` are added", "count", (0, 0)
    )
    transform: Transform = _field(
        "symmetry of the square that entities and water sources undergo", default="identity"
    )


class World(Record):
    """A world definition, checked and merged: what a run starts from, but for its seed."""

    version: Name = _field("version of the world file", default="1.0")
    session_id: Name = _field("name of the session, repeated in every packet", default="world")
    seed: Whole | None = _field(
        "the run is a function of the world and this; drawn when absent",
        default=None,
        ge=MIN_SEED,
        le=MAX_SEED,
    )
    environment: Environment = _field("the place")
    species_definitions: tuple[Species, ...] = _field("the trait vectors of the species")
    entities: tuple[Entity, ...] = _field("the individuals at the start", default=())
    rates: Rates = _field("multipliers of whole processes", default=Rates())
    randomize: Randomize | None = _field("absent: positions exactly as written", default=None)
    sim_config: SimConfig = _field("settings of the model", default=SimConfig())
    telemetry: dict[str, Any] | None = _field("settings of the telemetry", default=None)

    @property
    def scenery(self) -> tuple[Entity, ...]:
        """Entities of a species that no definition lists: counted, but inert."""
        defined = {species.species_id for species in self.species_definitions}
        return tuple(entity for entity in self.entities if entity.species not in defined)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but probably not meant, one line each."""
        counts: dict[str, int] = {}
        for entity in self.scenery:
            counts[entity.species] = counts.get(entity.species, 0) + 1
        return tuple(
            f"entities: {count} of species {name}, which species_definitions does not list: "
            "inert scenery"
            for name, count in counts.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the merged world as JSON data; loading it gives an equal world."""
        return self.model_dump(mode="json")
