"""Chapter 17: the weekly vault is an exact account, earns what its premium exceeds the payoff, and is hard to judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from mnvh import paths, vaults
from mnvh.decomposition import follow
from mnvh.options import OptionHedge, greeks, price
from mnvh.vaults import YEARS, expected_shortfall, max_drawdown, sharpe_ratio, sortino_ratio, strike_at_delta, weekly_vault

NO_FEES = dict(management_fee=0.0, performance_fee=0.0)


def gbm(seed, n_paths, n_weeks, volatility):
    law = dict(covariance=[[volatility**2 / 252]], start=[100.0])
    return paths.martingale_gbm(np.random.default_rng(seed), n_paths, 5 * n_weeks, **law)


def by_account(week, vol, covered, delta, fee_bps, management, performance):
    """Wealth gained in one week by an account that trades the asset and the call as two assets, then pays the fees."""
    week = week / week[:, :1]
    call = OptionHedge(strike_at_delta(delta, YEARS, vol), YEARS, vol)
    times = np.linspace(0, YEARS, 6)
    marks = call.value(week, times)[..., None]
    stock = np.ones_like(week) if covered else -call.holdings(week, times)
    stock[:, -1] = stock[:, 0]
    option = follow(-np.ones_like(marks), marks)
    wealth = (option + follow(stock, week, fee_bps=fee_bps))[:, -1]
    profit = wealth - (week[:, -1, 0] - 1 if covered else 0)
    return wealth - (profit > 0) * (performance * profit + management * YEARS * (1 + wealth))


@given(
    prices=arrays(float, (2, 11, 1), elements=st.floats(0.2, 5.0)),
    vols=arrays(float, (2,), elements=st.floats(0.05, 2.0)),
    covered=st.booleans(),
    delta=st.floats(0.02, 0.98),
    fee_bps=st.floats(1, 100),
)
@settings(deadline=None)
def test_the_account_equals_the_decomposition_on_any_path(prices, vols, covered, delta, fee_bps):
    parts = weekly_vault(prices, vols, covered=covered, delta=delta, fee_bps=fee_bps)
    for k, vol in enumerate(vols):
        days = slice(5 * k, 5 * k + 5)
        gained = by_account(prices[:, 5 * k : 5 * k + 6], vol, covered, delta, fee_bps, 0.02, 0.1)
        gap = abs(parts.pnl[:, days].sum(axis=1) - gained)
        gross = parts.gross[:, days].sum(axis=1)
        near = abs(gap) <= 1e-12 * gross
        if not near.all():  # rounding may decide whether a week had a profit, and with it the management fee
            free = weekly_vault(prices, vols, covered=covered, delta=delta, fee_bps=fee_bps, **NO_FEES).pnl[:, days].sum(axis=1)
            hold = prices[:, 5 * k + 5, 0] / prices[:, 5 * k, 0] - 1
            assert (near | (abs(free - covered * hold) < 1e-12 * gross)).all()
    rounding = 1e-12 * parts.gross
    assert (parts.harvest <= rounding).all() and (parts.carry >= -rounding).all() and (parts.cost <= 0).all()
    assert covered or not parts.directional.any()


def test_a_covered_week_pays_the_premium_less_the_payoff():
    prices = np.array([100, 101, 99, 104, 108, 112.0]).reshape(1, 6, 1)
    strike = strike_at_delta(0.1, YEARS, 0.5)
    premium = price(1, strike, YEARS, 0.5)
    parts = weekly_vault(prices, 0.5, covered=True, **NO_FEES).total()
    assert parts.pnl[0] == pytest.approx(0.12 + premium - (1.12 - strike), rel=1e-12)
    assert weekly_vault(prices, 0.5, covered=True).total().cost == 0  # the call lost: no fee at all


@pytest.mark.parametrize("delta", [0.02, 0.1, 0.5, 0.9])
def test_the_strike_has_the_delta_and_vega_per_unit_does_not_depend_on_the_volatility(delta):
    vols = np.array([0.1, 0.4, 1.6])
    strikes = np.array([strike_at_delta(delta, YEARS, vol) for vol in vols])
    found = greeks(1.0, strikes, YEARS, vols)
    np.testing.assert_allclose(found.delta, delta, rtol=1e-12)
    np.testing.assert_allclose(found.vega, norm.pdf(norm.ppf(delta)) * np.sqrt(YEARS), rtol=1e-12)


def test_a_hedged_call_is_a_hedged_put():
    """The put of delta -0.1 is the call of delta 0.9 less the asset: their hedged P&L is the same (put-call parity)."""
    prices = gbm(1, 50, 3, 0.3)
    parts = weekly_vault(prices, 0.3, covered=False, delta=0.9, **NO_FEES)
    strike = strike_at_delta(0.9, YEARS, 0.3)
    for k in range(3):
        week = prices[:, 5 * k : 5 * k + 6] / prices[:, [5 * k]]
        call = OptionHedge(strike, YEARS, 0.3)
        put_delta = -call.holdings(week, np.linspace(0, YEARS, 6))[:, :-1] - 1
        stock = (put_delta[..., 0] * np.diff(week[..., 0], axis=1)).sum(axis=1)
        put = price(1, strike, YEARS, 0.3, call=False) - np.maximum(strike - week[:, -1, 0], 0)
        np.testing.assert_allclose(parts.pnl[:, 5 * k : 5 * k + 5].sum(axis=1), put + stock, atol=1e-14)


@pytest.mark.parametrize(("implied", "realised"), [(0.2, 0.2), (0.25, 0.2), (0.2, 0.3)])
@pytest.mark.parametrize("covered", [True, False])
def test_the_mean_is_the_premium_less_the_fair_price_however_it_is_hedged(implied, realised, covered):
    prices = gbm(2, 20_000, 4, realised)
    gain = weekly_vault(prices, implied, covered=covered, **NO_FEES).pnl.reshape(20_000, 4, 5).sum(axis=2)
    strike = strike_at_delta(0.1, YEARS, implied)
    fair = price(1, strike, YEARS, [implied, realised])
    weeks = gain - covered * (prices[:, 5::5, 0] / prices[:, :-1:5, 0] - 1)
    error = weeks.std(ddof=1) / np.sqrt(weeks.size)
    assert abs(weeks.mean() - (fair[0] - fair[1])) < 4 * error


def test_the_mean_fee_of_a_covered_call_is_a_call_spread_and_a_probability():
    prices = gbm(3, 20_000, 5, 0.2)
    fee = -weekly_vault(prices, 0.2, covered=True).cost.reshape(20_000, 5, 5).sum(axis=2)
    strike = strike_at_delta(0.1, YEARS, 0.2)
    premium = float(price(1, strike, YEARS, 0.2))
    even = strike + premium  # at and below it the week has a profit
    spread = premium - price(1, [strike, even], YEARS, 0.2) @ [1, -1]
    put = price(1, even, YEARS, 0.2, call=False)  # wealth S_T + premium - payoff, where S_T < even
    below = norm.cdf((np.log(even) + 0.02 * YEARS) / (0.2 * np.sqrt(YEARS)))
    wealth = even * below - put + spread
    expected = 0.1 * spread + 0.02 * YEARS * wealth
    assert abs(fee.mean() - expected) < 4 * fee.std(ddof=1) / np.sqrt(fee.size)


def test_ratios_of_a_known_record():
    returns = np.array([0.02, -0.01, 0.03, -0.02])
    assert sharpe_ratio(returns, periods_per_year=52) == pytest.approx(0.005 / returns.std(ddof=1) * np.sqrt(52))
    assert sortino_ratio(returns, periods_per_year=52) == pytest.approx(0.005 / np.sqrt(0.0005 / 4) * np.sqrt(52))
    both = sharpe_ratio(np.stack([returns, 7 * returns]), periods_per_year=1)
    assert both[0] == pytest.approx(both[1], rel=1e-14)  # leverage does not change it


def test_normal_returns_have_the_closed_forms():
    returns = 0.01 + 0.05 * np.random.default_rng(4).standard_normal((400, 5000))
    def z(found, exact):
        return (found.mean() - exact) / (found.std(ddof=1) / np.sqrt(len(found)))
    tail = -0.01 + 0.05 * norm.pdf(norm.ppf(0.05)) / 0.05
    assert abs(z(expected_shortfall(returns, level=0.05), tail)) < 4
    assert abs(z(sharpe_ratio(returns, periods_per_year=1), 0.2)) < 4
    spread = sharpe_ratio(returns, periods_per_year=1).std(ddof=1) * np.sqrt(5000)
    assert spread == pytest.approx(np.sqrt(1 + 0.2**2 / 2), rel=0.15)  # Lo 2002


@given(wealth=arrays(float, (9,), elements=st.floats(0.1, 10)), scale=st.floats(0.1, 10))
def test_drawdown_is_the_worst_pair_of_dates(wealth, scale):
    worst = max(1 - wealth[j] / wealth[i] for i in range(9) for j in range(i, 9))
    assert max_drawdown(wealth) == pytest.approx(worst, abs=1e-14)
    assert max_drawdown(scale * wealth) == pytest.approx(worst, abs=1e-12)


def test_an_insolvent_account_has_lost_all_of_its_peak():
    assert max_drawdown([1.0, 2.0, 0.0, 0.0]) == 1


@given(returns=arrays(float, (20,), elements=st.floats(-0.5, 0.5)), level=st.floats(0.05, 0.5))
def test_expected_shortfall_is_the_dual_maximum_and_grows_into_the_tail(returns, level):
    """min over v of v + E[(-r - v)^+]/level (Rockafellar and Uryasev 2002)."""
    dual = min(v + np.maximum(-returns - v, 0).mean() / level for v in -returns)
    assert expected_shortfall(returns, level=level) == pytest.approx(dual, abs=1e-12)
    assert expected_shortfall(returns, level=0.05) >= expected_shortfall(returns, level=level) - 1e-12


def test_constants_are_those_of_the_published_vault():
    import inspect

    defaults = {name: p.default for name, p in inspect.signature(weekly_vault).parameters.items()}
    assert (defaults["delta"], defaults["management_fee"], defaults["performance_fee"], vaults.DAYS) == (0.1, 0.02, 0.1, 5)
