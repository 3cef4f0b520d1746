"""Gamma Capture realised volatility: what the fills of a ladder say of volatility (chapter 11).

The estimators read `mnvh.ladder.Fills`. Variances are in squared units of the ladder's coordinate: h²N is what the ladder
captured, twice its P&L per unit of gamma; `corrected` adds what spread and overshoot took.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, optimize, special

from mnvh import check
from mnvh.check import Array
from mnvh.ladder import Fills

YEAR = 365 * 86_400.0  # seconds: volatilities are annualised over calendar time
SAMPLING = 0.5825971579390106  # -ζ(1/2)/√(2π), Broadie, Glasserman and Kou (1997): mean overshoot / (σ√dt)


def captured(fills: Fills) -> float:
    """h²N: twice the P&L per unit of gamma, and the document's rVol² times the length of the window (§2.6).

    Raises ValueError if `fills` is not the Fills of one ladder.
    """
    return check.instance("fills", fills, Fills).step ** 2 * len(fills.rung)


def corrected(fills: Fills) -> float:
    """Quadratic variation of the mid from the fills alone, h²N + 2hΣ(±s/2 + R) + (x - L)² - (x_0 - L_0)².

    Unbiased for any driftless mid, with jumps and random spreads: by the identity above it misses Σdx² by a martingale.

    Raises ValueError as `captured`.
    """
    return captured(fills) + 2 * fills.step * fills.slippage.sum() + fills.end_gap**2 - fills.start_gap**2


def spread_free(long: Fills, short: Fills) -> tuple[float, float]:
    """Variance over the window and mean spread from the counts of a long and a short ladder with one step.

    1/σ² is the mean of the two 1/rVol², and s = h(τ_L - τ_S)/(τ_L + τ_S): exact for a diffusion with a constant spread.

    Raises
    ------
    ValueError
        If the steps differ, `long` is not long or `short` not short, or one of them has no fill.
    """
    check.instance("long", long, Fills), check.instance("short", short, Fills)
    if (long.side, short.side) != (1, -1) or long.step != short.step:
        raise ValueError("long and short must be a long and a short ladder of the same step, in this order.")
    n_long, n_short = len(long.rung), len(short.rung)
    if min(n_long, n_short) == 0:
        raise ValueError(f"long has {n_long} fills and short {n_short}: each needs one. Likely fix: a smaller step, a longer window.")
    return _spread_free(long.step, n_long, n_short), long.step * (n_short - n_long) / (n_short + n_long)


def annualised(variance: ArrayLike, seconds: ArrayLike, *, year: float = YEAR) -> Array:
    """Volatility per year √(variance · year / seconds), in units of the coordinate.

    Raises
    ------
    ValueError
        If a variance is negative (a short window's `corrected` may be), a time is not above 0, or the shapes differ.
    """
    variance, seconds = check.array("variance", variance), check.array("seconds", seconds)
    if seconds.ndim and seconds.shape != variance.shape[-seconds.ndim :]:
        raise ValueError(f"seconds has shape {seconds.shape}, variance {variance.shape}: allowed is a number, or one for each variance.")
    check.number("variance", float(variance.min()), 0, fix="too few fills: a longer window or a smaller step")
    check.positive("seconds", float(seconds.min()))
    return np.sqrt(variance * check.positive("year", year) / seconds)


def relative_error(fills: Fills) -> float:
    """Standard error of the corrected volatility relative to it; .058 for 50 fills without spread or overshoot.

    For the captured one it is right or, where overshoot or spread vary, some per cent too large.

    Asymptotic in the number of fills, for normal increments of constant variance. With δ = ±s/2 + R, how far beyond its rung
    the mid stands after a fill, it is ½√{2E[(h+δ)⁴ - δ⁴] / (3h E[h+2δ] σ²T)}: the martingale of the path identity has the
    variance 4σ²∫(x - L)²dt, and between two fills 6σ²E∫(x - L)²dt = E[(h+δ)⁴ - δ⁴] by optional stopping. For a constant
    spread watched without pause it is ½√{[(h ± s)² + h²] / 3σ²T}.

    Raises ValueError if there is no fill.
    """
    check.instance("fills", fills, Fills)
    check.integer("len(fills.rung)", len(fills.rung), 1, fix="a smaller step or a longer window")
    h, beyond = fills.step, fills.slippage
    fourth = ((h + beyond) ** 4 - beyond**4).mean()
    return 0.5 * np.sqrt(2 * fourth / (3 * h * (h + 2 * beyond.mean()) * corrected(fills)))


def expected_duration(vol: float, step: float, *, spread: float = 0.0, side: int = 1, interval: float = 0.0) -> float:
    """Mean time between fills, h(h ± s + 2·0.5826·σ√dt)/σ² (first exit of Brownian motion).

    Parameters
    ----------
    vol : σ of the mid per square root of a second, in the coordinate.
    step, spread : h and s, in the coordinate; a short ladder needs h > s.
    side : +1 long, -1 short.
    interval : dt, seconds between quotes; asymptotic, within .0006 of rVol/σ for h ≥ 3σ√dt and h ± s ≥ σ√dt.

    Raises ValueError if an argument is out of range.
    """
    check.positive("vol", vol)
    check.number("interval", interval, 0)
    return _duration(vol, step, _far(step, spread, side), interval)


def first_exit_vol(duration: float, step: float, *, spread: float = 0.0, side: int = 1, interval: float = 0.0) -> float:
    """σ per square root of a second from the mean time between fills: the inverse of `expected_duration`.

    Without spread and between-quote gaps it is the document's % / √(average re-hedge time) (§2.6).

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> first_exit_vol(expected_duration(0.5, 3.0, spread=1.0, side=-1, interval=0.1), 3.0, spread=1.0, side=-1, interval=0.1)
    0.5
    """
    check.positive("duration", duration)
    far = _far(step, spread, side)
    half = SAMPLING * step * np.sqrt(check.number("interval", interval, 0))
    return float((half + np.sqrt(half**2 + duration * step * far)) / duration)


def step_for(vol: float, window: float, n: float, *, spread: float = 0.0, side: int = 1) -> float:
    """Step that is filled n times in a window of `window` seconds on average: h(h ± s) = σ²T/n (document §1).

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> step_for(1.0, 120.0, 1, spread=2.0), step_for(1.0, 80.0, 1, spread=2.0, side=-1)
    (10.0, 10.0)
    """
    area = check.positive("vol", vol) ** 2 * check.positive("window", window) / check.positive("n", n)
    shift = check.number("spread", spread, 0) * _side(side)
    return float((-shift + np.sqrt(shift**2 + 4 * area)) / 2)


def first_exit_moments(n: int) -> tuple[float, float]:
    """Mean and standard deviation of rVol/σ from the mean of n durations, without spread or drift.

    The mean is 1/c4(n + 1), c4 being the factor of a normal sample's standard deviation. Both follow from the Laplace
    transform sech(h√2λ) of the first exit from ±h.

    Raises ValueError if n is below 2.

    Examples
    --------
    >>> [round(x, 6) for x in first_exit_moments(50)]
    [1.005012, 0.058223]
    """
    n = check.integer("n", n, 2)
    mean = np.sqrt(n / 2) / special.poch(n / 2, 0.5)
    far = 10 + 40 / n**0.5  # of v = u√n; ln cosh u as below keeps its digits where u is small
    square = integrate.quad(lambda v: v * np.exp(-n * np.log1p(2 * np.sinh(v / n**0.5 / 2) ** 2)), 0, far, epsabs=1e-13, limit=200)[0]
    return float(mean), float(np.sqrt(square - mean**2))


def trailing(fills: Fills, times: ArrayLike, window: float) -> Array:
    """Captured variance h²N over trailing windows (t - window, t], shape of `times` (document §2.5).

    A window that begins before the first quote is not full, and its count is low.

    Parameters
    ----------
    times : array
        Seconds on the quotes' clock.
    window : float
        Seconds.

    Raises ValueError if a time is not finite or the window is not above 0.
    """
    times, _ = check.array("times", times), check.instance("fills", fills, Fills)
    check.positive("window", window)
    later, earlier = (np.searchsorted(fills.time, t, side="right") for t in (times, times - window))
    return fills.step**2 * (later - earlier)


def implied_vol(pnl_rate: float, decay: Callable[[float], float], *, highest: float) -> float:
    """The model's volatility whose decay per unit of gamma equals the ladder's P&L rate per unit of gamma (document §2.6).

    Parameters
    ----------
    pnl_rate : float
        Money per unit of gamma and time: ½h²N/T of a ladder in price units.
    decay : function of the volatility
        Theta of the model per unit of gamma, rising from 0 at 0: `lognormal_decay(price)`, `normal_decay`, or your own.
    highest : float
        Volatility up to which to search.

    Raises
    ------
    ValueError
        If `decay` is no function, or the rate is negative or not met between 0 and `highest`.

    Examples
    --------
    >>> round(implied_vol(0.5 * 0.2**2 * 100**2, lognormal_decay(100.0), highest=5.0), 12)
    0.2
    """
    pnl_rate = check.number("pnl_rate", pnl_rate, 0)
    highest = check.positive("highest", highest)
    check.function("decay", decay, fix="normal_decay, or lognormal_decay(price)")
    check.number("decay(0)", decay(0.0), high=pnl_rate, fix="theta without volatility is 0; pass lognormal_decay(price), not lognormal_decay")
    if decay(highest) < pnl_rate:
        fix = "raise it, or check that rate and decay are per the same unit of time"
        raise ValueError(f"highest is {highest:g}: there the decay {decay(highest):g} is below pnl_rate {pnl_rate:g}. Likely fix: {fix}.")
    return float(optimize.brentq(lambda vol: decay(vol) - pnl_rate, 0.0, highest, xtol=1e-15, rtol=1e-14))


def lognormal_decay(price: float) -> Callable[[float], float]:
    """½σ²S², theta per unit of gamma in the Black-Scholes model at zero rates; raises ValueError unless the price is above 0."""
    check.positive("price", price)
    return lambda vol: 0.5 * (vol * price) ** 2


def normal_decay(vol: float) -> float:
    """½σ², theta per unit of gamma in Bachelier's model, for rates and spreads; raises ValueError for a negative volatility."""
    return 0.5 * check.number("vol", vol, 0) ** 2


# The formulas by themselves, in plain numbers: `mnvh.book.explore` compiles these too.
def _duration(vol: float, step: float, far: float, interval: float) -> float:
    return step * (far + 2 * SAMPLING * vol * math.sqrt(interval)) / vol**2


def _spread_free(step: float, n_long: float, n_short: float) -> float:
    return 2 * step**2 / (1 / n_long + 1 / n_short)


def _side(side: int) -> int:
    if side not in (1, -1):
        raise ValueError(f"side is {side!r}: allowed is +1 (long, resting limit orders) or -1 (short, stops).")
    return side


def _far(step: float, spread: float, side: int) -> float:
    """h ± s, above 0."""
    check.positive("step", step)
    far = step + _side(side) * check.number("spread", spread, 0)
    return check.positive("step", far, fix="a short ladder needs a step wider than the spread") and far


if __name__ == "__main__":
    from mnvh.cone_command import main

    raise SystemExit(main())
