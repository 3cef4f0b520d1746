"""Bad input of mnvh.vaults, in the form of CASES in test_bad_input.py."""

import numpy as np

nan, inf = np.nan, np.inf
PRICES = np.linspace(90.0, 110.0, 22).reshape(2, 11, 1)
RETURNS = np.random.default_rng(1).standard_normal((3, 30)) / 50


def off(name, *values, message=""):
    return [({name: value}, message or name) for value in (nan, "one", None, *values)]


RECORD = [({"returns": value}, "returns") for value in (RETURNS[None], RETURNS * nan, 0.1, [], None, ["a", "b"])]
RECORD += [({"returns": [0.1]}, "number of periods of returns is 1.*at least 2")]
RECORD += [({"returns": 100 + RETURNS}, "returns has the median 100.*look like prices")]
YEAR = off("periods_per_year", 0, -52)
CASES = {
    "vaults.strike_at_delta": (
        dict(delta=0.1, years=1 / 52, volatility=0.2),
        *off("delta", 0, 1, 10, -0.1, message="for 10 delta pass 0.1"),
        *off("years", 0, -1, inf),
        *off("volatility", 0, -0.2, inf),
        ({"volatility": 80}, "volatility is 80.*for 80 % pass 0.8"),
    ),
    "vaults.weekly_vault": (
        dict(prices=PRICES, implied_vol=0.2, covered=True),
        *[({"prices": value}, "prices") for value in (PRICES[0], PRICES * nan, "a", PRICES[:, :1])],
        ({"prices": PRICES - 100}, "at or below 0.*look like returns"),
        ({"prices": PRICES[:, :9]}, r"5 steps a week. Likely fix: prices\[:, : 6, :1\]"),
        ({"prices": PRICES[..., [0, 0]]}, "one asset"),
        *off("implied_vol", 0, -0.2, inf, [0.2], [0.2, nan], [0.2, 0.0], [[0.2, 0.2]]),
        ({"implied_vol": 20.0}, "implied_vol is 20.*for 20 % pass 0.2"),
        *[({"covered": value}, "covered is .*True, for a covered call") for value in (None, 1, "yes")],
        *off("delta", 0, 1, 10, message="for 10 delta pass 0.1"),
        *off("fee_bps", -1, 20_000),
        ({"fee_bps": 0.002}, "fee_bps is 0.002.*for 0.3 % pass 30"),
        *off("management_fee", -0.01, 2),
        *off("performance_fee", -0.01, 10, message="performance_fee is .*for 10 % pass 0.1"),
    ),
    "vaults.sharpe_ratio": (
        dict(returns=RETURNS, periods_per_year=52),
        *RECORD,
        ({"returns": [0.01] * 30}, "returns has a record without any variation: its ratio would be infinite"),
        ({"returns": np.zeros((2, 9))}, "returns.*infinite"),
        *YEAR,
    ),
    "vaults.sortino_ratio": (
        dict(returns=RETURNS, periods_per_year=52),
        *RECORD,
        ({"returns": abs(RETURNS)}, "returns has a record without any loss: its ratio would be infinite"),
        *YEAR,
    ),
    "vaults.max_drawdown": (
        dict(wealth=np.cumprod(1 + RETURNS, axis=1)),
        ({"wealth": RETURNS}, "wealth is -.*look like returns, pass wealth"),
        ({"wealth": [0.0, 0.1]}, "wealth is 0.*above 0.*look like returns"),
        *[({"wealth": value}, "wealth") for value in (RETURNS[None], RETURNS * nan, 1.0, [1.0], [], None)],
    ),
    "vaults.expected_shortfall": (
        dict(returns=RETURNS, level=0.05),
        *RECORD,
        *off("level", 1.5, 5, 0, 0.01, 0.6, message="level is .*for the worst 5 % pass 0.05"),
    ),
}
