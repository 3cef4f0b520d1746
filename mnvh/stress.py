"""Scenario margin, liquidation and reverse stress of a book of options (chapter 16).

A scenario is a relative move of the underlying and a relative shock to every implied volatility. The shock is
quoted for thirty days to expiry and is larger for shorter options, (30/d)^0.30 below thirty days and
(30/d)^0.13 above, as in the portfolio margin of Deribit. A shocked volatility stays between a twentieth of
today's and 1000 %. Interest is zero. A book is a `portfolio.Chain` and a position in each of its options and, last, in
the underlying.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from mnvh import check, portfolio
from mnvh.check import Array
from mnvh.portfolio import Chain

MAINTENANCE = 0.8  # of the initial margin: an account with less is liquidated
FARTHEST = np.log([0.01, 100.0])  # of price and volatility, where the search for a liquidation ends
FARTHEST_SD = 60.0  # standard deviations at which the search of `reverse_stress` ends
LOWEST_FACTOR, HIGHEST_VOL = 0.05, 10.0  # a shocked volatility stays above this share of today's, and below 1000 %


def _relative(name: str, value: ArrayLike, shape: tuple | None = None) -> Array:
    value = check.array(name, value, shape)
    check.number(name, float(value.min()), -0.9999, fix="relative to today, 16 % down is -0.16")
    return value


def scenario_grid(moves: ArrayLike, vol_shocks: ArrayLike) -> Array:
    """Every move with every shock, shape (2, n_moves · n_shocks): what a margin is computed on.

    Parameters
    ----------
    moves : array, shape (n_moves,)
        Relative moves of the underlying, above -1; at least one fall and one rise.
    vol_shocks : array, shape (n_shocks,)
        Relative changes of volatility at thirty days, above -1.

    Raises
    ------
    ValueError
        If an entry is out of range, or the set is singular: without a fall or without a rise.
    """
    moves, vol_shocks = _relative("moves", moves, ("n_moves",)), _relative("vol_shocks", vol_shocks, ("n_shocks",))
    _two_sided("moves", moves)
    return np.stack([np.repeat(moves, len(vol_shocks)), np.tile(vol_shocks, len(moves))])


def _two_sided(name: str, moves: Array) -> None:
    if not moves.min() < 0 < moves.max():
        raise ValueError(f"{name} is {moves.tolist()}, a singular set of scenarios: allowed are at least one fall and one rise.")


VENUE = scenario_grid(np.linspace(-0.16, 0.16, 9), [-0.25, 0.0, 0.5])  # the main grid of Deribit's portfolio margin


def scenario_pnl(chain: Chain, positions: ArrayLike, moves: ArrayLike, vol_shocks: ArrayLike) -> Array:
    """Change in value of each position, revalued in full, in money: `portfolio.scenario_pnl` with a venue's shocks.

    Parameters
    ----------
    chain : portfolio.Chain
    positions : array, shape (n_options + 1,)
        Number held, below 0 if sold; the underlying stands last.
    moves, vol_shocks : array, shape (...)
        Relative move and shock of each scenario; they broadcast.

    Returns
    -------
    array, shape (..., n_options + 1)

    Raises
    ------
    ValueError
        If `chain` is none, the positions do not fit it, or a move or a shock is not finite or not above -1.
    """
    return _pnl(chain, positions, *_scenarios(chain, moves, vol_shocks))


def margin(
    chain: Chain, positions: ArrayLike, moves: ArrayLike = 0.0, vol_shocks: ArrayLike = 0.0, *,
    grid: ArrayLike = VENUE, isolated: bool = False,
) -> Array:  # fmt: skip
    """Initial margin: the largest loss over the grid, after the market has moved to each scenario.

    Cross-margined, the loss is that of the whole book, and as a maximum of linear functions of the quantities the
    margin is sub-additive. Isolated, each position has its own, and they add up.

    Parameters
    ----------
    chain, positions
        As in `scenario_pnl`.
    moves, vol_shocks : array, shape (...)
        Where the market is; 0 is today.
    grid : array, shape (2, n_scenarios)
        From `scenario_grid`.
    isolated : bool

    Returns
    -------
    array, shape (...), in money, at least 0.

    Raises
    ------
    ValueError
        As `scenario_pnl`, or if `grid` is of another shape or has no fall or no rise.
    """
    growth, factor = _scenarios(chain, moves, vol_shocks)
    grid = check.array("grid", grid, (2, "n_scenarios"), fix="stress.scenario_grid makes it")
    _two_sided("grid, in its moves,", grid[0])
    further, shocked = _scenarios(chain, *grid)
    there = _pnl(chain, positions, growth[..., None] * further, factor[..., None, :] * shocked)
    change = there - _pnl(chain, positions, growth, factor)[..., None, :]
    if not isinstance(isolated, bool):
        raise ValueError(f"isolated is {isolated!r}: allowed are True, for a margin of its own for each position, and False.")
    losses = -change if isolated else -change.sum(axis=-1, keepdims=True)
    return np.maximum(losses.max(axis=-2), 0).sum(axis=-1)


def cushion(chain: Chain, positions: ArrayLike, collateral: float, moves: ArrayLike, vol_shocks: ArrayLike = 0.0) -> Array:
    """Collateral and P&L less the maintenance margin of the moved market: the account is liquidated at 0.

    Parameters
    ----------
    chain, positions
        As in `scenario_pnl`.
    collateral : float
        Equity of the account today, at least 0: cash less what closing the options sold would cost.
    moves, vol_shocks
        As in `margin`, which is computed on `VENUE`.

    Returns
    -------
    array, shape (...), in money.

    Raises
    ------
    ValueError
        As `margin`, or if the collateral is negative.
    """
    check.number("collateral", collateral, 0, fix="a debt is a liability, not collateral: pay it in, or net it off first")
    pnl = scenario_pnl(chain, positions, moves, vol_shocks).sum(axis=-1)
    return collateral + pnl - MAINTENANCE * margin(chain, positions, moves, vol_shocks)


def liquidation_moves(chain: Chain, positions: ArrayLike, collateral: float) -> tuple[float, float]:
    """Smallest fall and smallest rise of the underlying that liquidate, volatility unchanged.

    Where none does, the end of the search: a fall of 99 %, a rise to a hundredfold. Arguments and errors are those of
    `cushion`, and a book without cushion today is refused.
    """
    fall, rise = (far * _first_crossing(chain, positions, collateral, lambda t, far=far: (np.expm1(far * t), 0.0)) for far in FARTHEST)
    return float(np.expm1(fall)), float(np.expm1(rise))


def reverse_stress(
    chain: Chain, positions: ArrayLike, collateral: float, covariance: ArrayLike
) -> tuple[float, float, float]:  # fmt: skip
    """Likeliest scenario that liquidates: least Mahalanobis distance √(x'C⁻¹x) of x = (ln move, ln volatility).

    The distance to the boundary is found by bisection in each direction of the whitened plane, and its minimum over
    the directions by Brent's method (Breuer et al., Int. J. Central Banking 2009, on plausible scenarios).

    Parameters
    ----------
    covariance : array, shape (2, 2)
        C, of log return and log change of volatility over the horizon in question.
    chain, positions, collateral
        As in `cushion`.

    Returns
    -------
    move, vol_shock, distance : float
        The scenario, and its distance in standard deviations.

    Raises
    ------
    ValueError
        As `liquidation_moves`; if C is singular; or if nothing within 60 standard deviations liquidates.
    """
    covariance = check.semidefinite("covariance", covariance, 2)
    if np.linalg.cond(covariance) > 1e12:
        raise ValueError(f"covariance is {covariance.tolist()}, singular. Likely fix: for moves of the spot alone, liquidation_moves.")
    root = np.linalg.cholesky(covariance)

    def scenario(angle: float, distance: ArrayLike) -> Array:
        return np.expm1(np.clip(root @ [[np.cos(angle)], [np.sin(angle)]] * distance, *FARTHEST))

    def distance(angle: float) -> float:
        return FARTHEST_SD * _first_crossing(chain, positions, collateral, lambda t: scenario(angle, FARTHEST_SD * t))

    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    nearest = angles[np.argmin([distance(angle) for angle in angles])]
    best = minimize_scalar(distance, bounds=(nearest - 0.14, nearest + 0.14), method="bounded", options={"xatol": 1e-7})
    if best.fun >= FARTHEST_SD:
        raise ValueError(f"collateral is {collateral:g}: nothing within {FARTHEST_SD:g} standard deviations of this covariance liquidates.")
    (move,), (vol_shock,) = scenario(best.x, best.fun)
    return float(move), float(vol_shock), float(best.fun)


def window_returns(closes: ArrayLike, days: int) -> Array:
    """Relative moves over every window of this many days, overlapping, shape (n_days - days,).

    Raises
    ------
    ValueError
        If a close is not above 0, or the window is longer than the data.
    """
    closes = check.array("closes", closes, ("n_days",))
    check.positive("closes", float(closes.min()), fix="pass prices, not returns")
    days = check.integer("days", days, 1, len(closes) - 1, fix="the window is longer than the data: shorten it, or bring more")
    return closes[days:] / closes[:-days] - 1


def _scenarios(chain: Chain, moves: ArrayLike, vol_shocks: ArrayLike) -> tuple[Array, Array]:
    """Growth of the underlying, and the factor of each option's volatility, with a trailing axis for the options."""
    days = 365 * check.instance("chain", chain, Chain).years
    moves, vol_shocks = _relative("moves", moves), _relative("vol_shocks", vol_shocks)
    try:
        moves, vol_shocks = np.broadcast_arrays(moves, vol_shocks)
    except ValueError:
        raise ValueError(f"moves has shape {moves.shape}, vol_shocks {vol_shocks.shape}: allowed are shapes that broadcast.") from None
    tenor = (30 / days) ** np.where(days < 30, 0.30, 0.13)
    return 1 + moves, np.maximum(1 + vol_shocks[..., None] * tenor, LOWEST_FACTOR)


def _pnl(chain: Chain, positions: ArrayLike, growth: Array, factor: Array) -> Array:
    """Change in value of each position, shape (..., n_options + 1)."""
    positions = check.array("positions", positions, (len(chain.strike) + 1,), fix="the underlying stands last, 0 for none")
    shifts = np.minimum(chain.volatility * factor, HIGHEST_VOL) - chain.volatility
    change = portfolio.scenario_pnl(chain, growth.ravel() - 1, shifts.reshape(growth.size, -1))
    return positions * change.reshape(*growth.shape, -1)


def _first_crossing(chain: Chain, positions: ArrayLike, collateral: float, path: Callable[[Array], tuple]) -> float:
    """Smallest t in (0, 1] at which the cushion is 0 on a path of scenarios that starts today; 1 where it never is."""

    def left(t: ArrayLike) -> Array:
        return cushion(chain, positions, collateral, *path(np.atleast_1d(t)))

    steps = np.linspace(0, 1, 241)
    values = left(steps)
    if values[0] <= 0:
        raise ValueError(f"collateral is {collateral:g}, with a cushion of {values[0]:g} today: add collateral or close positions.")
    below = np.flatnonzero(values <= 0)
    last = below[0] if len(below) else len(steps)
    dips = np.flatnonzero((values[1:-1] < values[:-2]) & (values[1:-1] <= values[2:])) + 1
    for dip in dips[dips < last]:  # the cushion may end between two steps
        found = minimize_scalar(lambda t: left(t)[0], bounds=steps[[dip - 1, dip + 1]], method="bounded", options={"xatol": 1e-9})
        if found.fun <= 0:
            return brentq(lambda t: left(t)[0], steps[dip - 1], found.x, xtol=1e-13)
    return brentq(lambda t: left(t)[0], *steps[last - 1 :][:2], xtol=1e-13) if len(below) else 1.0
