"""The paper's four mechanisms on the same prices, through one decomposition, on one scale (chapter 8).

All fill at the post-move price. The scale is T·K₀σ²: the steps, the intensity at the first price and the variance of
a step. It is what the paper says the mechanism earns; the size of the position drops out of every result.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.amm import AgainstHolding, ConstantProduct
from mnvh.check import Array
from mnvh.contrarian_rule import linear_rule
from mnvh.decomposition import Decomposition, LinearGrid, Potential, decompose, follow
from mnvh.options import OptionHedge


@dataclass(frozen=True, eq=False)
class RecentredGrid:
    """Inventory rule Δq = -Δp - βq as a unit grid whose center goes after the price, m' = m + β(p - m) (§4.1).

    Ψ_t(p) = ½|p - m_t|²: displacement is -Δ(½q²), and carry is what the selling off of inventory gives up.

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
        The prices that it will be used on; its times are the numbers of the steps.
    reversion : float
        β in [0, 2).

    Raises ValueError if a price is not finite or β is out of range.
    """

    prices: ArrayLike
    reversion: float
    center: Array = field(init=False)

    def __post_init__(self) -> None:
        prices = check.prices("prices", self.prices)
        held = linear_rule(prices, np.eye(prices.shape[2]), self.reversion)
        object.__setattr__(self, "center", prices + held)

    def value(self, prices: Array, time: Array) -> Array:
        return np.vecdot(self.holdings(prices, time), self.holdings(prices, time)) / 2

    def holdings(self, prices: Array, time: Array) -> Array:
        return self.center[:, np.asarray(time, dtype=int)] - prices

    def intensity(self, prices: Array, time: Array) -> Array:
        return np.broadcast_to(np.eye(prices.shape[-1]), (*prices.shape, prices.shape[-1]))

    def divergence(self, new: Array, old: Array, time: Array) -> Array:
        return np.vecdot(new - old, new - old) / 2


def mechanisms(prices: ArrayLike, *, sd: float, reversion: float) -> dict[str, tuple[Potential, Array | None]]:
    """Grid, pool against holding, market maker and hedge of a call at the money, each flat or hedged at the start (§8).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, 1)
        Above 0; all paths start at the same price.
    sd : float
        σ of a step, price units; the call expires with the last step and is valued at σ√n_steps/p₀.
    reversion : float
        β of the market maker, in [0, 2).

    Returns
    -------
    dict of name: (mechanism, times)
        As `run` takes them.

    Raises ValueError if the prices have another shape or start, or a parameter is out of range.
    """
    prices = check.prices("prices", prices, above_zero=True)
    start, steps = prices[0, 0], np.arange(prices.shape[1])
    if len(start) != 1 or (prices[:, 0] != start).any():
        raise ValueError(f"prices start at {start} and elsewhere: allowed is one asset with one first price. Pass prices[..., :1].")
    total = check.positive("sd", sd) * np.sqrt(steps[-1]) / start[0]
    return {
        "grid": (LinearGrid([[1.0]], start), None),
        "pool": (AgainstHolding(ConstantProduct(1.0), start), None),
        "market maker": (RecentredGrid(prices, reversion), steps),
        "gamma scalper": (OptionHedge(start[0], 1.0, total), steps / steps[-1]),
    }


def run(
    mechanism: Potential, times: ArrayLike | None, prices: ArrayLike, *, sd: float, fee_bps: float = 0
) -> tuple[Decomposition, Array]:
    """Decomposition and separately kept wealth of a mechanism in units of T·K₀σ² (theory of chapter 8).

    A gamma scalper owns the option: its gain cancels the displacement of its hedge, and the option's value is part
    of the wealth.

    Parameters
    ----------
    mechanism, times
        As `mechanisms` returns them.
    prices : array, shape (n_paths, n_steps + 1, 1)
    sd : float
        σ of a step, price units.
    fee_bps : float
        Paid on the value of each trade, in basis points.

    Returns
    -------
    parts : Decomposition
        Series of shape (n_paths, n_steps).
    wealth : array, shape (n_paths, n_steps + 1)

    Raises ValueError as `decompose`; or if σ is not above 0.
    """
    parts = decompose(mechanism, prices, times=times, fee_bps=fee_bps)
    prices, time = np.asarray(prices, dtype=float), () if times is None else (np.asarray(times),)
    wealth = follow(mechanism.holdings(prices, *time), prices, fee_bps=fee_bps)
    if isinstance(mechanism, OptionHedge):
        value = mechanism.value(prices, *time)
        wealth += value - value[:, :1]
        parts = replace(parts, displacement=np.zeros_like(parts.displacement))
    first = mechanism.intensity(prices[:1], *time)[0, 0, 0, 0]
    unit = check.positive("sd", sd) ** 2 * first * (prices.shape[1] - 1)
    return Decomposition(*(getattr(parts, series.name) / unit for series in fields(parts))), wealth / unit
