"""Estimators of Gamma Capture: closed forms, published values, bias on simulated markets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mnvh import gamma_capture as gc
from mnvh import ladder, paths
from mnvh.quotes import around


@pytest.mark.parametrize(("n", "mean", "sd"), [(50, 1.005012, 0.058223), (10, 1.025273, 0.134384)])
def test_small_sample_factor_and_spread_of_the_first_exit_volatility(n, mean, sd):
    assert_allclose(gc.first_exit_moments(n), (mean, sd), atol=5e-7)


def test_the_first_exit_moments_are_those_of_a_simulation():
    walk = paths.lattice_walk(np.random.default_rng(3), 1, 6_000_000)[0, :, 0]
    fills = ladder.run(around(walk, 0.0, interval=1.0), steps_price=[12])[0][0]
    durations = np.diff(fills.time)[: len(fills.time) // 10 * 10 - 10].reshape(-1, 10)
    sample = 12 / np.sqrt(durations.mean(axis=1))
    mean, sd = gc.first_exit_moments(10)
    assert abs(sample.mean() - mean) < 4 * sd / len(sample) ** 0.5
    assert abs(sample.std() / sd - 1) < 0.1


@pytest.mark.parametrize(("spread", "side", "value"), [(0.0, 1, 0.9006), (2.5, 1, 0.7596), (2.5, -1, 1.1680)])
def test_published_values_of_a_ladder_watched_at_intervals(spread, side, value):
    duration = gc.expected_duration(1.0, 5.0, spread=spread, side=side, interval=1.0)
    assert_allclose(5 / duration**0.5, value, atol=5e-5)
    assert_allclose(gc.first_exit_vol(duration, 5.0, spread=spread, side=side, interval=1.0), 1.0, rtol=1e-14)
    assert gc.first_exit_vol(25.0, 5.0) == 1  # without a spread, watched all the time


@pytest.mark.parametrize("side", [1, -1])
def test_the_step_for_n_fills_inverts_the_mean_duration(side):
    step = gc.step_for(0.3, 600.0, 50, spread=0.2, side=side)
    assert_allclose(gc.expected_duration(0.3, step, spread=0.2, side=side), 12.0, rtol=1e-13)


def test_corrected_is_unbiased_with_jumps_random_spread_and_changing_volatility():
    rng, ratios = np.random.default_rng(4), []
    for _ in range(300):
        vol = np.where(rng.random(4000).cumsum() % 40 < 20, 2e-4, 6e-4)
        x = np.concatenate([[0], (vol * rng.standard_normal(4000) + (rng.random(4000) < 5e-4) * rng.normal(0, 0.01, 4000)).cumsum()])
        mid = 100 * np.exp(x)
        quotes = around(mid, mid * rng.uniform(0, 1e-3, len(mid)), interval=1.0)
        pair = ladder.run(quotes, steps_bps=[20.0])
        ratios.append([gc.corrected(side[0]) - np.diff(x) @ np.diff(x) for side in pair])
    mean, error = np.mean(ratios, axis=0), np.std(ratios, axis=0) / 300**0.5
    assert (abs(mean) < 4 * error).all()


def test_the_relative_error_is_the_scatter_of_both_estimators():
    rng, found = np.random.default_rng(5), []
    for path in paths.lattice_walk(rng, 400, 20_000)[:, :, 0]:
        fills = ladder.run(around(path, 4.0, interval=1.0), steps_price=[10])[0][0]
        found.append((gc.captured(fills), gc.corrected(fills), gc.relative_error(fills)))
    counted, full, stated = np.array(found).T
    for sample in (counted, full):
        assert abs(np.sqrt(sample).std() / np.sqrt(sample).mean() / stated.mean() - 1) < 0.16


def test_the_relative_error_counts_what_lies_between_two_quotes():
    rng = np.random.default_rng(6)
    found = []
    for path in paths.gaussian(rng, 1200, 600, covariance=[[1.0]])[:, :, 0]:
        sides = [side[0] for side in ladder.run(around(path, 1.0, interval=1.0), steps_price=[3.0])]
        found.append([(gc.corrected(fills) ** 0.5, gc.relative_error(fills)) for fills in sides])
    vol, stated = np.moveaxis(found, 2, 0)
    ratio = vol.std(axis=0) / vol.mean(axis=0) / stated.mean(axis=0)
    assert (abs(ratio - 1) < 4 / np.sqrt(2 * 1200)).all()  # without the overshoot it would be 1.23 and 1.32


def test_trailing_counts_the_fills_of_the_window_and_no_others():
    fills = ladder.run(around([0.0, 1.5, 0.2, -1.5, 0.0], 0.1, interval=1.0), steps_price=[1.0])[0][0]
    every = [sum(t - 2 < u <= t for u in fills.time) for t in range(5)]
    assert gc.trailing(fills, np.arange(5), 2.0).tolist() == every


def test_a_pnl_rate_translates_back_through_any_rising_decay():
    for decay, vol in ((gc.lognormal_decay(120.0), 0.4), (gc.normal_decay, 0.9), (lambda v: 0.5 * v**2 * 120**1.4, 3.0)):
        assert_allclose(gc.implied_vol(decay(vol), decay, highest=50.0), vol, rtol=1e-12)


def test_volatility_per_year_is_over_calendar_time():
    assert_allclose(gc.annualised(0.01, gc.YEAR / 4), 0.2)
    assert_allclose(gc.annualised([0.01, 0.04], gc.YEAR / 4), [0.2, 0.4])
    assert_allclose(gc.annualised([[0.01, 0.04]], [gc.YEAR / 4, gc.YEAR]), [[0.2, 0.2]])
