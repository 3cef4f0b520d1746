"""Ladders of orders: first-exit times, and identities that hold on any path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mnvh import ladder, paths
from mnvh.decomposition import follow
from mnvh.gamma_capture import SAMPLING, captured, corrected, expected_duration, spread_free
from mnvh.quotes import Quotes, around

moves = st.lists(st.floats(-0.2, 0.2, allow_subnormal=False), min_size=2, max_size=60)
widths = st.floats(0, 0.05, allow_subnormal=False)


@st.composite
def markets(draw):
    """Quotes on any path above 0, with jumps of up to 20 % and a spread of its own at each quote."""
    x = np.cumsum([np.log(100), *draw(moves)])
    half = np.array(draw(st.lists(widths, min_size=len(x), max_size=len(x)))) / 2
    return Quotes(np.arange(len(x), dtype=float), np.exp(x - half), np.exp(x + half))


kinds = st.sampled_from([{"steps_bps": [30.0, 100.0, 700.0]}, {"steps_price": [0.7, 2.0, 9.0]}])


@settings(max_examples=300, deadline=None)
@given(markets(), kinds, st.floats(0, 0.99))
def test_the_path_identity_holds_on_any_path(quotes, steps, offset):
    for side in ladder.run(quotes, **steps, offset=offset):
        for fills in side:
            squares, martingale = ladder.path_identity(quotes, fills)
            x = np.log(quotes.mid) if fills.geometric else quotes.mid
            gaps = fills.start_gap**2 + fills.end_gap**2
            scale = squares + gaps + captured(fills) + abs(martingale) + 1e-12 * (x @ x)
            assert abs(corrected(fills) + martingale - squares) <= 1e-9 * scale


@pytest.mark.parametrize(("start", "tick"), [(0.0, 1.0), (100.0, 0.01), (9e4, 0.01), (1.1, 1e-5)])
def test_a_rung_on_the_grid_of_ticks_is_reached_there(start, tick):
    walk = paths.lattice_walk(np.random.default_rng(8), 1, 20_000)[0, :, 0]
    plain = [side[0] for side in ladder.run(around(walk, 2.0, interval=1.0), steps_price=[5.0])]
    scaled = [side[0] for side in ladder.run(around(start + tick * walk, 2 * tick, interval=1.0), steps_price=[5 * tick])]
    unit = np.log1p(5e-4) / 5
    logs = [side[0] for side in ladder.run(around(100 * np.exp(unit * walk), 0.0, interval=1.0), steps_bps=[5.0])]
    bare = [side[0] for side in ladder.run(around(walk, 0.0, interval=1.0), steps_price=[5.0])]
    for expected, found in zip(plain + bare, scaled + logs, strict=True):
        np.testing.assert_array_equal(found.quote, expected.quote)
        np.testing.assert_array_equal(found.rung, expected.rung)


@settings(max_examples=300, deadline=None)
@given(markets(), kinds, st.floats(0, 0.99))
def test_the_ladder_is_an_account_filled_at_the_rungs(quotes, steps, offset):
    for side in ladder.run(quotes, **steps, offset=offset):
        for fills in side:
            if len(fills.quote) and fills.quote[0] == 0:
                continue
            low, high = (np.log(quotes.bid), np.log(quotes.ask)) if fills.geometric else (quotes.bid, quotes.ask)
            x, last = (low + high) / 2, ladder.levels(quotes, fills)
            count = np.bincount(fills.quote, minlength=len(x))
            rungs = fills.first_rung + fills.step * fills.rung
            bought = np.diff(fills.first_rung - last)  # units traded at each quote
            paid = np.bincount(fills.quote, -fills.direction * fills.step * rungs, len(x))[1:]
            executed = np.divide(paid, bought, out=x[1:].copy(), where=abs(bought) > 1e-9)
            unmatched = np.where(abs(bought) > 1e-9, 0, -paid)  # up and down within one quote: cash without a trade
            prices, held = x[None, :, None], (fills.first_rung - last)[None, :, None]
            wealth = follow(held, prices, executed=executed[None, :, None], income=unmatched[None])[0]
            parts = ladder.stock_leg(quotes, fills)
            gap = fills.end_gap**2 - (x[-1] - fills.first_rung) ** 2
            assert count.sum() == len(fills.rung)
            scale = parts.gross.sum() + abs(x).max() ** 2 * 1e-3
            assert_allclose(wealth[1:], parts.cumulative().pnl[0], atol=1e-9 * scale)
            assert_allclose(parts.total().pnl, (captured(fills) + gap) / 2, atol=1e-9 * scale)
            assert (parts.gross * (1 + 1e-12) >= abs(parts.displacement)).all()
            if fills.side == 1:
                assert (fills.slippage >= -1e-12).all() and (parts.harvest >= 0).all()


@pytest.mark.parametrize(("bid", "ask", "rung"), [(94.0, 101.0, -1), (99.0, 106.0, 1)])
def test_a_short_ladder_whose_stops_are_both_passed_goes_with_the_mid(bid, ask, rung):
    (fills,) = ladder.run(Quotes(np.arange(2.0), np.array([100.0, bid]), np.array([100.0, ask])), steps_price=[1.0])[1]
    assert fills.rung.tolist() == [rung]


@pytest.fixture(scope="module")
def walk():
    return paths.lattice_walk(np.random.default_rng(11), 1, 4_000_000)[0, :, 0]


@pytest.mark.parametrize(("step", "spread", "long", "short"), [(10, 2, 120, 80), (10, 8, 180, 20), (20, 2, 440, 360)])
def test_mean_times_between_fills_on_the_lattice(walk, step, spread, long, short):
    pair = [side[0] for side in ladder.run(around(walk, spread, interval=1.0), steps_price=[step])]
    for fills, exact in zip(pair, (long, short), strict=True):
        durations = np.diff(fills.time)
        assert expected_duration(1, step, spread=spread, side=fills.side) == exact
        assert abs(durations.mean() - exact) < 4 * durations.std() / len(durations) ** 0.5
        far = step + fills.side * spread
        turned = (np.diff(fills.direction) != 0).mean()
        assert abs(turned - step / (step + far)) < 4 * 0.5 / len(durations) ** 0.5
        assert fills.overshoot.min() == fills.overshoot.max() == 0  # a lattice never jumps over a rung
        variation = (far**2 + step**2) / (3 * step * far)
        assert abs(durations.var() / durations.mean() ** 2 / variation - 1) < 0.06
    variance, found = spread_free(*pair)
    assert abs(variance / 4e6 - 1) < 0.02 and abs(found - spread) < 0.1


def test_quotes_at_intervals_act_as_extra_spread():
    rng, sd = np.random.default_rng(12), 0.2
    quotes = around(paths.gaussian(rng, 1, 3_000_000, covariance=[[sd**2]])[0, :, 0], 0.5, interval=1.0)
    for side in ladder.run(quotes, steps_price=[1.0]):
        durations = np.diff(side[0].time)
        exact = expected_duration(sd, 1.0, spread=0.5, side=side[0].side, interval=1.0)
        assert abs(durations.mean() / exact - 1) < 4 * durations.std() / durations.mean() / len(durations) ** 0.5 + 0.001
    assert abs(side[0].overshoot.mean() / sd - SAMPLING) < 0.01


def test_a_jump_fills_a_long_ladder_at_every_rung_and_adds_step_times_jump():
    long, short = ladder.run(around([0.25, 10.25, 10.25, 10.25], 0.1, interval=1.0), steps_price=[1.0], offset=0.25)
    assert long[0].rung.tolist() == list(range(1, 11)) and set(long[0].quote) == {1}
    assert captured(long[0]) == 10.0  # h|J|, and J² is 100
    assert short[0].rung.tolist() == [1, 2, 3] and short[0].quote.tolist() == [1, 2, 3]  # one a quote


def test_a_spread_wider_than_the_step_fires_a_stop_once_a_quote():
    long, short = ladder.run(around(np.zeros(50), 5.0, interval=1.0), steps_price=[1.0])
    assert len(long[0].rung) == 0
    assert len(short[0].rung) == 50 and len(set(short[0].quote)) == 50


def test_of_two_stops_hit_at_once_the_one_passed_by_more_is_filled():
    up, down = (ladder.run(around([0.0, move], 4.0, interval=1.0), steps_price=[1.5], offset=0.0)[1][0] for move in (0.4, -2.0))
    assert up.rung.tolist()[0] == down.rung.tolist()[0] == 1 and down.rung.tolist() == [1, 0]


def test_many_steps_in_one_pass_are_the_single_ladders(walk):
    quotes = around(walk[:20_000] + 500, 1.0, interval=1.0)
    steps = [20.0, 35.0, 90.0]
    together = ladder.run(quotes, steps_bps=steps, offset=0.3)
    for k, step in enumerate(steps):
        alone = ladder.run(quotes, steps_bps=[step], offset=0.3)
        for a, b in zip(together, alone, strict=True):
            assert_allclose(a[k].quote, b[0].quote)
            assert_allclose(a[k].overshoot, b[0].overshoot)


def test_more_fills_than_the_first_record_holds():
    swing = np.where(np.arange(20_000) % 2, 3.0, 0.0)
    long, short = ladder.run(around(swing, 0.1, interval=1.0), steps_price=[1.0])
    assert captured(long[0]) == 20_000 and len(short[0].rung) > 19_990
    squares, martingale = ladder.path_identity(around(swing, 0.1, interval=1.0), long[0])
    assert_allclose(squares, corrected(long[0]) + martingale, rtol=1e-12)
