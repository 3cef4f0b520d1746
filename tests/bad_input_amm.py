"""Bad input for chapter 3's modules: arguments of a call that works, and changes of them with the message each must meet."""

from __future__ import annotations

import numpy as np

from mnvh.amm import ConstantProduct

nan, inf = np.nan, np.inf
PRICES = np.array([[[1.0], [1.1], [0.9]]])
POOL = ConstantProduct(1.0)
MARKET = dict(volatility=0.05, block_rate=7200.0, fee_bps=30)
DEMAND = dict(turnover=0.5, fee_scale_bps=20.0)


def number(name, *values, message="allowed is"):
    return [({name: value}, f"{name}.*{message}") for value in (nan, inf, "one", None, *values)]


def above_zero(name, *values):
    return number(name, 0, -1.0, *values)


def whole(name, *values):
    return [({name: value}, f"{name}.*whole number") for value in (0, -1, 2.5, "1", True, *values)]


def price_array(name):
    return [({name: value}, name) for value in ([-1.0], [0.0], [nan], [inf], 1.0)]


def price_paths(name="prices"):
    bad = [({name: PRICES[0]}, "prices.*n_paths"), ({name: PRICES[:, :1]}, "two dates")]
    return bad + [({name: PRICES - 1}, "at or below 0.*look like returns"), ({name: PRICES * nan}, "not finite")]


VOLATILITY = above_zero("volatility")
BLOCK_RATE = above_zero("block_rate")
FEE = [({"fee_bps": 0.003}, "fee_bps.*basis points, for 0.3 % pass 30"), *number("fee_bps", -1, 20_000)]
MEAN = [({"volatility": 300.0}, "volatility.*5 % a day is 0.05")]
RATES = [*VOLATILITY, *BLOCK_RATE, *FEE]
ONE_ASSET = [({"prices": np.ones((1, 3, 2))}, "prices.*one asset")]
START = [({"start": value}, "start") for value in ([1.0, 1.0], 1.0, [nan], [0.0], ["a"])]
VOLUME = [*above_zero("fee_scale_bps", 2_000), *number("turnover", -0.1)]

CASES = {
    "amm.ConstantProduct": (dict(liquidity=1.0), *above_zero("liquidity")),
    "amm.WeightedProduct": (
        dict(weights=[0.3, 0.2, 0.5], scale=1.0),
        *[({"weights": w}, "weights") for w in ([0.5, 0.4], [1.0], [0.0, 1.0], [1.2, -0.2], [[0.5, 0.5]], [nan, 1.0], "ab")],
        *above_zero("scale"),
    ),
    "amm.ConcentratedLiquidity": (
        dict(liquidity=1.0, lower=0.8, upper=1.2),
        *above_zero("liquidity"),
        *above_zero("lower"),
        *above_zero("upper"),
        ({"lower": 1.3}, "upper is 1.2.*above lower, 1.3.*swap them"),
    ),
    "amm.StableSwap": (dict(amplification=100, invariant=1.0), *number("amplification", 0.4), *above_zero("invariant")),
    "amm.LMSR": (dict(liquidity=100.0), *above_zero("liquidity")),
    "amm.AgainstHolding": (dict(pool=POOL, start=[1.0]), *price_array("start"), ({"start": [[1.0]]}, "start")),
    "amm.numeraire_reserve": (
        dict(pool=POOL, prices=[2.0]),
        *price_array("prices"),
        ({"prices": [1.0, 2.0]}, "prices have the shape"),
    ),
    "amm.impermanent_loss": (dict(pool=POOL, new=[2.0], old=[1.0]), *price_array("new"), *price_array("old")),
    "swaps.uniswap_v2_out": (
        dict(amount_in=10, reserve_in=100, reserve_out=100),
        *[case for name in ("amount_in", "reserve_in", "reserve_out") for case in whole(name)],
    ),
    "swaps.uniswap_v2_in": (
        dict(amount_out=10, reserve_in=100, reserve_out=100),
        *[case for name in ("amount_out", "reserve_in", "reserve_out") for case in whole(name)],
        ({"amount_out": 100}, "amount_out is 100.*at most 99.*never pays out its whole reserve"),
    ),
    "swaps.weighted_out": (
        dict(amount_in=1.0, reserve_in=4.0, reserve_out=12.0, weight_in=0.5, weight_out=0.5, fee_bps=10),
        *[case for name in ("amount_in", "reserve_in", "reserve_out", "weight_in", "weight_out") for case in above_zero(name)],
        *FEE,
    ),
    "swaps.stableswap_out": (
        dict(amount_in=1.0, reserve_in=4.0, reserve_out=12.0, amplification=100, fee_bps=1),
        *[case for name in ("amount_in", "reserve_in", "reserve_out") for case in above_zero(name)],
        *number("amplification", 0.4),
        *FEE,
    ),
    "arbitrage.executed_prices": (dict(pool=POOL, prices=PRICES), *price_paths()),
    "arbitrage.loss_versus_rebalancing": (
        dict(pool=POOL, prices=[1.0], covariance=[[0.04]]),
        *price_array("prices"),
        ({"covariance": np.eye(2)}, r"covariance is shape \(2, 2\)"),
        ({"covariance": [[-0.04]]}, "covariance has the eigenvalue"),
        ({"covariance": 0.04}, "covariance"),
    ),
    "arbitrage.pool_prices": (dict(prices=PRICES, fee_bps=30, start=[1.0]), *price_paths(), *ONE_ASSET, *FEE, *START),
    "arbitrage.liquidity_provider": (
        dict(pool=POOL, prices=PRICES, fee_bps=30, start=[1.0]), *price_paths(), *ONE_ASSET, *FEE, *START
    ),  # fmt: skip
    "arbitrage.poisson_blocks": (
        dict(rng=np.random.default_rng(1), n_paths=2, n_blocks=3, **MARKET),
        *[({"rng": value}, "rng.*numpy.random.Generator") for value in (None, 42, np.random)],
        *whole("n_paths"),
        *whole("n_blocks"),
        *RATES,
    ),
    "arbitrage.trade_probability": (MARKET, *RATES),
    "arbitrage.arbitrage_rate": (MARKET, *RATES, *MEAN),
    "arbitrage.fee_rate": (MARKET, *RATES, *MEAN),
    "arbitrage.break_even_turnover": (MARKET, *RATES, *MEAN, ({"fee_bps": 0}, "fee_bps.*no volume pays")),
    "arbitrage.hedged_return": (MARKET | DEMAND, *RATES, *MEAN, *VOLUME),
    "arbitrage.best_fee_bps": (
        dict(volatility=0.05, block_rate=7200.0) | DEMAND,
        *VOLATILITY,
        *BLOCK_RATE,
        *MEAN,
        *VOLUME,
        ({"turnover": 1e-4}, "turnover is 0.0001: the pool loses at every fee"),
    ),
}
