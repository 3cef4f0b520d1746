"""Estimators of R, references r, and g of chapter 7."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnvh import control, readers

RNG = np.random.default_rng(11)
RETURNS = 0.01 * RNG.standard_normal(2000)


def test_windows_end_where_they_say():
    found = control.realised_variance(RETURNS, window=21)
    assert found.shape == (1980,)
    assert found[0] == pytest.approx((RETURNS[:21] ** 2).mean()) and found[-1] == pytest.approx((RETURNS[-21:] ** 2).mean())
    assert control.bipower_variance(RETURNS, window=21).shape == found.shape


def test_estimators_of_a_table_are_those_of_its_columns():
    table = RETURNS.reshape(500, 4)
    for estimate in (
        lambda x: control.realised_variance(x, window=9),
        lambda x: control.bipower_variance(x, window=9),
        lambda x: control.exponentially_weighted_variance(x, halflife=5),
    ):
        assert np.allclose(estimate(table), np.column_stack([estimate(column) for column in table.T]))


def test_the_diagonal_of_the_realised_covariance_is_the_realised_variance():
    table = RETURNS.reshape(500, 4)
    found = control.realised_covariance(table, window=30)
    assert np.allclose(np.diagonal(found, axis1=1, axis2=2), control.realised_variance(table, window=30))
    assert np.allclose(found[-1], table[-30:].T @ table[-30:] / 30)


def test_both_variances_are_unbiased_without_jumps_and_only_bipower_survives_one():
    draws = RNG.standard_normal((22, 20_000))
    for estimate in (control.realised_variance, control.bipower_variance):
        sample = estimate(draws, window=22)[0]
        assert abs((sample.mean() - 1) / stats.sem(sample)) < 4
    draws[10] += 20
    assert control.realised_variance(draws, window=22).mean() > 15
    assert control.bipower_variance(draws, window=22).mean() < 4


def test_the_exponential_weight_halves_in_a_halflife():
    impulse = np.r_[np.full(50, 1e-12), 1.0, np.full(30, -1e-12)]
    found = control.exponentially_weighted_variance(impulse, halflife=10)
    assert found[60] / found[50] == pytest.approx(0.5, rel=1e-9)
    assert np.allclose(control.exponentially_weighted_variance(np.full(9, -0.1), halflife=3), 0.01)


def test_the_range_of_a_diffusion_has_parkinsons_mean():
    walk = np.cumsum(RNG.standard_normal((2000, 2000)) / np.sqrt(2000), axis=1)
    walk = np.hstack([np.zeros((2000, 1)), walk])
    seen = 2 * 0.5826 / np.sqrt(2000)  # extremes between the steps go unseen
    high, low = np.exp(walk.max(axis=1) + seen / 2), np.exp(walk.min(axis=1) - seen / 2)
    found = control.parkinson_variance(high, low, window=2000)[0]
    squares = np.log(high / low) ** 2 / (4 * np.log(2))
    assert abs((found - 1) / stats.sem(squares)) < 4


def test_references_break_even():
    z = RNG.standard_normal(400_000)
    delta, theta = 0.3, 0.25
    sd = np.sqrt(control.spread_implied_variance(delta, fill=theta))
    net = delta * np.abs(sd * z) - (1 - theta) * (sd * z) ** 2
    assert abs(net.mean() / stats.sem(net)) < 4
    sd = np.sqrt(control.fee_implied_variance(1e-5))
    loss = (np.exp((sd * z - sd**2 / 2) / 2) - 1) ** 2 / 2  # of a pool worth 1
    assert abs((loss.mean() - 1e-5) / stats.sem(loss)) < 4


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.01, 10), st.floats(-2, 0.9))
def test_g_is_increasing_and_bounded(signal, slope, low):
    signal = np.sort(signal)
    for size in (
        control.clipped_line(signal, gain=slope, low=low, high=1.0),
        control.logistic(signal, scale=slope, low=low, high=1.0),
    ):
        assert (np.diff(size) >= 0).all() and size.min() >= low and size.max() <= 1


def test_regimes_have_their_stationary_share_and_their_persistence():
    chain = np.array([[0.9, 0.1], [0.3, 0.7]])
    variance = control.switching_variance(RNG, 3000, 60, variances=[1.0, 5.0], transition=chain)
    share = (variance == 5).mean(axis=1)
    assert abs((share.mean() - 0.25) / stats.sem(share)) < 4
    start = (variance[:, 0] == 5).mean()
    assert abs(start - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 3000)
    stays = (variance[:, 1:] == 5)[variance[:, :-1] == 5]
    assert abs(stays.mean() - 0.7) < 4 * np.sqrt(0.21 / len(stays))


def test_the_same_seed_gives_the_same_regimes():
    terms = dict(variances=[1.0, 2.0], transition=np.full((2, 2), 0.5))
    one, two = (control.switching_variance(np.random.default_rng(1), 3, 9, **terms) for _ in range(2))
    assert (one == two).all()


def test_a_swap_pays_the_variance_after_its_strike():
    days = pd.date_range("2020-01-01", periods=6)
    close = pd.Series(100 * np.exp(np.cumsum([0, 0.01, -0.02, 0.03, 0.01, 0.02])), days)
    table = control.swap_table(close, pd.Series(20.0, days), horizon=2)
    assert list(table.index) == list(days[:4])
    assert table.reference.tolist() == [400.0] * 4
    assert table.later.iloc[0] == pytest.approx(252 * (1 + 4) / 2) and table.later.iloc[-1] == pytest.approx(252 * 2.5)


def test_the_vix_squared_exceeded_later_variance_on_four_days_of_five():
    index = readers.sp500_index().loc["2014-01-03":]
    table = control.swap_table(index.close, index.vix, horizon=21)
    assert (table.reference > table.later).mean() == pytest.approx(0.82, abs=0.005)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.floats(0, 50))
def test_kept_sizes_stay_in_the_band_and_move_to_its_edge_or_to_the_target(path, band):
    for reset in (False, True):
        held = control.keep_within([path], band, reset=reset)[0]
        gap = np.abs(np.array(path) - held)
        assert (gap <= band + 1e-9).all()
        moved = np.flatnonzero(np.diff(held)) + 1
        assert np.allclose(gap[moved], 0 if reset else band, atol=1e-9)


def test_a_day_late_the_signal_has_lost_what_the_regime_forgets_and_a_day_early_it_would_have_looked_ahead():
    chain = np.array([[0.9, 0.1], [0.3, 0.7]])
    variance = control.switching_variance(RNG, 40_000, 12, variances=[1.0, 5.0], transition=chain)
    returns = np.sqrt(variance) * RNG.standard_normal(variance.shape)
    known = control.realised_variance(returns.T, window=1).T  # of the day's own return, known at its close
    forgets, spread = 1 - 0.1 - 0.3, 0.75 * 0.25 * 4.0**2  # second eigenvalue of the chain; variance of the variance
    size = known[:, 3:10] - 2.0  # R - r at the long-run mean
    for days, exact in ((0, 3 * (spread + 4) - 4), (1, forgets * spread), (2, forgets**2 * spread)):
        pnl = (size * (returns[:, 3 + days : 10 + days] ** 2 - 2.0)).mean(axis=1)
        assert abs((pnl.mean() - exact) / stats.sem(pnl)) < 4, f"held over the day {days} days after the signal"


def test_no_estimate_of_a_day_knows_the_next():
    changed = RETURNS.copy()
    changed[1000:] *= -3
    close = pd.Series(100 * np.exp(RETURNS.cumsum()))
    later = pd.Series(100 * np.exp(changed.cumsum()))
    for window, estimate in (
        (21, lambda x, _: control.realised_variance(x, window=21)),
        (21, lambda x, _: control.realised_covariance(x[:, None], window=21)),
        (21, lambda x, _: control.bipower_variance(x, window=21)),
        (1, lambda x, _: control.exponentially_weighted_variance(x, halflife=10)),
        (21, lambda _, p: control.parkinson_variance(p * (1 + (p / 100) ** 2), p, window=21)),
    ):
        before, after = estimate(RETURNS, close), estimate(changed, later)
        known = 1000 - window + 1  # estimates of the days before the change
        assert np.array_equal(before[:known], after[:known]) and not np.array_equal(before, after)
