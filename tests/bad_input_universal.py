"""Bad input of mnvh.universal: the arguments of a call that must be refused, and the message that it must meet."""

import numpy as np
from bad_input_spt import BAD_PRICES, PRICES, each

nan = np.nan
HALVES = np.full((1, 2), 0.5)
WALK = np.cumsum(np.sin(np.arange(20.0) ** 2)).reshape(1, -1)

CASES = {
    "universal.universal_log_wealth": each(dict(mixes=HALVES), "prices", BAD_PRICES)
    + each(
        dict(prices=PRICES),
        "mixes",
        [
            ([0.5, 0.5], "mixes.*shape"),
            ([[0.5, 0.6]], "mixes.*sum 1.1"),
            ([[1.5, -0.5]], "mixes is -0.5"),
            ([[0.2, 0.3, 0.5]], "mixes.*shape"),
            ([[0.5, nan]], "mixes.*not finite"),
        ],
    ),
    "universal.best_constant_mix": each({}, "prices", BAD_PRICES),
    "universal.exponentiated_gradient": each(dict(rate=0.05), "prices", BAD_PRICES)
    + each(dict(prices=PRICES), "rate", [(v, r"rate is .*\[0, 100\]") for v in (-0.1, 101, nan, "slow", None)]),
    "universal.lo_mackinlay_ratio": each(
        dict(horizon=2),
        "log_prices",
        [
            (WALK[0], "log_prices.*shape"),
            (nan * WALK, "log_prices.*not finite"),
            (0 * WALK, "log_prices has a series that does not move"),
            (["up", "down"], "log_prices.*real numbers"),
        ],
    )
    + each(dict(log_prices=WALK), "horizon", [(v, "horizon is .*at least 2 and at most 9.*two windows") for v in (1, 10, 2.5, None)]),
}
