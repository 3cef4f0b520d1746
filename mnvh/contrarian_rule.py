"""The generic rule Δq = -KΔp - βq: its account, its inventory-penalised objective, and its regression (chapter 4)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import lfilter

from mnvh import check
from mnvh.check import Array


class Rule(NamedTuple):
    """Estimated coefficients of Δq = -KΔp - βq + noise, with their standard errors."""

    intensity: float
    intensity_stderr: float
    reversion: float
    reversion_stderr: float


class Rates(NamedTuple):
    """What the rule does per step in the long run, per unit of K (of K² for the inventory's variance)."""

    pnl: float
    inventory_variance: float
    turnover: float


def linear_rule(prices: ArrayLike, intensity: ArrayLike, reversion: float) -> Array:
    """Holdings of Δq = -KΔp + u with the inventory control u = -βq, from nothing (§4.1).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite, units of asset per unit of price.
    reversion : float
        β in [0, 2): the share of the inventory that is traded away per step; below 2 the inventory is stable.

    Returns
    -------
    holdings : array, shape (n_paths, n_steps + 1, n_assets)

    Raises
    ------
    ValueError
        If a price is not finite, K is not symmetric positive semidefinite, or β is outside [0, 2).

    Examples
    --------
    >>> linear_rule([[[100.0], [102.0], [102.0]]], [[1.0]], 0.25)[0, :, 0]
    array([ 0. , -2. , -1.5])
    """
    prices = check.prices("prices", prices).astype(float)
    intensity = check.semidefinite("intensity", intensity, prices.shape[2]).astype(float)
    _reversion(reversion, 0)
    trades = -np.diff(prices, axis=1) @ intensity
    holdings = np.zeros_like(prices)
    holdings[:, 1:] = lfilter([1.0], [1.0, reversion - 1.0], trades, axis=1)
    return holdings


def rates(volatility: float, reversion: float, *, autocorrelation: float = 0) -> Rates:
    """P&L, inventory variance and mean turnover E|Δq| per step of the rule with K = 1, in the stationary state.

    The price moves are a Gaussian AR(1) with variance σ² and coefficient ρ, fills are at the new price. With
    a = (1 - β)ρ

        P&L = -σ²ρ/(1 - a),   Var q = σ²(1 + a)/[(1 - a)(2β - β²)],   E|Δq| = √(2/π · Var Δq),

    where Var Δq = 2β Var q + 2 P&L, for ρ = 0 that is 2σ²/(2 - β) (theory of chapter 4).

    Parameters
    ----------
    volatility : float
        σ > 0, standard deviation of a step, price units.
    reversion : float
        β in (0, 2).
    autocorrelation : float
        ρ in (-1, 1).

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> rates(1.0, 1.0, autocorrelation=-0.25)  # holds minus the last move
    Rates(pnl=0.25, inventory_variance=1.0, turnover=1.2615662610100802)
    """
    check.positive("volatility", volatility)
    _reversion(reversion, 1e-9)
    check.number("autocorrelation", autocorrelation, np.nextafter(-1, 0), np.nextafter(1, 0))
    kept = (1 - reversion) * autocorrelation
    pnl = -(volatility**2) * autocorrelation / (1 - kept)
    variance = volatility**2 * (1 + kept) / ((1 - kept) * (2 * reversion - reversion**2))
    trades = 2 * reversion * variance + 2 * pnl
    return Rates(float(pnl), float(variance), float(np.sqrt(2 / np.pi * trades)))


def inventory_objective(
    intensity: ArrayLike, edge: float, unit: Rates, *, inventory_aversion: float, cost: float
) -> Array:  # fmt: skip
    """K·edge - λE[q²] - φE|Δq| per step of the rule with intensity K (§4.2, one asset).

    Parameters
    ----------
    intensity : array
        K ≥ 0, any shape.
    edge : float
        What a unit of K contributes to the first term: σ² in the paper's Tr(KΣ), `unit.pnl` in the P&L.
    unit : Rates
        Of K = 1, from `rates`.
    inventory_aversion : float
        λ > 0, money per squared unit of asset.
    cost : float
        φ ≥ 0, money per unit traded.

    Raises
    ------
    ValueError
        If a number is not finite, an intensity or the cost is below 0, or the aversion is not above 0.
    """
    intensity = check.array("intensity", intensity)
    check.number("intensity", float(intensity.min()), 0)
    _objective(edge, unit, inventory_aversion, cost)
    return intensity * (edge - cost * unit.turnover) - inventory_aversion * intensity**2 * unit.inventory_variance


def optimal_intensity(edge: float, unit: Rates, *, inventory_aversion: float, cost: float) -> float:
    """K* = max(0, edge - φ·turnover)/(2λ·inventory variance), the maximum of `inventory_objective` (theory of chapter 4).

    Parameters and errors are those of `inventory_objective`.

    Examples
    --------
    Without an edge nothing is to be traded:

    >>> martingale = rates(1.0, 0.3)
    >>> optimal_intensity(martingale.pnl, martingale, inventory_aversion=0.1, cost=0.1)
    0.0
    """
    _objective(edge, unit, inventory_aversion, cost)
    return float(max(0.0, edge - cost * unit.turnover) / (2 * inventory_aversion * unit.inventory_variance))


def estimate_rule(holdings: ArrayLike, prices: ArrayLike) -> Rule:
    """Least squares of the trades on the moves and the inventory before them, Δq = -KΔp - βq, all dates pooled (§4.3).

    Standard errors take the paths for independent and nothing else (clustered by path).

    Parameters
    ----------
    holdings, prices : array, shape (n_paths, n_steps + 1, 1)
        Two paths or more; the trade holdings[:, t + 1] - holdings[:, t] follows the move from date t to t + 1.

    Raises
    ------
    ValueError
        If an entry is not finite, a shape differs, there is one path only, or K and β cannot be told apart.

    Examples
    --------
    >>> prices = np.array([[[0.0], [1.0], [0.0], [2.0]], [[0.0], [-1.0], [1.0], [1.0]]])
    >>> rule = estimate_rule(linear_rule(prices, [[3.0]], 0.5), prices)
    >>> round(rule.intensity, 12), round(rule.reversion, 12)
    (3.0, 0.5)
    """
    prices = check.prices("prices", prices)
    check.array("prices", prices, ("n_paths", "n_steps + 1", 1))
    holdings = check.array("holdings", holdings, prices.shape)
    check.integer("the number of paths in prices", len(prices), 2)
    regressors = -np.stack([np.diff(prices[..., 0], axis=1), holdings[:, :-1, 0]], axis=-1)
    products = np.einsum("pti,ptj->ij", regressors, regressors)
    for name, square in zip(("prices", "holdings"), np.diag(products), strict=True):
        if square == 0:
            raise ValueError(f"{name} give only zeros to regress on: allowed are moves and inventories not all 0.")
    if products[0, 1] ** 2 > (1 - 1e-12) * products[0, 0] * products[1, 1]:
        raise ValueError("holdings are a multiple of the next moves of prices: K and β cannot be told apart. Pass more dates")
    trades = np.diff(holdings[..., 0], axis=1)
    inverse = np.linalg.inv(products)
    slopes = inverse @ np.einsum("pti,pt->i", regressors, trades)
    scores = np.einsum("pti,pt->pi", regressors, trades - regressors @ slopes)
    errors = np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse))
    return Rule(float(slopes[0]), float(errors[0]), float(slopes[1]), float(errors[1]))


def _reversion(reversion: float, low: float) -> None:
    fix = "β is the share of the inventory traded away per step; at 2 and beyond the inventory explodes"
    check.number("reversion", reversion, low, np.nextafter(2, 0), fix=fix)


def _objective(edge: float, unit: Rates, inventory_aversion: float, cost: float) -> None:
    check.number("edge", edge)
    check.instance("unit", unit, Rates)
    check.positive("inventory_aversion", inventory_aversion)
    check.number("cost", cost, 0)
