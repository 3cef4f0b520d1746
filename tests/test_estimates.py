"""Standard errors: the spread of many estimates is the error that each of them states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mnvh import estimates


@pytest.mark.parametrize("law", ["standard_normal", "standard_exponential", "random"])
def test_deviations_scatter_by_the_error_that_they_state(law):
    found, error = estimates.deviation(getattr(np.random.default_rng(1), law)((2_000, 5_000)))
    expected = {"standard_normal": 1, "standard_exponential": 1, "random": 12**-0.5}[law]
    z = (found - expected) / error
    assert abs(z.mean()) < 0.25 and z.std() == pytest.approx(1, abs=0.1)
    assert error.mean() == pytest.approx(found.std(), rel=0.1)


def test_the_deviation_of_normal_samples_has_its_textbook_error():
    found, error = estimates.deviation(3 * np.random.default_rng(2).standard_normal(1_000_000))
    assert error == pytest.approx(3 / np.sqrt(2e6), rel=0.01) and abs(found - 3) < 4 * error


@pytest.mark.parametrize(("n", "short"), [(9, 0.30), (50, 0.07)])
def test_the_error_of_few_samples_is_short_by_what_the_docstring_says(n, short):
    found, error = estimates.deviation(np.random.default_rng(4).standard_normal((20_000, n)))
    assert 1 - error.mean() / found.std() == pytest.approx(short, abs=0.02)


def test_an_exponent_is_exact_on_a_power_law_and_its_error_is_that_of_weighted_least_squares():
    x, stderr = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.1, 0.3, 0.2, 5.0])
    found, error = estimates.exponent(x, 3 * x**-1.5, stderr * 3 * x**-1.5)
    design = np.stack([np.log(x), np.ones(4)], axis=1) / stderr[:, None]
    assert found == pytest.approx(-1.5, abs=1e-12)
    assert error == pytest.approx(np.sqrt(np.linalg.inv(design.T @ design)[0, 0]), rel=1e-12)
    low, high = estimates.exponent(x[:2], [1.0, 5.0], [0.1, 0.2])
    assert (low, high) == pytest.approx((np.log2(5), np.hypot(0.1, 0.04) / np.log(2)))


def test_exponents_miss_by_the_error_that_they_state():
    rng, x = np.random.default_rng(3), np.array([1.0, 2.0, 3.0, 5.0])
    noisy = x**2 * (1 + 0.01 * rng.standard_normal((2_000, 4)))
    z = [(found - 2) / error for found, error in (estimates.exponent(x, y, 0.01 * x**2) for y in noisy)]
    assert stats.kstest(z, "norm").pvalue > 1e-3
