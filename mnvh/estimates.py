"""Estimates with their standard errors, for what SciPy gives none (chapters 2, 8, 9, 11, 12, 14 to 16)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mnvh import check
from mnvh.check import Array


def deviation(samples: ArrayLike) -> tuple[Array, Array]:
    """Standard deviation of independent samples and its standard error, for any law that has a fourth moment.

    The error is that of the mean square, divided by 2σ (the delta method): for normal samples σ/√(2n). It is asymptotic:
    for normal samples 30 % too small with nine and 7 % with fifty, and of no use for a law of two values with equal chances.

    Parameters
    ----------
    samples : array, shape (n,) or (n_sets, n)

    Returns
    -------
    deviation, stderr : float, or array of shape (n_sets,)

    Raises ValueError if an entry is not finite, or there are fewer than three samples, or all of them are equal.

    Examples
    --------
    >>> float(deviation([1.0, 2.0, 3.0])[0])
    1.0
    """
    samples = check.array("samples", samples, ("n_sets", "n") if np.ndim(samples) > 1 else ("n",))
    check.integer("number of samples", samples.shape[-1], 3)
    found = samples.std(axis=-1, ddof=1)
    check.positive("standard deviation of samples", float(np.min(found)), fix="samples that are all equal have no standard error")
    squares = (samples - samples.mean(axis=-1, keepdims=True)) ** 2
    return found, stats.sem(squares, axis=-1) / (2 * found)


def exponent(x: ArrayLike, y: ArrayLike, stderr: ArrayLike) -> tuple[float, float]:
    """Exponent a of the power law y = c·x^a and its standard error, from estimates of y that are independent.

    Least squares of the logarithms, weighted by the errors of y. The error of a follows from these, not from how far
    the few points lie off the line, which would have the fat tails of a Student law.

    Parameters
    ----------
    x, y, stderr : array, shape (n,), above 0
        y with standard errors that are small beside it. Estimates that are positively correlated, as those of one path,
        make the stated error of the exponent too large.

    Raises ValueError if an entry is not above 0, shapes differ, or there are fewer than two different x.

    Examples
    --------
    >>> round(float(exponent([1.0, 2.0, 4.0], [3.0, 12.0, 48.0], [0.03, 0.12, 0.48])[0]), 12)
    2.0
    """
    y = check.array("y", y, ("n",))
    x, stderr = (check.array(name, values, y.shape, fix="one for each y") for name, values in (("x", x), ("stderr", stderr)))
    for name, values in (("x", x), ("y", y), ("stderr", stderr)):
        check.positive(name, float(values.min()), fix="a power law is fitted to logarithms")
    check.integer("number of different x", len(np.unique(x)), 2)
    fit, covariance = np.polyfit(np.log(x), np.log(y), 1, w=y / stderr, cov="unscaled")
    return fit[0], np.sqrt(covariance[0, 0])
