"""Simulated prices (chapter 2).

Every generator takes a NumPy Generator, the number of paths and the number of steps, and returns prices of
shape (n_paths, n_steps + 1, n_assets) that include the start. In all of them

- parameters are per step, and `covariance` is Σ of the increments (of ln p where prices are products), shape
  (n_assets, n_assets), not of some innovation behind them; it may be singular;
- `start`, shape (n_assets,), holds the prices at the first date: zeros by default for sums, ones for products.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array

Start = ArrayLike | None


def gaussian(rng: Generator, n_paths: int, n_steps: int, *, covariance: ArrayLike, start: Start = None) -> Array:
    """Prices with independent driftless increments Δp ~ N(0, Σ) (§8).

    Raises ValueError if `rng` is no Generator, a size is below 1, Σ is not symmetric positive semidefinite, or `start` does not fit.

    Examples
    --------
    >>> gaussian(np.random.default_rng(1), 5, 10, covariance=[[1.0]], start=[100.0]).shape
    (5, 11, 1)
    """
    return autoregressive(rng, n_paths, n_steps, coefficient=0.0, covariance=covariance, start=start)


def autoregressive(rng: Generator, n_paths: int, n_steps: int, *, coefficient: ArrayLike, covariance: ArrayLike, start: Start = None) -> Array:
    """Prices with stationary increments Δp_t = A Δp_{t-1} + ε_t, the first from the stationary law N(0, Σ) (§2.5).

    Parameters
    ----------
    coefficient : float, or array of shape (n_assets, n_assets)
        A, spectral radius below 1; a number ρ stands for ρ times the identity. ε has covariance Σ - AΣA'.

    Raises ValueError as `gaussian`, and if A is not stable, or no stationary process has this A and this Σ.
    """
    matrix, covariance, innovation = check.autoregression("coefficient", coefficient, "covariance", covariance)
    first, later = _root(covariance), _root(innovation)
    start = _start(start, len(matrix), 0.0)
    prices = _empty(rng, n_paths, n_steps, len(matrix))
    for block in _blocks(prices):
        rng.standard_normal(out=block)
        opening = block[:, 0] @ first
        _correlate(block, later)
        block[:, 0], block[:, 1] = start, opening
        if np.ndim(coefficient) > 0:
            _vector_recursion(block, matrix)
        _recursion(block, matrix[0, 0] if np.ndim(coefficient) == 0 else 0.0, True)
    return prices


def ornstein_uhlenbeck(
    rng: Generator, n_paths: int, n_steps: int, *,
    persistence: float, stationary_covariance: ArrayLike, mean: Start = None, start: Start = None,
) -> Array:  # fmt: skip
    """Prices of an Ornstein-Uhlenbeck process at whole steps, exact in law: p' - m = φ(p - m) + N(0, (1 - φ²)V) (§7).

    Parameters
    ----------
    persistence : float
        φ = exp(-rate · step) in [0, 1).
    stationary_covariance : array, shape (n_assets, n_assets)
        V, of the *prices* in the long run; their increments have 2(1 - φ)V.
    mean : array, shape (n_assets,), optional
        m; zeros by default.
    start : array, shape (n_assets,), optional
        By default each path draws its own from the stationary law N(m, V).

    Raises ValueError as `gaussian`, and if φ is outside [0, 1).
    """
    check.persistence("persistence", persistence)
    root = _root(check.semidefinite("stationary_covariance", stationary_covariance))
    mean = _start(mean, len(root), 0.0, name="mean")
    start = None if start is None else _start(start, len(root), 0.0)
    prices = _empty(rng, n_paths, n_steps, len(root))
    for block in _blocks(prices):
        rng.standard_normal(out=block)
        _correlate(block, root)
        block[:, 1:] *= np.sqrt(1 - persistence**2)
        if start is not None:
            block[:, 0] = start - mean
        _recursion(block, persistence, False)
        block += _rows(mean, block)
    return prices


def roll(rng: Generator, n_paths: int, n_steps: int, *, covariance: ArrayLike, half_spread: float, start: Start = None) -> Array:
    """Trades at bid or ask, mid ± c with equal chances, of a mid that is `gaussian` with Σ (Roll, J. Finance 1984).

    The increments have covariance Σ + 2c²I, and -c²I with the next ones. The trade at the start bounces too.

    Parameters
    ----------
    half_spread : float
        c ≥ 0, price units.

    Raises ValueError as `gaussian`, and if the half-spread is negative.
    """
    check.number("half_spread", half_spread, 0)
    prices = gaussian(rng, n_paths, n_steps, covariance=covariance, start=start)
    for block in _blocks(prices):
        block += (2.0 * half_spread) * rng.integers(0, 2, block.shape, dtype=np.int8) - half_spread
    return prices


def lattice_walk(rng: Generator, n_paths: int, n_steps: int, *, start: ArrayLike = (0.0,)) -> Array:
    """Simple random walk, ±1 with equal chances, independent for each asset; exact for whole starts (§8).

    Raises ValueError as `gaussian`.
    """
    start = _start(start, "n_assets", 0.0)
    prices = _empty(rng, n_paths, n_steps, len(start))
    for block in _blocks(prices):
        block[...] = 2 * rng.integers(0, 2, block.shape, dtype=np.int8) - 1
        block[:, 0] = start
        _recursion(block, 0.0, True)
    return prices


def martingale_gbm(rng: Generator, n_paths: int, n_steps: int, *, covariance: ArrayLike, start: Start = None) -> Array:
    """Geometric Brownian motion with E[p] constant, so that E[ln p] falls by σ²/2 a step (§2.3).

    Raises ValueError as `gaussian`, and if a start is below 1e-100, or |ln start| and the moves of ln p are above 700 together.
    """
    return jump_diffusion(rng, n_paths, n_steps, covariance=covariance, jump_rate=0.0, start=start)


def shared(n_paths: int) -> Array:
    """The paths on which every chapter shows its mechanism: a martingale GBM, 20 % a year, 250 days from 100.

    Raises ValueError as `gaussian`.
    """
    return martingale_gbm(np.random.default_rng(2), n_paths, 250, covariance=[[0.2**2 / 250]], start=[100.0])


def log_driftless_gbm(rng: Generator, n_paths: int, n_steps: int, *, covariance: ArrayLike, start: Start = None) -> Array:
    """Geometric Brownian motion with E[ln p] constant: no martingale, E[p'/p] = exp(σ²/2) above 1 (§2.3).

    Raises ValueError as `martingale_gbm`.
    """
    covariance = check.semidefinite("covariance", covariance)
    return _products(rng, n_paths, n_steps, covariance, np.zeros(len(covariance)), start)


def jump_diffusion(
    rng: Generator, n_paths: int, n_steps: int, *,
    covariance: ArrayLike, jump_rate: float, jump_mean: float = 0.0, jump_sd: float = 0.0, start: Start = None,
) -> Array:  # fmt: skip
    """Jump diffusion compensated to a martingale: `martingale_gbm` and jumps in ln p (Merton, J. Fin. Econ. 1976).

    Parameters
    ----------
    covariance : array, shape (n_assets, n_assets)
        Σ of the log returns without their jumps.
    jump_rate : float
        Mean number of jumps per step, ≥ 0; Poisson, in each asset on its own.
    jump_mean, jump_sd : float
        Of a jump in ln p, which is normal; in [-10, 10] and [0, 10].

    Raises ValueError as `martingale_gbm`, and if a jump parameter is out of range.
    """
    covariance = check.semidefinite("covariance", covariance)
    check.number("jump_rate", jump_rate, 0)
    check.number("jump_mean", jump_mean, -10, 10)
    check.number("jump_sd", jump_sd, 0, 10)
    drift = -np.diag(covariance) / 2 - jump_rate * np.expm1(jump_mean + jump_sd**2 / 2)
    return _products(rng, n_paths, n_steps, covariance, drift, start, jump_rate, jump_mean, jump_sd)


def stochastic_volatility(
    rng: Generator, n_paths: int, n_steps: int, *,
    volatility: ArrayLike, log_vol_sd: float, persistence: float, correlation: float = 0.0, start: Start = None,
) -> Array:  # fmt: skip
    """Martingale, independent for each asset, whose ln σ is an Ornstein-Uhlenbeck process (Scott, JFQA 1987).

    ln σ is exact at whole steps, stationary, and held over each step: exact as a model in discrete time, and a
    martingale for any step. As a scheme for continuous time it has no bias in the mean variance of a step, and one
    of first order in the step in leverage and in the kurtosis of long returns.

    Parameters
    ----------
    volatility : array, shape (n_assets,)
        √E[σ²] of log returns.
    log_vol_sd : float
        Stationary standard deviation of ln σ, ≥ 0; r + σ²/2 has kurtosis 3·exp(4·log_vol_sd²).
    persistence : float
        Autocorrelation of ln σ over one step, in [0, 1).
    correlation : float
        Of a step's return and the innovation in ln σ at its end, in [-1, 1]; leverage is below 0.

    Raises ValueError as `martingale_gbm`, and if a parameter is out of range.
    """
    volatility = check.array("volatility", volatility, ("n_assets",))
    check.positive("volatility", float(volatility.min()))
    check.number("log_vol_sd", log_vol_sd, 0, 10)
    check.persistence("persistence", persistence)
    check.number("correlation", correlation, -1, 1)
    start = _start(start, len(volatility), 1.0)
    innovation_sd = log_vol_sd * np.sqrt(1 - persistence**2)
    prices = _empty(rng, n_paths, n_steps, len(volatility))
    for block in _blocks(prices):
        rng.standard_normal(out=block)
        vol = rng.standard_normal(block.shape)
        vol[:, 0] *= log_vol_sd
        vol[:, 1:] *= innovation_sd * np.sqrt(1 - correlation**2)
        vol[:, 1:] += (innovation_sd * correlation) * block[:, 1:]
        _recursion(vol, persistence, False)
        vol += _rows(np.log(volatility) - log_vol_sd**2, block)
        np.exp(vol, out=vol)
        block[:, 1:] -= vol[:, :-1] / 2
        block[:, 1:] *= vol[:, :-1]
        _compound("volatility", block, start)
    return prices


def two_point(
    rng: Generator, n_paths: int, n_steps: int, *,
    up: float, down: float, up_probability: float, start: ArrayLike = (1.0,),
) -> Array:  # fmt: skip
    """Prices multiplied by `up` or `down` at each step, independent for each asset: Shannon's demon is (2, ½, ½) (§6).

    A martingale if and only if up_probability is (1 - down)/(up - down), ⅓ for 2 and ½.

    Parameters
    ----------
    up, down : float
        Gross returns, 0 < down ≤ up.
    up_probability : float
        In [0, 1].

    Raises ValueError as `martingale_gbm`, and if a parameter is out of range.
    """
    down = float(check.positive("down", down))
    up = float(check.number("up", up, down, fix="up is the larger of the two gross returns"))
    up_probability = float(check.number("up_probability", up_probability, 0, 1))
    start = _start(start, "n_assets", 1.0)
    prices = _empty(rng, n_paths, n_steps, len(start))
    if n_steps * max(abs(np.log([up, down]))) > (room := 700 - abs(np.log(start)).max()):
        raise ValueError(f"up or down is too far from 1 for n_steps = {n_steps}: allowed is |ln| · n_steps up to {room:.0f}.")
    for block in _blocks(prices):
        rng.random(out=block)
        block[:, 0] = start
        _multiply(block, up, down, up_probability)
    return prices


def _start(start: Start, n_assets: int | str, default: float, name: str = "start") -> Array:
    """First prices, one per asset; products, whose default is 1, need them at 1e-100 or above."""
    start = check.array(name, np.full(n_assets, default) if start is None else start, (n_assets,))
    if default > 0:  # what is nearer to 0 leaves ln p no room
        check.number(name, float(start.min()), 1 / check.LARGEST, check.LARGEST, fix="this process multiplies prices, which are above 0")
    return start


def _root(covariance: Array) -> Array:
    """R with R'R = Σ: the symmetric root of the correlations, unique with every LAPACK and right in any units, times the deviations."""
    unit = np.where((sd := np.sqrt(np.diag(covariance))) > 0, sd, 1.0)
    values, vectors = np.linalg.eigh(covariance / unit / unit[:, None])
    return (vectors * np.sqrt(np.where(values > 1e-14 * values[-1], values, 0))) @ vectors.T * sd


def _empty(rng: Generator, n_paths: int, n_steps: int, n_assets: int) -> Array:
    check.generator("rng", rng)
    return np.empty((check.integer("n_paths", n_paths, 1), check.integer("n_steps", n_steps, 1) + 1, n_assets))


def _blocks(prices: Array) -> list[Array]:
    """Views of whole paths, half a megabyte each: drawn and transformed in place, they do not leave the cache."""
    size = max(1, 2**16 // prices[0].size)
    return [prices[first : first + size] for first in range(0, len(prices), size)]


def _rows(values: Array, block: Array) -> Array:
    """One value per asset, repeated for each date: adding three numbers to rows of three is slow in NumPy."""
    return np.tile(values, (block.shape[1], 1))


def _correlate(block: Array, root: Array) -> None:
    block[...] = block * root[0] if len(root) == 1 else (block.reshape(-1, len(root)) @ root).reshape(block.shape)


def _products(
    rng: Generator, n_paths: int, n_steps: int, covariance: Array, drift: Array,
    start: Start, rate: float = 0.0, mean: float = 0.0, sd: float = 0.0,
) -> Array:  # fmt: skip
    start, root = _start(start, len(covariance), 1.0), _root(covariance)
    prices = _empty(rng, n_paths, n_steps, len(covariance))
    for block in _blocks(prices):
        rng.standard_normal(out=block)
        _correlate(block, root)
        block += _rows(drift, block)
        if rate > 0:  # all jumps of the block at once: their number is Poisson, their places are uniform
            count = rng.poisson(rate * block.size)
            np.add.at(block.reshape(-1), rng.integers(0, block.size, count), rng.normal(mean, sd, count))
        _compound("covariance", block, start)
    return prices


def _compound(name: str, block: Array, start: Array) -> None:
    """Turn log increments into prices, in place."""
    block[:, 0] = 0
    _recursion(block, 0.0, True)
    if max(block.max(), -block.min()) > (room := 700 - abs(np.log(start)).max()):
        fix = "parameters are per step and fractions, 1 % a step is the volatility 0.01 and the variance 0.0001"
        raise ValueError(f"{name} moves ln p by more than {room:.0f} over n_steps, beyond floating point. Likely fix: {fix}.")
    np.exp(block, out=block)
    block *= _rows(start, block)


@numba.njit(cache=True)
def _recursion(x: Array, coefficient: float, summed: bool) -> None:
    """In place x_t += a x_{t-1}; if summed, x_0 stays the start and x_t becomes the sum of it and of these up to t."""
    for path in range(x.shape[0]):
        for asset in range(x.shape[2]):
            level = x[path, 0, asset]
            state = 0.0 if summed else level
            for t in range(1, x.shape[1]):
                state = coefficient * state + x[path, t, asset]
                level = level + state if summed else state
                x[path, t, asset] = level


@numba.njit(cache=True)
def _multiply(x: Array, up: float, down: float, chance: float) -> None:
    """In place: uniform numbers become the products of the start and of `up` where they are below `chance`, else `down`."""
    for path in range(x.shape[0]):
        for t in range(1, x.shape[1]):
            for asset in range(x.shape[2]):
                x[path, t, asset] = x[path, t - 1, asset] * (up if x[path, t, asset] < chance else down)


@numba.njit(cache=True)
def _vector_recursion(x: Array, matrix: Array) -> None:
    """In place x_t += A x_{t-1} from the third date on."""
    for path in range(x.shape[0]):
        for t in range(2, x.shape[1]):
            for i in range(x.shape[2]):
                for j in range(x.shape[2]):
                    x[path, t, i] += matrix[i, j] * x[path, t - 1, j]
