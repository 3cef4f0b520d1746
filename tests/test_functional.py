"""What Tr(KΣ) is, what a grid earns, and Definition 1 as a program."""

from __future__ import annotations

import numpy as np
import pytest

from mnvh import autocovariance, paths
from mnvh.decomposition import LinearGrid, decompose
from mnvh.functional import (
    expected_step_pnl,
    gross_harvest,
    grid_pnl_from_autocovariance,
    net_rate,
    optimal_intensity,
    variance_ratio,
    water_filling_intensity,
)

ONE = np.array([[1.0]])
K = np.array([[2.0, -0.5, 0.0], [-0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
SIGMA = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.4], [0.0, -0.4, 0.5]])
VAR = np.array([[0.3, 0.2, 0.0], [-0.1, -0.4, 0.1], [0.0, 0.3, 0.2]])


def assert_mean(samples, expected):
    mean, stderr = samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(mean - expected) < 4 * stderr, f"{mean:.6g} ± {stderr:.2g} against {expected:.6g}"
    return stderr


def grid_pnl(intensity, prices):
    """P&L of a grid about zero."""
    return decompose(LinearGrid(intensity, np.zeros(len(intensity))), prices).total().pnl


# What a step earns


def test_the_fill_family():
    gross = gross_harvest(K, SIGMA)
    assert gross == pytest.approx(np.trace(K @ SIGMA))
    assert [expected_step_pnl(K, SIGMA, fill) / gross for fill in (0, 0.5, 1, 2)] == [-1, -0.5, 0, 1]


def test_a_grid_with_its_displacement_insured_earns_the_net_rate_on_every_path():
    """Long a quadratic claim bought at ½Kσ_I²T: the P&L is ½K(ΣΔp² - σ_I²T), whatever the path."""
    n_steps, implied = 40, 0.8
    prices = paths.stochastic_volatility(
        np.random.default_rng(1), 50, n_steps, volatility=[0.02], log_vol_sd=0.4, persistence=0.9, start=[50.0]
    )
    grid = decompose(LinearGrid([[3.0]], [50.0]), prices).total()
    claim = 3.0 / 2 * (prices[:, -1, 0] - 50.0) ** 2 - 3.0 / 2 * implied * n_steps
    realised = (np.diff(prices[..., 0], axis=1) ** 2).mean(axis=1)
    expected = [n_steps * net_rate([[3.0]], [[rate]], [[implied]]) for rate in realised]
    np.testing.assert_allclose(grid.pnl + claim, expected, atol=1e-10)


# What a path earns: published values and the processes behind them


@pytest.mark.parametrize(("coefficient", "published"), [(-0.3, 11.361), (-0.1, 4.463), (0.0, 0.0), (0.1, -5.432)])
def test_published_pnl_of_a_grid_on_autoregressive_increments(coefficient, published):
    lags = autocovariance.autoregressive(coefficient, ONE, 50)
    exact = grid_pnl_from_autocovariance(ONE, lags, 50)
    assert round(exact, 3) == published
    prices = paths.autoregressive(np.random.default_rng(2), 100_000, 50, coefficient=coefficient, covariance=ONE)
    stderr = assert_mean(grid_pnl(ONE, prices), exact)
    assert stderr < 0.2


@pytest.mark.parametrize("coefficient", [-0.9, -0.3, 0.0, 0.1, 0.99])
def test_variance_ratio_of_autoregressive_increments_is_that_of_the_pnl_and_of_the_geometric_series(coefficient):
    ratio = autocovariance.autoregressive_variance_ratio(coefficient, 50)
    lags = autocovariance.autoregressive(coefficient, ONE, 50)
    assert 25 * (1 - ratio) == pytest.approx(grid_pnl_from_autocovariance(ONE, lags, 50), rel=1e-12, abs=1e-12)
    series = coefficient * (1 - coefficient**50) / (1 - coefficient) ** 2
    assert ratio == pytest.approx((1 + coefficient) / (1 - coefficient) - 2 * series / 50, rel=1e-9)
    assert autocovariance.autoregressive_variance_ratio(coefficient, 1) == 1


def test_published_pnl_of_a_grid_on_ornstein_uhlenbeck_prices():
    lags = autocovariance.ornstein_uhlenbeck(0.98, ONE, 500)
    about_start = grid_pnl_from_autocovariance(ONE, lags, 500)
    about_mean = 500 * net_rate(ONE, lags[0], 0 * ONE)
    assert (round(about_start, 3), round(about_mean, 3)) == (9.0, 10.0)
    prices = paths.ornstein_uhlenbeck(np.random.default_rng(3), 20_000, 500, persistence=0.98, stationary_covariance=ONE)
    assert_mean(grid_pnl(ONE, prices), about_mean)
    assert_mean(grid_pnl(ONE, prices - prices[:, :1]), about_start)


@pytest.mark.parametrize(
    ("lags", "simulate"),
    [
        (
            autocovariance.autoregressive(VAR, SIGMA, 20),
            lambda rng: paths.autoregressive(rng, 40_000, 20, coefficient=VAR, covariance=SIGMA),
        ),
        (
            autocovariance.roll(SIGMA, 0.5),
            lambda rng: paths.roll(rng, 40_000, 20, covariance=SIGMA, half_spread=0.5),
        ),
        (
            autocovariance.ornstein_uhlenbeck(0.9, SIGMA, 20),
            lambda rng: paths.ornstein_uhlenbeck(rng, 40_000, 20, persistence=0.9, stationary_covariance=SIGMA),
        ),
    ],
    ids=["vector autoregression", "bid-ask bounce", "mean reversion"],
)
def test_grid_pnl_and_variance_ratio_of_three_assets_follow_from_the_autocovariances(lags, simulate):
    prices = simulate(np.random.default_rng(4))
    exact = grid_pnl_from_autocovariance(K, lags, 20)
    assert_mean(grid_pnl(K, prices - prices[:, :1]), exact)
    ratio, stderr = variance_ratio(np.diff(prices, axis=1), K, horizon=20)
    expected = 1 - 2 * exact / (20 * gross_harvest(K, lags[0]))
    assert abs(ratio - expected) < 4 * stderr, f"{ratio:.4f} ± {stderr:.4f} against {expected:.4f}"
    assert abs(ratio - 1) > 10 * stderr


def test_bounce_pays_the_grid_the_squared_half_spread_at_each_step_but_the_first():
    assert grid_pnl_from_autocovariance(ONE, autocovariance.roll(ONE, 0.5), 20) == pytest.approx(19 * 0.25)


def test_lags_that_are_not_given_count_as_zero():
    lags = autocovariance.autoregressive(0.5, ONE, 3)
    assert grid_pnl_from_autocovariance(ONE, lags, 10) == pytest.approx(-(9 * 0.5 + 8 * 0.25))
    assert grid_pnl_from_autocovariance(ONE, lags, 2) == pytest.approx(-0.5)
    assert grid_pnl_from_autocovariance(ONE, lags, 1) == 0


# Variance ratio


def test_pnl_is_half_the_realised_harvest_times_one_less_the_variance_ratio():
    """An identity of the sample, not only of the expectation, over the whole length."""
    prices = paths.gaussian(np.random.default_rng(5), 200, 30, covariance=SIGMA)
    moves = np.diff(prices, axis=1)
    ratio, _ = variance_ratio(moves, K, horizon=30)
    realised = np.vecdot(moves @ K, moves).sum(axis=1).mean()
    assert grid_pnl(K, prices).mean() == pytest.approx(realised * (1 - ratio) / 2)


def test_variance_ratio_over_one_step_is_one_exactly():
    moves = np.random.default_rng(6).standard_normal((10, 5, 3))
    ratio, stderr = variance_ratio(moves, K, horizon=1)
    assert ratio == pytest.approx(1, abs=1e-14)
    assert stderr == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("horizon", [2, 10, 50])
def test_variance_ratio_of_a_martingale_is_one(horizon):
    prices = paths.stochastic_volatility(
        np.random.default_rng(7), 20_000, 50, volatility=[0.02, 0.03], log_vol_sd=0.5, persistence=0.95, correlation=-0.5
    )
    ratio, stderr = variance_ratio(np.diff(prices, axis=1), np.eye(2), horizon=horizon)
    assert abs(ratio - 1) < 4 * stderr, f"{ratio:.4f} ± {stderr:.4f}"


def test_standard_error_of_the_variance_ratio_is_the_spread_of_its_estimates():
    estimates = []
    for seed in range(400):
        prices = paths.autoregressive(np.random.default_rng(seed), 200, 20, coefficient=-0.2, covariance=ONE)
        estimates.append(variance_ratio(np.diff(prices, axis=1), ONE, horizon=5))
    ratios, stderrs = np.array(estimates).T
    assert stderrs.mean() == pytest.approx(ratios.std(ddof=1), rel=4 / np.sqrt(2 * 400))  # sd of an sd of 400
    expected = 1 + 2 * sum((1 - j / 5) * (-0.2) ** j for j in range(1, 5))
    assert_mean(ratios, expected)


def test_variance_ratio_counts_a_drift_as_displacement():
    moves = 1.0 + 0.5 * np.random.default_rng(8).standard_normal((4000, 10, 1))
    ratio, stderr = variance_ratio(moves, ONE, horizon=10)
    assert abs(ratio - (100 + 10 * 0.25) / (10 * 1.25)) < 4 * stderr


# Definition 1


def value(k, covariance, edge, inventory_aversion=0.0, horizon=1, costs=0.0, **limits):
    spread = np.sqrt(np.diag(k @ covariance @ k).clip(0))
    inventory = inventory_aversion * horizon / 2 * np.trace(k @ covariance @ k)
    return edge * np.trace(k @ covariance) - inventory - np.sqrt(2 / np.pi) * (costs * spread).sum()


def random_program(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    factor = rng.standard_normal((n, n))
    covariance = factor @ factor.T * 10.0 ** rng.integers(-6, 3)
    program = dict(edge=rng.uniform(0.1, 2))
    bounds = rng.permutation(["trace_capacity", "spectral_capacity", "inventory_aversion"])[: rng.integers(1, 4)]
    program |= {str(name): 10.0 ** rng.uniform(-2, 2) for name in bounds}
    program["horizon"] = int(rng.integers(1, 50))
    if n > 1 and seed % 2:
        program["exposures"] = rng.standard_normal((1, n))
    elif seed % 4:
        covariance = np.diag(np.diag(covariance))
        program["costs"] = rng.uniform(0, 1, n) * np.sqrt(np.diag(covariance))
    return rng, covariance, program


@pytest.mark.parametrize("seed", range(24))
def test_convex_program_and_closed_form_have_the_same_optimum(seed):
    rng, covariance, program = random_program(seed)
    solved, closed = optimal_intensity(covariance, **program), water_filling_intensity(covariance, **program)
    assert value(solved, covariance, **program) == pytest.approx(value(closed, covariance, **program), rel=1e-6)
    for k in (solved, closed):
        assert np.linalg.eigvalsh(k)[0] >= -1e-12 * abs(k).max()
        assert np.trace(k) <= program.get("trace_capacity", np.inf) * (1 + 1e-6)
        assert np.linalg.eigvalsh(k)[-1] <= program.get("spectral_capacity", np.inf) * (1 + 1e-6)
        if "exposures" in program:
            np.testing.assert_allclose(program["exposures"] @ k, 0, atol=1e-9 * abs(k).max())


def test_with_costs_and_correlation_nothing_feasible_is_better():
    rng = np.random.default_rng(9)
    program = dict(edge=1.0, inventory_aversion=0.2, horizon=3, costs=np.array([0.3, 0.5, 0.1]), trace_capacity=2.0)
    best = optimal_intensity(SIGMA, **program)
    top = value(best, SIGMA, **program)
    assert top > 0
    for _ in range(2000):
        factor = rng.standard_normal((3, 3))
        other = factor @ factor.T
        other *= program["trace_capacity"] * rng.uniform() / np.trace(other)
        for k in (other, best + rng.uniform(0, 0.1) * (other - best)):
            assert value(k, SIGMA, **program) <= top + 1e-6


def test_a_trace_alone_goes_to_the_first_eigenvector():
    vector = np.linalg.eigh(SIGMA)[1][:, -1]
    for solve in (optimal_intensity, water_filling_intensity):
        np.testing.assert_allclose(solve(SIGMA, edge=0.5, trace_capacity=3.0), 3 * np.outer(vector, vector), atol=1e-3)


def test_inventory_alone_gives_the_same_intensity_in_every_direction():
    for solve in (optimal_intensity, water_filling_intensity):
        k = solve(SIGMA, edge=0.5, inventory_aversion=0.1, horizon=20)
        np.testing.assert_allclose(k, 0.5 / (0.1 * 20) * np.eye(3), atol=1e-5)


def test_one_asset_has_the_scalar_solution():
    sigma, edge, aversion, horizon, cost = 0.5, 0.8, 0.3, 10, 0.2
    expected = (edge * sigma - cost * np.sqrt(2 / np.pi)) / (aversion * horizon * sigma)
    for solve in (optimal_intensity, water_filling_intensity):
        k = solve([[sigma**2]], edge=edge, inventory_aversion=aversion, horizon=horizon, costs=[cost])
        assert k[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_thin_edge_gives_a_small_intensity_and_not_none():
    cost = (1 - 1e-3) * np.sqrt(np.pi / 2)  # a thousandth of the gross edge is left
    for solve in (optimal_intensity, water_filling_intensity):
        k = solve([[1.0]], edge=1.0, inventory_aversion=0.5, horizon=2, costs=[cost])
        assert k[0, 0] == pytest.approx(1e-3, rel=0.02)


@pytest.mark.parametrize("solve", [optimal_intensity, water_filling_intensity])
@pytest.mark.parametrize("program", [dict(edge=0.0), dict(edge=-0.5), dict(edge=1.0, costs=[9.0, 9.0, 9.0])])
def test_without_a_net_edge_the_optimum_is_to_do_nothing(solve, program):
    covariance = np.diag([1.0, 2.0, 0.5])
    assert not solve(covariance, **program).any()
    assert not solve(covariance, **program, trace_capacity=3.0).any()


@pytest.mark.parametrize("solve", [optimal_intensity, water_filling_intensity])
@pytest.mark.parametrize("program", [dict(edge=1.0), dict(edge=1.0, costs=[0.1, 0.1, 0.1])])
def test_harvest_and_cost_are_both_linear_so_something_else_must_bound_the_intensity(solve, program):
    with pytest.raises(ValueError, match=r"trace_capacity, spectral_capacity and inventory_aversion are all missing"):
        solve(np.diag([1.0, 2.0, 0.5]), **program)


def test_the_programs_inventory_and_turnover_are_those_of_the_grid():
    n_steps, unit = 12, np.array([0.3, 0.5, 0.1])
    prices = paths.gaussian(np.random.default_rng(10), 60_000, n_steps, covariance=SIGMA)
    holdings = LinearGrid(K, np.zeros(3)).holdings(prices)
    inventory = value(K, SIGMA, 0.0) - value(K, SIGMA, 0.0, inventory_aversion=1.0, horizon=n_steps)
    assert_mean((holdings**2).sum(axis=2).mean(axis=1), inventory)  # over the dates 0 … T
    turnover = value(K, SIGMA, 0.0) - value(K, SIGMA, 0.0, costs=unit)
    assert_mean((unit * abs(np.diff(holdings, axis=1))).sum(axis=2).mean(axis=1), turnover)


def test_an_asset_that_costs_more_than_it_brings_is_not_traded():
    found = water_filling_intensity(np.eye(2), edge=1.0, spectral_capacity=2.0, costs=[0.1, 5.0])
    np.testing.assert_array_equal(found, np.diag([2.0, 0.0]))
