"""Bad input of mnvh.control, in the form of CASES in test_bad_input.py."""

import numpy as np
import pandas as pd

nan, inf = np.nan, np.inf
RNG = np.random.default_rng(0)
RETURNS = np.random.default_rng(1).standard_normal(30)
DAYS = pd.date_range("2020-01-01", periods=9)
CLOSE, VOL = pd.Series(np.linspace(100, 110, 9), DAYS), pd.Series(20.0, DAYS)
CHAIN = [[0.9, 0.1], [0.2, 0.8]]


def off(name, *values, message=""):
    return [({name: value}, message or name) for value in (nan, "one", None, *values)]


SERIES = [({"returns": 100 + RETURNS}, "returns.*look like prices"), ({"returns": RETURNS * nan}, "returns.*not finite")]
SERIES += [({"returns": value}, "returns") for value in (RETURNS.reshape(5, 3, 2), [], 0.1, None, ["a"])]
WINDOW = [*off("window", 0, 2.5), ({"window": 31}, "window.*at most 30.*longer than the data")]
G = [({"signal": value}, "signal") for value in (nan, [inf], "a", None)]
G += [({"low": 1.0}, "low.*high.*increasing and bounded"), ({"low": 2.0}, "low"), *off("low", -inf), *off("high", inf)]
FOR_SWAPS = ({"horizon": 9}, "horizon.*longer than the data"), *off("horizon", 0, 2.5)

CASES = {
    "control.realised_variance": (dict(returns=RETURNS, window=5), *SERIES, *WINDOW),
    "control.realised_covariance": (
        dict(returns=RETURNS.reshape(15, 2), window=5),
        ({"returns": 100 + RETURNS.reshape(15, 2)}, "returns.*look like prices"),
        *[({"returns": value}, "returns") for value in (RETURNS, RETURNS.reshape(15, 2) * nan, None)],
        *off("window", 0, 16),
    ),
    "control.bipower_variance": (dict(returns=RETURNS, window=5), *SERIES, *WINDOW, ({"window": 1}, "window.*at least 2")),
    "control.exponentially_weighted_variance": (
        dict(returns=RETURNS, halflife=5.0),
        *SERIES,
        *off("halflife", 0.0, -1.0, inf),
    ),
    "control.parkinson_variance": (
        dict(high=CLOSE + 1, low=CLOSE, window=5),
        *[({"high": value}, "high") for value in (CLOSE - 1, CLOSE * nan, 5.0, "a")],
        *[({"low": value}, "low") for value in (CLOSE * 0, CLOSE[:5], CLOSE * nan, CLOSE + 2)],
        *off("window", 0, 10),
    ),
    "control.fee_implied_variance": (dict(fee_rate=1e-4), *off("fee_rate", -1e-4, inf)),
    "control.spread_implied_variance": (
        dict(half_spread=0.1, fill=0.5),
        *off("half_spread", -0.1, inf),
        *off("fill", -0.1, 1.0, 1.5),
    ),
    "control.swap_table": (
        dict(close=CLOSE, implied_vol=VOL, horizon=3),
        *[({"close": value}, "close") for value in (CLOSE[::-1], CLOSE.to_numpy(), CLOSE * 0, CLOSE.replace(100, inf))],
        ({"close": CLOSE.where(CLOSE > 100)}, "close is missing on 1 dates, the first 2020-01-01"),
        ({"implied_vol": VOL.where(CLOSE < 110)}, "implied_vol is missing on 1 dates"),
        ({"implied_vol": pd.concat([VOL, VOL[-1:]])}, "implied_vol.*each once"),
        ({"implied_vol": VOL[1:]}, "implied_vol differ in 1 dates, the first 2020-01-01"),
        ({"implied_vol": -VOL}, "implied_vol.*above 0"),
        *FOR_SWAPS,
    ),
    "control.clipped_line": (dict(signal=[0.1, -0.1], gain=1.0, low=0.0, high=1.0), *G, *off("gain", 0.0, -1.0)),
    "control.logistic": (dict(signal=[0.1, -0.1], scale=1.0, low=0.0, high=1.0), *G, *off("scale", 0.0, -1.0)),
    "control.keep_within": (
        dict(target=[[0.0, 1.0]], band=0.5, reset=False),
        *[({"target": value}, "target") for value in ([0.0, 1.0], [[nan, 1.0]], "a", None)],
        *off("band", -0.1, inf),
        *off("reset", 0),
    ),
    "control.switching_variance": (
        dict(rng=RNG, n_paths=2, n_steps=5, variances=[1.0, 2.0], transition=CHAIN),
        *[({"rng": value}, "numpy.random.Generator") for value in (None, 42)],
        *[({name: value}, "whole number of at least 1") for name in ("n_paths", "n_steps") for value in (0, 2.5)],
        *[({"variances": value}, "variances") for value in ([1.0, 0.0], [1.0, nan], 1.0)],
        ({"transition": [[1.0, 0.0], [0.0, 1.0]]}, "transition has a regime of probability zero"),
        ({"transition": [[1.0, 0.0], [0.5, 0.5]]}, "transition has a regime of probability zero"),
        *[({"transition": value}, "transition") for value in ([[0.5, 0.4], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [[1.0]])],
    ),
}
