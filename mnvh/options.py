"""Black-Scholes prices, Greeks and implied volatility, and the hedge of an option as a potential (chapter 5).

The value of the out-of-the-money option is √(SX)·b with X the discounted strike, h = |ln S/X|/s, t = s/2,
s the total volatility σ√T, and

    b = ½ exp(-(h² + t²)/2) [erfcx((h - t)/√2) - erfcx((h + t)/√2)],

which keeps its relative accuracy in the wings, where Φ(d₁) and Φ(d₂) are both next to nothing. The option in the
money is worth its intrinsic value more. All arguments broadcast against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import erfcx, erfinv, ndtr, ndtri

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import GAUSS

_FEWEST_DIGITS = 1e-6  # an implied volatility that rounding of the quote moves by more than this is refused
_PER_CENT = "volatilities are fractions per √year, for 20 % pass 0.2"


@dataclass(frozen=True)
class Greeks:
    """Derivatives of an option's price, each of the shape of the arguments.

    Attributes
    ----------
    delta : ∂V/∂S.
    gamma : ∂²V/∂S².
    vega : ∂V/∂σ, per unit of volatility; divide by 100 for one percentage point.
    theta : ∂V/∂t, per year.
    rho : ∂V/∂r, per unit of the rate.
    vanna : ∂²V/∂S∂σ.
    volga : ∂²V/∂σ².
    """

    delta: Array
    gamma: Array
    vega: Array
    theta: Array
    rho: Array
    vanna: Array
    volga: Array


def price(
    spot: ArrayLike, strike: ArrayLike, years: ArrayLike, volatility: ArrayLike, *, rate: ArrayLike = 0.0, call: ArrayLike = True
) -> Array:
    """Price of a European option (Black-Scholes 1973).

    Parameters
    ----------
    spot, strike : array
        S, and the strike at expiry, above 0. For an option on a forward F pass S = F·exp(-rate·years).
    years : array
        Time to expiry T, above 0.
    volatility : array
        σ per √year, in (0, 10].
    rate : array
        r, continuously compounded, per year, in [-1, 1].
    call : array of bool
        False for a put.

    Returns
    -------
    array, in the units of the spot; 0 where it is below the smallest float.

    Raises
    ------
    ValueError
        If an argument is not finite or out of range, or the shapes do not broadcast.

    Examples
    --------
    >>> float(price(49, 50, 20 / 52, 0.2, rate=0.05).round(8))
    2.40052732
    """
    spot, discounted, years, volatility, _, sign = _checked(spot, strike, years, volatility, rate, call)
    return _value(spot, discounted, volatility * np.sqrt(years), sign)


def greeks(
    spot: ArrayLike, strike: ArrayLike, years: ArrayLike, volatility: ArrayLike, *, rate: ArrayLike = 0.0, call: ArrayLike = True
) -> Greeks:
    """Derivatives of a European option's price (Black-Scholes 1973); arguments and errors are those of `price`.

    Examples
    --------
    >>> float(greeks(49, 50, 20 / 52, 0.2, rate=0.05).gamma.round(8))
    0.06554404
    """
    spot, discounted, years, volatility, rate, sign = _checked(spot, strike, years, volatility, rate, call)
    total = volatility * np.sqrt(years)
    d1, d2 = _d1_d2(spot, discounted, total)
    density = spot * np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
    money = sign * discounted * ndtr(sign * d2)
    vega = density * np.sqrt(years)
    return Greeks(
        delta=sign * ndtr(sign * d1),
        gamma=density / (spot**2 * total),
        vega=vega,
        theta=-density * volatility / (2 * np.sqrt(years)) - rate * money,
        rho=years * money,
        vanna=-density * d2 / (spot * volatility),
        volga=vega * d1 * d2 / volatility,
    )


def implied_vol(
    price: ArrayLike, spot: ArrayLike, strike: ArrayLike, years: ArrayLike, *, rate: ArrayLike = 0.0, call: ArrayLike = True
) -> Array:
    """Volatility at which `options.price` returns the given price, from the out-of-the-money side.

    The root in s of ln b(s) = ln(value/√(SX)) by Chandrupatla's method. It is bracketed by the s at which
    Φ(d₁) alone makes the value, or at which a strike at the forward has it, and by the tangent bound
    s ≤ Φ⁻¹(c + pX/S) - Φ⁻¹(p) at p = Φ(d₂) there (Tehranchi, SIAM J. Financial Math. 2016).

    Parameters
    ----------
    price : array
        Option prices strictly between intrinsic value and the spot (call) or the discounted strike (put).
    spot, strike, years, rate, call
        As in `price`.

    Returns
    -------
    array
        σ per √year; relative error below 1e-11 for an out-of-the-money price with |ln S/X| ≤ 5σ√T and σ√T ≤ 5.

    Raises
    ------
    ValueError
        If an argument is out of range, the shapes do not broadcast, no volatility has this price, or so little of it is
        time value that rounding of the price alone moves the volatility by more than a millionth.

    Examples
    --------
    >>> float(implied_vol(2.40052732, 49, 50, 20 / 52, rate=0.05).round(8))
    0.2
    """
    price = check.array("price", price)
    spot, discounted, years, _, _, sign = _checked(spot, strike, years, 1.0, rate, call)
    price, spot, discounted, years, sign = _together(price=price, spot=spot, strike=discounted, years=years, call=sign)
    intrinsic = np.maximum(sign * (spot - discounted), 0)
    low, high = np.minimum(spot, discounted), np.maximum(spot, discounted)
    value = price - intrinsic
    _refuse(value <= 0, price, "above its intrinsic value, discounted", "a stale quote, or call=False is missing for a put")
    _refuse(value >= low, price, "below the spot for a call, the discounted strike for a put", "prices are per unit of the asset")

    distance, share = np.log1p((high - low) / low), value / low
    z = ndtri(share)
    root = np.hypot(z, np.sqrt(2 * distance)) + abs(z)
    lower = np.maximum(np.where(z < 0, 2 * distance / np.maximum(root, 1e-300), root), np.sqrt(8) * erfinv(share))
    odds = np.minimum(ndtr(-distance / lower - lower / 2), (1 - share) / 2 * low / high)
    upper = ndtri(share + odds * high / low) - ndtri(odds)
    found = elementwise.find_root(
        lambda s, x, goal: _log_scaled(x, s) - goal,
        (0.999 * lower, 1.001 * np.maximum(upper, lower)),
        args=(distance, np.log(value / np.sqrt(low) / np.sqrt(high))),
    )
    rounding = np.finfo(float).eps * np.where(intrinsic > 0, high, price) / value
    elasticity = found.x * np.sqrt(2 / np.pi) / _difference(distance / found.x, found.x / 2)
    _refuse(
        ~found.success | (rounding > _FEWEST_DIGITS * elasticity),
        price,
        "a price with enough time value left to be seen beside it",
        "in the money, pass the other option's price, put = call - spot + strike·exp(-rate·years)",
    )
    return found.x / np.sqrt(years)


@dataclass(frozen=True)
class OptionHedge:
    """Hedge leg of a long call as a potential that depends on time, Ψ_t(S) = V(t, S): it holds -Δ and K = Γ (§5.1).

    Prices are in units of the bank account (discounted to today), so that cash earns nothing and the rate is zero.
    A put's hedge is the same with one unit of the asset more, `constant=[1.0]`. Theta is the carry: with the option
    itself, whose gain cancels the displacement, the P&L is harvest plus carry.

    Parameters
    ----------
    strike : float
        X, discounted to today.
    expiry_years : float
        T; times run from 0 to it.
    volatility : float
        At which the option is valued and hedged, per √year.

    Raises ValueError if a parameter is out of range, a time is after expiry, or prices are not above 0 or of one asset.
    """

    strike: float
    expiry_years: float
    volatility: float

    def __post_init__(self) -> None:
        check.positive("strike", self.strike)
        check.positive("expiry_years", self.expiry_years)
        check.number("volatility", check.positive("volatility", self.volatility), 0, 10, fix=_PER_CENT)

    def value(self, prices: Array, time: Array) -> Array:
        """SΦ(d₁) - XΦ(d₂): an account in S needs V to the rounding of S, not of V, and this is three times as fast."""
        spot, total = self._state(prices, time)
        d1, d2 = _d1_d2(spot, self.strike, total)
        return spot * ndtr(d1) - self.strike * ndtr(d2)

    def holdings(self, prices: Array, time: Array) -> Array:
        spot, total = self._state(prices, time)
        return -ndtr(_d1_d2(spot, self.strike, total)[0])[..., None]

    def intensity(self, prices: Array, time: Array) -> Array:
        spot, total = self._state(prices, time)
        return _gamma(spot, self.strike, total)[..., None, None]

    def divergence(self, new: Array, old: Array, time: Array) -> Array:
        """S'[Φ(d₁') - Φ(d₁)] - X[Φ(d₂') - Φ(d₂)], in which V's terms cancel; for a small move the integral of (S' - u)Γ(u)."""
        spot, total = self._state(new, time)
        d1, d2 = _d1_d2(spot, self.strike, total)
        old_d1, old_d2 = _d1_d2(self._state(old, time)[0], self.strike, total)
        side = np.where(d1 > 0, -1, 1)  # tails, which rounding leaves their digits
        first, second = (side * (ndtr(side * to) - ndtr(side * since)) for to, since in ((d1, old_d1), (d2, old_d2)))
        found = np.asarray(spot * first - self.strike * second)
        near = abs(d1 - old_d1) < 0.05
        first, step, left = old[near][:, 0], (new - old)[near][:, 0], np.broadcast_to(total, near.shape)[near]
        found[near] = step**2 * sum(weight * (1 - s) * _gamma(first + s * step, self.strike, left) for s, weight in GAUSS)
        return found

    def _state(self, prices: Array, time: Array) -> tuple[Array, Array]:
        """Spot, and the total volatility that is left."""
        if prices.shape[-1] != 1:
            raise ValueError(f"prices have {prices.shape[-1]} assets: allowed is one, the underlying. Pass prices[..., [i]].")
        left = self.expiry_years - np.asarray(time)
        if (left < -1e-9 * self.expiry_years).any():
            raise ValueError(f"times reach {np.max(time):g}: allowed is up to expiry_years = {self.expiry_years:g}, in years.")
        return _positive("prices", prices[..., 0]), self.volatility * np.sqrt(np.maximum(left, 0))


def _value(spot: Array, discounted: Array, total: Array, sign: Array) -> Array:
    total = np.clip(total, 1e-150, 70.0)  # beyond: the payoff, and the bound that the price tends to
    distance = np.log1p(np.abs(spot - discounted) / np.minimum(spot, discounted))
    scaled = np.exp(_log_scaled(distance, total))
    value = np.sqrt(spot) * np.sqrt(discounted) * scaled + np.maximum(sign * (spot - discounted), 0)
    return np.minimum(value, np.where(sign > 0, spot, discounted))  # which rounding may pass


def _log_scaled(distance: Array, total: Array) -> Array:
    """ln b at |ln S/X| and s; where h passes 40 the option is worth less than the smallest float."""
    h, t = np.minimum(distance / total, 40.0), total / 2
    return np.log(_difference(h, t) / 2) - (h**2 + t**2) / 2


def _difference(h: Array, t: Array) -> Array:
    """erfcx((h - t)/√2) - erfcx((h + t)/√2), by its Taylor series in t where the two are nearly equal."""
    u, v = np.broadcast_arrays(h / np.sqrt(2), t / np.sqrt(2))
    result = np.asarray(erfcx(u - v) - erfcx(u + v))
    near = v < 0.005
    u, v = u[near], v[near]
    y0 = erfcx(u)
    y1 = 2 * u * y0 - 2 / np.sqrt(np.pi)
    y2 = 2 * u * y1 + 2 * y0
    y3 = 2 * u * y2 + 4 * y1
    y5 = 2 * u * (2 * u * y3 + 6 * y2) + 8 * y3
    result[near] = -2 * v * (y1 + v**2 * y3 / 6 + v**4 * y5 / 120)
    return result


def _gamma(spot: Array, discounted: Array, total: Array) -> Array:
    d1, _ = _d1_d2(spot, discounted, total)
    return np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi) / (spot * np.maximum(total, 1e-150))


def _d1_d2(spot: Array, discounted: Array, total: Array) -> tuple[Array, Array]:
    total = np.maximum(total, 1e-150)
    middle = np.log(spot / discounted) / total
    return middle + total / 2, middle - total / 2


def _checked(
    spot: ArrayLike, strike: ArrayLike, years: ArrayLike, volatility: ArrayLike, rate: ArrayLike, call: ArrayLike
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """The arguments as arrays, the strike discounted, and +1 for a call, -1 for a put."""
    spot, strike = _positive("spot", spot), _positive("strike", strike)
    years, volatility = _positive("years", years), _positive("volatility", volatility)
    check.number("years", float(years.max(initial=1.0)), 0, 100, fix="for 30 days pass 30 / 365")
    check.number("volatility", float(volatility.max(initial=1.0)), 0, 10, fix=_PER_CENT)
    rate = check.array("rate", rate)
    for extreme in (rate.min(initial=0.0), rate.max(initial=0.0)):
        check.number("rate", float(extreme), -1, 1, fix="rates are fractions per year, for 5 % pass 0.05")
    if np.asarray(call).dtype != bool:
        raise ValueError(f"call is {call!r}: allowed are True for a call and False for a put.")
    sign = np.where(call, 1.0, -1.0)
    _together(spot=spot, strike=strike, years=years, volatility=volatility, rate=rate, call=sign)
    return spot, strike * np.exp(-rate * years), years, volatility, rate, sign


def _together(**arrays: Array) -> tuple[Array, ...]:
    """The arrays broadcast against each other; refuses those that do not fit, with the shape of each."""
    try:
        return np.broadcast_arrays(*arrays.values())
    except ValueError:
        shapes = ", ".join(f"{name} {each.shape}" for name, each in arrays.items() if each.ndim)
        raise ValueError(
            f"the shapes {shapes} do not fit: allowed are equal axes, or axes of length 1, counted from the last. "
            "Likely fix: give rows and columns axes of their own, as years[:, None]."
        ) from None


def _positive(name: str, value: ArrayLike) -> Array:
    value = check.array(name, value)
    check.positive(name, float(value.min(initial=1.0)))
    return value


def _refuse(bad: Array, price: Array, allowed: str, fix: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"price has {int(bad.sum())} entries without an implied volatility, the first {price[where]:.10g} at {where}: "
            f"allowed is {allowed}. Likely cause: {fix}."
        )
