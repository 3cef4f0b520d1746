"""Every potential of the package holds minus its gradient, has its Hessian as intensity, and its own divergence.

An account agrees with a decomposition whatever the holdings are when the divergence is made from them: that a
mechanism's three methods belong together is tested here, for each class that has them.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import mpmath
import numpy as np
import pytest

import mnvh
from mnvh import amm, options, spt, variance_swap
from mnvh.decomposition import LinearGrid, bregman

SQUARE = [[2.0, 0.5], [0.5, 1.0]]
EXAMPLES = {  # a mechanism, prices at which to try it, and a time where it has one
    "LinearGrid": (LinearGrid(SQUARE, [1.0, 2.0]), [1.3, 1.7]),
    "ConstantProduct": (amm.ConstantProduct(2.0), [1.3]),
    "WeightedProduct": (amm.WeightedProduct([0.5, 0.3, 0.2], 2.0), [1.3, 0.8]),
    "ConcentratedLiquidity": (amm.ConcentratedLiquidity(2.0, 0.8, 1.9), [1.3]),
    "StableSwap": (amm.StableSwap(10, 2.0), [1.05]),
    "LMSR": (amm.LMSR(2.0), [0.4, 0.6]),
    "AgainstHolding": (amm.AgainstHolding(amm.ConstantProduct(2.0), [1.0]), [1.3]),
    "OptionHedge": (options.OptionHedge(1.2, 0.5, 0.3), [1.3], 0.1),
    "LogContract": (variance_swap.LogContract(2.0), [1.3]),
    "GeometricMean": (spt.GeometricMean([0.5, 0.3, 0.2]), [1.3, 0.7, 2.0]),
    "Diversity": (spt.Diversity(0.5), [0.3, 0.5, 0.2]),
    "Entropy": (spt.Entropy(), [0.3, 0.5, 0.2]),
}
ELSEWHERE = {"RecentredGrid", "OptionBook"}  # a path's own grid, a sum of hedges: tests/test_simulations.py, test_portfolio.py
ON_THE_SIMPLEX = {"LMSR"}  # moves that keep the sum of the prices


def potentials() -> set[str]:
    modules = [importlib.import_module(f"mnvh.{module.name}") for module in pkgutil.iter_modules(mnvh.__path__) if not module.ispkg]
    classes = {thing for module in modules for thing in vars(module).values() if inspect.isclass(thing)}
    methods = ("value", "holdings", "intensity")
    return {c.__name__ for c in classes if c.__module__.startswith("mnvh.") and all(hasattr(c, m) for m in methods)} - {"Potential"}


def test_every_potential_has_an_example():
    assert potentials() - ELSEWHERE == set(EXAMPLES), "a new mechanism needs an example in EXAMPLES of this file"


def moves(name: str, n: int) -> np.ndarray:
    steps = np.eye(n)
    return steps - np.roll(steps, 1, axis=0) if name in ON_THE_SIMPLEX else steps


@pytest.mark.parametrize("name", EXAMPLES)
def test_holdings_are_minus_the_gradient_and_intensity_minus_theirs(name):
    mechanism, prices, *time = EXAMPLES[name]
    prices, h = np.array(prices), 1e-4
    for move in moves(name, len(prices)):
        def slope(function):  # central difference of fourth order
            near, far = (function(prices + k * h * move, *time) - function(prices - k * h * move, *time) for k in (1, 2))
            return (8 * near - far) / (12 * h)

        held, bend = mechanism.holdings(prices, *time), mechanism.intensity(prices, *time)
        assert slope(mechanism.value) == pytest.approx(-held @ move, rel=1e-7, abs=1e-9)
        np.testing.assert_allclose(move @ slope(mechanism.holdings), -move @ bend @ move, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("name", EXAMPLES)
def test_divergence_of_a_small_move_is_half_its_square_by_the_intensity(name, size):
    """A minute at a volatility of 1e-4 moves a price by 1e-7: no difference of two values resolves that."""
    mechanism, old, *time = EXAMPLES[name]
    old = np.array(old)
    for move in moves(name, len(old)):
        new = old + size * move
        half = (new - old) @ mechanism.intensity(old, *time) @ (new - old) / 2
        assert bregman(mechanism, new, old, *time) == pytest.approx(half, rel=30 * size + 1e-14 / size, abs=0)


@pytest.mark.parametrize("size", np.logspace(-7, -0.5, 27))
def test_divergence_of_a_stable_pool_across_par_is_what_its_definition_says(size):
    pool, old, new = amm.StableSwap(100, 2.0), np.array([1 / (1 + size)]), np.array([1 + size])
    change = pool.value(new) - pool.value(old)
    assert bregman(pool, new, old) == pytest.approx(change + pool.holdings(old) @ (new - old), rel=1e-8, abs=2e-15)


@pytest.mark.parametrize("ratio", [1e-20, 1e-12, 1e-3, 1e3, 1e12, 1e20])
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"StableSwap"}))
def test_divergence_of_a_price_that_all_but_vanishes_is_what_its_definition_says(name, ratio):
    mechanism, old, *time = EXAMPLES[name]
    old, new = np.array(old), np.array(old)
    new[0] *= ratio
    if name in ON_THE_SIMPLEX:
        new[0] = min(ratio, 1 / ratio)
        new[1] = 1 - new[0]
    held = mechanism.holdings(old, *time)
    terms = mechanism.value(new, *time), -mechanism.value(old, *time), *(held * new), *(-held * old)
    assert bregman(mechanism, new, old, *time) == pytest.approx(sum(terms), rel=1e-12, abs=1e-13 * np.abs(terms).sum())


def test_divergence_of_a_hedge_far_in_the_money_is_not_below_zero():
    hedge, old, new = options.OptionHedge(1.0, 1.0, 0.1), np.array([2.2]), np.array([2.3])
    with mpmath.workdps(40):
        total = hedge.volatility * mpmath.sqrt(0.5)
        value = lambda s: s * mpmath.ncdf(mpmath.log(s) / total + total / 2) - mpmath.ncdf(mpmath.log(s) / total - total / 2)
        delta = mpmath.ncdf(mpmath.log(mpmath.mpf(old[0])) / total + total / 2)
        exact = value(mpmath.mpf(new[0])) - value(mpmath.mpf(old[0])) - delta * (mpmath.mpf(new[0]) - mpmath.mpf(old[0]))
    assert 0 < exact < 1e-20
    assert bregman(hedge, new, old, 0.5) == pytest.approx(float(exact), rel=1e-9, abs=0)


def test_a_stable_pool_refuses_what_is_too_far_from_par():
    with pytest.raises(ValueError, match="too far from 1 for floating point"):
        bregman(amm.StableSwap(10, 2.0), np.array([1e60]), np.array([1.0]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_divergence_is_what_its_definition_says(name):
    mechanism, old, *time = EXAMPLES[name]
    old = np.array(old)
    for move in moves(name, len(old)):
        new = old + 0.1 * move
        change = mechanism.value(new, *time) - mechanism.value(old, *time)
        defined = change + mechanism.holdings(old, *time) @ (new - old)
        assert bregman(mechanism, new, old, *time) == pytest.approx(defined, rel=1e-9, abs=1e-13)
