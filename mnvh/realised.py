"""Estimators of integrated variance from prices at even times, to compare the ladder with (chapter 11).

All take log prices of shape (..., n_steps + 1), time on the last axis, and return the variance over the whole span, shape
(...). All raise ValueError if an entry is not finite, there are too few steps, or a number is out of range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array


def realised_variance(log_prices: ArrayLike, *, every: int = 1) -> Array:
    """Σr² of the returns over `every` steps (Andersen, Bollerslev, Diebold and Labys, 2003); raises as the module says.

    Examples
    --------
    >>> float(realised_variance([0.0, 1.0, 0.0, 2.0, 2.0], every=2))
    4.0
    """
    x = _log_prices(log_prices, 1)
    moves = np.diff(x[..., :: check.integer("every", every, 1, x.shape[-1] - 1, fix="bring more steps")], axis=-1)
    return np.vecdot(moves, moves)


def bipower(log_prices: ArrayLike, *, every: int = 1) -> Array:
    """(π/2)·n/(n - 1)·Σ|r_i||r_{i-1}|, robust to jumps (Barndorff-Nielsen and Shephard, 2004); raises as the module says."""
    every = check.integer("every", every, 1)
    moves = abs(np.diff(_log_prices(log_prices, 2 * every)[..., ::every], axis=-1))
    n = moves.shape[-1]
    return np.pi / 2 * n / (n - 1) * np.vecdot(moves[..., 1:], moves[..., :-1])


def parkinson(log_prices: ArrayLike, *, bar: int) -> Array:
    """Σ(high - low)²/(4 ln 2) over bars of `bar` steps (Parkinson, 1980); raises as the module says."""
    _, high, low, _ = _bars(log_prices, bar)
    return ((high - low) ** 2).sum(axis=-1) / (4 * np.log(2))


def garman_klass(log_prices: ArrayLike, *, bar: int) -> Array:
    """Σ½(high - low)² - (2 ln 2 - 1)(close - open)² over bars of `bar` steps (Garman and Klass, 1980); raises as the module says."""
    first, high, low, last = _bars(log_prices, bar)
    return ((high - low) ** 2 / 2 - (2 * np.log(2) - 1) * (last - first) ** 2).sum(axis=-1)


def two_scale(log_prices: ArrayLike, *, slow: int) -> Array:
    """Mean of the `slow` subsampled variances less the noise of all steps (Zhang, Mykland and Aït-Sahalia, 2005).

    With the factor n/((slow - 1)n̄), n̄ = (n - slow + 1)/slow, that makes it unbiased at any length (Aït-Sahalia, Mykland
    and Zhang, 2011); raises as the module says.
    """
    slow = check.integer("slow", slow, 2)
    x = _log_prices(log_prices, slow)
    n = x.shape[-1] - 1
    long = x[..., slow:] - x[..., :-slow]
    share = (n - slow + 1) / slow / n
    return (np.vecdot(long, long) / slow - share * realised_variance(x)) / (share * (slow - 1))


def realised_kernel(log_prices: ArrayLike, *, bandwidth: int) -> Array:
    """γ_0 + 2Σ k(h/(H + 1))γ_h with Parzen weights (Barndorff-Nielsen, Hansen, Lunde and Shephard, 2009).

    γ_h are the autocovariances of the returns, H the bandwidth in steps; raises as the module says.
    """
    bandwidth = check.integer("bandwidth", bandwidth, 1)
    moves = np.diff(_log_prices(log_prices, bandwidth + 1), axis=-1)
    result = np.vecdot(moves, moves)
    for lag in range(1, bandwidth + 1):
        u = lag / (bandwidth + 1)
        weight = 1 - 6 * u**2 + 6 * u**3 if u <= 0.5 else 2 * (1 - u) ** 3
        result = result + 2 * weight * np.vecdot(moves[..., lag:], moves[..., :-lag])
    return result


def _log_prices(values: ArrayLike, steps: int) -> Array:
    result = check.array("log_prices", values)
    if result.ndim == 0 or result.shape[-1] <= steps:
        raise ValueError(f"log_prices has shape {result.shape}: at least {steps} steps, {steps + 1} prices, are needed here.")
    return result


def _bars(log_prices: ArrayLike, bar: int) -> tuple[Array, Array, Array, Array]:
    """Open, high, low and close; a bar opens where the one before closed."""
    bar = check.integer("bar", bar, 2)
    x = _log_prices(log_prices, bar)
    if (x.shape[-1] - 1) % bar:
        raise ValueError(f"bar is {bar}: {x.shape[-1] - 1} steps are not a whole number of bars. Likely fix: cut the path.")
    inner = x[..., 1:].reshape(*x.shape[:-1], -1, bar)
    first = x[..., :-1:bar]
    high, low = np.maximum(inner.max(axis=-1), first), np.minimum(inner.min(axis=-1), first)
    return first, high, low, inner[..., -1]
