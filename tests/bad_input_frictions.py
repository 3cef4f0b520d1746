"""Bad input of mnvh.frictions, in the form of CASES in test_bad_input.py."""

import numpy as np

nan, inf = np.nan, np.inf
PRICES = 100 + np.arange(12.0).reshape(2, 3, 2)


def off(name, *values, message=""):
    return [({name: value}, message or name) for value in (nan, "one", None, *values)]


LAW = [*off("sd", 0.0, -1.0), *off("reversion", 0.0, 2.0, -0.1, 3.0)]
MARKET = dict(harvest=2.0, decay=3.0, cost=0.2, queue=0.1)
BAD_MARKET = [*off("harvest", 0.0, inf), *off("decay", 0.0, -1.0), *off("cost", -0.1), *off("queue", -0.1)]

CASES = {
    "frictions.reverting_holdings": (
        dict(prices=PRICES, intensity=1.0, reversion=0.1),
        *[({"prices": value}, "prices") for value in (PRICES[0], PRICES[:, :1], PRICES * nan)],
        *off("intensity", -1.0, inf),
        *off("reversion", -0.1, 2.0, 2.5),
    ),
    "frictions.inventory_law": (dict(intensity=1.0, sd=1.0, reversion=0.1), *off("intensity", -1.0), *LAW),
    "frictions.penalised_intensity": (
        dict(edge=0.5, sd=1.0, aversion=1.0, reversion=0.1, cost=0.1),
        *off("edge", inf),
        *off("aversion", 0.0, -1.0),
        *off("cost", -0.1),
        *LAW,
    ),
    "frictions.break_even_half_spread": (dict(fill=0.5, sd=1.0), *off("fill", -0.1, 1.1), *off("sd", 0.0)),
    "frictions.saturated_value": (
        MARKET | dict(intensity=[0.1, 0.2]),
        *[({"intensity": value}, "intensity") for value in (nan, -0.1, [0.1, -0.1], "a", None)],
        *BAD_MARKET,
    ),
    "frictions.saturated_intensity": (MARKET, *BAD_MARKET, ({"cost": 0.0}, "cost.*no size breaks even")),
    "frictions.flip_rate": (
        dict(band=[0.1, 0.5], cost=0.1),
        *[({"band": value}, "band") for value in (0.0, [0.1, -0.1], nan, "a")],
        *off("cost", -0.1),
    ),
    "frictions.flip_band": (dict(cost=0.1), *off("cost", 0.0, -0.1, 6.0)),
    "frictions.sampling_rate": (
        dict(interval=[0.1, 0.5], cost=0.1),
        *[({"interval": value}, "interval") for value in (0.0, [0.1, -0.1], nan, "a")],
        *off("cost", -0.1),
    ),
    "frictions.sampling_interval": (dict(cost=0.1), *off("cost", 0.0, -0.1, 0.9)),
    "frictions.tracking_band": (
        dict(cost=0.1, variance_rate=1.0, aversion=1.0),
        *[case for name in ("cost", "variance_rate", "aversion") for case in off(name, 0.0, -1.0, inf)],
    ),
    "frictions.aim_and_speed": (
        dict(aversion=1.0, cost=0.5, discount=0.0, decay=0.7),
        *[case for name in ("aversion", "cost") for case in off(name, 0.0, -1.0)],
        *[case for name in ("discount", "decay") for case in off(name, -1.0)],
    ),
    "frictions.liquidation": (
        dict(n_steps=5, variance=1.0, impact=1.0, aversion=1.0),
        *off("n_steps", 0, 2.5),
        *[case for name in ("variance", "impact", "aversion") for case in off(name, 0.0, -1.0)],
    ),
}
