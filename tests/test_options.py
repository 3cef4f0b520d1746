"""Chapter 5: Black-Scholes to the last digits, and the hedge of an option as a potential."""

from __future__ import annotations

import inspect
import re
import time
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnvh import options, paths
from mnvh.decomposition import bregman, decompose, follow
from mnvh.options import OptionHedge, greeks, implied_vol, price

getcontext().prec = 110
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651")
HULL = dict(spot=49, strike=50, years=20 / 52, volatility=0.2, rate=0.05)


def normal_cdf(x):
    """Φ(x) to a hundred digits, by the series of erf whose terms are all positive."""
    z = x / Decimal(2).sqrt()
    term = total = z
    n = 0
    while abs(term) > Decimal(10) ** -115:
        n += 1
        term *= 2 * z * z / (2 * n + 1)
        total += term
    return (1 + 2 / PI.sqrt() * (-z * z).exp() * total) / 2


def reference(spot, strike, years, volatility, call):
    spot, strike, years, volatility = map(Decimal, (spot, strike, years, volatility))
    total = volatility * years.sqrt()
    d1 = (spot / strike).ln() / total + total / 2
    sign = 1 if call else -1
    return sign * (spot * normal_cdf(sign * d1) - strike * normal_cdf(sign * (d1 - total)))


def grid_of_out_of_the_money_options():
    for total in (1e-4, 1e-3, 0.0141, 0.0142, 0.05, 0.2, 1.0, 3.0, 5.0):
        for k in (-5.0, -3.3, -1.0, -0.01, 0.0, 0.5, 2.0, 5.0):
            strike = float(np.exp(k * total))
            yield strike, total, strike >= 1, reference(1.0, strike, 1.0, total, strike >= 1)


def test_hulls_example_to_eight_digits():
    result = {"price": price(**HULL)} | vars(greeks(**HULL))
    published = dict(price=2.40052732, delta=0.52160466, gamma=0.06554404, vega=12.10547989, theta=-4.30532982, rho=8.90696195)
    for name, value in published.items():
        assert result[name] == pytest.approx(value, abs=1e-8), name


def test_prices_keep_their_digits_in_the_wings():
    for strike, total, call, exact in grid_of_out_of_the_money_options():
        error = Decimal(float(price(1.0, strike, 1.0, total, call=call))) / exact - 1
        assert abs(error) < 2e-13, (strike, total, float(error))


def test_implied_volatility_of_an_exact_price_to_eleven_digits():
    for strike, total, call, exact in grid_of_out_of_the_money_options():
        error = implied_vol(float(exact), 1.0, strike, 1.0, call=call) / total - 1
        assert abs(error) < 1e-11, (strike, total, error)


@pytest.mark.parametrize("power", [-300, -40, 40, 300])
def test_implied_volatility_does_not_depend_on_the_unit_of_money(power):
    spot, strike, years = 100.0, np.array([70.0, 100.0, 130.0, 400.0])[:, None], np.array([0.01, 1.0, 30.0])
    quote, call = price(spot, strike, years, 0.9, call=strike > 100), strike > 100
    quote, years, strike, call = (np.broadcast_to(x, quote.shape)[quote > 1e-250] for x in (quote, years, strike, call))
    unit = 2.0**power  # exact, so that no digit may change
    scaled = implied_vol(unit * quote, unit * spot, unit * strike, years, call=call)
    assert len(quote) > 10
    np.testing.assert_array_equal(scaled, implied_vol(quote, spot, strike, years, call=call))


def test_a_hundred_thousand_implied_volatilities_in_less_than_a_second_of_work():
    rng, n = np.random.default_rng(1), 100_000
    years, volatility = np.exp(rng.uniform(-6, 2, n)), np.exp(rng.uniform(-3.5, 0.5, n))
    k = rng.uniform(-5, 5, n)
    strikes = 100 * np.exp(k * volatility * np.sqrt(years))
    quotes = price(100, strikes, years, volatility, call=k >= 0)
    start = time.process_time()
    found = implied_vol(quotes, 100, strikes, years, call=k >= 0)
    assert time.process_time() - start < 1
    assert abs(found / volatility - 1).max() < 1e-11


spots, strikes = st.floats(20, 500), st.floats(20, 500)
years, vols, rates = st.floats(0.01, 5), st.floats(0.05, 1.5), st.floats(-0.1, 0.3)


@given(spot=spots, strike=strikes, years=years, vol=vols, rate=rates)
def test_put_call_parity(spot, strike, years, vol, rate):
    call, put = (price(spot, strike, years, vol, rate=rate, call=kind) for kind in (True, False))
    discounted = strike * np.exp(-rate * years)
    assert abs(call - put - (spot - discounted)) <= 1e-14 * (spot + discounted)


@given(spot=spots, strike=strikes, years=years, vol=vols, rate=rates, call=st.booleans())
def test_theta_gamma_and_delta_satisfy_the_black_scholes_equation(spot, strike, years, vol, rate, call):
    value, g = price(spot, strike, years, vol, rate=rate, call=call), greeks(spot, strike, years, vol, rate=rate, call=call)
    terms = [g.theta, vol**2 * spot**2 * g.gamma / 2, rate * spot * g.delta, -rate * value]
    scale = sum(map(abs, terms)) + abs(rate) * (spot + strike)
    assert abs(sum(terms)) <= 1e-13 * scale + 1e-300


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("strike", [40, 50, 65])
def test_greeks_are_the_derivatives_of_the_price(strike, call):
    point = HULL | dict(strike=strike, call=call)

    def slope(name, function, h):
        up, down = (function(**(point | {name: point[name] + move})) for move in (h, -h))
        return (up - down) / (2 * h)

    g, h = greeks(**point), 1e-5
    assert g.delta == pytest.approx(slope("spot", price, 1e-4), rel=1e-8, abs=1e-10)
    assert g.vega == pytest.approx(slope("volatility", price, h), rel=1e-7)
    assert g.theta == pytest.approx(-slope("years", price, h), rel=1e-7)
    assert g.rho == pytest.approx(slope("rate", price, h), rel=1e-7)
    for name, base, by, step in (("gamma", "delta", "spot", 1e-4), ("vanna", "vega", "spot", 1e-4), ("volga", "vega", "volatility", h)):
        assert getattr(g, name) == pytest.approx(slope(by, lambda **p: getattr(greeks(**p), base), step), rel=1e-6), name


def test_a_price_tends_to_its_payoff_and_to_its_bound():
    strikes = np.array([50.0, 100.0, 200.0])
    assert price(100, strikes, 1e-12, 1e-6).tolist() == [50, pytest.approx(0, abs=1e-9), 0]
    assert price(100, strikes, 100, 10.0) == pytest.approx(100, rel=1e-12)
    assert price(100, strikes, 100, 10.0, call=False) == pytest.approx(strikes, rel=1e-12)


def test_arguments_broadcast_and_scalars_stay_scalars():
    assert price(100, [[90.0], [110.0]], [0.5, 1.0, 2.0], 0.2).shape == (2, 3)
    quotes = price(100, [[90.0], [110.0]], [0.5, 1.0, 2.0], 0.2, call=[[False], [True]])
    np.testing.assert_allclose(implied_vol(quotes, 100, [[90.0], [110.0]], [0.5, 1.0, 2.0], call=[[False], [True]]), 0.2, rtol=1e-14)
    assert np.ndim(implied_vol(8.0, 100, 100, 1.0)) == 0


def test_an_in_the_money_quote_gives_the_same_volatility_while_it_can():
    strike = 100 * np.exp(-3 * 0.2)
    quote = price(100, strike, 1.0, 0.2)
    assert implied_vol(quote, 100, strike, 1.0) == pytest.approx(0.2, rel=1e-9)


moneyness = st.floats(-0.5, 0.5)
roads = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8)


def a_path(start, moves):
    return np.exp(start + np.concatenate([[0.0], np.cumsum(moves)]))[None, :, None]


@given(start=moneyness, moves=roads, volatility=vols, fee=st.sampled_from([0, 30]), constant=st.floats(-2, 2))
def test_account_equals_decomposition_on_any_path(start, moves, volatility, fee, constant):
    prices, times = a_path(start, moves), np.linspace(0, 0.5, len(moves) + 1)
    hedge = OptionHedge(1.0, 0.5, volatility)
    parts = decompose(hedge, prices, times=times, fee_bps=fee, constant=[constant]).cumulative()
    wealth = follow(constant + hedge.holdings(prices, times), prices, fee_bps=fee)
    assert (abs(wealth[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()


@given(start=moneyness, moves=roads, volatility=vols)
def test_option_and_hedge_earn_harvest_and_theta_and_nothing_else(start, moves, volatility):
    prices, times = a_path(start, moves), np.linspace(0, 0.5, len(moves) + 1)
    hedge = OptionHedge(1.0, 0.5, volatility)
    parts = decompose(hedge, prices, times=times).total()
    option = max(prices[0, -1, 0] - 1, 0) - price(prices[0, 0, 0], 1.0, 0.5, volatility)
    leg = follow(hedge.holdings(prices, times), prices)[0, -1]
    assert abs(option + leg - parts.harvest[0] - parts.carry[0]) <= 1e-12 * parts.gross[0]
    steps = decompose(hedge, prices, times=times)
    assert (steps.harvest >= -1e-12 * steps.gross).all()
    assert (steps.carry <= 1e-14 * steps.gross).all()  # time takes from a long option at a rate of zero


@given(spot=st.floats(0.5, 2), volatility=vols, left=st.floats(0.01, 0.5))
def test_the_potential_is_the_price_of_the_call(spot, volatility, left):
    hedge = OptionHedge(1.0, 0.5, volatility)
    found = hedge.value(np.array([spot]), np.array(0.5 - left))
    assert abs(found - price(spot, 1.0, left, volatility)) < 1e-13 * spot


def test_holdings_are_minus_the_gradient_and_intensity_minus_theirs():
    hedge, prices, now, h = OptionHedge(1.0, 0.5, 0.3), np.array([[0.7], [1.0], [1.4]]), 0.2, 1e-5
    slope = (hedge.value(prices + h, now) - hedge.value(prices - h, now)) / (2 * h)
    bend = (hedge.holdings(prices + h, now) - hedge.holdings(prices - h, now))[..., 0] / (2 * h)
    np.testing.assert_allclose(hedge.holdings(prices, now)[..., 0], -slope, atol=1e-9)
    np.testing.assert_allclose(hedge.intensity(prices, now)[..., 0, 0], -bend, atol=1e-8)
    gamma = greeks(prices, 1.0, 0.3, 0.3).gamma
    np.testing.assert_allclose(hedge.intensity(prices, now)[..., 0], gamma, rtol=1e-13)


def test_the_divergence_is_that_of_the_value():
    hedge, now = OptionHedge(1.0, 0.5, 0.3), np.array(0.1)
    old, new = np.array([[0.8], [1.0], [1.3]]), np.array([[1.1], [1.01], [0.2]])
    change = hedge.value(new, now) - hedge.value(old, now) + (hedge.holdings(old, now) * (new - old))[..., 0]
    np.testing.assert_allclose(bregman(hedge, new, old, now), change, atol=1e-15)


def test_at_expiry_the_hedge_holds_the_payoff():
    hedge, prices = OptionHedge(100.0, 1.0, 0.2), np.array([[99.0], [101.0]])
    assert hedge.value(prices, 1.0).tolist() == [0, 1]
    assert hedge.holdings(prices, 1.0).tolist() == [[0], [-1]]
    assert np.isfinite(hedge.intensity(np.array([[100.0]]), 1.0)).all()


def test_a_hedge_refuses_times_after_expiry_prices_below_zero_and_several_assets():
    hedge, prices = OptionHedge(100.0, 1.0, 0.2), np.full((1, 3, 1), 100.0)
    with pytest.raises(ValueError, match="times reach 2: allowed is up to expiry_years = 1"):
        decompose(hedge, prices, times=[0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="prices is -100.0"):
        decompose(hedge, -prices, times=[0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match="prices have 2 assets"):
        decompose(hedge, prices[..., [0, 0]], times=[0.0, 0.5, 1.0])


def test_the_shared_paths_end_with_a_harvest_that_theta_pays_for():
    parts = decompose(OptionHedge(100.0, 1.0, 0.2), paths.shared(2000), times=np.arange(251) / 250).total()
    earned = parts.harvest + parts.carry
    assert abs(earned.mean()) < 4 * earned.std() / np.sqrt(2000)
    assert parts.harvest.mean() == pytest.approx(0.1 * greeks(100, 100, 1.0, 0.2).vega, rel=0.01)  # ½σ·vega
