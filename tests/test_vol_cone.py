"""The volatility cone: streamed extremes are the exact ones, its null band and its overlap factor are those of the theory."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pytest
from conftest import ROOT
from numpy.testing import assert_allclose

from mnvh import gamma_capture as gc
from mnvh import ladder, paths, vol_cone
from mnvh.quotes import Quotes, around, read_quotes

SIGMA = 0.6 / np.sqrt(gc.YEAR)
DAY = Path(os.environ.get("MNVH_EURUSD", ROOT.parent / "shared/data/eurusd_2014-05-06_quotes.csv.gz"))


def market(seed, seconds, spread=1e-4):
    mid = 100 * paths.martingale_gbm(np.random.default_rng(seed), 1, seconds, covariance=[[SIGMA**2]])[0, :, 0]
    return around(mid, spread * mid, interval=1.0)


def cut(quotes, size):
    for k in range(0, len(quotes.time), size):
        yield Quotes(quotes.time[k : k + size], quotes.bid[k : k + size], quotes.ask[k : k + size])


WINDOWS = np.array([900.0, 3600.0, 7200.0])


@pytest.mark.parametrize("size", [1, 7, 997, 10_000])
def test_the_cone_of_any_pieces_is_that_of_the_whole(size):
    quotes = market(1, 12_000)
    steps = vol_cone.steps_for(quotes, WINDOWS)
    whole, pieces = vol_cone.Cone(WINDOWS, steps), vol_cone.Cone(WINDOWS, steps)
    whole.add(quotes)
    for piece in cut(quotes, size):
        pieces.add(piece)
    assert_allclose(pieces.table(), whole.table(), rtol=1e-10)


def test_high_low_and_last_are_those_of_every_time():
    quotes = market(2, 30_000)
    steps = vol_cone.steps_for(quotes, WINDOWS)
    cone = vol_cone.Cone(WINDOWS, steps)
    cone.add(quotes)
    table = cone.table()
    for name, side in zip(vol_cone.SIDES, ladder.run(quotes, steps_bps=steps), strict=True):
        for row, fills, window in zip(table.itertuples(), side, WINDOWS, strict=True):
            times = np.arange(window, 30_000.1, 0.5)
            line = 100 * np.sqrt(gc.trailing(fills, times, window) * gc.YEAR / window)
            found = [getattr(row, f"{name}_{which}") for which in ("low", "high", "last", "fills")]
            assert_allclose(found, [line.min(), line.max(), line[-1], len(fills.rung) * window / 30_000], rtol=1e-12)
            if name == "long":
                assert_allclose(row.corrected, 100 * gc.annualised(gc.corrected(fills), 30_000), rtol=1e-9)
            assert_allclose(row.windows, 30_000 / window)


def test_a_step_without_a_fill_has_no_volatility():
    cone = vol_cone.Cone(WINDOWS, np.full(len(WINDOWS), 5000.0))
    cone.add(market(2, 30_000))
    assert (cone.table().long_fills == 0).all() and cone.table().corrected.isna().all()


def test_no_window_spans_a_gap():
    quotes = market(3, 9_000)
    late = Quotes(quotes.time + 5000 * (quotes.time > 4000), quotes.bid, quotes.ask)
    cone = vol_cone.Cone([900.0, 4500.0, 6000.0], [4.0, 9.0, 9.0])
    cone.add(late)
    table = cone.table()
    whole = ladder.run(late, steps_bps=[4.0])[0][0]
    lines = [gc.trailing(whole, np.arange(start + 900, stop + 0.1, 0.5), 900.0) for start, stop in ((0, 4000), (9001, 14_000))]
    both = 100 * np.sqrt(np.concatenate(lines) * gc.YEAR / 900)
    assert_allclose(table.loc[0, ["long_low", "long_high", "long_last"]].astype(float), [both.min(), both.max(), both[-1]])
    assert np.isfinite(table.long_last[1]) and table.isna().long_high[2] and "gap of 300 s" in cone.notes()[-1]


def test_a_step_below_the_spread_leaves_the_short_side_empty_and_says_so():
    cone = vol_cone.Cone([60.0], [2.0])
    cone.add(market(4, 4000, spread=3e-4))
    assert cone.table().filter(like="short").isna().all(axis=None)
    assert any("step 2.00 bp: at or below the mean spread, 3.00 bp" in line for line in cone.notes())
    assert any("fills of the long ladder on average; below 10" in line for line in cone.notes())


def test_a_step_that_is_never_filled_has_no_band():
    cone = vol_cone.Cone([60.0], [2000.0])
    cone.add(market(4, 4000))
    row = cone.table().iloc[0]
    assert row.long_fills == row.long_mean == 0 and np.isnan(row.long_null_low) and np.isnan(row.long_null_high)


def test_the_chosen_steps_are_filled_fifty_times_on_the_mean_of_the_two_sides():
    quotes = market(5, 200_000)
    cone = vol_cone.Cone([3600.0], vol_cone.steps_for(quotes, [3600.0]))
    cone.add(quotes)
    row = cone.table().iloc[0]
    assert_allclose(2 / (1 / row.long_fills + 1 / row.short_fills), 50, rtol=0.15)  # quotes a second apart lack 12 %


@pytest.mark.parametrize(("n_windows", "n_paths"), [(6, 400), (40, 100)])
def test_a_constant_volatility_stays_in_its_null_band(n_windows, n_paths):
    rng, found = np.random.default_rng(6), []
    for walk in paths.lattice_walk(rng, n_paths, n_windows * 5000)[:, :, 0]:
        cone = vol_cone.Cone([5000.0], [100.0])
        cone.add(around(np.exp(np.log1p(1e-2) / 10 * walk), 0.0, interval=1.0))  # rungs ten ticks apart, 50 fills
        row = cone.table().iloc[0]
        found.append(np.array([row.long_low, row.long_high]) / row.long_mean)
    lows, highs = np.transpose(found)
    low, high = vol_cone.null_band(50, n_windows)
    inside = ((lows > low) & (highs < high)).mean()
    assert inside > 0.95 - 3 * (0.95 * 0.05 / n_paths) ** 0.5
    assert abs(np.quantile(lows, 0.025) / low - 1) < 0.05 and abs(np.quantile(highs, 0.975) / high - 1) < 0.05


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.975])
def test_the_maximum_over_one_window_is_shepps(probability):
    rng = np.random.default_rng(7)
    brownian = np.concatenate([np.zeros((4000, 1)), rng.standard_normal((4000, 2000)).cumsum(axis=1)], axis=1) / 1000**0.5
    highest = (brownian[:, 1000:] - brownian[:, :-1000]).max(axis=1)
    missed = 0.5826 * (2 / 1000) ** 0.5  # between two of the times at which it is seen
    share = (highest + missed < vol_cone.maximum_quantile(2, probability)).mean()
    assert abs(share - probability) < 4 * (probability * (1 - probability) / 4000) ** 0.5


@pytest.mark.parametrize(("n_windows", "probability"), [(100, 0.975), (1e12, 1 - 1e-6), (1e18, 0.5)])
def test_a_quantile_far_out_is_that_of_fifty_digits(n_windows, probability):
    def missed(u):  # of the logarithm of the probability
        one, density = mpmath.ncdf(u), mpmath.npdf(u)
        return mpmath.log(one) + (n_windows - 1) * mpmath.log(one - u * density - density**2 / one) - mpmath.log(probability)

    with mpmath.workdps(50):
        exact = mpmath.findroot(missed, (4, 9), solver="anderson")
    assert vol_cone.maximum_quantile(n_windows, probability) == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(("n", "h"), [(5, 5), (229, 21), (40, 1), (4779, 252)])
def test_the_overlap_factor_is_exact_for_independent_returns(n, h):
    lags = np.arange(-h + 1, h)
    mean_correlation = ((1 - abs(lags) / h) * np.maximum(n - abs(lags), 0)).sum() / n**2
    assert_allclose(vol_cone.overlap_factor(n, h), 1 / (1 - mean_correlation), rtol=1e-12)


@pytest.fixture(scope="module")
def eurusd():
    if not DAY.is_file():
        pytest.skip(f"{DAY} is absent; it is no part of the project, MNVH_EURUSD names it elsewhere")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_quotes(DAY)


def test_the_real_day_by_step_is_the_table_that_the_chapter_prints(eurusd):
    text = "".join("".join(cell["source"]) for cell in json.loads((ROOT / "chapters/12_vol_cone.ipynb").read_text())["cells"])
    printed = np.array([line.strip("| ").split("|") for line in re.findall(r"(?m)^\| \d.*$", text)], dtype=float)
    assert printed.shape == (7, 5)
    found = []
    for offset in np.arange(20) / 20:
        long, short = ladder.run(eurusd, steps_bps=printed[:, 0], offset=offset)
        found.append([[gc.captured(f) for f in long], [gc.captured(f) for f in short], [gc.corrected(f) for f in long]])
        found[-1].append([len(f.rung) for f in long])
    found = np.mean(found, axis=0)
    assert_allclose(100 * gc.annualised(found[:3], eurusd.time[-1]), printed[:, 1:4].T, atol=0.00501)
    assert_allclose(found[3], printed[:, 4], atol=0.0501)


def test_what_the_chapter_says_of_the_real_day_in_words(eurusd):
    text = (ROOT / "chapters/12_vol_cone.ipynb").read_text()
    x = np.log(eurusd.bid * eurusd.ask) / 2
    spread = 1e4 * np.log(eurusd.ask / eurusd.bid).mean()
    assert f"{len(x):,} quotes with a mean spread of {spread:.2f} basis points" in text
    quadratic = 100 * gc.annualised(np.diff(x) @ np.diff(x), eurusd.time[-1])
    assert f"the quadratic variation of the mid is {quadratic:.2f}" in text
    (red, purple), _ = ladder.run(eurusd, steps_bps=[2.0, 4.0])
    short, long = 1800, 14_400
    ends = np.arange(long, eurusd.time[-1] - short, short)
    lines = [gc.trailing(f, t, w) / w for f, t, w in ((red, ends, short), (purple, ends, long), (red, ends + short, short))]
    table = np.column_stack([np.ones(len(ends)), *np.sqrt(lines[:2])])
    fit, left = np.linalg.lstsq(table, np.sqrt(lines[2]))[:2]
    error = np.sqrt(np.linalg.inv(table.T @ table)[1, 1] * left[0] / (len(ends) - 3))
    assert f"the coefficient of red is {fit[1]:.2f} with a standard error of {error:.2f} for the next half hour" in text
    (long,), (short,) = ladder.run(eurusd, steps_bps=[0.7])
    assert f"filled at {len(short.rung) / len(x):.0%} of the quotes".replace("%", " %") in text
    assert abs(np.sqrt(gc.captured(long) / (np.diff(x) @ np.diff(x))) - 2 / 3) < 0.01
