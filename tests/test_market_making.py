"""Chapter 4: what a market maker's quotes earn, and what its fills say about K."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import solve_ivp
from scipy.stats import kurtosis

from mnvh import contrarian_rule as cr
from mnvh import inventory, paths
from mnvh import market_making as mm
from mnvh.decomposition import attribute, follow

MARKET = mm.Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)
ARTICLE = {  # γ: exact spread; exact mean, sd of profit, sd of last q of the inventory and the symmetric strategy
    0.1: (1.4918, (64.8925, 6.5432, 2.9268), (68.2228, 13.4558, 8.3994)),
    0.01: (1.3490, (68.3996, 8.9606, 5.2125), (68.6661, 13.6775, 8.7117)),
}
PRINTED = {  # the same of the printed tables, 1000 runs
    0.1: (1.49, (65.0, 6.6, 2.9), (68.4, 12.7, 8.4)),
    0.01: (1.35, (68.6, 8.7, 5.1), (68.8, 12.8, 8.7)),
    1.0: (3.02, (31.4, 5.0, 1.7), (44.0, 11.0, 5.1)),
}
RUNS = [(gamma, which) for gamma in PRINTED for which in ("inventory", "symmetric")]
LAGS = (0.0, 0.5, 1.0)


def strategy(gamma, which, market=MARKET):
    leaning = mm.avellaneda_stoikov(market, gamma)
    return leaning if which == "inventory" else mm.symmetric(market, leaning.mean_spread / 2)


def assert_mean(samples, expected):
    mean, stderr = samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(mean - expected) < 4 * stderr, f"{mean:.6g} ± {stderr:.2g} against {expected:.6g}"


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)


# Published values


@pytest.mark.parametrize(("gamma", "which"), [run for run in RUNS if run[0] in ARTICLE])
def test_exact_values_of_the_articles_experiment(gamma, which):
    exact = inventory.profit(MARKET, strategy(gamma, which))
    assert mm.avellaneda_stoikov(MARKET, gamma).mean_spread == pytest.approx(ARTICLE[gamma][0], abs=5e-5)
    expected = ARTICLE[gamma][1 + (which == "symmetric")]
    assert (exact.mean, exact.sd, exact.sd_inventory) == pytest.approx(expected, abs=5.1e-5)


@pytest.mark.parametrize(("gamma", "which"), RUNS)
def test_printed_values_are_within_two_standard_errors_of_a_thousand_runs(gamma, which):
    quotes = strategy(gamma, which)
    exact = inventory.profit(MARKET, quotes)
    _, q = inventory.simulate(np.random.default_rng(1), MARKET, quotes, 20_000)
    errors = [
        exact.sd / 1000**0.5,
        exact.sd * ((exact.kurtosis - 1) / 4000) ** 0.5,
        exact.sd_inventory * ((kurtosis(q, fisher=False) - 1) / 4000) ** 0.5,
    ]
    for printed, value, error in zip(PRINTED[gamma][1 + (which == "symmetric")], (exact.mean, exact.sd, exact.sd_inventory), errors):
        assert abs(printed - value) < 2 * error + 0.05  # printed to one decimal


def test_printed_spread_at_high_risk_aversion_is_the_average_over_continuous_time():
    for gamma, (printed, *_) in PRINTED.items():
        continuous = gamma * 4 / 2 + 2 / gamma * np.log1p(gamma / 1.5)
        assert round(continuous, 2) == printed
    assert mm.avellaneda_stoikov(MARKET, 1.0).mean_spread == pytest.approx(3.0317, abs=5e-5)


def test_kurtosis_of_the_symmetric_profit():
    assert inventory.profit(MARKET, strategy(0.1, "symmetric")).kurtosis == pytest.approx(5.4, abs=0.05)


def test_stationary_half_spread_and_lean():
    half_spread, lean = mm.glft_coefficients(MARKET, 0.1)
    assert (half_spread, lean) == pytest.approx((0.645385, 0.051717), abs=5e-7)
    quotes = mm.avellaneda_stoikov(MARKET, 0.1)
    assert np.diff(quotes.bid[0, 190:210]) == pytest.approx(0.4)  # the article leans so much at t = 0


# The chain, against enumeration, closed forms and simulation


def every_path(market, quotes, fill):
    """Profit, last inventory and probability of every sequence of fills and moves, written as a reader would."""
    for signs in itertools.product((-1, 1), repeat=market.n_steps):
        for fills in itertools.product((0, 1), repeat=2 * market.n_steps):
            wealth, q, chance, last = 0.0, 0, 0.5**market.n_steps, 0.0
            for t, sign in enumerate(signs):
                sold, bought = fills[2 * t : 2 * t + 2]
                ask = quotes.ask[t, quotes.limit + q] - (1 - fill) * last
                bid = quotes.bid[t, quotes.limit + q] + (1 - fill) * last
                for done, distance in ((sold, ask), (bought, bid)):
                    f = min(1.0, market.order_rate * market.step * np.exp(-market.decay * distance))
                    chance *= f if done else 1 - f
                    if chance and done:
                        wealth += distance
                if not chance:
                    break
                q += bought - sold
                last = sign * market.move
                wealth += q * last
            if chance:
                yield wealth, q, chance


distances = arrays(float, (3, 5), elements=numbers(-0.5, 1.5))


@settings(max_examples=15)
@given(ask=distances, bid=distances, fill=numbers(0, 1))
def test_chain_equals_the_enumeration_of_all_paths(ask, bid, fill):
    ask[:, 0] = bid[:, -1] = np.inf
    market, quotes = mm.Market(1.0, 1.5, 1.2, 2.0, 3), mm.Quotes(ask, bid)
    wealth, q, chance = np.array(list(every_path(market, quotes, fill))).T
    mean = wealth @ chance
    variance = (wealth - mean) ** 2 @ chance
    assume(variance > 1e-9)  # quotes that are never filled, or always, are refused
    exact = inventory.profit(market, quotes, fill=fill)
    assert chance.sum() == pytest.approx(1)
    assert exact.mean == pytest.approx(mean, abs=1e-12)
    assert exact.sd**2 == pytest.approx(variance, abs=1e-11)
    assert exact.kurtosis * variance**2 == pytest.approx((wealth - mean) ** 4 @ chance, abs=1e-9)
    assert exact.sd_inventory**2 == pytest.approx(q**2 @ chance)
    worth = inventory.certainty_equivalent(market, quotes, 0.7, fill=fill)
    assert worth == pytest.approx(-np.log(np.exp(-0.7 * wealth) @ chance) / 0.7)


@given(half_spread=numbers(0, 3), n_steps=st.integers(1, 30), volatility=numbers(0.1, 10))
def test_symmetric_profit_in_closed_form_is_the_chains(half_spread, n_steps, volatility):
    market = mm.Market(volatility, 0.9 * n_steps, 1.5, 1.0, n_steps)
    exact = inventory.profit(market, mm.symmetric(market, half_spread))
    mean, sd, sd_inventory = mm.symmetric_profit(market, half_spread)
    assert (exact.mean, exact.sd, exact.sd_inventory) == pytest.approx((mean, sd, sd_inventory), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("gamma", "which"), [(0.1, "inventory"), (0.1, "symmetric"), (1.0, "inventory")])
@pytest.mark.parametrize("fill", LAGS)
def test_simulation_agrees_with_the_chain(gamma, which, fill):
    quotes = strategy(gamma, which)
    exact = inventory.profit(MARKET, quotes, fill=fill)
    wealth, q = inventory.simulate(np.random.default_rng(2), MARKET, quotes, 40_000, fill=fill)
    assert_mean(wealth, exact.mean)
    assert_mean((wealth - exact.mean) ** 2, exact.sd**2)
    assert_mean(q**2.0, exact.sd_inventory**2)


@pytest.mark.parametrize("fill", LAGS)
def test_trades_on_given_prices_have_the_chains_law(fill):
    rng, quotes = np.random.default_rng(3), strategy(0.1, "inventory")
    prices = 100 + MARKET.move * paths.lattice_walk(rng, 20_000, MARKET.n_steps)
    holdings, income = inventory.trade(rng, MARKET, quotes, prices, fill=fill)
    wealth = follow(holdings, prices, fill=fill, income=income)[:, -1]
    exact = inventory.profit(MARKET, quotes, fill=fill)
    assert_mean(wealth, exact.mean)
    assert_mean((wealth - exact.mean) ** 2, exact.sd**2)
    assert_mean(holdings[:, -1, 0] ** 2, exact.sd_inventory**2)


def test_more_paths_of_a_seed_are_other_paths_and_the_same_seed_repeats():
    quotes = strategy(0.1, "inventory")
    one, again, other = (inventory.simulate(np.random.default_rng(s), MARKET, quotes, 50)[0] for s in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


def test_distances_may_be_lists():
    quotes = mm.Quotes([[np.inf, 1, 1]], [[1, 1, np.inf]])
    assert quotes.limit == 1 and quotes.mean_spread == 2.0


def test_inventory_never_passes_its_limit():
    quotes = mm.symmetric(MARKET, 0.2, inventory_limit=3)
    _, q = inventory.simulate(np.random.default_rng(4), MARKET, quotes, 2000)
    prices = 100 + MARKET.move * paths.lattice_walk(np.random.default_rng(5), 500, MARKET.n_steps)
    holdings, _ = inventory.trade(np.random.default_rng(6), MARKET, quotes, prices)
    assert abs(q).max() == 3 == abs(holdings).max()


def test_a_quote_far_through_the_mid_is_filled_for_certain_and_no_quote_never():
    assert list(MARKET.fill_probability([-1.0, np.log(0.7) / 1.5, np.inf])) == [1.0, 1.0, 0.0]


# The account


@given(steps=arrays(float, (2, 6), elements=numbers(-3, 3)), fill=numbers(0, 1), seed=st.integers(0, 2**32 - 1))
def test_account_equals_attribution_on_any_path(steps, fill, seed):
    market = mm.Market(1.0, 20.0, 1.5, 1.0, 6)
    prices = np.concatenate([np.full((2, 1), 50.0), 50 + steps.cumsum(axis=1)], axis=1)[..., None]
    holdings, income = inventory.trade(np.random.default_rng(seed), market, strategy(0.5, "inventory", market), prices, fill=fill)
    parts = attribute(holdings, prices, fill=fill, income=income).cumulative()
    wealth = follow(holdings, prices, fill=fill, income=income)
    assert (abs(wealth[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()
    assert not parts.harvest.any() and (fill < 1 or not parts.cost.any())


def test_income_is_the_half_spread_times_the_number_of_fills():
    prices = 100 + MARKET.move * paths.lattice_walk(np.random.default_rng(7), 200, MARKET.n_steps)
    holdings, income = inventory.trade(np.random.default_rng(8), MARKET, mm.symmetric(MARKET, 0.5), prices)
    fills = income / 0.5
    traded = abs(np.diff(holdings[..., 0], axis=1, prepend=0))[:, :-1]
    assert set(np.unique(fills)) == {0, 1, 2}
    assert (traded == (fills == 1)).all()  # two fills cancel, one moves the inventory by one
    assert (holdings[:, -1] == holdings[:, -2]).all()


# What the spread pays for, and K


def test_profit_at_a_given_half_spread_does_not_depend_on_the_volatility():
    means = [inventory.profit(replace(MARKET, volatility=s), mm.symmetric(MARKET, 0.75)).mean for s in (0.5, 2, 8)]
    assert means == pytest.approx([2 * 200 * 0.7 * np.exp(-1.5 * 0.75) * 0.75] * 3, rel=1e-11)


@pytest.mark.parametrize("fill", LAGS)
def test_resting_quotes_in_closed_form(fill):
    quotes, n = mm.symmetric(MARKET, 0.75), MARKET.n_steps - 1
    k, carry, cost = mm.resting_rates(MARKET, 0.75, fill)
    intensity, reversion, _ = inventory.expected_rule(MARKET, quotes, fill=fill)
    assert intensity == pytest.approx(k, abs=1e-12) and reversion == pytest.approx(0, abs=1e-12)
    first = mm.symmetric_profit(MARKET, 0.75)[0] / MARKET.n_steps
    assert inventory.profit(MARKET, quotes, fill=fill).mean == pytest.approx(first + n * (carry + cost))
    assert cost == pytest.approx(-(1 - fill) * k * MARKET.move**2)


@pytest.mark.parametrize("fill", LAGS)
def test_carry_cost_and_regression_of_resting_quotes_by_simulation(fill):
    rng, n = np.random.default_rng(9), MARKET.n_steps - 1
    prices = 100 + MARKET.move * paths.lattice_walk(rng, 10_000, MARKET.n_steps)
    holdings, income = inventory.trade(rng, MARKET, mm.symmetric(MARKET, 0.75), prices, fill=fill)
    parts = attribute(holdings, prices, fill=fill, income=income).total()
    k, carry, cost = mm.resting_rates(MARKET, 0.75, fill)
    assert_mean(parts.carry, mm.symmetric_profit(MARKET, 0.75)[0] / (n + 1) + n * carry)
    assert_mean(parts.directional, 0.0)
    if fill < 1:
        assert_mean(parts.cost, n * cost)
    rule = cr.estimate_rule(holdings[:, :-1], prices[:, :-1])
    assert abs(rule.intensity - k) < 4 * rule.intensity_stderr
    assert abs(rule.reversion) < 4 * rule.reversion_stderr


def test_break_even_of_resting_quotes():
    x = 0.5  # stale by a whole move of x: the profit is zero where δ = x tanh(kx)
    market = replace(MARKET, volatility=x / MARKET.step**0.5)
    _, carry, cost = mm.resting_rates(market, x * np.tanh(1.5 * x), 0.0)
    assert carry + cost == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("fill", (0.0, 1.0))
def test_regression_of_the_inventory_strategy_has_the_exact_coefficients(fill):
    rng, quotes = np.random.default_rng(10), strategy(0.1, "inventory")
    prices = 100 + MARKET.move * paths.lattice_walk(rng, 10_000, MARKET.n_steps)
    holdings, _ = inventory.trade(rng, MARKET, quotes, prices, fill=fill)
    rule = cr.estimate_rule(holdings[:, :-1], prices[:, :-1])
    intensity, reversion, variance = inventory.expected_rule(MARKET, quotes, fill=fill)
    assert abs(rule.intensity - intensity.mean()) < 4 * rule.intensity_stderr
    assert abs(rule.reversion - np.average(reversion, weights=variance)) < 4 * rule.reversion_stderr
    assert (fill < 1) == (rule.intensity > 50 * rule.intensity_stderr)


def test_reversion_has_its_first_order_formula_near_the_horizon():
    market = replace(MARKET, horizon=0.01, n_steps=20, order_rate=140)
    _, reversion, _ = inventory.expected_rule(market, mm.avellaneda_stoikov(market, 0.1))
    tau = market.time_left[1:]
    spread = 0.1 * 4 * tau + 20 * np.log1p(0.1 / 1.5)
    assert reversion / market.step == pytest.approx(2 * 140 * 1.5 * 0.1 * 4 * tau * np.exp(-1.5 * spread / 2), rel=1e-4)


# Optimal quotes


def test_optimal_quotes_solve_the_differential_equation():
    gamma, k, limit = 0.1, MARKET.decay, 12
    quotes, worth = mm.glft(MARKET, gamma, inventory_limit=limit)
    eta = MARKET.order_rate * (1 + gamma / k) ** -(1 + k / gamma)

    def slope(_, log_v):  # of ln v, which neither under- nor overflows
        change = -k * gamma * MARKET.volatility**2 / 2 * quotes.inventory**2.0
        change[:-1] += eta * np.exp(np.diff(log_v))
        change[1:] += eta * np.exp(-np.diff(log_v))
        return change

    log_v = solve_ivp(slope, (0, 1), np.zeros(2 * limit + 1), method="LSODA", rtol=1e-10, atol=1e-11).y[:, -1]
    half_spread = mm.glft_coefficients(MARKET, gamma)[0]
    assert quotes.bid[0, :-1] == pytest.approx(half_spread - np.diff(log_v) / k, abs=1e-7)
    assert quotes.ask[0, 1:] == pytest.approx(half_spread + np.diff(log_v) / k, abs=1e-7)
    assert worth == pytest.approx(log_v[limit] / k)


def test_optimal_quotes_are_the_articles_near_the_horizon_and_asymptotic_far_from_it():
    gaps = []
    for horizon in (1e-2, 1e-3):
        market = replace(MARKET, horizon=horizon, n_steps=1)
        exact, expanded = mm.glft(market, 0.1, inventory_limit=20)[0], mm.avellaneda_stoikov(market, 0.1, inventory_limit=20)
        gaps.append(abs(exact.bid[0, 10:30] - expanded.bid[0, 10:30]).max())
    assert gaps[0] / gaps[1] == pytest.approx(1000, rel=0.05)  # the article's quotes are right but for the order τ³
    exact, stationary = mm.glft(MARKET, 0.1, inventory_limit=30)[0], mm.glft_asymptotic(MARKET, 0.1, inventory_limit=30)
    assert abs(exact.bid[0, 25:36] - stationary.bid[0, 25:36]).max() < 0.02
    assert exact.ask[:, 1:] == pytest.approx(exact.bid[:, ::-1][:, 1:])


def test_worth_of_the_optimal_quotes_tends_to_the_theorems_and_no_other_strategy_is_worth_more():
    gaps = []
    for n_steps in (400, 1600):
        market = replace(MARKET, n_steps=n_steps)
        quotes, worth = mm.glft(market, 0.1, inventory_limit=25)
        best = inventory.certainty_equivalent(market, quotes, 0.1)
        gaps.append(best - worth)
        half_spread = mm.avellaneda_stoikov(market, 0.1, inventory_limit=25).mean_spread / 2
        others = [
            mm.glft_asymptotic(market, 0.1, inventory_limit=25),
            mm.avellaneda_stoikov(market, 0.1, inventory_limit=25),
            mm.symmetric(market, half_spread, inventory_limit=25),
        ]
        worths = [best] + [inventory.certainty_equivalent(market, other, 0.1) for other in others]
        assert worths == sorted(worths, reverse=True)
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.02)


def test_certainty_equivalent_is_mean_less_half_variance_for_small_risk_aversion():
    quotes = strategy(0.1, "inventory")
    exact = inventory.profit(MARKET, quotes)
    worth = inventory.certainty_equivalent(MARKET, quotes, 1e-4)
    assert worth == pytest.approx(exact.mean - 0.5e-4 * exact.sd**2, abs=1e-6)


@pytest.mark.parametrize("risk_aversion", [1e-10, 1e-8, 1e-6, 2e-6, 1e-5])
def test_certainty_equivalent_where_rounding_of_the_logarithm_matters(risk_aversion):
    quotes = strategy(0.1, "inventory")
    exact = inventory.profit(MARKET, quotes)
    worth = inventory.certainty_equivalent(MARKET, quotes, risk_aversion)
    assert (exact.mean - worth) / risk_aversion == pytest.approx(exact.sd**2 / 2, rel=2e-3)


def test_a_sure_profit_is_worth_itself():
    market = mm.Market(1.0, 10.0, 1.0, 2.0, 2)  # both sides filled at each of two dates
    inside = np.array([np.inf, 0.25, 0.25])  # at no fill within the limit the whole step would be lost
    quotes = mm.Quotes([inside] * 2, [inside[::-1]] * 2)
    assert inventory.certainty_equivalent(market, quotes, 0.1) == pytest.approx(1.0, rel=1e-12)


def test_certainty_equivalent_at_extreme_risk_aversion_is_the_worst_case():
    market = mm.Market(1.0, 1.0, 1.0, 2.0, 2)  # moves of ±1; two fills on one side, then two losing moves of 1 and 2
    assert inventory.certainty_equivalent(market, mm.symmetric(market, 0.5), 1e6) == pytest.approx(-2.0, abs=1e-4)


def test_certainty_equivalent_by_simulation():
    quotes = strategy(0.1, "inventory")
    wealth, _ = inventory.simulate(np.random.default_rng(11), MARKET, quotes, 40_000)
    worth = inventory.certainty_equivalent(MARKET, quotes, 0.1)
    assert_mean(np.exp(-0.1 * (wealth - worth)), 1.0)


# The generic rule


@given(moves=arrays(float, (2, 6, 2), elements=numbers(-10, 10)), reversion=numbers(0, 1.9))
def test_linear_rule_trades_minus_k_times_the_move_minus_beta_times_the_inventory(moves, reversion):
    matrix = np.array([[2.0, -0.5], [-0.5, 1.0]])
    prices = np.concatenate([np.zeros((2, 1, 2)), moves.cumsum(axis=1)], axis=1)
    q = cr.linear_rule(prices, matrix, reversion)
    expected = -np.diff(prices, axis=1) @ matrix - reversion * q[:, :-1]
    np.testing.assert_allclose(np.diff(q, axis=1), expected, atol=1e-9)
    assert not q[:, 0].any()


@pytest.mark.parametrize(("reversion", "autocorrelation"), [(0.3, 0.0), (0.3, -0.3), (1.0, -0.3), (1.5, 0.4)])
def test_rates_of_the_rule_in_closed_form(reversion, autocorrelation):
    exact = cr.rates(0.7, reversion, autocorrelation=autocorrelation)
    rng = np.random.default_rng(12)
    prices = paths.autoregressive(rng, 4000, 300, coefficient=autocorrelation, covariance=[[0.49]])
    q = cr.linear_rule(prices, [[1.0]], reversion)[:, 60:, 0]
    assert_mean((q[:, :-1] * np.diff(prices[:, 60:, 0], axis=1)).mean(axis=1), exact.pnl)
    assert_mean((q**2).mean(axis=1), exact.inventory_variance)
    assert_mean(abs(np.diff(q, axis=1)).mean(axis=1), exact.turnover)


def test_rates_on_independent_moves():
    for beta in (0.1, 0.5, 1.7):
        exact = cr.rates(2.0, beta)
        assert exact.pnl == 0
        assert exact.inventory_variance == pytest.approx(4 / (2 * beta - beta**2))
        assert exact.turnover == pytest.approx(2 * np.sqrt(4 / (np.pi * (2 - beta))))


@given(edge=numbers(-2, 2), cost=numbers(0, 1), aversion=numbers(0.01, 10), beta=numbers(0.05, 1.9), other=numbers(0, 50))
def test_no_intensity_is_better_than_the_optimal_one(edge, cost, aversion, beta, other):
    unit, terms = cr.rates(1.0, beta), dict(inventory_aversion=aversion, cost=cost)
    best = cr.optimal_intensity(edge, unit, **terms)
    at_best, elsewhere = cr.inventory_objective([best, other], edge, unit, **terms)
    assert at_best >= elsewhere - 1e-12 * (1 + abs(elsewhere))
    assert edge > 0 or best == 0


def test_regression_finds_the_rule_and_its_errors_are_honest():
    scores = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        prices = paths.gaussian(rng, 100, 20, covariance=[[1.0]])
        noise = rng.standard_normal(prices.shape) * rng.exponential(1, (100, 1, 1))  # more on some paths
        q = np.zeros(prices.shape)
        for t in range(20):
            q[:, t + 1] = 0.6 * q[:, t] - 2.0 * (prices[:, t + 1] - prices[:, t]) + noise[:, t]
        rule = cr.estimate_rule(q, prices)
        scores.append([(rule.intensity - 2.0) / rule.intensity_stderr, (rule.reversion - 0.4) / rule.reversion_stderr])
    assert (abs(np.mean(scores, axis=0)) < 0.3).all()
    assert (abs(np.std(scores, axis=0) - 1) < 0.2).all()


def test_unknown_distances_have_no_fill_probability():
    for value in (np.nan, -np.inf, "a"):
        with pytest.raises(ValueError, match="distance"):
            MARKET.fill_probability(value)
