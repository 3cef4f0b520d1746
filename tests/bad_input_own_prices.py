"""Bad input of mnvh.own_prices: the arguments of a call that must be refused, and the message that it must meet."""

import numpy as np
import pandas as pd

DATES = pd.to_datetime(["2019-01-02", "2019-01-03", "2020-01-02"])
PRICES = pd.DataFrame({"AAA": [1.0, 2.0, 3.0], "BBB": [2.0, np.nan, 2.0]}, DATES)
INDEX = "date,close,vix\n2020-01-02,100,15\n2020-01-03,101,16\n"

CASES = {
    "own_prices.complete": (
        dict(name="frame", frame=PRICES[["AAA"]], n_assets=1),
        *[({"frame": value}, "frame is .* without dates.*read_prices") for value in (None, PRICES.to_numpy(), PRICES.reset_index())],
        ({"frame": PRICES[["BBB"]]}, r"frame has 0 asset\(s\), .*needed are 1 asset\(s\).*left out: BBB \(1 missing\).*Likely fix: a longer"),
        ({"frame": PRICES, "n_assets": 2}, r"frame has 1 asset\(s\), .*needed are 2 asset\(s\).*left out: BBB \(1 missing\).*Likely fix: a longer"),
        ({"frame": PRICES[["AAA"]], "n_dates": 4}, r"frame has .* 3 date\(s\).*needed are .* 4 date\(s\)"),
        ({"frame": PRICES[["AAA"]], "n_years": 3}, r"frame has .* 2 calendar year\(s\).*needed are .* 3 calendar year\(s\)"),
        *[({name: value}, f"{name} is") for name in ("n_assets", "n_dates", "n_years") for value in (0, 1.5, None)],
    ),
    "own_prices.read_index": (
        dict(prices_path="index.csv", n_dates=2),
        ({"prices_path": "chart.csv"}, "prices_path 'chart.csv': has the columns open. Likely fix: name them date, close"),
        ({"prices_path": "twice.csv"}, "prices_path 'twice.csv': has the columns Vix, vix"),
        ({"prices_path": "prices.csv", "n_implied": 2}, "prices_path 'prices.csv': has the columns AAA.*vix .in per cent a year"),
        ({"prices_path": "fraction.csv"}, "prices_path 'fraction.csv': column vix has 0.155 in the median.*for 15 % write 15"),
        ({"prices_path": "index.csv", "n_dates": 3}, "prices_path 'index.csv': has 2 dates with close, 2 of them with vix.*longer file, this chapter needs 3 dates"),
        ({"prices_path": "index.csv", "n_implied": 3}, "prices_path 'index.csv': has 2 dates.*needs 2 dates, 3 of them with an implied volatility"),
        *[({"n_dates": value}, "n_dates is") for value in (1, 2.5, None)],
        *[({"n_implied": value}, "n_implied is") for value in (-1, 2.5, "2")],
        ({"prices_path": "pair.csv", "n_implied": 2}, "column BBB has 201 in the median.*in per cent a year"),
    ),
}
ARGUMENTS_NOT_HERE = {("own_prices.complete", "name"): "only shown in messages"}
FILES = {
    "index.csv": INDEX,
    "pair.csv": "date,AAA,BBB\n2020-01-02,100,200\n2020-01-03,101,202\n",
    "fraction.csv": INDEX.replace("15", "0.15").replace("16", "0.16"),
    "chart.csv": "date,open\n2020-01-02,100\n2020-01-03,101\n",
    "twice.csv": "date,Vix,vix\n2020-01-02,10,11\n2020-01-03,11,12\n",
}
