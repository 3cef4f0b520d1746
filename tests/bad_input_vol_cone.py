"""Bad input to the modules of chapter 12, in the form of CASES in test_bad_input.py, which runs it."""

from __future__ import annotations

import numpy as np

from mnvh.quotes import around

nan = np.nan
QUOTES = around(100 + np.array([0.0, 1.5, 2.5, 1.0, 0.0, 1.2]), 0.1, interval=1.0)
STILL = around(np.full(5, 100.0), 0.1, interval=1.0)
NOT_HERE = {
    "cone_command": "the command line: tests/test_cone_command.py",
    "vol_cone.draw": "draws a table that Cone made",
    "ladder.Ladders": "a state, made by ladder.start",
    "ladder.coordinate": "reads arrays of Quotes",
}


def number(name, *values):
    return [({name: value}, f"{name} is.*allowed is") for value in (nan, "one", None, *values)]


STREAM = (
    dict(path="quotes.csv"),
    ({"path": "missing.csv"}, "is no file"),
    ({"path": 3}, "is no file"),
    ({"path": "prices.csv"}, "columns date, aaa.*time, bid and ask"),
    *number("max_gap", 0.0),
    ({"above_zero": 0}, "allowed is True, or False"),
)

# "module.name": (arguments of a call that works, (one change of them, its message), ...)
CASES: dict[str, tuple] = {
    "quotes.Stream": (*STREAM, *number("size", 1, 2.5)),
    "ladder.start": (
        dict(quotes=QUOTES, steps_price=[1.0]),
        ({"quotes": [[1.0]]}, "quotes is a list.*read_quotes"),
        ({"steps_bps": [1.0]}, "steps_bps and steps_price: pass one"),
        *[({"steps_price": value}, "steps_price") for value in (1.0, [0.0], [nan])],
        *number("offset", -0.1, 1.1),
    ),
    "vol_cone.steps_for": (
        dict(quotes=QUOTES, windows=[5.0]),
        ({"quotes": None}, "quotes is None: allowed is a Quotes"),
        ({"quotes": STILL}, "quotes has a mid that never moves"),
        *[({"windows": value}, "windows") for value in (5.0, [0.0], [nan], [])],
        *number("n_fills", 0),
    ),
    "vol_cone.Cone": (
        dict(windows=[5.0], steps_bps=[10.0]),
        *[({"windows": value}, "windows") for value in (5.0, [0.0], [nan], [])],
        *[({"steps_bps": value}, "steps_bps") for value in ([0.0], [nan], [1.0, 2.0])],
        *number("max_gap", 0.0),
    ),
    "vol_cone.null_band": (
        dict(n_fills=50, n_windows=5),
        *number("n_fills", 0.0),
        *number("n_windows", 0.5),
        *number("level", 0.0, 1.0, 95.0),
    ),
    "vol_cone.maximum_quantile": (
        dict(n_windows=5, probability=0.5),
        *number("n_windows", 0.5),
        *number("probability", 0.0, 1.0),
    ),
    "vol_cone.overlap_factor": (
        dict(n_windows=10, window=5),
        *number("n_windows", 4, 10.5),
        *number("window", 0, 1.5),
        ({"n_windows": 4}, "shorter window"),
    ),
}
