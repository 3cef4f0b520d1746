"""Realised variance as a token: a strip of options and a hedge that replicate it (chapter 16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import make_interp_spline

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import follow


@dataclass(frozen=True)
class LogContract:
    """Hedge leg of a log contract, 2/p units, as a potential: Ψ_t(p) = -2 ln p - σ²t (Neuberger 1994).

    Parameters
    ----------
    volatility : float
        σ at which the contract is valued, per √year: its square is the rate of the carry. Times are in years.

    Raises ValueError if the volatility, or a price, is not above 0.
    """

    volatility: float

    def __post_init__(self) -> None:
        check.number("volatility", check.positive("volatility", self.volatility), 0, 10, fix="for 20 % pass 0.2")

    def value(self, prices: Array, time: Array) -> Array:
        return -2 * np.log(prices[..., 0]) - self.volatility**2 * np.asarray(time)

    def holdings(self, prices: Array, time: Array) -> Array:
        check.positive("prices", float(np.min(prices)), fix="logarithms are taken: pass prices, not changes")
        return 2 / prices

    def intensity(self, prices: Array, time: Array) -> Array:
        return (2 / prices**2)[..., None]


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
