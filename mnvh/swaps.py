"""Amounts that a swap takes out of a pool, as the contracts compute them (chapter 3).

Reserves are those before the swap; x comes in, y goes out, and the fee is taken from what comes in.
"""

from __future__ import annotations

import numpy as np

from mnvh import check


def uniswap_v2_out(amount_in: int, reserve_in: int, reserve_out: int) -> int:
    """Amount out of Uniswap v2, fee 0.3 %, to the last digit: ⌊997a·y / (1000x + 997a)⌋ (Adams et al. 2020).

    Parameters
    ----------
    amount_in, reserve_in, reserve_out : int
        In the smallest units of the tokens, at least 1. Raises ValueError otherwise.

    Examples
    --------
    >>> uniswap_v2_out(10**18, 5 * 10**18, 10 * 10**18)
    1662497915624478906
    """
    paid = 997 * check.integer("amount_in", amount_in, 1)
    x, y = check.integer("reserve_in", reserve_in, 1), check.integer("reserve_out", reserve_out, 1)
    return paid * y // (1000 * x + paid)


def uniswap_v2_in(amount_out: int, reserve_in: int, reserve_out: int) -> int:
    """Amount that Uniswap v2 asks for an amount out, ⌊1000x·o / (997(y - o))⌋ + 1 (Adams et al. 2020).

    Parameters
    ----------
    amount_out, reserve_in, reserve_out : int
        As in `uniswap_v2_out`; the pool can pay out less than its reserve. Raises ValueError otherwise.

    Examples
    --------
    >>> uniswap_v2_in(1, 100, 100)
    2
    """
    x, y = check.integer("reserve_in", reserve_in, 1), check.integer("reserve_out", reserve_out, 2)
    out = check.integer("amount_out", amount_out, 1, y - 1, fix="a pool never pays out its whole reserve")
    return 1000 * x * out // (997 * (y - out)) + 1


def weighted_out(
    amount_in: float, reserve_in: float, reserve_out: float, *,
    weight_in: float, weight_out: float, fee_bps: float = 0,
) -> float:  # fmt: skip
    """Amount out of a weighted pool, y(1 - (x/(x + (1-f)a))^{w_x/w_y}) (Martinelli and Mushegian 2019).

    Parameters
    ----------
    weight_in, weight_out : float
        Weights of the two tokens, above 0; only their ratio counts.
    fee_bps : float
        f, in basis points.

    Raises ValueError if an amount, a reserve or a weight is not above 0, or the fee is out of range.

    Examples
    --------
    >>> print(round(weighted_out(2.0, 4.0, 12.0, weight_in=0.5, weight_out=0.5, fee_bps=10), 12))
    3.997332444148
    """
    paid = _after_fee(amount_in, fee_bps)
    ratio = check.positive("weight_in", weight_in) / check.positive("weight_out", weight_out)
    moved = np.log1p(paid / check.positive("reserve_in", reserve_in))
    return float(-check.positive("reserve_out", reserve_out) * np.expm1(-ratio * moved))


def stableswap_out(
    amount_in: float, reserve_in: float, reserve_out: float, *, amplification: float, fee_bps: float = 0
) -> float:
    """Amount out of a StableSwap pool of two coins, from 2A(x + y) + D = 2AD + D³/(4xy) (Egorov 2019).

    The invariant D solves a cubic and the amount out a quadratic; both roots are taken in a form free of cancellation.

    Parameters
    ----------
    amplification : float
        A ≥ 0.5 as in the contracts, twice the white paper's.
    fee_bps : float
        In basis points, taken from the amount in, as Balancer does.

    Raises ValueError if an amount or a reserve is not above 0, or A or the fee is out of range.

    Examples
    --------
    >>> print(round(stableswap_out(10.0, 1000.0, 1000.0, amplification=100), 6))
    9.99901
    """
    paid = _after_fee(amount_in, fee_bps)
    x, y = check.positive("reserve_in", reserve_in), check.positive("reserve_out", reserve_out)
    a = 2 * check.number("amplification", amplification, 0.5)
    root = np.sqrt(4 * x * y * (a - 1) / 3)
    d = 2 * root * np.sinh(np.arcsinh(2 * x * y * a * (x + y) / root**3) / 3) if a > 1 else (4 * x * y * (x + y)) ** (1 / 3)
    c = d**3 / (4 * a * x)
    half = y + (x + paid + d / a - d) / 2
    product = paid * (y + c / (x + paid))
    return float(product / (half + np.sqrt(half**2 - product)))


def _after_fee(amount_in: float, fee_bps: float) -> float:
    return check.positive("amount_in", amount_in) * (1 - check.bps("fee_bps", fee_bps) / 10_000)
