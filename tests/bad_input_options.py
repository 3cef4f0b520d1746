"""Bad input of mnvh.options."""

from __future__ import annotations

import numpy as np

from mnvh.options import price

nan, inf = np.nan, np.inf
OPTION = dict(spot=100.0, strike=110.0, years=0.5, volatility=0.2)
QUOTE = dict(price=1.0, spot=100.0, strike=110.0, years=0.5)
HEDGE = dict(strike=100.0, expiry_years=0.25, volatility=0.2)

COMMON = [
    *[({name: value}, name) for name in ("spot", "strike") for value in (0.0, -1.0, nan, inf, "a", None, [100.0, 0.0])],
    *[({"years": value}, "years") for value in (0.0, -0.5, nan, "a")],
    ({"years": 30_000.0}, r"years is 30000.0.*for 30 days pass 30 / 365"),
    *[({"rate": value}, "rate") for value in (nan, inf, "a")],
    ({"rate": 5.0}, "for 5 % pass 0.05"),
    *[({"call": value}, "call is .*True for a call and False for a put") for value in ("put", 1, None, -1.0)],
]
VOLATILITY = [
    ({"strike": [90.0, 100.0], "volatility": [0.1, 0.2, 0.3]}, r"the shapes strike \(2,\), volatility \(3,\) do not fit.*years\[:, None\]"),
    *[({"volatility": value}, "volatility") for value in (0.0, -0.2, nan, "a")],
    ({"volatility": 20.0}, "volatility is 20.0.*for 20 % pass 0.2"),
]
PRICE = [
    ({"price": [1.0, 2.0], "strike": [105.0, 110.0, 115.0]}, r"the shapes price \(2,\), strike \(3,\) do not fit"),
    *[({"price": value}, "price") for value in (nan, "a", None)],
    ({"price": 0.0}, r"price has 1 entries.*above its intrinsic value"),
    ({"price": [1.0, 5.0], "strike": 90.0}, r"price has 2 entries.*first 1 at \(0,\).*above its intrinsic value"),
    ({"price": 100.0}, "price has 1 entries.*below the spot for a call"),
    ({"price": 111.0, "call": False}, "price has 1 entries.*the discounted strike for a put"),
    # eight standard deviations in the money: only the rounding of the intrinsic value is left
    ({"price": float(price(100, 100 * np.exp(-0.8), 1.0, 0.1)), "strike": 100 * np.exp(-0.8), "years": 1.0}, "price has 1"),
    ({"price": 100 - 1e-13}, "time value"),
]

CASES = {  # name: arguments that work, then changes with the message each must meet
    "options.price": (OPTION, *COMMON, *VOLATILITY),
    "options.greeks": (OPTION, *COMMON, *VOLATILITY),
    "options.implied_vol": (QUOTE, *COMMON, *PRICE),
    "options.OptionHedge": (
        HEDGE,
        *[({name: value}, name) for name in HEDGE for value in (0.0, -1.0, nan, inf, "a", None, [0.2])],
        ({"volatility": 20.0}, "for 20 % pass 0.2"),
    ),
}
