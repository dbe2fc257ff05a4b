"""Every default of the model: its settings by section, the rate multipliers and the biomes.

This is the single source of each name, default, bound, unit and meaning. World files override it
(``sim_config``, ``rates``), batches vary it by dotted path, the documentation is generated from it.

Units: u is a world unit (the default edge of a cell), s a second of model time (ten ticks of the
default step), "cell" the nutrient content of one full cell. Physiology is compressed in time: one s
stands for about a day of it, while movement stays in u/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

BiomeName = Literal["TROPICAL", "TEMPERATE", "ARCTIC", "DESERT"]


def whole(value: Any) -> Any:
    """Return a float without a fraction as an integer: JSON has one type of number for both."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= 2**63
    return int(value) if is_whole else value


Whole = Annotated[int, BeforeValidator(whole)]
"""An integer, which may be written with a decimal point: 32 or 32.0, but not 32.5."""


#: What ``json_schema_extra["role"]`` says of a setting at which behaviour switches.
THRESHOLD: Final = "threshold"


def _setting(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """Return a bounded pydantic field; "-" is the unit of a ratio, "x" of a multiplier."""
    return Field(
        default=default, ge=low, le=high, description=meaning, json_schema_extra={"unit": unit}
    )


def _threshold(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """Return a field whose number is compared with something, rather than multiplied."""
    field = _setting(default, low, high, unit, meaning)
    field.json_schema_extra["role"] = THRESHOLD
    return field


class Settings(BaseModel):
    """A frozen group of numbers that refuses unknown names, strings, bools, NaN and infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TimeConfig(Settings):
    """The clock."""

    dt: float = _setting(0.1, 0.01, 0.5, "s", "model time of one tick")


class ClimateConfig(Settings):
    """Days and seasons around the climate of the world."""

    day_length: float = _setting(60, 1, 1e5, "s", "length of a day")
    diurnal_amplitude: float = _setting(
        5, 0, 40, "C", "difference between the warmest and the coldest time of day"
    )
    season_length: float = _setting(400, 10, 1e6, "s", "length of a year")
    season_strength: float = _setting(
        1, 0, 3, "x", "multiplier of the biome's swing of warmth and rain over the year"
    )
    rain_cooling: float = _setting(2, 0, 15, "C", "drop of air temperature while a storm lasts")


class MetabolismConfig(Settings):
    """Hunger, thirst, energy and health of the animals."""

    hunger_base: float = _setting(0.006, 0, 0.1, "1/s", "hunger rate of a 1 kg endotherm")
    mass_exponent: float = _setting(-0.25, -1, 0.5, "-", "mass exponent of mass-specific rates")
    ectotherm_ratio: float = _setting(
        0.15, 0.01, 1, "-", "rate of an ectotherm over that of an endotherm, at 20 C"
    )
    activation_energy: float = _setting(
        0.65, 0, 1.5, "eV", "Boltzmann-Arrhenius activation energy of ectotherms"
    )
    energy_gain: float = _setting(0.03, 0, 0.5, "1/s", "energy recovery when fed")
    energy_cost: float = _setting(0.012, 0, 0.2, "1/s", "energy spent at activity 1")
    starve_damage: float = _setting(
        0.02, 0, 0.5, "1/s", "health loss without energy, and again without water"
    )
    thirst_base: float = _setting(0.005, 0, 0.1, "1/s", "hydration loss of a 1 kg endotherm")
    cold_cost: float = _setting(
        0.02, 0, 0.5, "1/C", "rise of an endotherm's hunger rate per degree below its comfort"
    )
    health_recovery: float = _setting(0.01, 0, 0.5, "1/s", "health regained with energy")
    thermal_damage: float = _setting(
        0.002, 0, 0.1, "1/s/C", "health loss per degree outside the thermal range"
    )
    stress_rate: float = _setting(0.02, 0, 1, "1/s", "rate at which stress follows hunger")
    cohort_mass: float = _setting(
        0.016, 0, 100, "kg", "mass of the cohort or colony that one INSECT entity stands for"
    )


class MovementConfig(Settings):
    """Speed, senses and home ranges."""

    speed_scale: float = _setting(0.14, 0.001, 5, "u/m", "world speed per m/s of maximum speed")
    min_speed: float = _threshold(0.25, 0, 5, "u/s", "lowest world speed of a mobile species")
    hunt_factor: float = _setting(1.4, 0.1, 5, "x", "speed factor in HUNTING")
    flee_factor: float = _setting(1.6, 0.1, 5, "x", "speed factor in FLEEING")
    sensory_base: float = _setting(7, 0.1, 100, "u", "sensory range of 1 kg")
    sensory_exponent: float = _setting(0.21, 0, 1, "-", "mass exponent of the sensory range")
    sensory_min: float = _threshold(3, 0.1, 100, "u", "shortest sensory range")
    sensory_max: float = _threshold(14, 0.1, 1000, "u", "longest sensory range")
    wander_range: float = _setting(6, 0.1, 1000, "u", "home radius of a body without mass")
    wander_mass_range: float = _setting(5, 0, 1000, "u", "home radius added by a mass of 1 kg")
    wander_exponent: float = _setting(0.3, 0, 1.5, "-", "mass exponent of the home radius")
    turn_noise: float = _setting(0.8, 0, 3.2, "rad", "deviation of a wanderer's turns")
    home_pull: float = _setting(0.25, 0, 10, "-", "weight of the pull toward home")


class ForagingConfig(Settings):
    """What grazers and nectar feeders take."""

    bite_size: float = _setting(0.14, 0.001, 1, "-", "largest hunger relief per bite")
    half_saturation: float = _setting(
        0.45, 0.001, 5, "growth", "plant growth at half a bite (Holling II)"
    )
    food_scale: float = _setting(
        0.15, 0.0001, 5, "growth", "plant growth eaten per unit of hunger, per kg^0.75"
    )
    handling_time: float = _setting(1, 0, 60, "s", "time between bites")
    nectar_gain: float = _setting(0.22, 0, 1, "-", "hunger relief per flower visit")
    min_growth: float = _threshold(0.15, 0, 1, "growth", "least growth a grazer goes for")
    linger: float = _setting(1.5, 0, 60, "s", "time a nectar feeder stays at a flower")
    reach: float = _threshold(1, 0.05, 10, "u", "distance from which food and prey are taken")
    browse_fraction: float = _setting(0.1, 0, 1, "-", "share of a bite that a tree loses")
    food_water: float = _setting(0.25, 0, 5, "-", "hydration per unit of hunger relieved")


class PredationConfig(Settings):
    """Strikes, refuge and flight."""

    capture_max: float = _setting(0.55, 0, 1, "-", "best capture probability of a strike")
    refuge: float = _setting(0.75, 0, 1, "-", "capture reduction at full cover")
    handling_time: float = _setting(10, 0, 600, "s", "pause after a kill")
    miss_pause: float = _setting(4, 0, 60, "s", "pause after a miss")
    prey_value: float = _setting(3.3, 0, 100, "-", "hunger relief for prey of own mass")
    flee_radius: float = _threshold(
        0.45, 0, 1, "-", "fraction of the sensory range at which prey takes flight"
    )
    flee_release: float = _threshold(
        1.6, 1, 10, "x", "multiple of the flight distance at which prey calms down"
    )
    hiding: float = _setting(
        0.4, 0, 10, "-", "prey density over its reference at which half of it is well hidden"
    )
    optimal_ratio: float = _setting(15, 0.01, 1e5, "-", "predator/prey mass ratio caught best")
    ratio_width: float = _setting(2.2, 0.1, 20, "ln", "width of the mass ratio hump")
    min_capture: float = _threshold(
        0.05, 0, 1, "-", "share of the best capture below which prey is not hunted"
    )


class PollinationConfig(Settings):
    """Visits and the seed set that depends on them."""

    flower_cooldown: float = _setting(10, 0, 600, "s", "time before a flower pays again")
    selfing: float = _setting(0.15, 0, 1, "-", "seed set of a floral species without visits")


class PlantsConfig(Settings):
    """Growth, water use, shedding and spread of plants and trees."""

    growth_rate: float = _setting(0.11, 0, 2, "1/s", "maximum growth rate")
    light_half: float = _setting(0.35, 0.001, 5, "light", "half-saturation light (Monod)")
    uptake_rate: float = _setting(0.02, 0, 1, "1/s", "maximum uptake, in store units")
    uptake_half: float = _setting(
        0.15, 0.001, 1, "cell", "fast nutrients at half uptake (Michaelis-Menten)"
    )
    water_uptake: float = _setting(0.06, 0, 2, "1/s", "hydration gained in saturated soil")
    transpiration: float = _setting(0.06, 0, 2, "1/s", "hydration loss coefficient")
    litter_rate: float = _setting(0.004, 0, 0.2, "1/s", "growth shed as litter")
    stress_damage: float = _setting(0.012, 0, 0.5, "1/s", "health loss in drought")
    spread_rate: float = _setting(0.03, 0, 1, "1/s", "seed or runner attempts")
    cover_half: float = _setting(
        0.6, 0.01, 10, "growth/u2", "e-folding cover for the establishment of seedlings"
    )
    root_depth: Whole = _setting(4, 1, 64, "cells", "cells below the surface that roots reach")
    tree_growth: float = _setting(0.2, 0, 2, "x", "growth of a tree over that of a plant")
    tree_litter: float = _setting(0.25, 0, 2, "x", "litter of a tree over that of a plant")
    tree_spread: float = _setting(0.02, 0, 2, "x", "seed rate of a tree over that of a plant")
    canopy_shade: float = _setting(0.6, 0, 1, "-", "light that a full-grown canopy takes")
    nutrient_scale: float = _setting(
        1, 0.01, 100, "cell", "nutrients in a full-grown plant of 1 kg body mass"
    )
    nutrient_exponent: float = _setting(0.23, 0, 1, "-", "mass exponent of those nutrients")


class DecompositionConfig(Settings):
    """Microorganisms and the organic matter they use."""

    rate: float = _setting(0.02, 0, 1, "cell/s", "maximum organic matter use per population")
    half_saturation: float = _setting(
        0.15, 0.001, 1, "cell", "organic matter at half use (Holling II)"
    )
    growth_yield: float = _setting(3, 0, 50, "1/cell", "population gained per matter used")
    mortality: float = _setting(0.01, 0, 1, "1/s", "population loss")
    spore_rate: float = _setting(0.012, 0, 1, "1/s", "spore attempts while BLOOMING")


class SoilConfig(Settings):
    """The two nutrient pools and the organic matter that feeds them."""

    mineralization: float = _setting(0.001, 0, 0.2, "1/s", "organic matter to slow pool")
    dissolution: float = _setting(0.0012, 0, 0.2, "1/s", "slow to fast pool")
    leaching: float = _setting(0.002, 0, 0.2, "1/s", "downward loss per wetness over 0.35")
    diffusion: float = _setting(0.01, 0, 0.2, "1/s", "lateral exchange of the fast pool")
    q10: float = _setting(2, 1, 5, "-", "rise of soil rates per 10 C")
    deposition: float = _setting(4e-5, 0, 0.01, "cell/s", "input to each surface cell")


class WaterConfig(Settings):
    """Rain, evaporation, soil water and water sources."""

    evaporation: float = _setting(0.02, 0, 1, "1/s", "surface evaporation coefficient")
    rain_gain: float = _setting(0.15, 0, 5, "-", "moisture per second of full intensity")
    drizzle: float = _setting(0.01, 0, 1, "-", "steady rain intensity at rainfall 1")
    storm_rate: float = _setting(0.05, 0, 2, "1/s", "storm hazard at rainfall 1")
    rain_duration: float = _setting(5, 0.1, 600, "s", "length of a storm that was asked for")
    percolation: float = _setting(0.2, 0, 2, "1/s", "drainage above field capacity")
    capillary: float = _setting(0.02, 0, 0.5, "1/s", "moisture exchange between layers")
    field_capacity: float = _threshold(0.65, 0.05, 1, "-", "moisture that soil holds")
    source_refill: float = _setting(0.01, 0, 1, "1/s", "refill of a source at rainfall 1")
    source_evaporation: float = _setting(0.006, 0, 1, "1/s", "loss of a source at 20 C")
    shore: float = _threshold(0.8, 0.05, 10, "u", "distance from the shore that still drinks")


class ReproductionConfig(Settings):
    """Drive, clutches, inheritance and crowding."""

    drive_rate: float = _setting(1, 0, 20, "x", "multiplier of the reproductive drive")
    parental_cost: float = _setting(0.25, 0, 1, "-", "energy paid by the mother")
    father_share: float = _setting(0.4, 0, 1, "-", "cost of the father over the mother's")
    stress_inheritance: float = _setting(0.3, 0, 1, "-", "share of her stress handed on")
    receptive: float = _threshold(0.5, 0, 1, "-", "drive above which a mate is accepted")
    mate_reach: float = _threshold(1.5, 0.05, 20, "u", "distance at which mates meet")
    density_ref: float = _setting(
        36, 1, 1e4, "count", "reference count per 1024 u2 at 1 kg and trophic level 2"
    )
    density_exponent: float = _setting(-0.1, -1, 0.5, "-", "mass exponent of that count")
    trophic_factor: float = _setting(0.3, 0.01, 1, "-", "that count per trophic level above 2")
    local_share: float = _setting(0.25, 0, 1, "-", "weight of the neighbourhood in crowding")


class LifecycleConfig(Settings):
    """Ageing, disease and maturity."""

    lifespan_factor: float = _setting(3.5, 0.5, 50, "x", "lifespan over generation time")
    disease_rate: float = _setting(0.002, 0, 0.5, "1/s", "crowding mortality coefficient")
    maturity: float = _threshold(0.25, 0, 1, "-", "age of first drive over generation time")
    max_entities: Whole = _threshold(
        1_000_000, 1, 10_000_000, "count", "number of entities at which nothing more is born"
    )


class SimConfig(Settings):
    """Every setting of the model, in sections; ``SimConfig()`` is the calibrated default."""

    time: TimeConfig = TimeConfig()
    climate: ClimateConfig = ClimateConfig()
    metabolism: MetabolismConfig = MetabolismConfig()
    movement: MovementConfig = MovementConfig()
    foraging: ForagingConfig = ForagingConfig()
    predation: PredationConfig = PredationConfig()
    pollination: PollinationConfig = PollinationConfig()
    plants: PlantsConfig = PlantsConfig()
    decomposition: DecompositionConfig = DecompositionConfig()
    soil: SoilConfig = SoilConfig()
    water: WaterConfig = WaterConfig()
    reproduction: ReproductionConfig = ReproductionConfig()
    lifecycle: LifecycleConfig = LifecycleConfig()


class Rates(Settings):
    """Multipliers of whole processes, 1.0 unless a world says otherwise."""

    consumption: float = _setting(1, 0, 20, "x", "bite, nectar and prey value multiplier")
    hunger: float = _setting(1, 0, 20, "x", "hunger accrual multiplier")
    thirst: float = _setting(1, 0, 20, "x", "hydration loss multiplier")
    growth: float = _setting(1, 0, 20, "x", "plant growth and spread multiplier")
    reproduction: float = _setting(1, 0, 20, "x", "reproductive drive multiplier")
    water_replenishment: float = _setting(1, 0, 20, "x", "water source refill multiplier")
    mineralization: float = _setting(1, 0, 20, "x", "organic matter to slow pool multiplier")
    dissolution: float = _setting(1, 0, 20, "x", "slow to fast pool multiplier")
    nutrient_leaching: float = _setting(1, 0, 20, "x", "leaching multiplier")


class BiomeClimate(Settings):
    """The climate a biome gives to a world that states none."""

    temperature: float = _setting(17, -60, 60, "C", "mean air temperature")
    humidity: float = _setting(0.6, 0, 1, "-", "relative humidity of the air")
    rainfall: float = _setting(0.5, 0, 1, "-", "rainfall index")
    wind_speed: float = _setting(2, 0, 50, "m/s", "wind speed")
    light_level: float = _setting(0.75, 0, 1, "-", "light at noon")


class BiomeSoil(Settings):
    """The soil a biome gives to a world that states none; 0.5 is the calibrated content."""

    nitrogen: float = _setting(0.5, 0, 1, "-", "nitrogen content")
    phosphorus: float = _setting(0.5, 0, 1, "-", "phosphorus content")
    potassium: float = _setting(0.5, 0, 1, "-", "potassium content")
    ph: float = _setting(6.5, 0, 14, "pH", "acidity; plants take up most at 6.5")
    moisture: float = _setting(0.5, 0, 1, "-", "moisture of the soil at the start")
    organic_matter: float = _setting(0.5, 0, 1, "-", "organic matter content")


class Biome(Settings):
    """A preset: climate, soil, and how fast some processes run in it."""

    climate: BiomeClimate
    soil: BiomeSoil
    growth: float = _setting(1, 0, 20, "x", "plant growth multiplier")
    thirst: float = _setting(1, 0, 20, "x", "thirst multiplier")
    evaporation: float = _setting(1, 0, 20, "x", "evaporation multiplier")
    decomposition: float = _setting(1, 0, 20, "x", "decomposition multiplier")
    season_amplitude: float = _setting(0, 0, 80, "C", "difference between summer and winter")
    summer_drought: float = _setting(
        0, 0, 1, "-", "share of the rain that moves from midsummer to midwinter"
    )


def _biome(
    climate: tuple[float, float, float, float, float],
    multipliers: tuple[float, float, float, float],
    seasons: tuple[float, float],
) -> Biome:
    """Return a preset from its parts.

    These are (temperature, humidity, rainfall, wind, light), the multipliers of (growth, thirst,
    evaporation, decomposition), and the seasons' (amplitude, summer drought).
    """
    temperature, humidity, rainfall, wind_speed, light_level = climate
    growth, thirst, evaporation, decomposition = multipliers
    season_amplitude, summer_drought = seasons
    return Biome(
        climate=BiomeClimate(
            temperature=temperature,
            humidity=humidity,
            rainfall=rainfall,
            wind_speed=wind_speed,
            light_level=light_level,
        ),
        soil=BiomeSoil(moisture=0.25 + 0.5 * rainfall),
        growth=growth,
        thirst=thirst,
        evaporation=evaporation,
        decomposition=decomposition,
        season_amplitude=season_amplitude,
        summer_drought=summer_drought,
    )


BIOMES: Final[Mapping[BiomeName, Biome]] = MappingProxyType(
    {
        "TROPICAL": _biome((27, 0.85, 0.8, 1.5, 0.9), (1.6, 1.0, 1.0, 1.3), (0, 0)),
        "TEMPERATE": _biome((17, 0.6, 0.5, 2, 0.75), (1.0, 1.0, 1.0, 1.0), (5, 0.85)),
        "ARCTIC": _biome((-4, 0.6, 0.25, 4, 0.45), (0.5, 0.7, 0.6, 0.4), (26, 0)),
        "DESERT": _biome((33, 0.15, 0.06, 3, 0.95), (0.6, 1.6, 1.5, 0.6), (8, 0.8)),
    }
)
