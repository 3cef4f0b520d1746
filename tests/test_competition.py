"""Equilibria of chapter 9: each is a best response to itself, and none beats the joint optimum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from mnvh import competition, frictions, functional, paths
from mnvh import decomposition as dec


def best_response(income, most):
    return minimize_scalar(lambda k: -income(k), bounds=(0, most), method="bounded", options={"xatol": 1e-12}).x


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_in_a_crowd_nobody_gains_by_another_size(n):
    world = dict(rate=2.0, impact=0.7)
    total = competition.crowded_intensity(n, charge=0.1, **world)
    others = total * (1 - 1 / n)
    income = lambda k: k * (1.0 / (1 + 0.7 * (k + others)) ** 2 - 0.1)
    assert best_response(income, 20) == pytest.approx(total / n, rel=1e-5)


def test_one_alone_takes_the_most_that_there_is_and_two_have_a_cube_root():
    most = lambda charge: competition.crowded_intensity(1, rate=2.0, impact=0.5, charge=charge)
    assert most(1e-9) == pytest.approx(1 / 0.5, rel=1e-6)
    sizes = np.linspace(0, 10, 10_001)
    assert competition.crowded_rate(sizes, rate=2.0, impact=0.5).max() == pytest.approx(2.0 / (8 * 0.5))
    two = competition.crowded_intensity(2, rate=2.0, impact=0.5, charge=0.01)
    assert 1 + 0.5 * two == pytest.approx((2.0 / 0.02) ** (1 / 3))


@given(st.integers(1, 50), st.floats(0.01, 0.9))
def test_more_harvesters_trade_more_and_earn_less_together(n, share):
    world = dict(rate=1.0, impact=1.0)
    sizes = [competition.crowded_intensity(m, charge=share / 2, **world) for m in (n, n + 1)]
    income = [competition.crowded_rate(k, **world) - share / 2 * k for k in sizes]
    assert sizes[1] > sizes[0] and income[1] < income[0] and income[1] > -1e-12
    flow = dict(harvest=1.0, decay=2.0, cost=share)
    sizes = [competition.shared_intensity(m, **flow) for m in (n, n + 1)]
    income = [frictions.saturated_value(k, **flow) for k in sizes]
    assert sizes[1] > sizes[0] and income[1] < income[0] and income[1] > -1e-12


def test_nobody_harvests_at_a_cost_above_the_harvest():
    assert competition.crowded_intensity(3, rate=1.0, impact=1.0, charge=0.5) == 0
    assert competition.shared_intensity(3, harvest=1.0, decay=1.0, cost=1.0) == 0


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_shared_flow_is_divided_where_the_queue_of_the_others_makes_it_best(n):
    flow = dict(harvest=2.0, decay=3.0, cost=0.2)
    total = competition.shared_intensity(n, **flow)
    assert frictions.saturated_intensity(queue=total * (1 - 1 / n), **flow)[0] == pytest.approx(total / n, abs=1e-12)


def test_many_share_a_flow_down_to_its_break_even():
    flow = dict(harvest=2.0, decay=3.0, cost=0.2)
    assert competition.shared_intensity(500, **flow) == pytest.approx(frictions.saturated_intensity(**flow)[1], rel=0.005)


def test_an_account_in_a_crowd_earns_the_crowded_rate():
    rng, impact, size = np.random.default_rng(5), 0.5, 1.5
    law = dict(persistence=0.9, stationary_covariance=[[1.0]])
    fundamental = paths.ornstein_uhlenbeck(rng, 4000, 100, **law)
    prices = fundamental / (1 + impact * size)
    held = -size * prices
    assert np.allclose(prices, fundamental + impact * held)  # others absorb the inventory along a line
    pnl = dec.decompose(dec.LinearGrid([[size]], [0.0]), prices).total().pnl / 100
    expected = competition.crowded_rate([size], rate=2 * (1 - 0.9), impact=impact)[0]
    assert abs((pnl.mean() - expected) / stats.sem(pnl)) < 4
    assert competition.crowded_rate([size], rate=0.2, impact=0.0)[0] == pytest.approx(functional.net_rate([[size]], [[0.2]], [[0.0]]))
