"""Numerical extremes: volatilities of 1e-4 to 5, maturities of a minute to thirty years, prices of 1e-12 to 1e12.

What comes out is checked against 60-digit arithmetic, against the same number in other units, or is refused by name.
"""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

from mnvh import amm, options, paths, quotes, spt
from mnvh import decomposition as dec
from mnvh.ladder import run as ladder

MINUTE = 1 / (365 * 24 * 60)
VOLATILITIES, YEARS, SCALES = (1e-4, 0.01, 0.2, 1.0, 5.0), (MINUTE, 1 / 365, 0.25, 2.0, 30.0), (1e-12, 1e-4, 1.0, 1e4, 1e12)
SHIFTS = (-4.0, -0.5, 0.0, 0.5, 4.0)  # strikes, in standard deviations from the forward


def black(spot: float, strike: float, total: float, call: bool) -> mpmath.mpf:
    """Option at rate zero, worked out with 60 digits."""
    sign = 1 if call else -1
    with mpmath.workdps(60):
        d1 = mpmath.log(mpmath.mpf(spot) / strike) / total + mpmath.mpf(total) / 2
        return sign * (spot * mpmath.ncdf(sign * d1) - strike * mpmath.ncdf(sign * (d1 - total)))


@pytest.mark.parametrize(("volatility", "years"), [*itertools.product(VOLATILITIES, YEARS)])
def test_an_option_is_priced_and_its_volatility_found(volatility, years):
    total = volatility * np.sqrt(years)
    for scale, shift in itertools.product(SCALES, SHIFTS):
        strike = scale * np.exp(shift * total)
        call = bool(strike >= scale)
        price = float(options.price(scale, strike, years, volatility, call=call))
        exact = black(scale, strike, float(total), call)
        # a price is a difference of two values: what is asked is the digits that the strike's own rounding leaves
        rounding = np.finfo(float).eps * (1 + abs(shift) / total)
        assert abs(price / exact - 1) < 1e-9 + 20 * rounding, (scale, shift)
        assert price <= (scale if call else strike)
        if total < 20:
            found = float(options.implied_vol(price, scale, strike, years, call=call))
            assert abs(found / volatility - 1) < 1e-9 + 20 * rounding, (scale, shift)
        else:  # the price is that of the underlying, or of the strike, whatever the volatility
            with pytest.raises(ValueError, match="price has 1 entries without an implied volatility"):
                options.implied_vol(price, scale, strike, years, call=call)


@pytest.mark.parametrize("scale", SCALES)
def test_the_account_of_a_pool_does_not_depend_on_the_unit(scale):
    prices = paths.martingale_gbm(np.random.default_rng(1), 20, 50, covariance=[[1e-4]])
    one, other = (dec.decompose(amm.ConstantProduct(1.0), unit * prices, fee_bps=30).total() for unit in (1.0, scale))
    for name in ("harvest", "displacement", "cost"):
        np.testing.assert_allclose(getattr(other, name), np.sqrt(scale) * getattr(one, name), rtol=1e-9)
    account = dec.follow(amm.ConstantProduct(1.0).holdings(scale * prices), scale * prices, fee_bps=30)[:, -1]
    np.testing.assert_array_less(abs(other.pnl - account), 1e-12 * other.gross)


@pytest.mark.parametrize("volatility", VOLATILITIES)
def test_an_identity_holds_at_every_volatility(volatility):
    prices = paths.martingale_gbm(np.random.default_rng(2), 50, 40, covariance=volatility**2 / 252 * np.eye(3))
    weights = spt.market_weights(prices)
    parts = spt.decompose_log(spt.GeometricMean(np.full(3, 1 / 3)), weights)
    assert all(np.isfinite(value).all() for value in vars(parts).values())
    grid = dec.decompose(dec.LinearGrid(np.eye(3), np.ones(3)), prices).total()
    account = dec.follow(dec.LinearGrid(np.eye(3), np.ones(3)).holdings(prices), prices)[:, -1]
    np.testing.assert_array_less(abs(grid.pnl - account), 1e-12 * grid.gross)


@pytest.mark.parametrize("scale", SCALES)
def test_a_ladder_does_not_depend_on_the_unit(scale):
    mid = paths.martingale_gbm(np.random.default_rng(3), 1, 20_000, covariance=[[1e-8]])[0, :, 0]
    books = [quotes.around(unit * mid, 1e-4 * unit * mid, interval=1.0) for unit in (1.0, scale)]
    one, other = (sum(ladder(book, steps_bps=[5.0, 20.0]), []) for book in books)
    assert [len(fills.rung) for fills in one] == [len(fills.rung) for fills in other] and min(len(fills.rung) for fills in one) > 20
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(np.diff(mine.rung), np.diff(theirs.rung))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"years": 0.0}, "years"), ({"volatility": -1.0}, "volatility"), ({"spot": np.inf}, "spot"), ({"strike": np.nan}, "strike")],
)
def test_beyond_the_range_is_refused_by_name(change, message):
    given = {"spot": 1.0, "strike": 1.0, "years": 1.0, "volatility": 0.2} | change
    with pytest.raises(ValueError, match=message):
        options.price(**given)
