"""Delta-hedging an option: its P&L, its error in discrete time, and its optimum under costs (chapter 5).

Everything here is in units of the bank account, as `OptionHedge` is: prices are discounted to today and cash earns
nothing. Costs are proportional to the value of a trade; `fee_bps` is paid one way, half of a round trip. Hedging
under costs is the writer's: long Δ against a short call; there is no trade at expiry.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import attribute
from mnvh.options import OptionHedge, greeks


def gamma_pnl(hedge: OptionHedge, prices: ArrayLike, times: ArrayLike) -> Array:
    """½Γ(ΔS² - σ²S²Δt): what the hedged long option earns in each step, to leading order (§5.1, repaired).

    Parameters
    ----------
    hedge : OptionHedge
        Of which σ and Γ are taken.
    prices : array, shape (n_paths, n_steps + 1, 1)
    times : array, shape (n_steps + 1,)
        In years, up to expiry.

    Returns
    -------
    array, shape (n_paths, n_steps)

    Raises
    ------
    ValueError
        If a price is not finite or not above 0, a shape differs, or a time falls or is after expiry.
    """
    prices = check.prices("prices", prices, above_zero=True)
    times = check.times("times", times, prices.shape[1])
    gamma = _checked(hedge).intensity(prices[:, :-1], times[:-1])[..., 0, 0]
    spot, moves = prices[:, :-1, 0], np.diff(prices[..., 0], axis=1)
    return gamma * (moves**2 - (hedge.volatility * spot) ** 2 * np.diff(times)) / 2


def expected_pnl(hedge: OptionHedge, spot: float, realised_volatility: float, *, excess_drift: float = 0.0) -> float:
    """½(σ_R² - σ²) ∫ E[ΓS²] dt, the mean P&L of a long option bought and hedged at the wrong volatility (§5.1, repaired).

    Parameters
    ----------
    hedge : OptionHedge
        At the volatility σ at which the option is bought and hedged.
    spot : float
        S at time 0.
    realised_volatility : float
        σ_R of the geometric Brownian motion that the price follows, per √year.
    excess_drift : float
        Of the price over the bank account, per year.

    Returns
    -------
    float
        In units of the bank account; multiply by exp(rT) for money at expiry. Exact for continuous hedging; without
        drift it is the difference of the two Black-Scholes prices.

    Raises
    ------
    ValueError
        If an argument is not finite or out of range.

    Examples
    --------
    >>> round(expected_pnl(OptionHedge(100.0, 0.25, 0.2), 100.0, 0.3), 4)
    1.9908
    """
    implied = _checked(hedge).volatility ** 2
    check.positive("spot", spot)
    realised = check.number("realised_volatility", check.positive("realised_volatility", realised_volatility), 0, 10) ** 2
    check.number("excess_drift", excess_drift, -10, 10)

    def dollar_gamma(time: float) -> float:
        variance = realised * time + implied * (hedge.expiry_years - time)
        middle = np.log(spot / hedge.strike) + excess_drift * time - variance / 2
        return hedge.strike * np.exp(-(middle**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    return float((realised - implied) / 2 * quad(dollar_gamma, 0, hedge.expiry_years)[0])


def error_variance(hedge: OptionHedge, spot: float, n_steps: int) -> float:
    """Variance of the P&L of an option hedged n_steps times at the right volatility, to leading order in 1/n_steps.

    X²σ²T/(4πN) ∫₀^{π/2} exp(-d₂²/(1 + sin u)) du, which is ½σ⁴Δt ∫ E[(ΓS²)²] dt for a driftless geometric Brownian
    motion (Bertsimas-Kogan-Lo 2000). At d₂ = 0 it is (π/4)vega²σ²/N (Derman-Kamal 1999).

    Raises ValueError if the spot is not above 0 or n_steps is below 1.

    Examples
    --------
    >>> round(error_variance(OptionHedge(100.0, 0.25, 0.2), 100.0, 50), 6)
    0.249602
    """
    variance = _checked(hedge).volatility ** 2 * hedge.expiry_years
    d2 = (np.log(check.positive("spot", spot) / hedge.strike) - variance / 2) / np.sqrt(variance)
    shape = quad(lambda u: np.exp(-(d2**2) / (1 + np.sin(u))), 0, np.pi / 2)[0]
    return float(hedge.strike**2 * variance * shape / (4 * np.pi * check.integer("n_steps", n_steps, 1)))


def clock_cost(hedge: OptionHedge, spot: float, n_steps: int, *, fee_bps: float) -> float:
    """ε·vega·√(2N/(πT)): mean cost of N rehedges at equal intervals, to leading order, the first trade apart (§5.2).

    E|ΔΔ|S = ΓS²σ√(2Δt/π), and E[ΓS²] = vega/(σT) at all times. It is the difference in price at Leland's volatility.

    Raises ValueError if the spot is not above 0, n_steps is below 1 or the fee is out of range.
    """
    check.integer("n_steps", n_steps, 1)
    return float(_fee(fee_bps) * _vega(hedge, spot) * np.sqrt(2 * n_steps / (np.pi * hedge.expiry_years)))


def best_clock(hedge: OptionHedge, spot: float, *, fee_bps: float, risk_aversion: float) -> float:
    """Number of equal intervals that minimises clock_cost + ½a·error_variance, N* = (aC√(πT/2)/(ε vega))^{2/3} (§5.2).

    C is N times the variance. Without risk aversion there is no interior optimum: N* → 0.

    Raises ValueError if an argument is not above 0.
    """
    check.positive("risk_aversion", risk_aversion, fix="without risk aversion the cheapest hedge is none")
    check.positive("fee_bps", fee_bps, fix="without costs the best hedge is continuous")
    slope = _fee(fee_bps) * _vega(hedge, spot) * np.sqrt(2 / (np.pi * hedge.expiry_years))
    if slope == 0:
        raise ValueError(f"spot is {spot:g}: allowed is one near the strike of {hedge.strike:g}. There the option has no vega to hedge.")
    return float((risk_aversion * error_variance(hedge, spot, 1) / slope) ** (2 / 3))


def leland_volatility(volatility: float, interval_years: float, *, fee_bps: float) -> float:
    """σ√(1 + √(8/π)ε/(σ√Δt)), at which a writer prices and hedges so that the premium pays the costs (Leland 1985).

    Parameters
    ----------
    volatility : float
        σ per √year.
    interval_years : float
        Δt between two rehedges.
    fee_bps : float
        ε, one way, in basis points.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> round(leland_volatility(0.2, 1 / 52, fee_bps=50), 4)
    0.227
    """
    check.positive("volatility", volatility)
    check.positive("interval_years", interval_years)
    return float(volatility * np.sqrt(1 + np.sqrt(8 / np.pi) * _fee(fee_bps) / (volatility * np.sqrt(interval_years))))


def whalley_wilmott(
    hedge: OptionHedge, prices: ArrayLike, times: ArrayLike, *, fee_bps: float, risk_aversion: float
) -> tuple[Array, Array]:
    """Δ and the half width (3εSΓ²/(2a))^{1/3} of the no-trade band round it (Whalley-Wilmott, Math. Finance 1997).

    It is the band of an inventory x of undelivered Δ: variance rate Γ²σ²S², penalty aσ²S², unit cost εS.

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps, 1)
    times : array, shape (n_steps,)
        Of the prices, in years, before expiry.
    fee_bps : float
        ε, one way, in basis points.
    risk_aversion : float
        a of exponential utility, per unit of money, above 0.

    Returns
    -------
    target, half_width : array, shape (n_paths, n_steps, 1)
        In units of the asset; of the writer of one call.

    Raises
    ------
    ValueError
        If an argument is not finite or out of range, or a time is not before expiry.
    """
    prices, _, gamma = _state(hedge, prices, times)
    check.positive("risk_aversion", risk_aversion)
    half_width = np.cbrt(1.5 * _fee(fee_bps) * prices * gamma**2 / risk_aversion)
    return -hedge.holdings(prices, times), half_width


def zakamouline(
    hedge: OptionHedge, prices: ArrayLike, times: ArrayLike, *, fee_bps: float, risk_aversion: float
) -> tuple[Array, Array]:
    """Δ at a raised volatility and the half width H₀ + H₁ round it (Zakamouline, Quantitative Finance 2006).

    A fit to the numerical solution of the writer's utility maximisation. With τ the time left,
    σ_m² = σ²(1 + 4.76 ε^0.78 τ^-0.02 σ^-0.25 (aS²Γ)^0.15), H₀ = ε/(aSσ²τ) and H₁ = 1.12 ε^0.31 τ^0.05 σ^-0.25 √(Γ/a).
    For the holder of the option the sign of the correction is the opposite one. The fit is close near ε = 1 %, a = 1.

    Parameters, shapes and errors are those of `whalley_wilmott`.
    """
    prices, left, gamma = _state(hedge, prices, times)
    fee, sigma, a = _fee(fee_bps), hedge.volatility, check.positive("risk_aversion", risk_aversion)
    raised = 4.76 * fee**0.78 * left**-0.02 * sigma**-0.25 * (a * prices**2 * gamma) ** 0.15
    target = greeks(prices, hedge.strike, left, sigma * np.sqrt(1 + raised)).delta
    return target, fee / (a * prices * sigma**2 * left) + 1.12 * fee**0.31 * left**0.05 * sigma**-0.25 * np.sqrt(gamma / a)


def clock_holdings(target: ArrayLike, every: int) -> Array:
    """Holdings that are set to the target at every so many dates, and kept at the last (§5.2).

    Parameters
    ----------
    target : array, shape (n_paths, n_steps, 1)
    every : int
        Steps between two trades; n_steps or more is a hedge that is never adjusted.

    Returns
    -------
    array, shape (n_paths, n_steps + 1, 1)

    Raises ValueError if an entry is not finite or `every` is below 1.
    """
    target = check.array("target", target, ("n_paths", "n_steps", 1))
    dates = np.arange(target.shape[1])
    chosen = dates - dates % check.integer("every", every, 1)
    return target[:, np.append(chosen, chosen[-1])]


def band_holdings(target: ArrayLike, half_width: ArrayLike) -> Array:
    """Holdings that start at the target and are moved to the near edge of the band when outside, kept at the last (§5.2).

    Parameters
    ----------
    target, half_width : array, shape (n_paths, n_steps, 1)

    Returns
    -------
    array, shape (n_paths, n_steps + 1, 1)

    Raises ValueError if an entry is not finite, a half width is negative, or the shapes differ.
    """
    target = check.array("target", target, ("n_paths", "n_steps", 1))
    half_width = check.array("half_width", half_width, target.shape)
    check.number("half_width", float(half_width.min()), 0)
    holdings = np.empty((len(target), target.shape[1] + 1, 1))
    _follow_band(target[..., 0], half_width[..., 0], holdings[..., 0])
    return holdings


def short_call(hedge: OptionHedge, prices: ArrayLike, holdings: ArrayLike, *, fee_bps: float) -> tuple[Array, Array]:
    """P&L before costs of a call sold at its value and hedged with the given holdings, and the costs (§5.2).

    Parameters
    ----------
    prices, holdings : array, shape (n_paths, n_steps + 1, 1)
        From time 0 to expiry. The first holdings are bought without cost, as in `decomposition.follow`.
    fee_bps : float
        One way, in basis points.

    Returns
    -------
    error, cost : array, shape (n_paths,)

    Raises
    ------
    ValueError
        If an entry is not finite, a price is not above 0, the shapes differ or the fee is out of range.
    """
    prices = check.prices("prices", prices, above_zero=True)
    premium, payoff = _checked(hedge).value(prices[:, 0], 0.0), hedge.value(prices[:, -1], hedge.expiry_years)
    parts = attribute(holdings, prices, fee_bps=fee_bps).total()
    return premium + parts.directional - payoff, -parts.cost


def _fee(fee_bps: float) -> float:
    return check.bps("fee_bps", fee_bps) / 10_000


def _vega(hedge: OptionHedge, spot: float) -> float:
    _checked(hedge)
    return float(greeks(check.positive("spot", spot), hedge.strike, hedge.expiry_years, hedge.volatility).vega)


def _checked(hedge: OptionHedge) -> OptionHedge:
    if not isinstance(hedge, OptionHedge):
        raise ValueError(f"hedge is {hedge!r}: allowed is an OptionHedge, as in OptionHedge(100.0, 0.25, 0.2).")
    return hedge


def _state(hedge: OptionHedge, prices: ArrayLike, times: ArrayLike) -> tuple[Array, Array, Array]:
    """Prices, the time left and Γ, all with the trailing axis of the asset."""
    prices = check.array("prices", prices, ("n_paths", "n_steps", 1))
    left = _checked(hedge).expiry_years - check.times("times", times, prices.shape[1])
    if left.min() <= 0:
        raise ValueError(
            f"times reach {np.max(times):g}: allowed is before expiry_years = {hedge.expiry_years:g}, where the band ends. "
            "Pass prices[:, :-1] and times[:-1]."
        )
    return prices, left[:, None], hedge.intensity(prices, np.asarray(times))[..., 0]


@numba.njit(cache=True)
def _follow_band(target: Array, half_width: Array, holdings: Array) -> None:
    for path in range(target.shape[0]):
        held = target[path, 0]
        for t in range(target.shape[1]):
            low, high = target[path, t] - half_width[path, t], target[path, t] + half_width[path, t]
            held = min(max(held, low), high)
            holdings[path, t] = held
        holdings[path, -1] = held
