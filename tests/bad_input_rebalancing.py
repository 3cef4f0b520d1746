"""Bad input of mnvh.rebalancing."""

from __future__ import annotations

import numpy as np

from mnvh.amm import ConstantProduct
from mnvh.decomposition import LinearGrid, decompose
from mnvh.options import OptionHedge

nan = np.nan
HEDGE = OptionHedge(100.0, 0.25, 0.2)
PRICES = np.full((2, 4, 1), 100.0)
TIMES = np.linspace(0, 0.2, 4)
GRID = LinearGrid([[1.0]], [100.0])
IDEAL = decompose(GRID, PRICES)

BAD_PRICES = [({"prices": value}, "prices") for value in (PRICES[0], PRICES * nan, "a")]
FEE = [({"fee_bps": value}, "fee_bps") for value in (-1.0, nan, 20_000, "a")] + [({"fee_bps": 0.002}, "for 0.3 % pass 30")]
GAS = [({"gas": value}, "gas") for value in (-1.0, nan, "a")]
LIKE_PRICES = (PRICES[:, 1:], PRICES * nan, "a")
BLOCKS = [({"blocks": value}, "blocks") for value in (0, nan, "a", [])]

CASES = {
    "rebalancing.rebalance": (
        dict(target=PRICES, width=1.0),
        *[({"target": value}, "target") for value in (PRICES[0], PRICES * nan, PRICES[..., [0, 0]])],
        *[({"signal": value}, "signal") for value in (PRICES[:, 1:], PRICES * nan)],
        *[({"width": value}, "width") for value in (-1.0, nan, PRICES[:1], "a")],
        ({"width": 0.0, "lattice": True}, "width"),
        *[({"inner": value}, "inner") for value in (-0.1, nan, PRICES[:1])],
        ({"inner": 2.0}, "inner - width"),
        ({"inner": 0.5, "signal": PRICES}, "inner is above 0 beside a signal"),
        ({"lattice": "yes"}, "lattice"),
        *[({"delay": value}, "delay.*whole number of at least 0") for value in (-1, 0.5, 2**70)],
    ),
    "rebalancing.utility_band": (
        dict(hedge=HEDGE, prices=PRICES, times=TIMES, fee_bps=20, gas=0.01, risk_aversion=1.0),
        *[({"hedge": value}, "hedge is .*allowed is an OptionHedge") for value in (None, 0.2)],
        *BAD_PRICES,
        *[({"times": value}, "times") for value in (TIMES[:2], TIMES * nan, TIMES + 1)],
        *FEE,
        ({"fee_bps": 0}, "for gas alone"),
        *GAS,
        *[({"risk_aversion": value}, "risk_aversion") for value in (0.0, nan)],
    ),
    "rebalancing.all_in_prices": (
        dict(holdings=PRICES, prices=PRICES),
        *BAD_PRICES,
        *[({"holdings": value}, "holdings") for value in LIKE_PRICES],
        *FEE,
        *GAS,
        *[({"pool": value}, "a ConstantProduct") for value in (1.0, "a")],
        ({"pool": ConstantProduct(1.0), "holdings": PRICES.cumsum(axis=1)}, "holdings buy 100 at once: the pool holds 0.1"),
        ({"pool": ConstantProduct(1e3), "holdings": np.array([0, 0, 0, 0, 0, 200.0, 0, 0]).reshape(2, 4, 1)}, "holdings buy 200 at once"),
    ),
    "rebalancing.track": (
        dict(ideal=IDEAL, target=PRICES, holdings=PRICES, prices=PRICES),
        *[({"ideal": value}, "a Decomposition") for value in (None, 1.0)],
        ({"ideal": decompose(GRID, PRICES[:1])}, r"ideal .*shape \(1, 3\), the prices have \(2, 3\).*decompose the rule"),
        ({"ideal": IDEAL.total()}, r"ideal .*shape \(2,\).*without total"),
        *BAD_PRICES,
        *[({"target": value}, "target") for value in LIKE_PRICES],
        *[({"holdings": value}, "holdings") for value in LIKE_PRICES],
        *[({"executed": value}, "executed") for value in (PRICES, PRICES[:, 1:] * nan)],
    ),
    "rebalancing.manipulation_cost": (
        dict(shift=0.1),
        *[({"shift": value}, "shift") for value in (-0.1, nan, 1000.0, "a", [])],
        *BLOCKS,
        *FEE,
    ),
    "rebalancing.twap_attack": (
        dict(shift=0.1, window=10, geometric=True),
        *[({"shift": value}, "shift") for value in (0.0, -0.1, nan, 1000.0, "a")],
        *[({"window": value}, "whole number of at least 1") for value in (0, 2.5)],
        ({"geometric": "v3"}, "geometric"),
        *FEE,
    ),
}
