"""The units of a design that an analysis keeps or leaves out as one: blocks, paths or runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.estimators import RefusedError
from ecosim.analysis.methods import Method
from ecosim.analysis.stored import NOT_COLLECTED
from ecosim.batch.plan import BatchPlan

#: Runs do not fail at random: with more than this left out, what is left is another space.
MOST_LEFT_OUT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Used:
    """What of a design an analysis could use.

    Attributes
    ----------
    units, kept : int
        Blocks, paths or runs of the design, and those whose outcomes are all finite.
    reasons : dict
        Why the others were left out, with their number.
    rows : ndarray of shape (rows,), bool
        Which rows were used.
    """

    units: int
    kept: int
    reasons: dict[str, int]
    rows: NDArray[np.bool_]


def used_units(reasons: Sequence[str], size: int) -> Used:
    """Return which rows belong to units of ``size`` rows that all have an outcome."""
    units = len(reasons) // size
    kept = 0
    rows = np.zeros(len(reasons), dtype=bool)
    counted: Counter[str] = Counter()
    for unit in range(units):
        own = slice(unit * size, (unit + 1) * size)
        if reason := next((one for one in reasons[own] if one), ""):
            counted[reason] += 1
        else:
            rows[own] = True
            kept += 1
    return Used(units, kept, dict(counted.most_common()), rows)


def refuse_few(used: Used, method: Method, plan: BatchPlan) -> None:
    """Raise RefusedError if a method has too few units left, or too many were left out."""
    left_out = used.units - used.kept
    told = ", ".join(f"{count} {reason}" for reason, count in used.reasons.items())
    told = f" ({told})" if told else ""
    if used.kept < method.least:
        raise RefusedError(
            f"expected at least {method.least} {method.unit}s ({method.why}), "
            f"got {used.kept} of {used.units}{told}{_hint(used, plan)}"
        )
    if left_out > MOST_LEFT_OUT * used.units:
        raise RefusedError(
            f"expected at most {MOST_LEFT_OUT:.0%} of the {method.unit}s to be left out (runs do "
            f"not fail at random), got {left_out} of {used.units}{told}{_hint(used, plan)}"
        )


def _hint(used: Used, plan: BatchPlan) -> str:
    if plan.shard is not None:
        return f"; this folder is shard {plan.shard}: merge the shards and collect the whole"
    if NOT_COLLECTED in used.reasons:
        return "; ecosim batch --resume finishes a batch and ecosim collect adds what is finished"
    return ""
