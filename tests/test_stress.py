"""Chapter 16: margin, liquidation, feedback, contagion, and a token of realised variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from mnvh import contagion, paths, stress
from mnvh.decomposition import decompose, follow
from mnvh.options import price
from mnvh.portfolio import Chain
from mnvh.variance_swap import token_payoff

KINDS = Chain(100.0, [80.0, 95.0, 105.0, 130.0], [7 / 365, 0.1, 0.25, 1.0], [0.5, 0.3, 0.25, 0.2], [False, False, True, True])
SOLD = [-10.0, -10.0, 0.0]
STRANGLE = Chain(100.0, [85.0, 115.0], [30 / 365] * 2, [0.2] * 2, [False, True]), SOLD
UNIT = Chain(100.0, [100.0], [0.1], [0.2], [True]), [0.0, 1.0]
COVARIANCE = np.array([[1e-4, -5e-4], [-5e-4, 5e-3]])
holdings = arrays(float, 5, elements=st.floats(-100, 100).map(lambda x: round(x, 3)))


# Margin


@given(a=holdings, b=holdings, scale=st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_margin_is_subadditive_homogeneous_and_at_most_the_isolated_one(a, b, scale):
    one, other, both = (float(stress.margin(KINDS, q)) for q in (a, b, a + b))
    tolerance = 1e-10 * (1 + np.abs(a).sum() + np.abs(b).sum()) * 100
    assert both <= one + other + tolerance
    assert abs(stress.margin(KINDS, scale * a) - scale * one) <= tolerance * scale
    assert one <= stress.margin(KINDS, a, isolated=True) + tolerance


def test_margin_of_a_unit_of_the_underlying_is_the_end_of_the_grid():
    assert stress.margin(*UNIT) == pytest.approx(16.0, rel=1e-14)
    wide = stress.scenario_grid([-0.5, 0.1], [0.0])
    assert stress.margin(*UNIT, grid=wide) == pytest.approx(50.0, rel=1e-14)
    assert stress.margin(*UNIT, moves=-0.25) == pytest.approx(12.0, rel=1e-14)


def test_the_venues_grid_has_nine_moves_and_three_shocks():
    assert stress.VENUE.shape == (2, 27)
    np.testing.assert_allclose(np.unique(stress.VENUE[0]), np.arange(-4, 5) * 0.04, atol=1e-15)


@pytest.mark.parametrize(("days", "power"), [(7, 0.30), (29, 0.30), (90, 0.13), (30, 0.30)])
def test_a_shock_to_volatility_depends_on_the_time_to_expiry(days, power):
    option = Chain(100.0, [105.0], [days / 365], [0.6], [True])
    found = stress.scenario_pnl(option, [2.0, 0.0], 0.08, 0.5)
    shocked = 0.6 * (1 + 0.5 * (30 / days) ** power)
    expected = 2 * (price(108.0, 105.0, days / 365, shocked) - price(100.0, 105.0, days / 365, 0.6))
    np.testing.assert_allclose(found, [expected, 0.0], rtol=1e-12)


def test_margin_after_a_shock_shocks_the_shocked_volatility():
    shocked = Chain(110.0, [85.0, 115.0], [30 / 365] * 2, [0.3] * 2, [False, True])
    assert stress.margin(*STRANGLE, 0.1, 0.5) == pytest.approx(stress.margin(shocked, SOLD), rel=1e-12)


# Liquidation


def test_a_unit_is_liquidated_where_its_equity_meets_the_maintenance_margin():
    for collateral in (13.0, 40.0, 80.0):
        fall, rise = stress.liquidation_moves(*UNIT, collateral)
        assert fall == pytest.approx((12.8 - collateral) / 87.2, rel=1e-10)
        assert rise == pytest.approx(99.0)  # nothing up to the end of the search


def test_a_liquidation_within_a_narrow_band_is_found():
    butterfly = Chain(100.0, [97.5, 98.0, 98.5], [1 / 365] * 3, [0.2] * 3, [True] * 3), [-1, 2, -1, 0]
    fall, _ = stress.liquidation_moves(*butterfly, 0.2079)
    assert fall == pytest.approx(-0.0191, abs=5e-4) and abs(stress.cushion(*butterfly, 0.2079, fall)) < 1e-9


def test_rounds_that_overshoot_are_refused_where_they_do():
    assert contagion.feedback_move(0.02, -0.9, 1.0) < 0.02
    with pytest.raises(ValueError, match="gain is -0.9, and 1 shocks move so far.*a gain nearer 0"):
        contagion.feedback_move([0.01, 0.5], -0.9, 10.0)


def test_nearest_liquidation_of_a_unit_is_on_the_regression_line():
    move, shock, distance = stress.reverse_stress(*UNIT, 40.0, COVARIANCE)
    x = np.log(1 + (12.8 - 40) / 87.2)
    assert move == pytest.approx(np.expm1(x), rel=1e-6)
    assert shock == pytest.approx(np.expm1(-5 * x), rel=1e-4)
    assert distance == pytest.approx(-x / 0.01, rel=1e-8)


def test_reverse_stress_agrees_with_a_constrained_optimiser():
    move, shock, distance = stress.reverse_stress(*STRANGLE, 120.0, COVARIANCE)
    inverse = np.linalg.inv(COVARIANCE)
    left = {"type": "eq", "fun": lambda x: stress.cushion(*STRANGLE, 120.0, *np.expm1(x)) / 100}
    found = min((minimize(lambda x: x @ inverse @ x, start,
                          bounds=[(-1, 1), (-2, 2)], constraints=left, method="SLSQP")
                 for start in ([-0.15, 0.3], [0.12, -0.2])), key=lambda r: r.fun)  # fmt: skip
    assert distance == pytest.approx(np.sqrt(found.fun), rel=1e-5)
    np.testing.assert_allclose([move, shock], np.expm1(found.x), rtol=2e-3)
    assert stress.cushion(*STRANGLE, 120.0, move, shock) == pytest.approx(0, abs=1e-6)


def test_moves_over_a_window():
    np.testing.assert_allclose(stress.window_returns([100.0, 110.0, 99.0, 121.0], 2), [-0.01, 0.1])


# Feedback


@given(gain=st.floats(0.05, 0.9), withdrawal=st.floats(0.5, 50), share=st.floats(-0.97, 0.97))
@settings(max_examples=60, deadline=None)
def test_rounds_of_hedging_converge_to_the_root_below_the_cliff(gain, withdrawal, share):
    edge = contagion.cliff(gain, withdrawal)
    shock = share * edge
    move = contagion.feedback_move(shock, gain, withdrawal)
    assert move == pytest.approx(shock + gain * (1 + withdrawal * abs(move)) * move, rel=1e-9, abs=1e-14)
    assert gain * (1 + 2 * withdrawal * abs(move)) < 1  # the loop's gain at the margin
    last = contagion.feedback_rounds(shock, gain, withdrawal, n_rounds=1000, halt=100.0)[-1]
    assert last == pytest.approx(move, rel=1e-6, abs=1e-12)


def test_beyond_the_cliff_the_rounds_go_to_the_halt():
    edge = contagion.cliff(0.5, 10.0)
    assert edge == pytest.approx(0.0125)
    at = contagion.feedback_move(edge, 0.5, 10.0)
    assert at == pytest.approx((1 - 0.5) / (2 * 0.5 * 10), rel=1e-6)  # twice the move that a constant impact gives
    rounds = contagion.feedback_rounds([1.01 * edge, -1.01 * edge], 0.5, 10.0, n_rounds=500, halt=0.3)
    np.testing.assert_array_equal(rounds[-1], [0.3, -0.3])


@pytest.mark.parametrize("gain", [-0.6, 0.3, 0.8])
def test_constant_impact_sums_a_geometric_series(gain):
    rounds = contagion.feedback_rounds(0.01, gain, 0.0, n_rounds=20, halt=1.0)
    np.testing.assert_allclose(rounds, 0.01 * (1 - gain ** np.arange(1, 22)) / (1 - gain), rtol=1e-13)
    assert contagion.feedback_move(0.01, gain, 0.0) == pytest.approx(0.01 / (1 - gain), rel=1e-14)


# Contagion


def test_clearing_published_example():
    """Elsinger, Lehar and Summer (Management Science 2006): payments 2, 28/15, 52/15."""
    paid = contagion.clearing([[0, 0, 2], [3, 0, 1], [3, 1, 0]], [2, 4, 4], [1.0, 1.0, 1.0])
    np.testing.assert_allclose(paid, [2, 28 / 15, 52 / 15], rtol=1e-14)


def test_clearing_of_two_members_in_closed_form():
    """1 fails alone: it pays e1 + L21. Both fail: a 2 × 2 system. Owing each other 1 and owning nothing: the greatest."""
    owed, total = [[0.0, 4.0], [1.0, 0.0]], [5.0, 3.0]
    np.testing.assert_allclose(contagion.clearing(owed, total, [1.0, 5.0]), [2.0, 3.0])
    p1 = (1 + 0.5 / 3) / (1 - 0.8 / 3)
    np.testing.assert_allclose(contagion.clearing(owed, total, [1.0, 0.5]), [p1, 0.5 + 0.8 * p1])
    np.testing.assert_array_equal(contagion.clearing([[0, 1], [1, 0]], [1, 1], [0.0, 0.0]), [1, 1])


network = st.integers(2, 5).flatmap(
    lambda n: st.tuples(
        arrays(float, (n, n), elements=st.floats(0, 10).map(lambda x: round(x, 2))),
        arrays(float, n, elements=st.floats(0.01, 10).map(lambda x: round(x, 2))),
        arrays(float, n, elements=st.floats(0, 20).map(lambda x: round(x, 2))),
    )
)


@given(network=network, recovery=st.sampled_from([1.0, 0.7, 0.0]))
@settings(max_examples=100, deadline=None)
def test_clearing_is_the_greatest_fixed_point_and_keeps_every_unit(network, recovery):
    owed, outside, assets = network
    owed = owed * (1 - np.eye(len(owed)))
    total = owed.sum(axis=1) + outside
    paid = contagion.clearing(owed, total, assets, recovery=recovery)
    shares = owed / total[:, None]
    p = total
    for _ in range(3000):  # from above: the greatest
        has = assets + p @ shares
        p = np.where(has >= total * (1 - 1e-13), total, recovery * has)
    np.testing.assert_allclose(paid, p, rtol=1e-7, atol=1e-7)
    if recovery == 1:
        equity = assets + paid @ shares - paid
        assert (equity > -1e-9).all()
        received_outside = (paid * outside / total).sum()
        assert equity.sum() + received_outside == pytest.approx(assets.sum(), abs=1e-9)


def test_scenarios_clear_as_one_by_one():
    owed, total = np.array([[0, 1.0, 2], [2, 0, 1], [0.5, 1, 0]]), np.array([4.0, 4, 3])
    assets = np.random.default_rng(1).uniform(0, 3, (50, 3))
    together = contagion.clearing(owed, total, assets, recovery=0.8)
    np.testing.assert_allclose(together, [contagion.clearing(owed, total, a, recovery=0.8) for a in assets], rtol=1e-12)


@given(network=network)
@settings(max_examples=60, deadline=None)
def test_isolation_defaults_no_more_members_and_costs_outside_creditors_no_less(network):
    """Each claim on a member is sold outside at par: its holder is safe, and its owners no longer share the loss."""
    owed, outside, loss = network
    owed = owed * (1 - np.eye(len(owed)))
    total = owed.sum(axis=1) + outside
    before = total + 3 - owed.sum(axis=0)  # an equity of 3 before the loss
    assets = np.maximum(before, 0)
    alone = np.maximum(assets - loss, 0) + owed.sum(axis=0)
    shared = np.maximum(assets - loss, 0)
    paid, paid_alone = contagion.clearing(owed, total, shared), contagion.clearing(0 * owed, total, alone)
    assert ((paid < total - 1e-9) >= (paid_alone < total - 1e-9)).all()
    got = paid - paid @ (owed / total[:, None])  # what leaves each member for outside, net
    assert (total - paid_alone).sum() >= (total.sum() - owed.sum()) - got.sum() - 1e-9


def test_correlation_of_a_fire_sale_in_closed_form_and_as_the_sum_of_its_rounds():
    n, leverage, depth = 4, 3.0, 10.0
    response = contagion.fire_sale_response(np.ones(n), np.full(n, depth), leverage)
    growth = 1 / (1 - (leverage - 1) / depth)
    covariance = response @ response.T
    rho = covariance[0, 1] / covariance[0, 0]
    assert rho == pytest.approx((growth**2 - 1) / (growth**2 - 1 + n), rel=1e-12)
    step = (leverage - 1) * np.full((n, n), 1 / depth) / n
    np.testing.assert_allclose(response, sum(np.linalg.matrix_power(step, k) for k in range(200)), rtol=1e-12)


# The token


def test_token_pays_the_log_returns_measure_of_variance_where_strikes_are_dense():
    prices = paths.martingale_gbm(np.random.default_rng(3), 500, 30, covariance=[[4e-4]], start=[50.0])
    r = np.diff(prices[..., 0], axis=1) / prices[:, :-1, 0]
    exact = 2 * (r - np.log1p(r)).sum(axis=1)
    gap = token_payoff(prices, np.arange(0.3, 3, 0.001)) - exact
    assert 0 <= gap.min() + 1e-12 and gap.max() < 2 * 0.001**2 / (8 * 0.3**2)  # chords lie above, by ΔK²f''/8


def test_token_is_exact_where_the_end_is_a_strike_and_loses_beyond_the_last():
    path = np.array([[[100.0], [130.0], [150.0]]])
    r = np.array([0.3, 150 / 130 - 1])
    exact = 2 * (r - np.log1p(r)).sum()
    assert token_payoff(path, [0.7, 1.0, 1.5])[0] == pytest.approx(exact, rel=1e-12)
    assert token_payoff(path, [0.7, 1.0, 1.2])[0] < exact - 0.01
