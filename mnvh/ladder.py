"""Ladders of orders run over quotes: one compiled pass for any number of steps, long and short (chapter 11).

A ladder has rungs L_0 + kh in a coordinate x, the logarithm of the price for steps in basis points and the price itself for
steps in price units. Its state is the last rung executed; one order works a rung above and one a rung below. A *long* ladder
rests limit orders: the bid must reach the rung above, the ask the rung below. A *short* ladder hits stops: the ask reaches
the rung above, the bid the rung below. With x the mid, s the spread and R the mid's overshoot beyond the trigger, on any path

    Σdx² = h²N + 2hΣ(±s_j/2 + R_j) + (x - L)² - (x_0 - L_0)² - 2Σ(x_{k-1} - L_{k-1})dx_k        (+ long, - short)

and a constant gamma hedged at the rungs earns ½Γ[h²N + (x - L)² - (x_0 - L_0)²].
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import Decomposition
from mnvh.quotes import Quotes


BLOCK = 64  # quotes compared with the nearest orders at once
NEAR = 1 - 1e-8  # of a step: a rung on a grid of ticks is reached there, whichever way its floating-point number is rounded


@dataclass(frozen=True, eq=False)
class Fills:
    """Fills of one ladder, made by `run`.

    Attributes
    ----------
    side : +1 long (resting limit orders), -1 short (stops).
    step : h, in the ladder's coordinate; ln(1 + bps/10⁴) for basis points.
    geometric : whether the coordinate is ln(price).
    time, quote, rung, direction, spread, overshoot : array, shape (n_fills,)
        Seconds; index of the quote; k of the rung L_0 + kh; +1 up and -1 down; ask less bid and R, both in the coordinate.
    first_rung : L_0.
    start_gap, end_gap : x_0 - L_0 at the first quote, before any fill, and x - L at the last.
    seconds : time from the first quote to the last.
    """

    side: int
    step: float
    geometric: bool
    time: Array
    quote: Array
    rung: Array
    direction: Array
    spread: Array
    overshoot: Array
    first_rung: float
    start_gap: float
    end_gap: float
    seconds: float

    @property
    def slippage(self) -> Array:
        """±s/2 + R of each fill: distance of the mid beyond the rung, in the coordinate, shape (n_fills,)."""
        return self.side * self.spread / 2 + self.overshoot


@dataclass(frozen=True, eq=False)
class Ladders:
    """Long and short ladders between two pieces of the quotes, made by `start`: `advance` moves `rungs`, and nothing else.

    Attributes
    ----------
    steps, sides, first, rungs : array, shape (2 n_steps,)
        h, +1 and -1, L_0 and k of the last rung executed: long ladders of all steps, then short ones.
    geometric : whether the coordinate is ln(price).
    """

    steps: Array
    sides: Array
    first: Array
    rungs: Array
    geometric: bool

    def advance(self, quotes: Quotes) -> tuple[Array, Array]:
        """Run over the next quotes: (ladder, quote, rung) of each fill, and its (spread, overshoot).

        Raises ValueError if the quotes are none, or at or below 0 where rungs are in basis points, or if the steps are so small
        that there are far more fills than quotes.
        """
        _priced(quotes, self.geometric)
        last, at, size = np.full(len(self.steps), -1), 0, max(4096, len(quotes.bid) // 8)
        parts, whole = [np.empty((0, 3), np.int64)], [np.empty((0, 2))]
        while at < len(quotes.bid):
            record, values = np.empty((size, 3), np.int64), np.empty((size, 2))
            at, n = _scan(
                quotes.bid, quotes.ask, self.geometric, self.steps, self.sides, self.first, self.rungs, last, at, record, values
            )
            parts.append(record[:n].copy())
            whole.append(values[:n].copy())
            if sum(map(len, parts)) > 1_000_000 + 20 * len(quotes.bid):
                fix = "steps_bps are basis points, 5 for 0.05 %; steps_price are in units of the price"
                raise ValueError(f"steps are so small that quote {at} of {len(quotes.bid)} makes it a million fills and more. Likely fix: {fix}.")
        return np.concatenate(parts), np.concatenate(whole)


def start(
    quotes: Quotes, *, steps_bps: ArrayLike | None = None, steps_price: ArrayLike | None = None, offset: float = 0.0
) -> Ladders:
    """Ladders whose first rung is at the first of the quotes, none of which they have seen; arguments are those of `run`.

    Raises ValueError as `run`.
    """
    if (steps_bps is None) == (steps_price is None):
        raise ValueError("steps_bps and steps_price: pass one of the two.")
    geometric = steps_bps is not None
    name = "steps_bps" if geometric else "steps_price"
    steps = check.array(name, steps_bps if geometric else steps_price, ("n_steps",))
    check.positive(name, float(steps.min()))
    offset = check.number("offset", offset, 0, 1)
    if offset == 1:
        raise ValueError("offset is 1: allowed is a number in [0, 1). Likely fix: 0, the next rung is the same lattice.")
    steps = np.tile(np.log1p(steps / 1e4) if geometric else steps, 2)
    _priced(quotes, geometric)
    first = coordinate(quotes.bid[0], quotes.ask[0], geometric) - offset * steps
    return Ladders(steps, np.repeat([1, -1], len(steps) // 2), first, np.zeros(len(steps), np.int64), geometric)


def run(
    quotes: Quotes, *, steps_bps: ArrayLike | None = None, steps_price: ArrayLike | None = None, offset: float = 0.0
) -> tuple[list[Fills], list[Fills]]:
    """Run long and short ladders of every step over the quotes, in one pass (document §2.3, §2.4).

    A quote fills a long ladder at every rung that it passes. It fills a short ladder once at most, at the stop that it
    passes by more: with a spread of a step or more a single quote would fire up, down, up without end.

    Parameters
    ----------
    steps_bps, steps_price : array, shape (n_steps,)
        One of the two: rungs a factor 1 + bps/10⁴ apart, or a distance in price units apart.
    offset : float
        In [0, 1): the first rung lies this fraction of a step below the first mid.

    Returns
    -------
    long, short : list of Fills, in the order of the steps

    Raises
    ------
    ValueError
        If not exactly one kind of step is given, a step is not above 0, the offset is outside [0, 1), or prices are at or
        below 0 where rungs are in basis points.

    Examples
    --------
    >>> from mnvh.quotes import around
    >>> long, short = run(around([100.0, 101.5, 102.5, 100.5], 1.0, interval=1.0), steps_price=[1.0])
    >>> long[0].rung.tolist(), short[0].rung.tolist()
    ([1, 2, 1], [1, 2, 1])
    """
    ladders = start(quotes, steps_bps=steps_bps, steps_price=steps_price, offset=offset)
    record, values = ladders.advance(quotes)
    begin, end = (coordinate(quotes.bid[k], quotes.ask[k], ladders.geometric) for k in (0, -1))
    found = []
    for k, (step, side, first) in enumerate(zip(ladders.steps, ladders.sides, ladders.first, strict=True)):
        own = record[:, 0] == k
        quote, rung, (spread, overshoot) = record[own, 1], record[own, 2], values[own].T
        found.append(
            Fills(int(side), float(step), ladders.geometric, quotes.time[quote], quote, rung, np.diff(rung, prepend=0), spread,
                  overshoot, float(first), float(begin - first), float(end - first - ladders.rungs[k] * step),
                  float(quotes.time[-1] - quotes.time[0]))
        )  # fmt: skip
    return found[: len(found) // 2], found[len(found) // 2 :]


def levels(quotes: Quotes, fills: Fills) -> Array:
    """Last executed rung L after the fills of each quote, in the coordinate, shape (n_quotes,).

    Raises ValueError if the fills are not of these quotes.
    """
    check.instance("fills", fills, Fills)
    if not isinstance(quotes, Quotes) or len(fills.quote) and fills.quote[-1] >= len(quotes.time):
        raise ValueError("quotes are not those of the fills: pass the quotes that the ladder ran on.")
    done = np.searchsorted(fills.quote, np.arange(len(quotes.time)), side="right")
    return fills.first_rung + fills.step * np.concatenate([[0], fills.rung])[done]


def path_identity(quotes: Quotes, fills: Fills) -> tuple[float, float]:
    """Σdx² of the mid, and the martingale -2Σ(x_{k-1} - L_{k-1})dx_k by which `corrected` misses it.

    On any path Σdx² = corrected(fills) - 2Σ(x - L)dx, exactly.

    Raises ValueError if the fills are not of these quotes.
    """
    last = levels(quotes, fills)
    x = coordinate(quotes.bid, quotes.ask, fills.geometric)
    moves = np.diff(x)
    return float(moves @ moves), float(-2 * (x - last)[:-1] @ moves)


def stock_leg(quotes: Quotes, fills: Fills, *, gamma: float = 1.0) -> Decomposition:
    """P&L of a ladder that sells Γh at each rung up and buys it back at each rung down, filled at the rungs.

    In the coordinate of the ladder, hence money where it is the price. Harvest is what is traded times the way from rung
    to mid and half a step, cost the way back: the mid stands ±s/2 + R beyond the rung at a fill.

    Parameters
    ----------
    gamma : float
        Γ, above 0, units of asset sold per unit of the coordinate.

    Returns
    -------
    Decomposition, series of shape (1, n_quotes - 1)
        Its total P&L is ½Γ[h²N + (x - L)² - (x_0 - L_0)²] less ½Γ[(x - L_0)² - (x_0 - L_0)²].

    Raises ValueError if gamma is not above 0, or the fills are not of these quotes or not later than the first of them.
    """
    check.positive("gamma", gamma)
    if len(check.instance("fills", fills, Fills).quote) and fills.quote[0] == 0:
        raise ValueError("fills has one at the first quote, whose spread spans a rung: use a wider step.")
    last, x = levels(quotes, fills), coordinate(quotes.bid, quotes.ask, fills.geometric)
    slip = gamma * fills.step * np.bincount(fills.quote, fills.slippage, len(x))[None, 1:]
    count = np.bincount(fills.quote, minlength=len(x))[None, 1:]
    potential = gamma / 2 * ((x - fills.first_rung) ** 2 - (x - last) ** 2)[None]
    displacement, zero = -np.diff(potential), np.zeros_like(slip)
    harvest = gamma / 2 * fills.step**2 * count + slip
    gross = harvest + abs(slip) + abs(potential[:, 1:]) + abs(potential[:, :-1])
    return Decomposition(zero, harvest, displacement, zero, -slip, gross)


def _priced(quotes: Quotes, geometric: bool) -> None:
    if not isinstance(quotes, Quotes):
        raise ValueError(f"quotes is a {type(quotes).__name__}: pass mnvh.quotes.Quotes, from read_quotes or around.")
    if geometric and quotes.bid.min() <= 0:
        fix = "use steps_price for rates and spreads, which may be at or below 0"
        raise ValueError(f"quotes has a bid of {quotes.bid.min():g}, and steps_bps needs prices above 0: {fix}.")


def coordinate(bid: Array, ask: Array, geometric: bool) -> Array:
    """Mid in the ladder's coordinate: the mean of ln(bid) and ln(ask), or of bid and ask."""
    return (np.log(bid) + np.log(ask)) / 2 if geometric else (bid + ask) / 2


@numba.njit(cache=True)
def _scan(bid, ask, geometric, steps, sides, first, rungs, last, start, record, values):
    """Run all ladders from quote `start` on until the records are full; return the next quote and the number of fills.

    A quote is compared with the nearest working orders of all ladders; only one that reaches any is looked at ladder by
    ladder. Updated in place: `rungs`, k of each ladder's last rung, and `last`, the quote of a short ladder's last fill.
    """
    n_ladders, n = len(steps), 0
    up, down = np.empty(n_ladders), np.empty(n_ladders)
    for k in range(n_ladders):
        rung = first[k] + rungs[k] * steps[k]
        up[k], down[k] = rung + NEAR * steps[k], rung - NEAR * steps[k]
        if geometric:
            up[k], down[k] = np.exp(up[k]), np.exp(down[k])
    i, half = start, n_ladders // 2  # long ladders come first
    while i < len(bid):
        bid_up, ask_down, ask_up, bid_down = up[:half].min(), down[:half].max(), up[half:].min(), down[half:].max()
        while i + BLOCK <= len(bid):  # without a branch a quote, which the compiler turns into wide instructions
            reached = 0
            b, a = bid[i : i + BLOCK], ask[i : i + BLOCK]
            for j in range(BLOCK):
                reached += int(b[j] >= bid_up) + int(a[j] <= ask_down) + int(a[j] >= ask_up) + int(b[j] <= bid_down)
            if reached:
                break
            i += BLOCK
        while i < len(bid) and bid[i] < bid_up and ask[i] > ask_down and ask[i] < ask_up and bid[i] > bid_down:
            i += 1
        if i == len(bid):
            break
        low, high = (np.log(bid[i]), np.log(ask[i])) if geometric else (bid[i], ask[i])
        mid, spread = (low + high) / 2, high - low
        for k in range(n_ladders):
            while True:
                if sides[k] > 0:
                    way = 1 if bid[i] >= up[k] else -1 if ask[i] <= down[k] else 0
                elif last[k] == i:
                    way = 0
                else:
                    way = 1 if ask[i] >= up[k] else -1 if bid[i] <= down[k] else 0
                    if way == 1 and bid[i] <= down[k] and mid < first[k] + rungs[k] * steps[k]:
                        way = -1
                if way == 0:
                    break
                if n == len(record):
                    return i, n
                rungs[k] += way
                last[k] = i
                rung = first[k] + rungs[k] * steps[k]
                record[n] = k, i, rungs[k]
                values[n] = spread, way * (mid - rung) - sides[k] * spread / 2
                n += 1
                up[k], down[k] = rung + NEAR * steps[k], rung - NEAR * steps[k]
                if geometric:
                    up[k], down[k] = np.exp(up[k]), np.exp(down[k])
        i += 1
    return len(bid), n
