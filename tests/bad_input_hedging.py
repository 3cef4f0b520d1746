"""Bad input of mnvh.hedging."""

from __future__ import annotations

import numpy as np

from mnvh.options import OptionHedge

nan, inf = np.nan, np.inf
HEDGE = OptionHedge(100.0, 0.25, 0.2)
PRICES = np.full((2, 4, 1), 100.0)
TIMES = np.linspace(0, 0.25, 4)

NO_HEDGE = [({"hedge": value}, "hedge is .*allowed is an OptionHedge") for value in (None, 0.2, "call")]
SPOT = [({"spot": value}, "spot") for value in (0.0, -1.0, nan, "a", None)]
FEE = [({"fee_bps": value}, "fee_bps") for value in (-1.0, nan, 20_000, "a")]
FEE += [({"fee_bps": 0.002}, "for 0.3 % pass 30")]
COUNT = [({"n_steps": value}, "whole number of at least 1") for value in (0, 2.5, True)]
AVERSION = [({"risk_aversion": value}, "risk_aversion") for value in (0.0, -1.0, nan, "a")]
BAD_PRICES = [({"prices": value}, "prices") for value in (PRICES[0], PRICES * nan, "a", PRICES - 100, np.ones((2, 4, 2)))]
BAD_TIMES = [({"times": value}, "times") for value in (TIMES[:2], TIMES * nan, 0.1)]
BAD_TIMES += [({"times": TIMES[::-1]}, r"times\[1\] is .*allowed is 0.25 or more.*sort by time")]
LATE = ({"times": TIMES + 1}, r"times reach 1.16667: allowed is up to expiry_years = 0.25")
AT_EXPIRY = ({"times": TIMES}, r"times reach 0.25: allowed is before expiry_years.*prices\[:, :-1\]")
TARGETS = [(value, message) for value, message in ((PRICES[0], "shape"), (PRICES * nan, "not finite"), (PRICES[..., [0, 0]], "shape"))]


def changed(works, *changes):
    """Arguments that work, then changes with the message each must meet."""
    return (works, *changes)


CLOCK = dict(hedge=HEDGE, spot=100.0, n_steps=10)
RULE = dict(hedge=HEDGE, prices=PRICES, times=TIMES - 0.01, fee_bps=20, risk_aversion=1.0)
CASES = {
    "hedging.gamma_pnl": changed(
        dict(hedge=HEDGE, prices=PRICES, times=TIMES), *NO_HEDGE, *BAD_PRICES, *BAD_TIMES, LATE
    ),
    "hedging.expected_pnl": changed(
        dict(hedge=HEDGE, spot=100.0, realised_volatility=0.3),
        *NO_HEDGE,
        *SPOT,
        *[({"realised_volatility": value}, "realised_volatility") for value in (0.0, -0.1, nan, 30.0, "a")],
        *[({"excess_drift": value}, "excess_drift") for value in (nan, -10.5, 10.5, "a")],
    ),
    "hedging.error_variance": changed(CLOCK, *NO_HEDGE, *SPOT, *COUNT),
    "hedging.clock_cost": changed(CLOCK | dict(fee_bps=20), *NO_HEDGE, *SPOT, *COUNT, *FEE),
    "hedging.best_clock": changed(
        dict(hedge=HEDGE, spot=100.0, fee_bps=20, risk_aversion=1.0),
        *NO_HEDGE,
        *SPOT,
        *FEE,
        ({"fee_bps": 0}, "without costs the best hedge is continuous"),
        *AVERSION,
        ({"risk_aversion": 0}, "without risk aversion the cheapest hedge is none"),
    ),
    "hedging.leland_volatility": changed(
        dict(volatility=0.2, interval_years=1 / 52, fee_bps=50),
        *[({name: value}, name) for name in ("volatility", "interval_years") for value in (0.0, -0.1, nan, "a")],
        *FEE,
    ),
    "hedging.whalley_wilmott": changed(RULE, *NO_HEDGE, *BAD_PRICES, *BAD_TIMES, AT_EXPIRY, *FEE, *AVERSION),
    "hedging.zakamouline": changed(RULE, *NO_HEDGE, *BAD_PRICES, *BAD_TIMES, AT_EXPIRY, *FEE, *AVERSION),
    "hedging.clock_holdings": changed(
        dict(target=PRICES, every=2),
        *[({"target": value}, message) for value, message in TARGETS],
        *[({"every": value}, "whole number of at least 1") for value in (0, 1.5)],
    ),
    "hedging.band_holdings": changed(
        dict(target=PRICES, half_width=PRICES),
        *[({"target": value}, message) for value, message in TARGETS],
        *[({"half_width": value}, "half_width") for value in (-PRICES, PRICES - 101 * (np.arange(PRICES.size) == 1).reshape(PRICES.shape), PRICES * nan, PRICES[:1], 0.1)],
    ),
    "hedging.short_call": changed(
        dict(hedge=HEDGE, prices=PRICES, holdings=PRICES, fee_bps=20),
        *NO_HEDGE,
        *BAD_PRICES,
        *[({"holdings": value}, "holdings") for value in (PRICES[:, 1:], PRICES * nan)],
        *FEE,
    ),
}
