"""Bad input of mnvh.portfolio."""

from __future__ import annotations

import numpy as np

from mnvh.portfolio import Chain

nan, inf = np.nan, np.inf
QUOTED = dict(spot=100.0, strike=[95.0, 105.0], years=[0.25, 0.5], volatility=[0.2, 0.2], call=[False, True])
CHAIN = Chain(**QUOTED)
NO_CHAIN = [({"chain": value}, "chain is .*a Chain") for value in (None, 100.0, QUOTED)]
PROGRAM = dict(
    bounds={"gamma": ([1.0, 1.0], 0.0, 0.0)}, depth=[5.0, 3.0], half_spread=[0.1, 0.1], exposure=[1.0, 0.0],
    margins={"venue 0": ([1.0, 1.0], [0.0, 0.0], 10.0)}, scenarios=[[1.0, -1.0], [-1.0, 2.0]],
    risk_aversion=0.1, deviation_limit=10.0, loss_limit=10.0,
)  # fmt: skip
RISKS = ("risk_aversion", "deviation_limit", "loss_limit")

NOT_HERE = {"portfolio.Portfolio": "a result", "programs": "inner steps of portfolio.construct, on arrays that it has checked"}
CASES = {
    "portfolio.Chain": (
        QUOTED,
        *[({"spot": value}, "spot") for value in (0.0, -1.0, nan, "a", None, [100.0])],
        *[({name: value}, name) for name in ("strike", "years", "volatility") for value in (1.0, [nan, 1.0], ["a", "b"])],
        *[({name: [1.0]}, r"allowed is shape \(2,\)") for name in ("years", "volatility", "call")],
        ({"strike": [95.0, 0.0]}, "strike is 0.0.*above 0"),
        ({"years": [0.25, -0.1]}, "years is -0.1.*above 0"),  # expired
        ({"years": [30.0, 300.0]}, "for 30 days pass 30 / 365"),
        ({"volatility": [20.0, 20.0]}, "for 20 % pass 0.2"),
        *[({"call": value}, "call") for value in (True, [True], ["put", "call"], [1.0, 0.0])],
    ),
    "portfolio.OptionBook": (
        dict(chain=CHAIN, positions=[1.0, -1.0]),
        *NO_CHAIN,
        *[({"positions": value}, "positions") for value in (1.0, [1.0], [1.0] * 4, [nan, 1.0], ["a", "b"])],
    ),
    "portfolio.exposures": (
        dict(chain=CHAIN, reference_years=0.25),
        *NO_CHAIN,
        *[({"reference_years": value}, "reference_years") for value in (0.0, -1.0, nan, "a", None)],
    ),
    "portfolio.scenario_pnl": (
        dict(chain=CHAIN, returns=[-0.1, 0.1], shifts=[0.05, -0.05], elapsed_years=0.01),
        *NO_CHAIN,
        *[({"returns": value}, "returns") for value in (0.1, [], [nan, 0.1], ["a", "b"])],
        ({"returns": [-20.0, 10.0]}, "for -20 % pass -0.2"),
        *[({"shifts": value}, "shifts") for value in (0.1, [0.1], [[0.1]], [nan, 0.1], np.zeros((2, 3)))],
        ({"shifts": [5.0, -5.0]}, "for five points pass 0.05"),
        *[({"elapsed_years": value}, "elapsed_years") for value in (-0.1, nan, "a", None)],
        ({"elapsed_years": 0.25}, "before the first expiry"),
    ),
    "portfolio.construct": (
        PROGRAM,
        ({"bounds": {"gamma": ([1.0], 0.0, 0.0)}}, r"bounds of gamma is shape \(1,\)"),
        ({"bounds": {"gamma": ([1.0, nan], 0.0, 0.0)}}, "bounds of gamma has 1 entries that are not finite"),
        ({"bounds": {"gamma": ([1.0, 1.0], nan, 0.0)}}, "bounds of gamma has 1 entries that are not finite"),
        ({"bounds": {"gamma": ([1.0, 1.0], "a", 0.0)}}, "bounds of gamma is .*real numbers"),
        *[({"bounds": value}, "bounds .*no mapping of names to triples.*coefficients, low, high")
          for value in (None, [([1.0, 1.0], 0.0, 0.0)], {"gamma": 3}, {"gamma": ([1.0, 1.0], 0.0)})],
        ({"bounds": {"depth": ([1.0, 1.0], 0.0, 0.0)}}, "bounds.*a name that is taken: .'depth'"),
        ({"bounds": {"venue 0": ([1.0, 1.0], 0.0, 0.0)}}, "bounds.*a name that is taken: .'venue 0'"),
        *[({"bounds": {"gamma": ([1.0, 1.0], *ends)}}, "bounds of gamma .*allowed is low ≤ high")
          for ends in ((1.0, -1.0), (1.0, -inf), (inf, inf), (-inf, -inf))],
        ({"bounds": {1: ([1.0, 1.0], 1.0, inf), 2: ([1.0, 1.0], -inf, -1.0)}}, "bounds cannot be met.*any one of them: 1, 2.* 1 by 2"),
        ({"bounds": {"gamma": ([1.0, 1.0], 9.0, inf)}}, "bounds cannot be met.*depth, gamma.* gamma by 1"),
        *[({"margins": {"venue 0": value}}, "margins of venue 0") for value in (
            ([1.0], [0.0], 1.0), ([1.0, nan], [0.0, 0.0], 1.0), ([1.0, -1.0], [0.0, 0.0], 1.0),
            ([1.0, 1.0], [0.0, 0.0], -1.0), ([1.0, 1.0], [0.0, 0.0], nan), ([1.0, 1.0], [0.0, 0.0], None))],
        *[({"margins": value}, "margins .*no mapping of names to triples")
          for value in (3, {"venue 0": 3}, {"venue 0": ([1.0, 1.0], [0.0, 0.0])})],
        *[({"depth": value}, "depth") for value in (5.0, [-1.0, 1.0], [nan, 1.0], ["a", "b"], [-inf, 1.0],
                                                np.array([None, 1.0]))],
        ({"depth": [inf, inf], "half_spread": [0.0, 0.0], "margins": None, "scenarios": None, **dict.fromkeys(RISKS[1:], inf),
          "risk_aversion": 0.0}, "depth is inf for 2 instruments, .0, 1. among them"),
        *[({"half_spread": value}, "half_spread") for value in (0.1, [0.1], [-0.1, 0.1], [nan, 0.1], ["a", "b"], [inf, 0.1])],
        *[({"exposure": value}, "exposure") for value in (1.0, [1.0], [nan, 1.0], ["a", "b"])],
        *[({"scenarios": value}, "scenarios") for value in ([1.0, 2.0], [[1.0]], [[nan, 1.0]], None)],
        *[({name: value}, name) for name in RISKS for value in (-1.0, nan, "a", None)],
        ({"deviation_limit": 0.1, "bounds": {"long": ([1.0, 0.0], 1.0, inf), "second": ([0.0, 1.0], 0.0, 0.0)}},
         "bounds cannot be met.*without any one of them: deviation_limit, long, second.* long by 0.9"),
    ),
}  # fmt: skip
