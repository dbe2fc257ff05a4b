"""The outcomes that come with the package: what each is, and how it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis import measures
from ecosim.analysis.community import Community, Role
from ecosim.analysis.series import RunSeries
from ecosim.errors import DatasetError

#: The voxel layer whose mean is an outcome.
NUTRIENT_LAYER: Final = "nutrients_fast"
#: What names the column that says of a time whether its event never happened.
CENSORED_SUFFIX: Final = "_censored"

_INFINITE: Final = math.inf


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers in the definitions of outcomes.

    Attributes
    ----------
    collapse_fraction : float
        A total below this fraction of its maximum so far has collapsed; above 0, at most 1.
    late_share : float
        The share of a run's time, at its end, that carrying capacities are means over; above 0, at
        most 1.

    Raises
    ------
    DatasetError
        A number is out of range.
    """

    collapse_fraction: float = 0.1
    late_share: float = 0.2

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise DatasetError(f"{name}: expected a number above 0 and up to 1, got {value}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an outcome is.

    Attributes
    ----------
    name, unit, meaning : str
    low, high : float
        The range of its values; infinite where there is no bound.
    source : str
        ``built in``, ``MODULE:CALLABLE`` or the text of an SQL query.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    source: str = "built in"


@dataclass(frozen=True, slots=True)
class Definition:
    """An outcome of the package, and how it is computed.

    Attributes
    ----------
    outcome : Outcome
    value : callable
        Run to number; NaN where the run has none.
    censored : callable or None
        For the time of an event: run to whether the event did not happen, and the value is the time
        of the last sample.
    lacking : str
        Why these runs cannot have the outcome; empty when they can.
    note : str
        What a reader should know of it in these runs; empty when there is nothing.
    """

    outcome: Outcome
    value: Callable[[RunSeries], float]
    censored: Callable[[RunSeries], bool] | None = None
    lacking: str = ""
    note: str = ""


def definitions(community: Community, settings: Settings) -> dict[str, Definition]:
    """Return the outcomes that runs of a community can be asked for, by name.

    Species and types of event have outcomes of their own: ``capacity.<species>``, ``rate.<type>``.
    """
    percent = f"{settings.late_share:.0%}".replace("%", " %")
    consumers = partial(_of_role, role="consumer")
    ground = partial(_ground_density, role="producer")
    no_consumer = _lacking_role(community, "consumer")
    no_producer = _lacking_role(community, "producer")
    no_cover = no_producer or ("" if community.has_grid else "no run has a grid, and so no ground")
    no_layer = "" if NUTRIENT_LAYER in community.layers else f"no run has a layer {NUTRIENT_LAYER}"
    fall = f"{settings.collapse_fraction:.0%}".replace("%", " %")
    found = [
        *_end_and_mean(
            *("shannon", "nats", math.log(max(1, len(community.species)))),
            "Shannon index -sum(p ln p) over the counts of all species",
            lambda run: measures.shannon(run.counts),
        ),
        *_end_and_mean(
            *("richness", "species", float(len(community.species))),
            "number of species with at least one living entity",
            lambda run: measures.richness(run.counts),
        ),
        *_end_and_mean(
            *("total_consumers", "entities", _INFINITE),
            "living entities of all consumer species",
            consumers,
            no_consumer,
        ),
        *_end_and_mean(
            *("plant_cover", "plants per ground cell", _INFINITE),
            "living plants (entities of producer species, whatever their size or state) divided by "
            "the number of voxels in one level of the grid",
            ground,
            no_cover,
        ),
        *_time(
            "time_to_first_extinction",
            "first sample in which a species that had a living entity in an earlier one has none",
            lambda run: measures.first_extinction(run.ticks, run.counts),
        ),
        *_time(
            "time_to_collapse",
            f"first sample in which all consumers together are below {fall} of their largest "
            "number in any sample so far",
            lambda run: measures.collapse(run.ticks, consumers(run), settings.collapse_fraction),
            no_consumer,
        ),
        Definition(
            Outcome(
                *("capacity_consumers", "entities", 0.0, _INFINITE),
                f"carrying capacity: mean of all consumers over the last {percent} of the run",
            ),
            _sampled(
                lambda run: measures.late_mean(run.ticks, consumers(run), settings.late_share)
            ),
            lacking=no_consumer,
        ),
        Definition(
            Outcome(
                *(f"{NUTRIENT_LAYER}_mean", "1", 0.0, 1.0),
                f"time mean of the mean over all voxels of the layer {NUTRIENT_LAYER}",
            ),
            _nutrients,
            lacking=no_layer,
        ),
        *(
            Definition(
                Outcome(
                    *(f"capacity.{name}", "entities", 0.0, _INFINITE),
                    f"carrying capacity: mean count of {name} over the last {percent} of the run",
                ),
                _sampled(partial(_capacity, place=place, share=settings.late_share)),
            )
            for place, name in enumerate(community.species)
        ),
        *(
            Definition(
                Outcome(
                    *(f"rate.{kind}", "events per 1,000 ticks", 0.0, _INFINITE),
                    f"{kind} events of the whole run, per 1,000 ticks",
                ),
                partial(_rate, kind=kind),
            )
            for kind in community.event_types
        ),
    ]
    by_role = ("total_consumers", "plant_cover", "capacity_consumers", "time_to_collapse")
    note = _without_role(community)
    return {
        one.outcome.name: replace(one, note=note) if one.outcome.name.startswith(by_role) else one
        for one in found
    }


def _without_role(community: Community) -> str:
    """Return the note that some species are counted under no role; empty if there are none."""
    unknown = community.without_role()
    if not unknown:
        return ""
    return (
        "neither consumer nor producer, as their states do not tell: "
        f"{', '.join(unknown)}; --role SPECIES=ROLE says it"
    )


def _end_and_mean(
    name: str,
    unit: str,
    high: float,
    meaning: str,
    over_time: Callable[[RunSeries], NDArray[np.float64]],
    lacking: str = "",
) -> Iterable[Definition]:
    """Yield two outcomes of a number that every sample has: at the end, and its time mean."""
    yield Definition(
        Outcome(f"{name}_end", unit, 0.0, high, f"{meaning}, in the last sample"),
        _sampled(lambda run: float(over_time(run)[-1])),
        lacking=lacking,
    )
    yield Definition(
        Outcome(f"{name}_mean", unit, 0.0, high, f"{meaning}, mean over time"),
        _sampled(lambda run: measures.time_mean(run.ticks, over_time(run))),
        lacking=lacking,
    )


def _time(
    name: str,
    meaning: str,
    event: Callable[[RunSeries], tuple[float, bool]],
    lacking: str = "",
) -> Iterable[Definition]:
    """Yield the time of an event that may not happen."""
    yield Definition(
        Outcome(
            *(name, "ticks", 0.0, _INFINITE),
            f"{meaning}; where there is none, the time of the last sample, and "
            f"{name}{CENSORED_SUFFIX} is true",
        ),
        _sampled(lambda run: event(run)[0]),
        lambda run: event(run)[1] if len(run.ticks) else True,
        lacking,
    )


def _sampled(value: Callable[[RunSeries], float]) -> Callable[[RunSeries], float]:
    """Return the function with NaN for a run whose samples list no species."""
    return lambda run: value(run) if len(run.ticks) else math.nan


def _lacking_role(community: Community, role: Role) -> str:
    if community.with_role(role):
        return ""
    return f"the states of the species tell of no {role}; say which are with --role SPECIES={role}"


def _of_role(run: RunSeries, role: Role) -> NDArray[np.float64]:
    return np.asarray(run.counts[:, run.community.with_role(role)].sum(axis=1))


def _ground_density(run: RunSeries, role: Role) -> NDArray[np.float64]:
    return _of_role(run, role) / (run.ground_cells or math.nan)


def _capacity(run: RunSeries, place: int, share: float) -> float:
    return measures.late_mean(run.ticks, run.counts[:, place], share)


def _nutrients(run: RunSeries) -> float:
    ticks, means = run.layers[NUTRIENT_LAYER]
    return measures.time_mean(ticks, means) if len(ticks) else math.nan


def _rate(run: RunSeries, kind: str) -> float:
    return 1000 * run.events.get(kind, 0) / run.last_tick if run.last_tick else math.nan
