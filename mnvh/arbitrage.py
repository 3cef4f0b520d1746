"""Arbitrage against a pool: average prices, loss-versus-rebalancing, fees and blocks (chapter 3).

Arbitrageurs trade at no cost outside the pool, at the market price. Fees are logarithmic: with γ = fee_bps / 10⁴ the
pool sells at e^γ and buys at e^-γ times its marginal price; they are paid out in the numéraire, not added to the
reserves. Volatility is per √day, `block_rate` is λ, blocks per day. Closed forms are those of the constant product,
per unit of pool value, for Poisson blocks and a log price without drift (Milionis, Moallemi and Roughgarden 2023).
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from mnvh import check
from mnvh.check import Array
from mnvh.decomposition import Decomposition, Potential, attribute, bregman


def executed_prices(pool: Potential, prices: ArrayLike) -> Array:
    """Prices p + θΔp at which a pool's trades finance themselves (theory of chapter 3).

    θ = D(p | p′) / (D(p′ | p) + D(p | p′)), about ½. The trades need no money from outside, and the account is worth
    V(p_T) - V(p_0). With one asset these are the average prices of the trades, for the constant product √(p p′); with
    several the average price of each depends on the order in which they are traded.

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, n_assets)
        Marginal prices of the pool, above 0. Raises ValueError otherwise.

    Returns
    -------
    array, shape (n_paths, n_steps, n_assets)
    """
    prices = check.prices("prices", prices, above_zero=True)
    old, new = prices[:, :-1], prices[:, 1:]
    forth, back = bregman(pool, new, old), bregman(pool, old, new)
    fill = np.divide(back, forth + back, out=np.full_like(back, 0.5), where=forth + back > 0).clip(0, 1)
    return old + fill[..., None] * (new - old)


def loss_versus_rebalancing(pool: Potential, prices: Array, covariance: ArrayLike) -> Array:
    """LVR rate ½Tr(K Σ_p), Σ_p = diag(p) Σ diag(p), in money per unit of time, shape (...) (Milionis et al. 2022).

    Parameters
    ----------
    prices : array, shape (..., n_assets)
    covariance : array, shape (n_assets, n_assets)
        Σ of the log prices per unit of time, symmetric positive semidefinite.

    Raises ValueError if Σ is not, or the pool refuses the prices.
    """
    prices = check.array("prices", prices)
    covariance = check.semidefinite("covariance", covariance, *prices.shape[-1:])
    scaled = pool.intensity(prices) * prices[..., :, None] * prices[..., None, :]
    return (scaled * covariance).sum(axis=(-2, -1)) / 2


def pool_prices(prices: ArrayLike, *, fee_bps: float, start: ArrayLike | None = None) -> Array:
    """Marginal prices of a pool that is arbitraged at every date: m′ = min(max(m, p′e^-γ), p′e^γ) (theory of chapter 3).

    Parameters
    ----------
    prices : array, shape (n_paths, n_steps + 1, 1)
        Market prices at the blocks, above 0.
    start : array, shape (n_paths,), optional
        Marginal prices at the first date, before any trade; the market's by default.

    Returns
    -------
    array, shape (n_paths, n_steps + 1, 1)

    Raises ValueError if a price is not above 0, there is more than one asset, or the fee is out of range.

    Examples
    --------
    >>> pool_prices([[[100.0], [100.5], [102.0], [101.0]]], fee_bps=100).round(2).ravel().tolist()
    [100.0, 100.0, 100.99, 100.99]
    """
    prices = check.prices("prices", prices, above_zero=True)
    prices = check.array("prices", prices, ("n_paths", "n_steps + 1", 1), fix="a pool with a fee prices one asset here")
    start = prices[:, 0, 0] if start is None else check.array("start", start, prices.shape[:1])
    if (start <= 0).any():
        raise ValueError(f"start has the entry {start.min():g}: allowed are prices above 0.")
    pooled = np.empty_like(prices)
    _follow_band(prices[..., 0], np.exp(check.bps("fee_bps", fee_bps) / 10_000), start, pooled[..., 0])
    return pooled


def liquidity_provider(
    pool: Potential, prices: ArrayLike, *, fee_bps: float = 0, start: ArrayLike | None = None
) -> Decomposition:
    """P&L of a pool's owner, marked at market prices, in the book's five series (theory of chapter 3).

    `harvest` and `displacement` are those of the reserves -∇Ψ(p) at market prices; `directional` is what the actual
    reserves -∇Ψ(m), which lag by up to the fee, add to them; `cost` is what arbitrageurs take before fees, and `carry`
    the fees they pay. An arbitrageur's profit is therefore -(cost + carry), and never negative.

    Parameters
    ----------
    pool : Potential
        Of one priced asset.
    prices, fee_bps, start
        As in `pool_prices`.

    Returns
    -------
    Decomposition
        Series of shape (n_paths, n_steps).

    Raises ValueError as `pool_prices`.
    """
    marginal = pool_prices(prices, fee_bps=fee_bps, start=start)
    held, executed, prices = pool.holdings(marginal), executed_prices(pool, marginal), np.asarray(prices, dtype=float)
    paid = np.vecdot(np.diff(held, axis=1), executed)  # numéraire that leaves the pool
    log_fee = fee_bps / 10_000
    fees = np.where(paid < 0, -np.expm1(log_fee) * paid, -np.expm1(-log_fee) * paid)
    account = attribute(held, prices, executed=executed, income=fees)
    value, lag = pool.value(prices), held - pool.holdings(prices)
    return Decomposition(
        directional=np.vecdot(lag[:, :-1], np.diff(prices, axis=1)),
        harvest=bregman(pool, prices[:, 1:], prices[:, :-1]),
        displacement=value[:, :-1] - value[:, 1:],
        carry=account.carry,
        cost=account.cost,
        gross=account.gross + abs(value[:, :-1]) + abs(value[:, 1:]),
    )


def poisson_blocks(
    rng: Generator, n_paths: int, n_blocks: int, *, volatility: float, block_rate: float, fee_bps: float
) -> tuple[Array, Array]:
    """Market prices at Poisson blocks, and pool prices to start from, in the stationary law (theory of chapter 3).

    ln p is a Brownian motion without drift, so that its moves between blocks have the Laplace law with the scale
    σ/√(2λ). After a block ln p - ln m is ±γ with the probability P_trade, else uniform between.

    Returns
    -------
    prices : array, shape (n_paths, n_blocks + 1, 1)
        From 1.
    start : array, shape (n_paths,)
        For `pool_prices`.

    Raises ValueError if `rng` is no Generator, a size is below 1, or a parameter is out of range.
    """
    check.generator("rng", rng)
    shape = check.integer("n_paths", n_paths, 1), check.integer("n_blocks", n_blocks, 1), 1
    traded = rng.random(shape[0]) < trade_probability(volatility, block_rate, fee_bps)
    uniform = rng.uniform(-1, 1, shape[0])
    start = np.exp(-fee_bps / 10_000 * np.where(traded, np.sign(uniform), uniform))
    prices = np.zeros((shape[0], shape[1] + 1, 1))  # ln p until the end
    np.cumsum(rng.laplace(scale=volatility / np.sqrt(2 * block_rate), size=shape), axis=1, out=prices[:, 1:])
    if max(prices.max(), -prices.min()) > 700:
        raise ValueError(f"volatility {volatility:g} moves ln p by more than 700 in {n_blocks} blocks: pass it per √day, 0.05 for 5 %.")
    return np.exp(prices, out=prices), start


def trade_probability(volatility: float, block_rate: float, fee_bps: float) -> float:
    """P_trade = 1/(1 + ηγ), η = √(2λ)/σ: the share of blocks in which an arbitrageur trades.

    Raises ValueError if the volatility or λ is not above 0, or the fee is out of range.

    Examples
    --------
    Volatility 5 % a day, a block every 12 seconds, 30 basis points:

    >>> round(trade_probability(0.05, 7200, 30), 4)
    0.122
    """
    return _traded(_overshoot_rate(volatility, block_rate), check.bps("fee_bps", fee_bps))


def arbitrage_rate(volatility: float, block_rate: float, fee_bps: float) -> float:
    """ARB: arbitrageurs' profit after fees per day and unit of pool value, (σ²/8)P_trade cosh(γ/2)/(1 - σ²/8λ).

    Parameters and errors are those of `trade_probability`; ValueError also if σ² ≥ 8λ, where the mean is infinite.
    """
    return _arbitrage(_finite_mean(volatility, block_rate), block_rate, check.bps("fee_bps", fee_bps))


def fee_rate(volatility: float, block_rate: float, fee_bps: float) -> float:
    """FEE: what arbitrageurs pay in fees per day and unit of pool value, λP_trade sinh(γ/2)·2η/(4η² - 1).

    Parameters and errors are those of `arbitrage_rate`. To leading order in γ and σ²/λ, ARB + FEE = LVR = σ²/8.
    """
    traded, eta = trade_probability(volatility, block_rate, fee_bps), _finite_mean(volatility, block_rate)
    return traded * math.sinh(fee_bps / 20_000) * block_rate * 2 * eta / (4 * eta**2 - 1)


def break_even_turnover(volatility: float, block_rate: float, fee_bps: float) -> float:
    """Uninformed volume per day and unit of pool value whose fees pay for ARB: ARB/γ.

    Parameters and errors are those of `arbitrage_rate`; ValueError also if the fee is 0.
    """
    fix = "without a fee no volume pays for the loss"
    return arbitrage_rate(volatility, block_rate, fee_bps) / check.positive("fee_bps", fee_bps, fix=fix) * 10_000


def hedged_return(
    fee_bps: float, *, volatility: float, block_rate: float, turnover: float, fee_scale_bps: float
) -> float:
    """Owner's return per day after the hedge of the reserves: γv e^{-γ/γ_0} - ARB(γ).

    Uninformed traders turn over v e^{-γ/γ_0} of the pool a day, without moving its price.

    Parameters
    ----------
    turnover : float
        v ≥ 0, per day and unit of pool value, at no fee.
    fee_scale_bps : float
        γ_0 in [0.01, 1000], the fee at which v has fallen to v/e.

    Raises ValueError as `arbitrage_rate`, or if v or γ_0 is out of range.
    """
    cost = arbitrage_rate(volatility, block_rate, fee_bps)
    scale = check.number("fee_scale_bps", fee_scale_bps, 0.01, 1_000, fix="in basis points, 0.5 % is 50")
    return _income(fee_bps, check.number("turnover", turnover, 0), scale) - cost


def best_fee_bps(*, volatility: float, block_rate: float, turnover: float, fee_scale_bps: float) -> float:
    """Fee that maximises `hedged_return`, in basis points.

    Raises ValueError as `hedged_return`; or if at every fee the pool loses: then a higher fee is always better.
    """
    market = dict(volatility=volatility, block_rate=block_rate, turnover=turnover, fee_scale_bps=fee_scale_bps)
    hedged_return(0, **market)
    fees = np.geomspace(fee_scale_bps, min(50 * fee_scale_bps, 10_000), 200)  # ARB falls in γ: the optimum is above γ_0
    best = int(np.argmax([hedged_return(float(fee), **market) for fee in fees]))
    bounds = fees[max(best - 1, 0)], fees[min(best + 1, len(fees) - 1)]
    options = dict(bounds=bounds, method="bounded", options={"xatol": 1e-9})
    found = minimize_scalar(lambda fee: -hedged_return(float(fee), **market), **options)
    if found.fun >= 0:
        fix = "more volume, or no pool: the higher the fee, the less it loses"
        raise ValueError(f"turnover is {turnover:g}: the pool loses at every fee. Likely fix: {fix}.")
    return float(found.x)


@numba.njit(cache=True)
def _follow_band(prices: Array, ratio: float, start: Array, pooled: Array) -> None:
    for path in range(prices.shape[0]):
        pooled[path, 0] = level = start[path]
        for t in range(1, prices.shape[1]):
            level = min(max(level, prices[path, t] / ratio), prices[path, t] * ratio)
            pooled[path, t] = level


# The formulas by themselves, in plain numbers: `mnvh.book.explore` compiles these too.
def _eta(volatility: float, block_rate: float) -> float:
    """η = √(2λ)/σ: the moves of ln p between blocks have the law ½η e^{-η|x|}."""
    return math.sqrt(2 * block_rate) / volatility


def _traded(eta: float, fee_bps: float) -> float:
    return 1 / (1 + eta * fee_bps / 10_000)


def _arbitrage(eta: float, block_rate: float, fee_bps: float) -> float:
    return _traded(eta, fee_bps) * math.cosh(fee_bps / 20_000) * block_rate / (4 * eta**2 - 1)


def _income(fee_bps: float, turnover: float, fee_scale_bps: float) -> float:
    return turnover * fee_bps / 10_000 * math.exp(-fee_bps / fee_scale_bps)


def _overshoot_rate(volatility: float, block_rate: float) -> float:
    check.positive("block_rate", block_rate)
    return _eta(check.positive("volatility", volatility), block_rate)


def _finite_mean(volatility: float, block_rate: float) -> float:
    eta = _overshoot_rate(volatility, block_rate)
    if 2 * eta <= 1:
        allowed = "a volatility per √day with σ² below 8 block_rate, 5 % a day is 0.05"
        raise ValueError(f"volatility is {volatility:g}: allowed is {allowed}.")
    return eta
