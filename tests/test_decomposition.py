"""Chapter 2: one account, one decomposition, and what a contrarian rule earns."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnvh import inventory, paths
from mnvh.decomposition import LinearGrid, attribute, bregman, decompose, follow, identity, simulate
from mnvh.functional import expected_step_pnl, gross_harvest

FILLS = (0.0, 0.5, 1.0, 2.0)
FROM_QUOTES = [inventory.profit, inventory.certainty_equivalent, inventory.expected_rule, inventory.simulate, inventory.trade]
K = np.array([[2.0, -0.5, 0.0], [-0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
SIGMA = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.4], [0.0, -0.4, 0.5]])


@dataclass(frozen=True)
class Pool:
    """Ψ(p) = -2L Σ√p, a constant-product pool for each asset, written as a reader would: no `divergence`."""

    liquidity: float

    def value(self, prices):
        return -2 * self.liquidity * np.sqrt(prices).sum(axis=-1)

    def holdings(self, prices):
        return self.liquidity / np.sqrt(prices)

    def intensity(self, prices):
        return np.eye(prices.shape[-1]) * (self.liquidity / 2 * prices**-1.5)[..., None]


@dataclass(frozen=True)
class FadingPool:
    """A pool whose liquidity falls as time passes: a potential that depends on time."""

    def value(self, prices, time):
        return np.exp(-time) * Pool(1.0).value(prices)

    def holdings(self, prices, time):
        return np.exp(-time)[..., None] * Pool(1.0).holdings(prices)


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)


def price_paths(low=-1e6, high=1e6, n_assets=3):
    return st.integers(1, 8).flatmap(lambda n: arrays(float, (2, n + 1, n_assets), elements=numbers(low, high)))


semidefinite = arrays(float, (2, 3), elements=numbers(-100, 100)).map(lambda a: a.T @ a)
fractions = st.fractions(-100, 100, max_denominator=50)


def exact(*shape):
    size = int(np.prod(shape))
    return st.lists(fractions, min_size=size, max_size=size).map(lambda x: np.array(x, dtype=object).reshape(shape))


def assert_mean(samples, expected):
    mean, stderr = samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(mean - expected) < 4 * stderr, f"{mean:.6g} ± {stderr:.2g} against {expected:.6g}"


def assert_account_equals_decomposition(mechanism, prices, constant, fill, fee_bps, times=None):
    clock = () if times is None else (times,)
    parts = decompose(mechanism, prices, constant=constant, times=times, fill=fill, fee_bps=fee_bps).cumulative()
    wealth = follow(constant + mechanism.holdings(prices, *clock), prices, fill=fill, fee_bps=fee_bps)
    assert (wealth[:, 0] == 0).all()
    gap = abs(wealth[:, 1:] - parts.pnl) - 1e-12 * parts.gross
    assert (gap <= 0).all(), gap.max()


costs = {"fill": numbers(0, 2), "fee_bps": st.sampled_from([0, 0.01, 30, 10_000])}
constants = arrays(float, 3, elements=numbers(-1e3, 1e3))


@given(prices=price_paths(), matrix=semidefinite, constant=constants, **costs)
def test_account_equals_decomposition_of_a_grid_on_any_path(prices, matrix, constant, fill, fee_bps):
    assert_account_equals_decomposition(LinearGrid(matrix, prices[0, 0]), prices, constant, fill, fee_bps)


@given(prices=price_paths(1e-6, 1e6), constant=constants, **costs)
def test_account_equals_decomposition_of_a_pool_on_any_path(prices, constant, fill, fee_bps):
    assert_account_equals_decomposition(Pool(3.0), prices, constant, fill, fee_bps)


@given(prices=price_paths(1e-6, 1e6), constant=constants, **costs)
def test_account_equals_decomposition_when_the_potential_depends_on_time(prices, constant, fill, fee_bps):
    times = np.linspace(0, 2, prices.shape[1])
    assert_account_equals_decomposition(FadingPool(), prices, constant, fill, fee_bps, times)


def same_shape(draw, shape):
    return draw(arrays(float, shape, elements=numbers(-1e6, 1e6)))


@given(prices=price_paths(), matrix=semidefinite, fee_bps=costs["fee_bps"], data=st.data())
def test_account_equals_decomposition_at_any_executed_price_and_with_any_income(prices, matrix, fee_bps, data):
    grid, steps = LinearGrid(matrix, prices[0, 0]), prices[:, 1:]
    options = dict(executed=same_shape(data.draw, steps.shape), income=same_shape(data.draw, steps.shape[:2]), fee_bps=fee_bps)
    parts = decompose(grid, prices, **options).cumulative()
    wealth = follow(grid.holdings(prices), prices, **options)
    assert (abs(wealth[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()
    assert (parts.carry == options["income"].cumsum(axis=1)).all()


@given(prices=price_paths(), data=st.data(), **costs)
def test_account_equals_the_attribution_of_holdings_without_a_potential(prices, data, fill, fee_bps):
    holdings = same_shape(data.draw, prices.shape)
    parts = attribute(holdings, prices, fill=fill, fee_bps=fee_bps).cumulative()
    wealth = follow(holdings, prices, fill=fill, fee_bps=fee_bps)
    assert (abs(wealth[:, 1:] - parts.pnl) <= 1e-12 * parts.gross).all()
    assert not parts.harvest.any() and not parts.displacement.any()


def test_simulated_totals_are_those_of_all_paths_at_once():
    def draw(rng, n):
        return paths.gaussian(rng, n, 7, covariance=SIGMA)

    grid, options = LinearGrid(K, np.zeros(3)), dict(fill=0.5, fee_bps=30)
    totals = simulate(grid, draw, np.random.default_rng(5), 10, chunk=3, **options)
    at_once = decompose(grid, draw(np.random.default_rng(5), 10), **options).total()
    np.testing.assert_allclose(totals.pnl, at_once.pnl)
    np.testing.assert_allclose(totals.harvest, at_once.harvest)


@given(holdings=exact(1, 4, 2), prices=exact(1, 4, 2))
def test_one_step_identity_is_exact(holdings, prices):
    nav = (holdings * prices).sum(axis=2)
    assert (sum(identity(holdings, prices)) == np.diff(nav, axis=1)).all()


@given(prices=exact(1, 4, 2), factor=exact(2, 2), constant=exact(2), fill=st.fractions(0, 2), fee=st.fractions(1, 50))
def test_account_equals_decomposition_of_a_grid_exactly_in_rational_arithmetic(prices, factor, constant, fill, fee):
    grid = LinearGrid(factor.T @ factor, prices[0, 0])
    parts = decompose(grid, prices, constant=constant, fill=fill, fee_bps=fee)
    wealth = follow(constant + grid.holdings(prices), prices, fill=fill, fee_bps=fee)
    assert isinstance(wealth[0, -1], Fraction)
    assert (np.diff(wealth, axis=1) == parts.pnl).all()


@given(prices=exact(1, 5, 2), factor=exact(2, 2))
def test_a_grid_earns_half_realised_variance_less_half_squared_displacement(prices, factor):
    grid = LinearGrid(factor.T @ factor, prices[0, 0])
    moves, way = np.diff(prices, axis=1)[0], prices[0, -1] - prices[0, 0]
    realised = sum(move @ grid.matrix @ move for move in moves)
    assert decompose(grid, prices).total().pnl[0] == (realised - way @ grid.matrix @ way) / 2


@given(prices=price_paths(1e-3, 1e3), matrix=semidefinite)
def test_harvest_is_never_negative(prices, matrix):
    for mechanism in (LinearGrid(matrix, np.ones(3)), Pool(1.0)):
        parts = decompose(mechanism, prices)
        assert (parts.harvest >= -1e-12 * parts.gross).all()


@given(prices=price_paths(1e-3, 1e3))
def test_displacement_depends_on_the_end_points_only(prices):
    straight = prices[:, [0, -1]]
    whole, short = decompose(Pool(1.0), prices).total(), decompose(Pool(1.0), straight).total()
    assert (abs(whole.displacement - short.displacement) <= 1e-12 * whole.gross).all()


@pytest.mark.parametrize("mechanism", [LinearGrid(K, [1.0, 2.0, 3.0]), Pool(2.0)])
def test_holdings_are_minus_the_gradient_and_intensity_minus_theirs(mechanism):
    prices, h = np.array([1.3, 2.1, 0.7]), 1e-5
    steps = h * np.eye(3)
    slope = (mechanism.value(prices + steps) - mechanism.value(prices - steps)) / (2 * h)
    bend = (mechanism.holdings(prices + steps) - mechanism.holdings(prices - steps)) / (2 * h)
    np.testing.assert_allclose(mechanism.holdings(prices), -slope, atol=1e-9)
    np.testing.assert_allclose(mechanism.intensity(prices), -bend, atol=1e-9)


def test_divergence_is_half_the_squared_move_to_second_order():
    old, move = np.array([1.3, 2.1, 0.7]), np.array([0.3, -0.2, 0.1])
    half = move @ Pool(2.0).intensity(old) @ move / 2
    gaps = [bregman(Pool(2.0), old + h * move, old) / (h**2 * half) - 1 for h in (0.1, 0.01)]
    assert abs(gaps[1]) < 0.01
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)  # the relative gap is of first order


def test_a_grid_has_no_carry_and_a_fading_pool_pays_it():
    prices = paths.martingale_gbm(np.random.default_rng(1), 20, 50, covariance=1e-4 * np.eye(3))
    assert not decompose(LinearGrid(K, np.ones(3)), prices).carry.any()
    assert (decompose(FadingPool(), prices, times=np.linspace(0, 1, 51)).carry > 0).all()  # Ψ = -2L√p rises to 0


def test_a_fee_costs_its_rate_times_the_value_traded():
    prices = np.array([[[100.0], [110.0], [99.0]]])
    parts = decompose(LinearGrid([[2.0]], [100.0]), prices, fee_bps=30)
    np.testing.assert_allclose(parts.cost, [[-0.003 * 20 * 110, -0.003 * 22 * 99]])


@pytest.mark.parametrize("fill", FILLS)
def test_fills_at_p_plus_theta_of_the_move_earn_minus_one_minus_theta_of_the_gross_harvest(fill):
    n_steps = 20
    prices = paths.gaussian(np.random.default_rng(7), 40_000, n_steps, covariance=SIGMA)
    wealth = follow(LinearGrid(K, np.zeros(3)).holdings(prices), prices, fill=fill)[:, -1]
    assert_mean(wealth / n_steps, expected_step_pnl(K, SIGMA, fill))
    if fill < 2:  # the printed claim is off by more than any error here
        stderr = wealth.std() / np.sqrt(len(wealth)) / n_steps
        assert wealth.mean() / n_steps < gross_harvest(K, SIGMA) - 20 * stderr


def test_cash_leg_is_the_gross_harvest_and_the_inventory_leg_its_opposite():
    prices = paths.gaussian(np.random.default_rng(8), 100_000, 1, covariance=SIGMA)
    q = LinearGrid(K, np.zeros(3)).holdings(prices)
    trades = np.diff(q, axis=1)[:, 0]
    cash, inventory = -np.vecdot(prices[:, 1], trades), np.vecdot(prices[:, 1], q[:, 1]) - np.vecdot(prices[:, 0], q[:, 0])
    assert_mean(cash, gross_harvest(K, SIGMA))
    assert_mean(inventory, -gross_harvest(K, SIGMA))


def walks(n_steps):
    """Every path of the simple random walk, each as likely as any other: an expectation is a mean over these."""
    moves = np.array(list(itertools.product((-1, 1), repeat=n_steps)))
    return np.concatenate([np.zeros((len(moves), 1), int), moves.cumsum(axis=1)], axis=1)[..., None].astype(object)


@given(seed=st.integers(0, 2**32 - 1))
def test_no_adapted_rule_earns_anything_at_the_post_move_price(seed):
    prices, rng = walks(6), np.random.default_rng(seed)
    rule: dict = {}  # any holdings at all, as long as they are a function of the prices up to then
    holdings = np.array(
        [[[rule.setdefault(tuple(path[: t + 1, 0]), int(rng.integers(-9, 10)))] for t in range(7)] for path in prices],
        dtype=object,
    )
    assert follow(holdings, prices)[:, -1].sum() == 0
    ahead = np.concatenate([np.diff(prices, axis=1), prices[:, :1]], axis=1)  # look-ahead: holds the coming move
    assert follow(ahead, prices)[:, -1].sum() == 6 * len(prices)


@pytest.mark.parametrize("fill", [Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2)])
def test_expectation_of_the_fill_family_is_exact_on_all_walks(fill):
    prices, grid = walks(8), LinearGrid(np.array([[3]], dtype=object), np.array([0], dtype=object))
    wealth = follow(grid.holdings(prices), prices, fill=fill)[:, -1]
    assert Fraction(wealth.sum()) / len(prices) == -(1 - fill) * 8 * 3


def test_lattice_grid_earns_half_of_steps_less_squared_displacement():
    prices = paths.lattice_walk(np.random.default_rng(2), 500, 100, start=[7.0])
    pnl = decompose(LinearGrid([[1.0]], [7.0]), prices).total().pnl
    assert (pnl == (100 - (prices[:, -1, 0] - 7) ** 2) / 2).all()


def lattice_law(n_steps):
    """P&L of the unit grid and its probabilities, one entry per number of steps up."""
    ups = np.arange(n_steps + 1)
    return (n_steps - (2.0 * ups - n_steps) ** 2) / 2, np.array([comb(n_steps, int(k)) for k in ups]) / 2.0**n_steps


def test_lattice_grid_wins_two_times_in_three_and_has_mean_zero():
    won = {}
    for n_steps in (25, 100, 900):
        pnl, chance = lattice_law(n_steps)
        won[n_steps] = chance[pnl > 0].sum()
        assert abs(pnl @ chance) < 1e-9
    assert (round(won[25], 3), round(won[100], 3)) == (0.576, 0.632)
    assert won[100] < won[900] < 0.6827  # the limit, P(|Z| < 1)
    pnl = decompose(LinearGrid([[1.0]], [0.0]), paths.lattice_walk(np.random.default_rng(3), 40_000, 100)).total().pnl
    assert_mean((pnl > 0).astype(float), won[100])


def test_lattice_grid_has_skewness_that_tends_to_minus_the_root_of_eight():
    gaps = []
    for n_steps in (100, 400):
        pnl, chance = lattice_law(n_steps)
        gaps.append(pnl**3 @ chance / (pnl**2 @ chance) ** 1.5 + np.sqrt(8))
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.05)  # an error of order 1/T
    assert abs(gaps[1]) < 0.02


def test_harvest_and_displacement_are_two_halves_of_one_zero():
    prices = paths.martingale_gbm(np.random.default_rng(4), 50_000, 20, covariance=0.0025 * np.eye(1))
    parts = decompose(Pool(1.0), prices).total()
    assert parts.harvest.mean() > 50 * parts.harvest.std() / np.sqrt(50_000)
    assert_mean(parts.pnl, 0.0)


@pytest.mark.parametrize("function", [decompose, attribute, follow, *FROM_QUOTES])
def test_a_fill_is_at_the_post_move_price_unless_it_is_said(function):
    """The convention of the whole book, under which trading costs nothing but fees."""
    assert inspect.signature(function).parameters["fill"].default == 1


def test_at_the_post_move_price_trading_costs_nothing():
    prices = np.random.default_rng(30).standard_normal((3, 8, 2)).cumsum(axis=1)
    held = np.random.default_rng(31).standard_normal(prices.shape)
    assert (attribute(held, prices).cost == 0).all() and (decompose(LinearGrid(np.eye(2), np.zeros(2)), prices).cost == 0).all()
