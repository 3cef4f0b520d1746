"""Statistical factors out of sample: nothing of the future enters, and estimation error follows its law."""

import numpy as np
import pandas as pd
import pytest

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
