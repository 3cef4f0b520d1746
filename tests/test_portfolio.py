"""Exposures of a book of options, and the programs that choose one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.stats import norm

from mnvh import programs
from mnvh.decomposition import decompose, follow
from mnvh.portfolio import Chain, OptionBook, construct, exposures, scenario_pnl

inf = np.inf
YEARS = np.repeat([1 / 12, 0.25, 1.0], 5)
Z = np.tile([-1.5, -0.5, 0.0, 0.5, 1.5], 3)
STRIKES = 100 * np.exp(0.2 * Z * np.sqrt(YEARS))
FLAT = Chain(100.0, STRIKES, YEARS, np.full(15, 0.2), Z >= 0)
SMILE = Chain(100.0, STRIKES, YEARS, 0.2 - 0.03 * Z + 0.01 * Z**2 + 0.02 * YEARS, Z >= 0)
RNG = np.random.default_rng(14)
FREE = np.zeros(16)
DEPTH = np.append(np.full(15, 100.0), inf)


def neutral(table, *names):
    return {name: (table[name], 0.0, 0.0) for name in names}


# Limits


def test_a_position_reaches_what_the_others_leave_it_within_a_bound():
    bounds = {"sum": (np.ones(2), -1.0, 2.0)}
    limits = programs.Limits(np.array([5.0, 2.0]), bounds, {}, np.zeros((0, 2)), np.zeros((0, 2)), inf, inf)
    assert limits.reach().tolist() == [4.0, 2.0]  # at -2 of the second the first may be 4, at 2 it may be -3


# Exposures


def test_flat_volatility_allows_no_theta_at_zero_gamma():
    table = exposures(FLAT, reference_years=0.25)
    assert_allclose(table.theta, -(0.2**2) * 100**2 * table.gamma / 2, atol=1e-12)
    best = construct(neutral(table, "gamma"), exposure=table.theta, depth=DEPTH, half_spread=FREE)
    assert abs(best.objective) < 1e-12 * abs(table.theta) @ abs(best.positions)


def test_a_smile_and_a_term_structure_allow_it_each():
    for volatility in (0.2 - 0.03 * Z, 0.2 + 0.02 * YEARS):
        table = exposures(Chain(100.0, STRIKES, YEARS, volatility, Z >= 0), reference_years=0.25)
        assert construct(neutral(table, "gamma"), exposure=table.theta, depth=DEPTH, half_spread=FREE).objective > 10


def test_one_flat_expiry_ties_theta_to_vega_and_two_do_not():
    table = exposures(FLAT, reference_years=0.25)
    assert_allclose(table.theta[:-1], -0.2 * table.vega[:-1] / (2 * YEARS))
    wanted = {"vega": (table.vega, 100.0, 100.0), "theta": (table.theta, 50.0, 50.0)}
    x = construct(wanted, depth=DEPTH, half_spread=FREE).positions
    assert_allclose(x @ table[["vega", "theta"]], [100, 50])
    one = np.append(np.where(YEARS == 0.25, 100.0, 0.0), inf)
    with pytest.raises(ValueError, match="depth, vega, theta"):
        construct(wanted, depth=one, half_spread=FREE)


def test_greeks_are_derivatives_of_the_scenario_pnl():
    table, bump = exposures(SMILE, reference_years=0.5), np.array([1e-4, -1e-4])
    slope = lambda pnl: (pnl[0] - pnl[1]) / 2e-4
    assert_allclose(slope(scenario_pnl(SMILE, bump, 0 * bump)) / 100, table.delta, rtol=1e-5)
    assert_allclose(slope(scenario_pnl(SMILE, 0 * bump, bump)), table.vega, rtol=1e-5)
    term = bump[:, None] * np.sqrt(0.5 / YEARS)
    assert_allclose(slope(scenario_pnl(SMILE, 0 * bump, term)), table.weighted_vega, rtol=1e-5)
    day = scenario_pnl(SMILE, [0.0], [0.0], elapsed_years=1e-7)[0] / 1e-7
    assert_allclose(day, table.theta, rtol=1e-4, atol=1e-6)
    corner = scenario_pnl(SMILE, np.array([1, 1, -1, -1]) * 1e-3, np.array([1, -1, 1, -1]) * 1e-3)
    assert_allclose([1, -1, -1, 1] @ corner / 4e-6 / 100, table.vanna, rtol=1e-3, atol=1e-4)


def test_a_call_less_a_put_is_the_underlying_in_every_scenario():
    chain = Chain(100.0, [105.0, 105.0], [0.5, 0.5], [0.3, 0.3], [True, False])
    call, put, underlying = scenario_pnl(chain, [-0.5, 0.0, 0.4], [0.3, 0.0, -0.1], elapsed_years=0.4).T
    assert_allclose(call - put, underlying, atol=1e-12)


def test_skewness_and_kurtosis_are_derivatives_of_the_gram_charlier_price():
    table = exposures(SMILE, reference_years=0.25)
    z, width = np.linspace(-12, 12, 200_001, retstep=True)
    for i in (0, 3, 7, 14):
        s, strike = SMILE.volatility[i] * np.sqrt(YEARS[i]), STRIKES[i]
        for power, name, hermite in ((3, "skewness", (z**3 - 3 * z) / 6), (4, "excess_kurtosis", (z**4 - 6 * z**2 + 3) / 24)):

            def value(size, hermite=hermite, s=s, strike=strike):
                density = norm.pdf(z) * (1 + size * hermite)
                end = np.exp(s * z)
                end *= 100 / (end @ density * width)  # the forward stays
                return np.maximum(end - strike if Z[i] >= 0 else strike - end, 0) @ density * width

            assert_allclose((value(1e-3) - value(-1e-3)) / 2e-3, table[name][i], rtol=1e-4, atol=1e-6)


# The hedge leg

SHORT = np.where(Z > 0, -2.0, 1.0)


@given(st.lists(st.floats(60, 160), min_size=2, max_size=6), st.lists(st.floats(-3, 3), min_size=15, max_size=16))
def test_the_account_of_a_hedged_book_equals_its_decomposition_on_any_path(path, positions):
    book, prices = OptionBook(SMILE, positions), np.array(path)[None, :, None]
    times = np.linspace(0, 1 / 12, len(path))
    parts = decompose(book, prices, times=times).total()
    leg = follow(book.holdings(prices, times), prices)[:, -1]
    assert abs(leg - parts.pnl)[0] <= 1e-12 * parts.gross[0]


def test_the_potential_is_the_books_value_and_its_holdings_minus_its_delta():
    book, table, spot = OptionBook(SMILE, SHORT), exposures(SMILE, reference_years=1.0), np.full((1, 1), 100.0)
    assert_allclose(book.holdings(spot, 0.0)[0, 0], -SHORT @ table.delta[:-1])
    assert_allclose(book.intensity(spot, 0.0)[0, 0, 0], SHORT @ table.gamma[:-1])
    moved = scenario_pnl(SMILE, [0.03], [0.0], elapsed_years=0.05)[0, :-1]
    assert_allclose(book.value(1.03 * spot, 0.05) - book.value(spot, 0.0), SHORT @ moved)
    jump = scenario_pnl(SMILE, [0.3], [0.0])[0]
    assert_allclose(book.divergence(1.3 * spot, spot, 0.0), SHORT @ (jump[:-1] - 30 * table.delta[:-1]))


# Programs

N = 6
ROWS, REWARD, SPREAD = RNG.standard_normal((2, N)), RNG.standard_normal(N), RNG.uniform(0, 0.2, N)
SCENARIOS = RNG.standard_normal((40, N))
COVARIANCE = np.cov(SCENARIOS.T, bias=True)
OPEN = dict(depth=np.full(N, inf), half_spread=np.zeros(N))


def test_the_linear_program_agrees_with_its_matrix_form():
    found = construct({"a": (ROWS[0], 0, 0), "b": (ROWS[1], -1, 2)}, exposure=REWARD, depth=np.ones(N), half_spread=SPREAD)
    wide = np.hstack([ROWS, -ROWS])
    direct = linprog(
        np.concatenate([SPREAD - REWARD, SPREAD + REWARD]), A_eq=wide[:1], b_eq=[0],
        A_ub=np.vstack([wide[1], -wide[1]]), b_ub=[2, 1], bounds=[(0, 1)] * (2 * N),
    )  # fmt: skip
    assert_allclose(found.objective, -direct.fun)
    assert_allclose(found.cost, SPREAD @ abs(found.positions))
    assert_allclose(found.objective, REWARD @ found.positions - found.cost)


def test_shadow_prices_are_what_one_unit_more_of_a_limit_is_worth_and_add_up_to_the_optimum():
    limits = dict(exposure=REWARD, depth=np.ones(N), half_spread=SPREAD, margins={"margin": (np.ones(N), np.zeros(N), 3.0)})
    base = construct({"a": (ROWS[0], 0.1, 0.1), "b": (ROWS[1], -inf, 0.2)}, **limits)
    for name in ("a", "b", "margin"):
        up = {"a": (ROWS[0], 0.1, 0.1), "b": (ROWS[1], -inf, 0.2)}
        more = dict(limits)
        if name == "margin":
            more["margins"] = {"margin": (np.ones(N), np.zeros(N), 3.0 + 1e-4)}
        else:
            row, low, high = up[name]
            up[name] = (row, low + 1e-4, high + 1e-4)
        assert_allclose((construct(up, **more).objective - base.objective) / 1e-4, base.shadow_prices[name], atol=1e-6)
    prices = base.shadow_prices
    dual = prices["depth"].sum() + 0.1 * prices["a"] + 0.2 * prices["b"] + 3 * prices["margin"]
    assert_allclose(base.objective, dual)


def test_least_variance_has_its_closed_form():
    """min ½x'Cx with ROWS x = d: x = C⁻¹R'(RC⁻¹R')⁻¹d."""
    target = np.array([1.0, -2.0])
    bounds = {name: (row, d, d) for name, row, d in zip("ab", ROWS, target, strict=True)}
    found = construct(bounds, scenarios=SCENARIOS, risk_aversion=1.0, **OPEN)
    half = np.linalg.solve(COVARIANCE, ROWS.T)
    assert_allclose(found.positions, half @ np.linalg.solve(ROWS @ half, target), atol=1e-6)
    assert_allclose(found.objective, -found.positions @ COVARIANCE @ found.positions / 2, rtol=1e-6)


@pytest.mark.parametrize(("edge", "spread"), [(1.0, 0.3), (-1.0, 0.3), (0.2, 0.3)])
def test_a_spread_shrinks_the_position_by_what_it_costs(edge, spread):
    scenarios = np.array([[2.0], [-2.0]])  # variance 4
    found = construct({}, exposure=[edge], scenarios=scenarios, risk_aversion=0.5, depth=[inf], half_spread=[spread])
    assert_allclose(found.positions, np.sign(edge) * max(abs(edge) - spread, 0) / 2, atol=1e-6)


def test_a_bound_on_risk_buys_the_largest_ratio():
    found = construct({}, exposure=REWARD, scenarios=SCENARIOS, deviation_limit=2.0, **OPEN)
    assert_allclose(found.objective, 2 * np.sqrt(REWARD @ np.linalg.solve(COVARIANCE, REWARD)), rtol=1e-6)
    assert_allclose(np.std(SCENARIOS @ found.positions), 2.0, rtol=1e-6)


def test_a_bound_on_losses_is_met_in_every_scenario_and_is_tight():
    found = construct({}, exposure=REWARD, scenarios=SCENARIOS, loss_limit=1.5, depth=np.full(N, 9.0), half_spread=SPREAD)
    assert_allclose((SCENARIOS @ found.positions).min(), -1.5)
    assert found.shadow_prices["loss_limit"].shape == (40,)


def test_an_inherited_book_is_an_instrument_that_is_held():
    book = RNG.standard_normal(N)
    rows = np.column_stack([ROWS, ROWS @ book])
    held = {"a": (rows[0], 0, 0), "held": (np.eye(N + 1)[N], 1, 1)}
    found = construct(held, scenarios=np.column_stack([SCENARIOS, SCENARIOS @ book]), risk_aversion=1.0,
                      depth=np.full(N + 1, inf), half_spread=np.zeros(N + 1))  # fmt: skip
    assert_allclose(found.positions[:N], -book, atol=1e-6)  # without costs the least variance is to undo it


def test_collateral_is_moved_until_its_fee_exceeds_what_it_earns():
    """Venue 0 pays 1 a unit and has 2 of collateral, venue 1 pays .3 and has 4; a transfer costs a fee per unit sent."""
    venues = {"venue 0": ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0], 2.0), "venue 1": ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0], 4.0)}
    for fee, sent in ((0.6, 4.0), (0.8, 0.0)):
        found = construct({}, exposure=[1.0, 0.3, 0.0], depth=[10.0, 10.0, 9.0], half_spread=[0, 0, fee], margins=venues)
        assert_allclose(found.positions[:2], [2 + sent, 4 - sent], atol=1e-9)
        assert_allclose(abs(found.positions[2]), sent, atol=1e-9)
        assert_allclose(found.shadow_prices["venue 0"], 1.0, atol=1e-9)


def test_what_excludes_each_other_is_smallest():
    """Any of the named left out, the rest can be met; what has nothing to do with it is not named."""
    table = exposures(FLAT, reference_years=0.25)
    bounds = neutral(table, "vanna", "gamma", "delta") | {"theta": (table.theta, 5.0, inf), "vega": (table.vega, 1.0, inf)}
    limits = dict(depth=DEPTH, half_spread=FREE)
    with pytest.raises(ValueError, match=r"without any one of them: gamma, theta\. .*theta by 5"):
        construct(bounds, **limits)
    for name in ("gamma", "theta"):
        construct({other: bounds[other] for other in bounds if other != name}, **limits)


def test_an_unbounded_program_names_what_has_no_depth():
    with pytest.raises(ValueError, match=r"depth is inf for 2 instruments, \[0, 5\]"):
        construct({"a": (np.eye(N)[0] + np.eye(N)[5], 0, 0)}, exposure=np.eye(N)[0],
                  depth=[inf, 1, 1, 1, 1, inf], half_spread=np.zeros(N))  # fmt: skip
    bounded = construct({"a": (np.eye(N)[0], -2, 3)}, exposure=np.eye(N)[0], **OPEN)
    assert_allclose(bounded.objective, 3)


def test_what_is_missed_is_in_the_units_of_the_limit_itself():
    floor = {"sum": ([1.0, 1.0], 5.0, np.inf)}
    with pytest.raises(ValueError, match="depth by 2.5, sum by 5"):
        construct(floor, depth=[0.0, 0.0], half_spread=[0.0, 0.0])
    with pytest.raises(ValueError, match="sum by 3"):
        construct(floor, depth=[2.0, 0.0], half_spread=[0.0, 0.0])


@pytest.mark.parametrize("deep", [1e4, 1e7, 1e9, 1e12, inf])
def test_one_large_depth_loosens_no_constraint(deep):
    table, depth = exposures(SMILE, reference_years=0.25), np.append(np.full(15, 100.0), deep)
    bounds, program = neutral(table, "delta", "gamma", "vega"), dict(exposure=table.theta, depth=depth, half_spread=FREE)
    best = construct(bounds, **program)
    for name in bounds:
        assert abs(table[name] @ best.positions) <= 1e-9 * abs(table[name]) @ abs(best.positions)
    usual = construct(bounds, **program | {"depth": np.append(np.full(15, 100.0), 1e4)})
    assert_allclose(best.objective, usual.objective, rtol=1e-9)
    stock = np.eye(16)[15]
    with pytest.raises(ValueError, match="without any one of them: up, down. .*up by 1, down by 1"):
        construct(bounds | {"up": (stock, 1.0, inf), "down": (stock, -inf, 0.0)}, **program)


@pytest.mark.parametrize("row", [[1.0, 0.0], [1.0, 1.0]])
@pytest.mark.parametrize("gain", [[0.0, 0.0], [1.0, -1.0]])
@pytest.mark.parametrize("deep", [1.0, 1e6, 1e9])
def test_two_limits_that_exclude_each_other_do_so_at_any_depth(row, gain, deep):
    apart = {"a": (row, 1.0, inf), "b": (row, -inf, 0.0), "none of it": ([1.0, -1.0], -deep, inf)}
    with pytest.raises(ValueError, match="without any one of them: a, b. .*a by 1, b by 1"):
        construct(apart, exposure=gain, depth=[deep, deep], half_spread=[0.0, 0.0])


MOVES = np.vstack([np.eye(2), -np.eye(2)])


@pytest.mark.parametrize("deep", [1e3, 1e9, 1e12])
def test_limits_count_one_by_one_beside_a_depth_of_another_scale(deep):
    program = dict(exposure=[1.0, 2.0], depth=[deep, deep], half_spread=[0.0, 0.0])
    assert_allclose(construct({"cap": ([1.0, 0.0], -10.0, 10.0)}, **program).positions, [10, deep], rtol=1e-12)
    assert_allclose(construct({}, margins={"venue": ([1.0, 1.0], [0.0, 0.0], 10.0)}, **program).positions, [0, 10], atol=1e-9)
    assert_allclose(construct({}, scenarios=MOVES, loss_limit=3.0, **program).positions, [3, 3], rtol=1e-9)
    assert_allclose(construct({}, scenarios=MOVES, deviation_limit=3.0, **program).objective, 3 * np.sqrt(10), rtol=1e-7)
    assert_allclose(construct({}, scenarios=MOVES, risk_aversion=0.1, **program).positions, [20, 40], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-10, 1e-5, 1.0, 1e6])
def test_the_currency_is_a_matter_of_taste(scale):
    gain = scale * np.array([1.0, 0.5])
    linear = construct({"sum": ([1.0, 1.0], 0.0, 0.0)}, exposure=gain, depth=[5.0, 3.0], half_spread=gain / 10)
    assert_allclose(linear.positions, [3, -3], rtol=1e-9)
    assert_allclose(linear.objective, 3 * gain[0] - 3 * gain[1] - 3 * gain.sum() / 10, rtol=1e-9)
    for depth in (10.0, inf):
        least = construct({}, exposure=gain, scenarios=scale * MOVES, risk_aversion=1 / scale, depth=[depth] * 2, half_spread=[0, 0])
        assert_allclose(least.positions, [2, 1], rtol=1e-6)


def test_a_small_aversion_ends_positions_without_depth():
    found = construct({}, exposure=[1.0, 0.5], scenarios=MOVES, risk_aversion=1e-9, depth=[inf, inf], half_spread=[0.0, 0.0])
    assert_allclose(found.positions, [2e9, 1e9], rtol=1e-6)


def test_a_solution_that_misses_a_limit_is_no_solution(monkeypatch):
    solve = programs._solve

    def careless(objective, met):
        value, status = solve(objective, met)
        for variable in objective.variables():
            variable.value = None if variable.value is None else 1.01 * variable.value
        return value, status

    monkeypatch.setattr(programs, "_solve", careless)
    with pytest.raises(RuntimeError, match="the solver misses depth by a relative 0.0"):
        construct({}, exposure=[1.0], depth=[5.0], half_spread=[0.0])


def test_whole_and_rational_numbers_are_numbers():
    whole = np.array([5, 3], dtype=object)
    found = construct({1: (whole, 0, 0)}, exposure=np.array([1, 0], dtype=object), depth=whole, half_spread=np.array([0, 0], dtype=object))
    assert_allclose(found.positions, [1.8, -3])


def test_what_an_impossible_set_misses_is_in_its_own_units():
    """A sum of 9 within depths of 2 and 6 misses by 1; each depth misses by half of that if the two share it."""
    with pytest.raises(ValueError, match="depth by 0.5, gamma by 1"):
        construct({"gamma": ([1.0, 1.0], 9.0, np.inf)}, exposure=[1.0, 1.0], depth=[2.0, 6.0], half_spread=[0.1, 0.1])
