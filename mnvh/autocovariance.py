"""Autocovariances of the increments that `mnvh.paths` simulates, by the same names (chapter 2).

Each returns Γ_j = E[Δp_{t+j}Δp_t'] for j = 0 … n_lags - 1, shape (n_lags, n_assets, n_assets), price units
squared: what `functional.grid_pnl_from_autocovariance` turns into the expected P&L of a grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array


def autoregressive(coefficient: ArrayLike, covariance: ArrayLike, n_lags: int) -> Array:
    """Γ_j = A^j Σ of stationary increments Δp_t = A Δp_{t-1} + ε_t.

    Parameters
    ----------
    coefficient : float, or array of shape (n_assets, n_assets)
        A, spectral radius below 1; a number ρ stands for ρ times the identity.
    covariance : array, shape (n_assets, n_assets)
        Σ, of the increments (that of the innovations ε is Σ - AΣA').
    n_lags : int
        At least 1; a grid over T steps uses T of them.

    Raises
    ------
    ValueError
        If A is not stable, no stationary process has this A and this Σ, or there is no lag.

    Examples
    --------
    >>> autoregressive(-0.5, [[1.0]], 3).ravel().tolist()
    [1.0, -0.5, 0.25]
    """
    matrix, covariance, _ = check.autoregression("coefficient", coefficient, "covariance", covariance)
    lags = [covariance]
    for _ in range(check.integer("n_lags", n_lags, 1) - 1):
        lags.append(matrix @ lags[-1])
    return np.array(lags)


def autoregressive_variance_ratio(coefficient: float, horizon: int) -> float:
    """VR(T) = 1 + 2Σ_{0<j<T} (1 - j/T)ρ^j of one asset with the autocovariances of `autoregressive` (eq. ratio, chapter 2).

    Parameters
    ----------
    coefficient : float
        ρ in [-1, 1].
    horizon : int
        T ≥ 1, in steps.

    Raises
    ------
    ValueError
        If ρ is outside [-1, 1], or there is no step.

    Examples
    --------
    >>> autoregressive_variance_ratio(-0.5, 2), autoregressive_variance_ratio(0.0, 50)
    (0.5, 1.0)
    """
    coefficient = check.number("coefficient", coefficient, -1, 1)
    return _variance_ratio(coefficient, check.integer("horizon", horizon, 1))


def ornstein_uhlenbeck(persistence: float, stationary_covariance: ArrayLike, n_lags: int) -> Array:
    """Γ_0 = 2(1-φ)V and Γ_j = -φ^{j-1}(1-φ)²V of the increments of prices p' - m = φ(p - m) + ε, started stationary.

    A grid about the first price earns `functional.grid_pnl_from_autocovariance` of these. One about the mean m, which
    starts with -K(p_0 - m), has no displacement on average and earns T·`functional.net_rate`(K, Γ_0, 0).

    Parameters
    ----------
    persistence : float
        φ in [0, 1).
    stationary_covariance : array, shape (n_assets, n_assets)
        V, of the *prices* in the long run.
    n_lags : int
        At least 1; a grid over T steps uses T of them.

    Raises
    ------
    ValueError
        If φ is outside [0, 1), V is not symmetric positive semidefinite, or there is no lag.
    """
    check.persistence("persistence", persistence)
    covariance = check.semidefinite("stationary_covariance", stationary_covariance)
    later = -((1 - persistence) ** 2) * float(persistence) ** np.arange(check.integer("n_lags", n_lags, 1) - 1)
    return np.array([2 * (1 - persistence), *later])[:, None, None] * covariance


def roll(covariance: ArrayLike, half_spread: float) -> Array:
    """Γ_0 = Σ + 2c²I and Γ_1 = -c²I, all that are not zero, of trades at mid ± c; shape (2, n_assets, n_assets).

    Parameters
    ----------
    covariance : array, shape (n_assets, n_assets)
        Σ, of the mid's increments.
    half_spread : float
        c ≥ 0, price units.

    Raises
    ------
    ValueError
        If Σ is not symmetric positive semidefinite or the half-spread is negative.
    """
    covariance = check.semidefinite("covariance", covariance)
    bounce = check.number("half_spread", half_spread, 0) ** 2 * np.eye(len(covariance))
    return np.array([covariance + 2 * bounce, -bounce])


# The formula by itself, in plain numbers: `mnvh.book.explore` compiles it too.
def _variance_ratio(coefficient: float, horizon: int) -> float:
    total, power = 0.0, 1.0
    for lag in range(1, horizon):
        power *= coefficient
        total += (horizon - lag) * power
    return 1 + 2 * total / horizon
