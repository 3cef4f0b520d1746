"""Bad input of mnvh.universal: the arguments of a call that must be refused, and the message that it must meet."""

import numpy as np
from bad_input_spt import BAD_PRICES, PRICES, each

nan = np.nan
HALVES = np.full((1, 2), 0.5)
WALK = np.cumsum(np.sin(np.arange(20.0) ** 2)).reshape(1, -1)

CASES = {
    "universal.universal_log_wealth": (
        dict(prices=PRICES, mixes=HALVES),
        *each("prices", BAD_PRICES),
        ({"mixes": [0.5, 0.5]}, "mixes.*shape"),
        ({"mixes": [[0.5, 0.6]]}, "mixes.*sum 1.1"),
        ({"mixes": [[1.5, -0.5]]}, "mixes is -0.5"),
        ({"mixes": [[0.2, 0.3, 0.5]]}, "mixes.*shape"),
        ({"mixes": [[0.5, nan]]}, "mixes.*not finite"),
    ),
    "universal.best_constant_mix": (dict(prices=PRICES), *each("prices", BAD_PRICES)),
    "universal.exponentiated_gradient": (
        dict(prices=PRICES, rate=0.05),
        *each("prices", BAD_PRICES),
        *each("rate", [(v, r"rate is .*\[0, 100\]") for v in (-0.1, 101, nan, "slow", None)]),
    ),
    "universal.lo_mackinlay_ratio": (
        dict(log_prices=WALK, horizon=2),
        ({"log_prices": WALK[0]}, "log_prices.*shape"),
        ({"log_prices": nan * WALK}, "log_prices.*not finite"),
        ({"log_prices": 0 * WALK}, "log_prices has a series that does not move"),
        ({"log_prices": ["up", "down"]}, "log_prices.*real numbers"),
        *each("horizon", [(v, "horizon is .*at least 2 and at most 9.*two windows") for v in (1, 10, 2.5, None)]),
    ),
}
