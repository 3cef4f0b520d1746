"""Bad input of mnvh.factors, in the form of CASES in test_bad_input.py."""

import numpy as np
import pandas as pd

from mnvh import factors

nan, inf = np.nan, np.inf
DAYS = pd.date_range("2018-06-01", "2020-03-01", freq="7D")
PRICES = pd.DataFrame(100 + np.random.default_rng(1).standard_normal((len(DAYS), 3)).cumsum(axis=0), DAYS, list("abc"))


def off(name, *values, message=""):
    return [({name: value}, message or name) for value in (nan, "one", None, *values)]


CASES = {
    "factors.walk_forward": (
        dict(prices=PRICES, n_factors=1, training_years=1, holding_days=5),
        *[({"prices": value}, "prices is a .*indexed by dates") for value in (PRICES.to_numpy(), None, PRICES.reset_index())],
        ({"prices": PRICES[::-1]}, "prices has dates out of order"),
        ({"prices": 0 * PRICES, "n_factors": 0}, "prices above 0 are needed"),
        *off("n_factors", -1, 1.5),
        ({"n_factors": 3}, "n_factors.*at most 2.*3 assets are without a gap up to 2019"),
        *off("training_years", 0, 1.5),
        ({"training_years": 3}, "training_years.*at most 2.*more calendar years"),
        *off("holding_days", 0, 2.5),
    ),
    "factors.residual_results": (
        dict(windows=factors.walk_forward(PRICES, 1, training_years=1, holding_days=5), delay=1),
        *[({"windows": value}, "windows") for value in ([], [PRICES], None, 1.0)],
        *off("delay", -1, 0.5),
    ),
    "factors.newey_west": (
        dict(values=[1.0, 2.0, 4.0], n_lags=1),
        *[({"values": value}, "values") for value in ([1.0], [1.0, nan], [[1.0, 2.0]], None)],
        *off("n_lags", -1, 3, 0.5),
    ),
    "factors.promises": (
        dict(estimate=np.eye(3), found=np.eye(3), n_factors=2),
        *[({"estimate": value}, "estimate") for value in (-np.eye(3), np.eye(3) * nan, [1.0], 0 * np.eye(3), None)],
        *[({"found": value}, "found") for value in (-np.eye(3), np.eye(3) * nan, np.eye(2), 0 * np.eye(3), None)],
        *off("n_factors", 0, 3, 1.5),
    ),
    "factors.spiked_limits": (dict(spike=3.0, ratio=0.5), *off("spike", 0.9, inf), *off("ratio", 0.0, -1.0, inf)),
}

NOT_HERE = {"factors.Window": "made by walk_forward alone"}
