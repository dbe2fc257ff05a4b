"""The methods of sensitivity analysis and what each needs.

=========  =================  ===========================================================
method     design             estimates
=========  =================  ===========================================================
sobol      saltelli           first-order and total effects (Saltelli et al. 2010)
morris     morris             mean absolute elementary effects (Campolongo et al. 2007)
delta      sobol, lhs, table  the moment-independent delta (Plischke et al. 2013)
rbd_fast   sobol, lhs, table  first-order effects (Tarantola 2006, Tissot & Prieur 2012)
=========  =================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ecosim.analysis.estimators import (
    Estimate,
    Problem,
    estimate_delta,
    estimate_morris,
    estimate_rbd_fast,
    estimate_sobol,
)
from ecosim.batch.samplers import Sampler


class Index(NamedTuple):
    """One number that a method gives for each parameter."""

    name: str
    label: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method and what it needs.

    Attributes
    ----------
    samplers : tuple of str
        The designs it can use, the best first.
    unit : str
        What is kept or left out as one: ``block``, ``path`` or ``run``.
    least : int
        Fewest units it is used with.
    why : str
        The reason for ``least``.
    grouped : bool
        Whether it gives indices of groups where the design has them.
    indices : tuple of Index
        The first ranks.
    estimate : callable
    """

    name: str
    samplers: tuple[Sampler, ...]
    unit: str
    least: int
    why: str
    grouped: bool
    indices: tuple[Index, ...]
    estimate: Callable[[Problem], Estimate]


_S1: Final = Index(
    "S1",
    "first-order effect",
    "share of the outcome's variance that the parameter explains on its own",
)

METHODS: Final[Mapping[str, Method]] = {
    method.name: method
    for method in (
        Method(
            *("sobol", ("saltelli",), "block", 64),
            "with fewer, the intervals are as wide as the effects",
            True,
            (
                Index(
                    "ST",
                    "total effect",
                    "share of the outcome's variance that would be left if all other parameters "
                    "were known, interactions included",
                ),
                _S1,
            ),
            estimate_sobol,
        ),
        Method(
            *("morris", ("morris",), "path", 10),
            "each gives a parameter one effect, and fewer than ten have no mean to trust",
            True,
            (
                Index(
                    "mu_star",
                    "mean absolute effect",
                    "mean of the absolute elementary effects: the change of the outcome as the "
                    "parameter crosses its range",
                ),
                Index("mu", "mean effect", "mean of the elementary effects, with their signs"),
                Index(
                    "sigma",
                    "spread of effects",
                    "standard deviation of the effects: interaction, curvature or chance",
                ),
            ),
            estimate_morris,
        ),
        Method(
            *("rbd_fast", ("sobol", "lhs", "table"), "run", 128),
            "its intervals use half of the runs, and 64 are few for ten harmonics",
            False,
            (_S1,),
            estimate_rbd_fast,
        ),
        Method(
            *("delta", ("sobol", "lhs", "table"), "run", 128),
            "it has four classes of a parameter then, and 32 runs are few for a density",
            False,
            (
                Index(
                    "delta",
                    "delta",
                    "half the mean area between the outcome's density and its density where the "
                    "parameter is known, less the bias that resampling shows: about 0 for none, "
                    "and below it by chance; at most 1",
                ),
            ),
            estimate_delta,
        ),
    )
}
