"""Simulated prices have the law their name and docstring say."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from mnvh import autocovariance, paths

SIGMA = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.4], [0.0, -0.4, 0.5]])
VAR = np.array([[0.3, 0.2, 0.0], [-0.1, -0.4, 0.1], [0.0, 0.3, 0.2]])
ONE_PERCENT = [[1e-4]]

GENERATORS = {
    "gaussian": dict(covariance=SIGMA, start=[5.0, 6.0, 7.0]),
    "autoregressive": dict(coefficient=VAR, covariance=SIGMA, start=[5.0, 6.0, 7.0]),
    "ornstein_uhlenbeck": dict(persistence=0.9, stationary_covariance=SIGMA, start=[5.0, 6.0, 7.0]),
    "roll": dict(covariance=SIGMA, half_spread=0.0, start=[5.0, 6.0, 7.0]),
    "lattice_walk": dict(start=[5.0, 6.0, 7.0]),
    "martingale_gbm": dict(covariance=1e-4 * SIGMA, start=[5.0, 6.0, 7.0]),
    "log_driftless_gbm": dict(covariance=1e-4 * SIGMA, start=[5.0, 6.0, 7.0]),
    "jump_diffusion": dict(covariance=1e-4 * SIGMA, jump_rate=0.1, jump_sd=0.02, start=[5.0, 6.0, 7.0]),
    "stochastic_volatility": dict(volatility=[0.01] * 3, log_vol_sd=0.3, persistence=0.9, start=[5.0, 6.0, 7.0]),
    "two_point": dict(up=2.0, down=0.5, up_probability=0.5, start=[5.0, 6.0, 7.0]),
}


def assert_mean(samples, expected):
    """Each entry of the mean over the first axis, within four standard errors."""
    mean, stderr = samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert (abs(mean - expected) < 4 * stderr).all(), f"{mean} ± {stderr} against {expected}"


def outer(a, b):
    """Products of two sets of increments, (n_paths, n_assets, n_assets)."""
    return a[:, :, None] * b[:, None, :]


def assert_autocovariances(prices, lags):
    moves = np.diff(prices, axis=1)
    for lag, expected in enumerate(lags):
        for first in (0, moves.shape[1] - 1 - lag):  # as much at the first step as at the last: stationary
            assert_mean(outer(moves[:, first + lag], moves[:, first]), expected)


@pytest.mark.parametrize("name", GENERATORS)
def test_prices_have_the_shape_and_begin_at_the_start(name):
    prices = getattr(paths, name)(np.random.default_rng(1), 4, 7, **GENERATORS[name])
    assert prices.shape == (4, 8, 3)
    np.testing.assert_array_equal(prices[:, 0], np.broadcast_to([5.0, 6.0, 7.0], (4, 3)))


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_means_the_same_paths_and_another_seed_others(name):
    first, again, other = (getattr(paths, name)(np.random.default_rng(s), 4, 7, **GENERATORS[name]) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("name", ["gaussian", "autoregressive", "ornstein_uhlenbeck", "martingale_gbm", "two_point"])
def test_more_paths_begin_with_the_same_paths(name):
    few, many = (getattr(paths, name)(np.random.default_rng(1), n, 250, **GENERATORS[name]) for n in (5, 500))
    np.testing.assert_array_equal(few, many[:5])


def test_gaussian_increments_are_independent_with_the_covariance_asked_for():
    assert_autocovariances(
        paths.gaussian(np.random.default_rng(1), 50_000, 5, covariance=SIGMA), [SIGMA, 0 * SIGMA, 0 * SIGMA]
    )


def test_gaussian_increments_are_driftless():
    assert_mean(paths.gaussian(np.random.default_rng(2), 50_000, 5, covariance=SIGMA)[:, -1], 0.0)


def test_gaussian_prices_with_a_singular_covariance_keep_what_has_no_variance():
    mix = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    prices = paths.gaussian(np.random.default_rng(3), 10, 50, covariance=mix @ mix.T, start=[1.0, 2.0, 3.0])
    np.testing.assert_allclose(prices @ [1.0, 1.0, -1.0], 0, atol=1e-12)


@pytest.mark.parametrize("coefficient", [-0.3, 0.6, VAR])
def test_autoregressive_increments_are_stationary_with_the_autocovariances_of_the_closed_form(coefficient):
    prices = paths.autoregressive(np.random.default_rng(4), 50_000, 6, coefficient=coefficient, covariance=SIGMA)
    assert_autocovariances(prices, autocovariance.autoregressive(coefficient, SIGMA, 4))


def test_a_number_as_coefficient_means_that_number_times_the_identity():
    scalar, matrix = (
        paths.autoregressive(np.random.default_rng(5), 20, 50, coefficient=a, covariance=SIGMA) for a in (0.4, 0.4 * np.eye(3))
    )
    np.testing.assert_allclose(scalar, matrix, atol=1e-12)


def test_ornstein_uhlenbeck_prices_are_stationary_about_their_mean():
    mean = np.array([1.0, 2.0, 3.0])
    prices = paths.ornstein_uhlenbeck(
        np.random.default_rng(6), 50_000, 6, persistence=0.7, stationary_covariance=SIGMA, mean=mean
    )
    for t in (0, 6):
        assert_mean(prices[:, t], mean)
        assert_mean(outer(prices[:, t] - mean, prices[:, t] - mean), SIGMA)
    assert_mean(outer(prices[:, 5] - mean, prices[:, 2] - mean), 0.7**3 * SIGMA)
    assert_autocovariances(prices, autocovariance.ornstein_uhlenbeck(0.7, SIGMA, 4))


def test_ornstein_uhlenbeck_prices_from_a_start_have_the_exact_transition_law():
    start, mean = np.array([4.0, -2.0, 0.0]), np.array([1.0, 2.0, 3.0])
    prices = paths.ornstein_uhlenbeck(
        np.random.default_rng(7), 50_000, 4, persistence=0.7, stationary_covariance=SIGMA, mean=mean, start=start
    )
    expected = mean + 0.7**4 * (start - mean)
    assert_mean(prices[:, 4], expected)
    assert_mean(outer(prices[:, 4] - expected, prices[:, 4] - expected), (1 - 0.7**8) * SIGMA)


def test_bid_ask_bounce_has_rolls_autocovariance():
    prices = paths.roll(np.random.default_rng(8), 50_000, 6, covariance=SIGMA, half_spread=0.7)
    closed = autocovariance.roll(SIGMA, 0.7)
    assert_autocovariances(prices, [*closed, np.zeros((3, 3))])
    moves = np.diff(prices[..., 0], axis=1)
    estimate = np.sqrt(-(moves[:, 1:] * moves[:, :-1]).mean())  # Roll's own
    assert estimate == pytest.approx(0.7, abs=0.02)


def test_trades_stand_at_bid_or_ask_of_a_mid():
    prices = paths.roll(np.random.default_rng(9), 1000, 10, covariance=[[0.0]], half_spread=0.25, start=[100.0])
    assert set(np.unique(prices)) == {99.75, 100.25}


def test_lattice_walk_moves_by_one_and_its_end_is_binomial():
    prices = paths.lattice_walk(np.random.default_rng(10), 40_000, 10, start=[3.0, -2.0])
    assert (abs(np.diff(prices, axis=1)) == 1).all()
    for ups in (3, 5):
        at_end = (prices[:, -1] == np.array([3.0, -2.0]) + 2 * ups - 10).astype(float)
        assert_mean(at_end, comb(10, ups) / 2**10)
    assert_mean(np.prod(prices[:, -1] - prices[:, 0], axis=1), 0.0)  # the two assets are independent


def test_martingale_gbm_keeps_the_mean_price_and_log_driftless_gbm_the_mean_log():
    variance, n_steps = 0.04, 5
    law = dict(covariance=[[variance]], start=[2.0])
    martingale = paths.martingale_gbm(np.random.default_rng(11), 100_000, n_steps, **law)[:, -1]
    driftless = paths.log_driftless_gbm(np.random.default_rng(11), 100_000, n_steps, **law)[:, -1]
    assert_mean(martingale, 2.0)
    assert_mean(np.log(driftless), np.log(2.0))
    assert_mean(np.log(martingale), np.log(2.0) - n_steps * variance / 2)
    assert_mean(driftless, 2.0 * np.exp(n_steps * variance / 2))


def test_shared_paths_are_a_martingale_of_twenty_per_cent_a_year_from_100():
    prices = paths.shared(20_000)[..., 0]
    assert prices.shape == (20_000, 251)
    assert (prices[:, 0] == 100).all() and (paths.shared(5)[..., 0] == prices[:5]).all()
    assert_mean(prices[:, -1], 100.0)
    assert_mean((np.log(prices[:, -1] / 100) + 0.2**2 / 2) ** 2, 0.2**2)
    assert np.diff(np.log(prices)).var() == pytest.approx(0.2**2 / 250, rel=0.002)  # three standard errors


def test_gbm_returns_have_the_covariance_asked_for():
    prices = paths.martingale_gbm(np.random.default_rng(12), 50_000, 3, covariance=0.01 * SIGMA)
    returns = np.diff(np.log(prices), axis=1)[:, -1] + 0.01 * np.diag(SIGMA) / 2
    assert_mean(outer(returns, returns), 0.01 * SIGMA)


def test_jumps_are_compensated_and_add_their_variance():
    rate, mean, sd = 0.2, -0.1, 0.15
    prices = paths.jump_diffusion(
        np.random.default_rng(13), 100_000, 5, covariance=[[1e-3]], jump_rate=rate, jump_mean=mean, jump_sd=sd
    )
    assert_mean(prices[:, -1], 1.0)
    returns = np.diff(np.log(prices), axis=1)[:, -1]
    drift = -5e-4 - rate * np.expm1(mean + sd**2 / 2) + rate * mean
    assert_mean(returns, drift)
    assert_mean((returns - drift) ** 2, 1e-3 + rate * (mean**2 + sd**2))
    assert_mean((returns - drift) ** 3, rate * (mean**3 + 3 * mean * sd**2))  # third cumulant of a compound Poisson law


def test_jump_diffusion_without_jumps_is_gbm():
    quiet = paths.jump_diffusion(np.random.default_rng(14), 5, 10, covariance=ONE_PERCENT, jump_rate=0.0, jump_sd=3.0)
    assert (quiet == paths.martingale_gbm(np.random.default_rng(14), 5, 10, covariance=ONE_PERCENT)).all()


def test_stochastic_volatility_is_a_martingale_with_the_stated_variance_and_kurtosis():
    law = dict(volatility=[0.05], log_vol_sd=0.3, persistence=0.9, correlation=-0.7)
    prices = paths.stochastic_volatility(np.random.default_rng(15), 400_000, 5, **law)[..., 0]
    assert_mean(prices[:, -1], 1.0)
    returns = np.diff(np.log(prices), axis=1)
    for step in (0, 4):  # stationary from the first step on
        assert_mean(returns[:, step], -(0.05**2) / 2)
        noise = returns[:, step] + 0.05**2 / 2
        assert_mean(noise**2, 0.05**2 + (0.05**4) * (np.exp(4 * 0.09) - 1) / 4)
        assert_mean(noise**4, 3 * 0.05**4 * np.exp(4 * 0.09))


def test_stochastic_volatility_is_a_martingale_however_coarse_the_step():
    law = dict(volatility=[0.3], log_vol_sd=0.5, persistence=0.3, correlation=-0.9)
    assert_mean(paths.stochastic_volatility(np.random.default_rng(21), 200_000, 3, **law)[:, -1], 1.0)


def test_leverage_lowers_the_return_before_volatility_rises():
    law = dict(volatility=[0.05], log_vol_sd=0.5, persistence=0.9)
    for correlation, sign in ((-0.8, -1), (0.8, 1)):
        prices = paths.stochastic_volatility(np.random.default_rng(16), 100_000, 2, correlation=correlation, **law)
        first, second = np.diff(np.log(prices[..., 0]), axis=1).T
        products = first * second**2
        assert sign * products.mean() > 10 * products.std() / np.sqrt(len(products))


def test_volatility_clusters():
    law = dict(volatility=[0.05], log_vol_sd=0.5, persistence=0.9)
    prices = paths.stochastic_volatility(np.random.default_rng(17), 100_000, 2, **law)
    squares = np.diff(np.log(prices[..., 0]), axis=1) ** 2
    covariance = 0.05**4 * (np.exp(4 * 0.9 * 0.25) - 1)  # E[σ²σ'²] = vol⁴ exp(4φs²) for lognormal σ
    assert_mean((squares[:, 0] - 0.05**2) * (squares[:, 1] - 0.05**2), covariance)


def test_two_point_prices_are_powers_of_two_and_twice_or_half_the_last():
    prices = paths.two_point(np.random.default_rng(18), 100, 60, up=2.0, down=0.5, up_probability=0.5)
    assert set(np.unique(prices[:, 1:] / prices[:, :-1])) == {0.5, 2.0}
    assert (np.frexp(prices)[0] == 0.5).all()


@pytest.mark.parametrize(("chance", "growth", "mean"), [(1 / 2, 0.0588915, 1.25), (1 / 3, -0.056633, 1.0)])
def test_shannons_demon_grows_and_its_martingale_version_does_not(chance, growth, mean):
    prices = paths.two_point(np.random.default_rng(19), 20_000, 10, up=2.0, down=0.5, up_probability=chance)[..., 0]
    returns = prices[:, 1:] / prices[:, :-1]
    assert_mean(returns.mean(axis=1), mean)
    assert_mean(np.log1p(returns).mean(axis=1) - np.log(2), growth)  # half in the asset, half in cash, every step


@pytest.mark.parametrize("covariance", [[[400.0]], [[1e-4]]])
def test_a_price_beyond_floating_point_is_an_error_and_not_zero(covariance):
    law = dict(covariance=covariance, jump_rate=0.5, jump_mean=9.0)
    with pytest.raises(ValueError, match=r"covariance moves ln p by more than 700"):
        paths.jump_diffusion(np.random.default_rng(20), 2, 500, **law)


def test_a_price_above_floating_point_is_an_error_like_one_below():
    draw = lambda seed, variance: paths.log_driftless_gbm(np.random.default_rng(seed), 1, 1, covariance=[[variance]], start=[1.0])
    moves = 1000 * np.log([draw(seed, 1.0)[0, 1, 0] for seed in range(8)])
    assert moves.min() < -700 and moves.max() > 700 and (abs(moves) < 700).any()
    for seed, move in enumerate(moves):
        if abs(move) < 700:
            np.testing.assert_allclose(np.log(draw(seed, 1e6)[0, 1, 0]), move)
        else:
            with pytest.raises(ValueError, match="more than 700"):
                draw(seed, 1e6)


@pytest.mark.parametrize(("start", "up", "down", "room"), [(1e12, 2.0, 0.9, 672), (1e-100, 1.1, 0.5, 470)])
def test_steps_of_two_sizes_leave_room_for_the_start(start, up, down, room):
    law = dict(up=up, down=down, up_probability=0.5, start=[start])
    with pytest.raises(ValueError, match=rf"allowed is \|ln\| · n_steps up to {room}\."):
        paths.two_point(np.random.default_rng(20), 2, 1000, **law)
    assert (paths.two_point(np.random.default_rng(20), 50, 677 if start < 1 else 969, **law) > 0).all()


@pytest.mark.parametrize("variances", [[1e-12, 1e4], [1e4, 0.0, 1e-12]])
def test_prices_in_units_far_apart_all_move(variances):
    covariance = np.diag(variances)
    covariance[0, -1] = covariance[-1, 0] = 0.5 * np.sqrt(variances[0] * variances[-1])
    moves = np.diff(paths.gaussian(np.random.default_rng(5), 2_000, 20, covariance=covariance), axis=1).reshape(-1, len(variances))
    np.testing.assert_allclose(moves.var(axis=0), variances, rtol=0.05)
    assert np.corrcoef(moves[:, 0], moves[:, -1])[0, 1] == pytest.approx(0.5, abs=0.02)


def test_a_large_start_leaves_less_room():
    with pytest.raises(ValueError, match="covariance moves ln p by more than 470 over"):
        paths.martingale_gbm(np.random.default_rng(1), 2, 100, covariance=[[100.0]], start=[1e100])
