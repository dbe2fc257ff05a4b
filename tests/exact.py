"""Hold moments against exact rational arithmetic."""

import math
from fractions import Fraction

ULP = 2.0**-52


def exact(values):
    """Return mean, mean absolute value and variance as fractions."""
    parts = [Fraction(value) for value in values]
    n = len(parts)
    mean = sum(parts) / n
    return mean, sum(map(abs, parts)) / n, sum((part - mean) ** 2 for part in parts) / n


def hold(found, values, roundings=4):
    """Assert that moments of finite values are within the known error bound of the exact ones.

    ``roundings`` is how often a sum of deviations is rounded on the way to the mean, where that is
    more than the few of values in one row, whose deviations from their mean cancel.
    """
    mean, scale, variance = exact(values)
    n = len(values)
    assert (found.n, found.nonfinite) == (n, 0)
    assert (
        abs(Fraction(found.mean) - mean) <= roundings * Fraction(ULP) * scale + Fraction(2) ** -1070
    )
    assert min(values) <= found.mean <= max(values) or len(set(values)) > 1
    # Chan, Golub & LeVeque 1983, table 1: n u + n^2 u^2 kappa^2, kappa^2 = 1 + mean^2 / variance.
    relative = (n + 16) * Fraction(ULP)
    allowed = relative * variance + (n * Fraction(ULP)) ** 2 * (variance + mean**2)
    if found.variance is None:
        assert variance * (1 + relative) > Fraction(2) ** 1023
    else:
        assert abs(Fraction(found.variance) - variance) <= allowed + n * Fraction(2) ** -1060
    assert math.isfinite(found.deviation)
    assert abs(Fraction(found.deviation) ** 2 - variance) <= 4 * allowed + n * Fraction(2) ** -1050
