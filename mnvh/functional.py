"""The paper's functional Tr(KΣ), what it earns, and its maximisation (chapter 2).

Tr(KΣ) is the gross harvest: cash released against old marks, not a P&L. What a step earns depends on the
fill, -(1-θ)Tr(KΣ); what a path earns on the autocovariances of the prices, ½T·Tr(KΣ)(1 - VR).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from mnvh import check
from mnvh.check import Array
from mnvh.neutrality import projector

_UNBOUNDED = (
    "trace_capacity, spectral_capacity and inventory_aversion are all missing: allowed is at least one of them while "
    "the edge exceeds the cost, because both are linear in K."
)


def gross_harvest(intensity: ArrayLike, covariance: ArrayLike) -> float:
    """Tr(KΣ) per step, in units of money (Definition 1).

    Parameters
    ----------
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite, units of asset per unit of price.
    covariance : array, shape (n_assets, n_assets)
        Σ = E[ΔpΔp'] per step, symmetric positive semidefinite, price units squared.

    Raises
    ------
    ValueError
        If K or Σ is not symmetric positive semidefinite, or they differ in shape.

    Examples
    --------
    >>> gross_harvest([[2.0]], [[0.5]])
    1.0
    """
    intensity = check.semidefinite("intensity", intensity)
    return float(np.vdot(intensity, check.semidefinite("covariance", covariance, len(intensity))))


def expected_step_pnl(intensity: ArrayLike, covariance: ArrayLike, fill: float) -> float:
    """-(1-θ)Tr(KΣ), the expected P&L of a step for driftless prices and fills at p + θΔp (theory of chapter 2).

    Parameters
    ----------
    intensity, covariance : array, shape (n_assets, n_assets)
        As in `gross_harvest`.
    fill : float
        θ in [0, 2]; 2, selling a whole move above the new price, is what the paper's +Tr(KΣ) needs.

    Raises
    ------
    ValueError
        As in `gross_harvest`; or if θ is outside [0, 2].
    """
    return -(1 - check.number("fill", fill, 0, 2)) * gross_harvest(intensity, covariance)


def net_rate(intensity: ArrayLike, realised: ArrayLike, reference: ArrayLike) -> float:
    """½Tr(K(R - r)), the repaired functional: expected P&L per step of the insured grid (§7.3 with its ½).

    Parameters
    ----------
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite.
    realised, reference : array, shape (n_assets, n_assets)
        R, the realised (co)variance per step, and r, the rate at which the displacement or its insurance is
        paid: implied variance, or the long-horizon variance rate, which is 0 for stationary prices.

    Raises
    ------
    ValueError
        If K, R or r is not symmetric positive semidefinite, or they differ in shape.
    """
    intensity = check.semidefinite("intensity", intensity)
    realised = check.semidefinite("realised", realised, len(intensity))
    return float(np.vdot(intensity, realised - check.semidefinite("reference", reference, len(intensity)))) / 2


def variance_ratio(increments: ArrayLike, intensity: ArrayLike, *, horizon: int) -> tuple[float, float]:
    """K-weighted variance ratio of price increments that have no drift (theory of chapter 2).

    The increments are driftless by assumption: no mean is subtracted, so a drift counts as displacement. All
    windows of `horizon` steps are averaged, path by path; one long path is cut into pieces beforehand, as in
    increments.reshape(n_pieces, -1, n_assets), which takes the pieces for independent.

    Parameters
    ----------
    increments : array, shape (n_paths, n_steps, n_assets)
        Price changes per step, in price units; two paths or more, independent of each other.
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite, units of asset per unit of price.
    horizon : int
        Number of steps the displacement spans, 1 ≤ horizon ≤ n_steps.

    Returns
    -------
    ratio, stderr : float
        E[d'Kd] / (horizon · E[Δp'KΔp]) for the displacement d, and its standard error over paths, to first order
        (delta method). Below one the grid earns, above one it pays, at one it is a martingale's.

    Raises
    ------
    ValueError
        If an increment is not finite, all look like prices, K is not symmetric positive semidefinite or trades
        nothing here, there is one path only, or the horizon is outside the data.

    Examples
    --------
    Moves that all come back, and moves that all go on, on two paths:

    >>> variance_ratio([[[1.0], [-1.0]], [[1.0], [1.0]]], [[1.0]], horizon=2)
    (1.0, 1.0)
    """
    increments = check.changes("increments", increments, ("n_paths", "n_steps", "n_assets"))
    if len(increments) < 2:
        raise ValueError(
            "increments has one path: allowed are two or more, for a standard error. "
            "Likely fix: cut it into pieces, increments.reshape(n_pieces, -1, n_assets)."
        )
    intensity = check.semidefinite("intensity", intensity, increments.shape[2])
    horizon = check.integer("horizon", horizon, 1, increments.shape[1])
    below = np.empty(len(increments))
    above = np.empty(len(increments))
    for block in np.array_split(np.arange(len(increments)), 1 + increments.size // 2**20):  # memory: a block's
        steps = increments[block]
        sums = np.cumsum(np.concatenate([np.zeros_like(steps[:, :1]), steps], axis=1), axis=1)
        moves = sums[:, horizon:] - sums[:, :-horizon]
        above[block] = np.vecdot(moves @ intensity, moves).mean(axis=1)
        below[block] = np.vecdot(steps @ intensity, steps).mean(axis=1) * horizon
    if not below.mean() > 0:
        raise ValueError("intensity trades nothing on these increments: allowed is a K with Tr(KΣ) above 0.")
    ratio = above.mean() / below.mean()
    stderr = np.std(above - ratio * below, ddof=1) / below.mean() / np.sqrt(len(below))
    return float(ratio), float(stderr)


def grid_pnl_from_autocovariance(intensity: ArrayLike, autocovariances: ArrayLike, n_steps: int) -> float:
    """-Σ_{s<t} Tr(KΓ_{t-s}), the expected P&L of a grid over n_steps of stationary increments (theory of chapter 2).

    The grid starts flat, or with holdings that the increments do not depend on, and fills at the post-move
    price; the increments have mean zero. It equals ½T·Tr(KΓ_0)(1 - VR_K(T)).

    Parameters
    ----------
    intensity : array, shape (n_assets, n_assets)
        K, symmetric positive semidefinite.
    autocovariances : array, shape (n_lags, n_assets, n_assets)
        Γ_j = E[Δp_{t+j}Δp_t'] at index j, Γ_0 first, as from `mnvh.autocovariance`; longer lags count as zero.
    n_steps : int
        T.

    Raises
    ------
    ValueError
        If an entry is not finite, K or Γ_0 is not symmetric positive semidefinite, or T is below 1.

    Examples
    --------
    Autoregressive increments of variance 1 and coefficient -0.3 over 50 steps:

    >>> from mnvh import autocovariance
    >>> lags = autocovariance.autoregressive(-0.3, [[1.0]], 50)
    >>> round(grid_pnl_from_autocovariance([[1.0]], lags, 50), 3)
    11.361
    """
    intensity = check.semidefinite("intensity", intensity)
    lags = check.array("autocovariances", autocovariances, ("n_lags", *intensity.shape))
    check.semidefinite("autocovariances[0]", lags[0])
    n_steps = check.integer("n_steps", n_steps, 1)
    count = np.arange(n_steps, 0, -1)[1 : len(lags)]
    return 0.0 - float(count @ np.tensordot(lags[1 : len(count) + 1], intensity))


def optimal_intensity(
    covariance: ArrayLike, *,
    edge: float, trace_capacity: float | None = None, spectral_capacity: float | None = None,
    inventory_aversion: float = 0.0, horizon: int = 1, costs: ArrayLike | None = None,
    exposures: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """Definition 1 as a convex program: the K ⪰ 0, BK = 0 that maximises the step's edge less inventory and cost.

    Maximises edge·Tr(KΣ) - λ·½T·Tr(KΣK) - √(2/π)·Σ_i c_i√(KΣK)_ii. The second term is λ times E|q|² of a grid that
    starts flat, averaged over the dates 0 … T of a random walk (§4.2); the third the cost of E|Δq| for Gaussian moves.

    Parameters
    ----------
    covariance : array, shape (n_assets, n_assets)
        Σ per step.
    edge : float
        Expected P&L per unit of Tr(KΣ): 1 as printed, -(1-θ) by fills, ½(1-VR) for the repaired functional.
        K = 0 is optimal at 0 and below.
    trace_capacity, spectral_capacity : float, optional
        Largest Tr K, and largest eigenvalue of K.
    inventory_aversion : float
        λ ≥ 0, money per step and squared unit of asset.
    horizon : int
        T ≥ 1, in steps.
    costs : array, shape (n_assets,), optional
        c ≥ 0, one-way, money per unit of asset traded.
    exposures : array, shape (k, n_assets), optional
        B of full row rank.

    Returns
    -------
    array, shape (n_assets, n_assets)
        K, units of asset per unit of price.

    Raises
    ------
    ValueError
        If an argument is out of range, or neither a capacity nor λ > 0 bounds a program whose edge exceeds its cost:
        harvest and proportional cost are both linear in K.
    RuntimeError
        If the solver fails.
    """
    covariance, free, costs, limits = _program(
        covariance, edge, trace_capacity, spectral_capacity, inventory_aversion, horizon, costs, exposures
    )
    variance = float(np.linalg.eigvalsh(covariance)[-1])
    if edge <= 0 or free.shape[1] == 0 or variance <= 0:
        return np.zeros(covariance.shape)
    import cvxpy as cp  # its import takes seconds

    scale = min(limits, default=1.0)  # K in units of its tightest bound, Σ of its largest eigenvalue
    values, vectors = np.linalg.eigh(covariance / variance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    matrix = cp.Variable((free.shape[1],) * 2, PSD=True)
    value = cp.trace(matrix @ (free.T @ (covariance / variance) @ free))
    value -= inventory_aversion * horizon * scale / (2 * edge) * cp.sum_squares(root @ free @ matrix)
    value -= np.sqrt(2 / np.pi / variance) / edge * costs @ cp.norm(free @ matrix @ free.T @ root, axis=1)
    bounds = [cp.trace(matrix) <= 1] if not limits else []
    bounds += [] if trace_capacity is None else [cp.trace(matrix) <= trace_capacity / scale]
    bounds += [] if spectral_capacity is None else [cp.lambda_max(matrix) <= spectral_capacity / scale]
    problem = cp.Problem(cp.Maximize(value), bounds)
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise RuntimeError(f"Clarabel ends with {problem.status!r}: try covariances and costs of one scale.")
    if not limits and problem.value > 1e-7:
        raise ValueError(_UNBOUNDED)
    values, vectors = np.linalg.eigh(matrix.value)
    if not limits or values[-1] < 1e-6:  # nothing, to the solver's accuracy
        return np.zeros(covariance.shape)
    half = free @ vectors * np.sqrt(scale * values.clip(0))
    return half @ half.T


def water_filling_intensity(
    covariance: ArrayLike, *,
    edge: float, trace_capacity: float | None = None, spectral_capacity: float | None = None,
    inventory_aversion: float = 0.0, horizon: int = 1, costs: ArrayLike | None = None,
    exposures: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """The optimum of `optimal_intensity` in closed form, without costs or for a diagonal Σ without exposures.

    Flipping the sign of an eigenvector of Σ changes no term, and the program is concave: an optimum shares the
    eigenvectors (within Bq = 0), and with variances s_i and gains g_i = edge·s_i - c_i√(2s_i/π) its eigenvalues are
    k_i = min(κ, max(0, g_i - ν)/(λT s_i)), where ν ≥ 0 is the price of the trace. At λ = 0 the capacity goes to the
    largest gains in turn: a trace alone is K = capacity·vv' for the first eigenvector v, rank one.

    Parameters, result and errors are those of `optimal_intensity`.

    Raises
    ------
    ValueError
        Also if there are costs and Σ is not diagonal, or exposures.
    """
    covariance, free, costs, limits = _program(
        covariance, edge, trace_capacity, spectral_capacity, inventory_aversion, horizon, costs, exposures
    )
    diagonal = exposures is None and not (covariance - np.diag(np.diag(covariance))).any()
    if costs.any() and not diagonal:
        raise ValueError("costs have a closed form only for a diagonal covariance without exposures: use optimal_intensity.")
    if diagonal:
        variances, vectors = np.diag(covariance).copy(), np.eye(len(covariance))
    else:
        variances, vectors = np.linalg.eigh(free.T @ covariance @ free)
        vectors = free @ vectors
    variances = np.where(variances > 1e-14 * variances.max(initial=0.0), variances, 0.0)
    gains = (edge * variances - costs[: len(variances)] * np.sqrt(2 * variances / np.pi)).clip(0)
    if not gains.any():
        return np.zeros(covariance.shape)
    if not limits:
        raise ValueError(_UNBOUNDED)
    most = np.inf if spectral_capacity is None else spectral_capacity
    total = np.inf if trace_capacity is None else trace_capacity
    if inventory_aversion > 0:
        unit = inventory_aversion * horizon * np.where(gains > 0, variances, 1.0) / gains.max()

        def filled(level: float) -> Array:
            return ((gains / gains.max() - level).clip(0) / unit).clip(max=most)

        sizes = filled(0.0)
        if sizes.sum() > total:
            sizes = filled(brentq(lambda level: filled(level).sum() - total, 0, 1, xtol=1e-15))
    else:
        order = np.argsort(-gains)
        sizes = np.empty(len(gains))
        sizes[order] = np.clip(total - np.cumsum([0, *[most] * (len(gains) - 1)]), 0, most)
        sizes[gains == 0] = 0
    return (vectors * sizes) @ vectors.T


def _program(
    covariance: ArrayLike, edge: float, trace: float | None, spectral: float | None,
    aversion: float, horizon: int, costs: ArrayLike | None, exposures: ArrayLike | None,
) -> tuple[Array, Array, Array, list[float]]:  # fmt: skip
    """Checked Σ, an orthonormal basis of the holdings with Bq = 0, costs, and the sizes of K that bound the program."""
    covariance = check.semidefinite("covariance", covariance)
    n = len(covariance)
    check.number("edge", edge)
    limits = [
        check.positive(name, limit, fix="leave it out for no limit")
        for name, limit in (("trace_capacity", trace), ("spectral_capacity", spectral))
        if limit is not None
    ]
    check.number("inventory_aversion", aversion, 0)
    check.integer("horizon", horizon, 1)
    if edge > 0 and aversion > 0:
        limits.append(edge / (aversion * horizon))
    costs = check.array("costs", np.zeros(n) if costs is None else costs, (n,), fix="one cost for each asset")
    check.number("costs", float(costs.min()), 0, fix="a cost is above 0; a rebate belongs to the edge")
    if exposures is None:
        return covariance, np.eye(n), costs, limits
    values, vectors = np.linalg.eigh(projector(check.array("exposures", exposures, ("k", n))))
    return covariance, vectors[:, values > 0.5], costs, limits
