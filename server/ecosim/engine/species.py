"""What the model derives from the trait vectors: one array a quantity, one value a species.

Species are numbered by class (:data:`CLASS_ORDER`), then by their order in the world, so that every
class and every species is one slice of the entity table. Scenery comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecosim.engine.arrays import BoolArray, FloatArray, IntArray
from ecosim.engine.config import BIOMES, SimConfig
from ecosim.engine.world_models import STATES, VARIABLES, EntityClass, Species, World

CLASS_ORDER: Final[tuple[EntityClass, ...]] = (
    "ANIMAL",
    "BIRD",
    "INSECT",
    "TREE",
    "PLANT",
    "MICROORGANISM",
)
MOBILE_CLASSES: Final = ("ANIMAL", "BIRD", "INSECT")

STATE_NAMES: Final = tuple(dict.fromkeys(state for name in CLASS_ORDER for state in STATES[name]))
"""Code to name of every state of every class."""

STATE_CODE: Final = {name: code for code, name in enumerate(STATE_NAMES)}

_DEFAULT_STATE: Final[dict[EntityClass, int]] = {
    "ANIMAL": STATE_CODE["IDLE"],
    "BIRD": STATE_CODE["IDLE"],
    "INSECT": STATE_CODE["WANDERING"],
    "TREE": STATE_CODE["GROWING"],
    "PLANT": STATE_CODE["GROWING"],
    "MICROORGANISM": STATE_CODE["ACTIVE"],
}

#: Trophic level up to which the night is for rest.
_HIGHEST_SLEEPER: Final = 2.9

#: Preference for the k-th tag of a diet: 1, 0.67, 0.5, 0.4, ... (cal)
_PREFERENCE_STEP: Final = 0.5
_FRUITING_SUFFIX: Final = ":fruiting"
_DEFAULT_SPREAD: Final = 3.0
_DEFAULT_PERSISTENCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Food:
    """One species in the diet of another."""

    species: int
    #: Divides the distance when foods are compared.
    preference: float
    fruiting_only: bool


class SpeciesTable:
    """Derived quantities of all species of a world.

    Parameters
    ----------
    world : World
        The merged world.

    Attributes
    ----------
    names : tuple of str
        Code to species name, scenery included; one name of scenery may stand for several classes.
    classes : tuple of str
        Code to entity class.
    code_of : dict of (str, str) to int
        Species name and entity class to code.
    variables : dict of str to tuple of str
        Name to the state variables of its class, or of all its classes.
    n_defined : int
        Number of species with a trait vector; the codes from there on are scenery.
    prey, plants : tuple of tuple of Food
        The diet of each species, animals and plants apart.
    predators : tuple of tuple of int
        The species that hunt each species.
    capture, prey_gain : ndarray of shape (n_species, n_species)
        Capture probability and hunger relief, [predator, prey].
    """

    def __init__(self, world: World) -> None:
        config = world.sim_config
        defined = sorted(
            world.species_definitions, key=lambda one: CLASS_ORDER.index(one.entity_class)
        )
        kinds = [(one.species_id, one.entity_class) for one in defined]
        # What nobody defined may go by one name in several classes: each of them keeps its own.
        kinds += dict.fromkeys((one.species, one.type) for one in world.scenery)
        self.names = tuple(name for name, _ in kinds)
        self.classes: tuple[EntityClass, ...] = tuple(kind for _, kind in kinds)
        self.code_of = {kind: code for code, kind in enumerate(kinds)}
        self.variables: dict[str, tuple[str, ...]] = {}
        for name, kind in kinds:
            known = self.variables.get(name, ())
            self.variables[name] = tuple(dict.fromkeys((*known, *VARIABLES[kind])))
        self.n_defined = len(defined)
        self._defined = defined
        rank = np.array([CLASS_ORDER.index(one) for one in self.classes], dtype=np.intp)
        # By class, for scenery too: they decide which variables a row has.
        self.is_vertebrate: BoolArray = rank <= CLASS_ORDER.index("BIRD")
        self.is_insect: BoolArray = rank == CLASS_ORDER.index("INSECT")
        self.is_rooted: BoolArray = (rank == CLASS_ORDER.index("TREE")) | (
            rank == CLASS_ORDER.index("PLANT")
        )
        self.is_microbe: BoolArray = rank == CLASS_ORDER.index("MICROORGANISM")
        self._derive_bodies(config, world)
        self._derive_plants(config, world)
        self._derive_behaviour()
        self._derive_diets(config)

    def _column(self, value: Callable[[Species], float]) -> FloatArray:
        """Return one value a species; scenery, which does nothing, reads 0."""
        column = np.zeros(len(self.names))
        column[: self.n_defined] = [value(one) for one in self._defined]
        return column

    def _flag(self, value: Callable[[Species], bool]) -> BoolArray:
        return self._column(lambda one: float(value(one))) > 0

    def _derive_bodies(self, config: SimConfig, world: World) -> None:
        metabolism, movement = config.metabolism, config.movement
        grid = world.environment.voxel_grid
        area = grid.dimensions[0] * grid.dimensions[2] * grid.cell_size**2
        mass = self._column(lambda one: one.body_mass_kg)
        mass[self.n_defined :] = 1.0
        self.mass = mass
        insect = self._flag(lambda one: one.entity_class == "INSECT")
        #: Mass of the entity: an insect stands for a cohort of individuals.
        self.body = np.where(insect, np.maximum(mass, metabolism.cohort_mass), mass)
        self.mobile = self._flag(lambda one: one.entity_class in MOBILE_CLASSES)
        self.ectotherm = self._flag(lambda one: one.thermoregulation != "endotherm")
        self.low = self._column(lambda one: one.thermal_range[0])
        self.high = self._column(lambda one: one.thermal_range[1])
        self.trophic_level = self._column(lambda one: one.trophic_level)
        self.clutch = self._column(lambda one: one.clutch_size)
        generation = self._column(lambda one: one.generation_time_ticks * config.time.dt)
        generation[self.n_defined :] = 1.0
        self.generation = generation

        # Mass-specific rates fall with mass (Kleiber 1932; Brown et al. 2004).
        allometry = mass**metabolism.mass_exponent
        allometry = np.where(self.ectotherm, metabolism.ectotherm_ratio * allometry, allometry)
        biome_thirst = BIOMES[world.environment.biome].thirst
        self.hunger_rate = metabolism.hunger_base * world.rates.hunger * allometry
        self.thirst_rate = metabolism.thirst_base * world.rates.thirst * biome_thirst * allometry
        self.food_demand = config.foraging.food_scale * self.body**0.75

        # Maximum speed peaks at intermediate mass (Hirt et al. 2017), km/h to m/s.
        running = 25.5 * mass**0.26 * (1 - np.exp(-22 * mass**-0.6)) / 3.6
        flying = 142.8 * mass**0.24 * (1 - np.exp(-2.4 * mass**-0.72)) / 3.6
        flies = self._flag(lambda one: one.locomotion.startswith("flight"))
        rooted = self._flag(lambda one: one.locomotion in ("sessile", "rooted"))
        budget = self._column(lambda one: one.movement_budget)
        speed = np.where(flies, flying, running) * movement.speed_scale * budget
        speed = np.where(budget > 0, np.maximum(speed, movement.min_speed), 0.0)
        self.speed = np.where(rooted & self.mobile, 0.0, speed)
        # Detection distance grows with mass (Pawar et al. 2012).
        senses = self._column(lambda one: one.sensory_range_multiplier)
        self.sense = np.clip(
            movement.sensory_base * mass**movement.sensory_exponent * senses,
            movement.sensory_min,
            max(movement.sensory_min, movement.sensory_max),
        )
        self.flight_distance = config.predation.flee_radius * self.sense
        # Home ranges grow with mass (McNab 1963); the exponent is compressed to the small world.
        self.home_radius = (
            movement.wander_range + movement.wander_mass_range * mass**movement.wander_exponent
        )
        # Density falls with mass (Damuth 1981), here with a compressed exponent (cal).
        reproduction = config.reproduction
        self.reference_count = (
            reproduction.density_ref
            * mass**reproduction.density_exponent
            * reproduction.trophic_factor ** (self.trophic_level - 2)
            * area
            / 1024
        )

    def _derive_plants(self, config: SimConfig, world: World) -> None:
        plants = config.plants
        cell_area = world.environment.voxel_grid.cell_size**2
        #: Nutrients of a full-grown plant, in full cells of this grid.
        self.nutrients = plants.nutrient_scale * self.mass**plants.nutrient_exponent / cell_area
        self.tree = self._flag(lambda one: one.entity_class == "TREE")
        self.drought_tolerance = self._column(lambda one: one.drought_tolerance)
        self.shade_tolerance = self._column(lambda one: one.shade_tolerance)
        self.canopy_radius = self._column(lambda one: one.canopy_radius or 0.0)
        self.spread_range = self._column(
            lambda one: _DEFAULT_SPREAD if one.spread_range is None else one.spread_range
        )
        self.root_persistence = self._column(
            lambda one: (
                _DEFAULT_PERSISTENCE if one.root_persistence is None else one.root_persistence
            )
        )
        self.floral = self._flag(lambda one: one.pollination_syndrome is not None)

    def _derive_behaviour(self) -> None:
        self.nectar_feeder = self._flag(
            lambda one: one.diet_type == "nectarivore" and one.entity_class in MOBILE_CLASSES
        )
        self.colony = self._flag(
            lambda one: one.entity_class == "INSECT" and one.roost_affinity is not None
        )
        #: Where an entity starts, and what a mobile one falls back to.
        self.default_state = np.array([_DEFAULT_STATE[one] for one in self.classes])
        mating = np.where(self.colony, STATE_CODE["SWARMING"], STATE_CODE["REPRODUCING"])
        self.mating_state: IntArray = mating
        #: Whether it rests at night; top predators hunt then.
        self.sleeps = self.mobile & (self.trophic_level <= _HIGHEST_SLEEPER)

    def _derive_diets(self, config: SimConfig) -> None:
        count = len(self.names)
        predation = config.predation
        # Capture is log-normal in the mass ratio (after Brose et al. 2008).
        ratio = self.mass[:, None] / self.mass[None, :]
        hump = np.exp(
            -(np.log(ratio / predation.optimal_ratio) ** 2) / (2 * predation.ratio_width**2)
        )
        self.capture = predation.capture_max * hump
        self.prey_gain = predation.prey_value * (self.body[None, :] / self.body[:, None]) ** 0.75
        prey: list[tuple[Food, ...]] = []
        plants: list[tuple[Food, ...]] = []
        for code in range(count):
            diet = self._diet(code) if code < self.n_defined and self.mobile[code] else []
            prey.append(
                tuple(
                    food
                    for food in diet
                    if self.mobile[food.species]
                    and hump[code, food.species] >= predation.min_capture
                )
            )
            plants.append(tuple(food for food in diet if not self.mobile[food.species]))
        self.prey = tuple(prey)
        self.plants = tuple(plants)
        #: INSECT has no HUNTING: a predatory one is FORAGING.
        hunts = np.array([bool(one) for one in prey], dtype=np.bool_) & self.is_vertebrate
        self.feeding_state: IntArray = np.where(
            hunts, STATE_CODE["HUNTING"], STATE_CODE["FORAGING"]
        )
        self.predators = tuple(
            tuple(hunter for hunter in range(count) if any(f.species == code for f in prey[hunter]))
            for code in range(count)
        )

    def _diet(self, code: int) -> list[Food]:
        """Return the foods of a species: by its tags, or by its diet type where it has none."""
        eater = self._defined[code]
        tags = eater.diet_breadth or _default_tags(eater)
        foods: dict[int, Food] = {}
        for rank, tag in enumerate(tags):
            name, fruiting = tag.removesuffix(_FRUITING_SUFFIX), tag.endswith(_FRUITING_SUFFIX)
            preference = 1 / (1 + _PREFERENCE_STEP * rank)
            for other, one in enumerate(self._defined):
                edible = one.entity_class != "MICROORGANISM" and other != code
                if edible and other not in foods and name in _labels(one):
                    foods[other] = Food(other, preference, fruiting)
        if eater.diet_type == "nectarivore":
            flowers = [food for food in foods.values() if self.floral[food.species]]
            return flowers or [
                Food(other, 1.0, False) for other in range(self.n_defined) if self.floral[other]
            ]
        if eater.diet_type == "herbivore":
            return [food for food in foods.values() if not self.mobile[food.species]]
        return list(foods.values())


def _default_tags(eater: Species) -> tuple[str, ...]:
    """Return what a species without ``diet_breadth`` eats, as names of entity classes."""
    return {
        "herbivore": ("plant",),
        "carnivore": ("animal", "bird", "insect"),
        "insectivore": ("insect",),
        "omnivore": ("insect", "plant:fruiting", "tree:fruiting"),
    }.get(eater.diet_type, ())


def _labels(one: Species) -> set[str]:
    """Return the names under which others may eat a species."""
    return {one.species_id, one.functional_group, one.entity_class.lower(), *one.resource_tags}
