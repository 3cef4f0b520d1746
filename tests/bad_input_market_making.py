"""Bad input of the modules of chapter 4: every call raises a ValueError whose message meets the expression."""

from __future__ import annotations

import numpy as np

from mnvh.contrarian_rule import rates
from mnvh.market_making import Market, Quotes, symmetric

nan, inf = np.nan, np.inf
RNG = np.random.default_rng(0)
SIZES = dict(volatility=2.0, order_rate=140.0, decay=1.5, horizon=1.0, n_steps=4)
MARKET = Market(**SIZES | {"n_steps": 200})
SHORT = Market(**SIZES | {"order_rate": 2.0})
QUOTES = symmetric(SHORT, 0.5)
ASK = np.array([[inf, 0.5, 0.5]] * 4)
PRICES = 100.0 + np.arange(10.0).reshape(2, 5, 1)
UNIT = rates(1.0, 0.3)


def changed(arguments, *changes):
    """Arguments that work, then changes with the message each must meet."""
    return (arguments, *changes)


def numbers(name, *values):
    return [({name: value}, f"{name} is") for value in (nan, "one", None, *values)]


NO_MARKET = [({"market": value}, "market is .*Market") for value in (None, 1.0, QUOTES)]
NO_QUOTES = [({"quotes": value}, "quotes is .*Quotes") for value in (None, SHORT)]
OTHER_STEPS = ({"quotes": symmetric(MARKET, 0.5)}, "quotes are for 200 steps: allowed is the market's number, 4")
FILL = numbers("fill", -0.1, 1.5)
AVERSION = numbers("risk_aversion", 0.0, -1.0, inf)
LIMIT = [({"inventory_limit": value}, "inventory_limit is .*whole number of at least 1") for value in (0, 2.5, -3)]
HALF_SPREAD = [*numbers("half_spread", -inf), ({"half_spread": -0.3}, "half_spread is -0.3.*probability .* above 1; take more steps")]
CHAIN = dict(market=SHORT, quotes=QUOTES)
ON_CHAIN = [*NO_MARKET, *NO_QUOTES, OTHER_STEPS, *FILL]
NO_RNG = [({"rng": value}, "rng is .*numpy.random.Generator") for value in (None, 42)]
NO_PRICES = [({"prices": value}, "prices") for value in (PRICES[:, :4], PRICES[..., 0], PRICES * nan, "a")]
OBJECTIVE = [
    *numbers("edge", inf),
    *[({"unit": value}, "unit is .*Rates") for value in (None, 1.0)],
    *numbers("inventory_aversion", 0.0, -1.0),
    *numbers("cost", -0.1, inf),
]
SEMIDEFINITE = [({"intensity": value}, "intensity") for value in ([[-1.0]], [[1.0, 0.0]], 1.0, [[nan]])]
STILL = np.zeros_like(PRICES)
MULTIPLE = np.array([[[2.0], [2.0], [0.0]], [[4.0], [4.0], [0.0]]])
STRAIGHT = np.array([[[0.0], [1.0], [2.0]], [[0.0], [2.0], [4.0]]])

CASES = {
    "market_making.Market": changed(
        SIZES,
        *[change for name in ("volatility", "order_rate", "decay", "horizon") for change in numbers(name, 0.0, -1.0, inf)],
        *numbers("n_steps", 0, 2.5),
    ),
    "market_making.Quotes": changed(
        dict(ask=ASK, bid=ASK[:, ::-1]),
        ({"ask": ASK[:, :2]}, "ask has 2 columns"),
        ({"bid": ASK[:2, ::-1]}, r"bid has shape \(2, 3\)"),
        ({"ask": ASK * nan}, "ask has"),
        ({"bid": -ASK[:, ::-1]}, "bid has .* not finite"),
        ({"ask": ASK[:, ::-1]}, "ask has a quote in column 0, beyond the inventory limit"),
        ({"ask": np.where(np.arange(len(ASK))[:, None] == 1, 1.0, ASK)}, "ask has a quote in column 0, beyond the inventory limit"),
        ({"bid": ASK}, "bid has a quote in column -1, beyond the inventory limit"),
        ({"ask": 0.5}, "ask"),
        ({"bid": [["a"]]}, "bid"),
    ),
    "market_making.avellaneda_stoikov": changed(dict(market=MARKET, risk_aversion=0.1), *NO_MARKET, *AVERSION, *LIMIT),
    "market_making.symmetric": changed(dict(market=MARKET, half_spread=0.5), *NO_MARKET, *HALF_SPREAD, *LIMIT),
    "market_making.glft_coefficients": changed(dict(market=MARKET, risk_aversion=0.1), *NO_MARKET, *AVERSION),
    "market_making.glft_asymptotic": changed(
        dict(market=MARKET, risk_aversion=0.1, inventory_limit=30), *NO_MARKET, *AVERSION, *LIMIT
    ),
    "market_making.glft": changed(
        dict(market=MARKET, risk_aversion=0.1, inventory_limit=30),
        *NO_MARKET,
        *AVERSION,
        *LIMIT,
        ({"risk_aversion": 1.0, "inventory_limit": 150}, "inventory_limit is 150.*smaller limit"),
    ),
    "market_making.symmetric_profit": changed(dict(market=MARKET, half_spread=0.5), *NO_MARKET, *HALF_SPREAD),
    "market_making.resting_rates": changed(
        dict(market=MARKET, half_spread=0.5, fill=0.5),
        *NO_MARKET,
        *HALF_SPREAD,
        *FILL,
        ({"fill": 0.0, "half_spread": -0.1}, "half_spread is -0.1"),
    ),
    "inventory.profit": changed(CHAIN, *ON_CHAIN, ({"quotes": Quotes(ASK + inf, ASK + inf)}, "quotes are never filled, or always")),
    "inventory.certainty_equivalent": changed(CHAIN | dict(risk_aversion=0.1), *ON_CHAIN, *AVERSION),
    "inventory.expected_rule": changed(
        CHAIN,
        *ON_CHAIN,
        ({"market": Market(**SIZES | {"n_steps": 1}), "quotes": symmetric(Market(2, 1, 1.5, 1, 1), 0.5)}, "market.n_steps is 1"),
    ),
    "inventory.simulate": changed(
        CHAIN | dict(rng=RNG, n_paths=2), *ON_CHAIN, *NO_RNG, *[({"n_paths": n}, "n_paths is") for n in (0, 2.5)]
    ),
    "inventory.trade": changed(CHAIN | dict(rng=RNG, prices=PRICES), *ON_CHAIN, *NO_RNG, *NO_PRICES),
    "contrarian_rule.linear_rule": changed(
        dict(prices=PRICES, intensity=[[1.0]], reversion=0.3), *NO_PRICES[1:], *SEMIDEFINITE, *numbers("reversion", -0.1, 2.0)
    ),
    "contrarian_rule.rates": changed(
        dict(volatility=1.0, reversion=0.3),
        *numbers("volatility", 0.0, -1.0),
        *numbers("reversion", 0.0, 2.0),
        *numbers("autocorrelation", -1.0, 1.0),
    ),
    "contrarian_rule.inventory_objective": changed(
        dict(intensity=[1.0], edge=1.0, unit=UNIT, inventory_aversion=0.1, cost=0.1),
        *[({"intensity": value}, "intensity") for value in ([-1.0], [1.0, -1.0], [nan], "a")],
        *OBJECTIVE,
    ),
    "contrarian_rule.optimal_intensity": changed(
        dict(edge=1.0, unit=UNIT, inventory_aversion=0.1, cost=0.1), *OBJECTIVE
    ),
    "contrarian_rule.estimate_rule": changed(
        dict(holdings=PRICES, prices=PRICES),
        *NO_PRICES[1:],
        ({"prices": np.repeat(PRICES, 2, axis=2)}, "prices is shape"),
        *[({"holdings": value}, "holdings") for value in (PRICES[:1], PRICES * nan, STILL)],
        ({"prices": PRICES[:1], "holdings": PRICES[:1]}, "prices is 1.*at least 2"),
        ({"prices": STILL}, "prices give only zeros"),
        ({"prices": STRAIGHT, "holdings": MULTIPLE}, "holdings are a multiple"),
    ),
}
