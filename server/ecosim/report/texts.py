"""Numbers as text for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

#: What stands where there is no number.
NOTHING = "–"


def number_text(value: float | None, digits: int = 4) -> str:
    """Return a number with about so many significant digits, or a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, int):
        # Not by way of a float, which has no room for the largest.
        return f"{value:,}" if abs(value) < 10**15 else f"{Decimal(value):.{digits - 1}e}"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e7:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{_short(mantissa)}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return _short(f"{value:,.{decimals}f}")


def share_text(part: float, whole: float) -> str:
    """Return a part of a whole in percent, or a dash of nothing."""
    return f"{number_text(100 * part / whole, 3)} %" if whole else NOTHING


def bytes_text(count: int) -> str:
    """Return a size for people, in units of 1,000."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{number_text(count) if unit == 'bytes' else number_text(size, 3)} {unit}"
        size /= 1000
    return f"{number_text(size, 3)} GB"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names in a row, of many the first and how many more there are."""
    more = len(names) - most
    if more <= 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {more:,} more"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 run``, ``1,024 runs``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
