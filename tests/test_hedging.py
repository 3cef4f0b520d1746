"""Chapter 5: what a hedged option earns, in continuous and discrete time, without and with costs."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

from mnvh import hedging, paths
from mnvh.decomposition import decompose, simulate
from mnvh.hedging import band_holdings, clock_holdings, short_call
from mnvh.options import OptionHedge, greeks, price

CALL = OptionHedge(100.0, 0.25, 0.2)


def gbm(seed, n_paths, n_steps, *, volatility=0.2, years=0.25, start=100.0, drift=0.0):
    times = np.linspace(0, years, n_steps + 1)
    covariance = [[volatility**2 * years / n_steps]]
    prices = paths.martingale_gbm(np.random.default_rng(seed), n_paths, n_steps, covariance=covariance, start=[start])
    return prices * np.exp(drift * times)[:, None], times


def earned(hedge, prices, times):
    parts = decompose(hedge, prices, times=times).total()
    return parts.harvest + parts.carry


def assert_mean(samples, expected):
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(samples.mean() - expected) < 4 * error, f"{samples.mean():.6g} ± {error:.2g} against {expected:.6g}"


def normal(n=120):
    """Nodes and weights of the standard normal law."""
    x, w = np.polynomial.hermite_e.hermegauss(n)
    return x, w / w.sum()


# -- what the hedged option earns


def test_hedged_at_the_right_volatility_it_earns_nothing_and_not_half_of_sigma_vega():
    pnl = earned(CALL, *gbm(1, 20_000, 63))
    assert_mean(pnl, 0.0)
    printed = 0.1 * greeks(100, 100, 0.25, 0.2).vega
    assert printed > 100 * pnl.std() / np.sqrt(len(pnl))


@given(implied=st.floats(0.05, 1), realised=st.floats(0.05, 1), strike=st.floats(60, 160), years=st.floats(0.05, 3))
def test_without_drift_the_mean_is_the_difference_of_the_two_prices(implied, realised, strike, years):
    found = hedging.expected_pnl(OptionHedge(strike, years, implied), 100.0, realised)
    assert found == pytest.approx(price(100, strike, years, realised) - price(100, strike, years, implied), abs=1e-7)


def test_the_mean_of_hedging_at_twenty_while_thirty_realises():
    bank = np.exp(0.05 * 0.25)
    hedge = OptionHedge(100 / bank, 0.25, 0.2)
    assert bank * hedging.expected_pnl(hedge, 100.0, 0.3, excess_drift=0.05) == pytest.approx(1.9879, abs=5e-5)
    assert bank * hedging.expected_pnl(hedge, 100.0, 0.3) == pytest.approx(1.9928, abs=5e-5)
    for seed, drift in ((2, 0.0), (3, 0.05)):
        pnl = earned(hedge, *gbm(seed, 10_000, 100, volatility=0.3, drift=drift))
        assert_mean(pnl, hedging.expected_pnl(hedge, 100.0, 0.3, excess_drift=drift))


def test_a_step_earns_half_gamma_times_the_square_less_the_variance_paid_for():
    gaps = []
    for step in (1e-3, 1e-5):  # years; a move of one and a half standard deviations
        prices = np.array([[[97.0], [97.0 * (1 + 0.3 * np.sqrt(step))]]])
        times = np.array([0.1, 0.1 + step])
        exact = earned(CALL, prices, times)[0]
        gaps.append(abs(exact / hedging.gamma_pnl(CALL, prices, times)[0, 0] - 1))
    assert gaps[1] < 3e-3
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)  # of the order of the root of the step


def test_the_gap_to_the_integral_falls_with_the_root_and_to_the_moves_with_the_number_of_steps():
    prices, times = gbm(4, 2000, 1024, volatility=0.3)
    medians = []
    for every in (8, 1):
        p, t = prices[:, ::every], times[::every]
        pnl, gamma = earned(CALL, p, t), CALL.intensity(p[:, :-1], t[:-1])[..., 0, 0]
        integral = 0.05 / 2 * (gamma * p[:, :-1, 0] ** 2 * np.diff(t)).sum(axis=1)
        medians.append([np.median(abs(pnl - other)) for other in (integral, hedging.gamma_pnl(CALL, p, t).sum(axis=1))])
    to_integral, to_moves = np.log(np.divide(*medians)) / np.log(8)
    assert to_integral == pytest.approx(0.5, abs=0.05)
    assert to_moves == pytest.approx(1.0, abs=0.15)  # from below: gamma is wild at the strike just before expiry


def test_with_jumps_the_mean_is_mertons_price_less_black_and_scholes():
    rate, mean, sd, n_steps = 2.5, -0.08, 0.04, 32
    smooth, dt = 0.04 - rate * (mean**2 + sd**2), 0.25 / n_steps
    prices = paths.jump_diffusion(
        np.random.default_rng(5), 20_000, n_steps,
        covariance=[[smooth * dt]], jump_rate=rate * dt, jump_mean=mean, jump_sd=sd, start=[100.0],
    )  # fmt: skip
    n = np.arange(30)
    forward = 100 * np.exp(n * (mean + sd**2 / 2) - rate * np.expm1(mean + sd**2 / 2) * 0.25)
    merton = poisson.pmf(n, rate * 0.25) @ price(forward, 100, 0.25, np.sqrt(smooth + n * sd**2 / 0.25))
    pnl = earned(CALL, prices, np.linspace(0, 0.25, n_steps + 1))
    assert_mean(pnl, merton - price(100, 100, 0.25, 0.2))
    assert pnl.std() > 2 * np.sqrt(hedging.error_variance(CALL, 100.0, n_steps))


# -- hedging in discrete time


@pytest.mark.parametrize("strike", [85.0, 100.0, 120.0])
def test_error_variance_is_the_sum_of_the_squared_dollar_gammas(strike):
    hedge, n_steps = OptionHedge(strike, 0.25, 0.2), 50
    times, width = np.polynomial.legendre.leggauss(400)
    times, width = (times + 1) / 8, width / 8  # on (0, 1/4)
    z = np.linspace(-9, 9, 4001)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    prices = 100 * np.exp(0.2 * np.sqrt(times)[:, None] * z - 0.02 * times[:, None])
    dollar_gamma = hedge.intensity(prices[..., None], times[:, None])[..., 0, 0] * prices**2
    direct = 0.2**4 / 2 * 0.25 / n_steps * (width @ (dollar_gamma**2 @ weight))
    assert hedging.error_variance(hedge, 100.0, n_steps) == pytest.approx(direct, rel=2e-3)


def test_at_d2_zero_the_error_variance_is_that_of_derman_and_kamal():
    strike = 100 * np.exp(-0.2**2 * 0.25 / 2)
    vega = greeks(100, strike, 0.25, 0.2).vega
    found = hedging.error_variance(OptionHedge(strike, 0.25, 0.2), 100.0, 30)
    assert found == pytest.approx(np.pi / 4 * (0.2 * vega) ** 2 / 30, rel=1e-12)


CONVERGED = {4: 0.4159, 5: 0.3742, 10: 0.2682, 20: 0.1921, 40: 0.1372, 80: 0.0980}


@pytest.mark.parametrize("n_steps", CONVERGED)
def test_hulls_table(n_steps):
    years = 20 / 52
    hedge = OptionHedge(50 * np.exp(-0.05 * years), years, 0.2)

    def draw(rng, n):
        return gbm(rng, n, n_steps, years=years, start=49.0, drift=0.08)[0]

    total = simulate(hedge, draw, np.random.default_rng(n_steps), 20_000, times=np.linspace(0, years, n_steps + 1))
    error = (total.harvest + total.carry) / hedge.value(np.array([49.0]), 0.0)
    squares = (error - error.mean()) ** 2
    stderr = squares.std() / np.sqrt(len(squares)) / (2 * error.std())
    assert abs(error.std() - CONVERGED[n_steps]) < 4 * stderr + 5e-5  # the value is rounded
    assert error.std() == pytest.approx(np.sqrt(hedging.error_variance(hedge, 49.0, n_steps)) / 2.400527, rel=0.32 / np.sqrt(n_steps))


# -- costs


def test_lelands_volatility_and_price():
    raised = hedging.leland_volatility(0.2, 1 / 52, fee_bps=50)
    assert raised == pytest.approx(0.2270, abs=5e-5)
    assert price(100, 100, 1, raised) == pytest.approx(9.0347, abs=5e-5)
    small = price(100, 100, 1, hedging.leland_volatility(0.2, 1 / 52, fee_bps=0.01)) - price(100, 100, 1, 0.2)
    assert small == pytest.approx(hedging.clock_cost(OptionHedge(100.0, 1.0, 0.2), 100.0, 52, fee_bps=0.01), rel=1e-3)


def exact_cost(hedge, n_steps, fee, volatility):
    """Mean cost of the trades at the inner dates, by quadrature over the price at each and the move from there."""
    x, w = normal()
    u = np.linspace(-8, 8, 2001)
    v = np.exp(-(u**2) / 2)
    times, total = np.linspace(0, hedge.expiry_years, n_steps + 1), 0.0
    for before, now in zip(times[:-2], times[1:-1], strict=True):
        old = 100 * np.exp(volatility * np.sqrt(before) * x - volatility**2 * before / 2)[:, None, None]
        new = old * np.exp(volatility * np.sqrt(now - before) * u - volatility**2 * (now - before) / 2)[:, None]
        trade = abs(hedge.holdings(new, now) - hedge.holdings(old, before)) * new
        total += fee * w @ (trade[..., 0] @ v) / v.sum()
    return total


def test_hedged_at_lelands_volatility_the_premium_pays_the_costs():
    plain = OptionHedge(100.0, 1.0, 0.2)
    leland = OptionHedge(100.0, 1.0, hedging.leland_volatility(0.2, 1 / 52, fee_bps=50))
    prices, times = gbm(6, 10_000, 52, years=1.0)
    for hedge in (plain, leland):
        target = -hedge.holdings(prices[:, :-1], times[:-1])
        error, cost = short_call(hedge, prices, clock_holdings(target, 1), fee_bps=50)
        exact = exact_cost(hedge, 52, 0.005, 0.2)
        assert_mean(cost, exact)
        premium = hedge.value(np.array([100.0]), 0.0) - plain.value(np.array([100.0]), 0.0)
        assert_mean(error, premium)
    assert premium - exact == pytest.approx(0, abs=0.01)  # Leland, of a cost of 1.06
    assert exact_cost(plain, 52, 0.005, 0.2) == pytest.approx(1.132, abs=1e-3)  # unmodified, nothing pays it


def test_clock_cost_is_the_limit_of_the_mean_cost():
    # without the trade at expiry, which is of the same order as any other
    cost = exact_cost(CALL, 64, 0.002, 0.2)
    assert cost == pytest.approx(hedging.clock_cost(CALL, 100.0, 64, fee_bps=20) * 63 / 64, rel=0.02)


def test_best_clock_minimises_cost_and_risk():
    unit_cost = hedging.clock_cost(CALL, 100.0, 1, fee_bps=20)
    unit_variance = hedging.error_variance(CALL, 100.0, 1)
    best = minimize_scalar(lambda x: unit_cost * np.exp(x / 2) + 1.5 * unit_variance * np.exp(-x), bounds=(0, 8), method="bounded")
    assert hedging.best_clock(CALL, 100.0, fee_bps=20, risk_aversion=3.0) == pytest.approx(np.exp(best.x), rel=1e-4)


AT_THE_MONEY = np.full((1, 1, 1), 100.0)


def test_whalley_wilmott_band():
    target, half = hedging.whalley_wilmott(CALL, AT_THE_MONEY, [0.0], fee_bps=50, risk_aversion=1.0)
    assert CALL.intensity(AT_THE_MONEY, [0.0]).item() == pytest.approx(0.039844, abs=5e-7)
    assert half.item() == pytest.approx(0.105990, abs=5e-7)
    assert target.item() == pytest.approx(greeks(100, 100, 0.25, 0.2).delta, rel=1e-14)


def test_whalley_wilmott_band_is_the_same_in_money_and_in_units_of_the_bank_account():
    rate, years, now, spot, aversion = 0.05, 0.25, 0.1, 104.0, 0.7
    hedge = OptionHedge(100 * np.exp(-rate * years), years, 0.2)
    prices = np.full((1, 1, 1), spot * np.exp(-rate * now))
    _, half = hedging.whalley_wilmott(hedge, prices, [now], fee_bps=50, risk_aversion=aversion * np.exp(rate * years))
    gamma = greeks(spot, 100, years - now, 0.2, rate=rate).gamma
    assert half.item() == pytest.approx(np.cbrt(1.5 * 0.005 * spot * gamma**2 * np.exp(-rate * (years - now)) / aversion), rel=1e-12)


def optimal_band(years, fee, aversion, n_steps=200, n_holdings=601):
    """No-trade band of the writer of a call at the money by dynamic programming on a binomial tree (exponential utility,
    settlement in cash); half way to expiry: prices, lower and upper edge."""
    dt = years / n_steps
    up = np.exp(0.2 * np.sqrt(dt))
    chance = (1 - 1 / up) / (up - 1 / up)
    held = np.linspace(-0.05, 1.05, n_holdings)
    prices = 100 * up ** (2.0 * np.arange(n_steps + 1) - n_steps)
    burden = np.maximum(prices - 100, 0)[:, None] + fee * prices[:, None] * abs(held)
    for n in range(n_steps - 1, n_steps // 2 - 1, -1):
        prices = 100 * up ** (2.0 * np.arange(n + 1) - n)
        rise = aversion * (burden[1 : n + 2] - held * (prices * (up - 1))[:, None])
        fall = aversion * (burden[: n + 1] - held * (prices * (1 / up - 1))[:, None])
        keep = np.logaddexp(np.log(chance) + rise, np.log(1 - chance) + fall) / aversion
        toll = fee * prices[:, None] * held
        low, high = (keep + toll).argmin(axis=1), (keep - toll).argmin(axis=1)
        to = np.clip(np.arange(n_holdings), low[:, None], high[:, None])
        burden = np.take_along_axis(keep, to, 1) + fee * prices[:, None] * abs(held[to] - held)
    return prices, held[low], held[high]


@pytest.mark.parametrize(("fee_bps", "aversion", "volatility"), [(1.0, 0.1, 0.2), (100.0, 3.0, 0.5)])
def test_zakamoulines_rule_has_the_exponents_that_it_prints(fee_bps, aversion, volatility):
    spot, left, fee = 110.0, 0.7, fee_bps / 1e4
    hedge = OptionHedge(100.0, 1.0, volatility)
    gamma = float(greeks(spot, 100.0, left, volatility).gamma)
    raised = volatility**2 * (1 + 4.76 * fee**0.78 / left**0.02 / volatility**0.25 * (aversion * spot**2 * gamma) ** 0.15)
    plain = fee / (aversion * spot * volatility**2 * left)
    near = 1.12 * fee**0.31 * left**0.05 / volatility**0.25 * (gamma / aversion) ** 0.5
    target, half = hedging.zakamouline(hedge, [[[spot]]], [0.3], fee_bps=fee_bps, risk_aversion=aversion)
    np.testing.assert_allclose(target.ravel(), greeks(spot, 100.0, left, raised**0.5).delta, rtol=1e-12)
    np.testing.assert_allclose(half.ravel(), plain + near, rtol=1e-12)


def test_zakamoulines_band_is_close_to_the_optimal_one_and_its_volatility_is_raised():
    prices, low, high = optimal_band(1.0, 0.01, 1.0)
    near = (prices > 85) & (prices < 115)
    args = (OptionHedge(100.0, 1.0, 0.2), prices[near][:, None, None], [0.5])
    target, half = hedging.zakamouline(*args, fee_bps=100, risk_aversion=1.0)
    delta, simple = hedging.whalley_wilmott(*args, fee_bps=100, risk_aversion=1.0)
    middle, width = (low + high)[near] / 2, (high - low)[near] / 2
    assert abs(half[:, 0, 0] / width - 1).max() < 0.12
    assert (simple[:, 0, 0] / width > 1.15).all()  # the expansion for small costs is too wide at 1 %
    below = prices[near] < 97  # there a raised volatility means more delta
    assert (target[below] > delta[below]).all()
    assert (abs(middle[below] - target[below, 0, 0]) < abs(middle[below] - delta[below, 0, 0])).all()


def test_whalley_wilmott_band_is_the_optimal_one_for_small_costs_and_aversion():
    prices, low, high = optimal_band(1.0, 0.002, 0.02)
    near = (prices > 92) & (prices < 108)
    args = OptionHedge(100.0, 1.0, 0.2), prices[near][:, None, None], [0.5]
    _, half = hedging.whalley_wilmott(*args, fee_bps=20, risk_aversion=0.02)
    assert half[:, 0, 0] == pytest.approx((high - low)[near] / 2, rel=0.12)


# -- rules of rehedging

targets = arrays(float, (2, 6, 1), elements=st.floats(-2, 2))
widths = arrays(float, (2, 6, 1), elements=st.floats(0, 1))


@settings(deadline=None)  # the first call compiles
@given(target=targets, half=widths)
def test_a_band_is_never_left_and_trades_go_to_its_edge(target, half):
    held = band_holdings(target, half)
    assert (held[:, 0] == target[:, 0]).all() and (held[:, -1] == held[:, -2]).all()
    inside = held[:, :-1]
    assert (abs(inside - target) <= half + 1e-12).all()
    traded = inside[:, 1:] != inside[:, :-1]
    at_edge = np.isclose(abs(inside - target)[:, 1:], half[:, 1:], atol=1e-12)
    assert (at_edge | ~traded).all()


@given(target=targets, every=st.integers(1, 9))
def test_a_clock_holds_the_latest_target_of_its_dates(target, every):
    held = clock_holdings(target, every)
    assert held.shape == (2, 7, 1)
    for t in range(6):
        assert (held[:, t] == target[:, t - t % every]).all()
    assert (held[:, -1] == held[:, -2]).all()


@pytest.mark.parametrize("half", [1, 3])
def test_a_band_on_a_simple_random_walk_has_its_exact_turnover_and_mean_square(half):
    walk = paths.lattice_walk(np.random.default_rng(half), 4000, 300)
    held = band_holdings(walk, np.full(walk.shape, float(half)))[:, :-1]
    settled = slice(100, None)  # what is undelivered is uniform on -half..half by then
    assert_mean(((walk - held)[:, settled, 0] ** 2).mean(axis=1), half * (half + 1) / 3)
    assert_mean(abs(np.diff(held[:, settled, 0], axis=1)).mean(axis=1), 1 / (2 * half + 1))


def test_a_short_call_hedged_at_every_date_is_the_hedged_long_call_with_the_other_sign():
    prices, times = gbm(7, 50, 20)
    target = -CALL.holdings(prices[:, :-1], times[:-1])
    error, cost = short_call(CALL, prices, clock_holdings(target, 1), fee_bps=20)
    parts = decompose(CALL, prices, times=times, fee_bps=20)
    whole = parts.total()
    assert (abs(error + whole.harvest + whole.carry) <= 1e-12 * whole.gross).all()
    np.testing.assert_allclose(cost, -parts.cost[:, :-1].sum(axis=1))  # no trade at expiry


def burden(run, aversion):
    error, cost = run
    return cost + aversion / 2 * (error - error.mean()) ** 2


@pytest.mark.parametrize("rule", [hedging.whalley_wilmott, hedging.zakamouline])
@pytest.mark.parametrize("aversion", [0.2, 1.0, 5.0])
def test_a_band_beats_the_best_clock(rule, aversion):
    prices, times = gbm(8, 2000, 252)
    seen = prices[:, :-1], times[:-1]
    target = -CALL.holdings(*seen)
    clocks = [short_call(CALL, prices, clock_holdings(target, every), fee_bps=20) for every in (1, 2, 4, 7, 12, 21, 42)]
    best = min((burden(run, aversion) for run in clocks), key=np.mean)
    band = burden(short_call(CALL, prices, band_holdings(*rule(CALL, *seen, fee_bps=20, risk_aversion=aversion)), fee_bps=20), aversion)
    gain = best - band
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))


def test_no_rule_of_rehedging_changes_the_mean_before_costs():
    prices, times = gbm(9, 10_000, 63)
    seen = prices[:, :-1], times[:-1]
    band = band_holdings(*hedging.whalley_wilmott(CALL, *seen, fee_bps=20, risk_aversion=1.0))
    for held in (band, clock_holdings(-CALL.holdings(*seen), 9)):
        assert_mean(short_call(CALL, prices, held, fee_bps=20)[0], 0.0)
