"""Bad input to the modules of chapter 11, in the form of CASES in test_bad_input.py, which runs it."""

from __future__ import annotations

import numpy as np

from mnvh.gamma_capture import normal_decay
from mnvh.ladder import run
from mnvh.quotes import Quotes, around

nan, inf = np.nan, np.inf

FILES = {"quotes.csv": "time,bid,ask\n0,99,101\n1,100,102\n"}
NOT_HERE = {
    "ladder.Fills": "a result, made by ladder.run",
}
ARGUMENTS_NOT_HERE = {("gamma_capture.implied_vol", "decay"): "a function"}


def number(name, *values):
    return [({name: value}, f"{name} is.*allowed is") for value in (nan, "one", None, *values)]


QUOTES = around(100 + np.array([0.0, 1.5, 2.5, 1.0, 0.0, 1.2]), 0.1, interval=1.0)
SHORTER = around(np.array([100.0, 100.1]), 0.1, interval=1.0)
BELOW_ZERO = around(np.array([0.0, 1.0]), 0.1, interval=1.0)
LONG, SHORT = (fills[0] for fills in run(QUOTES, steps_price=[1.0]))
EMPTY = run(SHORTER, steps_price=[5.0])[0][0]
AT_ONCE = run(around(np.array([100.0, 101.0]), 4.0, interval=1.0), steps_price=[1.0])[1][0]
X = np.linspace(0.0, 1.0, 13)
LOG_PRICES = [({"log_prices": value}, "log_prices") for value in (1.0, [0.0], [0.0, nan, 1.0, 2.0], ["a", "b"])]
SIDE = [({"side": value}, "side is.*long, resting") for value in (0, 2, "long")]
STEP = [*number("step", 0.0), *number("spread", -1.0), *SIDE]
OTHERS = [({"quotes": value}, "quotes are not those") for value in (SHORTER, None)]

# "module.name": (arguments of a call that works, (one change of them, its message), ...)
ONE_LADDER = [({"fills": value}, "fills is .*a Fills") for value in ([LONG], None)]

CASES: dict[str, tuple] = {
    "quotes.Quotes": (
        dict(time=[0.0, 1.0], bid=[99.0, 100.0], ask=[101.0, 102.0]),
        *[({"time": value}, "time") for value in ([1.0, 0.0], [0.0, nan], 1.0)],
        *[({"bid": value}, "bid") for value in ([99.0], [99.0, nan], [99.0, 103.0])],
        *[({"ask": value}, "ask") for value in ([101.0], [inf, 102.0])],
        ({"report": "text"}, "tuple of sentences"),
    ),
    "quotes.around": (
        dict(mid=[100.0, 101.0], spread=0.1, interval=1.0),
        *[({"mid": value}, "mid") for value in (100.0, [100.0, nan])],
        *[({"spread": value}, "spread") for value in (-0.1, [0.1], nan, [0.1, -0.1])],
        *number("interval", 0.0, -1.0),
    ),
    "quotes.read_quotes": (
        dict(path="quotes.csv"),
        ({"path": "missing.csv"}, "is no file"),
        ({"path": 3}, "is no file"),
        ({"path": "prices.csv"}, "columns date, aaa.*time, bid and ask"),
        *number("max_gap", 0.0),
        ({"above_zero": 0}, "allowed is True, or False"),
    ),
    "ladder.run": (
        dict(quotes=QUOTES, steps_price=[1.0]),
        ({"quotes": [[1.0]]}, "quotes is a list.*read_quotes"),
        ({"steps_price": None, "steps_bps": [1.0], "quotes": BELOW_ZERO}, "quotes has a bid of -0.05.*steps_price"),
        ({"steps_bps": [1.0]}, "steps_bps and steps_price: pass one"),
        ({"steps_price": None}, "steps_bps and steps_price: pass one"),
        *[({"steps_price": value}, "steps_price") for value in (1.0, [0.0], [nan], [-1.0, 1.0])],
        *number("offset", -0.1, 1.1),
        ({"offset": 1}, "offset is 1"),
        ({"steps_price": [1e-7]}, "steps are so small that quote .* makes it a million fills"),
    ),
    "ladder.levels": (dict(quotes=QUOTES, fills=LONG), *OTHERS, ({"fills": LONG, "quotes": SHORTER}, "fills")),
    "ladder.path_identity": (dict(quotes=QUOTES, fills=LONG), *OTHERS, ({"fills": LONG, "quotes": SHORTER}, "fills")),
    "ladder.stock_leg": (
        dict(quotes=QUOTES, fills=LONG),
        *OTHERS,
        ({"fills": AT_ONCE}, "fills has one at the first quote"),
        *number("gamma", 0.0, -1.0),
    ),
    "gamma_capture.spread_free": (
        dict(long=LONG, short=SHORT),
        ({"long": SHORT}, "long and short must be"),
        ({"short": LONG}, "long and short must be"),
        ({"long": [LONG]}, "long is .*a Fills"),
        ({"long": EMPTY, "short": run(SHORTER, steps_price=[5.0])[1][0]}, "long has 0 fills.*smaller step"),
    ),
    "gamma_capture.annualised": (
        dict(variance=1.0, seconds=10.0),
        *[({"variance": value}, "variance") for value in (-1.0, nan, [1.0, -1.0])],
        *[({"seconds": value}, "seconds") for value in (0.0, nan)],
        *number("year", 0.0),
        ({"variance": []}, "variance"),
        ({"variance": [1.0, 2.0], "seconds": [1.0, 2.0, 3.0]}, r"seconds has shape \(3,\), variance \(2,\)"),
    ),
    "gamma_capture.captured": (dict(fills=LONG), *ONE_LADDER),
    "gamma_capture.corrected": (dict(fills=LONG), *ONE_LADDER),
    "gamma_capture.relative_error": (dict(fills=LONG), *ONE_LADDER, ({"fills": EMPTY}, r"len\(fills.rung\) is 0.*smaller step")),
    "gamma_capture.expected_duration": (
        dict(vol=1.0, step=2.0, spread=0.5),
        *number("vol", 0.0),
        *STEP,
        ({"side": -1, "spread": 2.0}, "step is 0.0.*wider than the spread"),
        *number("interval", -1.0),
    ),
    "gamma_capture.first_exit_vol": (
        dict(duration=1.0, step=2.0, spread=0.5),
        *number("duration", 0.0),
        *STEP,
        ({"side": -1, "spread": 3.0}, "step is -1.0.*wider than the spread"),
        *number("interval", -1.0),
    ),
    "gamma_capture.step_for": (
        dict(vol=1.0, window=10.0, n=50),
        *number("vol", 0.0),
        *number("window", 0.0),
        *number("n", 0),
        *number("spread", -1.0),
        *SIDE,
    ),
    "gamma_capture.first_exit_moments": (dict(n=50), *number("n", 1, 2.5)),
    "gamma_capture.trailing": (
        dict(fills=LONG, times=[3.0], window=2.0),
        ({"times": [nan]}, "times"),
        *number("window", 0.0),
        *ONE_LADDER,
        ({"fills": EMPTY, "times": ["a"]}, "times"),
    ),
    "gamma_capture.implied_vol": (
        dict(pnl_rate=0.5, decay=normal_decay, highest=10.0),
        *number("pnl_rate", -1.0),
        *number("highest", 0.0),
        ({"decay": 3.0}, "decay is 3.0: allowed is a function"),
        ({"decay": lambda vol: 0.6 + vol}, r"decay\(0\) is 0.6.*lognormal_decay\(price\)"),
        ({"highest": 0.5}, "highest is 0.5: there the decay 0.125 is below"),
    ),
    "gamma_capture.lognormal_decay": (dict(price=100.0), *number("price", 0.0)),
    "gamma_capture.normal_decay": (dict(vol=1.0), *number("vol", -1.0)),
    "realised.realised_variance": (dict(log_prices=X), *LOG_PRICES[:2], *LOG_PRICES[2:], *number("every", 0, 1.5), ({"every": len(X)}, "every is 13.*at most 12.*more steps")),
    "realised.bipower": (dict(log_prices=X), *LOG_PRICES, *number("every", 0, 1.5)),
    "realised.parkinson": (dict(log_prices=X, bar=4), *LOG_PRICES, *number("bar", 1, 2.5), ({"bar": 5}, "bar is 5")),
    "realised.garman_klass": (dict(log_prices=X, bar=4), *LOG_PRICES, *number("bar", 1, 2.5), ({"bar": 5}, "bar is 5")),
    "realised.two_scale": (dict(log_prices=X, slow=3), *LOG_PRICES, *number("slow", 1, 2.5)),
    "realised.realised_kernel": (dict(log_prices=X, bandwidth=3), *LOG_PRICES, *number("bandwidth", 0, 2.5)),
}
