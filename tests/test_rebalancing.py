"""Triggers, their costs and prices settled on a pool: identities, closed forms, and the cases chapter 5 already has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from mnvh import amm, hedging, ladder, options, paths, quotes, swaps
from mnvh import decomposition as dec
from mnvh import rebalancing as rb

YEARS, STEPS, VOL = 30 / 365, 240, 0.8
TIMES = np.linspace(0, YEARS, STEPS + 1)
HEDGE = options.OptionHedge(100.0, YEARS, VOL)
PRICES = paths.martingale_gbm(np.random.default_rng(7), 300, STEPS, covariance=[[VOL**2 * YEARS / STEPS]], start=[100.0])
RULE = HEDGE.holdings(PRICES, TIMES)
TARGET, CLOCK = RULE[:, :-1], np.broadcast_to(np.arange(STEPS)[:, None], (300, STEPS, 1))


# Triggers

@pytest.mark.parametrize("every", [1, 7, 24, 500])
def test_a_clock_is_the_trigger_that_watches_the_time(every):
    assert_allclose(rb.rebalance(TARGET, signal=CLOCK, width=every), hedging.clock_holdings(TARGET, every))


def test_a_band_to_its_edge_is_that_of_chapter_5():
    target, half = hedging.whalley_wilmott(HEDGE, PRICES[:, :-1], TIMES[:-1], fee_bps=20, risk_aversion=1.0)
    ours = rb.rebalance(target, width=half, inner=half)
    assert_allclose(ours, hedging.band_holdings(target, half), atol=1e-14)


@pytest.mark.parametrize("step", [1.0, 2.5])
def test_a_price_step_on_a_lattice_fires_where_a_ladder_of_resting_orders_fills(step):
    path = PRICES[0, :, 0]
    fills = ladder.run(quotes.around(path, 0.0, interval=1.0), steps_price=[step])[0][0]
    rung = (ladder.levels(quotes.around(path, 0.0, interval=1.0), fills) - path[0]) / step
    index = np.arange(len(path), dtype=float)[None, :, None]
    held = rb.rebalance(index, signal=path[None, :, None], width=step, lattice=True)[0, :-1, 0]
    assert (np.flatnonzero(np.diff(held)) == np.flatnonzero(np.diff(rung.round()))).all()
    assert len(fills.rung) > 10


@pytest.mark.parametrize("ticks", [1, 3, 10, 50])
@pytest.mark.parametrize("start", [100.0, 10_000.0])
def test_on_a_grid_of_ticks_trigger_and_ladder_fire_where_whole_numbers_do(start, ticks):
    walk = np.cumsum(np.random.default_rng(5).choice([-1, 1], 20_000))
    walk -= walk[0]
    anchor, fires = 0, []
    for tick in walk[1:].tolist():
        fires.append(abs(tick - anchor) >= ticks)
        anchor += int(np.sign(tick - anchor)) * (abs(tick - anchor) // ticks) * ticks
    prices, step = np.round(start + 0.01 * walk, 2), ticks / 100
    index = np.arange(len(walk), dtype=float)[None, :, None]
    for signal, width in ((prices, step), (0.1 * walk, 0.1 * ticks)):
        held = rb.rebalance(index, signal=signal[None, :, None], width=width, lattice=True)[0, :-1, 0]
        assert ((np.diff(held) != 0) == fires).all()
    book = quotes.around(prices, 0.0, interval=1.0)
    fills = ladder.run(book, steps_price=[step])[0][0]
    assert ((np.diff(ladder.levels(book, fills)) != 0) == fires).all()


def test_at_the_edge_of_a_band_a_target_at_rest_is_left_alone():
    """Rounding must not make the band fire again, and pay gas, at the distance that it left."""
    target = (0.1 + 0.3 * np.arange(40) * (np.arange(40) < 20)).cumsum()[None, :, None]
    target[0, 20:] = target[0, 20] - 1e-12 * np.arange(20)[:, None]
    held = rb.rebalance(target, width=0.7, inner=0.7)[0, :, 0]
    assert (np.diff(held[20:]) == 0).all() and (np.diff(held[:20]) != 0).sum() > 10


@given(seed=st.integers(0, 2**32), width=st.floats(0.01, 3), share=st.floats(0, 1), delay=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_holdings_stay_within_the_width_of_the_target_and_are_a_target_of_the_past_under_delay(seed, width, share, delay):
    target = np.random.default_rng(seed).standard_normal((3, 50, 1)).cumsum(axis=1)
    held = rb.rebalance(target, width=width, inner=share * width, delay=delay)[:, :-1]
    if delay == 0:
        assert abs(held - target).max() <= width * (1 + 1e-12)
    late = np.where(abs(np.diff(held, axis=1)) > 0)
    near = abs(held[:, 1:][late] - target[late[0], np.maximum(late[1] + 1 - delay, 0), late[2]])
    assert_allclose(near, share * width, atol=1e-12)


# The band of utility with gas

@pytest.mark.parametrize("gas", [1e-4, 0.01, 0.3])
def test_the_two_distances_minimise_the_burden_of_an_inventory(gas):
    outer, inner = rb.utility_band(HEDGE, PRICES[:4, :9], TIMES[:9], fee_bps=5, gas=gas, risk_aversion=0.7)
    spot, gamma = PRICES[3, 8, 0], HEDGE.intensity(PRICES[3, 8], TIMES[8])[0, 0]
    s2, kappa, unit = (gamma * VOL * spot) ** 2, 0.7 * (VOL * spot) ** 2, 5e-4 * spot

    def burden(log):
        b, c = np.exp(log[0]) + np.exp(log[1]), np.exp(log[1])
        return kappa * (b**2 + c**2) / 12 + s2 * gas / (b**2 - c**2) + s2 * unit / (b + c)

    start = np.log([(outer - inner)[3, 8, 0], inner[3, 8, 0]])
    found = minimize(burden, start + [0.3, -0.3], method="Nelder-Mead", options=dict(xatol=1e-9, fatol=1e-15, maxiter=9000))
    assert_allclose(np.exp(start), np.exp(found.x), rtol=1e-5)
    assert burden(start) <= found.fun * (1 + 1e-12)


def test_without_gas_it_is_whalley_wilmott_and_without_fee_the_fourth_root():
    options_ = dict(hedge=HEDGE, prices=PRICES[:, :-1], times=TIMES[:-1], risk_aversion=2.0)
    outer, inner = rb.utility_band(fee_bps=20, gas=0, **options_)
    assert_allclose(outer, hedging.whalley_wilmott(fee_bps=20, **options_)[1])
    assert_allclose(outer, inner)
    outer, inner = rb.utility_band(fee_bps=0.01, gas=1.0, **options_)
    gamma = HEDGE.intensity(PRICES[:, :-1], TIMES[:-1])[..., 0]
    live = gamma > 1e-3  # elsewhere even this fee counts
    assert_allclose(outer[live], (12 * gamma[live] ** 2 / 2.0) ** 0.25, rtol=1e-3)
    assert (inner[live] < 0.01 * outer[live]).all()


# Costs and the account

def test_the_pool_charges_what_its_contract_charges():
    pool, trade = amm.ConstantProduct(2000.0), 3.0
    reserve = float(pool.holdings(np.array([100.0]))[0])
    holdings, prices = np.array([0, trade, 0])[None, :, None], np.full((1, 3, 1), 100.0)
    fills = rb.all_in_prices(holdings, prices, pool=pool)[0, :, 0]
    assert_allclose(100 * reserve - 2000.0**2 / (reserve + trade), trade * fills[1])  # sold to the pool
    assert_allclose(2000.0**2 / (reserve - trade) - 100 * reserve, trade * fills[0])
    bought = swaps.weighted_out(trade * fills[0], 100 * reserve, reserve, weight_in=1, weight_out=1)
    assert_allclose(bought, trade)


@pytest.mark.parametrize("delay", [0, 3])
def test_account_equals_the_series_of_holdings_that_lag(delay):
    held = rb.rebalance(TARGET, width=0.1, delay=delay)
    executed = rb.all_in_prices(held, PRICES, fee_bps=5, gas=0.02, pool=amm.ConstantProduct(900.0))
    parts = rb.track(dec.decompose(HEDGE, PRICES, times=TIMES), RULE, held, PRICES, executed=executed)
    account = np.diff(dec.follow(held, PRICES, executed=executed), axis=1)
    assert (abs(parts.pnl - account) <= 1e-12 * parts.gross).all()
    trades = np.diff(held, axis=1)
    gas = rb.all_in_prices(held, PRICES, gas=0.02)
    paid = np.vecdot(trades, gas - PRICES[:, 1:]).sum(axis=1)
    assert_allclose(paid, 0.02 * (trades != 0).sum(axis=(1, 2)))


@pytest.mark.parametrize(("trigger", "factor"), [("clock", np.pi / 4), ("price step", np.pi / 12)])
def test_trades_times_variance_to_leading_order(trigger, factor):
    """Constant gamma: N·Var = C for a clock, C/3 for a price step, where C = ½(Γσ²T)² in price units."""
    steps, n = 4096, 2000
    walk = paths.lattice_walk(np.random.default_rng(3), n, steps)
    target, time = -walk[:, :-1], np.broadcast_to(np.arange(steps)[:, None], (n, steps, 1))
    signal, width = (time, 64) if trigger == "clock" else (walk[:, :-1], 8)
    held = rb.rebalance(target, signal=signal, width=width, lattice=trigger != "clock")[:, :-1]
    error = ((held - target) * np.diff(walk, axis=1)).sum(axis=(1, 2))
    # a clock of m steps has x² = (m - 1)/2 on average, a rung of m ticks (m² - 1)/6
    expected = steps * ((64 - 1) / 2 if trigger == "clock" else (64 - 1) / 6)
    squares = error**2
    assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(n)


def test_a_delay_adds_twice_its_share_of_the_interval_to_the_variance_of_a_clock():
    steps, n, every, delay = 2048, 4000, 32, 8
    walk = paths.lattice_walk(np.random.default_rng(4), n, steps)
    time = np.broadcast_to(np.arange(steps)[:, None], (n, steps, 1))
    held = rb.rebalance(-walk[:, :-1], signal=time, width=every, delay=delay)[:, :-1]
    squares = ((held + walk[:, :-1]) * np.diff(walk, axis=1)).sum(axis=(1, 2)) ** 2
    ages = np.concatenate([np.arange(every + delay), np.tile(np.arange(delay, every + delay), steps)])[:steps]
    assert abs(squares.mean() - ages.sum()) < 4 * squares.std() / np.sqrt(n)


# Settlement on a pool

@pytest.mark.parametrize("up", [0.01, 0.3, 2.0])
def test_what_a_manipulator_loses_is_what_the_arbitrageur_earns(up):
    pool = amm.ConstantProduct(50.0)
    market, pushed = np.array([100.0]), np.array([100.0 * np.exp(up)])
    assert_allclose(rb.manipulation_cost(up) * -pool.value(market), pool.divergence(market, pushed), rtol=1e-10)
    assert_allclose(rb.manipulation_cost(up, 7), 7 * (np.cosh(up / 2) - 1), rtol=1e-9)


def test_a_small_push_costs_the_square_of_its_size():
    for up in (1e-3, 1e-8, 1e-12):
        assert_allclose(rb.manipulation_cost(up), up**2 / 8, rtol=1e-6, atol=0)
        assert_allclose(rb.manipulation_cost(up, fee_bps=30), np.expm1(0.003) * up / 4 + up**2 / 8, rtol=1e-3, atol=0)
    assert_allclose(rb.twap_attack(1e-12, 150, geometric=True)[1], 150 * 1e-24 / 8, rtol=1e-6, atol=0)


def test_manipulation_block_by_block_with_a_log_fee():
    liquidity, gamma, up, blocks = 50.0, 0.003, 0.1, 5
    root = 10.0  # √p of the market, 100
    level, lost = root, 0.0
    for _ in range(blocks):
        target = root * np.exp(up / 2)
        lost += np.exp(gamma) * liquidity * (target - level) - liquidity * (1 / level - 1 / target) * root**2
        level = root * np.exp(gamma / 2)  # where arbitrageurs stop
    assert_allclose(rb.manipulation_cost(up, blocks, fee_bps=30), lost / (2 * liquidity * root), rtol=1e-10)
    assert_allclose(rb.manipulation_cost(gamma, 1000, fee_bps=30), rb.manipulation_cost(gamma, 1, fee_bps=30), rtol=1e-9)


def test_an_average_of_ln_p_is_attacked_in_all_blocks_and_one_of_p_in_a_single_one_when_the_shift_is_large():
    assert rb.twap_attack(0.05, 150, geometric=True) == (150, pytest.approx(150 * (np.cosh(np.log(1.05) / 2) - 1)))
    assert rb.twap_attack(0.05, 150, geometric=False)[0] == 150
    blocks, cost = rb.twap_attack(2.0, 150, geometric=False)
    assert blocks == 1 and cost == pytest.approx(np.cosh(np.log1p(300) / 2) - 1)
    assert cost < rb.twap_attack(2.0, 150, geometric=True)[1]
