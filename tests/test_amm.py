"""Chapter 3: pools as potentials, what arbitrage takes from them, and what fees give back."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from mnvh import arbitrage, paths, swaps
from mnvh.amm import (
    LMSR,
    AgainstHolding,
    ConcentratedLiquidity,
    ConstantProduct,
    StableSwap,
    WeightedProduct,
    impermanent_loss,
    numeraire_reserve,
)
from mnvh.decomposition import bregman, decompose, follow

ONE_ASSET = {
    "constant product": ConstantProduct(3.0),
    "weighted": WeightedProduct([0.8, 0.2], 5.0),
    "concentrated": ConcentratedLiquidity(20.0, 0.7, 1.6),
    "StableSwap": StableSwap(100, 1000.0),
    "against holding": AgainstHolding(ConstantProduct(3.0), [1.1]),
}
THREE = WeightedProduct([0.3, 0.15, 0.25, 0.3], 7.0)
ALL_IN = WeightedProduct([0.5, 0.2, 0.3, 0.0], 7.0)  # a pool without numéraire
MARKETS = [(0.05, 7200.0, 30), (0.05, 144.0, 10), (0.3, 1.0, 300)]  # σ per √day, blocks per day, fee in bp

one_asset = pytest.mark.parametrize("pool", ONE_ASSET.values(), ids=ONE_ASSET)


def price_paths(n_assets=1, low=0.05, high=20.0):
    numbers = st.floats(low, high, allow_subnormal=False)
    return st.integers(1, 6).flatmap(lambda n: arrays(float, (2, n + 1, n_assets), elements=numbers))


def probabilities(n_outcomes=3):
    return price_paths(n_outcomes).map(lambda x: x / x.sum(axis=2, keepdims=True))


POOLS = st.one_of(
    st.tuples(st.sampled_from(list(ONE_ASSET.values())), price_paths()),
    st.tuples(st.sampled_from([THREE, ALL_IN]), price_paths(3)),
    st.tuples(st.just(LMSR(100.0)), probabilities()),
)
income = st.floats(-1, 1, allow_subnormal=False)


def assert_mean(samples, expected):
    mean, stderr = samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(mean - expected) < 4 * stderr, f"{mean:.6g} ± {stderr:.2g} against {expected:.6g}"


# Pools are potentials


@settings(deadline=None)
@given(pool_and_prices=POOLS, fee_bps=st.sampled_from([0, 30]), fill=st.floats(0, 2), income=income)
def test_account_equals_decomposition_for_every_pool_on_any_path(pool_and_prices, fee_bps, fill, income):
    pool, prices = pool_and_prices
    options = dict(fill=fill, fee_bps=fee_bps, income=income)
    parts = decompose(pool, prices, **options).cumulative()
    wealth = follow(pool.holdings(prices), prices, **options)
    assert (abs(wealth[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()
    assert (parts.harvest >= -1e-12 * parts.gross).all()


@settings(deadline=None)
@given(pool_and_prices=POOLS)
def test_a_pool_without_fees_gives_its_whole_harvest_away(pool_and_prices):
    pool, prices = pool_and_prices
    executed = arbitrage.executed_prices(pool, prices)
    parts = decompose(pool, prices, executed=executed)
    wealth = follow(pool.holdings(prices), prices, executed=executed)
    total = parts.cumulative()
    assert (abs(parts.cost + parts.harvest) <= 1e-12 * parts.gross).all()
    value = -pool.value(prices)
    assert (abs(wealth[:, 1:] - (value[:, 1:] - value[:, :1])) <= 1e-12 * total.gross).all()


@settings(deadline=None)
@given(prices=price_paths(), fee_bps=st.sampled_from([0, 1, 100]), start=arrays(float, 2, elements=st.floats(0.2, 5)))
def test_account_equals_decomposition_with_fees_and_a_lag(prices, fee_bps, start):
    for pool in ONE_ASSET.values():
        marginal = arbitrage.pool_prices(prices, fee_bps=fee_bps, start=start)
        parts = arbitrage.liquidity_provider(pool, prices, fee_bps=fee_bps, start=start)
        executed = arbitrage.executed_prices(pool, marginal)
        wealth = follow(pool.holdings(marginal), prices, executed=executed, income=parts.carry)
        total = parts.cumulative()
        assert (abs(wealth[:, 1:] - total.pnl) <= 1e-12 * total.gross).all()
        assert (parts.cost + parts.carry <= 1e-12 * parts.gross).all()  # no arbitrageur trades at a loss
        assert ((parts.carry > 0) <= (np.diff(marginal, axis=1)[..., 0] != 0)).all()


@settings(deadline=None)
@given(prices=price_paths())
def test_without_a_fee_the_reserves_do_not_lag(prices):
    parts = arbitrage.liquidity_provider(ConstantProduct(3.0), prices)
    assert not parts.directional.any() and not parts.carry.any()
    assert (abs(parts.cost + parts.harvest) <= 1e-12 * parts.gross).all()


@one_asset
@pytest.mark.parametrize("price", [0.75, 0.99, 1.4])
def test_holdings_are_minus_the_gradient_and_intensity_minus_theirs(pool, price):
    assert_derivatives(pool, np.array([price]), np.eye(1))


@pytest.mark.parametrize("pool", [THREE, ALL_IN])
def test_holdings_and_intensity_of_three_assets(pool):
    assert_derivatives(pool, np.array([1.3, 2.1, 0.7]), np.eye(3))


def test_holdings_and_intensity_of_the_scoring_rule_where_prices_sum_to_one():
    assert_derivatives(LMSR(2.0), np.array([0.5, 0.2, 0.3]), np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))


def assert_derivatives(pool, prices, directions):
    for way in 2e-6 * directions:
        slope = (pool.value(prices + way) - pool.value(prices - way)) / 2
        bend = (pool.holdings(prices + way) - pool.holdings(prices - way)) / 2
        scale = abs(pool.holdings(prices)).max() + abs(pool.intensity(prices)).max()
        assert abs(slope + pool.holdings(prices) @ way) < 1e-9 * scale * 2e-6 + 3e-16 * abs(pool.value(prices))
        np.testing.assert_allclose(bend, -pool.intensity(prices) @ way, atol=1e-7 * scale * 2e-6)


@settings(deadline=None)
@given(pool_and_prices=POOLS)
def test_own_divergence_is_the_definition(pool_and_prices):
    pool, prices = pool_and_prices
    old, new = prices[:, :-1], prices[:, 1:]
    definition = pool.value(new) - pool.value(old) + np.vecdot(pool.holdings(old), new - old)
    scale = abs(pool.value(new)) + abs(pool.value(old)) + np.vecdot(abs(pool.holdings(old)), new + old)
    assert (abs(bregman(pool, new, old) - definition) <= 1e-13 * scale).all()


def test_reserves_lie_on_the_invariant():
    prices = np.geomspace(0.2, 5, 30)[:, None]
    x, y = {}, {}
    for name, pool in ONE_ASSET.items():
        x[name], y[name] = pool.holdings(prices)[:, 0], numeraire_reserve(pool, prices)
    np.testing.assert_allclose(x["constant product"] * y["constant product"], 9)
    np.testing.assert_allclose(x["weighted"] ** 0.8 * y["weighted"] ** 0.2, 5 * 0.8**0.8 * 0.2**0.2)
    virtual = (x["concentrated"] + 20 / np.sqrt(1.6)) * (y["concentrated"] + 20 * np.sqrt(0.7))
    np.testing.assert_allclose(virtual, 400)
    a, b = x["StableSwap"], y["StableSwap"]
    np.testing.assert_allclose(200 * (a + b) + 1000, 200 * 1000 + 1000**3 / (4 * a * b))
    three = THREE.holdings(np.array([1.3, 2.1, 0.7])), numeraire_reserve(THREE, [1.3, 2.1, 0.7])
    shares = np.append(three[0] * [1.3, 2.1, 0.7], three[1])
    np.testing.assert_allclose(shares / shares.sum(), THREE.weights)


@one_asset
def test_reserves_are_the_cheapest_that_the_invariant_allows(pool):
    prices = np.geomspace(0.2, 5, 60)[:, None]
    x, y = pool.holdings(prices)[:, 0], numeraire_reserve(pool, prices)
    worth = prices * x + y  # each price, reserves at each other price
    value = -pool.value(prices)[:, None]
    assert (worth >= value - 1e-12 * abs(value).max()).all()


def test_special_cases_agree():
    prices = np.geomspace(0.2, 5, 30)[:, None]
    wide = ConcentratedLiquidity(3.0, 1e-14, 1e14)
    for other in (WeightedProduct([0.5, 0.5], 6.0), wide):
        for method in ("holdings", "intensity"):
            ours = getattr(ConstantProduct(3.0), method)(prices)
            np.testing.assert_allclose(getattr(other, method)(prices), ours, rtol=1e-5)
    moves = WeightedProduct([0.2, 0.8], 5.0), prices[1:], prices[:-1]
    r, value = (prices[1:] / prices[:-1] - 1)[:, 0], -moves[0].value(prices[:-1])
    np.testing.assert_allclose(bregman(*moves), value * (1 + 0.2 * r - (1 + r) ** 0.2), rtol=1e-10)


def test_intensity_is_the_inverse_curvature_of_the_invariant():
    pool = StableSwap(20, 2.0)
    price = np.geomspace(0.05, 20, 200_001)[:, None]
    x, y = pool.holdings(price)[:, 0], numeraire_reserve(pool, price)
    slope = np.gradient(y, x)
    np.testing.assert_allclose(-slope[1:-1], price[1:-1, 0], rtol=1e-6)
    curvature = np.gradient(slope, x)[2:-2]
    np.testing.assert_allclose(pool.intensity(price)[2:-2, 0, 0] * curvature, 1, rtol=1e-3)


def test_the_scoring_rule_is_the_dual_of_its_cost_function():
    rule, sold = LMSR(100.0), np.array([[10.0, 0.0, 3.0], [-4.0, 8.0, 2.0]])
    prices = np.exp(sold / 100) / np.exp(sold / 100).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rule.holdings(prices), rule.cost(sold)[:, None] - sold)
    executed = arbitrage.executed_prices(rule, prices[None])[0, 0]
    assert np.diff(sold, axis=0)[0] @ executed == pytest.approx(np.diff(rule.cost(sold))[0], rel=1e-12)


@pytest.mark.parametrize("opening", [[0.25, 0.25, 0.5], [1 / 3, 1 / 3, 1 / 3]])
def test_the_scoring_rule_loses_at_most_b_ln_of_the_opening_price(opening):
    maker = AgainstHolding(LMSR(100.0), opening)
    for outcome in range(3):
        sure = np.full(3, 1e-12)
        sure[outcome] = 1 - 2e-12
        prices = np.array([opening, sure])[None]
        wealth = follow(maker.holdings(prices), prices, executed=arbitrage.executed_prices(maker, prices))[0, -1]
        assert wealth == pytest.approx(100 * np.log(opening[outcome]), rel=1e-8)


# Published values


@pytest.mark.parametrize(
    ("amount", "x", "y", "out"),
    [
        (1, 5, 10, 1662497915624478906),
        (1, 10, 5, 453305446940074565),
        (2, 5, 10, 2851015155847869602),
        (1, 1000, 1000, 996006981039903216),
    ],
)
def test_uniswap_v2_to_the_last_digit(amount, x, y, out):
    unit = 10**18
    assert swaps.uniswap_v2_out(amount * unit, x * unit, y * unit) == out
    needed = swaps.uniswap_v2_in(out, x * unit, y * unit)
    assert needed - amount * unit in (-1, 0, 1) and swaps.uniswap_v2_out(needed, x * unit, y * unit) >= out


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.integers(2, 10**30))
def test_uniswap_v2_never_lets_the_product_fall(amount, x, y):
    out = swaps.uniswap_v2_out(amount, x, y)
    assert (x + amount) * (y - out) >= x * y
    if out:
        assert swaps.uniswap_v2_in(out, x, y) <= amount


def test_published_amounts_of_the_other_pools():
    out = swaps.weighted_out(2, 4, 12, weight_in=0.5, weight_out=0.5, fee_bps=10)
    assert out == pytest.approx(3.9973324441480496, rel=1e-12)
    # cow-protocol/services, weighted and stable pool tests
    assert swaps.weighted_out(233.722784701541, 1e5, 10, weight_in=3, weight_out=7) == pytest.approx(0.01, rel=1e-11)
    out = swaps.stableswap_out(10, 126041.615528606990697699, 170162.457652825667152980, amplification=100, fee_bps=1)
    assert out == pytest.approx(10.029862202766050434, rel=1e-12)
    rule = LMSR(100.0)
    assert rule.cost([10.0, 0.0]) - rule.cost([0.0, 0.0]) == pytest.approx(5.124947951362557, rel=1e-12)
    position = ConcentratedLiquidity(1e18, 1.0, 1.21)
    assert position.holdings([1.0])[0] == pytest.approx(9.0909090909e16, rel=1e-10)
    assert numeraire_reserve(position, [1.21]) == pytest.approx(1e17, rel=1e-12)


def test_swaps_move_the_reserves_of_the_pools():
    old, new = np.array([1.2]), np.array([0.9])
    for pool, swap in (
        (WeightedProduct([0.8, 0.2], 5.0), lambda a, x, y: swaps.weighted_out(a, x, y, weight_in=0.8, weight_out=0.2)),
        (StableSwap(100, 1000.0), lambda a, x, y: swaps.stableswap_out(a, x, y, amplification=100)),
    ):
        x, y = pool.holdings(old)[0], numeraire_reserve(pool, old)
        paid, out = pool.holdings(new)[0] - x, y - numeraire_reserve(pool, new)
        assert swap(paid, x, y) == pytest.approx(out, rel=1e-10)
        executed = arbitrage.executed_prices(pool, np.array([[old, new]]))[0, 0, 0]
        assert executed == pytest.approx(out / paid, rel=1e-10)


def test_impermanent_loss():
    pool = ConstantProduct(3.0)
    for ratio, published in ((2, -5.7191), (4, -20.0), (5, -25.4644), (0.75, -1.0257)):
        loss = 100 * impermanent_loss(pool, [1.7 * ratio], [1.7])
        assert loss == pytest.approx(published, abs=5e-5)
        assert loss == pytest.approx(200 * np.sqrt(ratio) / (1 + ratio) - 100, rel=1e-12)
    three = impermanent_loss(THREE, [2.0, 1.0, 3.0], [1.0, 1.0, 1.0])
    assert three == pytest.approx(2**0.3 * 3**0.25 / (0.3 * 2 + 0.15 + 0.25 * 3 + 0.3) - 1, rel=1e-12)
    assert impermanent_loss(pool, [1.01], [1.0]) == pytest.approx(-(0.01**2) / 8, rel=0.02)  # of second order


def test_published_trade_probabilities_and_arbitrage_rate():
    published = {
        600: [96.7, 85.5, 74.7, 49.5, 22.8],
        120: [92.9, 72.5, 56.9, 30.5, 11.6],
        12: [80.6, 45.5, 29.4, 12.2, 4.0],
        2: [63.0, 25.4, 14.5, 5.4, 1.7],
    }
    for seconds, row in published.items():
        ours = [100 * arbitrage.trade_probability(0.05, 86_400 / seconds, fee) for fee in (1, 5, 10, 30, 100)]
        np.testing.assert_allclose(ours, row, atol=0.05)
    assert 1e4 * arbitrage.arbitrage_rate(0.05, 7200, 30) == pytest.approx(0.3811, abs=5e-5)


# Loss-versus-rebalancing


def test_loss_versus_rebalancing_is_half_the_weighted_variance():
    price, variance = np.array([1.7]), [[0.05**2]]
    pools = (ConstantProduct(3.0), 0.25), (WeightedProduct([0.2, 0.8], 5.0), 0.16)
    for pool, product in pools:  # w(1-w)
        rate = arbitrage.loss_versus_rebalancing(pool, price, variance)
        assert rate == pytest.approx(-pool.value(price) * product * 0.05**2 / 2, rel=1e-12)
    assert 1e4 * arbitrage.loss_versus_rebalancing(ConstantProduct(0.5), [1.0], variance) == pytest.approx(3.125)
    covariance = np.array([[1.0, 0.3, 0.1], [0.3, 2.0, -0.4], [0.1, -0.4, 0.5]])
    w, prices = THREE.weights[:-1], np.array([1.3, 2.1, 0.7])
    growth = (w @ np.diag(covariance) - w @ covariance @ w) / 2  # the excess growth rate of the weights
    rate = arbitrage.loss_versus_rebalancing(THREE, prices, covariance)
    assert rate == pytest.approx(-THREE.value(prices) * growth, rel=1e-12)
    many = np.multiply.outer([[1.0, 2.0, 3.0, 4.0], [0.5, 1.5, 2.5, 3.5]], prices)  # paths, dates, assets
    assert arbitrage.loss_versus_rebalancing(THREE, many, covariance) == pytest.approx(-THREE.value(many) * growth, rel=1e-12)


@pytest.mark.parametrize(("weight", "published"), [(0.5, 0.009331), (0.2, 0.005982)])
@pytest.mark.parametrize("blocks", [1, 30, 300])
def test_expected_loss_over_thirty_days_does_not_depend_on_the_block_time(weight, published, blocks):
    covariance = [[0.05**2 * 30 / blocks]]
    prices = paths.martingale_gbm(np.random.default_rng(blocks), 20_000, blocks, covariance=covariance)
    lost = decompose(WeightedProduct([weight, 1 - weight], 1.0), prices).harvest.sum(axis=1)
    exact = -np.expm1(-weight * (1 - weight) * 0.05**2 * 30 / 2)
    assert exact == pytest.approx(published, abs=5e-7)
    assert_mean(lost, exact)


def test_impermanent_loss_has_the_mean_of_the_loss_versus_rebalancing():
    prices = paths.martingale_gbm(np.random.default_rng(5), 40_000, 10, covariance=[[0.05**2 * 3]])
    pool = ConstantProduct(0.5)
    assert_mean(-bregman(pool, prices[:, -1], prices[:, 0]), np.expm1(-(0.05**2) * 30 / 8))


# Fees and blocks


@pytest.mark.parametrize(("volatility", "block_rate", "fee_bps"), MARKETS)
def test_arbitrage_with_fees_has_the_closed_forms(volatility, block_rate, fee_bps):
    market = dict(volatility=volatility, block_rate=block_rate, fee_bps=fee_bps)
    prices, start = arbitrage.poisson_blocks(np.random.default_rng(11), 1000, 400, **market)
    assert (prices[:, 0] == 1).all()
    pool = ConstantProduct(1.0)
    parts = arbitrage.liquidity_provider(pool, prices, fee_bps=fee_bps, start=start)
    value = -pool.value(prices[:, 1:]) / block_rate
    assert_mean((parts.carry > 0).mean(axis=1), arbitrage.trade_probability(**market))
    assert_mean((-(parts.cost + parts.carry) / value).mean(axis=1), arbitrage.arbitrage_rate(**market))
    assert_mean((parts.carry / value).mean(axis=1), arbitrage.fee_rate(**market))


def test_arbitrage_and_fees_share_the_loss_to_leading_order():
    def excess(volatility, block_rate, fee_bps):
        total = arbitrage.arbitrage_rate(volatility, block_rate, fee_bps) + arbitrage.fee_rate(volatility, block_rate, fee_bps)
        return total / (volatility**2 / 8) - 1

    assert abs(excess(0.05, 7200, 30)) < 1e-6
    assert excess(0.3, 1, 300) == pytest.approx(0.0115, abs=1e-4)
    assert excess(0.3, 1, 0) == pytest.approx(0.3**2 / 8, rel=0.02)  # of first order in σ²/8λ
    assert excess(0.3, 1, 0) / excess(0.3, 10, 0) == pytest.approx(10, rel=0.02)


def test_without_a_fee_arbitrageurs_take_everything_in_every_block():
    assert arbitrage.trade_probability(0.05, 7200, 0) == 1
    assert arbitrage.fee_rate(0.05, 7200, 0) == 0
    assert arbitrage.arbitrage_rate(0.05, 7200, 0) == pytest.approx(0.05**2 / 8, rel=1e-6)


@pytest.mark.parametrize("fee_bps", [1, 30, 300])
def test_fees_paid_by_arbitrageurs_grow_with_volatility_to_the_power_two_less_the_trade_probability(fee_bps):
    low, high = (arbitrage.fee_rate(0.05 * factor, 7200, fee_bps) for factor in (0.999, 1.001))
    exponent = np.log(high / low) / np.log(1.001 / 0.999)
    assert exponent == pytest.approx(2 - arbitrage.trade_probability(0.05, 7200, fee_bps), abs=1e-5)


def test_pool_prices_follow_the_market_at_the_distance_of_the_fee():
    prices = np.array([[[100.0], [100.5], [102.0], [101.5], [99.0]]])
    pooled = arbitrage.pool_prices(prices, fee_bps=100).ravel()
    np.testing.assert_allclose(pooled, [100, 100, 102 * np.exp(-0.01), 102 * np.exp(-0.01), 99 * np.exp(0.01)])


def test_break_even_turnover_pays_for_the_arbitrage():
    market = dict(volatility=0.05, block_rate=7200)
    volume = arbitrage.break_even_turnover(**market, fee_bps=30)
    assert volume * 0.003 == pytest.approx(arbitrage.arbitrage_rate(**market, fee_bps=30))
    inelastic = arbitrage.hedged_return(30, **market, turnover=volume * np.exp(30 / 20), fee_scale_bps=20)
    assert inelastic == pytest.approx(0, abs=1e-18)


def test_the_best_fee_is_interior_and_above_the_fee_that_demand_alone_would_choose():
    demand = dict(turnover=0.5, fee_scale_bps=20.0)
    calm = arbitrage.best_fee_bps(volatility=1e-5, block_rate=7200, **demand)
    assert calm == pytest.approx(20, abs=0.01)  # max γe^{-γ/γ_0}
    market = dict(volatility=0.05, block_rate=7200, **demand)
    best = arbitrage.best_fee_bps(**market)
    slope = arbitrage.hedged_return(best + 0.01, **market) - arbitrage.hedged_return(best - 0.01, **market)
    assert 20 < best < 40 and abs(slope) < 1e-10
    for fee in (0, 1, 20, 100, 1000):
        assert arbitrage.hedged_return(fee, **market) < arbitrage.hedged_return(best, **market)


def test_a_scoring_rule_refuses_prices_that_are_no_probabilities():
    with pytest.raises(ValueError, match="miss the sum 1 by up to 0.5"):
        LMSR(1.0).value(np.array([0.7, 0.8]))
    with pytest.raises(ValueError, match="sold has 1 entries that are not finite"):
        LMSR(1.0).cost([0.0, np.nan])


def test_a_stableswap_pool_refuses_a_price_beyond_floating_point():
    with pytest.raises(ValueError, match="too far from 1"):
        StableSwap(100, 1.0).holdings(np.array([1e-60]))


def test_one_pool_in_many_may_not_start_at_zero():
    with pytest.raises(ValueError, match="start has the entry 0: allowed are prices above 0"):
        arbitrage.pool_prices(np.ones((2, 3, 1)), fee_bps=30, start=[1.0, 0.0])


@pytest.mark.parametrize("amplification", [0.5, 0.6, 1.0, 1.4, 100.0])
def test_a_stableswap_trade_keeps_the_invariant(amplification):
    """The D that solves 2A(x + y) + D = 2AD + D³/(4xy) is the same before and after; A = 0.5 leaves the cubic alone."""
    x, y, paid = 1000.0, 700.0, 150.0
    out = swaps.stableswap_out(paid, x, y, amplification=amplification)

    def invariant(x, y):
        excess = lambda d: d**3 / (4 * x * y) + (2 * amplification - 1) * d - 2 * amplification * (x + y)
        return brentq(excess, 1e-6, 2 * (x + y), xtol=1e-12, rtol=1e-15)

    np.testing.assert_allclose(invariant(x + paid, y - out), invariant(x, y), rtol=1e-13)
    with pytest.raises(ValueError, match="amplification is 0.49"):
        swaps.stableswap_out(paid, x, y, amplification=0.49)
