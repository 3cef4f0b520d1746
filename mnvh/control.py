"""The control of the intensity by a realised less a reference variance, K = g(R - r) (chapter 7, §7.3).

Days are the first axis; further columns are series of their own. Estimates are variances per step. An estimate over
a window belongs to the window's last day: the first of them is known when `window` returns are.
"""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy.signal import lfilter

from mnvh import check
from mnvh.check import Array


def realised_variance(returns: ArrayLike, *, window: int) -> Array:
    """Mean squared return over the last days (§7.3).

    Parameters
    ----------
    returns : array, shape (n_days,) or (n_days, n_series)
        No mean is subtracted.
    window : int
        Number of days, at most n_days.

    Returns
    -------
    array, shape (n_days - window + 1,) or (n_days - window + 1, n_series)

    Raises ValueError if a return is not finite, all look like prices, or the window is longer than the data.

    Examples
    --------
    >>> realised_variance([0.1, -0.1, 0.3], window=2).round(3)
    array([0.01, 0.05])
    """
    returns, window = _sample(returns, window, 1)
    return _mean(returns**2, window)


def realised_covariance(returns: ArrayLike, *, window: int) -> Array:
    """Mean outer product of the returns over the last days, shape (n_days - window + 1, n_assets, n_assets) (§7.3).

    Parameters
    ----------
    returns : array, shape (n_days, n_assets)
    window : int

    Raises ValueError as `realised_variance`.
    """
    returns = check.changes("returns", returns, ("n_days", "n_assets"))
    window = check.integer("window", window, 1, len(returns), fix=_LONGER)
    return _mean(returns[:, :, None] * returns[:, None, :], window)


def bipower_variance(returns: ArrayLike, *, window: int) -> Array:
    """(π/2) times the mean of |r_t||r_{t-1}|: the variance without its jumps (Barndorff-Nielsen and Shephard, 2004).

    Parameters
    ----------
    returns : array, shape (n_days,) or (n_days, n_series)
    window : int
        At least 2; a window has window - 1 products.

    Raises ValueError as `realised_variance`.
    """
    returns, window = _sample(returns, window, 2)
    size = np.abs(returns)
    return np.pi / 2 * _mean(size[1:] * size[:-1], window - 1)


def exponentially_weighted_variance(returns: ArrayLike, *, halflife: float) -> Array:
    """Exponentially weighted mean of squared returns, started at the first one, shape of the returns (§7.3).

    Parameters
    ----------
    returns : array, shape (n_days,) or (n_days, n_series)
    halflife : float
        Days after which a return counts half, above 0.

    Raises ValueError if a return is not finite, all look like prices, or the half-life is not above 0.
    """
    squares = _sample(returns, 1, 1)[0] ** 2
    decay = 0.5 ** (1 / check.positive("halflife", halflife))
    return lfilter([1 - decay], [1.0, -decay], squares, axis=0, zi=decay * squares[:1])[0]


def parkinson_variance(high: ArrayLike, low: ArrayLike, *, window: int) -> Array:
    """Mean of ln(high/low)²/(4 ln 2) over the last days, a driftless diffusion's variance (Parkinson, J. Business 1980).

    It leaves out what happens overnight.

    Parameters
    ----------
    high, low : array, shape (n_days,)
        Prices above 0, high ≥ low.
    window : int

    Raises ValueError if a price is not finite or not above 0, a high is below its low, or as `realised_variance`.
    """
    high = check.array("high", high, ("n_days",))
    low = check.array("low", low, high.shape)
    check.positive("low", float(low.min()), fix="these are prices, not returns")
    if (high < low).any():
        raise ValueError(f"high is below low on day {int(np.argmax(high < low))}: allowed is high ≥ low. Are they swapped?")
    window = check.integer("window", window, 1, len(high), fix=_LONGER)
    return _mean(np.log(high / low) ** 2 / (4 * np.log(2)), window)


def fee_implied_variance(fee_rate: float) -> float:
    """Variance of ln p that a constant-product pool's fees just pay for: 8 times fees per step and pool value (§7.3).

    The pool loses σ²/8 of its value a step to arbitrage (loss versus rebalancing).

    Parameters
    ----------
    fee_rate : float
        Fees per step as a fraction of the pool's value, ≥ 0.

    Raises ValueError if the rate is negative or not finite.
    """
    return 8 * check.number("fee_rate", fee_rate, 0)


def spread_implied_variance(half_spread: float, *, fill: float) -> float:
    """Variance at which a half-spread δ just pays for fills at p + θΔp: 2δ²/(π(1-θ)²), Gaussian steps (§7.3).

    Parameters
    ----------
    half_spread : float
        δ ≥ 0, price units per unit traded.
    fill : float
        θ in [0, 1).

    Raises ValueError if an argument is out of range.
    """
    check.number("half_spread", half_spread, 0)
    if check.number("fill", fill, 0, 1) == 1:
        raise ValueError("fill is 1: allowed is a number in [0, 1). At the post-move price there is nothing to pay for.")
    return 2 * half_spread**2 / (np.pi * (1 - fill) ** 2)


def swap_table(close: pd.Series, implied_vol: pd.Series, *, horizon: int) -> pd.DataFrame:
    """Variance swaps struck each day at an implied volatility: what is paid and what is received (§7.3).

    Parameters
    ----------
    close, implied_vol : Series indexed by the same rising dates
        Prices above 0; volatility in per cent a year above 0, as the VIX.
    horizon : int
        Days until a swap expires; 252 days are a year.

    Returns
    -------
    DataFrame, indexed by the days whose swap has expired within the data
        `reference`, implied_vol², and `later`, the realised variance from that day's close to the expiry's, both in
        per cent squared a year.

    Raises ValueError if dates differ, repeat or do not rise, an entry is missing or not above 0, or the horizon is longer
    than the data.
    """
    for name, series in (("close", close), ("implied_vol", implied_vol)):
        if not isinstance(series, pd.Series) or not series.index.is_monotonic_increasing or not series.index.is_unique:
            raise ValueError(f"{name} is no Series with rising dates, each once: sort it and drop what stands twice.")
        if series.isna().any():
            day = series.index[series.isna()][0]
            raise ValueError(f"{name} is missing on {series.isna().sum()} dates, the first {day}: cut to where both exist.")
        check.positive(name, float(check.array(name, series, ("n_days",)).min()))
    if implied_vol.max() < 1:
        raise ValueError(f"implied_vol is at most {implied_vol.max():g}: allowed is per cent a year, for 15 % pass 15.")
    if not close.index.equals(implied_vol.index):
        other = close.index.symmetric_difference(implied_vol.index)
        raise ValueError(f"close and implied_vol differ in {len(other)} dates, the first {other[0]}: keep what both have.")
    horizon = check.integer("horizon", horizon, 1, len(close) - 1, fix=_LONGER)
    later = 252 * realised_variance(100 * np.diff(np.log(close)), window=horizon)
    return pd.DataFrame({"reference": implied_vol[:-horizon] ** 2, "later": later}, close.index[:-horizon])


def clipped_line(signal: ArrayLike, *, gain: float, low: float, high: float) -> Array:
    """g(x) = gain·x, held within [low, high]: increasing and bounded (§7.3).

    Parameters
    ----------
    signal : array
        R - r, any shape.
    gain : float
        Above 0: g is increasing.
    low, high : float
        low < high; the paper's K ⪰ 0 is low ≥ 0.

    Raises ValueError if the signal is not finite, the gain is not above 0, or low is not below high.

    Examples
    --------
    >>> clipped_line([-1.0, 0.2, 3.0], gain=2.0, low=0.0, high=1.0)
    array([0. , 0.4, 1. ])
    """
    low, high = _bounds(low, high)
    return np.clip(_increasing("gain", gain) * check.array("signal", signal), low, high)


def logistic(signal: ArrayLike, *, scale: float, low: float, high: float) -> Array:
    """g(x) = low + (high - low)/(1 + e^{-x/scale}): increasing, bounded, smooth (§7.3).

    Parameters are those of `clipped_line`, and `scale` > 0, in units of the signal.

    Raises ValueError if the signal is not finite, the scale is not above 0, or low is not below high.
    """
    low, high = _bounds(low, high)
    height = (1 + np.tanh(check.array("signal", signal) / (2 * _increasing("scale", scale)))) / 2
    return np.clip(low + (high - low) * height, low, high)  # rounding must not leave the bounds


def keep_within(target: ArrayLike, band: float, *, reset: bool) -> Array:
    """Sizes that change only when the target leaves the band around them (§7.1, §7.3).

    Parameters
    ----------
    target : array, shape (n_paths, n_steps)
        What would be held without costs; the first value is held at once.
    band : float
        Half-width b ≥ 0, in units of the target.
    reset : bool
        Then go to the target; else to the edge of the band, which is optimal for proportional costs.

    Returns
    -------
    array, shape (n_paths, n_steps)

    Raises ValueError if the target is not a finite table, the band is negative, or reset is no bool.

    Examples
    --------
    >>> keep_within([[0.0, 0.5, 2.0, 1.5, 0.0]], 1.0, reset=False)
    array([[0., 0., 1., 1., 1.]])
    """
    target = check.array("target", target, ("n_paths", "n_steps"))
    if not isinstance(reset, bool):
        raise ValueError(f"reset is {reset!r}: allowed are True, to the target, and False, to the edge of the band.")
    return _keep(target, float(check.number("band", band, 0)), reset)


def switching_variance(
    rng: Generator, n_paths: int, n_steps: int, *, variances: ArrayLike, transition: ArrayLike
) -> Array:
    """Variance of each step under a Markov chain of regimes, started from its stationary law (§7.3).

    Parameters
    ----------
    variances : array, shape (n_regimes,)
        Variance per step in each regime, above 0.
    transition : array, shape (n_regimes, n_regimes)
        Probabilities to go from row to column; rows add up to one, and every regime can be reached from every other.

    Returns
    -------
    array, shape (n_paths, n_steps)
        The step of index t is drawn with the variance at t; scaled normals are the returns.

    Raises ValueError if a variance is not above 0, a row is no distribution, or a regime has no stationary probability.
    """
    variances = check.array("variances", variances, ("n_regimes",))
    check.positive("variances", float(variances.min()))
    law = stationary_law(check.array("transition", transition, (len(variances), len(variances))))
    check.generator("rng", rng)
    shape = check.integer("n_paths", n_paths, 1), check.integer("n_steps", n_steps, 1)
    found = np.empty(shape)
    _chain(rng, np.vstack([np.cumsum(transition, axis=1), law.cumsum()]), variances, found)
    return found


def stationary_law(transition: ArrayLike) -> Array:
    """Share of time that a Markov chain spends in each regime, shape (n_regimes,) (§7.3).

    Parameters
    ----------
    transition : array, shape (n_regimes, n_regimes)
        As in `switching_variance`.

    Raises ValueError if a row is no distribution, or a regime has no stationary probability.

    Examples
    --------
    >>> stationary_law([[0.99, 0.01], [0.03, 0.97]]).round(3)
    array([0.75, 0.25])
    """
    n = max(1, np.shape(transition)[0] if np.ndim(transition) else 1)
    transition = check.array("transition", transition, (n, n))
    if transition.min() < 0 or abs(transition.sum(axis=1) - 1).max() > 1e-9:
        raise ValueError(f"transition has the row sums {transition.sum(axis=1)}: allowed are probabilities, rows that sum to 1.")
    if (np.linalg.matrix_power((transition + np.eye(n)) / 2, n) <= 0).any():
        raise ValueError("transition has a regime of probability zero: allowed is a chain that reaches each from each.")
    system = np.vstack([transition.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(system, np.append(np.zeros(n), 1.0))[0]


_LONGER = "a window longer than the data has no estimate"


def _sample(returns: ArrayLike, window: int, low: int) -> tuple[Array, int]:
    returns = check.changes("returns", returns, ("n_days", "n_series")[: max(1, min(2, np.ndim(returns)))])
    return returns, check.integer("window", window, low, len(returns), fix=_LONGER)


def _mean(values: Array, window: int) -> Array:
    """Means over windows along the first axis; each is summed by itself, so that no rounding error runs on."""
    return np.lib.stride_tricks.sliding_window_view(values, window, axis=0).mean(axis=-1)


def _bounds(low: float, high: float) -> tuple[float, float]:
    if check.number("low", low) >= check.number("high", high):
        raise ValueError(f"low is {low!r} and high is {high!r}: allowed is low below high; g is increasing and bounded.")
    return low, high


def _increasing(name: str, value: float) -> float:
    return check.positive(name, value, fix="g is increasing; to take the other side change the sign of K")


@numba.njit(cache=True)
def _chain(rng: Generator, laws: Array, values: Array, found: Array) -> None:
    """Writes the values of the states; `laws` are cumulative, after each state and, the last, at the start."""
    for path in range(found.shape[0]):
        state = len(values)
        for t in range(found.shape[1]):
            chance, law = rng.random(), laws[state]
            state = 0
            for k in range(len(values) - 1):  # a sum: a branch on chance is mispredicted
                state += chance >= law[k]
            found[path, t] = values[state]


@numba.njit(cache=True)
def _keep(target: Array, band: float, reset: bool) -> Array:
    held = target.copy()
    for path in range(held.shape[0]):
        for t in range(1, held.shape[1]):
            aim, last = target[path, t], held[path, t - 1]
            kept = min(max(last, aim - band), aim + band)
            held[path, t] = aim if reset and kept != last else kept
    return held
