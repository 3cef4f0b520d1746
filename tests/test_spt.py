"""Chapter 6: generated portfolios, constant mixes, and the published values of NYSE(O)."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnvh import paths, readers, universal
from mnvh.decomposition import bregman, decompose, follow
from mnvh.spt import (
    Diversity,
    Entropy,
    GeometricMean,
    decompose_log,
    delayed,
    excess_growth_rate,
    follow_log,
    market_weights,
    portfolio_weights,
)
from mnvh.universal import best_constant_mix, exponentiated_gradient, lo_mackinlay_ratio, universal_log_wealth

MIX = np.array([0.2, 0.5, 0.3])
GENERATORS = [GeometricMean(MIX), GeometricMean([1.0, 0.0, 0.0]), Diversity(0.5), Diversity(0.05), Entropy()]
CONVEX = Diversity(2.0)
ALL = [*GENERATORS, CONVEX, Diversity(1.0)]
each_generator = pytest.mark.parametrize("generator", ALL, ids=str)
prices_of_three = st.integers(1, 8).flatmap(
    lambda n: arrays(float, (2, n + 1, 3), elements=st.floats(1e-4, 1e4, allow_subnormal=False))
)
fees = st.sampled_from([0, 0.01, 10, 100, 1_000])
NYSE = readers.from_frame(readers.nyse_stocks())
PAIR = readers.from_frame(readers.nyse_stocks()[["iroqu", "kinar"]])
EQUAL = np.full(36, 1 / 36)


def assert_mean(samples, expected):
    mean, stderr = samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(mean - expected) < 4 * stderr, f"{mean:.6g} ± {stderr:.2g} against {expected:.6g}"


def wealth(weights, prices=NYSE):
    return np.exp(follow_log(weights, prices)[0, -1])


# The account and the decompositions

@each_generator
@given(prices=prices_of_three, fee_bps=fees)
def test_account_equals_multiplicative_decomposition_on_any_path(generator, prices, fee_bps):
    shares = market_weights(prices)
    parts = decompose_log(generator, shares, fee_bps=fee_bps).cumulative()
    account = follow_log(portfolio_weights(generator, shares), shares, fee_bps=fee_bps)
    assert (account[:, 0] == 0).all()
    assert (abs(account[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()


@each_generator
@given(prices=prices_of_three, fee_bps=st.sampled_from([0, 30]))
def test_account_equals_additive_decomposition_on_any_path(generator, prices, fee_bps):
    shares = market_weights(prices)
    parts = decompose(generator, shares, fee_bps=fee_bps).cumulative()
    account = follow(generator.holdings(shares), shares, fee_bps=fee_bps)
    assert (abs(account[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()


@given(prices=prices_of_three, fee_bps=fees, data=st.data())
def test_log_account_is_the_account_in_units_of_assets(prices, fee_bps, data):
    raw = data.draw(arrays(float, prices.shape, elements=st.floats(0.01, 1)))
    weights = raw / raw.sum(axis=2, keepdims=True)
    value = np.exp(follow_log(weights, prices, fee_bps=fee_bps))
    holdings = weights * value[..., None] / prices
    traded = abs(np.diff(holdings, axis=1))
    gross = 1 + np.vecdot(traded, prices[:, :-1] + prices[:, 1:]).cumsum(axis=1) + value[:, 1:]
    assert (abs(follow(holdings, prices, fee_bps=fee_bps)[:, 1:] - (value[:, 1:] - 1)) <= 1e-12 * gross).all()


def test_a_generator_that_is_homogeneous_on_some_days_only_is_refused():
    class Off(Diversity):
        def holdings(self, prices):
            return super().holdings(prices) * np.where(prices[..., :1] > 1, 1.1, 1.0)

    with pytest.raises(ValueError, match="p·∇G off G by 0.1 of it"):
        portfolio_weights(Off(0.5), [[[1.0, 2.0], [1.5, 2.0]]])


@each_generator
def test_holdings_are_minus_the_gradient_and_intensity_minus_theirs(generator):
    prices, h = np.array([0.3, 0.5, 0.2]), 1e-6
    steps = h * np.eye(3)
    slope = (generator.value(prices + steps) - generator.value(prices - steps)) / (2 * h)
    bend = (generator.holdings(prices + steps) - generator.holdings(prices - steps)) / (2 * h)
    scale = abs(generator.holdings(prices)).max() * 1e-7
    np.testing.assert_allclose(generator.holdings(prices), -slope, atol=scale, rtol=1e-7)
    np.testing.assert_allclose(generator.intensity(prices), -bend, atol=10 * scale, rtol=1e-6)
    assert generator.intensity(np.tile(prices, (2, 4, 1))).shape == (2, 4, 3, 3)


@each_generator
@given(prices=prices_of_three)
@example(prices=np.array([[[2.0, 1e-4, 1e-4], [105.0, 1e-4, 1e-4]]]))
def test_multiplicative_harvest_is_the_log_of_one_plus_the_additive_one(generator, prices):
    level = -generator.value(prices[:, 1:])
    additive, parts = bregman(generator, prices[:, 1:], prices[:, :-1]), decompose_log(generator, prices)
    scale = level - generator.value(prices[:, :-1]) + np.vecdot(abs(generator.holdings(prices[:, :-1])), prices[:, :-1])
    assert (abs(np.exp(parts.harvest) - 1 - additive / level) <= 1e-12 * (1 + scale / level + np.exp(parts.harvest))).all()


@given(prices=prices_of_three)
def test_a_linear_generator_is_buy_and_hold(prices):
    parts = decompose_log(Diversity(1.0), prices)
    assert (abs(parts.harvest) <= 1e-12 * parts.gross).all()
    value = np.log(prices.sum(axis=2))
    assert (abs(parts.pnl - np.diff(value)) <= 1e-12 * parts.gross).all()


@given(prices=prices_of_three)
def test_harvest_is_above_zero_for_concave_and_below_zero_for_convex_generators(prices):
    shares = market_weights(prices)
    for generator in GENERATORS:
        for parts in (decompose(generator, shares), decompose_log(generator, shares)):
            assert (parts.harvest >= -1e-12 * parts.gross).all()
    for parts in (decompose(CONVEX, shares), decompose_log(CONVEX, shares)):
        assert (parts.harvest <= 1e-12 * parts.gross).all()


@given(prices=prices_of_three)
def test_displacement_depends_on_the_end_points_only(prices):
    for generator in ALL:
        shares = market_weights(prices)
        whole, short = decompose_log(generator, shares).total(), decompose_log(generator, shares[:, [0, -1]]).total()
        assert (abs(whole.displacement - short.displacement) <= 1e-12 * whole.gross).all()


@given(prices=prices_of_three)
def test_harvest_does_not_depend_on_the_unit_of_account(prices):
    prices = prices**0.25  # -Σμ ln μ loses digits where one asset is nearly everything
    for generator in ALL:
        in_money = decompose_log(generator, prices / prices[:, :1])
        in_market = decompose_log(generator, market_weights(prices))
        assert (abs(in_money.harvest - in_market.harvest) <= 1e-12 * (in_money.gross + in_market.gross)).all()


def test_weights_of_the_generators_in_closed_form():
    shares = market_weights(NYSE[:, ::50])
    np.testing.assert_allclose(portfolio_weights(GeometricMean(EQUAL), shares), np.broadcast_to(EQUAL, shares.shape))
    for e in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(
            portfolio_weights(Diversity(e), shares), shares**e / (shares**e).sum(axis=2, keepdims=True)
        )
    terms = -shares * np.log(shares)
    np.testing.assert_allclose(portfolio_weights(Entropy(), shares), terms / terms.sum(axis=2, keepdims=True))


@given(x=arrays(float, 9, elements=st.floats(-5, 5)))
def test_a_pair_gains_log_cosh_of_its_moves_and_pays_log_cosh_of_its_way(x):
    prices = np.exp(np.stack([x - x[0], 0 * x], axis=1))[None]
    parts = decompose_log(GeometricMean([0.5, 0.5]), market_weights(prices))
    assert (abs(parts.harvest - np.log(np.cosh(np.diff(x) / 2))) <= 1e-12 * parts.gross).all()
    way, total = np.log(np.cosh((x[-1] - x[0]) / 2)), parts.total()
    assert (abs(total.displacement + way) <= 1e-12 * total.gross).all()


def test_trades_of_concave_generators_go_against_the_moves_and_those_of_convex_ones_with_them():
    shares = market_weights(NYSE)
    for generator, sign in ((GeometricMean(EQUAL), -1), (Diversity(0.5), -1), (Entropy(), -1), (CONVEX, 1)):
        trades = np.diff(generator.holdings(shares), axis=1)
        assert (sign * np.vecdot(trades, np.diff(shares, axis=1)) > 0).all()


# Costs and delay

def test_a_fee_is_paid_on_what_is_sold_and_on_what_is_bought():
    prices = np.array([[[1.0, 1.0], [2.0, 1.0]]])  # wealth 1.5: sell k·.25·… of one, buy of the other
    kept = np.exp(follow_log([0.5, 0.5], prices, fee_bps=100)[0, -1]) / 1.5
    sold, bought = 1 - kept * 0.75, kept * 0.75 - 0.5
    assert kept * 1.5 + 0.01 * (sold + bought) == pytest.approx(1.5, rel=1e-15)
    parts = decompose_log(GeometricMean([0.5, 0.5]), prices, fee_bps=100)
    assert parts.cost[0, 0] == pytest.approx(np.log(kept), rel=1e-12)


def test_a_day_late_is_the_weights_of_yesterday_drifted():
    np.testing.assert_allclose(delayed(EQUAL, NYSE, 0), np.broadcast_to(EQUAL, NYSE.shape), rtol=1e-14)
    late = delayed([0.5, 0.5], PAIR, 1)
    np.testing.assert_array_equal(late[0, 0], [0.5, 0.5])
    relatives = PAIR[:, 1:] / PAIR[:, :-1]
    np.testing.assert_allclose(late[:, 1:], relatives / relatives.sum(axis=2, keepdims=True), rtol=1e-14)
    never = delayed(EQUAL, NYSE, NYSE.shape[1])  # so late that nothing is ever traded
    np.testing.assert_allclose(np.exp(follow_log(never, NYSE)), NYSE.mean(axis=2), rtol=1e-10)


def test_bounce_earns_half_its_square_a_day_and_nothing_a_day_late():
    logs = paths.roll(np.random.default_rng(8), 400, 1000, covariance=1e-4 * np.eye(2), half_spread=0.01)
    shares = market_weights(np.exp(logs))
    on_time = follow_log([0.5, 0.5], shares)[:, -1]
    late = follow_log(delayed([0.5, 0.5], shares, 1), shares)[:, -1]
    assert_mean(on_time - late, 1000 * 0.01**2 / 2)
    assert_mean(late, 0.0)


# Growth

def test_excess_growth_of_equal_weights_and_equal_correlations():
    n, vol, rho = 7, 0.3, 0.4
    covariance = vol**2 * (rho + (1 - rho) * np.eye(n))
    assert excess_growth_rate(np.full(n, 1 / n), covariance) == pytest.approx(vol**2 * (1 - rho) * (1 - 1 / n) / 2)


def test_half_of_the_trace_of_intensity_and_covariance_is_the_excess_growth_rate():
    covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, -0.02], [0.0, -0.02, 0.05]])
    intensity = GeometricMean(MIX).intensity(np.ones(3))  # G = 1, so that Δp are returns
    assert np.vdot(intensity, covariance) / 2 == pytest.approx(excess_growth_rate(MIX, covariance), rel=1e-14)


def test_daily_harvest_on_continuous_paths_is_the_excess_growth_rate():
    covariance = 0.2**2 / 250 * (0.3 + 0.7 * np.eye(3))
    prices = paths.martingale_gbm(np.random.default_rng(1), 4000, 250, covariance=covariance)
    assert_mean(decompose_log(GeometricMean(MIX), prices).total().harvest, 250 * excess_growth_rate(MIX, covariance))


def test_harvest_of_a_jump_is_its_own_divergence():
    rate, mean, sd, weights = 0.01, -0.5, 0.1, np.full(4, 0.25)
    covariance = 0.2**2 / 250 * (0.3 + 0.7 * np.eye(4))
    jumps = dict(jump_rate=rate, jump_mean=mean, jump_sd=sd)
    prices = paths.jump_diffusion(np.random.default_rng(2), 4000, 250, covariance=covariance, **jumps)
    nodes, chances = np.polynomial.hermite_e.hermegauss(40)
    jump = mean + sd * nodes
    divergence = (np.log1p(np.expm1(jump) / 4) - jump / 4) @ chances / chances.sum()
    harvest = decompose_log(GeometricMean(weights), prices).total().harvest
    assert_mean(harvest, 250 * (excess_growth_rate(weights, covariance) + 4 * rate * divergence))
    by_covariance = 250 * excess_growth_rate(weights, covariance + rate * (mean**2 + sd**2) * np.eye(4))
    assert abs(harvest.mean() - by_covariance) > 5 * harvest.std() / np.sqrt(4000)


def test_a_mix_of_martingales_has_mean_wealth_one_and_a_falling_log():
    covariance = 0.04 * np.eye(3)
    prices = paths.martingale_gbm(np.random.default_rng(3), 40_000, 20, covariance=covariance)
    log = follow_log(MIX, prices)[:, -1]
    assert_mean(np.exp(log), 1.0)
    assert_mean(np.exp(follow_log(delayed(MIX, prices, 3), prices)[:, -1]), 1.0)
    assert log.mean() + 5 * log.std() / np.sqrt(len(log)) < -0.1  # about -½·20·.04·Σw² = -.152
    assert np.median(log) < -0.1


@pytest.mark.parametrize(("chance", "growth"), [(1 / 2, 0.0588915), (1 / 3, -0.056633)])
def test_shannons_demon_and_its_martingale_version(chance, growth):
    ups = np.array(list(itertools.product((2.0, 0.5), repeat=6)))
    prices = np.stack([np.cumprod(np.c_[np.ones(64), ups], axis=1), np.ones((64, 7))], axis=2)
    odds = np.where(ups == 2, chance, 1 - chance).prod(axis=1)
    log = follow_log([0.5, 0.5], prices)[:, -1]
    assert odds @ log / 6 == pytest.approx(growth, abs=5e-7)
    assert (odds @ np.exp(log) == pytest.approx(1)) == (chance == 1 / 3)


def test_bounded_weights_that_never_rest_beat_the_market_on_every_path():
    walk = paths.lattice_walk(np.random.default_rng(4), 1000, 200)
    share = 0.5 + 0.05 * (abs((walk - 6) % 24 - 12) - 6)  # folded into [.2, .8]
    demon, every = GeometricMean([0.5, 0.5]), 0.5 + 0.05 * np.r_[-6:7, 5:-7:-1][None, :, None]
    least = decompose_log(demon, np.concatenate([every, 1 - every], axis=2)).harvest.min()
    width = np.log(0.5) - np.log(0.2 * 0.8) / 2
    gain = decompose_log(demon, np.concatenate([share, 1 - share], axis=2)).total()
    assert (gain.pnl > 200 * least - width).all() and 200 * least > 4 * width
    assert gain.harvest.std() > 0.05  # and still random


# NYSE(O), the values of reference_values

@pytest.mark.parametrize(
    ("generator", "relative", "displacement", "harvest"),
    [
        (GeometricMean(EQUAL), 0.62465690, -0.28758569, 0.91224259),
        (Diversity(0.5), 0.28964301, -0.14829387, 0.43793687),
        (Entropy(), 0.17280554, -0.08720150, 0.26000704),
    ],
    ids=str,
)
def test_master_formula_on_nyse(generator, relative, displacement, harvest):
    parts = decompose_log(generator, market_weights(NYSE)).total()
    found = [parts.pnl[0], parts.displacement[0], parts.harvest[0]]
    np.testing.assert_allclose(found, [relative, displacement, harvest], atol=5.1e-9)


def test_uniform_mix_on_nyse():
    parts = decompose_log(GeometricMean(EQUAL), NYSE).total()
    found = [parts.pnl[0], parts.displacement[0], parts.harvest[0]]
    np.testing.assert_allclose(found, [3.2986198914, 2.3863773036, 0.9122425879], atol=5.1e-11)
    returns = np.diff(np.log(NYSE[0]), axis=0)
    assert (np.var(returns, axis=1).sum() / 2).round(6) == 0.908492


def test_published_wealths_of_the_whole_universe():
    assert NYSE[0, -1].mean().round(4) == 14.4973
    assert NYSE[0, -1].max().round(4) == 54.1404
    assert wealth(best_constant_mix(NYSE)).round(4) == 250.5971
    assert wealth(EQUAL).round(4) == 27.0752
    assert wealth(exponentiated_gradient(NYSE, 0.05)).round(4) == 27.0949


def test_published_wealths_of_iroquois_and_kin_ark():
    np.testing.assert_array_equal(PAIR[0, -1].round(4), [8.9151, 4.1276])
    assert wealth(best_constant_mix(PAIR), PAIR).round(4) == 73.7012
    grid = np.linspace(0, 1, 21)
    grid = np.stack([grid, 1 - grid], axis=1)
    assert max(wealth(mix, PAIR) for mix in grid).round(3) == 73.619
    assert np.exp(universal_log_wealth(PAIR, grid)[0, -1]).round(4) == 38.6727
    assert wealth([0.5, 0.5], PAIR).round(2) == 72.58
    assert wealth(delayed([0.5, 0.5], PAIR, 1), PAIR).round(2) == 29.71
    ratio, stderr = lo_mackinlay_ratio(np.log(PAIR[..., 0] / PAIR[..., 1]), 5)
    assert ratio[0].round(3) == 0.632
    assert ratio[0] < 1 - 5 * stderr[0]


# Cover's portfolios

def test_the_universal_portfolio_is_the_mean_wealth_of_its_mixes():
    mixes = np.random.default_rng(5).dirichlet(np.ones(36), 4)
    mean = np.mean([np.exp(follow_log(mix, NYSE[:, :100])) for mix in mixes], axis=0)
    np.testing.assert_allclose(np.exp(universal_log_wealth(NYSE[:, :100], mixes)), mean, rtol=1e-12)


@given(prices=prices_of_three, raw=arrays(float, 3, elements=st.floats(0.01, 1)))
def test_no_constant_mix_beats_the_best(prices, raw):
    prices = np.exp(np.log(prices) / 10)  # steps of up to a factor six
    best = follow_log(best_constant_mix(prices), prices)[:, -1].sum()
    for mix in (raw / raw.sum(), *np.eye(3)):
        assert follow_log(mix, prices)[:, -1].sum() <= best + 1e-4


def test_all_goes_into_an_asset_that_always_wins():
    prices = np.exp(np.arange(30.0)[:, None] * [0.02, 0.01, -0.01])[None]
    np.testing.assert_allclose(best_constant_mix(prices), [1, 0, 0], atol=1e-6)


def test_exponentiated_gradient_follows_its_rule_and_does_nothing_at_rate_zero():
    np.testing.assert_allclose(exponentiated_gradient(NYSE, 0), np.broadcast_to(EQUAL, NYSE.shape), rtol=1e-12)
    weights = exponentiated_gradient(PAIR, 0.7)
    relatives = PAIR[0, 101] / PAIR[0, 100]
    raw = weights[0, 100] * np.exp(0.7 * relatives / (weights[0, 100] @ relatives))
    np.testing.assert_allclose(weights[0, 101], raw / raw.sum(), rtol=1e-13)


def test_variance_ratio_is_unbiased_and_its_error_right_on_random_walks_of_changing_volatility():
    prices = paths.stochastic_volatility(
        np.random.default_rng(6), 2000, 400, volatility=[0.02], log_vol_sd=0.5, persistence=0.9
    )
    ratio, stderr = lo_mackinlay_ratio(np.log(prices[..., 0]), 5)
    assert_mean(ratio, 1.0)
    z = (ratio - 1) / stderr
    assert abs(z.std() - 1) < 0.1


def test_variance_ratio_of_moving_averages():
    noise = np.random.default_rng(7).standard_normal((2000, 301))
    bounce = np.cumsum(noise[:, 1:] - 0.5 * noise[:, :-1], axis=1)  # autocorrelation -.4 at lag one
    ratio, _ = lo_mackinlay_ratio(bounce, 5)
    assert_mean(ratio, 1 - 2 * (1 - 1 / 5) * 0.4)


def test_a_solver_that_stops_short_of_the_best_mix_is_an_error(monkeypatch):
    """At equal weights a step of 1.001 beside 1 leaves 0.001/2.001 to the bound, five times what is allowed."""
    short = SimpleNamespace(x=np.array([0.5, 0.5]), message="stopped")
    monkeypatch.setattr(universal, "minimize", lambda *_, **__: short)
    with pytest.raises(RuntimeError, match="ends 0.00049975 of log wealth below the bound: stopped"):
        best_constant_mix([[[1.0, 1.0], [1.001, 1.0]]])
