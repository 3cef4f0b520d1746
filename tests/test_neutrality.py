"""Bq = 0: what keeps it, what does not, and what it does not give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnvh import neutrality, paths
from mnvh.decomposition import LinearGrid, follow

K = np.array([[2.0, -0.5, 0.0], [-0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
BETA = np.array([[1.0, 0.5, 2.0]])

entries = st.floats(-10, 10, allow_subnormal=False)
full_rank = arrays(float, (2, 4), elements=entries).filter(
    lambda b: (np.linalg.norm(b, axis=1) > 1e-3).all()
    and np.linalg.svd(b / np.linalg.norm(b, axis=1, keepdims=True), compute_uv=False)[-1] > 1e-3
)


@given(exposures=full_rank)
def test_projector_is_orthogonal_on_what_has_no_exposure(exposures):
    projector = neutrality.projector(exposures)
    np.testing.assert_allclose(projector, projector.T, atol=1e-12)
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-12)
    np.testing.assert_allclose(exposures @ projector, 0, atol=1e-11)
    assert np.trace(projector) == pytest.approx(4 - 2)
    np.testing.assert_allclose(projector, np.eye(4) - np.linalg.pinv(exposures) @ exposures, atol=1e-9)


@given(exposures=full_rank, scale=st.floats(1e-6, 1e6))
def test_projector_does_not_know_the_unit_of_an_exposure(exposures, scale):
    rescaled = exposures * np.array([[scale], [1.0]])
    np.testing.assert_allclose(neutrality.projector(rescaled), neutrality.projector(exposures), atol=1e-9)


def test_projector_of_many_dates_is_that_of_each():
    many = np.random.default_rng(1).standard_normal((5, 7, 2, 4))
    np.testing.assert_allclose(neutrality.projector(many)[3, 4], neutrality.projector(many[3, 4]), atol=1e-12)


def test_as_many_exposures_as_assets_leave_nothing_to_trade():
    np.testing.assert_allclose(neutrality.neutral_intensity(K, np.eye(3)), 0, atol=1e-15)


def test_neutral_intensity_keeps_neutrality_for_every_move_and_the_given_one_does_not():
    prices = paths.gaussian(np.random.default_rng(2), 20, 50, covariance=np.eye(3), start=[100.0, 90.0, 80.0])
    neutral = LinearGrid(neutrality.neutral_intensity(K, BETA), prices[0, 0]).holdings(prices)
    given = LinearGrid(K, prices[0, 0]).holdings(prices)
    np.testing.assert_allclose(neutrality.exposure(neutral, BETA), 0, atol=1e-10)
    assert abs(neutrality.exposure(given, BETA)).max() > 1


def test_dollar_neutrality_holds_at_the_old_price_only():
    prices = paths.martingale_gbm(np.random.default_rng(3), 10, 30, covariance=1e-4 * np.eye(3), start=[100.0, 50.0, 20.0])
    dollars = neutrality.dollar_exposures(prices)
    intensities = neutrality.neutral_intensity(K, dollars)[:, :-1]  # K_t p_t = 0, known before the move
    trades = -(intensities @ np.diff(prices, axis=1)[..., None])[..., 0]
    old, new = np.vecdot(prices[:, :-1], trades), np.vecdot(prices[:, 1:], trades)
    np.testing.assert_allclose(old, 0, atol=1e-10)
    moves = np.diff(prices, axis=1)
    np.testing.assert_allclose(new, -np.vecdot((intensities @ moves[..., None])[..., 0], moves), atol=1e-10)
    assert (new < 0).all()


def test_dollar_exposure_is_the_papers_net_asset_value():
    rng = np.random.default_rng(4)
    prices = paths.martingale_gbm(rng, 4, 6, covariance=1e-4 * np.eye(3))
    holdings = rng.standard_normal(prices.shape)
    value = neutrality.exposure(holdings, neutrality.dollar_exposures(prices))
    np.testing.assert_allclose(value[..., 0], (holdings * prices).sum(axis=2), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (7, 2, 3), (4, 7, 2, 3)])
def test_exposure_is_the_matrix_product_at_each_path_and_date(shape):
    rng = np.random.default_rng(5)
    holdings, exposures = rng.standard_normal((4, 7, 3)), rng.standard_normal(shape)
    result = neutrality.exposure(holdings, exposures)
    at = {2: exposures, 3: exposures[5:6].squeeze(), 4: exposures[2, 5] if len(shape) == 4 else None}[len(shape)]
    assert result.shape == (4, 7, 2)
    np.testing.assert_allclose(result[2, 5], at @ holdings[2, 5])


def test_loadings_per_unit_are_loadings_of_dollars_times_price():
    prices = paths.martingale_gbm(np.random.default_rng(6), 2, 5, covariance=1e-4 * np.eye(3), start=[100.0, 50.0, 20.0])
    np.testing.assert_array_equal(neutrality.per_unit(np.ones((1, 3)), prices), neutrality.dollar_exposures(prices))
    holdings = np.ones(prices.shape)
    by_dollars = (BETA * holdings * prices).sum(axis=2)
    np.testing.assert_allclose(neutrality.exposure(holdings, neutrality.per_unit(BETA, prices))[..., 0], by_dollars)


def factor_model(rng, n_days, noise):
    factors = 0.01 * rng.standard_normal((n_days, 2)) + 0.001
    loadings = np.array([[1.0, 0.5, 2.0, 1.0], [0.0, 1.0, -1.0, 0.5]])
    return factors, loadings, 0.002 + factors @ loadings + noise * rng.standard_normal((n_days, 4))


def test_least_squares_finds_the_loadings_whatever_the_means():
    factors, loadings, returns = factor_model(np.random.default_rng(7), 50, noise=0.0)
    np.testing.assert_allclose(neutrality.factor_loadings(returns, factors), loadings, atol=1e-12)


def test_one_factor_gives_the_beta_of_the_textbook():
    factors, _, returns = factor_model(np.random.default_rng(8), 500, noise=0.01)
    market = factors[:, :1]
    covariance = np.cov(np.hstack([market, returns]).T)
    np.testing.assert_allclose(neutrality.factor_loadings(returns, market)[0], covariance[0, 1:] / covariance[0, 0])


def test_a_neutral_portfolio_of_a_factor_model_has_only_noise():
    rng = np.random.default_rng(9)
    factors, _, returns = factor_model(rng, 2000, noise=1e-4)
    for loadings in (neutrality.factor_loadings(returns, factors), neutrality.statistical_loadings(returns, 2)):
        weights = neutrality.projector(loadings) @ rng.standard_normal(4)
        assert (returns @ weights).std() < 3e-4 * np.linalg.norm(weights)
        assert returns.std() > 1e-2


def test_statistical_loadings_span_the_leading_eigenvectors_of_the_covariance():
    _, _, returns = factor_model(np.random.default_rng(10), 500, noise=0.005)
    loadings = neutrality.statistical_loadings(returns, 3)
    values, vectors = np.linalg.eigh(np.cov(returns.T))
    np.testing.assert_allclose(abs(loadings @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-9)
    assert (loadings.sum(axis=1) >= 0).all()
    np.testing.assert_allclose(neutrality.statistical_loadings(1e-7 * returns, 3), loadings, atol=1e-9)  # in any unit


def test_neutrality_does_not_remove_a_drift_outside_the_row_space():
    """E[q·Δp] = 0 is the martingale property's doing, or that of a drift in the row space of B."""
    neutral = neutrality.projector(BETA)
    held = neutral @ np.array([1.0, -1.0, 1.0])
    for drift, expected in ((3.0 * BETA[0], 0.0), (np.array([0.0, 0.0, 1.0]), held[2])):
        prices = paths.gaussian(np.random.default_rng(11), 20_000, 10, covariance=0.01 * np.eye(3))
        prices += drift * np.arange(11)[:, None]
        gains = follow(np.broadcast_to(held, prices.shape), prices)[:, -1] / 10
        stderr = gains.std() / np.sqrt(len(gains))
        assert abs(gains.mean() - expected) < 4 * stderr, f"{gains.mean():.3g} ± {stderr:.2g} against {expected:.3g}"
    assert abs(expected) > 20 * stderr


def test_neutral_intensity_is_the_projected_one():
    projector = np.eye(3) - BETA.T @ BETA / (BETA @ BETA.T)
    np.testing.assert_allclose(neutrality.neutral_intensity(K, BETA), projector @ K @ projector, atol=1e-14)
