"""Claims spanned by a strip of options: volatility index, variance swap, log contract, token, moments (chapters 13, 16).

For any f, with Q(K) the undiscounted put below the pivot K₀ and call above it,

    E f(S_T) = f(K₀) + f′(K₀)(F - K₀) + ∫ f″(K) Q(K) dK

(Carr and Madan 1998). The integral is taken over the listed strikes with the Cboe's spacings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.interpolate import make_interp_spline

from mnvh import check
from mnvh.chains import clean, parity
from mnvh.check import Array
from mnvh.decomposition import follow

MONTH = 30 / 365  # of the index, in years


@dataclass(frozen=True, eq=False)
class Strip:
    """Out-of-the-money options of one expiry.

    Parameters
    ----------
    strike : array, shape (n_strikes,)
        Rising, at least 3.
    quote, half_spread : array, shape (n_strikes,)
        Undiscounted mids, and half-spreads; put below the pivot, call above, the mean of both at it.
    forward, pivot : float
        F, and K₀ ≤ F, the strike at which puts end.
    years : float

    Raises ValueError if an entry is out of range, a shape differs, the strikes do not rise, or the pivot is above the forward.
    """

    strike: Array
    quote: Array
    half_spread: Array
    forward: float
    pivot: float
    years: float

    def __post_init__(self) -> None:
        shape: tuple = ("n_strikes",)
        for name in ("strike", "quote", "half_spread"):
            values = check.array(name, getattr(self, name), shape)
            check.number(name, float(values.min()), 0)
            object.__setattr__(self, name, values)
            shape = values.shape
        check.integer("strike, in its length,", len(self.strike), 3)
        check.positive("strike, or its smallest step,", float(np.diff(self.strike, prepend=0).min()), fix="sort the strikes")
        for name in ("forward", "pivot", "years"):
            check.positive(name, getattr(self, name))
        check.number("pivot", self.pivot, 0, self.forward, fix="it is the first strike at or below the forward")

    @property
    def weights(self) -> Array:
        """Options of each strike in a variance swap, 2ΔK/(TK²), ΔK one-sided at the ends (Cboe)."""
        return 2 * np.gradient(self.strike) / (self.years * self.strike**2)

    @property
    def variance(self) -> float:
        """σ² = Σ weights·Q - (F/K₀ - 1)²/T (Cboe white paper, 2019)."""
        return float(self.weights @ self.quote - (self.forward / self.pivot - 1) ** 2 / self.years)

    @property
    def variance_cost(self) -> float:
        """What the strip costs above its mid, in variance: Σ weights·half-spread."""
        return float(self.weights @ self.half_spread)


def cboe_strip(chain: pd.DataFrame, *, rate: float) -> Strip:
    """Strip of one expiry by the Cboe's rules: forward where call and put are nearest, out to two strikes in a row without bid.

    Parameters
    ----------
    chain : DataFrame
        One expiry of a chain, zero bids included.
    rate : float
        Continuously compounded, per year.

    Raises ValueError if the chain is of several expiries, fewer than three strikes remain, or the forward is not among them.
    """
    table = clean(chain)
    expiries, both = table["years"].unique(), parity(table)
    if len(expiries) != 1 or len(both) < 3:
        raise ValueError(f"chain has {len(expiries)} expiries and {len(both)} strikes with both: allowed is one, with 3.")
    years, strike = float(expiries[0]), both.index.to_numpy(float)
    growth = np.exp(check.number("rate", rate, -1, 1, fix="for 5 % pass 0.05") * years)
    gap = both["mid_C"] - both["mid_P"]
    forward = float(gap.abs().idxmin() + growth * gap[gap.abs().idxmin()])
    if not strike[0] <= forward <= strike[-1]:
        which = "at or below" if forward < strike[0] else "above"
        fault = f"no strike with both call and put is {which} the forward, {forward:.6g}"
        check.reject("chain with both at", strike[[0, -1]].tolist(), fault, "quote more strikes, both sides of each")
    pivot = strike[np.searchsorted(strike, forward, side="right") - 1]
    low, high = strike < pivot, strike > pivot
    kept = np.concatenate([_listed(both["bid_P"][low][::-1])[::-1], [True], _listed(both["bid_C"][high])])
    call = np.where(low, 0, np.where(high, 1, 0.5))
    quote, half = (growth * (call * both[f"{name}_C"] + (1 - call) * both[f"{name}_P"])[kept].to_numpy() for name in ("mid", "half"))
    return Strip(strike[kept], quote, half, forward, float(pivot), years)


def index(near: Strip, far: Strip, *, horizon: float = MONTH) -> float:
    """Volatility index in per cent: total variance interpolated to the horizon, linear in time (Cboe white paper, 2019).

    Parameters
    ----------
    near, far : Strip
        Of two expiries, the later one second.
    horizon : float
        Years; 30 days by default.

    Raises ValueError if the expiries are not in order, the horizon is not above 0, or the variance there is not.
    """
    t1, t2 = check.instance("near", near, Strip).years, check.instance("far", far, Strip).years
    share = (t2 - check.positive("horizon", horizon)) / check.positive("far in years less near", t2 - t1)
    total = share * t1 * near.variance + (1 - share) * t2 * far.variance
    return float(100 * np.sqrt(check.positive("variance between near and far", total) / horizon))


def moments(strip: Strip) -> tuple[float, float, float]:
    """Volatility per √year, skewness and kurtosis of ln(S_T/F) under the market's measure (Bakshi, Kapadia and Madan 2003).

    The claims are f = ln(S/F)ⁿ, n = 1 … 4, each spanned by the strip.

    Raises ValueError if `strip` is no Strip or its moments are those of no distribution.
    """
    check.instance("strip", strip, Strip)
    spacing = strip.weights * strip.years * strip.strike**2 / 2
    r0, r = np.log(strip.pivot / strip.forward), np.log(strip.strike / strip.forward)
    raw = []
    for n in (1, 2, 3, 4):
        curvature = n * ((n - 1) * r ** max(n - 2, 0) - r ** (n - 1)) / strip.strike**2
        start = r0**n + n * r0 ** (n - 1) * (strip.forward / strip.pivot - 1)
        raw.append(float(start + (spacing * curvature) @ strip.quote))
    m1, m2, m3, m4 = raw
    variance = check.positive("variance of the strip", m2 - m1**2, fix="quote more strikes")
    skewness = (m3 - 3 * m1 * m2 + 2 * m1**3) / variance**1.5
    kurtosis = (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / variance**2
    least = "kurtosis of the strip less 1 and its squared skewness"
    check.number(least, kurtosis - 1 - skewness**2, -1e-9, fix="no distribution has less than 0; quote more strikes")
    return float(np.sqrt(variance / strip.years)), skewness, kurtosis


@dataclass(frozen=True)
class LogContract:
    """Hedge of a short log contract as a potential, Ψ = -n ln S: it holds n/S and harvests n[r - ln(1 + r)] (Neuberger 1994).

    Parameters
    ----------
    notional : float
        n, currency, above 0. With n = 2/T the harvest is, to leading order, the realised variance per year.

    Raises ValueError if the notional is not above 0, or prices are not above 0 or of one asset.
    """

    notional: float

    def __post_init__(self) -> None:
        check.positive("notional", self.notional)

    def value(self, prices: Array) -> Array:
        return -self.notional * np.log(_one(prices))

    def holdings(self, prices: Array) -> Array:
        return self.notional / _one(prices)[..., None]

    def intensity(self, prices: Array) -> Array:
        return self.notional / _one(prices)[..., None, None] ** 2

    def divergence(self, new: Array, old: Array) -> Array:
        move = (_one(new) - _one(old)) / _one(old)
        log = np.where(move < -0.5, np.log(_one(new) / _one(old)), np.log1p(np.maximum(move, -0.5)))
        return self.notional * (move - log)


def token_payoff(prices: ArrayLike, strikes: ArrayLike) -> Array:
    """Payoff of a strip that interpolates 2(k - 1 - ln k) at the strikes, k = S_T/S_0, and of its hedge 2/S_t - 2/S_0.

    With all strikes it is Σ 2(R - 1 - ln R), R the gross return of a step: the realised variance Σ ln² R up to the
    third power of the returns. The strip is bought once and held (Demeterfi et al., J. Derivatives 1999); beyond the
    outermost strikes its payoff goes on in a straight line.

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, 1)
    strikes : array, shape (n_strikes,)
        As multiples of the first price; rising, below and above 1.

    Returns
    -------
    array, shape (n_paths,)
        Per unit of variance over the path.

    Raises
    ------
    ValueError
        If a price or a strike is not above 0, or the strikes do not rise or do not surround 1.

    Examples
    --------
    >>> token_payoff([[[100.0], [110.0], [99.0]]], [0.5, 0.99, 1.5]).round(4)
    array([0.0201])
    """
    prices = check.array("prices", check.prices("prices", prices, above_zero=True), ("n_paths", "n_steps + 1", 1))
    strikes = check.array("strikes", strikes, ("n_strikes",))
    if (np.diff(strikes, prepend=0) <= 0).any() or not strikes[0] < 1 < strikes[-1]:
        raise ValueError(f"strikes is {strikes.tolist()}: allowed are rising ones above 0 round 1, multiples of the first price.")
    relative = prices / prices[:, :1]
    strip = make_interp_spline(strikes, 2 * (strikes - 1 - np.log(strikes)), k=1)
    return strip(relative[:, -1, 0]) + follow(2 / relative - 2, relative)[:, -1]


def _one(prices: Array) -> Array:
    if prices.shape[-1] != 1 or not (prices > 0).all():
        raise ValueError(f"prices of shape {prices.shape}: allowed is one asset with prices above 0. Pass prices[..., [i]].")
    return prices[..., 0]


def _listed(bid: pd.Series) -> Array:
    """Going outwards: what has a bid, before the second of two strikes in a row without one."""
    empty = bid.to_numpy() <= 0
    return ~empty & (np.cumsum(empty & np.roll(empty, 1) & (np.arange(len(empty)) > 0)) == 0)
