"""Textbook estimators of variance against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mnvh import realised

RNG = np.random.default_rng(8)
X = np.concatenate([np.zeros((2000, 1)), (RNG.standard_normal((2000, 1200)) / 1200**0.5).cumsum(axis=1)], axis=1)
NOISY = X + 0.01 * RNG.standard_normal(X.shape)

ESTIMATORS = {
    "realised_variance": lambda x: realised.realised_variance(x, every=10),
    "bipower": lambda x: realised.bipower(x, every=10),
    "two_scale": lambda x: realised.two_scale(x, slow=30),
    "realised_kernel": lambda x: realised.realised_kernel(x, bandwidth=20),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_unbiased_for_brownian_motion(name):
    found = ESTIMATORS[name](X)
    assert abs(found.mean() - 1) < 4 * found.std() / 2000**0.5 + 0.001


@pytest.mark.parametrize("name", ["two_scale", "realised_kernel"])
def test_robust_to_noise(name):
    found = ESTIMATORS[name](NOISY)
    assert abs(found.mean() - 1) < 0.02 < abs(realised.realised_variance(NOISY).mean() - 1)


def test_noise_adds_twice_its_variance_a_step():
    found = realised.realised_variance(NOISY)
    assert abs(found.mean() - (1 + 1200 * 2e-4)) < 4 * found.std() / 2000**0.5


def test_bipower_leaves_out_a_jump():
    jumped = X + np.where(np.arange(1201) > 600, 0.5, 0)
    assert realised.realised_variance(jumped).mean() > 1.24
    assert realised.bipower(jumped).mean() < 1.04


def test_ranges_read_low_between_prices_and_need_fewer_of_them():
    found = {f.__name__: f(X, bar=400) for f in (realised.parkinson, realised.garman_klass)}
    close = realised.realised_variance(X, every=400)
    for sample in found.values():
        assert 0.9 < sample.mean() < 1 and sample.std() < 0.7 * close.std()
    assert found["garman_klass"].std() < found["parkinson"].std()


def test_one_bar_by_hand():
    x = np.array([0.0, 2.0, -1.0, 1.0])
    assert_allclose(realised.parkinson(x, bar=3), 9 / (4 * np.log(2)))
    assert_allclose(realised.garman_klass(x, bar=3), 4.5 - (2 * np.log(2) - 1))
    assert_allclose(realised.realised_kernel(x, bandwidth=1), 17 + 2 * 0.25 * (-6 - 6))
    assert_allclose(realised.bipower(x), np.pi / 2 * 1.5 * 12)
    assert_allclose(realised.two_scale(x, slow=2), (1 - 17 / 3) / (1 / 3))


def test_a_bar_closes_at_its_last_price_and_opens_where_the_one_before_closed():
    x = np.array([0.0, 4.0, 1.0, 3.0, 4.0, 5.0, 5.0])  # ranges 4 and 2, moves 3 and 2
    assert_allclose(realised.garman_klass(x, bar=3), (16 + 4) / 2 - (2 * np.log(2) - 1) * (9 + 4))
    assert_allclose(realised.parkinson(x, bar=3), (16 + 4) / (4 * np.log(2)))
