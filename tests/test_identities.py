"""Identities between functions of several modules, on data that hypothesis draws; the others stand beside their mechanisms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy import stats

from mnvh import factors, functional, ladder, paths, realised
from mnvh import gamma_capture as gc
from mnvh.decomposition import LinearGrid, decompose
from mnvh.quotes import around

ENTRIES = st.floats(-2, 2, allow_subnormal=False).map(lambda x: round(x, 6))
SEEDS = st.integers(0, 2**32)


def squares(n: int) -> st.SearchStrategy:
    """Symmetric positive semidefinite matrices."""
    return arrays(float, (n, n), elements=ENTRIES).map(lambda x: x @ x.T)


# What a grid earns


@given(squares(2), arrays(float, (6, 2, 2), elements=ENTRIES), st.integers(1, 9))
def test_profit_from_autocovariances_is_half_the_variation_less_the_displacement(intensity, lags, n_steps):
    lags[0] = lags[0] @ lags[0].T
    weights = np.array([1 - abs(j) / n_steps for j in range(-n_steps + 1, n_steps)])
    both = [lags[j] if 0 <= j < 6 else lags[-j].T if -6 < j < 0 else np.zeros((2, 2)) for j in range(-n_steps + 1, n_steps)]
    displacement = n_steps * sum(w * np.trace(intensity @ each) for w, each in zip(weights, both, strict=True))
    variation = n_steps * functional.gross_harvest(intensity, lags[0])
    found = functional.grid_pnl_from_autocovariance(intensity, lags, n_steps)
    scale = n_steps * abs(intensity).sum() * abs(lags).sum()
    assert abs(found - (variation - displacement) / 2) <= 1e-12 * scale


@given(squares(2), arrays(float, (3, 8, 2), elements=ENTRIES))
def test_a_grid_from_flat_pays_each_pair_of_moves_once(intensity, moves):
    prices = np.concatenate([np.zeros((3, 1, 2)), moves.cumsum(axis=1)], axis=1)
    grid = decompose(LinearGrid(intensity, [0.0, 0.0]), prices).total()
    pairs = np.einsum("psi,ij,ptj->pst", moves, intensity, moves)
    assert (abs(grid.pnl + np.triu(pairs, 1).sum(axis=(1, 2))) <= 1e-12 * (grid.gross + abs(pairs).sum(axis=(1, 2)))).all()


@given(squares(3), squares(3), st.floats(0, 1))
def test_the_fill_price_moves_the_profit_of_a_step_in_a_straight_line_up_to_zero(intensity, covariance, fill):
    gross = functional.gross_harvest(intensity, covariance)
    assert functional.expected_step_pnl(intensity, covariance, fill) == pytest.approx((fill - 1) * gross, abs=1e-9)
    assert functional.net_rate(intensity, covariance, 0 * covariance) == pytest.approx(gross / 2, abs=1e-9)


@given(squares(3), st.integers(1, 2))
def test_a_neutral_intensity_keeps_the_variance_that_the_factors_leave(covariance, n_factors):
    covariance = covariance + np.eye(3)
    values = np.linalg.eigvalsh(covariance)[::-1]
    promised, delivered, left, left_found = factors.promises(covariance, covariance, n_factors)
    assert promised == pytest.approx(values[0]) == delivered
    assert left == pytest.approx(left_found) == pytest.approx(values[n_factors:].sum() / values.sum())


@given(arrays(float, 20, elements=ENTRIES, unique=True))
def test_an_error_without_lags_is_that_of_independent_values(values):
    assert factors.newey_west(values, n_lags=0) == pytest.approx((values.mean(), stats.sem(values)))


# What a ladder sees


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.05, 2), st.floats(0, 1), st.floats(5, 500))
def test_captured_variance_adds_up_over_adjoining_windows(seed, step, spread, window):
    mid = np.random.default_rng(seed).standard_normal(2_000).cumsum() * 0.1
    for fills in (side[0] for side in ladder.run(around(mid, spread * step / 2, interval=1.0), steps_price=[step])):
        times = np.linspace(2 * window, 2_000, 9)
        whole, later, earlier = gc.trailing(fills, times, 2 * window), gc.trailing(fills, times, window), gc.trailing(fills, times - window, window)
        assert_allclose(whole, later + earlier, rtol=1e-12)
        assert gc.trailing(fills, [2_000.0], 2_001.0)[0] == pytest.approx(gc.captured(fills))


@given(st.floats(1e-5, 5), st.floats(0.1, 50), st.floats(0, 0.9), st.sampled_from([1, -1]), st.floats(0, 5))
def test_the_mean_wait_and_the_volatility_that_it_means_are_inverse(vol, step, share, side, interval):
    step, pace = step * vol, {"spread": share * step * vol, "side": side, "interval": interval}
    wait = gc.expected_duration(vol, step, **pace)
    assert gc.first_exit_vol(wait, step, **pace) == pytest.approx(vol, rel=1e-9)


@given(arrays(float, 30, elements=st.floats(0.1, 100)), st.floats(0, 0.05))
def test_the_mid_of_quotes_around_a_mid_is_that_mid(mid, spread):
    assert_allclose(around(mid, spread, interval=1.0).mid, mid, rtol=1e-15)


# Estimators of variance, and paths

ESTIMATORS = (
    lambda x: realised.realised_variance(x, every=3),
    lambda x: realised.bipower(x, every=2),
    lambda x: realised.parkinson(x, bar=4),
    lambda x: realised.garman_klass(x, bar=4),
    lambda x: realised.two_scale(x, slow=5),
    lambda x: realised.realised_kernel(x, bandwidth=3),
)


@given(arrays(float, (2, 41), elements=ENTRIES), ENTRIES, st.floats(0.1, 10))
def test_an_estimator_ignores_the_level_and_squares_the_unit(x, level, unit):
    for estimator in ESTIMATORS:
        scale = unit**2 * (np.diff(x) ** 2).sum() * 40 + 1e-9
        assert_allclose(estimator(level + unit * x), unit**2 * estimator(x), rtol=1e-9, atol=1e-11 * scale)


@given(arrays(float, 31, elements=ENTRIES), st.integers(2, 10))
def test_two_scales_are_the_mean_of_the_subsamples_less_the_noise_of_all(x, slow):
    n = len(x) - 1
    subsampled = sum((np.diff(x[k::slow]) ** 2).sum() for k in range(slow)) / slow
    share = (n - slow + 1) / slow / n
    wanted = (subsampled - share * (np.diff(x) ** 2).sum()) / (share * (slow - 1))
    assert realised.two_scale(x, slow=slow) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


ADDED = {
    "gaussian": {"covariance": [[2.0, 0.5], [0.5, 1.0]]},
    "autoregressive": {"covariance": [[2.0, 0.5], [0.5, 1.0]], "coefficient": -0.3},
    "roll": {"covariance": [[2.0, 0.5], [0.5, 1.0]], "half_spread": 0.5},
    "lattice_walk": {},
}
MULTIPLIED = {
    "martingale_gbm": {"covariance": [[0.02, 0.01], [0.01, 0.04]]},
    "log_driftless_gbm": {"covariance": [[0.02, 0.01], [0.01, 0.04]]},
    "jump_diffusion": {"covariance": [[0.02, 0.01], [0.01, 0.04]], "jump_rate": 0.1, "jump_sd": 0.1},
    "stochastic_volatility": {"volatility": [0.01, 0.02], "log_vol_sd": 0.3, "persistence": 0.9},
    "two_point": {"up": 1.1, "down": 0.9, "up_probability": 0.5},
}


@pytest.mark.parametrize("name", [*ADDED, *MULTIPLIED])
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, start=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2))
def test_a_start_shifts_or_scales_the_same_moves(name, seed, start):
    draw = lambda at: getattr(paths, name)(np.random.default_rng(seed), 3, 20, start=at, **(ADDED | MULTIPLIED)[name])
    if name in ADDED:
        assert_allclose(draw(start) - start, draw([0.0, 0.0]), atol=1e-11 * max(start))
    else:
        assert_allclose(draw(start) / start, draw([1.0, 1.0]), rtol=1e-12)
