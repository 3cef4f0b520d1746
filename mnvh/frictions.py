"""What bounds the intensity K: inventory, impact, fills, bands and intervals, execution (chapter 7, §7.1-7.2).

Harvest and proportional cost are both linear in K, so they alone have no interior optimum. Each function
here states one objective that has one and returns its optimum in closed form, or to the accuracy of a root
finder. The edge is the expected P&L per step and unit of K before costs, ½(R - r) or -(1-θ)σ² by fills.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import erfi, lambertw

from mnvh import check
from mnvh.check import Array


def reverting_holdings(prices: ArrayLike, *, intensity: float, reversion: float) -> Array:
    """Holdings of Δq = -KΔp - βq, each asset on its own, flat at the start (§4.1, §7.1).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
    intensity : float
        K ≥ 0, units of asset per unit of price.
    reversion : float
        β in [0, 2), per step: the share of the inventory that is sold back with each trade.

    Raises ValueError if the prices have another shape or are not finite, or K or β is out of range.

    Examples
    --------
    >>> reverting_holdings([[[0.0], [1.0], [1.0]]], intensity=2.0, reversion=0.5).ravel()
    array([ 0., -2., -1.])
    """
    prices = check.prices("prices", prices).astype(float)
    check.number("intensity", intensity, 0)
    _reversion(reversion, 0)
    held = np.zeros(prices.shape)
    held[:, 1:] = lfilter([-float(intensity)], [1.0, reversion - 1.0], np.diff(prices, axis=1), axis=1)
    return held


def inventory_law(*, intensity: float, sd: float, reversion: float) -> tuple[float, float]:
    """Stationary Var q and E|Δq| of Δq = -KΔp - βq for independent steps N(0, σ²) (theory of chapter 7).

    K²σ²/(2β - β²) and Kσ√(4/(π(2 - β))), in squared units and units of asset.

    Parameters
    ----------
    intensity, sd : float
        K ≥ 0 and σ > 0 per step.
    reversion : float
        β in (0, 2); at 0 the inventory has no stationary law.

    Raises ValueError if an argument is out of range.
    """
    check.number("intensity", intensity, 0)
    check.positive("sd", sd)
    _reversion(reversion, None)
    variance = (intensity * sd) ** 2 / (2 * reversion - reversion**2)
    return variance, intensity * sd * np.sqrt(4 / (np.pi * (2 - reversion)))


def penalised_intensity(*, edge: float, sd: float, aversion: float, reversion: float, cost: float = 0.0) -> float:
    """K* that maximises K·edge - λE q² - cE|Δq| under Δq = -KΔp - βq (§4.2, §7.1).

    K* = max(0, edge - cσ√(4/(π(2-β)))) (2β - β²)/(2λσ²), for independent steps N(0, σ²).

    Parameters
    ----------
    edge : float
        Expected P&L per step and unit of K, ½(R - r).
    sd, reversion : float
        As in `inventory_law`.
    aversion : float
        λ > 0, money per step and squared unit of asset.
    cost : float
        c ≥ 0, one-way, money per unit traded.

    Raises ValueError if an argument is out of range.
    """
    check.number("edge", edge)
    check.positive("aversion", aversion, fix="without a penalty the optimum is 0 or the capacity")
    check.number("cost", cost, 0)
    variance, turnover = inventory_law(intensity=1.0, sd=sd, reversion=reversion)
    return max(0.0, edge - cost * turnover) / (2 * aversion * variance)


def break_even_half_spread(*, fill: float, sd: float) -> float:
    """Half-spread (1-θ)σ√(π/2) per unit traded that makes up for fills at p + θΔp, Gaussian steps (§7.1).

    Parameters
    ----------
    fill : float
        θ in [0, 1].
    sd : float
        σ > 0 of a price step.

    Raises ValueError if an argument is out of range.
    """
    check.number("fill", fill, 0, 1, fix="above 1 the fills themselves earn")
    return (1 - fill) * check.positive("sd", sd) * np.sqrt(np.pi / 2)


def saturated_value(intensity: ArrayLike, *, harvest: float, decay: float, cost: float, queue: float = 0.0) -> Array:
    """K(h e^{-b(A+K)} - c): orders of size K behind a queue A, filled whole or not at all (§7.2).

    The opposing flow of a step is exponential with mean 1/b, so that F(K) = e^{-b(A+K)}; the cost is paid
    on every order.

    Parameters
    ----------
    intensity : array
        K ≥ 0.
    harvest : float
        h > 0, expected P&L per unit of K that is filled.
    decay : float
        b > 0.
    cost : float
        c ≥ 0, per unit of K ordered.
    queue : float
        A ≥ 0, volume of others that is served first.

    Raises ValueError if an argument is out of range.
    """
    size = check.array("intensity", intensity)
    check.number("intensity", float(size.min()), 0)
    _saturation(harvest, decay, cost, queue)
    return size * (harvest * np.exp(-decay * (queue + size)) - cost)


def saturated_intensity(*, harvest: float, decay: float, cost: float, queue: float = 0.0) -> tuple[float, float]:
    """The size that maximises `saturated_value` and the size at which it breaks even (§7.2).

    K* = (1 - W(ec e^{bA}/h))/b with Lambert's W, break-even at ln(h/c)/b - A; both 0 when the queue is longer than
    ln(h/c)/b. Parameters and errors are those of `saturated_value`, and the cost must be above 0.

    Raises ValueError also at cost 0, where no size breaks even.

    Examples
    --------
    >>> [round(size, 7) for size in saturated_intensity(harvest=2.0, decay=3.0, cost=0.2)]
    [0.2605069, 0.7675284]
    """
    check.positive("cost", cost, fix="without a cost the optimum is 1/decay and no size breaks even")
    _saturation(harvest, decay, cost, queue)
    even = np.log(harvest / cost) / decay - queue
    if even <= 0:
        return 0.0, 0.0
    return float(1 - lambertw(np.exp(1 - decay * even)).real) / decay, float(even)


def flip_rate(band: ArrayLike, *, cost: float) -> Array:
    """P&L per unit of time of holding ±1, flipped where an OU price reaches ∓a (§7.1).

    (2a - 2c)/(π erfi(a/√2)) for stationary sd 1 and rate 1: a cycle gains 2a and pays 2c, its mean length is the
    passage time from -a to a. Other processes follow by scaling.

    Parameters
    ----------
    band : array
        a > 0.
    cost : float
        c ≥ 0, one-way per unit traded; a flip trades two units.

    Raises ValueError if an argument is out of range.
    """
    width = check.array("band", band)
    check.positive("band", float(width.min()))
    return 2 * (width - check.number("cost", cost, 0)) / (np.pi * erfi(width / np.sqrt(2)))


def flip_band(*, cost: float) -> float:
    """The band a* that maximises `flip_rate`; about (3c)^{1/3} for small costs (§7.1).

    Raises ValueError if the cost is not in (0, 5].

    Examples
    --------
    >>> round(flip_band(cost=0.05), 8)
    0.54169284
    """
    check.number("cost", check.positive("cost", cost, fix="without cost the band is 0"), 0, 5)

    def slope(a: float) -> float:
        return np.pi * erfi(a / np.sqrt(2)) - (a - cost) * np.sqrt(2 * np.pi) * np.exp(a**2 / 2)

    return float(brentq(slope, cost, cost + 3, xtol=1e-14))


def sampling_rate(interval: ArrayLike, *, cost: float) -> Array:
    """P&L per unit of time of q = -x, reset every δ to an OU price x of stationary sd 1 and rate 1 (§7.1).

    ((1 - φ) - c√(4(1 - φ)/π))/δ with φ = e^{-δ}.

    Parameters
    ----------
    interval : array
        δ > 0.
    cost : float
        c ≥ 0, one-way per unit traded.

    Raises ValueError if an argument is out of range.
    """
    spans = check.array("interval", interval)
    check.positive("interval", float(spans.min()))
    gone = -np.expm1(-spans)
    return (gone - check.number("cost", cost, 0) * np.sqrt(4 * gone / np.pi)) / spans


def sampling_interval(*, cost: float) -> float:
    """The interval δ* that maximises `sampling_rate` (§7.1).

    Raises ValueError if the cost is not in (0, √π/2): from there on no interval earns.

    Examples
    --------
    >>> round(sampling_interval(cost=0.05), 7)
    0.1618173
    """
    check.number("cost", check.positive("cost", cost, fix="without cost the interval is 0"), 0, 0.88)

    def slope(span: float) -> float:  # of the rate, times δ²
        gone = -np.expm1(-span)
        return span * (1 - gone) * (1 - cost / np.sqrt(np.pi * gone)) - gone + cost * np.sqrt(4 * gone / np.pi)

    return float(brentq(slope, 1e-12, 50, xtol=1e-14))


def tracking_band(*, cost: float, variance_rate: float, aversion: float) -> tuple[float, float]:
    """Half-width (3cs²/2κ)^{1/3} of the band that tracks a Brownian target, and its cost per unit of time (§7.1).

    Minimises ½κE x² + c·turnover = κb²/6 + cs²/(2b), for the distance x to the target held in [-b, b].

    Parameters
    ----------
    cost : float
        c > 0, one-way per unit traded.
    variance_rate : float
        s² > 0 of the target, per unit of time.
    aversion : float
        κ > 0, money per unit of time and squared unit of asset.

    Raises ValueError if an argument is not above 0.
    """
    for name, value in (("cost", cost), ("variance_rate", variance_rate), ("aversion", aversion)):
        check.positive(name, value)
    band = float(np.cbrt(3 * cost * variance_rate / (2 * aversion)))
    return band, aversion * band**2 / 6 + cost * variance_rate / (2 * band)


def aim_and_speed(*, aversion: float, cost: float, discount: float, decay: float) -> tuple[float, float]:
    """Trading speed a/λ and aim of Gârleanu and Pedersen (J. Econ. Theory 2016), continuous time (§7.1).

    Maximise E∫e^{-ρt}(αx - ½γσ²x² - ½λσ²τ²)dt with dα = -φα dt + noise and trading rate τ: trade at a/λ towards
    the aim γ/(γ + aφ) times the frictionless α/(γσ²), where a = ½(√(ρ²λ² + 4γλ) - ρλ).

    Parameters
    ----------
    aversion, cost : float
        γ > 0 and λ > 0; the speed is per unit of time, the aim a fraction.
    discount, decay : float
        ρ ≥ 0 and φ ≥ 0, per unit of time.

    Raises ValueError if an argument is out of range.
    """
    check.positive("aversion", aversion)
    check.positive("cost", cost)
    check.number("discount", discount, 0)
    check.number("decay", decay, 0)
    a = (np.sqrt((discount * cost) ** 2 + 4 * aversion * cost) - discount * cost) / 2
    return float(a / cost), float(aversion / (aversion + a * decay))


def liquidation(n_steps: int, *, variance: float, impact: float, aversion: float) -> Array:
    """What is left of one unit after each step of the cheapest sale, Almgren and Chriss (J. Risk 2001) (§7.1).

    Minimises ηΣ(x_{j-1} - x_j)² + λσ²Σx_j² with x_0 = 1, x_N = 0: x_j = sinh(κ(N - j))/sinh(κN) with
    2(cosh κ - 1) = λσ²/η.

    Parameters
    ----------
    n_steps : int
        N ≥ 1.
    variance : float
        σ² > 0 of a price step.
    impact : float
        η > 0, temporary: a trade of n in one step is filled ηn worse.
    aversion : float
        λ > 0, per money.

    Raises ValueError if an argument is out of range.
    """
    n_steps = check.integer("n_steps", n_steps, 1)
    for name, value in (("variance", variance), ("impact", impact), ("aversion", aversion)):
        check.positive(name, value)
    kappa = max(2 * np.arcsinh(np.sqrt(aversion * variance / (4 * impact))), 1e-12)  # at 0 a straight line
    left = np.arange(n_steps, -1, -1)
    shrink = np.exp(-kappa * (n_steps - left))  # sinh(κn)/sinh(κN) without overflow
    return shrink * np.expm1(-2 * kappa * left) / np.expm1(-2 * kappa * n_steps)


def _reversion(reversion: float, low: float | None) -> None:
    check.number("reversion", reversion)
    if not 0 <= reversion < 2 or (low is None and reversion == 0):
        raise ValueError(f"reversion is {reversion!r}: allowed is a number in {'(' if low is None else '['}0, 2).")


def _saturation(harvest: float, decay: float, cost: float, queue: float) -> None:
    check.positive("harvest", harvest)
    check.positive("decay", decay)
    check.number("cost", cost, 0)
    check.number("queue", queue, 0)
