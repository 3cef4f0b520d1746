"""Chapter 13: the Cboe's worked example, strips against known distributions, the log contract as a potential."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mnvh import chains, options, paths
from mnvh import variance_swap as vs
from mnvh.decomposition import bregman, decompose, follow
from mnvh.heston import Heston

PATH = Path(vs.__file__).parent / "data/cboe_2014.json"
EXAMPLE = json.loads(PATH.read_text())
HESTON = Heston(1.15, 0.04, 0.39, -0.64, 0.09)


def wide(price, years, forward=100.0, pivot=100.0):
    """A dense strip of a model's prices."""
    strike = pivot * np.exp(np.linspace(-3, 3, 6001) * 0.8)
    put, call = price(strike, False), price(strike, True)
    quote = np.where(strike < pivot - 1e-9, put, np.where(strike > pivot + 1e-9, call, (put + call) / 2))
    return vs.Strip(strike, quote, np.zeros(len(strike)), forward, pivot, years)


def flat(vol, years, forward=100.0, pivot=100.0):
    return wide(lambda strike, call: options.price(forward, strike, years, vol, call=call), years, forward, pivot)


def printed(leg):
    strike, mid = np.array(leg["strike_quote"]).T
    years = leg["minutes"] / 525_600
    quote = mid * np.exp(leg["rate"] * years)
    return vs.Strip(strike, quote, np.zeros(len(strike)), leg["forward"], EXAMPLE["k0"], years)


def test_the_vendored_example_is_the_one_whose_source_is_given():
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    assert f"    {digest}  cboe_2014.json\n" in PATH.with_name("README.md").read_text()


def test_the_cboes_worked_example():
    """White paper of 2014: variances .018462924 and .018821008, index 13.685821."""
    strips = [printed(leg) for leg in (EXAMPLE["near"], EXAMPLE["next"])]
    for strip, leg in zip(strips, (EXAMPLE["near"], EXAMPLE["next"]), strict=True):
        assert strip.variance == pytest.approx(leg["expected_variance"], abs=5e-10)
    assert vs.index(*strips) == pytest.approx(EXAMPLE["expected_index"], abs=1e-6)


def test_moments_of_a_flat_smile_are_those_of_the_normal():
    vol, skewness, kurtosis = vs.moments(flat(0.2, 0.25))
    assert vol == pytest.approx(0.2, abs=1e-4) and abs(skewness) < 1e-3 and kurtosis == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("forward", [100.0, 100.4])
def test_a_strip_gives_the_variance_of_a_log_contract(forward):
    assert flat(0.3, 0.5, forward).variance == pytest.approx(0.09, rel=2e-5)
    model = wide(lambda strike, call: HESTON.price(forward, strike, 0.5, call=call), 0.5, forward)
    assert model.variance == pytest.approx(HESTON.expected_variance(0.5), rel=1e-4)


def test_a_pivot_below_the_forward_changes_no_moment():
    assert_allclose(vs.moments(flat(0.2, 0.25, 100.3)), vs.moments(flat(0.2, 0.25)), atol=2e-3)


def test_moments_against_simulated_jumps():
    rng = np.random.default_rng(3)
    law = dict(covariance=[[0.03 / 4]], jump_rate=0.5, jump_mean=-0.1, jump_sd=0.05)
    r = np.log(paths.jump_diffusion(rng, 400_000, 1, **law)[:, 1, 0])
    rate, mean, sd = 0.5, -0.1, 0.05
    number = np.arange(25)
    weight = np.exp(-rate) * np.cumprod(np.concatenate([[1.0], rate / number[1:]]))
    forwards = 100 * np.exp(number * (mean + sd**2 / 2) - rate * np.expm1(mean + sd**2 / 2))
    vols = np.sqrt(0.03 + number * sd**2 / 0.25)

    def price(strike, call):
        return sum(w * options.price(f, strike, 0.25, v, call=call) for w, f, v in zip(weight, forwards, vols, strict=True))

    vol, skewness, kurtosis = vs.moments(wide(price, 0.25))
    u = r - r.mean()
    blocks = (u / u.std()).reshape(40, -1)
    for found, power in ((skewness, 3), (kurtosis, 4)):
        sample = (blocks**power).mean(axis=1)
        assert abs(sample.mean() - found) / (sample.std(ddof=1) / np.sqrt(40)) < 4
    variance = 0.03 * 0.25 + rate * (mean**2 + sd**2)
    assert vol == pytest.approx(np.sqrt(variance / 0.25), rel=1e-4)
    assert skewness == pytest.approx(rate * (mean**3 + 3 * mean * sd**2) / variance**1.5, rel=1e-3)
    assert kurtosis == pytest.approx(3 + rate * (mean**4 + 6 * mean**2 * sd**2 + 3 * sd**4) / variance**2, rel=1e-3)


def rows(*quotes):
    strikes = [80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0]
    parts = []
    for kind, bids in zip("PC", quotes, strict=True):
        parts.append(pd.DataFrame({"strike": strikes, "years": 0.1, "bid": bids, "ask": np.array(bids) + 0.1, "type": kind}))
    return pd.concat(parts, ignore_index=True)


def test_the_strip_stops_at_the_second_strike_in_a_row_without_a_bid():
    chain = rows([0.1, 0.0, 0.0, 0.3, 2.0, 6.0, 11.0, 16.0], [21.0, 16.0, 11.0, 6.0, 2.0, 0.0, 0.3, 0.0])
    strip = vs.cboe_strip(chain, rate=0.0)
    assert strip.pivot == 100 and list(strip.strike) == [95.0, 100.0, 110.0]
    assert_allclose(strip.quote, [0.35, 2.05, 0.35])
    assert_allclose(strip.weights * 0.1 / 2 * strip.strike**2, [5.0, 7.5, 10.0])  # one-sided at the ends


@pytest.mark.parametrize(("kept", "words"), [((100.5, 200.0), "at or below"), ((0.0, 99.5), "above")])
def test_a_chain_whose_forward_lies_beyond_its_strikes_with_both_has_no_strip(kept, words):
    """Without in-the-money calls the lowest strike with both is above the forward, and the pivot was the highest strike."""
    chain = chains.synthetic(np.random.default_rng(1), Heston(1.15, 0.04, 0.39, -0.64, 0.04), years=[0.25], n_strikes=60)
    one_sided = chain[(chain["type"] == ("P" if words == "at or below" else "C")) | chain["strike"].between(*kept)]
    with pytest.raises(ValueError, match=f"chain .*no strike with both call and put is {words} the forward, 100.*quote more strikes"):
        vs.cboe_strip(one_sided, rate=0.0)


def test_three_strikes_are_a_strip():
    chain = rows([0.1, 0.2, 0.3, 0.5, 2.0, 6.0, 11.0, 16.0], [21.0, 16.0, 11.0, 6.0, 2.0, 0.4, 0.3, 0.1])
    assert list(vs.cboe_strip(chain[chain["strike"].isin([95.0, 100.0, 105.0])], rate=0.0).strike) == [95.0, 100.0, 105.0]


def test_what_clean_drops_does_not_count_as_an_expiry():
    chain = rows([0.1, 0.2, 0.3, 0.5, 2.0, 6.0, 11.0, 16.0], [21.0, 16.0, 11.0, 6.0, 2.0, 0.4, 0.3, 0.1])
    odd = pd.concat([chain.head(1).assign(years=np.nan), chain.head(1).assign(years=-0.1), chain])
    assert vs.cboe_strip(odd, rate=0.0).variance == vs.cboe_strip(chain, rate=0.0).variance


def test_discounted_quotes_give_the_strip_of_their_forward_values():
    plain = rows([0.1, 0.2, 0.3, 0.5, 2.0, 6.0, 11.0, 16.0], [21.0, 16.0, 11.0, 6.0, 2.0, 0.4, 0.3, 0.1])
    factor = np.exp(-0.3 * plain["years"])
    strip = vs.cboe_strip(plain.assign(bid=factor * plain["bid"], ask=factor * plain["ask"]), rate=0.3)
    undiscounted = vs.cboe_strip(plain, rate=0.0)
    assert factor.max() < 0.99
    for name in ("strike", "quote", "half_spread", "forward", "pivot", "variance", "variance_cost"):
        assert_allclose(getattr(strip, name), getattr(undiscounted, name), rtol=1e-12, atol=1e-15)


def test_moments_of_no_distribution_are_refused():
    """Kurtosis is at least 1 + skewness², which a single option between two strikes breaks."""
    with pytest.raises(ValueError, match="kurtosis of the strip less 1 and its squared skewness is -"):
        vs.moments(vs.Strip([50.0, 100.0, 150.0], [0.0, 8.0, 0.0], [0.0] * 3, 100.0, 100.0, 0.25))


def test_the_index_of_a_synthetic_chain_is_near_the_fair_volatility():
    years = [23 / 365, 37 / 365]
    chain = chains.synthetic(np.random.default_rng(4), HESTON, years=years, n_strikes=120, tick=0.0025)
    strips = [vs.cboe_strip(quotes, rate=0.0) for _, quotes in chain.groupby("years")]
    assert vs.index(*strips) == pytest.approx(100 * np.sqrt(HESTON.expected_variance(30 / 365)), abs=0.25)
    assert strips[0].variance_cost > 0


def test_the_index_interpolates_total_variance():
    near, far = flat(0.2, 20 / 365), flat(0.3, 40 / 365)
    expected = 100 * np.sqrt((20 * 0.04 + 40 * 0.09) / 2 / 30)
    assert vs.index(near, far) == pytest.approx(expected, rel=1e-3)


# The log contract

prices = st.lists(st.floats(20, 300), min_size=2, max_size=12).map(lambda path: np.array(path)[None, :, None])


@given(prices, st.floats(0.1, 10))
def test_account_equals_decomposition_on_any_path(prices, notional):
    contract = vs.LogContract(notional)
    parts = decompose(contract, prices, fill=0.5, fee_bps=3)
    account = follow(contract.holdings(prices), prices, fill=0.5, fee_bps=3)
    assert (abs(parts.cumulative().pnl - account[:, 1:]) <= 1e-12 * parts.cumulative().gross).all()
    assert (parts.harvest >= 0).all()


@given(st.floats(20, 300), st.floats(20, 300))
def test_holdings_intensity_and_divergence_belong_to_the_potential(old, new):
    contract, old, new = vs.LogContract(3.0), np.array([old]), np.array([new])
    h = 1e-5 * old[0]
    slope = (contract.value(old + h) - contract.value(old - h)) / (2 * h)
    assert_allclose(contract.holdings(old), [-slope], rtol=1e-6)
    slope = (contract.holdings(old + h) - contract.holdings(old - h)) / (2 * h)
    assert_allclose(contract.intensity(old), [-slope], rtol=1e-6)
    direct = contract.value(new) - contract.value(old) + contract.holdings(old) @ (new - old)
    assert_allclose(bregman(contract, new, old), direct, atol=1e-13 * (1 + abs(direct) + 3 * abs(new[0] / old[0])))


@given(prices)
def test_the_hedged_log_contract_earns_the_realised_variance_and_a_third_moment(path):
    """2Σ[r - ln(1 + r)] - Σ ln²(1 + r) = Σ(x³/3 + x⁴/12 + …) with x the log return: 2(eˣ - 1 - x) - x²."""
    parts = decompose(vs.LogContract(2.0), path).total()
    x = np.diff(np.log(path[..., 0]), axis=1)
    assert_allclose(parts.harvest, (2 * (np.expm1(x) - x)).sum(axis=1), rtol=1e-11, atol=1e-14)
    assert_allclose(parts.pnl, parts.harvest + 2 * x.sum(axis=1), rtol=1e-9, atol=1e-12)
