"""Implied volatility surface: raw SVI and SSVI, their fits, arbitrage checks, repair, relative value (chapter 13).

k = ln(K/F) is the log-moneyness and w = σ²T the total implied variance. A slice is free of butterfly arbitrage if

    g(k) = (1 - kw'/2w)² - w'²/4·(1/w + ¼) + w''/2 ≥ 0

and its wings are at most 2 steep (Lee 2004); two slices are free of calendar arbitrage if the later w is nowhere below.
Source: Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14, 2014.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq, isotonic_regression, least_squares, lsq_linear, minimize_scalar

from mnvh import check
from mnvh.check import Array

COLUMNS = ("years", "k", "vol_bid", "vol", "vol_ask")
FEWEST = 5  # quotes that five parameters need
NARROWEST = 1e-4  # half-spread in volatility below which a quote weighs no more
EVALUATIONS = 200  # of the outer problem before a fit counts as failed


class FitError(ValueError):
    """A fit that did not succeed."""


@dataclass(frozen=True)
class RawSVI:
    """Slice w(k) = a + b[ρ(k - m) + √((k - m)² + σ²)] (Gatheral 2004).

    Raises ValueError unless b ≥ 0, |ρ| ≤ 1 (at ±1 one wing is flat), σ > 0 and the smallest variance a + bσ√(1 - ρ²) ≥ 0.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        for name, low, high in (("a", -np.inf, np.inf), ("b", 0, np.inf), ("rho", -1, 1), ("m", -np.inf, np.inf)):
            check.number(name, getattr(self, name), low, high)
        check.positive("sigma", self.sigma)
        fix = "the variance is negative at its minimum, a + bσ√(1 - ρ²)"
        check.number("a", self.a, -self.b * self.sigma * np.sqrt(1 - self.rho**2) - 1e-12, fix=fix)

    @property
    def lowest(self) -> float:
        """Smallest total variance."""
        return self.a + self.b * self.sigma * np.sqrt(1 - self.rho**2)

    def variance(self, k: ArrayLike) -> Array:
        """w(k), of the shape of k."""
        shifted = np.asarray(k) - self.m
        return self.a + self.b * (self.rho * shifted + np.hypot(shifted, self.sigma))

    def density_factor(self, k: ArrayLike) -> Array:
        """g(k): the sign of the risk-neutral density; -inf where w = 0, at which every option is worth its intrinsic value."""
        shifted = np.asarray(k) - self.m
        root = np.hypot(shifted, self.sigma)
        w, w1, w2 = self.variance(k), self.b * (self.rho + shifted / root), self.b * self.sigma**2 / root**3
        inverse = np.divide(1, w, out=np.zeros(np.shape(w)), where=w > 0)
        g = (1 - np.asarray(k) * w1 * inverse / 2) ** 2 - w1**2 / 4 * (inverse + 0.25) + w2 / 2
        return np.where(w > 0, g, -np.inf)

    def grid(self) -> Array:
        """Places at which checks look, dense near m and out to 10³ σ."""
        return self.m + self.sigma * np.sinh(np.linspace(-8, 8, 1601))


def jump_wings(svi: RawSVI, years: float) -> Array:
    """(v, ψ, p, c, ṽ): variance and skew at the money, slopes of the wings, smallest variance (Gatheral-Jacquier eq. 3.5).

    Raises ValueError if years is not above 0, or the variance at the money is not.

    Examples
    --------
    >>> jump_wings(RawSVI(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153), 1.0).round(6)
    array([ 0.017426, -0.175211,  0.699738,  1.316798,  0.011625])
    """
    check.positive("years", check.instance("svi", svi, RawSVI) and years)
    w = check.positive("svi, in its variance at the money,", float(svi.variance(0.0)))
    unit = svi.b / np.sqrt(w)
    tilt = svi.m / np.hypot(svi.m, svi.sigma)
    return np.array([w / years, unit / 2 * (svi.rho - tilt), unit * (1 - svi.rho), unit * (1 + svi.rho), svi.lowest / years])


def from_jump_wings(wings: ArrayLike, years: float) -> RawSVI:
    """The slice with these jump wings; the inverse of `jump_wings`.

    With β = m/√(m² + σ²) = ρ - 2ψ√w/b, the scale √(m² + σ²) is (w - ṽT)/b[1 - ρβ - √((1 - ρ²)(1 - β²))].

    Raises ValueError if a slope is not above 0, ṽ is not below v, or no slice has them.
    """
    v, skew, p, c, lowest = check.array("wings", wings, (5,), fix="they are v, ψ, p, c and ṽ")
    years = check.positive("years", years)
    if min(v, p, c) <= 0 or not 0 <= lowest < v:
        raise ValueError(f"wings are {np.round([v, skew, p, c, lowest], 6)}: allowed are v, p, c above 0 and ṽ in [0, v).")
    root = np.sqrt(v * years)
    b = root * (c + p) / 2
    rho = 1 - p * root / b
    beta = rho - 2 * skew * root / b
    if not -1 < beta < 1 or abs(beta - rho) < 1e-12:
        raise ValueError(f"wings have the skew ψ = {skew:g}: allowed is between {-p / 2:g} and {c / 2:g}, and not 0 with ṽ below v.")
    scale = (v - lowest) * years / (b * (1 - rho * beta - np.sqrt((1 - rho**2) * (1 - beta**2))))
    sigma = scale * np.sqrt(1 - beta**2)
    return RawSVI(lowest * years - b * sigma * np.sqrt(1 - rho**2), b, rho, scale * beta, sigma)


def butterfly(svi: RawSVI) -> tuple[float, float, Array]:
    """Smallest g, where it is, and the intervals of k, shape (n, 2), on which g < 0.

    Raises ValueError if `svi` is no slice.

    Examples
    --------
    >>> butterfly(RawSVI(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153))[2].round(4)  # Vogt's
    array([[0.6424, 1.2569]])
    """
    grid = check.instance("svi", svi, RawSVI).grid()
    negative = _below_zero(svi.density_factor, grid)
    if abs(svi.rho) < 1 and svi.lowest <= 1e-14 * svi.b * svi.sigma:  # w reaches 0 in a place that the grid can miss
        zero = svi.m - svi.sigma * svi.rho / np.sqrt(1 - svi.rho**2)
        return -np.inf, zero, np.sort(np.vstack([negative, [zero, zero]]), axis=0)
    at = int(np.clip(np.argmin(svi.density_factor(grid)), 1, len(grid) - 2))
    found = minimize_scalar(svi.density_factor, bounds=grid[[at - 1, at + 1]], method="bounded", options={"xatol": 1e-10})
    return float(found.fun), float(found.x), negative


def calendar(near: RawSVI, far: RawSVI) -> Array:
    """Intervals of k, shape (n, 2), on which the total variance of the later slice is below that of the earlier one.

    Raises ValueError if `near` or `far` is no slice.
    """
    grids = [check.instance(name, svi, RawSVI).grid() for name, svi in (("near", near), ("far", far))]
    return _below_zero(lambda k: far.variance(k) - near.variance(k) + 1e-15, np.sort(np.concatenate(grids)))


def fit_svi(k: ArrayLike, variance: ArrayLike, half_spread: ArrayLike) -> RawSVI:
    """Raw SVI nearest to the quotes in units of their half-spreads (De Marco and Martini 2009, with wings at most 2).

    For given m and σ, with y = (k - m)/σ, w is linear in ã, u, v: w = ã + u·e^{asinh y}/2 + v·e^{-asinh y}/2, the wings are
    u/σ and v/σ, and 0 ≤ u, v ≤ 2σ is a box. Its least squares is solved face by face, the outer one in (m, ln σ).

    Parameters
    ----------
    k, variance, half_spread : array, shape (n_quotes,)
        Log-moneyness, total variance and half of its bid-ask spread, above 0; at least five.

    Raises ValueError if an argument is out of range, and FitError if the outer problem does not converge.
    """
    k = check.array("k", k, ("n_quotes",))
    check.integer("k, in its places,", len(np.unique(k)), FEWEST, fix="five parameters need five strikes")
    variance, half_spread = check.array("variance", variance, k.shape), check.array("half_spread", half_spread, k.shape)
    check.positive("variance", float(variance.min()), fix="pass total variance, σ²T")
    check.positive("half_spread", float(half_spread.min()))
    width = np.ptp(k)
    starts = list(itertools.product(np.linspace(k.min(), k.max(), 5), np.log(width * np.geomspace(0.03, 1, 4))))
    bounds = [k.min() - width, np.log(width / 1000)], [k.max() + width, np.log(10 * width)]
    for floor in (-np.inf, 0.0):  # ã ≥ 0 is asked for only if w would be negative without it

        def inner(x: Array, floor: float = floor) -> tuple[Array, Array]:
            tilt, top = np.exp(np.arcsinh((k - x[0]) / np.exp(x[1]))), 2 * np.exp(x[1])
            design = np.stack([np.ones_like(k), tilt / 2, 1 / tilt / 2], axis=1) / half_spread[:, None]
            basis, triangle = np.linalg.qr(design)
            box = [floor, 0, 0], [np.inf, top, top]
            linear = lsq_linear(triangle, basis.T @ (variance / half_spread), box, method="bvls").x
            return linear, design @ linear - variance / half_spread

        first = min(starts, key=lambda x: np.sum(inner(x)[1] ** 2))
        found = least_squares(lambda x: inner(x)[1], first, bounds=bounds, x_scale=(width, 1), max_nfev=EVALUATIONS)
        level, u, v = inner(found.x)[0]
        if level + np.sqrt(u * v) >= 0:
            break
    if not found.success:
        raise FitError(f"k, variance: no SVI slice was found in {EVALUATIONS} evaluations ({found.message}). Look at the quotes.")
    s = np.exp(found.x[1])
    return RawSVI(*map(float, (level, (u + v) / (2 * s), (u - v) / max(u + v, 1e-300), found.x[0], s)))


def repair(svi: RawSVI, years: float) -> RawSVI:
    """A slice without butterfly arbitrage that keeps v, ψ and p (Gatheral-Jacquier §5.1).

    With c′ = p + 2ψ and ṽ′ = 4vpc′/(p + c′)² it is a slice of SSVI, free of arbitrage for certain if √w·max(p, c′) < 2 and
    (p + c′)·max(p, c′) ≤ 2, w = vT. The slice returned is the last one found free on the line from there to the given c and
    ṽ, or where ṽ is no coordinate, at ψ = 0, to c and σ. A slice without arbitrage is returned as it is.

    Raises ValueError as `jump_wings`, and FitError if the slice with c′ and ṽ′ has arbitrage itself: a wing is too steep.
    """
    v, skew, p, own_c, own_lowest = jump_wings(svi, years)
    if _free(svi):
        return svi
    c, w = p + 2 * skew, v * years
    level = abs(skew) < 1e-4 * (p + own_c)
    own = np.array([own_c, svi.sigma if level else max(own_lowest, 0.0)])
    safe = np.array([c, 2 * np.sqrt(w * p * c) / (p + c) ** 2 if level else 4 * v * p * c / (p + c) ** 2])

    def on_the_line(share: float) -> RawSVI:
        there, last = safe + share * (own - safe)
        if not level:
            return from_jump_wings([v, skew, p, there, last], years)
        b, rho, beta = np.sqrt(w) * (p + there) / 2, (there - p) / (there + p), (there - p - 4 * skew) / (there + p)
        m = last * beta / np.sqrt(1 - beta**2)
        return RawSVI(w - b * (np.hypot(m, last) - rho * m), b, rho, m, last)

    if p <= 0 or not _free(on_the_line(0.0)):
        raise FitError(
            f"svi has a {'put' if p > c else 'call'} wing too steep to repair it with v, ψ and p kept: √w·max(p, c′) is "
            f"{np.sqrt(w) * max(p, c):.4g} (safe below 2), (p + c′)·max(p, c′) {(p + c) * max(p, c):.4g} (safe up to 2), "
            f"with p = {p:.4g} and c′ = {c:.4g}. Likely fix: surface.fit_ssvi, which keeps neither ψ nor p."
        )
    good, bad = 0.0, 1.0
    while bad - good > 1e-12:
        middle = (good + bad) / 2
        good, bad = (middle, bad) if _free(on_the_line(middle)) else (good, middle)
    return on_the_line(good)


def ssvi(theta: ArrayLike, *, rho: float, eta: float, gamma: float) -> list[RawSVI]:
    """Slices ½θ[1 + ρφk + √((φk + ρ)² + 1 - ρ²)] with φ = η/θ^γ(1 + θ)^{1-γ} (Gatheral-Jacquier eq. 4.1, 4.5).

    Free of arbitrage if θ never falls, γ ≤ ½ and η(1 + |ρ|) ≤ 2.

    Parameters
    ----------
    theta : array, shape (n_expiries,)
        Total variance at the money.

    Raises ValueError unless θ > 0, |ρ| < 1, η > 0 and 0 < γ < 1.
    """
    theta = check.array("theta", theta, ("n_expiries",))
    check.positive("theta", float(theta.min()))
    rho = check.number("rho", rho, -0.999999, 0.999999)
    phi = check.positive("eta", eta) / (theta ** check.number("gamma", gamma, 1e-9, 1) * (1 + theta) ** (1 - gamma))
    rest = 1 - rho**2
    return [RawSVI(t / 2 * rest, t * f / 2, rho, -rho / f, np.sqrt(rest) / f) for t, f in zip(theta, phi, strict=True)]


def calibrate(smiles: pd.DataFrame) -> tuple[dict[float, RawSVI], list[str]]:
    """Raw SVI for each expiry of a table made by `chains.smiles`, and what went wrong.

    An expiry whose fit failed is not among the slices, a mapping of years. The report names those expiries, fits with fewer
    than half of the quotes inside bid and ask, and the places of butterfly arbitrage in a fit and of calendar arbitrage.

    Raises ValueError if `smiles` lacks a column, or has text, gaps or crossed bands in it; FitError if no expiry has a fit.
    """
    slices, report = dict[float, RawSVI](), list[str]()
    for years, quotes in _by_expiry(smiles):
        try:
            slices[years] = svi = fit_svi(*_targets(years, quotes))
        except ValueError as error:
            report.append(f"Expiry {years:.4g} years has no fit: {error}")
            continue
        inside = (relative_value(quotes, {years: svi})["side"] == 0).mean()
        if inside < 0.5:
            report.append(f"Expiry {years:.4g} years: only {inside:.0%} of the quotes hold the fit between bid and ask.")
        for low, high in butterfly(svi)[2]:
            report.append(f"Expiry {years:.4g} years: butterfly arbitrage for k in ({low:.3f}, {high:.3f}).")
    if not slices:
        raise FitError(f"smiles have no expiry that can be fitted. {' '.join(report)}")
    for (one, near), (other, far) in itertools.pairwise(slices.items()):
        for low, high in calendar(near, far):
            report.append(f"Expiries {one:.4g} and {other:.4g} years: calendar arbitrage for k in ({low:.3f}, {high:.3f}).")
    return slices, report


def fit_ssvi(smiles: pd.DataFrame, slices: Mapping[float, RawSVI]) -> dict[str, object]:
    """The arguments of `ssvi` nearest to the quotes, free of arbitrage: one surface for all expiries of `slices`.

    θ is each slice's variance at the money, made non-decreasing by isotonic regression; ρ, η(1 + |ρ|) ≤ 2 and γ ≤ ½ are fitted.

    Raises ValueError as `relative_value`, or if `slices` has expiries that `smiles` has not; FitError without convergence.
    """
    chosen = [(years, quotes) for years, quotes in _by_expiry(smiles, slices) if years in slices]
    if not chosen or len(chosen) < len(slices):
        raise ValueError(f"slices are of {len(slices)} expiries, {len(chosen)} of them in smiles: pass those that calibrate made of it.")
    theta = isotonic_regression([float(slices[years].variance(0.0)) for years, _ in chosen]).x
    targets = [_targets(*pair) for pair in chosen]

    def arguments(x: Array) -> dict[str, object]:
        return {"theta": theta, "rho": float(x[0]), "eta": float(x[1] / (1 + abs(x[0]))), "gamma": float(x[2])}

    def residual(x: Array) -> Array:
        pairs = zip(ssvi(**arguments(x)), targets, strict=True)
        return np.concatenate([(svi.variance(k) - w) / half for svi, (k, w, half) in pairs])

    found = least_squares(residual, (-0.3, 1.0, 0.4), bounds=([-0.999, 1e-6, 1e-6], [0.999, 2.0, 0.5]), max_nfev=EVALUATIONS)
    if not found.success:
        raise FitError(f"smiles: no SSVI surface was found in {EVALUATIONS} evaluations ({found.message}).")
    return arguments(found.x)


def relative_value(smiles: pd.DataFrame, slices: Mapping[float, RawSVI]) -> pd.DataFrame:
    """Quotes against a surface: what is rich or cheap by more than the bid-ask spread.

    Returned are the rows of `smiles` whose expiry is in `slices`, with `model`, the surface's volatility; `side`, -1 where the
    bid is above it (rich: sell), +1 where the ask is below it (cheap: buy), else 0; `edge`, the volatility beyond, ≥ 0.

    Raises ValueError as `calibrate` for `smiles`, or if `slices` is no mapping of years to slices or shares none of the expiries.
    """
    parts = [quotes.assign(model=np.sqrt(slices[years].variance(quotes["k"]) / years))
             for years, quotes in _by_expiry(smiles, slices) if years in slices]  # fmt: skip
    if not parts:
        raise ValueError(f"slices have the expiries {[round(float(y), 4) for y in slices]}: none of them is in smiles.")
    table = pd.concat(parts)
    rich, cheap = table["vol_bid"] - table["model"], table["model"] - table["vol_ask"]
    side = (cheap > 0).astype(int) - (rich > 0).astype(int)
    return table.assign(side=side, edge=np.maximum(np.maximum(rich, cheap), 0))


def _by_expiry(smiles: pd.DataFrame, slices: Mapping[float, RawSVI] | None = ()) -> list[tuple[float, pd.DataFrame]]:
    if not isinstance(smiles, pd.DataFrame) or not set(COLUMNS) <= set(smiles.columns):
        raise ValueError(f"smiles are a {type(smiles).__name__} without all of {', '.join(COLUMNS)}: chains.smiles makes it.")
    if slices != () and not (isinstance(slices, Mapping) and all(isinstance(svi, RawSVI) for svi in slices.values())):
        check.reject("slices", type(slices).__name__, "allowed is a mapping of years to RawSVI", "surface.calibrate makes it")
    for name in COLUMNS:
        check.array(f"smiles, in the column {name},", smiles[name], ("n_quotes",), fix="keep rows with a number in each column")
    crossing = float((smiles["vol_ask"] - smiles["vol_bid"]).min())
    check.number("smiles, in vol_ask - vol_bid,", crossing, 0, fix="leave out crossed quotes, or swap the columns back")
    return [(float(years), quotes) for years, quotes in smiles.groupby("years")]


def _free(svi: RawSVI) -> bool:
    lowest, _, negative = butterfly(svi)
    return lowest >= 0 and not len(negative)


def _targets(years: float, quotes: pd.DataFrame) -> tuple[Array, Array, Array]:
    """k, total variance and its half-spread."""
    vol = quotes["vol"].to_numpy()
    half = np.maximum((quotes["vol_ask"] - quotes["vol_bid"]) / 2, NARROWEST)
    return quotes["k"].to_numpy(), vol**2 * years, 2 * vol * half.to_numpy() * years


def _below_zero(function: Callable[[Array], Array], grid: Array) -> Array:
    """Intervals on which a function that is continuous on the grid is negative, their ends refined."""
    negative = function(grid) < 0
    ends = np.flatnonzero(np.diff(negative))
    places = [brentq(function, grid[i], grid[i + 1]) for i in ends]
    places = [grid[0]] * bool(negative[0]) + places + [grid[-1]] * bool(negative[-1])
    return np.reshape(np.array(places, dtype=float), (-1, 2))
