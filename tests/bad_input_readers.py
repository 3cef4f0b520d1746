"""Bad input of mnvh.readers: the arguments of a call that must be refused, and the message that it must meet."""

import numpy as np
import pandas as pd

DATES = pd.to_datetime(["2019-01-02", "2019-01-03", "2019-01-04", "2020-01-02", "2020-01-03", "2020-01-06"])
PRICES = pd.DataFrame(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2.0, 1.0, 2.0, 1.0, 2.0, 1.0]]).T, DATES, ["AAA", "BBB"])

CASES = {
    "readers.calendar_years": (
        dict(name="frame", frame=PRICES),
        *[({"frame": value}, "frame is .* without dates.*read_prices") for value in (None, PRICES.to_numpy(), PRICES.reset_index())],
        *[({"frame": value}, "frame has .*needed are two years") for value in (PRICES[:3], PRICES[1:], PRICES[["AAA"]])],
        *[({"frame": value}, "frame has .*never moves are left out: AAA") for value in (PRICES * 0 + 1, PRICES.where(PRICES != 3))],
    ),
    "readers.read_table": (
        dict(path="prices.csv"),  # what is wrong inside a file: tests/test_readers.py
        *[({"path": value}, "path.*is no file.*csv.gz") for value in ("missing.csv", 3, None, "~")],
    ),
}
CASES["readers.existing"] = CASES["readers.read_table"] + (({"path": __file__}, "path.*is of an unknown kind.*save it as .csv"),)
NOT_HERE = {"readers.floats": "an inner step: what is no number is NaN, which the readers count or refuse by its row"}
ARGUMENTS_NOT_HERE = {("readers.calendar_years", "name"): "only shown in messages"}
