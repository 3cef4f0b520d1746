"""One exact account and one decomposition of its P&L (chapter 2).

A contrarian rule is a convex potential Ψ: it holds q = c - ∇Ψ(p), trades against each move with
intensity K = ∇²Ψ, and on any path, in discrete time and exactly,

    Σ q·Δp = c·(p_T - p_0) + Σ D(p_{t+1}|p_t) - [Ψ(p_T) - Ψ(p_0)],

with D the Bregman divergence of Ψ. Account (`follow`) and decomposition (`decompose`) are computed apart and agree to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array


class Potential(Protocol):
    """What `decompose` asks of a mechanism; prices have shape (..., n_assets), checked by whoever calls.

    A potential that depends on time takes a second argument `time`, an array that broadcasts against
    prices[..., 0]. A mechanism may also have `divergence(new, old)`, a form of D free of cancellation.
    """

    def value(self, prices: Array) -> Array:
        """Ψ(p), shape (...)."""

    def holdings(self, prices: Array) -> Array:
        """-∇Ψ(p), shape (..., n_assets)."""

    def intensity(self, prices: Array) -> Array:
        """K = ∇²Ψ(p), shape (..., n_assets, n_assets)."""


@dataclass(frozen=True, eq=False)
class LinearGrid:
    """Linear grid with Ψ(p) = ½(p - center)'K(p - center): each unit of price up sells K (§2.4).

    Parameters
    ----------
    matrix : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite, units of asset per unit of price.
    center : array, shape (n_assets,)
        Prices at which the grid holds nothing.

    Raises ValueError if K is not symmetric positive semidefinite or the center does not fit it.
    """

    matrix: ArrayLike
    center: ArrayLike

    def __post_init__(self) -> None:
        matrix = check.semidefinite("matrix", self.matrix)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "center", check.array("center", self.center, (len(matrix),)))

    def value(self, prices: Array) -> Array:
        return self.divergence(prices, self.center)

    def holdings(self, prices: Array) -> Array:
        if prices.shape[-1] != len(self.center):
            raise ValueError(f"its matrix is for {len(self.center)}.")
        return (self.center - prices) @ self.matrix

    def intensity(self, prices: Array) -> Array:
        return np.broadcast_to(self.matrix, prices.shape[:-1] + self.matrix.shape)

    def divergence(self, new: Array, old: Array) -> Array:
        return np.vecdot((new - old) @ self.matrix, new - old) / 2


@dataclass(frozen=True)
class Decomposition:
    """Five signed series that add up to the P&L, and the scale of their rounding errors.

    Every field has shape (n_paths, n_steps), or (n_paths,) after `total`, in units of money. `gross` is the sum
    of the absolute products that enter the account and the decomposition: equality of the two is measured
    against it, because the P&L itself may be tiny.

    Attributes
    ----------
    directional : c·Δp, the constant part of the holdings.
    harvest : D(p_{t+1}|p_t) ≥ 0, about ½Δp'KΔp.
    displacement : -ΔΨ; its sum depends on the end points only.
    carry : [Ψ_{t+1} - Ψ_t](p_{t+1}), the passing of time, and income: fees received, captured spread.
    cost : execution away from the post-move price, and fees.
    """

    directional: Array
    harvest: Array
    displacement: Array
    carry: Array
    cost: Array
    gross: Array

    @property
    def pnl(self) -> Array:
        """Sum of the five series."""
        return self.directional + self.harvest + self.displacement + self.carry + self.cost

    def total(self) -> Decomposition:
        """Sums over the steps, shape (n_paths,)."""
        return self._map(lambda series: series.sum(axis=1))

    def cumulative(self) -> Decomposition:
        """Running sums over the steps, shape (n_paths, n_steps)."""
        return self._map(lambda series: series.cumsum(axis=1))

    def _map(self, function: Callable[[Array], Array]) -> Decomposition:
        return Decomposition(*(function(getattr(self, field.name)) for field in fields(self)))


def identity(holdings: ArrayLike, prices: ArrayLike) -> tuple[Array, Array, Array]:
    """Terms q·Δp, p·Δq and Δq·Δp of the paper's one-step identity for ΔNAV, NAV = q·p (§2.2).

    Parameters
    ----------
    holdings, prices : array, shape (n_paths, n_steps + 1, n_assets)

    Returns
    -------
    directional, rebalancing, interaction : array, shape (n_paths, n_steps)
        Their sum is NAV_{t+1} - NAV_t.

    Raises
    ------
    ValueError
        If an entry is not finite or the shapes differ.
    """
    prices = check.prices("prices", prices)
    holdings = check.array("holdings", holdings, prices.shape)
    moves, trades = np.diff(prices, axis=1), np.diff(holdings, axis=1)
    return (
        np.vecdot(holdings[:, :-1], moves),
        np.vecdot(prices[:, :-1], trades),
        np.vecdot(trades, moves),
    )


def follow(
    holdings: ArrayLike,
    prices: ArrayLike,
    *,
    fill: float = 1,
    executed: ArrayLike | None = None,
    fee_bps: float = 0,
    income: ArrayLike = 0,
) -> Array:
    """Wealth of a self-financing account, cash included, that starts from nothing (theory of chapter 2).

    It holds holdings[:, t] over (t, t + 1], buys the first holdings at the first prices without cost, and
    trades to holdings[:, t + 1] at the price p_t + θΔp_t; cash earns nothing.

    Parameters
    ----------
    holdings, prices : array, shape (n_paths, n_steps + 1, n_assets)
    fill : float
        θ in [0, 2]: 0 the stale price, 1 the post-move price, 2 what the paper's claim needs.
    executed : array, shape (n_paths, n_steps, n_assets), optional
        Prices at which the trades are executed, where they are not p_t + θΔp_t.
    fee_bps : float
        Proportional fee paid on the value of each trade, in basis points.
    income : array, shape (n_paths, n_steps) or one number
        Cash received with each step: fees, captured spread.

    Returns
    -------
    wealth : array, shape (n_paths, n_steps + 1)

    Raises ValueError if an entry is not finite, the shapes differ, or θ or the fee is out of range.

    Examples
    --------
    >>> follow([[[1.0], [0.5], [0.5]]], [[[100.0], [110.0], [104.0]]])
    array([[ 0., 10.,  7.]])
    """
    prices = check.prices("prices", prices)
    holdings = check.array("holdings", holdings, prices.shape)
    fills = _fills(prices, fill, executed)
    trades = np.diff(holdings, axis=1)
    spent = np.vecdot(trades, fills) + _fees(trades, fills, fee_bps) - _income(income, prices)
    first = np.vecdot(holdings[:, :1], prices[:, :1])
    cash = -np.concatenate([first, spent], axis=1).cumsum(axis=1)
    return cash + np.vecdot(holdings, prices)


GAUSS = [((1 + x) / 2, weight / 2) for x, weight in zip(*np.polynomial.legendre.leggauss(6), strict=True)]  # nodes in [0, 1], weights


def bregman(mechanism: Potential, new: Array, old: Array, *time: Array) -> Array:
    """Bregman divergence D(new|old) ≥ 0, shape (...), by the mechanism's own `divergence` where it has one."""
    if hasattr(mechanism, "divergence"):
        return mechanism.divergence(new, old, *time)
    change = mechanism.value(new, *time) - mechanism.value(old, *time)
    return change + np.vecdot(mechanism.holdings(old, *time), new - old)


def decompose(
    mechanism: Potential,
    prices: ArrayLike,
    *,
    constant: ArrayLike | None = None,
    times: ArrayLike | None = None,
    fill: float = 1,
    executed: ArrayLike | None = None,
    fee_bps: float = 0,
    income: ArrayLike = 0,
) -> Decomposition:
    """Split the P&L of holding c - ∇Ψ(p) into the book's five series (theory of chapter 2).

    Parameters
    ----------
    mechanism : Potential
    prices : array, shape (n_paths, n_steps + 1, n_assets)
    constant : array, shape (n_assets,), optional
        c, units of asset; zero by default.
    times : array, shape (n_steps + 1,), optional
        Passed on to a potential that depends on time.
    fill, executed, fee_bps, income
        As in `follow`.

    Returns
    -------
    Decomposition
        Its `pnl` equals the increments of `follow(c + mechanism.holdings(prices), prices, ...)`.

    Raises ValueError if an entry is not finite, a shape differs, or θ or the fee is out of range.

    Examples
    --------
    A unit grid on a path that goes up one and comes back earns its harvest and has no displacement:

    >>> parts = decompose(LinearGrid([[1.0]], [100.0]), [[[100.0], [101.0], [100.0]]]).total()
    >>> float(parts.harvest[0]), float(parts.displacement[0]), float(parts.pnl[0])
    (1.0, 0.0, 1.0)
    """
    prices = check.prices("prices", prices)
    check.mechanism("mechanism", mechanism, times is not None)
    if constant is None:
        constant = np.zeros(prices.shape[2], dtype=prices.dtype)
    constant = check.array("constant", constant, prices.shape[2:])
    now: tuple = ()
    before: tuple = ()
    if times is not None:
        times = check.times("times", times, prices.shape[1])
        now, before = (times,), (times[:-1],)
    old, new = prices[:, :-1], prices[:, 1:]

    held = constant + check.evaluated("prices", prices, mechanism, "holdings", *now)
    values = check.evaluated("prices", prices, mechanism, "value", *now)
    start, end = values[:, :-1], values[:, 1:]
    moved = end if times is None else check.evaluated("prices", new, mechanism, "value", *before)
    account = attribute(held, prices, fill=fill, executed=executed, fee_bps=fee_bps, income=income)
    return Decomposition(
        directional=np.vecdot(constant, new - old),
        harvest=bregman(mechanism, new, old, *before),
        displacement=start - end,
        carry=end - moved + account.carry,
        cost=account.cost,
        gross=account.gross + abs(start) + abs(moved) + abs(end),
    )


def attribute(
    holdings: ArrayLike,
    prices: ArrayLike,
    *,
    fill: float = 1,
    executed: ArrayLike | None = None,
    fee_bps: float = 0,
    income: ArrayLike = 0,
) -> Decomposition:
    """Split the P&L of holdings that come from no potential: all of q·Δp is directional (theory of chapter 2).

    Parameters, shapes and errors are those of `follow`; harvest and displacement are zero.
    """
    prices = check.prices("prices", prices)
    holdings = check.array("holdings", holdings, prices.shape)
    old, new = prices[:, :-1], prices[:, 1:]
    held, trades = holdings[:, :-1], np.diff(holdings, axis=1)
    fills, received = _fills(prices, fill, executed), _income(income, prices)
    fees = _fees(trades, fills, fee_bps)
    directional = np.vecdot(held, new - old)
    return Decomposition(
        directional=directional,
        harvest=np.zeros_like(directional),
        displacement=np.zeros_like(directional),
        carry=received,
        cost=np.vecdot(trades, new - fills) - fees,
        gross=np.vecdot(abs(held), abs(old) + abs(new)) + np.vecdot(abs(trades), abs(fills) + abs(new)) + fees + abs(received),
    )


def simulate(
    mechanism: Potential,
    draw: Callable[[np.random.Generator, int], Array],
    rng: np.random.Generator,
    n_paths: int,
    *,
    chunk: int = 100,
    **options: object,
) -> Decomposition:
    """Totals of `decompose` over many paths in memory proportional to n_paths, not to the paths.

    Parameters
    ----------
    draw : function of (rng, n)
        Returns prices of shape (n, n_steps + 1, n_assets).
    n_paths, chunk : int
        Paths in all, and at a time, few enough for the processor's cache; further options are those of `decompose`.

    Raises ValueError if a number of paths is below 1, and as `decompose`.
    """
    check.generator("rng", rng)
    starts = range(0, check.integer("n_paths", n_paths, 1), check.integer("chunk", chunk, 1))
    totals = []
    for n in (min(chunk, n_paths - start) for start in starts):
        prices = draw(rng, n)
        if len(prices) != n:
            raise ValueError(f"draw returns {len(prices)} paths when asked for {n}: allowed is prices of shape (n, ...).")
        totals.append(decompose(mechanism, prices, **options).total())
    return Decomposition(*(np.concatenate([getattr(t, f.name) for t in totals]) for f in fields(Decomposition)))


def _fills(prices: Array, fill: float, executed: ArrayLike | None) -> Array:
    if executed is not None:
        n_paths, n_dates, n_assets = prices.shape
        return check.array("executed", executed, (n_paths, n_dates - 1, n_assets))
    fix = "θ is a fraction of the move: 0 the old price, 1 the new one"
    return prices[:, :-1] + check.number("fill", fill, 0, 2, fix=fix) * np.diff(prices, axis=1)


def _fees(trades: Array, fills: Array, fee_bps: float) -> Array:
    if check.bps("fee_bps", fee_bps) == 0:
        return np.zeros(trades.shape[:2], dtype=trades.dtype)
    return np.vecdot(abs(trades), abs(fills)) * fee_bps / 10_000


def _income(income: ArrayLike, prices: Array) -> Array:
    n_paths, n_dates, _ = prices.shape
    if np.ndim(income) == 0:
        income = np.full((n_paths, n_dates - 1), check.number("income", income), dtype=prices.dtype)
    return check.array("income", income, (n_paths, n_dates - 1))
