"""Chapter 13: chains, SVI and SSVI against published values, arbitrage and its repair, relative value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mnvh import chains, heston, options, surface
from mnvh.heston import Heston
from mnvh.surface import RawSVI

VOGT = RawSVI(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
HESTON = Heston(1.15, 0.04, 0.39, -0.64, 0.04)
YEARS = [0.1, 0.25, 0.5, 1.0]
CHAIN = chains.synthetic(np.random.default_rng(1), HESTON, years=YEARS, n_strikes=40, rate=0.03)
SMILES = chains.smiles(CHAIN)
SLICES, REPORT = surface.calibrate(SMILES)

sviparams = st.builds(
    lambda lowest, b, rho, m, sigma: RawSVI(lowest - b * sigma * np.sqrt(1 - rho**2), b, rho, m, sigma),
    st.floats(1e-3, 0.1), st.floats(0.02, 0.8), st.floats(-0.95, 0.95), st.floats(-0.5, 0.5), st.floats(0.05, 1),
)  # fmt: skip


# Heston

def test_heston_reproduces_the_published_call():
    """5.785155450 in Fang and Oosterlee, SIAM J. Sci. Comput. 31, 2008, table 4."""
    assert float(Heston(1.5768, 0.0398, 0.5751, -0.5711, 0.0175).price(100, 100, 1.0)) == pytest.approx(5.785155450, abs=1e-7)


def test_heston_keeps_parity_and_is_black_scholes_without_vol_of_variance():
    strikes = np.linspace(60, 150, 10)
    assert_allclose(HESTON.price(100, strikes, 0.5) - HESTON.price(100, strikes, 0.5, call=False), 100 - strikes, atol=1e-12)
    assert_allclose(Heston(1.0, 0.04, 1e-4, 0.0, 0.04).price(100, strikes, 0.5), options.price(100, strikes, 0.5, 0.2), atol=2e-7)


def test_the_error_of_hestons_price_is_within_what_its_docstring_says(monkeypatch):
    rng, rows = np.random.default_rng(2), []
    for _ in range(150):
        reversion, long_variance, xi, now = 10 ** rng.uniform((-2, -3, -1.5, -3), (1.3, 0, 1, 0))
        model, years = Heston(reversion, long_variance, xi, rng.uniform(-0.99, 0.99), now), 10 ** rng.uniform(-2.3, 1.3)
        rows.append((model, np.exp(np.clip(rng.uniform(-4.5, 3) * np.sqrt(model.expected_variance(years) * years), -5, 5)), years))
    found = np.array([float(model.price(1.0, strike, years)) for model, strike, years in rows])
    for name, values in zip(("_NODES", "_WEIGHTS"), np.polynomial.legendre.leggauss(2500), strict=True):
        monkeypatch.setattr(heston, name, values)
    error = abs(found - [float(model.price(1.0, strike, years)) for model, strike, years in rows])
    usual = np.array([model.vol_of_variance <= 1 for model, *_ in rows])
    assert error[usual].max() < 1e-7 and 1e-7 < error[~usual].max() < 1e-3


def test_hestons_limit_is_published_and_is_reached_as_one_over_t():
    """ω₁ = .0359603252, ω₂ = 8.4782608696 at κ = 1.15, θ = .04, ξ = .39, ρ = -.64."""
    first, second = HESTON.long_smile()
    assert first == pytest.approx(0.0359603252, abs=1e-10) and second == pytest.approx(8.4782608696, abs=1e-10)
    gaps = []
    for years in (25.0, 50.0, 100.0):
        x = np.array([-0.04, 0.0, 0.02])
        strikes, call = np.exp(x * years), np.array([False, True, True])
        vol = options.implied_vol(HESTON.price(1.0, strikes, years, call=call), 1.0, strikes, years, call=call)
        limit = first / 2 * (1 + second * -0.64 * x + np.sqrt((second * x - 0.64) ** 2 + 1 - 0.64**2))
        gaps.append(vol**2 - limit)
    assert_allclose(gaps[2] / gaps[1], 0.5, atol=0.04)
    assert abs(gaps[2]).max() < 5e-4


# SVI

def test_vogts_slice_has_the_published_wings_and_arbitrage():
    assert_allclose(surface.jump_wings(VOGT, 1.0), [0.01742625, -0.1752111, 0.6997381, 1.316798, 0.0116249], rtol=1e-6)
    lowest, place, failing = surface.butterfly(VOGT)
    assert lowest == pytest.approx(-0.0328635735, abs=1e-10) and place == pytest.approx(0.8792625, abs=1e-6)
    assert_allclose(failing, [[0.6424079, 1.2569130]], atol=1e-7)


def test_vogts_guaranteed_and_published_repairs_are_free_of_arbitrage():
    wings = surface.jump_wings(VOGT, 1.0)
    for c, lowest in ((0.3493158, 0.01548182), (0.8564763, 0.0116249)):
        assert surface.butterfly(surface.from_jump_wings([*wings[:3], c, lowest], 1.0))[0] > 0
    published = surface.from_jump_wings([*wings[:3], 0.8564763, wings[4]], 1.0)
    assert surface.butterfly(published)[0] == pytest.approx(0.00812, abs=1e-5)


def test_the_repair_keeps_level_skew_and_put_wing_and_lies_between_the_guaranteed_slice_and_the_given_one():
    wings, repaired = surface.jump_wings(VOGT, 1.0), surface.repair(VOGT, 1.0)
    found = surface.jump_wings(repaired, 1.0)
    assert_allclose(found[:3], wings[:3], rtol=1e-12)
    assert 0.3493158 < found[3] < wings[3] and wings[4] < found[4] < 0.01548182
    assert 0 <= surface.butterfly(repaired)[0] < 1e-8
    assert surface.repair(repaired, 1.0) is repaired


@settings(max_examples=40, deadline=None)
@given(svi=sviparams, years=st.floats(0.05, 3))
def test_a_repair_is_free_of_arbitrage_and_keeps_three_wings_or_says_which_is_too_steep(svi, years):
    w, (_, skew, p, c, _) = float(svi.variance(0.0)), surface.jump_wings(svi, 1.0)
    c = p + 2 * skew
    try:
        repaired = surface.repair(svi, years)
    except surface.FitError as error:
        assert f"a {'put' if p > c else 'call'} wing too steep" in str(error)
        assert np.sqrt(w) * max(p, c) > 2 or (p + c) * max(p, c) > 2  # within these bounds there always is one
    else:
        lowest, _, negative = surface.butterfly(repaired)
        assert lowest >= 0 and len(negative) == 0
        assert_allclose(surface.jump_wings(repaired, 1.0)[:3], surface.jump_wings(svi, 1.0)[:3], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("svi", [RawSVI(0.02, 0.6, -0.3, 0.02, 0.05), RawSVI(0.04, 3.0, 0.2, 0.05, 0.1), RawSVI(5e-4, 0.1, 1.0, 0, 0.01)])
def test_a_wing_too_steep_to_repair_is_an_error_that_names_it(svi):
    assert surface.butterfly(svi)[0] < 0
    with pytest.raises(surface.FitError, match=r"svi has a (put|call) wing too steep.* \(safe below 2\).* \(safe up to 2\)"):
        surface.repair(svi, 1.0)


@pytest.mark.parametrize(("w", "b", "rho", "sigma", "tilt"), [(5.5e-4, 0.05, 0.0, 1e-3, 0.0), (1.5e-3, 0.08, 0.3, 2e-3, 0.3), (5.5e-4, 0.05, 1e-9, 1e-3, 0)])
def test_a_slice_without_skew_is_repaired_by_its_roundness(w, b, rho, sigma, tilt):
    """Its smallest variance is the one at the money, whatever σ is: ṽ cannot say how round it is."""
    svi = RawSVI(w - b * sigma * np.sqrt(1 - tilt**2), b, rho, sigma * tilt / np.sqrt(1 - tilt**2), sigma)
    repaired = surface.repair(svi, 1.0)
    assert surface.butterfly(svi)[0] < 0 <= surface.butterfly(repaired)[0] and repaired.sigma > svi.sigma
    assert_allclose(surface.jump_wings(repaired, 1.0)[:3], surface.jump_wings(svi, 1.0)[:3], rtol=1e-9, atol=1e-9)


def test_a_slice_that_touches_zero_has_arbitrage_there():
    """All options are worth their intrinsic value at one strike, and then at all strikes or there is a free butterfly."""
    lowest, place, negative = surface.butterfly(RawSVI(-0.02, 0.1, 0.0, 0.1, 0.2))
    assert lowest == -np.inf and place == pytest.approx(0.1)
    assert_allclose(negative, [[0.1, 0.1], [0.308296, 0.667143]], atol=1e-6)
    lowest, _, negative = surface.butterfly(RawSVI(0.0, 0.0, 0.0, 0.0, 1.0))
    assert lowest == -np.inf and negative[0, 0] < -1000 and negative[-1, 1] > 1000
    repaired = surface.repair(RawSVI(-0.02, 0.1, 0.0, 0.1, 0.2), 1.0)
    assert surface.butterfly(repaired)[0] >= 0 and repaired.lowest > 0
    assert surface.butterfly(RawSVI(0.01, 0.05, 1.0, 0.0, 0.2))[0] > 0  # a flat wing is none of this


@given(svi=sviparams, years=st.floats(0.05, 3))
def test_jump_wings_invert(svi, years):
    wings = surface.jump_wings(svi, years)
    if wings[4] < 0.999 * wings[0]:
        back = surface.from_jump_wings(wings, years)
        k = np.linspace(-1, 1, 11)
        assert_allclose(back.variance(k), svi.variance(k), rtol=1e-6)


@given(svi=sviparams, k=st.floats(-2, 2))
def test_the_density_factor_is_the_second_derivative_of_the_call(svi, k):
    """∂²C/∂K² = g(k) φ(d₂)/(K√w), by central differences of Black-Scholes prices."""
    h, w = 1e-3, float(svi.variance(k))
    strikes = np.exp(k) * (1 + h * np.array([-1, 0, 1]))
    vols = np.sqrt(svi.variance(np.log(strikes)))
    call = options.price(1.0, strikes, 1.0, vols, call=k > 0)
    curvature = (call[0] - 2 * call[1] + call[2]) / (np.exp(k) * h) ** 2
    d2 = -k / np.sqrt(w) - np.sqrt(w) / 2
    expected = float(svi.density_factor(k)) * np.exp(-(d2**2) / 2) / np.sqrt(2 * np.pi * w) / np.exp(k)
    curvature_scale = abs(expected) + 1 / svi.sigma**2 / w
    assert abs(curvature - expected) < 2e-3 * curvature_scale


@settings(max_examples=20)
@given(svi=sviparams)
def test_a_fit_recovers_the_slice_from_exact_quotes_unless_its_wings_break_lees_bound(svi):
    k = np.linspace(-1, 1, 41)
    fitted = surface.fit_svi(k, svi.variance(k), np.full(41, 1e-3))
    assert fitted.b * (1 + abs(fitted.rho)) <= 2 + 1e-9
    if svi.b * (1 + abs(svi.rho)) < 2:
        assert_allclose(fitted.variance(k), svi.variance(k), atol=2e-5)


def test_a_fit_of_vogts_slice_finds_its_parameters():
    k = np.linspace(-1.5, 1.5, 60)
    fitted = surface.fit_svi(k, VOGT.variance(k), np.full(60, 1e-3))
    assert_allclose(list(vars(fitted).values()), list(vars(VOGT).values()), rtol=1e-6)


def test_a_fit_that_would_be_negative_is_made_again_with_a_floor():
    k = np.linspace(-1, 1, 9)
    fitted = surface.fit_svi(k, np.maximum(0.05 * abs(k) - 0.02, 1e-6), np.full(9, 1e-4))
    assert fitted.variance(k).min() >= 0


def test_a_fit_that_does_not_converge_is_an_error_and_leaves_no_slice(monkeypatch):
    monkeypatch.setattr(surface, "EVALUATIONS", 1)
    quotes = SMILES[SMILES["years"] == 0.5]
    with pytest.raises(surface.FitError, match="no SVI slice was found in 1 evaluations"):
        surface.fit_svi(quotes["k"], quotes["vol"] ** 2 * 0.5, np.full(len(quotes), 1e-3))
    with pytest.raises(surface.FitError, match="smiles have no expiry that can be fitted.*(0.1 years has no fit.*){1}1 years has no fit"):
        surface.calibrate(SMILES)
    with pytest.raises(surface.FitError, match="no SSVI surface"):
        surface.fit_ssvi(SMILES, SLICES)


# Across expiries

def test_calendar_arbitrage_is_found_where_it_is():
    near, far = RawSVI(0.04, 0.1, 0.0, 0.0, 0.1), RawSVI(0.045, 0.05, 0.0, 0.0, 0.1)
    (left, right) = surface.calendar(near, far)
    edge = np.sqrt(0.1**2 - 0.1**2)  # 0.05·√(k² + .01) = 0.005 at k = 0
    assert left[1] == pytest.approx(-edge, abs=1e-6) and right[0] == pytest.approx(edge, abs=1e-6)
    assert len(surface.calendar(near, RawSVI(0.05, 0.1, 0.0, 0.0, 0.1))) == 0


@settings(max_examples=40)
@given(rho=st.floats(-0.95, 0.95), share=st.floats(0.05, 1), gamma=st.floats(0.05, 0.5), steps=st.lists(st.floats(0, 0.1), min_size=3, max_size=5))
def test_ssvi_within_its_conditions_is_free_of_arbitrage(rho, share, gamma, steps):
    theta = 0.005 + np.cumsum(steps)
    slices = surface.ssvi(theta, rho=rho, eta=2 * share / (1 + abs(rho)), gamma=gamma)
    for svi in slices:
        assert surface.butterfly(svi)[0] > -1e-9
    for near, far in zip(slices, slices[1:], strict=False):
        grid = near.grid()
        assert (far.variance(grid) - near.variance(grid) > -1e-10 * (1 + near.variance(grid))).all()


def test_ssvi_with_gamma_of_four_fifths_is_not():
    slices = surface.ssvi([0.001, 0.01, 0.1], rho=-0.3, eta=2 / 1.3, gamma=0.8)
    assert min(surface.butterfly(svi)[0] for svi in slices) < -0.1


def test_ssvi_at_the_money_is_theta():
    theta = [0.01, 0.03]
    assert_allclose([svi.variance(0.0) for svi in surface.ssvi(theta, rho=-0.5, eta=1.0, gamma=0.4)], theta, rtol=1e-14)


def test_fit_ssvi_recovers_its_own_surface_and_stays_within_its_conditions():
    truth = dict(theta=np.array([0.004, 0.012, 0.02, 0.05]), rho=-0.4, eta=1.1, gamma=0.35)
    table = SMILES.copy()
    for years, svi in zip(YEARS, surface.ssvi(**truth), strict=True):
        rows = table["years"] == years
        vol = np.sqrt(svi.variance(table.loc[rows, "k"]) / years)
        for name, shift in (("vol_bid", -0.001), ("vol", 0), ("vol_ask", 0.001)):
            table.loc[rows, name] = vol + shift
    found = surface.fit_ssvi(table, surface.calibrate(table)[0])
    for name, value in truth.items():
        assert_allclose(found[name], value, rtol=1e-4)
    real = surface.fit_ssvi(SMILES, SLICES)
    assert 0 < real["gamma"] <= 0.5 and real["eta"] * (1 + abs(real["rho"])) <= 2 + 1e-12
    assert (np.diff(real["theta"]) >= 0).all()


# Chains

def test_the_forward_by_parity_is_the_models():
    for _, quotes in SMILES.groupby("years"):
        assert quotes["forward"].iloc[0] == pytest.approx(100, abs=0.02)
        assert quotes["discount"].iloc[0] == pytest.approx(np.exp(-0.03 * quotes["years"].iloc[0]), abs=5e-4)
    assert ((SMILES["vol_bid"] < SMILES["vol"]) & (SMILES["vol"] < SMILES["vol_ask"])).all()


def test_only_the_out_of_the_money_side_with_a_bid_is_used():
    assert ((SMILES["k"] >= 0) == (SMILES["type"] == "C")).all() and (SMILES["bid"] > 0).all()
    assert "without a bid; kept for the index" in SMILES.attrs["report"][0]


def test_the_fit_to_hestons_smile_lies_between_bid_and_ask():
    table = surface.relative_value(SMILES, SLICES)
    assert (table["side"] == 0).mean() > 0.97
    truth = np.array([0.1, 0.25, 0.5, 1.0])
    assert_allclose(list(SLICES), truth)


def test_a_quote_moved_beyond_its_spread_is_found_on_the_right_side():
    table = SMILES.copy()
    rows = table.index[(table["years"] == 0.5)][[8, 20]]
    for row, shift in zip(rows, (0.02, -0.02), strict=True):
        table.loc[row, ["vol_bid", "vol", "vol_ask"]] += shift
    found = surface.relative_value(table, SLICES).loc[rows]
    assert list(found["side"]) == [-1, 1] and (found["edge"] > 0.01).all()


def chain(*rows):
    return pd.DataFrame(rows, columns=["strike", "years", "bid", "ask", "type"])


GOOD = [(strike, 0.5, value, value + 0.2, kind) for strike in (90.0, 100.0, 110.0)
        for kind, value in (("C", max(100 - strike, 0) + 4), ("P", max(strike - 100, 0) + 4))]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((np.nan, 0.5, 1, 2, "C"), "1 rows without strike, expiry or type, dropped (rows 6)."),
        ((-5, 0.5, 1, 2, "C"), "1 rows without strike, expiry or type, dropped (rows 6)."),
        ((95, 0.5, 1, 2, "X"), "1 rows without strike, expiry or type, dropped (rows 6)."),
        (("text", 0.5, 1, 2, "C"), "1 rows without strike, expiry or type, dropped (rows 6)."),
        ((95, -0.1, 1, 2, "C"), "1 rows of expired options, dropped (rows 6)."),
        ((95, 0.5, 1, np.nan, "C"), "1 rows without an ask, dropped (rows 6)."),
        ((95, 0.5, 1, np.inf, "C"), "1 rows without an ask, dropped (rows 6)."),
        ((95, 0.5, 3, 2, "C"), "1 rows crossed or with a negative bid, dropped (rows 6)."),
        ((95, 0.5, -1, 2, "C"), "1 rows crossed or with a negative bid, dropped (rows 6)."),
        ((90, 0.5, 13, 14, "C"), "1 rows of a contract that stands above already, dropped (rows 6)."),
    ],
)
def test_what_is_no_quote_is_dropped_counted_and_named(row, words):
    cleaned = chains.clean(chain(*GOOD, row))
    assert cleaned.attrs["report"] == [words] and len(cleaned) == 6


def test_rows_with_the_same_label_are_dropped_one_by_one():
    table = chain(*GOOD, (95.0, 0.5, 5.0, np.nan, "P"), (105.0, 0.5, 9.0, 1.0, "C"))
    parts = [table[table["type"] == kind].reset_index(drop=True) for kind in "CP"]
    twice = chains.clean(pd.concat(parts))
    assert len(twice) == 6 and list(twice.index) == [0, 1, 2] * 2
    assert twice.attrs["report"] == ["1 rows without an ask, dropped (rows 3).", "1 rows crossed or with a negative bid, dropped (rows 3)."]
    by_strike = chains.clean(table.set_index("strike", drop=False))
    assert len(by_strike) == 6 and "without an ask, dropped (rows 95.0)" in by_strike.attrs["report"][0]
    for odd in (twice, by_strike):
        assert_allclose(chains.smiles(odd)["vol"], chains.smiles(chains.clean(table))["vol"])


@pytest.mark.parametrize("bid", [0.0, np.nan])
def test_a_quote_without_a_bid_is_kept_for_the_index_and_not_for_the_smile(bid):
    cleaned = chains.clean(chain(*GOOD, (130.0, 0.5, bid, 4.1, "C")))
    assert cleaned.attrs["report"] == ["1 rows without a bid; kept for the index, left out of the smile (rows 6)."]
    assert len(cleaned) == 7 and 130.0 not in set(chains.smiles(cleaned)["strike"])


@pytest.mark.parametrize(
    ("strike", "kind", "bid"),
    [(120.0, "C", 5.0), (80.0, "P", 5.0), (105.0, "C", 4.5), (95.0, "P", 4.5)],  # verticals, then butterflies
)
def test_static_arbitrage_at_the_touch_is_counted_and_kept(strike, kind, bid):
    rows = chain(*GOOD, (strike, 0.5, bid, bid + 0.1, kind))
    report = chains.clean(rows).attrs["report"]
    assert len(report) == 1 and "static arbitrage); kept (rows 6" in report[0]


@pytest.mark.parametrize(("kind", "prices"), [("C", [12.0, 1.0]), ("P", [1.0, 12.0])])
def test_a_vertical_dearer_than_its_strikes_are_apart_is_arbitrage(kind, prices):
    """A spread that pays 10 at most costs 11; locked quotes at exactly 10 apart are none."""
    for excess, found in ((0.0, True), (1.0, False)):
        dear = [max(price - excess * (price > 1), 0) for price in prices]
        rows = [(strike, 0.5, bid, bid, kind) for strike, bid in zip((100.1, 110.1), dear, strict=True)]
        assert any("static arbitrage" in line for line in chains.clean(chain(*rows)).attrs["report"]) == found


def test_an_ask_that_no_volatility_has_is_named_and_left_out_of_the_smile():
    table = chains.smiles(chain(*GOOD, (120.0, 0.5, 3.0, 130.0, "C")))
    assert "1 rows of 0.5 years with an ask above any possible price; left out of the smile (rows 6)." in table.attrs["report"]
    assert 120.0 not in set(table["strike"])


def test_an_expiry_with_a_single_strike_is_named_and_dropped():
    table = chains.smiles(chain(*GOOD, (100.0, 1.0, 5.0, 5.2, "C"), (100.0, 1.0, 5.0, 5.2, "P")))
    assert set(table["years"]) == {0.5}
    assert "Expiry 1 years: 1 strikes with call and put, at least two are needed" in table.attrs["report"][0]


def test_parity_broken_beyond_bid_and_ask_is_counted():
    rows = chain(*GOOD, (105.0, 0.5, 2.0, 2.2, "C"), (105.0, 0.5, 12.0, 12.2, "P"))
    assert any("off parity by more than bid and ask" in line for line in chains.smiles(rows).attrs["report"])


def test_locked_quotes_in_exact_parity_are_not_off_it():
    rows = [(strike, 0.5, bid, bid, kind) for strike, c, p in ((90.0, 11.0, 1.0), (100.0, 4.0, 4.0), (110.0, 1.0, 11.0)) for kind, bid in (("C", c), ("P", p))]
    table = chains.smiles(chain(*rows))
    assert not [line for line in table.attrs["report"] if "off parity" in line]
    assert_allclose(table["forward"], 100)


def test_a_synthetic_chain_spans_its_deviations_and_never_passes_a_twentieth_of_the_forward():
    for years, low in ((0.25, 1 - 4.5 * 0.1), (4.0, 0.05)):
        strikes = chains.synthetic(np.random.default_rng(0), Heston(1.0, 0.04, 0.3, 0.0, 0.04), years=[years], n_strikes=31)["strike"]
        assert_allclose(strikes.unique(), np.linspace(100 * low, 100 + 300 * 0.2 * years**0.5, 31), atol=0.005001)


def test_too_few_quotes_for_a_slice_are_reported_and_not_fitted():
    few = chains.smiles(chain(*GOOD))
    slices, report = surface.calibrate(pd.concat([SMILES, few.assign(years=0.6)]))
    assert list(slices) == YEARS and "Expiry 0.6 years has no fit: k, in its places, is" in report[0]
    with pytest.raises(ValueError, match="no expiry that can be fitted. Expiry 0.5 years has no fit: k, in its places, is 3"):
        surface.calibrate(few)


def test_a_readers_file_gives_the_same_chain(tmp_path):
    path = tmp_path / "chain.csv"
    expiry = pd.Timestamp("2025-01-31") + pd.to_timedelta((CHAIN["years"] * 365).round(), unit="D")
    out = CHAIN.assign(expiry=expiry.dt.strftime("%Y-%m-%d"), type=CHAIN["type"].map({"C": "call", "P": "put"}))
    out.assign(date="2025-01-31")[["type", "date", "ask", "expiry", "bid", "strike"]].to_csv(path, index=False)
    with pytest.warns(UserWarning, match="without a bid"):
        read = chains.read_chain(path)
    assert len(read) == len(CHAIN)
    assert_allclose(np.unique(read["years"]), np.round(np.array(YEARS) * 365) / 365)
    assert_allclose(read["bid"], CHAIN["bid"])
    out.assign(expiry=CHAIN["years"])[["type", "ask", "expiry", "bid", "strike"]].to_csv(path, index=False)
    with pytest.warns(UserWarning):
        assert_allclose(chains.read_chain(path)["years"], CHAIN["years"])


DATED = "strike,type,bid,ask,expiry,date\n90,C,11,12,{0},{1}\n100,C,4,5,{0},{1}\n110,C,1,2,{0},{1}\n"


@pytest.mark.parametrize(
    ("expiry", "date", "words"),
    [
        ("30", "2026-01-01", "column expiry: '30' in row 2 is 30 years, above 10. Likely fix: pass days / 365, or a date"),
        ("20260131", "20260101", "column expiry: '20260131' in row 2 is .* years, above 10"),
        ("2062-01-31", "2026-01-01", "column expiry: '2062-01-31' in row 2 is 36.* years, above 10"),
        ("1/31/2026", "1/1/2026", "column expiry: no entry can be read, the first is '1/31/2026'. Likely fix: write dates as YYYY-MM-DD"),
        ("31JAN26", "2026-01-01", "column expiry: no entry can be read, the first is '31JAN26'"),
        ("2026-01-31", "1/1/2026", "column date: no entry can be read, the first is '1/1/2026'"),
    ],
)
def test_an_expiry_that_cannot_be_meant_is_refused_by_column_and_row(tmp_path, expiry, date, words):
    (tmp_path / "chain.csv").write_text(DATED.format(expiry, date))
    with pytest.raises(ValueError, match=f"chain.csv.*{words}"):
        chains.read_chain(tmp_path / "chain.csv")


@pytest.mark.parametrize("expiry", ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00", f"{30 / 365}", "20260131T000000"])
@pytest.mark.parametrize("date", ["2026-01-01", "2026-01-01T00:00:00Z", "20260101"])
def test_dates_with_and_without_a_zone_and_years_can_be_read(tmp_path, expiry, date):
    (tmp_path / "chain.csv").write_text(DATED.format(expiry, date))
    assert_allclose(chains.read_chain(tmp_path / "chain.csv")["years"], 30 / 365, rtol=1e-12)


@pytest.mark.parametrize("kind", ["datetime64[ns]", "datetime64[ns, UTC]", "date", "years"])
def test_a_parquet_file_may_hold_dates_or_numbers(tmp_path, kind):
    table = pd.DataFrame({"strike": [90.0, 100.0], "type": "C", "bid": [11.0, 4.0], "ask": [12.0, 5.0]})
    for name, day in (("expiry", "2026-01-31"), ("date", "2026-01-01")):
        dates = pd.Series(pd.to_datetime([day] * 2))
        table[name] = dates.dt.date if kind == "date" else dates.dt.tz_localize("UTC") if "UTC" in kind else dates
    if kind == "years":
        table["expiry"] = 30 / 365
    table.to_parquet(tmp_path / "chain.parquet")
    assert_allclose(chains.read_chain(tmp_path / "chain.parquet")["years"], 30 / 365, rtol=1e-12)


@pytest.mark.parametrize("entries", [[True] * 6, [True, None] * 3, pd.to_timedelta(range(6)), pd.to_datetime(["2020-01-01"] * 6), [[1.0]] * 6,
                                     [1e300] * 6, [1 + 2j] * 6])  # fmt: skip
@pytest.mark.parametrize("column", ["strike", "ask"])
def test_what_is_no_number_is_no_strike_and_no_ask(tmp_path, column, entries):
    table = chain(*GOOD).assign(**{column: entries})
    with pytest.raises(ValueError, match=f"chain has no usable quote: 6 rows without (strike|an {column})"):
        chains.smiles(table)
    if not isinstance(entries[0], complex):  # of which Parquet has none
        table.rename(columns={"years": "expiry"}).to_parquet(tmp_path / "chain.parquet")
        with pytest.raises(ValueError, match=rf"chain\.parquet.*no usable quote: 6 rows without (strike|an {column}).*\)\. Likely fix"):
            chains.read_chain(tmp_path / "chain.parquet")


@pytest.mark.parametrize("ask", [9999.0, 1e99, 1e300])
def test_an_ask_that_stands_for_none_takes_no_part_in_parity(ask):
    table = chain(*GOOD)
    table.loc[table["strike"].eq(110) & table["type"].eq("C"), "ask"] = ask
    assert_allclose(chains.smiles(table)["forward"], 100, rtol=1e-12)
    table.loc[table["strike"] == 90, "ask"] = ask
    with pytest.raises(ValueError, match="Expiry 0.5 years: 1 strikes with call and put|without an ask, dropped"):
        chains.smiles(table)


def test_a_chain_whose_asks_are_all_above_any_price_is_refused_in_its_own_words():
    rows = [(strike, 0.5, mid - 0.1, mid + 0.1, kind) for strike in (100.0, 110.0) for kind, mid in (("C", 350 - strike), ("P", 150.0))]
    with pytest.raises(ValueError, match="chain has no expiry .*2 rows of 0.5 years with an ask above any possible price"):
        chains.smiles(chain(*rows))


def test_expiries_and_dates_that_cannot_be_read_are_counted_apart(tmp_path):
    text = DATED.format("2026-01-31", "2026-01-01") + "120,C,1,2,1/31/2026,2026-01-01\n130,C,1,2,2026-01-31,x\n140,C,1,2,,2026-01-01\n"
    (tmp_path / "chain.csv").write_text(text)
    with pytest.warns(UserWarning, match="chain.csv"):
        report = chains.read_chain(tmp_path / "chain.csv").attrs["report"]
    assert [line[:42] for line in report] == [
        "1 rows whose expiry cannot be read, droppe", "1 rows whose date cannot be read, dropped;", "1 rows without strike, expiry or type, dro",
    ]  # fmt: skip
    assert [line[-9:] for line in report] == ["(rows 5).", "(rows 6).", "(rows 7)."]
