"""Optima of chapter 7: published and exact values, identities, and simulations against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from mnvh import control, frictions, functional, paths
from mnvh.decomposition import LinearGrid, attribute, decompose, follow

positive = st.floats(0.01, 10.0)


def rng():
    return np.random.default_rng(7)


# Published and converged values (reference_values, "Frictions")


def test_flip_band_and_rate():
    assert frictions.flip_band(cost=0.05) == pytest.approx(0.54169284, abs=5e-9)
    assert frictions.flip_rate(0.54169284, cost=0.05) == pytest.approx(0.68900489, abs=5e-9)


def test_sampling_interval_and_rate():
    assert frictions.sampling_interval(cost=0.05) == pytest.approx(0.1618173, abs=5e-8)
    assert frictions.sampling_rate(0.1618173, cost=0.05) == pytest.approx(0.788518, abs=5e-7)


def test_fill_saturation():
    assert frictions.saturated_intensity(harvest=2, decay=3, cost=0.2)[0] == pytest.approx(0.2605069, abs=5e-8)


def test_aim_and_speed():
    speed, aim = frictions.aim_and_speed(aversion=1, cost=0.5, discount=0.02, decay=0.7)
    assert (speed, aim) == (pytest.approx(1.404249, abs=5e-7), pytest.approx(0.670472, abs=5e-7))


# Closed forms are optima


@given(st.floats(1e-4, 0.8))
def test_bands_and_intervals_maximise_their_rates(cost):
    for best, rate in (
        (frictions.flip_band(cost=cost), frictions.flip_rate),
        (frictions.sampling_interval(cost=cost), frictions.sampling_rate),
    ):
        top = rate(best, cost=cost)
        assert top >= rate(best * np.array([0.99, 1.01]), cost=cost).max() and top > 0


@given(positive, positive, st.floats(0.01, 5.0), st.floats(0.0, 0.5))
def test_saturated_intensity_maximises_and_breaks_even(harvest, decay, cost, queue):
    terms = dict(harvest=harvest, decay=decay, cost=cost, queue=queue)
    best, even = frictions.saturated_intensity(**terms)
    grid = np.linspace(0, 5 / decay, 400)
    top = frictions.saturated_value(best, **terms)
    assert top >= frictions.saturated_value(grid, **terms).max() - 1e-12
    assert frictions.saturated_value(even, **terms) == pytest.approx(0, abs=1e-12 * harvest / decay)
    assert (best > 0) == (harvest * np.exp(-decay * queue) > cost)


def test_cost_on_fills_only_gives_one_over_the_decay():
    found = minimize_scalar(lambda k: -k * np.exp(-3 * k) * (2 - 0.2), bounds=(0, 2), method="bounded")
    assert found.x == pytest.approx(1 / 3, abs=1e-5)
    assert frictions.saturated_intensity(harvest=2, decay=3, cost=1e-12)[0] == pytest.approx(1 / 3, abs=1e-6)


@given(positive, positive, positive)
def test_tracking_band_is_the_minimum(cost, variance_rate, aversion):
    band, value = frictions.tracking_band(cost=cost, variance_rate=variance_rate, aversion=aversion)
    around = band * np.array([0.98, 1.02])
    assert (value <= aversion * around**2 / 6 + cost * variance_rate / (2 * around)).all()


def test_the_flip_band_is_a_cube_root_for_small_costs():
    costs = np.array([1e-6, 1e-5, 1e-4])
    bands = [frictions.flip_band(cost=c) for c in costs]
    assert stats.linregress(np.log(costs), np.log(bands)).slope == pytest.approx(1 / 3, abs=1e-3)
    assert bands[0] == pytest.approx((3e-6) ** (1 / 3), rel=1e-3)


@given(positive, positive, st.floats(0.01, 1.99), st.floats(0, 0.1))
def test_penalised_intensity_maximises_its_objective(edge, aversion, reversion, cost):
    terms = dict(sd=1.3, reversion=reversion)
    best = frictions.penalised_intensity(edge=edge, aversion=aversion, cost=cost, **terms)

    def objective(k):
        variance, turnover = frictions.inventory_law(intensity=k, **terms)
        return k * edge - aversion * variance - cost * turnover

    assert objective(best) >= max(objective(best * 0.99), objective(best * 1.01))


def test_adverse_fills_leave_nothing_to_choose():
    for fill in (0.0, 0.5, 1.0):
        edge = functional.expected_step_pnl([[1.0]], [[1.0]], fill)
        assert frictions.penalised_intensity(edge=edge, sd=1, aversion=1, reversion=0.1) == 0


@pytest.mark.parametrize("hurry", [0.01, 0.5, 20.0])
def test_liquidation_solves_the_quadratic_program(hurry):
    left = frictions.liquidation(12, variance=hurry, impact=1, aversion=1)
    system = np.diag(np.full(11, 2 + hurry)) - np.eye(11, k=1) - np.eye(11, k=-1)
    assert left[0] == 1 and left[-1] == 0
    assert np.allclose(left[1:-1], np.linalg.solve(system, np.eye(11)[0]), atol=1e-14)


def test_liquidation_without_hurry_is_a_straight_line_and_never_overflows():
    assert np.allclose(frictions.liquidation(10, variance=1, impact=1, aversion=1e-9), np.linspace(1, 0, 11), atol=1e-6)
    assert frictions.liquidation(5000, variance=100, impact=1, aversion=1)[-2] >= 0


@pytest.mark.parametrize("decay", [0.0, 0.3, 2.0])
def test_aim_and_speed_maximise_the_mean_objective_without_discount(decay):
    speed, aim = frictions.aim_and_speed(aversion=2, cost=0.5, discount=0, decay=decay)

    def objective(k, m):  # moments of a stationary signal of variance 1; σ = 1
        return (k * m - k * m**2 - 0.25 * k**2 * m**2 * decay) / (decay + k)

    best = objective(speed, aim / 2)
    assert all(best >= objective(speed * a, aim / 2 * b) for a in (0.98, 1, 1.02) for b in (0.98, 1, 1.02))


# Simulations


def z(sample, law):
    return (sample.mean() - law) / stats.sem(sample)


def test_the_inventory_rule_has_its_stationary_law_and_its_edge():
    prices = paths.gaussian(rng(), 4000, 160, covariance=[[1.44]])
    held = frictions.reverting_holdings(prices, intensity=0.7, reversion=0.2)
    variance, turnover = frictions.inventory_law(intensity=0.7, sd=1.2, reversion=0.2)
    late = held[:, 60:, 0]
    assert abs(z((late**2).mean(axis=1), variance)) < 4
    assert abs(z(np.abs(np.diff(late)).mean(axis=1), turnover)) < 4
    pnl = np.diff(follow(held, prices, fill=1.5), axis=1)[:, 60:].mean(axis=1)
    assert abs(z(pnl, 0.5 * 0.7 * 1.44)) < 4


def test_break_even_half_spread_pays_for_adverse_fills():
    prices = paths.gaussian(rng(), 4000, 50, covariance=[[4.0]])
    grid, spread = LinearGrid([[1.0]], [0.0]), frictions.break_even_half_spread(fill=0.25, sd=2.0)
    income = spread * np.abs(np.diff(grid.holdings(prices)[..., 0]))
    parts = decompose(grid, prices, fill=0.25, income=income).total()
    assert abs(z(parts.carry + parts.cost, 0)) < 4 and (parts.harvest >= 0).all()


def test_saturated_value_is_the_mean_over_exponential_flow():
    flow = rng().exponential(1 / 3, 200_000)
    net = 0.3 * (2.0 * (flow > 0.1 + 0.3) - 0.2)
    assert abs(z(net, frictions.saturated_value(0.3, harvest=2, decay=3, cost=0.2, queue=0.1))) < 4


def test_flip_and_sampling_rates_on_simulated_prices():
    step = 0.002
    x = paths.ornstein_uhlenbeck(rng(), 60, 50_000, persistence=np.exp(-step), stationary_covariance=[[1.0]])[..., 0]
    hit = np.where(np.abs(x) >= 0.5, -np.sign(x), 0)
    last = np.maximum.accumulate(np.arange(x.shape[1]) * (hit != 0), axis=1)
    held = np.take_along_axis(hit, last, axis=1)
    rate = ((held[:, :-1] * np.diff(x)).sum(axis=1) - 0.05 * np.abs(np.diff(held)).sum(axis=1)) / (step * 50_000)
    assert abs(z(rate, frictions.flip_rate(0.5 + 0.5826 * np.sqrt(2 * step), cost=0.05))) < 4
    moves = np.diff(x[:, ::80])
    rate = (-x[:, ::80][:, :-1] * moves - 0.05 * np.abs(moves)).mean(axis=1) / 0.16
    assert abs(z(rate, frictions.sampling_rate(0.16, cost=0.05))) < 4


def test_a_reflecting_band_has_its_turnover_and_distance():
    step = 1e-4
    target = paths.gaussian(rng(), 60, 40_000, covariance=[[step]])[..., 0]
    band = 0.5
    held = control.keep_within(target, band, reset=False)
    seen = band + 0.5826 * np.sqrt(step)  # reflection is seen at discrete times
    assert abs(z(np.abs(np.diff(held)).sum(axis=1), 1 / (2 * seen) * 4)) < 4
    assert np.abs(target - held).max() <= band + 1e-12


# Exact identities


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30), st.floats(0, 1.99), st.floats(0, 10), st.floats(0, 2))
def test_account_and_attribution_agree_and_the_rule_is_its_recursion(path, reversion, intensity, fill):
    prices = np.array(path)[None, :, None]
    held = frictions.reverting_holdings(prices, intensity=intensity, reversion=reversion)
    trades, moves = np.diff(held[0, :, 0]), np.diff(path)
    scale = 1 + np.abs(held).max() + intensity * np.abs(moves).max()
    assert np.allclose(trades, -intensity * moves - reversion * held[0, :-1, 0], atol=1e-12 * scale)
    parts = attribute(held, prices, fill=fill, fee_bps=0).total()
    assert abs(parts.pnl[0] - follow(held, prices, fill=fill)[0, -1]) <= 1e-12 * (1 + parts.gross[0])


def test_without_reversion_the_rule_is_the_linear_grid():
    prices = paths.gaussian(rng(), 20, 30, covariance=np.eye(2), start=[5.0, 6.0])
    grid = LinearGrid(0.4 * np.eye(2), [5.0, 6.0])
    held = frictions.reverting_holdings(prices, intensity=0.4, reversion=0.0)
    assert np.allclose(held, grid.holdings(prices), atol=1e-12)
