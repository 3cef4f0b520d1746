"""Harvesters who meet: impact that grows with everyone's intensity, and a flow that is shared (chapter 9).

*Endogenous liquidity.* Others take the other side along a line of slope λ, so that a price with the fundamental f is
p - m = (f - m) + λq. Harvesters hold q = -K(p - m) together, hence p - m = (f - m)/(1 + λK): all that they harvest is
scaled by 1/(1 + λK)².

*A shared flow.* A resting order of size k beside K - k of others is filled with probability e^{-bK}, as in
`mnvh.frictions.saturated_value`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import lambertw

from mnvh import check
from mnvh.check import Array


def crowded_rate(intensity: ArrayLike, *, rate: float, impact: float) -> Array:
    """½KR/(1 + λK)², what harvesters of a price that reverts earn together per step before charges (§9).

    It is largest at λK = 1, beyond which undamped reactions to their own impact do not converge.

    Parameters
    ----------
    intensity : array
        K ≥ 0 of all together.
    rate : float
        R > 0, variance of a fundamental's step; the price comes back, so the displacement is paid at r = 0.
    impact : float
        λ ≥ 0, price per unit of asset.

    Raises ValueError if an argument is out of range.
    """
    intensity = check.array("intensity", intensity)
    check.number("intensity", float(intensity.min()), 0)
    check.positive("rate", rate)
    return intensity * rate / 2 / (1 + check.number("impact", impact, 0) * intensity) ** 2


def crowded_intensity(n: int, *, rate: float, impact: float, charge: float) -> float:
    """Total K of n harvesters in Nash equilibrium, each maximising k[½R/(1 + λK)² - m] (§9).

    The condition is ½R[1 + λK(1 - 2/n)]/(1 + λK)³ = m; one alone is the joint optimum, for two 1 + λK = (R/2m)^{1/3}. Without
    a charge the best answer to x of others is x + 1/λ: no two or more answer each other, and in turn they grow without end.

    Parameters
    ----------
    n : int
    rate, impact : float
        R and λ above 0, as in `crowded_rate`.
    charge : float
        m > 0, capital or inventory charge per unit of K and step; at ½R and above nobody harvests, K = 0.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> crowded_intensity(2, rate=2.0, impact=1.0, charge=0.125)
    1.0
    """
    n = check.integer("n", n, 1)
    half, impact = check.positive("rate", rate) / 2, check.positive("impact", impact)
    check.positive("charge", charge, fix="without a charge only one harvester has an optimum, 1/impact")
    if charge >= half:
        return 0.0
    most = np.sqrt(half / charge)  # 1 + λK of free entry, where nothing is left
    gain = brentq(lambda g: half * (1 + (g - 1) * (1 - 2 / n)) - charge * g**3, 1, most, xtol=1e-14)
    return float(gain - 1) / impact


def shared_intensity(n: int, *, harvest: float, decay: float, cost: float) -> float:
    """Total K of n harvesters in Nash equilibrium, each maximising k(h e^{-bK} - c): [n - W(n eⁿ c/h)]/b (§9).

    Lambert's W; n = 1, the joint optimum, is `frictions.saturated_intensity`; with n the total rises to the break-even
    ln(h/c)/b, where nothing is left.

    Parameters
    ----------
    n : int
    harvest, decay, cost : float
        h > 0 per unit filled, b > 0, and c > 0 per unit ordered; at h and above nobody harvests, K = 0.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> [round(shared_intensity(n, harvest=2.0, decay=3.0, cost=0.2), 7) for n in (1, 2)]
    [0.2605069, 0.426797]
    """
    n = check.integer("n", n, 1, 500, fix="for more it is the break-even, ln(harvest/cost)/decay")
    odds = check.positive("cost", cost) / check.positive("harvest", harvest)
    check.positive("decay", decay)
    return max(0.0, float(n - lambertw(n * np.exp(n) * odds).real) / decay)
