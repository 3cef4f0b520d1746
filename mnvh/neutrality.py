"""Neutrality Bq = 0: its projector, the intensities that keep it, and the usual B (chapter 2).

A rule that trades Δq = -KΔp keeps Bq = 0 for every move if and only if BK = 0. Holdings are in units of
assets, so what multiplies them are exposures *per unit*: a loading times the price where the loading is that
of a return (`per_unit`), the loading itself where it is that of a price change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array


def projector(exposures: ArrayLike) -> Array:
    """P = I - B⁺B, the orthogonal projector on the holdings with Bq = 0 (§2.3).

    Parameters
    ----------
    exposures : array, shape (..., k, n_assets)
        B, of full row rank; leading axes, as of dates or paths, are kept. Scaling a row changes nothing.

    Returns
    -------
    array, shape (..., n_assets, n_assets)

    Raises
    ------
    ValueError
        If an entry is not finite, or the rows are not linearly independent (to 1e-10, each row scaled to length 1).

    Examples
    --------
    Two assets at prices 1 and 2, dollar-neutral: one unit of the second is short two of the first.

    >>> projector([[1.0, 2.0]]).round(3)
    array([[ 0.8, -0.4],
           [-0.4,  0.2]])
    """
    rows = _basis(exposures)
    return np.eye(rows.shape[-1]) - rows.swapaxes(-1, -2) @ rows


def neutral_intensity(intensity: ArrayLike, exposures: ArrayLike) -> Array:
    """PKP, the intensity that trades as K does within Bq = 0 and not at all outside (theory of chapter 2).

    Parameters
    ----------
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite, units of asset per unit of price.
    exposures : array, shape (..., k, n_assets)
        As in `projector`.

    Returns
    -------
    array, shape (..., n_assets, n_assets)
        With B times it equal to zero.

    Raises
    ------
    ValueError
        As in `projector`; or if K is not symmetric positive semidefinite or of another width.
    """
    neutral = projector(exposures)
    intensity = check.semidefinite("intensity", intensity, neutral.shape[-1])
    result = neutral @ intensity @ neutral
    return (result + result.swapaxes(-1, -2)) / 2


def exposure(holdings: ArrayLike, exposures: ArrayLike) -> Array:
    """Bq, what the holdings are exposed to (§2.3).

    Parameters
    ----------
    holdings : array, shape (n_paths, n_dates, n_assets)
    exposures : array, shape (k, n_assets), (n_dates, k, n_assets) or (n_paths, n_dates, k, n_assets)
        B, constant, or one for each date, or for each path and date.

    Returns
    -------
    array, shape (n_paths, n_dates, k)

    Raises
    ------
    ValueError
        If an entry is not finite or the shapes do not fit.
    """
    holdings = check.array("holdings", holdings, ("n_paths", "n_dates", "n_assets"))
    exposures = check.array("exposures", exposures)
    paths, dates, assets = holdings.shape
    allowed = {2: ("k", assets), 3: (dates, "k", assets), 4: (paths, dates, "k", assets)}
    exposures = check.array("exposures", exposures, allowed.get(exposures.ndim, ("k", assets)))
    return (exposures @ holdings[..., None])[..., 0]


def per_unit(loadings: ArrayLike, prices: ArrayLike) -> Array:
    """B_t = β diag(p_t): exposures per unit of asset from loadings per unit of money (§2.3).

    Parameters
    ----------
    loadings : array, shape (k, n_assets)
        β of returns, as from `factor_loadings`; a row of ones is dollar neutrality.
    prices : array, shape (n_paths, n_steps + 1, n_assets)
        Above 0.

    Returns
    -------
    array, shape (n_paths, n_steps + 1, k, n_assets)

    Raises
    ------
    ValueError
        If an entry is not finite, a price is not above 0, or the shapes do not fit.
    """
    prices = check.prices("prices", prices, above_zero=True)
    return check.array("loadings", loadings, ("k", prices.shape[2])) * prices[:, :, None, :]


def dollar_exposures(prices: ArrayLike) -> Array:
    """B_t = p_t', dollar neutrality, shape (n_paths, n_steps + 1, 1, n_assets): the paper's NAV is then 0 (§2.3).

    Raises
    ------
    ValueError
        If an entry is not finite or not above 0, or the shape is not that of prices.
    """
    prices = check.prices("prices", prices, above_zero=True)
    return per_unit(np.ones((1, prices.shape[2])), prices)


def factor_loadings(returns: ArrayLike, factors: ArrayLike) -> Array:
    """Loadings of each asset on given factors, by least squares with an intercept; one factor gives its beta (§2.3).

    Parameters
    ----------
    returns : array, shape (n_days, n_assets)
        Simple returns, or price changes.
    factors : array, shape (n_days, k)
        Those of the factors on the same days, as of the market.

    Returns
    -------
    array, shape (k, n_assets)

    Raises
    ------
    ValueError
        If an entry is not finite, all are above 0 as in prices, there are not more than k + 1 days, or the
        factors and a constant are linearly dependent.
    """
    returns = check.changes("returns", returns, ("n_days", "n_assets"))
    factors = check.changes("factors", factors, (len(returns), "k"))
    if len(factors) < factors.shape[1] + 2:
        raise ValueError(
            f"factors has {len(factors)} days for {factors.shape[1]} factors and an intercept: "
            f"allowed is at least {factors.shape[1] + 2} days. Likely fix: shape is (n_days, k), transpose."
        )
    _basis(np.vstack([np.ones(len(factors)), factors.T]), "factors with a constant")
    return np.linalg.lstsq(factors - factors.mean(axis=0), returns - returns.mean(axis=0))[0]


def statistical_loadings(returns: ArrayLike, n_factors: int) -> Array:
    """Loadings on the first principal components of the returns, by singular value decomposition (§2.3).

    Parameters
    ----------
    returns : array, shape (n_days, n_assets)
        Simple returns, or price changes.
    n_factors : int
        k, at most n_assets and at most n_days - 1.

    Returns
    -------
    array, shape (k, n_assets)
        Orthonormal rows, the largest variance first, each with a sum that is not below 0.

    Raises
    ------
    ValueError
        If an entry is not finite, all are above 0 as in prices, or the returns have fewer than k components.
    """
    returns = check.changes("returns", returns, ("n_days", "n_assets"))
    n_factors = check.integer("n_factors", n_factors, 1, max(1, min(len(returns) - 1, returns.shape[1])))
    _, scale, rows = np.linalg.svd(returns - returns.mean(axis=0), full_matrices=False)
    if scale[n_factors - 1] <= 1e-10 * scale[0]:
        components = int((scale > 1e-10 * scale[0]).sum())
        raise ValueError(f"n_factors is {n_factors}: allowed is at most {components}, the components these returns have.")
    rows = rows[:n_factors]
    return rows * np.where(rows.sum(axis=1) < 0, -1, 1)[:, None]


def _basis(exposures: ArrayLike, name: str = "exposures") -> Array:
    """Orthonormal rows that span those of B, shape (..., k, n_assets)."""
    exposures = check.array(name, exposures)
    if exposures.ndim < 2 or 0 in exposures.shape:
        fix = "one constraint on n assets is B[None], of shape (1, n_assets)"
        raise ValueError(f"{name} is shape {exposures.shape}: allowed is shape (..., k, n_assets). Likely fix: {fix}.")
    length = np.linalg.norm(exposures, axis=-1, keepdims=True)
    _, scale, rows = np.linalg.svd(exposures / np.where(length > 0, length, 1), full_matrices=False)
    rank = (scale > 1e-10).sum(axis=-1)
    if exposures.shape[-2] > rank.min():
        where = "" if exposures.ndim == 2 else f" at {tuple(int(i) for i in np.argwhere(rank == rank.min())[0])}"
        raise ValueError(
            f"{name} has {exposures.shape[-2]} rows of rank {rank.min()}{where}: allowed are linearly independent rows. "
            "Likely fix: drop the rows that repeat others, or are zero."
        )
    return rows
