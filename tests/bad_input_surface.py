"""Bad input of mnvh.heston, mnvh.chains, mnvh.surface and mnvh.variance_swap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mnvh import chains, surface
from mnvh.heston import Heston
from mnvh.surface import RawSVI
from mnvh.variance_swap import Strip

nan, inf = np.nan, np.inf
MODEL = dict(reversion=1.15, long_variance=0.04, vol_of_variance=0.39, correlation=-0.64, variance=0.04)
SVI = dict(a=0.04, b=0.1, rho=-0.3, m=0.0, sigma=0.2)
VOGT = RawSVI(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
WINGS = [0.04, -0.1, 0.5, 0.3, 0.03]
CHAIN = chains.synthetic(np.random.default_rng(0), Heston(**MODEL), years=[0.1, 0.3], n_strikes=20)
TWO = np.sort(CHAIN["strike"][CHAIN["years"] == 0.1].unique())[9:11]
SMILES = chains.smiles(CHAIN)
SLICES = surface.calibrate(SMILES)[0]
LEG = dict(strike=[90.0, 100.0, 110.0], quote=[1.0, 3.0, 1.0], half_spread=[0.1] * 3, forward=101.0, pivot=100.0, years=0.1)
NEAR, FAR = Strip(**LEG), Strip(**(LEG | {"years": 0.2}))
QUOTES = dict(k=np.linspace(-0.5, 0.5, 11), variance=np.full(11, 0.04), half_spread=np.full(11, 0.001))
FILES = {"chain.csv": "strike,expiry,bid,ask,type\n100,0.5,1,2,C\n", "dated.csv": "strike,expiry,bid,ask,type\n100,2025-02-28,1,2,C\n100,soon,1,2,C\n",
         "headless.csv": "100,0.5,1,2,C\n", "expired.csv": "date,strike,expiry,bid,ask,type\n2025-01-31,100,2024-02-28,1,2,C\n"}  # fmt: skip
NOT_HERE = {
    "chains.parity": "an inner step, on a chain that clean has checked",
    "surface.FitError": "an error",
}


def number(name, *values, message="allowed is"):
    return [({name: value}, message) for value in (nan, "one", None, *values)]


def table(name, good, dropped, message):
    return [({name: None}, message), ({name: good.drop(columns=dropped)}, message)]


BAD_SMILES = [
    *[({"smiles": SMILES.assign(**{name: nan})}, f"smiles, in the column {name}, has .*not finite") for name in surface.COLUMNS],
    ({"smiles": SMILES.astype(str)}, "smiles, in the column years, is .*real numbers"),
    ({"smiles": SMILES.iloc[:0]}, "smiles, in the column years, is shape"),
    ({"smiles": SMILES.rename(columns={"vol_bid": "vol_ask", "vol_ask": "vol_bid"})}, "smiles, in vol_ask - vol_bid, is -.*crossed"),
]
NO_SLICES = [({"slices": value}, "slices .*mapping of years to RawSVI") for value in (None, list(SLICES.values()), {0.1: 1.0})]

CASES = {  # name: arguments that work, then changes with the message each must meet
    "heston.Heston": (
        MODEL,
        *[case for name in MODEL for case in number(name, *((2.0,) if name == "correlation" else (0.0, -1.0)))],
        ({"variance": 400.0}, "square of a volatility"),
    ),
    "chains.synthetic": (
        dict(rng=np.random.default_rng(0), model=Heston(**MODEL), years=[0.5], n_strikes=10),
        ({"rng": 1}, "numpy.random.Generator"),
        ({"model": None}, "a Heston"),
        *[({"years": value}, "years") for value in ([nan], [0.0], 0.5)],
        *number("n_strikes", 1, 2.5),
        *number("forward", 0.0),
        *number("rate", 5.0),
        *number("half_spread", -0.1, 10.0),
        *number("tick", 0.0),
    ),
    "chains.read_chain": (
        dict(path="chain.csv"),
        ({"path": "none.csv"}, "path 'none.csv': is no file"),
        ({"path": "headless.csv"}, "path .*first row must name strike, expiry, bid, ask, type"),
        ({"path": "dated.csv"}, "path .*gives expiries as dates and has no column date"),
        ({"path": "expired.csv"}, "path .*chain has no usable quote: 1 rows of expired options, dropped .rows 2"),
    ),
    "chains.clean": (dict(chain=CHAIN), *table("chain", CHAIN, "ask", "chain is a .*without all of strike"),
                     ({"chain": CHAIN.assign(ask=nan)}, "chain has no usable quote.*without an ask"),
                     ({"chain": CHAIN.iloc[:0]}, "chain has no usable quote: it has no row"),
                     ({"chain": pd.concat([CHAIN, CHAIN["bid"]], axis=1)}, "chain has the columns bid more than once")),
    "chains.smiles": (dict(chain=CHAIN), *table("chain", CHAIN, "bid", "chain is a .*without all of strike"),
                      ({"chain": CHAIN[CHAIN["type"] == "C"]}, "chain has no expiry with two strikes")),
    "surface.RawSVI": (
        SVI,
        *[case for name in ("a", "m") for case in number(name, inf)],
        *number("b", -0.1),
        *number("rho", 1.5),
        *number("sigma", 0.0),
        ({"a": -0.04}, "a is -0.04.*negative at its minimum"),
    ),
    "surface.jump_wings": (dict(svi=VOGT, years=1.0), ({"svi": None}, "svi is None.*RawSVI"), *number("years", 0.0),
                           ({"svi": RawSVI(0.0, 0.0, 0.0, 0.0, 1.0)}, "svi, in its variance at the money, is 0")),
    "surface.from_jump_wings": (
        dict(wings=WINGS, years=1.0),
        ({"wings": [nan] * 5}, "wings has 5 entries"),
        ({"wings": [1.0]}, "they are v, ψ, p, c and ṽ"),
        ({"wings": [0.04, -0.1, 0.5, -0.3, 0.03]}, "wings are .*above 0"),
        ({"wings": [0.04, -0.1, 0.5, 0.3, 0.05]}, r"wings are .*ṽ in \[0, v\)"),
        ({"wings": [0.04, -0.3, 0.5, 0.3, 0.03]}, "wings have the skew"),
        *number("years", 0.0),
    ),
    "surface.butterfly": (dict(svi=VOGT), ({"svi": 1.0}, "svi is 1.0.*RawSVI")),
    "surface.calendar": (
        dict(near=VOGT, far=VOGT),
        ({"near": None}, "near is None.*RawSVI"),
        ({"far": None}, "far is None.*RawSVI"),
    ),
    "surface.fit_svi": (
        QUOTES,
        ({"k": np.full(11, nan)}, "k has 11 entries"),
        ({"k": np.zeros(11)}, "k, in its places, is 1.*five strikes"),
        ({"variance": np.zeros(11)}, "variance is 0.*total variance"),
        ({"variance": [0.04]}, "variance is shape"),
        ({"half_spread": np.zeros(11)}, "half_spread is 0"),
        ({"half_spread": [nan] * 11}, "half_spread has 11"),
    ),
    "surface.repair": (dict(svi=VOGT, years=1.0), ({"svi": None}, "svi is None.*RawSVI"), *number("years", -1.0),
                       ({"svi": RawSVI(0.001, 0.3, -0.5, 0.0, 0.01), "years": 1 / 52}, "svi has a put wing too steep")),
    "surface.ssvi": (
        dict(theta=[0.02, 0.04], rho=-0.3, eta=1.0, gamma=0.4),
        *[({"theta": value}, "theta") for value in ([nan], [0.0], 0.04)],
        *number("rho", 1.0),
        *number("eta", 0.0),
        *number("gamma", 0.0, 2.0),
    ),
    "surface.calibrate": (dict(smiles=SMILES), *table("smiles", SMILES, "vol", "smiles are a .*chains.smiles makes it"), *BAD_SMILES),
    "surface.fit_ssvi": (
        dict(smiles=SMILES, slices=SLICES),
        *table("smiles", SMILES, "vol", "smiles are a .*chains.smiles makes it"),
        *BAD_SMILES,
        *NO_SLICES,
        ({"slices": {}}, "slices are of 0 expiries"),
        ({"slices": SLICES | {9.0: VOGT}}, "slices are of 3 expiries, 2 of them"),
    ),
    "surface.relative_value": (
        dict(smiles=SMILES, slices=SLICES),
        *table("smiles", SMILES, "k", "smiles are a .*chains.smiles makes it"),
        *BAD_SMILES,
        *NO_SLICES,
        ({"slices": {9.0: VOGT}}, "slices have the expiries .9.0.*none of them is in smiles"),
    ),
    "variance_swap.Strip": (
        LEG,
        ({"strike": [1.0, 2.0], "quote": [1.0, 2.0], "half_spread": [0.1, 0.1]}, "strike, in its length, is 2"),
        ({"strike": [100.0, 90.0, 110.0]}, "strike.*sort the strikes"),
        ({"strike": [0.0, 90.0, 110.0]}, "strike"),
        *[({name: value}, name) for name in ("quote", "half_spread") for value in ([1.0], [nan] * 3, [-1.0] * 3)],
        *[case for name in ("forward", "pivot", "years") for case in number(name, 0.0)],
        ({"pivot": 110.0}, "pivot is 110.*first strike at or below the forward"),
    ),
    "variance_swap.cboe_strip": (
        dict(chain=CHAIN[CHAIN["years"] == 0.1], rate=0.02),
        ({"chain": CHAIN}, "chain has 2 expiries"),
        ({"chain": None}, "chain is a NoneType without all of strike"),
        ({"chain": CHAIN[CHAIN["type"] == "C"]}, "chain has 2 expiries and 0 strikes"),
        ({"chain": CHAIN[(CHAIN["years"] == 0.1) & CHAIN["strike"].isin(TWO)]}, "chain has 1 expiries and 2 strikes"),
        *number("rate", 5.0),
    ),
    "variance_swap.index": (
        dict(near=NEAR, far=FAR),
        ({"near": None}, "near is None.*a Strip"),
        ({"far": None}, "far is None.*a Strip"),
        ({"near": FAR, "far": NEAR}, "far in years less near is"),
        *number("horizon", 0.0),
    ),
    "variance_swap.moments": (dict(strip=NEAR), ({"strip": None}, "strip is None.*a Strip"),
                              ({"strip": Strip(**(LEG | {"quote": [0.0] * 3, "pivot": 60.0}))}, "strip"),
                              ({"strip": Strip(**(LEG | {"quote": [0.0, 8.0, 0.0], "forward": 100.0}))}, "kurtosis of the strip")),
    "variance_swap.LogContract": (dict(notional=1.0), *number("notional", 0.0, -1.0)),
}


