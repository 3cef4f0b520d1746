"""Rebalancing by triggers as a smart contract has them, what they cost, and prices settled on a pool (chapter 15).

A trigger watches a signal and fires when it is `width` away from where it was at the last trade. The signal decides which
trigger it is: the number of the step (a clock), ln p (a price step), the target itself (a band). The order is fixed when
the trigger fires and filled `delay` steps later, at the price of then.
"""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.amm import ConstantProduct
from mnvh.check import Array
from mnvh.decomposition import Decomposition, attribute
from mnvh.hedging import whalley_wilmott
from mnvh.ladder import NEAR
from mnvh.options import OptionHedge


def rebalance(
    target: ArrayLike, *, signal: ArrayLike | None = None, width: ArrayLike, inner: ArrayLike = 0.0,
    lattice: bool = False, delay: int = 0,
) -> Array:  # fmt: skip
    """Holdings that start at the target and are moved when the signal is `width` away from its anchor (document §4).

    Parameters
    ----------
    target : array, shape (n_paths, n_steps, 1)
        What would be held without costs.
    signal : array, shape (n_paths, n_steps, 1), optional
        What the trigger watches; by default the target.
    width : number, or array of that shape
        Distance at which the trigger fires, or is as near to it as `ladder.NEAR`; above 0 on a lattice.
    inner : number, or array of that shape
        Distance to the target that is left after a trade, at most the width: 0 trades to the target, the width to the near
        edge of the band. Only for a signal that is the target.
    lattice : bool
        The anchor moves by whole widths, as the last rung of a ladder does; else to the signal, less `inner`.
    delay : int
        Steps from trigger to fill; until then nothing fires.

    Returns
    -------
    array, shape (n_paths, n_steps + 1, 1)
        The last holdings are kept, as in `hedging.band_holdings`.

    Raises ValueError if an entry is not finite, a shape differs, a distance is out of range or the delay is negative.

    Examples
    --------
    >>> path = np.array([0.0, 0.4, 1.2, 1.1, 0.1])[None, :, None]
    >>> rebalance(path, width=1.0).ravel().tolist(), rebalance(path, width=1.0, inner=1.0).ravel().round(1).tolist()
    ([0.0, 0.0, 1.2, 1.2, 0.1, 0.1], [0.0, 0.0, 0.2, 0.2, 0.2, 0.2])
    """
    target = check.array("target", target, ("n_paths", "n_steps", 1))
    if signal is not None and np.any(inner):
        raise ValueError("inner is above 0 beside a signal: allowed is 0. Likely fix: leave out the signal of a band.")
    seen = target if signal is None else check.array("signal", signal, target.shape)
    width, inner = _filled("width", width, target.shape), _filled("inner", inner, target.shape)
    check.number("width", float(width.min()), np.nextafter(0, 1) if lattice else 0)
    check.number("inner", float(inner.min()), 0)
    check.number("inner", float((inner - width).max()), high=0, fix="it is a distance within the width; this is inner - width")
    holdings = np.empty((len(target), target.shape[1] + 1, 1))
    layers = (a[..., 0] for a in (target, seen, width, inner))
    _watch(*layers, check.instance("lattice", lattice, bool), check.integer("delay", delay, 0, 10**9), holdings[..., 0])
    return holdings


def utility_band(
    hedge: OptionHedge, prices: ArrayLike, times: ArrayLike, *, fee_bps: float, gas: float, risk_aversion: float
) -> tuple[Array, Array]:
    """Distances at which to trade and to stop under proportional and fixed costs (Whalley-Wilmott, EJAM 1999).

    The undelivered delta z diffuses at the variance rate s² = (ΓσS)², is penalised at ½κz², κ = aσ²S², and a trade from b to
    c costs g + k(b - c), k = εS. Then κ(b² + c²)/12 + s²g/(b² - c²) + s²k/(b + c) is least where, with P = b + c and
    M = b - c, P³ - M²P = 12kΓ²/a and M³P = 12gΓ²/a. Without gas it is `hedging.whalley_wilmott`.

    Parameters
    ----------
    hedge, prices, times, risk_aversion
        As in `hedging.whalley_wilmott`.
    fee_bps : float
        ε, one way, in basis points, above 0.
    gas : float
        g ≥ 0, money per transaction.

    Returns
    -------
    outer, inner : array, shape (n_paths, n_steps, 1)
        b and c, for `rebalance`; relative error below 1e-6.

    Raises ValueError as `hedging.whalley_wilmott`, and if the gas is negative or the fee 0.
    """
    check.positive("fee_bps", fee_bps, fix="for gas alone pass a fee of 0.01")
    _, half_width = whalley_wilmott(hedge, prices, times, fee_bps=fee_bps, risk_aversion=risk_aversion)
    cubed, dearer = 8 * half_width**3, check.number("gas", gas, 0) / (fee_bps / 10_000 * np.asarray(prices))  # 12kΓ²/a; g/k
    share = 1 / (1 + np.exp(-np.linspace(-60, 60, 40_001)))  # M/P: share^{9/4}/(1 - share²) is (12gΓ²/a)^{3/4}/(12kΓ²/a)
    odds = 2.25 * np.log(share) - np.log1p(share) + np.linspace(-60, 60, 40_001) - np.log(share)
    tiny = np.finfo(float).tiny
    wanted = 0.75 * np.log(np.maximum(dearer, tiny)) - 0.25 * np.log(np.maximum(cubed, tiny))
    ratio = np.interp(wanted, odds, share)
    total = np.where(ratio < 0.5, np.cbrt(cubed / (1 - np.minimum(ratio, 0.5) ** 2)), (dearer * cubed / ratio**3) ** 0.25)
    return total * (1 + ratio) / 2, total * (1 - ratio) / 2


def all_in_prices(
    holdings: ArrayLike, prices: ArrayLike, *, fee_bps: float = 0, gas: float = 0, pool: ConstantProduct | None = None
) -> Array:
    """Prices that trades are executed at with all their costs: p(x/(x - Δq) ± ε) + g/Δq (document §4).

    Parameters
    ----------
    holdings, prices : array, shape (n_paths, n_steps + 1, n_assets)
    fee_bps : float
        ε, in basis points of the value traded.
    gas : float
        g ≥ 0, money per transaction in one asset, whatever its size.
    pool : ConstantProduct, optional
        Where the one asset is traded: its reserve x is that at the market price, to which arbitrage returns it.

    Returns
    -------
    array, shape (n_paths, n_steps, n_assets)
        For `decomposition.follow`, `decompose` and `attribute`; where nothing, or less than 1e-90, is traded the market price.

    Raises
    ------
    ValueError
        If an entry is not finite, the shapes differ, a cost is out of range, or a trade buys all that the pool holds.
    """
    prices = check.prices("prices", prices)
    trades, market = np.diff(check.array("holdings", holdings, prices.shape), axis=1), prices[:, 1:]
    slip = check.bps("fee_bps", fee_bps) / 10_000 * np.sign(trades)
    if pool is not None:
        reserve = check.instance("pool", pool, ConstantProduct).holdings(market)
        if (trades >= reserve).any():
            raise ValueError(f"holdings buy {trades.max():g} at once: the pool holds {reserve.min():g}. Likely fix: more liquidity.")
        slip = slip + trades / (reserve - trades)
    # a trade of 1e-90 units and less is the dust of an expired option's delta: g/Δq has no sensible size
    fixed = np.divide(check.number("gas", gas, 0), trades, out=np.zeros_like(trades), where=abs(trades) > 1e-90)
    return market * (1 + slip) + fixed


def track(
    ideal: Decomposition, target: ArrayLike, holdings: ArrayLike, prices: ArrayLike, *, executed: ArrayLike | None = None
) -> Decomposition:
    """Series of holdings that follow a rule late: `directional` is what the difference earns (theory of chapter 2).

    Parameters
    ----------
    ideal : Decomposition
        Of the rule itself, without costs, by `decomposition.decompose`.
    target, holdings, prices : array, shape (n_paths, n_steps + 1, n_assets)
        What the rule would hold, and what is held.
    executed : array, shape (n_paths, n_steps, n_assets), optional
        As in `decomposition.follow`.

    Returns
    -------
    Decomposition
        Its `pnl` equals the increments of `follow(holdings, prices, executed=executed)`.

    Raises ValueError if an entry is not finite or a shape differs, that of `ideal` among them.
    """
    check.instance("ideal", ideal, Decomposition)
    account = attribute(holdings, prices, executed=executed)
    if ideal.harvest.shape != account.harvest.shape:
        found = f"a series of shape {ideal.harvest.shape}, the prices have {account.harvest.shape}"
        check.reject("ideal", type(ideal).__name__, found, "decompose the rule on the same prices, without total()")
    late = np.asarray(holdings) - check.array("target", target, np.shape(prices))
    directional = ideal.directional + np.vecdot(late[:, :-1], np.diff(prices, axis=1))
    return replace(ideal, directional=directional, cost=account.cost, gross=ideal.gross + account.gross)


def manipulation_cost(shift: ArrayLike, blocks: ArrayLike = 1, *, fee_bps: float = 0) -> Array:
    """Loss, per unit of pool value, from holding a constant-product price at e^u times the market's (Angeris-Chitra 2020).

    In each block the price is pushed up to e^u, and at the start of the next arbitrageurs return it to e^γ, as near as the
    fee lets them. The first push, from 1, loses ½[e^γ(e^{u/2} - 1) + e^{-u/2} - 1], each later one
    ½[e^γ(e^{u/2} - e^{γ/2}) + e^{-u/2} - e^{-γ/2}]; without a fee both are cosh(u/2) - 1, what arbitrage earns.

    Parameters
    ----------
    shift : array
        u ≥ 0; up to γ nobody trades against it.
    blocks : array
        Number of blocks, at least 1.
    fee_bps : float
        γ as in `mnvh.arbitrage`, in basis points.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> print(manipulation_cost(np.log(1.1)).round(6), manipulation_cost(np.log(1.1), 150).round(4))
    0.001136 0.1704
    """
    up, count = check.array("shift", shift), check.array("blocks", blocks)
    check.number("shift", float(up.min()), 0, 100, fix="it is the logarithm of the ratio to the market price")
    check.number("blocks", float(count.min()), 1)
    fee = check.bps("fee_bps", fee_bps) / 10_000
    first, later = (_push(up, np.minimum(start, up), fee) for start in (0.0, fee))
    return first + (count - 1) * later


def twap_attack(shift: float, window: int, *, geometric: bool, fee_bps: float = 0) -> tuple[int, float]:
    """Cheapest number of blocks in which to move a time-weighted average price by a fraction, and what it costs.

    Parameters
    ----------
    shift : float
        Above 0: 0.05 for 5 %.
    window : int
        Blocks that are averaged.
    geometric : bool
        Mean of ln p, as in Uniswap v3; else of p, as in Uniswap v2.
    fee_bps : float
        As in `manipulation_cost`.

    Returns
    -------
    blocks, cost : int, float
        The cost in units of pool value.

    Raises ValueError if an argument is out of range.
    """
    share = np.arange(1, check.integer("window", window, 1) + 1)
    check.number("shift", check.positive("shift", shift), 0, 100, fix="a fraction, for 5 % pass 0.05")
    pushed = np.log1p(shift) * window / share if check.instance("geometric", geometric, bool) else np.log1p(shift * window / share)
    costs = manipulation_cost(np.minimum(pushed, 100), share, fee_bps=fee_bps)
    return int(share[costs.argmin()]), float(costs.min())


def _push(end: Array, start: ArrayLike, fee: float) -> Array:
    """What a push from e^start to e^end loses, marked at the market price 1, per unit of pool value, without cancellation."""
    charged = np.expm1(fee) * np.exp(start / 2) * np.expm1((end - start) / 2) / 2
    return charged + 2 * np.sinh((end + start) / 4) * np.sinh((end - start) / 4)


def _filled(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    value = check.array(name, value, None if np.ndim(value) == 0 else shape)
    return np.broadcast_to(value, shape)


@numba.njit(cache=True)
def _watch(target, signal, width, inner, lattice, delay, holdings):
    for path in range(target.shape[0]):
        held = order = target[path, 0]
        anchor, due = signal[path, 0], 0
        for t in range(target.shape[1]):
            if t == due:
                held = order
            gap, wide, stop = signal[path, t] - anchor, width[path, t], inner[path, t]
            slack = (1 - NEAR) * (wide - stop)  # a grid of ticks reaches the width but for rounding
            if t >= due and t > 0 and abs(gap) >= wide - slack:
                over = abs(gap) - wide * np.floor((abs(gap) + slack) / wide) if lattice else stop
                left = 0.0 if lattice and over <= slack else np.sign(gap) * over
                anchor = signal[path, t] - left
                order = target[path, t] if lattice else target[path, t] - left
                due = t + delay
                held = order if delay == 0 else held
            holdings[path, t] = held
        holdings[path, -1] = held
