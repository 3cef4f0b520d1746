"""Bad input of mnvh.sweep: what its own tests leave."""

from __future__ import annotations

import tempfile

NAN = float("nan")
STORE = tempfile.mkdtemp(prefix="mnvh-sweep-")


def fails(rng, a):
    """So that the point is computed in each case: nothing else would ask for a scheduler."""
    raise ZeroDivisionError


class Market:
    def __init__(self, volatility):
        self.volatility = volatility

    def value(self, rng, a):
        """Of this market: by its name and text it could not be told from another's."""


CASES = {
    "sweep.points": (dict(grid={"a": [1]}), *[({"grid": value}, "grid") for value in (None, [], {}, {"a": 1}, {"a": [1, 1]})]),
    "sweep.run": (
        dict(function=fails, grid={"a": [1]}, store=STORE, seed=0, workers=1),
        *[({"grid": value}, "grid") for value in (None, {}, {"a": []})],
        *[({"seed": value}, "seed is") for value in (-1, 0.5, NAN)],
        *[({"workers": value}, "workers is") for value in (0, -1, 0.5)],
        *[({"scheduler": value}, "scheduler is .* Likely fix: `dask scheduler`") for value in ("nonsense", "", 5)],
        *[({"store": value}, "store is .*: allowed is the path of a folder") for value in (None, 5, "", "a\0b")],
        *[({"function": value}, "function is .*: allowed is a function of a module") for value in (None, Market(0.2).value)],
    ),
}
NOT_HERE = {"sweep.cluster": "raises where its `with` begins: tests/test_sweep.py"}
ARGUMENTS_NOT_HERE: dict[tuple[str, str], str] = {}
