"""Cover's universal portfolio and what it is compared with: constant mixes chosen in hindsight and online (chapter 6).

All of them are weights that `mnvh.spt.follow_log` turns into wealth.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import logsumexp

from mnvh import check
from mnvh.check import Array
from mnvh.spt import follow_log


def universal_log_wealth(prices: ArrayLike, mixes: ArrayLike) -> Array:
    """Log wealth of Cover's universal portfolio, equal stakes in `mixes`, left alone (Cover, Math. Finance 1991).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
    mixes : array, shape (n_mixes, n_assets)
        Constant mixes, as many as the average over all is to be approximated by.

    Returns array, shape (n_paths, n_steps + 1). Raises ValueError as `follow_log`.
    """
    prices = check.prices("prices", prices, above_zero=True).astype(float)
    mixes = check.weights("mixes", mixes, ("n_mixes", prices.shape[2]))
    return logsumexp([follow_log(mix, prices) for mix in mixes], axis=0) - np.log(len(mixes))


def best_constant_mix(prices: ArrayLike) -> Array:
    """Weights of the constant mix with the largest log growth in hindsight, shape (n_assets,) (Cover 1991).

    The growth is concave in the weights; a bounded solver climbs it, and the gradient at its end bounds what a better
    mix could add.

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
        The steps of all paths count alike.

    Raises
    ------
    ValueError
        If a price is not above 0.
    RuntimeError
        If another mix could add more than 1e-4 to the log wealth.
    """
    prices = check.prices("prices", prices, above_zero=True).astype(float)
    relatives = (prices[:, 1:] / prices[:, :-1]).reshape(-1, prices.shape[2])
    n_steps, n = relatives.shape

    def loss(weights: Array) -> tuple[float, Array]:
        growth = relatives @ weights
        return -np.log(growth).sum(), -(relatives / growth[:, None]).sum(axis=0)

    whole = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    options = {"jac": True, "bounds": [(0, 1)] * n, "constraints": whole, "tol": 1e-12}
    found = minimize(loss, np.full(n, 1 / n), method="SLSQP", **options)
    weights = found.x.clip(0) / found.x.clip(0).sum()
    gap = -loss(weights)[1].min() - n_steps  # ∇·(w* - w), and ∇·w is the number of steps
    if gap > 1e-4:
        raise RuntimeError(f"SLSQP ends {gap:g} of log wealth below the bound: {found.message}")
    return weights


def exponentiated_gradient(prices: ArrayLike, rate: float) -> Array:
    """Weights of EG(η): each day w_i is multiplied by exp(ηR_i/w·R) (Helmbold et al., Math. Finance 1998).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
    rate : float
        η in [0, 100]; 0 is the uniform constant mix.

    Returns array of the shape of prices. Raises ValueError if a price is not above 0 or η is out of range.
    """
    prices = check.prices("prices", prices, above_zero=True).astype(float)
    weights = np.full(prices.shape, 1 / prices.shape[2])
    _exponentiate(weights, prices[:, 1:] / prices[:, :-1], float(check.number("rate", rate, 0, 100)))
    return weights


def lo_mackinlay_ratio(log_prices: ArrayLike, horizon: int) -> tuple[Array, Array]:
    """Variance ratio VR(q), unbiased, and its error if log prices are a random walk (Lo and MacKinlay, RFS 1988).

    Drift is estimated and removed; returns overlap; the error is robust to changing volatility.

    Parameters
    ----------
    log_prices : array, shape (n_series, n_dates)
    horizon : int
        q, at least 2 and at most half the number of steps.

    Returns
    -------
    ratio, stderr : array, shape (n_series,)
        Below 1 log prices turn back more often than a random walk.

    Raises ValueError if an entry is not finite, a series does not move, or the horizon is out of range.
    """
    x = check.array("log_prices", log_prices, ("n_series", "n_dates"))
    n = x.shape[1] - 1
    q = check.integer("horizon", horizon, 2, n // 2, fix="it takes two windows of `horizon` steps")
    drift = (x[:, -1:] - x[:, :1]) / n
    squares = (np.diff(x) - drift) ** 2
    if not (squares.sum(axis=1) > 0).all():
        raise ValueError("log_prices has a series that does not move: allowed are series with a variance above 0.")
    long = ((x[:, q:] - x[:, :-q] - q * drift) ** 2).sum(axis=1) / (q * (n - q + 1) * (1 - q / n))
    lags = [np.vecdot(squares[:, j:], squares[:, :-j]) for j in range(1, q)]
    variance = np.square(2 - 2 * np.arange(1, q) / q) @ lags / squares.sum(axis=1) ** 2
    return long / (squares.sum(axis=1) / (n - 1)), np.sqrt(variance)


@numba.njit(cache=True)
def _exponentiate(weights: Array, relatives: Array, rate: float) -> None:
    for path in range(relatives.shape[0]):
        for t in range(relatives.shape[1]):
            growth = 0.0
            for i in range(relatives.shape[2]):
                growth += weights[path, t, i] * relatives[path, t, i]
            total, largest = 0.0, relatives[path, t].max()  # taken out, so that no exponential overflows
            for i in range(relatives.shape[2]):
                weights[path, t + 1, i] = weights[path, t, i] * np.exp(rate * (relatives[path, t, i] - largest) / growth)
                total += weights[path, t + 1, i]
            for i in range(relatives.shape[2]):
                weights[path, t + 1, i] /= total
