"""Statistical factors out of sample: nothing of the future enters, and estimation error follows its law."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mnvh import decomposition as dec
from mnvh import factors, neutrality, readers

STOCKS = readers.sp500_stocks().loc["1990":"1995"]


def test_windows_tile_the_years_after_the_first_training():
    windows = factors.walk_forward(STOCKS, 2, training_years=3, holding_days=20)
    assert sorted({w.year for w in windows}) == [1993, 1994, 1995]
    days = sum(w.relative.shape[1] - 1 for w in windows if w.year == 1994)
    assert days == len(STOCKS.loc["1994"]) - 1
    gross = np.prod([w.relative[0, -1] for w in windows if w.year == 1994], axis=0)
    year = STOCKS.loc["1994"]
    assert np.allclose(gross, year.iloc[-1] / year.iloc[0])


def test_the_factors_are_those_of_the_years_before_and_no_later_price_changes_them():
    windows = factors.walk_forward(STOCKS, 2, training_years=3, holding_days=20)
    known = STOCKS.loc["1990":"1992"].pct_change().iloc[1:]
    loadings = neutrality.statistical_loadings(known, 2)
    first = [w.neutral for w in windows if w.year == 1993]
    assert all(np.allclose(loadings @ neutral, 0, atol=1e-12) for neutral in first)
    changed = STOCKS.copy()
    changed.loc["1993":] *= np.random.default_rng(1).uniform(0.5, 2, changed.loc["1993":].shape)
    again = factors.walk_forward(changed, 2, training_years=3, holding_days=20)
    assert all((w.neutral == v.neutral).all() for w, v in zip(windows, again, strict=True) if w.year == 1993)
    assert not np.allclose(again[-1].neutral, windows[-1].neutral)


def test_without_factors_each_stock_is_traded_and_one_with_a_gap_sits_out():
    gappy = STOCKS.copy()
    gappy.iloc[800, 0] = np.nan
    windows = factors.walk_forward(gappy, 0, training_years=3, holding_days=250)
    assert {len(w.neutral) for w in windows if w.year == 1993} == {19}
    assert all((w.neutral == np.eye(len(w.neutral))).all() for w in windows)


def test_windows_cover_every_day_of_their_years():
    year = STOCKS[STOCKS.index.year == 1993]
    for held in (1, len(year) - 2, len(year) - 1, len(year)):
        windows = factors.walk_forward(STOCKS, 0, training_years=3, holding_days=held)
        assert sum(w.relative.shape[1] - 1 for w in windows if w.year == 1993) == len(year) - 1, held


def test_a_grid_on_residuals_earns_what_its_decomposition_says():
    windows = factors.walk_forward(STOCKS, 2, training_years=3, holding_days=20)
    years = factors.residual_results(windows, delay=0)
    earned = dict.fromkeys(years.index, 0.0)
    for w in windows:
        grid = dec.LinearGrid(w.neutral / 20, np.ones(20))
        earned[w.year] += dec.decompose(grid, w.relative).total().pnl[0]  # closing at the last close costs nothing
    assert np.allclose(years.pnl, list(earned.values()), atol=1e-14)


def test_what_a_late_grid_holds_and_trades_by_hand():
    relative = np.array([[[1.0], [1.1], [1.0], [1.2]]])
    year = factors.residual_results([factors.Window(2000, relative, np.eye(1))], delay=1).loc[2000]
    assert year.pnl == pytest.approx(-0.1 * 0.2)  # on the move of the third day, the last on which it holds
    assert year.position == pytest.approx(0.1 * 1.0 / 3)
    assert year.turnover == pytest.approx(0.1 * 1.0 + 0.1 * 1.2)


def test_errors_of_a_mean_without_lags_are_those_of_independent_values_and_grow_with_clusters():
    rng = np.random.default_rng(2)
    shocks = rng.standard_normal((400, 61))
    clustered = shocks[:, 1:] + shocks[:, :-1]  # variance of the sum of n: 4n - 2
    assert factors.newey_west(clustered[0], n_lags=0) == pytest.approx((clustered[0].mean(), stats.sem(clustered[0])))
    squares = [[factors.newey_west(x, n_lags=lags)[1] ** 2 for lags in (0, 3)] for x in clustered]
    naive, honest = np.mean(squares, axis=0) * 60 / 4
    assert naive == pytest.approx(0.5, abs=0.03) and honest == pytest.approx(0.83, abs=0.07)  # of 1 - 1/120


@pytest.mark.parametrize("spike", [1.2, 3.0, 10.0])
def test_a_large_sample_has_the_spiked_limits(spike):
    rng, n, days = np.random.default_rng(7), 500, 1000
    sample = rng.standard_normal((days, n))
    sample[:, 0] *= np.sqrt(spike)
    _, scale, rows = np.linalg.svd(sample, full_matrices=False)
    value, overlap = factors.spiked_limits(spike, n / days)
    assert scale[0] ** 2 / days == pytest.approx(value, rel=0.06)
    assert rows[0, 0] ** 2 == pytest.approx(overlap, abs=0.06)


def test_shrinkage_to_the_identity_changes_the_promise_and_not_what_is_delivered():
    sample = np.random.default_rng(3).standard_normal((60, 20))
    rough, truth = sample.T @ sample / 60, np.eye(20)
    shrunk = 0.6 * rough + 0.4 * np.eye(20)
    before, after = (factors.promises(matrix, truth, n_factors=3) for matrix in (rough, shrunk))
    assert after[1] == pytest.approx(before[1]) == 1 and after[3] == pytest.approx(before[3]) == 17 / 20
    assert before[0] > after[0] > 1 and before[2] < after[2] < 17 / 20


def test_many_observations_leave_no_error_and_a_weak_factor_is_lost():
    assert factors.spiked_limits(3.0, 1e-12) == pytest.approx((3.0, 1.0))
    assert factors.spiked_limits(1.5, 1.0) == (4.0, 0.0)
    edge = factors.spiked_limits(2.0 + 1e-9, 1.0)
    assert edge == pytest.approx((4.0, 0.0), abs=1e-8)


def test_an_index_without_dates_is_refused():
    with pytest.raises(ValueError, match="indexed by dates"):
        factors.walk_forward(STOCKS.reset_index(drop=True), 1, training_years=1, holding_days=5)
    assert isinstance(STOCKS, pd.DataFrame)
