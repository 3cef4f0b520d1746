"""What a market maker's quotes earn: exactly, by simulation, and on given prices (chapter 4).

At date t the quotes stand round p_t - (1-θ)Δp_{t-1}: with the fill parameter θ = 1 they follow the mid, which is
Avellaneda and Stoikov's market; below 1 they lag behind its last move. First each side may be filled, one unit,
then the mid moves. A fill at the distance d from the mid has the probability A e^{-kd} dt and adds d to the
wealth, cash and inventory at the mid; the move adds qΔp.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array
from mnvh.market_making import Market, Quotes


class Profit(NamedTuple):
    """Moments of the profit, and standard deviation of the last inventory."""

    mean: float
    sd: float
    kurtosis: float
    sd_inventory: float


def profit(market: Market, quotes: Quotes, *, fill: float = 1) -> Profit:
    """Exact moments of the profit over the horizon, from zero inventory, without simulation.

    The sign of the last move and the inventory are a finite Markov chain, and the E[Wⁿ; state] follow a linear
    recursion: what adds g to W turns them into Σ_j C(n,j) g^{n-j} E[Wʲ; state] (theory of chapter 4).

    Parameters
    ----------
    market : Market
    quotes : Quotes
    fill : float
        θ in [0, 1]: 1 quotes that follow the mid, 0 quotes that rest for a whole step.

    Raises
    ------
    ValueError
        If θ is outside [0, 1], the quotes are for another number of steps, or never filled, or always.

    Examples
    --------
    Avellaneda and Stoikov print 68.4 and 12.7, after 1000 simulations:

    >>> from mnvh.market_making import avellaneda_stoikov, symmetric
    >>> market = Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)
    >>> half_spread = avellaneda_stoikov(market, 0.1).mean_spread / 2
    >>> exact = profit(market, symmetric(market, half_spread))
    >>> round(exact.mean, 4), round(exact.sd, 4)
    (68.2228, 13.4558)
    """
    table, q, mean = _table(market, quotes, fill), quotes.inventory, 0.0
    moments = np.concatenate([_start(quotes)[None], np.zeros((4, 2, len(q)))])
    for row in table:
        moments = _advance(moments, row, market.move * q)
        earned = moments[1].sum()
        mean, moments = mean + earned, _gain(moments, -earned)  # of W less its mean: no cancellation
    _, _, variance, _, fourth = moments.sum(axis=(1, 2))
    if variance <= 1e-14 * (mean**2 + market.move**2):  # nothing but rounding
        raise ValueError(
            "quotes are never filled, or always: the profit does not vary and has no kurtosis. "
            "Likely fix: distances at which a fill is uncertain."
        )
    sd_inventory = (moments[0].sum(axis=0) @ q**2.0) ** 0.5
    return Profit(float(mean), float(variance**0.5), float(fourth / variance**2), float(sd_inventory))


def certainty_equivalent(market: Market, quotes: Quotes, risk_aversion: float, *, fill: float = 1) -> float:
    """-(1/γ)ln E[exp(-γW)] of the profit W, exactly: the sure amount worth as much to exponential utility.

    Parameters
    ----------
    market, quotes, fill
        As in `profit`.
    risk_aversion : float
        γ > 0, per unit of money.

    Raises
    ------
    ValueError
        If γ is not above 0, θ is outside [0, 1], the quotes are for another number of steps or never filled.
    """
    check.positive("risk_aversion", risk_aversion)
    sells, buys, ask, bid = np.moveaxis(_table(market, quotes, fill), -1, 0)
    swing = risk_aversion * market.move * quotes.inventory
    with np.errstate(divide="ignore"):  # ln 0 = -inf: what cannot happen
        sold, bought = np.log(sells) - risk_aversion * ask, np.log(buys) - risk_aversion * bid
        kept, left, state = np.log1p(-sells), np.log1p(-buys), np.log(_start(quotes))
    for t in range(market.n_steps):  # in logarithms, which neither overflow nor lose a rare state that matters
        filled = state + np.logaddexp(kept[t] + left[t], sold[t] + bought[t])
        filled[:, :-1] = np.logaddexp(filled[:, :-1], (state + sold[t] + left[t])[:, 1:])
        filled[:, 1:] = np.logaddexp(filled[:, 1:], (state + bought[t] + kept[t])[:, :-1])
        filled = np.logaddexp(*filled) - np.log(2)
        state = np.stack([filled + swing, filled - swing])
    worth = -float(np.logaddexp.reduce(state, axis=None))
    if abs(worth) < 2e-4:
        near = profit(market, quotes, fill=fill)
        if risk_aversion * (abs(near.mean) + near.sd) < 1e-4:  # the rounding of the logarithm is more than the third order
            return near.mean - risk_aversion * near.sd**2 / 2
    return worth / risk_aversion


def expected_rule(market: Market, quotes: Quotes, *, fill: float = 1) -> tuple[Array, Array, Array]:
    """Exact coefficients of the regression Δq = -KΔp - βq + noise at every date but the first.

    Δp is the last move and q the inventory before the fills; the two are independent, so that
    K = -E[ΔqΔp]/h² and β = -E[Δq q]/E[q²] (§4.3).

    Parameters and errors are those of `profit`; it needs two steps or more, and a fill at the first date.

    Returns
    -------
    intensity, reversion, inventory_variance : array, shape (n_steps - 1,)
        K, β and E[q²]. All dates pooled, K is the mean of the first and β that of the second weighted by the third.
    """
    table = _table(market, quotes, fill)
    check.integer("market.n_steps", market.n_steps, 2, fix="the first date has no move before it")
    q, state = quotes.inventory, _start(quotes)[None]
    rows = []
    for row in table:
        drift = state[0] * (row[..., 1] - row[..., 0])  # E[Δq; state]: bought less sold
        variance = state[0].sum(axis=0) @ q**2.0
        rows.append((-(drift[1] - drift[0]).sum() / market.move, -(drift.sum(axis=0) @ q), variance))
        state = _advance(state, row, market.move * q)
    intensity, reversion, variance = np.array(rows[1:]).T
    if variance[0] == 0:
        raise ValueError("quotes are never filled at the first date: β needs an inventory. Likely fix: smaller distances.")
    return intensity, reversion / variance, variance


def simulate(
    rng: np.random.Generator, market: Market, quotes: Quotes, n_paths: int, *, fill: float = 1
) -> tuple[Array, Array]:  # fmt: skip
    """Profit and last inventory of simulated paths, as in `profit`; mid moves are ±σ√dt with equal chances.

    Draws three uniform numbers per path and step.

    Parameters
    ----------
    rng : numpy.random.Generator
    market, quotes, fill
        As in `profit`.
    n_paths : int

    Returns
    -------
    profit : array, shape (n_paths,), money
    inventory : array of int, shape (n_paths,)

    Raises
    ------
    ValueError
        As in `profit`; or if `rng` is no Generator or `n_paths` is below 1.
    """
    check.generator("rng", rng)
    wealth, table = np.zeros(check.integer("n_paths", n_paths, 1)), _table(market, quotes, fill)
    column = np.full(n_paths, quotes.limit)
    _walk(rng, table, market.move, wealth, column)
    return wealth, column - quotes.limit


def trade(
    rng: np.random.Generator, market: Market, quotes: Quotes, prices: ArrayLike, *, fill: float = 1
) -> tuple[Array, Array]:  # fmt: skip
    """Holdings and captured spread on given mid prices, for the account and its attribution.

    Wealth is `decomposition.follow(holdings, prices, fill=fill, income=income)`.

    Parameters
    ----------
    rng : numpy.random.Generator
    market, quotes, fill
        As in `profit`; of the market, the fill probabilities are used and not the volatility.
    prices : array, shape (n_paths, n_steps + 1, 1)

    Returns
    -------
    holdings : array, shape (n_paths, n_steps + 1, 1)
        Inventory after the fills of a date; there are none at the last date.
    income : array, shape (n_paths, n_steps)
        δa per unit sold and δb per unit bought at the date that opens the step.

    Raises
    ------
    ValueError
        As in `profit`; or if `rng` is no Generator, or the prices have another shape or are not finite.
    """
    check.generator("rng", rng)
    _checked(market, quotes, fill)
    fix = "one asset, and as many steps as the market"
    prices = check.array("prices", prices, ("n_paths", market.n_steps + 1, 1), fix=fix)
    holdings, income = np.zeros(prices.shape), np.zeros((len(prices), market.n_steps))
    log_rate = np.log(market.order_rate * market.step)
    _trade(rng, prices[..., 0], quotes.ask, quotes.bid, log_rate, market.decay, 1.0 - fill, holdings[..., 0], income)
    return holdings, income


def _checked(market: Market, quotes: Quotes, fill: float) -> None:
    check.instance("market", market, Market)
    check.instance("quotes", quotes, Quotes)
    check.number("fill", fill, 0, 1, fix="θ is 1 for quotes that follow the mid, 0 for quotes that rest for a step")
    if len(quotes.ask) != market.n_steps:
        raise ValueError(f"quotes are for {len(quotes.ask)} steps: allowed is the market's number, {market.n_steps}.")


def _table(market: Market, quotes: Quotes, fill: float) -> Array:
    """Fill probability of ask and bid and their distances from the mid (n_steps, last move down or up, inventory, 4)."""
    _checked(market, quotes, fill)
    lag = (1 - fill) * market.move * np.array([-1.0, 1.0])[:, None]
    lag = np.where(np.arange(market.n_steps)[:, None, None] == 0, 0.0, lag)  # no move before the first date
    ask, bid = quotes.ask[:, None] - lag, quotes.bid[:, None] + lag
    gains = [np.where(np.isposinf(distance), 0.0, distance) for distance in (ask, bid)]
    return np.stack([market.fill_probability(ask), market.fill_probability(bid), *gains], axis=-1)


def _start(quotes: Quotes) -> Array:
    """Law of (sign of the last move, inventory) at the start, where the sign does not matter."""
    law = np.zeros((2, len(quotes.inventory)))
    law[:, quotes.limit] = 0.5
    return law


def _advance(moments: Array, row: Array, swing: Array) -> Array:
    """E[Wⁿ; last move, inventory] one step later: fills, then the move. The first axis is n; n = 0 alone is the law."""
    sells, buys, ask, bid = np.moveaxis(row, -1, 0)
    filled = moments * ((1 - sells) * (1 - buys)) + _gain(moments, ask + bid) * (sells * buys)
    filled[..., :-1] += (_gain(moments, ask) * (sells * (1 - buys)))[..., 1:]
    filled[..., 1:] += (_gain(moments, bid) * (buys * (1 - sells)))[..., :-1]
    filled = filled.sum(axis=1)
    return np.stack([_gain(filled, -swing), _gain(filled, swing)], axis=1) / 2


def _gain(moments: Array, gain: Array) -> Array:
    """E[(W + gain)ⁿ; state] from the E[Wʲ; state], n along the first axis."""
    found = moments.copy()
    for n in range(1, len(moments)):  # row by row of Pascal's triangle
        found[n:] = found[n:] + gain * found[n - 1 : -1]
    return found


@numba.njit(cache=True)
def _walk(rng: np.random.Generator, table: Array, move: float, wealth: Array, column: Array) -> None:
    """Adds the profits to `wealth` and the trades to `column`, in place; free of branches, block by block of paths."""
    middle = column[0]
    for first in range(0, len(wealth), 512):
        w, c = wealth[first : first + 512], column[first : first + 512]
        last = np.zeros(len(w), np.int64)
        for row in table:
            for path in range(len(w)):
                i = np.uintp(path)  # unsigned: no test for negative indices
                up, q = np.uintp(last[i]), np.uintp(c[i])
                sold = 1 if rng.random() < row[up, q, 0] else 0
                bought = 1 if rng.random() < row[up, q, 1] else 0
                rises = 1 if rng.random() < 0.5 else 0
                held = c[i] + bought - sold
                w[i] += sold * row[up, q, 2] + bought * row[up, q, 3] + (held - middle) * (2 * rises - 1) * move
                c[i], last[i] = held, rises


@numba.njit(cache=True)
def _trade(
    rng: np.random.Generator, prices: Array, ask: Array, bid: Array,
    log_rate: float, decay: float, lag: float, holdings: Array, income: Array,
) -> None:  # fmt: skip
    middle = ask.shape[1] // 2
    sells, buys = np.exp(log_rate - decay * ask), np.exp(log_rate - decay * bid)  # while quotes follow the mid
    for path in range(prices.shape[0]):
        q, stale = 0, 0.0
        for t in range(prices.shape[1] - 1):
            column = np.uintp(middle + q)  # unsigned: no test for negative indices
            sell, buy = ask[t, column], bid[t, column]
            sold = rng.random() < (np.exp(log_rate - decay * (sell - stale)) if stale else sells[t, column])
            bought = rng.random() < (np.exp(log_rate - decay * (buy + stale)) if stale else buys[t, column])
            income[path, t] = (sell if sold else 0.0) + (buy if bought else 0.0)
            q += (1 if bought else 0) - (1 if sold else 0)
            holdings[path, t] = q
            stale = lag * (prices[path, t + 1] - prices[path, t])
        holdings[path, -1] = q
