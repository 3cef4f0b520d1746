"""Vaults that sell a call every week, and what a record of returns says of them (chapter 17).

Prices are closes of trading days in units of the bank account; a week is five of them, a year 252. A vault keeps no
leverage: it sells calls on as many units of the asset as its wealth buys when the week opens. Everything is in units
of that wealth, so that weeks compare, and compound as a product of 1 + return.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import Decomposition, attribute, decompose
from mnvh.options import OptionHedge

DAYS, YEARS = 5, 5 / 252  # of a week


def strike_at_delta(delta: float, years: float, volatility: float) -> float:
    """exp(½σ²T - Φ⁻¹(δ)σ√T), the strike in units of the spot whose call has this delta (Black-Scholes 1973).

    Raises ValueError if the delta is not inside (0, 1), the time is not above 0, or the volatility is not in (0, 10].

    Examples
    --------
    >>> round(strike_at_delta(0.1, 5 / 252, 0.8), 4)
    1.1627
    """
    check.number("delta", delta, 1e-9, 1 - 1e-9, fix="the delta of a call, for 10 delta pass 0.1")
    check.number("volatility", volatility, 0, 10, fix="for 80 % pass 0.8")
    total = check.positive("volatility", volatility) * np.sqrt(check.positive("years", years))
    return float(np.exp(total**2 / 2 - ndtri(delta) * total))


def weekly_vault(
    prices: ArrayLike, implied_vol: ArrayLike, *, covered: bool, delta: float = 0.1,
    fee_bps: float = 0.0, management_fee: float = 0.02, performance_fee: float = 0.1,
) -> Decomposition:  # fmt: skip
    """P&L of a vault that sells a call of the given delta each week: covered by the asset, or delta-hedged at each close.

    Of the short call, -ΔV = -Δ·ΔS - D_V - theta exactly. What the vault holds of the asset beyond Δ is directional, -D
    is the harvest, here paid and not received, and theta the carry, received. There is no displacement: the hedge's
    is the option's gain.

    Parameters
    ----------
    prices : array, shape (n_paths, 5 n_weeks + 1, 1)
    implied_vol : float, or array of shape (n_weeks,)
        Per √year, at which the week's call is sold and marked.
    covered : bool
        True: holds the asset against the call. False: holds the call's delta.
    delta : float
        Of the call when it is sold; by put-call parity a hedged call of delta 0.9 is a hedged put of delta -0.1.
    fee_bps : float
        On the value of what is traded of the asset, in basis points.
    management_fee, performance_fee : float
        Fraction of wealth a year, and of the week's profit. Both are charged after weeks with a profit only, without
        high-water mark; a covered vault keeps its books in the asset, its profit is that of the call (Ribbon 2021).

    Returns
    -------
    Decomposition, series of shape (n_paths, 5 n_weeks)
        In units of the wealth with which each week opens. `cost` has the trading fees, and the vault's on Fridays.

    Raises
    ------
    ValueError
        If prices are not above 0 or end within a week, or another argument is out of range.

    Examples
    --------
    A week without a move: theta is the premium, and the fees take a third of it.

    >>> week = weekly_vault(np.full((1, 6, 1), 100.0), 0.2, covered=True).total()
    >>> float(week.carry[0].round(6)), float(week.cost[0].round(6))
    (0.001318, -0.000529)
    """
    prices = check.prices("prices", prices, above_zero=True)
    n_weeks, rest = divmod(prices.shape[1] - 1, DAYS)
    if rest or prices.shape[2] != 1:
        allowed, fix = f"one asset and {DAYS} steps a week", f"prices[:, : {DAYS * n_weeks + 1}, :1]"
        raise ValueError(f"prices has shape {prices.shape}: allowed is {allowed}. Likely fix: {fix}.")
    implied_vol = np.full(n_weeks, implied_vol) if np.ndim(implied_vol) == 0 else implied_vol
    implied_vol = check.array("implied_vol", implied_vol, (n_weeks,))
    check.number("implied_vol", float(implied_vol.max()), 0, 10, fix="per √year, for 20 % pass 0.2")
    check.positive("implied_vol", float(implied_vol.min()))
    if not isinstance(covered, bool):
        raise ValueError(f"covered is {covered!r}: allowed are True, for a covered call, and False, for a hedged one.")
    charged = {"management_fee": management_fee, "performance_fee": performance_fee}
    fees = [check.number(name, fee, 0, 1, fix="a fraction, for 10 % pass 0.1") for name, fee in charged.items()]
    weeks = []
    for k, vol in enumerate(implied_vol):
        week = prices[:, DAYS * k : DAYS * (k + 1) + 1]
        call = OptionHedge(strike_at_delta(delta, YEARS, vol), YEARS, float(vol))
        weeks.append(_week(week / week[:, :1], call, covered, fee_bps, *fees))
    return Decomposition(*(np.concatenate([getattr(week, f.name) for week in weeks], axis=1) for f in fields(Decomposition)))


def _week(prices: Array, call: OptionHedge, covered: bool, fee_bps: float, management: float, performance: float) -> Decomposition:
    times = np.linspace(0, YEARS, DAYS + 1)
    long, delta = decompose(call, prices, times=times), -call.holdings(prices, times)
    stock = np.ones_like(delta) if covered else delta.copy()
    stock[:, -1] = stock[:, 0]  # on Friday the next week's position is taken up
    trading = attribute(stock, prices, fee_bps=fee_bps)
    directional = np.vecdot((stock - delta)[:, :-1], np.diff(prices, axis=1))
    series = directional, -long.harvest, np.zeros_like(directional), -long.carry, trading.cost
    earned = np.sum(series, axis=(0, 2))
    profit = earned - covered * (prices[:, -1, 0] - 1)
    fees = np.where(profit > 0, performance * profit + management * YEARS * (1 + earned), 0.0)
    series[-1][:, -1] -= fees
    return Decomposition(*series, gross=long.gross + trading.gross + fees[:, None])


def sharpe_ratio(returns: ArrayLike, *, periods_per_year: float) -> Array:
    """Mean over standard deviation of returns in excess of cash, times the root of their number a year (Sharpe 1994).

    Parameters
    ----------
    returns : array, shape (n_periods,) or (n_paths, n_periods)
    periods_per_year : float

    Returns
    -------
    array, shape () or (n_paths,)

    Raises
    ------
    ValueError
        If an entry is not finite, these are prices, or a record does not vary, so that its ratio would be infinite.

    Examples
    --------
    >>> float(sharpe_ratio([0.01, -0.01, 0.03], periods_per_year=4))
    1.0
    """
    returns = _returns(returns)
    return _ratio(returns, returns.std(axis=-1, ddof=1), periods_per_year, "variation")


def sortino_ratio(returns: ArrayLike, *, periods_per_year: float) -> Array:
    """As `sharpe_ratio`, over the root mean square of the losses, gains counted as 0 (Sortino and Price 1994).

    Raises ValueError as `sharpe_ratio`, and if a record has no loss.
    """
    returns = _returns(returns)
    return _ratio(returns, np.sqrt((np.minimum(returns, 0) ** 2).mean(axis=-1)), periods_per_year, "loss")


def max_drawdown(wealth: ArrayLike) -> Array:
    """Largest fall from an earlier peak, as a fraction of the peak, of wealth of shape (n_dates,) or (n_paths, n_dates).

    Raises ValueError if an entry is not finite, below 0 as returns may be, or the first is not above 0.

    Examples
    --------
    >>> float(max_drawdown([1.0, 2.0, 1.5, 3.0]))
    0.25
    """
    wealth = _table("wealth", wealth)
    fix = "these look like returns, pass wealth, np.cumprod(1 + returns)"
    check.number("wealth", float(wealth.min()), 0, fix=fix)
    check.positive("wealth", float(wealth[..., 0].min()), fix=fix)
    return (1 - wealth / np.maximum.accumulate(wealth, axis=-1)).max(axis=-1)


def expected_shortfall(returns: ArrayLike, *, level: float) -> Array:
    """Mean loss of the worst `level` of the periods, the last one counted in part (Rockafellar and Uryasev 2002).

    Parameters
    ----------
    returns : array, shape (n_periods,) or (n_paths, n_periods)
    level : float
        Fraction of the periods, at least one of them and at most half.

    Raises
    ------
    ValueError
        If an entry is not finite, these are prices, or the level is out of range.

    Examples
    --------
    >>> float(expected_shortfall([-0.3, 0.1, -0.1, 0.2], level=0.375).round(6))
    0.233333
    """
    returns = _returns(returns)
    n = returns.shape[-1]
    tail = n * check.number("level", level, 1 / n, 0.5, fix="a fraction of at least one period, for the worst 5 % pass 0.05")
    return -np.sort(returns, axis=-1) @ np.clip(tail - np.arange(n), 0, 1) / tail


def _table(name: str, value: ArrayLike) -> Array:
    result = check.array(name, value, ("n_paths", "n_periods") if np.ndim(value) == 2 else ("n_periods",))
    check.integer(f"number of periods of {name}", result.shape[-1], 2)
    return result


def _returns(value: ArrayLike) -> Array:
    returns = _table("returns", value)
    if (returns > 0).all() and np.median(returns) > 0.5:
        found = f"the median {np.median(returns):g} and none below 0"
        raise ValueError(f"returns has {found}: these look like prices. Pass p[1:] / p[:-1] - 1.")
    return returns


def _ratio(returns: Array, risk: Array, periods_per_year: float, what: str) -> Array:
    if (risk <= 1e-12 * abs(returns).max(axis=-1)).any():
        fix = "a longer record, with a loss in it"
        raise ValueError(f"returns has a record without any {what}: its ratio would be infinite. Likely fix: {fix}.")
    return returns.mean(axis=-1) / risk * np.sqrt(check.positive("periods_per_year", periods_per_year))
