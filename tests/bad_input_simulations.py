"""Bad input of mnvh.simulations, in the form of CASES in test_bad_input.py."""

import numpy as np

from mnvh.decomposition import LinearGrid

nan = np.nan
PRICES = 100 + np.arange(6.0).reshape(2, 3, 1) % 3
BAD_PRICES = [({"prices": value}, "prices") for value in (PRICES[0], PRICES[:, :1], PRICES * nan, "a", None)]
SD = [({"sd": value}, "sd") for value in (nan, "one", None, 0.0, -1.0)]
REVERSION = [({"reversion": value}, "reversion") for value in (nan, "one", None, -0.1, 2.0)]

CASES = {
    "simulations.RecentredGrid": (dict(prices=PRICES, reversion=0.1), *BAD_PRICES, *REVERSION),
    "simulations.mechanisms": (
        dict(prices=PRICES, sd=1.0, reversion=0.1),
        *BAD_PRICES,
        ({"prices": PRICES - 101}, "prices above 0"),
        ({"prices": np.tile(PRICES, 2)}, "one asset"),
        ({"prices": PRICES + np.arange(2.0)[:, None, None]}, "one first price"),
        *SD,
        *REVERSION,
    ),
    "simulations.run": (
        dict(mechanism=LinearGrid([[1.0]], [100.0]), times=None, prices=PRICES, sd=1.0, fee_bps=10.0),
        *BAD_PRICES,
        *SD,
        *[({"fee_bps": value}, "fee_bps") for value in (nan, "one", None, -1.0, 0.003)],
        *[({"times": value}, "times") for value in ([0.0, 1.0], [0.0, 1.0, nan], "a")],
    ),
}
