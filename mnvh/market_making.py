"""Markets and quotes: Avellaneda-Stoikov, symmetric, Guéant-Lehalle-Fernandez-Tapia (chapter 4).

A market maker quotes an ask at p + δa and a bid at p - δb round the mid p. In a step of length dt each side is
filled with the probability A e^{-kδ} dt, independently of the mid, which then moves. `mnvh.inventory` says what
quotes earn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm

from mnvh import check
from mnvh.check import Array


@dataclass(frozen=True)
class Market:
    """Driftless mid and exponential order flow (Avellaneda and Stoikov, Quantitative Finance 2008, §2-3).

    Parameters
    ----------
    volatility : float
        σ, price units per square root of time; a step moves the mid by ±σ√dt.
    order_rate : float
        A, orders per unit of time that would fill a quote at the mid.
    decay : float
        k, per price unit: a quote at distance δ is filled at the rate A e^{-kδ}.
    horizon : float
        T, units of time.
    n_steps : int

    Raises ValueError if a number is not above 0, or `n_steps` is below 1.

    Examples
    --------
    >>> market = Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)
    >>> market.step, round(market.move, 6), round(float(market.fill_probability(0.75)), 6)
    (0.005, 0.141421, 0.227257)
    """

    volatility: float
    order_rate: float
    decay: float
    horizon: float
    n_steps: int

    def __post_init__(self) -> None:
        for name in ("volatility", "order_rate", "decay", "horizon"):
            check.positive(name, getattr(self, name))
        check.integer("n_steps", self.n_steps, 1)

    @property
    def step(self) -> float:
        """dt = T/n_steps."""
        return self.horizon / self.n_steps

    @property
    def move(self) -> float:
        """h = σ√dt, price units."""
        return self.volatility * self.step**0.5

    @property
    def time_left(self) -> Array:
        """T - t at the start of each step, shape (n_steps,)."""
        return self.horizon - self.step * np.arange(self.n_steps)

    def fill_probability(self, distance: ArrayLike) -> Array:
        """A e^{-kδ} dt, taken literally and capped at 1: a quote far enough through the mid is filled for certain.

        Raises ValueError if a distance is nan or -inf; at inf, no quote, the probability is 0.
        """
        distance = _distances("distance", distance)
        return np.exp(np.minimum(0.0, np.log(self.order_rate * self.step) - self.decay * distance))


@dataclass(frozen=True)
class Quotes:
    """Distances of ask and bid from the mid, by step and inventory.

    Parameters
    ----------
    ask, bid : array, shape (n_steps, 2 · limit + 1)
        δa and δb in price units, for inventories from -limit to limit; below 0 a quote is through the mid, inf is
        no quote. There is no ask at -limit and no bid at limit.

    Raises ValueError if the shapes differ, the number of inventories is even, or an entry is nan, -inf, or a
    quote that would pass the limit.
    """

    ask: ArrayLike
    bid: ArrayLike

    def __post_init__(self) -> None:
        for name, edge in (("ask", 0), ("bid", -1)):
            distance = _distances(name, getattr(self, name), ("n_steps", "2 * limit + 1"))
            if distance.shape[1] % 2 == 0:
                raise ValueError(f"{name} has {distance.shape[1]} columns: allowed is an odd number, for -limit to limit.")
            if not np.isposinf(distance[:, edge]).all():
                raise ValueError(f"{name} has a quote in column {edge}, beyond the inventory limit: allowed is inf, no quote.")
            object.__setattr__(self, name, distance)
        if self.ask.shape != self.bid.shape:
            raise ValueError(f"bid has shape {self.bid.shape}: allowed is the shape of ask, {self.ask.shape}.")

    @property
    def limit(self) -> int:
        """Largest inventory, long or short."""
        return self.ask.shape[1] // 2

    @property
    def inventory(self) -> Array:
        """q of each column, shape (2 · limit + 1,)."""
        return np.arange(-self.limit, self.limit + 1)

    @property
    def mean_spread(self) -> float:
        """Time average of δa + δb at zero inventory."""
        return float((self.ask + self.bid)[:, self.limit].mean())


def avellaneda_stoikov(market: Market, risk_aversion: float, *, inventory_limit: int | None = None) -> Quotes:
    """Quotes δ = ½γσ²τ + (1/γ)ln(1 + γ/k) ∓ qγσ²τ round the mid, τ = T - t (Avellaneda-Stoikov §3.2).

    The spread γσ²τ + (2/γ)ln(1 + γ/k) stands round their reservation price p - qγσ²τ.

    Parameters
    ----------
    market : Market
    risk_aversion : float
        γ > 0, per unit of money.
    inventory_limit : int, optional
        By default the number of steps: far beyond what is reached.

    Raises ValueError if γ is not above 0 or the limit is below 1.
    """
    half_spread = _risk_adjusted(market, risk_aversion)
    lean = risk_aversion * market.volatility**2 * market.time_left
    return _quotes(market, half_spread + lean / 2, lean, inventory_limit)


def symmetric(market: Market, half_spread: float, *, inventory_limit: int | None = None) -> Quotes:
    """Quotes at the same distance on both sides whatever the inventory: the article's benchmark.

    Parameters
    ----------
    market : Market
    half_spread : float
        δ, price units, large enough that A e^{-kδ} dt ≤ 1.
    inventory_limit : int, optional
        By default the number of steps, which nobody exceeds.

    Raises ValueError if a fill would have a probability above 1, or the limit is below 1.
    """
    _half_spread(market, half_spread)
    return _quotes(market, np.full(market.n_steps, half_spread), np.zeros(market.n_steps), inventory_limit)


def glft_coefficients(market: Market, risk_aversion: float) -> tuple[float, float]:
    """Constant c and lean per unit of inventory of the stationary optimum; its half-spread is c + lean/2.

    c = (1/γ)ln(1 + γ/k), lean = √[σ²γ/(2kA) (1 + γ/k)^{1 + k/γ}] (Guéant, Lehalle and Fernandez-Tapia, Mathematics and
    Financial Economics 2013).

    Raises ValueError if γ is not above 0.

    Examples
    --------
    >>> c, lean = glft_coefficients(Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200), 0.1)
    >>> round(c, 6), round(lean, 6)
    (0.645385, 0.051717)
    """
    half_spread = _risk_adjusted(market, risk_aversion)
    growth = np.exp((1 + market.decay / risk_aversion) * np.log1p(risk_aversion / market.decay))
    lean = market.volatility * np.sqrt(risk_aversion / (2 * market.decay * market.order_rate) * growth)
    return half_spread, float(lean)


def glft_asymptotic(market: Market, risk_aversion: float, *, inventory_limit: int) -> Quotes:
    """Quotes far from the horizon, δa = c + (½ - q)·lean and δb = c + (½ + q)·lean, of `glft_coefficients`.

    Parameters and errors are those of `glft`.
    """
    half_spread, lean = (np.full(market.n_steps, x) for x in glft_coefficients(market, risk_aversion))
    return _quotes(market, half_spread + lean / 2, lean, _limit(inventory_limit))


def glft(market: Market, risk_aversion: float, *, inventory_limit: int) -> tuple[Quotes, float]:
    """Optimal quotes for exponential utility and |q| ≤ limit, and what they are worth (their theorem 1).

    With v(τ) = exp(-Mτ)·1, where M has ½kγσ²q² on the diagonal and -A(1 + γ/k)^{-(1 + k/γ)} beside it,
    δa = (1/k)ln(v_q/v_{q-1}) + (1/γ)ln(1 + γ/k), δb likewise with v_{q+1}.

    Parameters
    ----------
    market : Market
    risk_aversion : float
        γ > 0, per unit of money.
    inventory_limit : int
        Largest inventory, long or short.

    Returns
    -------
    quotes : Quotes
    certainty_equivalent : float
        (1/k)ln v_0(T), of the profit from zero inventory in continuous time, the limit of many steps.

    Raises
    ------
    ValueError
        If γ is not above 0, the limit is below 1, or so large that v underflows.
    """
    half_spread = _risk_adjusted(market, risk_aversion)
    q = np.arange(-_limit(inventory_limit), inventory_limit + 1.0)
    flow = market.order_rate * np.exp(-(1 + market.decay / risk_aversion) * np.log1p(risk_aversion / market.decay))
    penalty = market.decay * risk_aversion * market.volatility**2 / 2 * q**2
    one_step = expm(market.step * (flow * (np.eye(len(q), k=1) + np.eye(len(q), k=-1)) - np.diag(penalty)))
    values, log_scale, v = np.empty((market.n_steps, len(q))), 0.0, np.ones(len(q))
    for step in reversed(range(market.n_steps)):
        v = one_step @ v
        log_scale += np.log(v.max())
        v = values[step] = v / v.max()
    if values.min() < 1e-280:
        raise ValueError(
            f"inventory_limit is {inventory_limit}: at this risk aversion v is below floating point there. "
            "Likely fix: a smaller limit, a few standard deviations of the inventory are enough."
        )
    fall = np.diff(np.log(values), axis=1) / market.decay  # (1/k)ln(v_{q+1}/v_q)
    none = np.full((market.n_steps, 1), np.inf)
    quotes = Quotes(ask=np.hstack([none, half_spread + fall]), bid=np.hstack([half_spread - fall, none]))
    return quotes, float((np.log(v[quotes.limit]) + log_scale) / market.decay)


def symmetric_profit(market: Market, half_spread: float) -> tuple[float, float, float]:
    """Mean and standard deviation of the profit of `symmetric` quotes, and standard deviation of the last inventory.

    With f = A e^{-kδ} dt and N steps they are 2Nfδ, √(2Nf(1-f)δ² + N(N+1)f(1-f)h²) and √(2Nf(1-f)): 2N independent
    fills earn δ each, and the inventory, a random walk, meets moves that are independent of it. The mean contains
    no σ.

    Raises ValueError as `symmetric`.
    """
    _half_spread(market, half_spread)
    n, f = market.n_steps, float(market.fill_probability(half_spread))
    inventory = 2 * n * f * (1 - f)
    variance = inventory * (half_spread**2 + (n + 1) * market.move**2 / 2)
    return 2 * n * f * half_spread, variance**0.5, inventory**0.5


def resting_rates(market: Market, half_spread: float, fill: float) -> tuple[float, float, float]:
    """Intensity K and expected carry and cost per step of symmetric quotes that rest while the mid moves.

    The mid has moved by Δp = ±h, the quotes by θΔp, and orders answer to the distance from the mid. After a rise
    the ask is filled with the probability f e^{kx}, the bid with f e^{-kx}, where f = A e^{-kδ} dt and x = (1-θ)h:

        K = 2f sinh(kx)/h,   carry = 2f cosh(kx)δ,   cost = -(1-θ)Kh² (theory of chapter 4).

    Parameters
    ----------
    market : Market
    half_spread : float
        δ, price units.
    fill : float
        θ in [0, 1]: 0 the quotes rest for a whole step, 1 they move with the mid (Avellaneda-Stoikov).

    Raises ValueError if θ is outside [0, 1], or a fill would have a probability above 1.
    """
    check.instance("market", market, Market)
    stale = (1 - check.number("fill", fill, 0, 1)) * market.move
    _half_spread(market, half_spread, stale)
    f = float(market.fill_probability(half_spread))
    intensity = float(2 * f * np.sinh(market.decay * stale) / market.move)
    return intensity, float(2 * f * np.cosh(market.decay * stale) * half_spread), 0.0 - stale * intensity * market.move


def _distances(name: str, value: ArrayLike, shape: tuple | None = None) -> Array:
    """Finite numbers, or inf for no quote."""
    distance = np.asarray(value)
    numeric = distance.dtype.kind in "iuf"
    check.array(name, np.where(distance == np.inf, 0, distance) if numeric else value, shape)
    return distance.astype(float)


def _risk_adjusted(market: Market, risk_aversion: float) -> float:
    """(1/γ)ln(1 + γ/k)."""
    check.instance("market", market, Market)
    check.positive("risk_aversion", risk_aversion)
    return float(np.log1p(risk_aversion / market.decay) / risk_aversion)


def _half_spread(market: Market, half_spread: float, stale: float = 0.0) -> None:
    check.instance("market", market, Market)
    lowest = np.log(market.order_rate * market.step) / market.decay + stale
    fix = f"below {lowest:.6g} a fill has a probability A·exp(-kδ)·dt above 1; take more steps"
    check.number("half_spread", half_spread, lowest, fix=fix)


def _limit(inventory_limit: int) -> int:
    return check.integer("inventory_limit", inventory_limit, 1)


def _quotes(market: Market, half_spread: Array, lean: Array, inventory_limit: int | None) -> Quotes:
    """δa = half_spread - q·lean, δb = half_spread + q·lean, with one array entry per step."""
    limit = market.n_steps if inventory_limit is None else _limit(inventory_limit)
    shift = lean[:, None] * np.arange(-limit, limit + 1)
    ask, bid = half_spread[:, None] - shift, half_spread[:, None] + shift
    ask[:, 0] = bid[:, -1] = np.inf
    return Quotes(ask, bid)
