"""Chapter 8: the four mechanisms on the same prices, through one decomposition, on one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from mnvh import options, paths, simulations
from mnvh.contrarian_rule import linear_rule
from mnvh.decomposition import LinearGrid, decompose, follow

ONE = [[1.0]]
NAMES = ["grid", "pool", "market maker", "gamma scalper"]
FREE = dict(sd=1.0, reversion=0.1)


def rng():
    return np.random.default_rng(8)


def results(prices, *, sd=1.0, reversion=0.1, fee_bps=0.0):
    rules = simulations.mechanisms(prices, sd=sd, reversion=reversion)
    return {name: simulations.run(rule, times, prices, sd=sd, fee_bps=fee_bps) for name, (rule, times) in rules.items()}


def z(sample, expected):
    return (sample.mean() - expected) / stats.sem(sample)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(seed=st.integers(0, 2**32), vol=st.floats(1e-4, 0.3), fee=st.sampled_from([0.0, 30.0]), reversion=st.floats(0, 1.9))
def test_account_equals_decomposition_on_any_path(name, seed, vol, fee, reversion):
    prices = paths.jump_diffusion(np.random.default_rng(seed), 3, 12, covariance=[[vol**2]], jump_rate=0.1, jump_sd=vol, start=[50.0])
    parts, wealth = results(prices, sd=50 * vol, reversion=reversion, fee_bps=fee)[name]
    assert_allclose(np.diff(wealth), parts.pnl, rtol=0, atol=1e-12 * parts.gross.max())
    assert (parts.harvest >= -1e-12 * parts.gross).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_scale_leaves_no_unit_of_money(name):
    prices = paths.gaussian(rng(), 4, 20, covariance=ONE, start=[100.0])
    (parts, _), (tenfold, _) = (results(c * prices, sd=c, fee_bps=10)[name] for c in (1.0, 10.0))
    for series in ("harvest", "displacement", "carry", "cost"):
        assert_allclose(getattr(tenfold, series), getattr(parts, series), atol=1e-12)


@pytest.mark.parametrize("reversion", [0.0, 0.1, 1.5])
def test_a_recentred_grid_is_the_inventory_rule(reversion):
    prices = paths.gaussian(rng(), 5, 30, covariance=np.eye(2), start=[100.0, 50.0])
    rule = simulations.RecentredGrid(prices, reversion)
    held = rule.holdings(prices, np.arange(31))
    assert_allclose(held, linear_rule(prices, np.eye(2), reversion), atol=1e-12)
    assert_allclose(np.diff(held, axis=1), -np.diff(prices, axis=1) - reversion * held[:, :-1], atol=1e-12)
    center = rule.center
    assert_allclose(np.diff(center, axis=1), reversion * (prices - center)[:, :-1], atol=1e-12)


def test_holdings_are_minus_the_gradient_and_intensity_their_slope():
    prices = paths.gaussian(rng(), 2, 6, covariance=np.eye(2), start=[100.0, 50.0])
    rule, times = simulations.RecentredGrid(prices, 0.3), np.arange(7)
    for axis in (0, 1):
        bump = 1e-4 * np.eye(2)[axis]
        slope = (rule.value(prices + bump, times) - rule.value(prices - bump, times)) / 2e-4
        assert_allclose(-slope, rule.holdings(prices, times)[..., axis], atol=1e-7)
        tilt = (rule.holdings(prices + bump, times) - rule.holdings(prices - bump, times)) / 2e-4
        assert_allclose(-tilt, rule.intensity(prices, times)[..., axis], atol=1e-7)
    new, old, now = prices[:, 1:], prices[:, :-1], times[:-1]
    by_definition = rule.value(new, now) - rule.value(old, now) + np.vecdot(rule.holdings(old, now), new - old)
    assert_allclose(rule.divergence(new, old, now), by_definition, atol=1e-12)


def test_without_reversion_the_maker_is_the_grid():
    prices = paths.gaussian(rng(), 5, 30, covariance=ONE, start=[100.0])
    maker = decompose(simulations.RecentredGrid(prices, 0.0), prices, times=np.arange(31))
    grid = decompose(LinearGrid(ONE, [100.0]), prices)
    for series in ("harvest", "displacement", "carry"):
        assert_allclose(getattr(maker, series), getattr(grid, series), atol=1e-9)


def test_without_drift_all_four_earn_nothing_and_pay_for_half_in_their_own_way():
    prices = paths.gaussian(rng(), 10_000, 50, covariance=ONE, start=[100.0])
    parts = {name: found.total() for name, (found, _) in results(prices).items()}
    last = (1 - 0.9**100) / (2 * 0.1 - 0.1**2)  # Var q after 50 steps
    assert all(abs(z(found.pnl, 0)) < 4 for found in parts.values())
    assert abs(z(parts["grid"].harvest, 0.5)) < 4 and abs(z(parts["grid"].displacement, -0.5)) < 4
    assert abs(z(parts["market maker"].displacement, -last / 100)) < 4
    assert abs(z(parts["market maker"].carry, -0.5 + last / 100)) < 4
    assert abs(z(parts["gamma scalper"].carry, -0.5)) < 4 and not parts["gamma scalper"].displacement.any()


def test_the_scalper_earns_its_payoff_and_hedge_less_the_premium():
    prices = paths.martingale_gbm(rng(), 50, 40, covariance=[[1e-4]], start=[100.0])
    rule, times = simulations.mechanisms(prices, **FREE)["gamma scalper"]
    _, wealth = simulations.run(rule, times, prices, sd=1.0)
    premium = options.price(100, 100, 1, 40**0.5 / 100)
    by_hand = np.maximum(prices[:, -1, 0] - 100, 0) - premium + follow(rule.holdings(prices, times), prices)[:, -1]
    gamma = options.greeks(100, 100, 1, 40**0.5 / 100).gamma
    assert_allclose(wealth[:, -1], by_hand / (40 * gamma), atol=1e-12)
    assert_allclose(premium, 40 * gamma, rtol=1e-3)  # the scale is the premium of the option at the money


def test_with_jumps_the_scalper_loses_what_the_option_is_worth_less():
    jump = 0.005**0.5
    law = dict(covariance=[[0.5e-4]], jump_rate=0.01, jump_sd=jump, start=[100.0])
    prices = paths.jump_diffusion(rng(), 20_000, 100, **law)
    parts, _ = results(prices)["gamma scalper"]
    n = np.arange(30)
    spot = 100 * np.exp(n * jump**2 / 2 - np.expm1(jump**2 / 2))
    worth = stats.poisson.pmf(n, 1) @ options.price(spot, 100, 1, np.sqrt(0.005 + n * jump**2))
    gamma = options.greeks(100, 100, 1, 0.1).gamma
    expected = (worth - options.price(100, 100, 1, 0.1)) / (100 * gamma)
    assert expected < -0.02 and abs(z(parts.total().pnl, expected)) < 4


def test_one_path_is_enough():
    prices = np.array([[[100.0], [101.0], [99.0]]])
    for rule, times in simulations.mechanisms(prices, sd=1.0, reversion=0.5).values():
        assert np.isfinite(decompose(rule, prices, times=times).pnl).all()
