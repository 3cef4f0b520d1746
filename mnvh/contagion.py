"""Losses that feed on themselves: hedges and sales that move prices, defaults that cause defaults (chapter 16)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array


def cliff(gain: float, withdrawal: float) -> float:
    """(1 - g)²/(4gκ): the largest shock that move, hedge and impact can absorb; no larger one has a fixed point.

    Parameters
    ----------
    gain : float
        g = λ₀SΓ in (0, 1): the impact, as a share of the move, of rehedging it while liquidity is normal.
    withdrawal : float
        κ > 0: impact grows by the factor 1 + κ|move|.

    Raises
    ------
    ValueError
        If the gain is not inside (0, 1) or the withdrawal not above 0.
    """
    check.positive("gain", check.number("gain", gain, 0, 1, fix="at 1 and above no shock at all is absorbed"))
    check.positive("withdrawal", withdrawal, fix="constant impact has no cliff below g = 1")
    return float((1 - gain) ** 2 / (4 * gain * withdrawal))


def feedback_move(shocks: ArrayLike, gain: float, withdrawal: float) -> Array:
    """Stable root m of m = z + g(1 + κ|m|)m, the move that is left when hedgers short gamma have followed it.

    |m| = 2|z|/((1 - g) + √((1 - g)² - 4gκ|z|)); with κ = 0 it is z/(1 - g) (Frey-Stremme, Math. Finance 1997).

    Parameters
    ----------
    shocks : array, any shape
        z, relative moves before hedging.
    gain : float
        g in (-1, 1), below 0 where hedgers are long gamma.
    withdrawal : float
        κ ≥ 0.

    Returns
    -------
    array, the shape of `shocks`

    Raises
    ------
    ValueError
        If an argument is out of range, a shock lies beyond the cliff, or hedgers long gamma overshoot, |g|(1 + 2κ|m|) ≥ 1:
        then the rounds do not converge.
    """
    shocks = check.array("shocks", shocks)
    _loop(gain, withdrawal)
    inside = (1 - gain) ** 2 - 4 * gain * withdrawal * abs(shocks)
    if (inside < 0).any():
        beyond = f"shocks has {int((inside < 0).sum())} entries beyond the cliff at {cliff(gain, withdrawal):.4g}"
        raise ValueError(f"{beyond}: the rounds do not converge. Likely fix: a lower gain, or feedback_rounds with a halt.")
    moves = 2 * shocks / ((1 - gain) + np.sqrt(inside))
    overshoot = -gain * (1 + 2 * withdrawal * abs(moves)) >= 1
    if overshoot.any():
        fault = f"gain is {gain:g}, and {int(overshoot.sum())} shocks move so far that each round of hedging overshoots the last"
        raise ValueError(f"{fault}: the rounds do not converge. Likely fix: a gain nearer 0, or feedback_rounds with a halt.")
    return moves


def feedback_rounds(shocks: ArrayLike, gain: float, withdrawal: float, *, n_rounds: int, halt: float) -> Array:
    """Move after each round of hedging, m ← z + g(1 + κ|m|)m from m = z; trading stops at a move of ±halt.

    Parameters
    ----------
    shocks, gain, withdrawal
        As in `feedback_move`.
    n_rounds : int
    halt : float
        Above 0; what a circuit breaker allows.

    Returns
    -------
    array, shape (n_rounds + 1, ...)

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    shocks = check.array("shocks", shocks)
    _loop(gain, withdrawal)
    check.positive("halt", halt, fix="a halt at 20 % is 0.2")
    moves = [np.clip(shocks, -halt, halt)]
    for _ in range(check.integer("n_rounds", n_rounds, 1)):
        moves.append(np.clip(shocks + gain * (1 + withdrawal * abs(moves[-1])) * moves[-1], -halt, halt))
    return np.array(moves)


def clearing(
    liabilities: ArrayLike, total_liabilities: ArrayLike, external_assets: ArrayLike, *, recovery: float = 1.0
) -> Array:
    """Greatest clearing payments (Eisenberg-Noe, Management Science 2001), with costs of default (Rogers-Veraart 2013).

    Member i pays p̄_i if it can, and otherwise shares α(e_i + Σ_j p_j L_ji/p̄_j) among its creditors in proportion. Found
    by fictitious default: a linear system for each set of members in default, which only grows.

    Parameters
    ----------
    liabilities : array, shape (n, n)
        L_ij, what i owes to member j: of j's assets, the claims on i. The diagonal is 0.
    total_liabilities : array, shape (n,)
        p̄_i, to members and to creditors outside.
    external_assets : array, shape (n,) or (n_scenarios, n)
        e_i ≥ 0.
    recovery : float
        α in [0, 1], the share of a defaulting member's assets that its creditors get; 1 without costs of default.

    Returns
    -------
    array, the shape of `external_assets`
        What each member pays in all.

    Raises
    ------
    ValueError
        If an entry is negative, a shape differs, a member owes itself, or the liabilities do not balance: a total
        below what is owed to members.

    Examples
    --------
    Two members, of which the first owes 2 and has 1:

    >>> clearing([[0, 2], [0, 0]], [2, 1.5], [1.0, 1.0])
    array([1. , 1.5])
    """
    total = check.array("total_liabilities", total_liabilities, ("n",))
    n = len(total)
    owed = check.array("liabilities", liabilities, (n, n))
    assets = check.array("external_assets", external_assets, (n,) if np.ndim(external_assets) == 1 else ("n_scenarios", n))
    check.number("external_assets", float(assets.min()), 0, fix="what is owed outside belongs into total_liabilities")
    check.number("liabilities", float(owed.min()), 0, fix="the other direction has an entry of its own")
    check.number("recovery", recovery, 0, 1)
    if np.diag(owed).any():
        raise ValueError(f"liabilities has {np.diag(owed).tolist()} on its diagonal: allowed is 0, nobody owes itself.")
    missing = owed.sum(axis=1) - total
    if (missing > 1e-12 * total.max()).any():
        i = int(missing.argmax())
        fault = f"does not balance: member {i} owes {owed[i].sum():g} to members and {total[i]:g} in all"
        raise ValueError(f"total_liabilities {fault}. Likely fix: L[i, j] is what i owes to j; transpose claims.")
    shares = np.divide(owed, total[:, None], out=np.zeros_like(owed), where=total[:, None] > 0)
    default, paid = np.zeros(assets.shape, bool), np.broadcast_to(total, assets.shape)
    for _ in range(n):
        default = default | (assets + paid @ shares < total * (1 - 1e-13))
        system = np.eye(n) - recovery * default[..., None] * shares.T
        paid = np.linalg.solve(system, np.where(default, recovery * assets, total)[..., None])[..., 0]
    return np.maximum(paid, 0)


def fire_sale_response(holdings: ArrayLike, depth: ArrayLike, leverage: float) -> Array:
    """M = (I - B)⁻¹ of r = z + Br, B = (ℓ - 1) h h'/(A·depth): returns with a fund that keeps its leverage ℓ (ch. 16).

    A return r moves assets and equity by h'r. To be back at ℓ the fund trades (ℓ - 1)h'r, in proportion to its
    holdings h of worth A, and each trade moves its asset by trade/depth. Cont-Wagalath (Math. Finance 2013) have
    sales over time; this is their feedback within one step.

    Parameters
    ----------
    holdings : array, shape (n,)
        h, in money, with a sum A above 0.
    depth : array, shape (n,)
        Money that moves each price by its whole, to first order.
    leverage : float
        ℓ = assets/equity, at least 1.

    Returns
    -------
    array, shape (n, n)
        M; returns with covariance Σ before the fund trades have MΣM' after.

    Raises
    ------
    ValueError
        If an argument is out of range, or the gain Σ_i B_ii is 1 or more: then the sales do not converge.

    Examples
    --------
    >>> fire_sale_response([1.0, 1.0], [5.0, 5.0], 3.0)
    array([[1.33333333, 0.33333333],
           [0.33333333, 1.33333333]])
    """
    holdings = check.array("holdings", holdings, ("n",))
    depth = check.array("depth", depth, holdings.shape)
    check.positive("depth", float(depth.min()))
    check.positive("holdings", float(holdings.sum()), fix="their sum is the fund's assets; a short book has other rules")
    check.number("leverage", leverage, 1, fix="assets over equity")
    response = (leverage - 1) * np.outer(holdings / depth, holdings) / holdings.sum()
    if (gain := np.trace(response)) >= 1:
        raise ValueError(f"leverage is {leverage:g}: sales do not converge. Allowed is below {1 + (leverage - 1) / gain:.3g} here.")
    return np.eye(len(holdings)) + response / (1 - gain)


def _loop(gain: float, withdrawal: float) -> None:
    check.number("gain", gain, -0.9999, 0.9999, fix="at 1 and beyond the rounds do not converge, whatever the shock")
    check.number("withdrawal", withdrawal, 0)
