"""Automated market makers as potentials (chapter 3).

At the price p a pool without fees holds the reserves of least value that its invariant allows, V(p) = p·x + y. The
potential Ψ = -V is convex, the reserves of the priced assets are -∇Ψ, and K = ∇²Ψ. The numéraire y has the price 1
and stands in no price array: ConstantProduct, ConcentratedLiquidity and StableSwap price one asset, prices[..., 0].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize.elementwise import find_root
from scipy.special import logsumexp, xlog1py, xlogy

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import GAUSS, Potential, bregman


@dataclass(frozen=True)
class ConstantProduct:
    """Constant-product pool xy = L² with Ψ(p) = -2L√p (§3.2).

    Parameters
    ----------
    liquidity : float
        L > 0, in √(units of asset · units of numéraire). Raises ValueError otherwise.
    """

    liquidity: float

    def __post_init__(self) -> None:
        check.positive("liquidity", self.liquidity)

    def value(self, prices: Array) -> Array:
        return -2 * self.liquidity * np.sqrt(_single(prices))

    def holdings(self, prices: Array) -> Array:
        return (self.liquidity / np.sqrt(_single(prices)))[..., None]

    def intensity(self, prices: Array) -> Array:
        return (self.liquidity / (2 * _single(prices) ** 1.5))[..., None, None]

    def divergence(self, new: Array, old: Array) -> Array:
        new, old = _single(new), _single(old)
        return self.liquidity * ((new - old) / (np.sqrt(new) + np.sqrt(old))) ** 2 / np.sqrt(old)


@dataclass(frozen=True)
class WeightedProduct:
    """Weighted pool Πx_i^{w_i} = const with Ψ(p) = -c Πp_i^{w_i} (Martinelli and Mushegian 2019).

    Parameters
    ----------
    weights : array, shape (n_assets + 1,)
        Shares of the pool's value, those of the priced assets first and above 0, that of the numéraire last.
    scale : float
        c > 0: the pool's value while all prices are 1.

    Raises
    ------
    ValueError
        If the weights are not positive (the last may be 0) or do not sum to 1, or the scale is not above 0.
    """

    weights: ArrayLike
    scale: float

    def __post_init__(self) -> None:
        weights = check.array("weights", self.weights, ("n_assets + 1",))
        if len(weights) < 2 or (weights[:-1] <= 0).any() or weights[-1] < 0 or abs(weights.sum() - 1) > 1e-9:
            raise ValueError(
                f"weights are {weights.tolist()}, with the sum {weights.sum():g}: allowed are shares above 0 of the priced "
                "assets, then that of the numéraire, with the sum 1. Likely fix: divide by the sum, or append the numéraire's."
            )
        object.__setattr__(self, "weights", weights)
        check.positive("scale", self.scale)

    def value(self, prices: Array) -> Array:
        return -self.scale * np.exp(np.log(self._prices(prices)) @ self.weights[:-1])

    def holdings(self, prices: Array) -> Array:
        return -self.value(prices)[..., None] * self.weights[:-1] / prices

    def intensity(self, prices: Array) -> Array:
        share = self.weights[:-1] / self._prices(prices)
        own = np.eye(share.shape[-1]) * (share / prices)[..., None]
        return -self.value(prices)[..., None, None] * (own - share[..., :, None] * share[..., None, :])

    def divergence(self, new: Array, old: Array) -> Array:
        """V'Σw(e^r - 1 - r), r the move of each logarithm, the numéraire's is 0, less their mean: no terms of V cancel."""
        moves = np.log(self._prices(new) / old)
        mean = moves @ self.weights[:-1]
        rest = np.concatenate([moves, np.zeros(moves.shape[:-1] + (1,))], axis=-1) - mean[..., None]
        return -self.value(new) * ((np.expm1(rest) - rest) @ self.weights)

    def _prices(self, prices: Array) -> Array:
        return _above_zero(prices, len(self.weights) - 1)


@dataclass(frozen=True)
class ConcentratedLiquidity:
    """Constant product within a price range, no trade outside it (Uniswap v3).

    Parameters
    ----------
    liquidity : float
        L > 0, in √(units of asset · units of numéraire).
    lower, upper : float
        0 < lower < upper, in units of price. Raises ValueError otherwise.
    """

    liquidity: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        check.positive("liquidity", self.liquidity)
        check.positive("lower", self.lower)
        check.positive("upper", self.upper)
        if not self.lower < self.upper:
            raise ValueError(f"upper is {self.upper:g}: allowed is a price above lower, {self.lower:g}. Likely fix: swap them.")

    def value(self, prices: Array) -> Array:
        inside = self._clip(prices)
        cash = self.liquidity * (np.sqrt(inside) - np.sqrt(self.lower))
        return -np.asarray(prices)[..., 0] * self.holdings(prices)[..., 0] - cash

    def holdings(self, prices: Array) -> Array:
        return (self.liquidity * (1 / np.sqrt(self._clip(prices)) - 1 / np.sqrt(self.upper)))[..., None]

    def intensity(self, prices: Array) -> Array:
        inside = self._clip(prices)
        return np.where(inside == _single(prices), self.liquidity / (2 * inside**1.5), 0.0)[..., None, None]

    def divergence(self, new: Array, old: Array) -> Array:
        a, b = np.sqrt(self._clip(old)), np.sqrt(self._clip(new))
        step = (b**2 - a**2) / (a + b)
        return self.liquidity * (step**2 / a + step / (a * b) * (np.asarray(new)[..., 0] - b**2))

    def _clip(self, prices: Array) -> Array:
        return np.clip(_single(prices), self.lower, self.upper)


@dataclass(frozen=True)
class StableSwap:
    """StableSwap pool of two coins, 2A(x + y) + D = 2AD + D³/(4xy) (Egorov 2019).

    Parameters
    ----------
    amplification : float
        A > 0.5 as in the contracts of Curve and Balancer, which is the white paper's times n^{n-1} = 2.
    invariant : float
        D > 0: the number of coins in the pool while both have the price 1. Raises ValueError otherwise.
    """

    amplification: float
    invariant: float

    def __post_init__(self) -> None:
        check.number("amplification", self.amplification, 0.5)
        check.positive("invariant", self.invariant)

    def value(self, prices: Array) -> Array:
        x = self._reserve(_single(prices))
        return -self.invariant * (np.asarray(prices)[..., 0] * x + self._curve(x)[0])

    def holdings(self, prices: Array) -> Array:
        return self.invariant * self._reserve(_single(prices))[..., None]

    def intensity(self, prices: Array) -> Array:
        return self.invariant / self._curve(self._reserve(_single(prices)))[2][..., None, None]

    def divergence(self, new: Array, old: Array) -> Array:
        """y - y' + p'(x - x'), and between near reserves, where these terms cancel, the integral of (x - u)y″(u)."""
        x, x_new = self._reserve(_single(old)), self._reserve(_single(new))
        (y, _, bend), (y_new, price, bend_new) = self._curve(x), self._curve(x_new)
        bends = [bend, bend_new, *(self._curve(x_new + s * (x - x_new))[2] for s, _ in GAUSS)]
        near = (x - x_new) ** 2 * sum(weight * (1 - s) * b for (s, weight), b in zip(GAUSS, bends[2:], strict=True))
        return self.invariant * np.where(np.ptp(bends, axis=0) < 0.1 * bend, near, y - y_new + price * (x - x_new))

    def _curve(self, x: Array) -> tuple[Array, Array, Array]:
        """Other reserve y, marginal price -y′ and curvature y″ at the reserve x, all for D = 1."""
        a = 2 * self.amplification
        b, c = x + 1 / a - 1, 1 / (4 * a * x)
        root = np.hypot(b, 2 * np.sqrt(c))
        y = np.where(b > 0, 2 * c / (root + abs(b)), (root + abs(b)) / 2)
        g = 1 / (4 * x * y)
        price = (a + g / x) / (a + g / y)
        return y, price, 2 * g * (1 / x**2 - price / (x * y) + (price / y) ** 2) / (a + g / y)

    def _reserve(self, price: Array) -> Array:
        found = find_root(lambda u, p: np.log(self._curve(np.exp(u))[1] / p), (-30.0, 30.0), args=(price,))
        if not np.all(found.success):
            raise ValueError(f"prices reach {price.max():g} and {price.min():g}: too far from 1 for floating point here.")
        return np.exp(found.x)


@dataclass(frozen=True)
class LMSR:
    """Hanson's logarithmic market scoring rule with Ψ(π) = bΣπ ln π - b on prices π that sum to 1 (Hanson 2003).

    Its cash stands in complete sets of shares, each worth 1, so that the holdings -b ln π are its whole position. One
    that opens with nothing at the prices π_0 is AgainstHolding(rule, π_0); it loses b ln(1/π_0) of the outcome at most.

    Parameters
    ----------
    liquidity : float
        b > 0, in units of money. Raises ValueError otherwise.
    """

    liquidity: float

    def __post_init__(self) -> None:
        check.positive("liquidity", self.liquidity)

    def cost(self, sold: ArrayLike) -> Array:
        """b ln Σexp(q/b), what the buyers of q shares, shape (..., n_outcomes), have paid in all, up to its value at 0."""
        return self.liquidity * logsumexp(check.array("sold", sold) / self.liquidity, axis=-1)

    def value(self, prices: Array) -> Array:
        return self.liquidity * (xlogy(self._prices(prices), prices).sum(axis=-1) - 1)

    def holdings(self, prices: Array) -> Array:
        return -self.liquidity * np.log(self._prices(prices))

    def intensity(self, prices: Array) -> Array:
        return np.eye(np.shape(prices)[-1]) * (self.liquidity / self._prices(prices))[..., None]

    def divergence(self, new: Array, old: Array) -> Array:
        move = (self._prices(new) - old) / self._prices(old)
        return self.liquidity * (old * (xlog1py(1 + move, move) - move)).sum(axis=-1)

    def _prices(self, prices: Array) -> Array:
        gap = np.abs(np.sum(_above_zero(prices), axis=-1) - 1).max()
        if gap > 1e-9:
            raise ValueError(f"prices of the outcomes miss the sum 1 by up to {gap:g}: allowed are probabilities.")
        return np.asarray(prices)


@dataclass(frozen=True)
class AgainstHolding:
    """A pool less the reserves it had at the prices `start`: Ψ(p) = D(p | start), displacement = -impermanent loss (§3.3).

    Parameters
    ----------
    pool : Potential
    start : array, shape (n_assets,)
        Prices above 0, at which the two hold the same. Raises ValueError otherwise.
    """

    pool: Potential
    start: ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _above_zero(check.array("start", self.start, ("n_assets",)), name="start"))

    def value(self, prices: Array) -> Array:
        return bregman(self.pool, prices, self.start)

    def holdings(self, prices: Array) -> Array:
        return self.pool.holdings(prices) - self.pool.holdings(self.start)

    def intensity(self, prices: Array) -> Array:
        return self.pool.intensity(prices)

    def divergence(self, new: Array, old: Array) -> Array:
        return bregman(self.pool, new, old)


def numeraire_reserve(pool: Potential, prices: Array) -> Array:
    """Reserve y(p) = V(p) - p·x(p) of the numéraire, shape (...) for prices of shape (..., n_assets) (§3.1).

    Raises ValueError if a price is not above 0.
    """
    prices = _above_zero(prices)
    return -pool.value(prices) - np.vecdot(pool.holdings(prices), prices)


def impermanent_loss(pool: Potential, new: ArrayLike, old: ArrayLike) -> Array:
    """Impermanent loss -D(new | old) as a fraction of what the reserves at `old` are worth at `new` (§3.3).

    Parameters
    ----------
    new, old : array, shape (..., n_assets)
        Prices above 0. Raises ValueError otherwise.

    Examples
    --------
    When the price doubles, a constant-product pool is worth 5.7 % less than its first reserves:

    >>> print(impermanent_loss(ConstantProduct(1.0), [2.0], [1.0]).round(6))
    -0.057191
    """
    new, old = _above_zero(new, name="new"), _above_zero(old, name="old")
    loss = bregman(pool, new, old)
    return -loss / (loss - pool.value(new))


def _above_zero(prices: ArrayLike, n_assets: int | None = None, *, name: str = "prices") -> Array:
    """Prices of shape (..., n_assets), finite and above 0."""
    prices = check.array(name, prices)
    if prices.ndim == 0 or n_assets not in (None, prices.shape[-1]):
        allowed = f"(..., {'n_assets' if n_assets is None else n_assets})"
        raise ValueError(f"{name} have the shape {prices.shape}: allowed is {allowed}, one price on the last axis for each asset.")
    if not (prices.min(initial=1) > 0 and prices.max(initial=1) < np.inf):
        wrong = ~((prices > 0) & (prices < np.inf))
        raise ValueError(f"{name} have {wrong.sum()} entries, as {prices[wrong][0]:g}, that are not finite prices above 0. Likely fix: pass prices, not changes.")
    return prices


def _single(prices: ArrayLike) -> Array:
    return _above_zero(prices, 1)[..., 0]
