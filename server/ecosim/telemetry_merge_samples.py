"""Merge the samples that the parts of a world took at one tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecosim.telemetry_errors import MergeError
from ecosim.telemetry_merge_parts import Record, check, names_of, same, summed, whole_id
from ecosim.telemetry_statistics import Moments, combine
from ecosim.telemetry_values import describe


def merge_samples(
    parts: Sequence[Record],
    *,
    cells: Sequence[int | None] = (),
    variables: Sequence[str] = (),
    run_id: str | None = None,
) -> dict[str, Any]:
    """Return the sample of a world from those that its parts took at the same tick.

    Parameters
    ----------
    parts : sequence of mapping
        Sample records of one tick and window, one a part, in any order.
    cells : sequence of int or None
        Cells of each part's voxel grid; a record does not say how many there were. Needed where
        several parts have voxel layers (:func:`cells_of` takes them from the config records).
    variables : sequence of str
        The order in which the variables of a species are listed, as in the config record.
    run_id : str, optional
        Of the merged record; the first part's when left out.

    Returns
    -------
    dict
        A sample record. A species, state, variable, event type or transition is listed where any
        part lists it. ``var`` of a layer is null where that of a part is: beyond a double.

    Raises
    ------
    MergeError
        There is no part, a record is no sample, ticks or windows differ, or the cells of a part
        with voxel layers are not known.

    Notes
    -----
    Counts, ``min`` and ``max`` are exact. With ``u = 2**-53``, ``n`` the number of values, ``s``
    their mean absolute value and ``k`` their root mean square over their standard deviation: the
    emitters' means are within ``8 u s`` of the exact ones, and a merged mean within ``9 u s``. A
    merged variance (or ``std`` squared) is within ``(2 n + 40) u + 16 k u`` of the exact one,
    relatively, and ``(8 k u)**2 + (2 n k u)**2`` where ``k`` is very large. So a small spread on a
    large offset loses digits: by what the parts' means were rounded to.
    """
    check(parts, "sample")
    names = names_of(parts)
    tick = same(parts, names, "tick")
    window = same(parts, names, "window")
    if cells and len(cells) != len(parts):
        raise MergeError(f"cells: expected one number a part, {len(parts)}, got {len(cells)}")
    for count in cells:
        if count is not None and (type(count) is not int or count < 0):
            raise MergeError(f"cells: expected an integer >= 0 or None, got {describe(count)}")
    by_type = summed(part["events"]["by_type"] for part in parts)
    told = [key for key in parts[0]["events"] if key != "by_type"]
    return {
        "record": "sample",
        "run_id": whole_id(parts, run_id),
        "tick": tick,
        "window": list(window),
        "entity_count": sum(part["entity_count"] for part in parts),
        "species": {
            species: _species(
                [p["species"][species] for p in parts if species in p["species"]],
                variables,
                f"species.{species}",
            )
            for species in sorted({name for part in parts for name in part["species"]})
        },
        "voxels": _voxels(parts, names, cells or [None] * len(parts)),
        "events": {
            **{key: sum(part["events"][key] for part in parts) for key in told},
            "by_type": by_type,
        },
        "transitions": {
            species: summed(part["transitions"].get(species, {}) for part in parts)
            for species in sorted({name for part in parts for name in part["transitions"]})
        },
    }


def _species(found: Sequence[Record], variables: Sequence[str], where: str) -> dict[str, Any]:
    """Return one species of the merged sample from the parts that list it."""
    listed = dict.fromkeys(name for one in found for name in one["vars"])
    order = [name for name in variables if name in listed]
    order += [name for name in listed if name not in variables]
    return {
        "count": sum(one["count"] for one in found),
        "states": summed(one["states"] for one in found),
        "vars": {
            name: _variable(
                [one["vars"][name] for one in found if name in one["vars"]], f"{where}.vars.{name}"
            )
            for name in order
        },
    }


def _variable(found: Sequence[Record], where: str) -> dict[str, Any]:
    parts = []
    for one in found:
        n, mean, deviation = one["n"], one["mean"], one["std"]
        if (mean is None) != (not n) or (deviation is None) != (not n):
            raise MergeError(
                f"{where}: expected a mean and a std just where n is not 0, got {describe(one)}"
            )
        if deviation is not None and deviation < 0:
            raise MergeError(f"{where}.std: expected a number >= 0, got {describe(deviation)}")
        parts.append(Moments(n, one.get("nonfinite", 0), mean, None, deviation))
    whole = combine(parts)
    return {"n": whole.n, "mean": whole.mean, "std": whole.deviation} | _nonfinite(whole.nonfinite)


def _voxels(
    parts: Sequence[Record], names: Sequence[str], cells: Sequence[int | None]
) -> dict[str, Any]:
    """Return the layers of the merged sample: those of the parts that have a grid."""
    with_grid = [index for index, part in enumerate(parts) if part["voxels"]]
    if len(with_grid) < 2:
        return dict(parts[with_grid[0]]["voxels"]) if with_grid else {}
    first = with_grid[0]
    layers = parts[first]["voxels"]
    for index in with_grid[1:]:
        if set(parts[index]["voxels"]) != set(layers):
            raise MergeError(
                f"voxels of {names[index]}: expected the layers of {names[first]}, "
                f"{', '.join(layers)}, got {', '.join(parts[index]['voxels'])}"
            )
    return {
        layer: _layer(
            [
                (parts[index]["voxels"][layer], cells[index], f"voxels.{layer} of {names[index]}")
                for index in with_grid
            ]
        )
        for layer in layers
    }


def _layer(found: Sequence[tuple[Record, int | None, str]]) -> dict[str, Any]:
    parts = []
    for one, cells, where in found:
        nonfinite = one.get("nonfinite", 0)
        if cells is None:
            raise MergeError(
                f"{where}: expected a known number of cells to weigh its mean by, got none: pass "
                "cells, or let the part's voxel_grid state its dimensions"
            )
        if (one["mean"] is None) != (cells == nonfinite) or nonfinite > cells:
            raise MergeError(
                f"{where}: expected a mean of {cells} cells less those that are not finite, "
                f"got {describe(one)}"
            )
        if one["var"] is not None and one["var"] < 0:
            raise MergeError(f"{where}: var: expected a number >= 0, got {describe(one['var'])}")
        parts.append(Moments(cells - nonfinite, nonfinite, one["mean"], one["var"], None))
    whole = combine(parts)
    return {
        "mean": whole.mean,
        "min": min((one["min"] for one, _, _ in found if one["min"] is not None), default=None),
        "max": max((one["max"] for one, _, _ in found if one["max"] is not None), default=None),
        "var": whole.variance,
    } | _nonfinite(whole.nonfinite)


def _nonfinite(count: int) -> dict[str, int]:
    return {"nonfinite": count} if count else {}
