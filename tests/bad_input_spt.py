"""Bad input of mnvh.spt: the arguments of a call that must be refused, and the message that it must meet."""

import numpy as np

from mnvh.spt import Diversity, Entropy

nan, inf = np.nan, np.inf
PRICES = np.array([[[1.0, 2.0], [1.5, 2.5], [1.2, 3.0]]])
GOOD = dict(prices=PRICES)
BAD_PRICES = [
    (PRICES[0], "prices.*shape .*n_paths, n_steps"),
    (PRICES[:, :1], "prices.*two dates"),
    (PRICES * [1, nan], r"prices.*not finite, the first at \(0, 0, 1\)"),
    (PRICES * [1, inf], "prices.*not finite"),
    ([[["a", "b"], ["c", "d"]]], "prices.*real numbers"),
    (PRICES - 1.2, "prices.*at or below 0.*look like returns"),
    ([[[0.01, 0.0], [-0.02, 0.01]]], "prices.*at or below 0.*look like returns"),
]
BAD_MIX = [
    ([0.5, 0.6], "weights .*sum 1.1.*a sum of 1.*divide by the sum"),
    ([50, 50], "weights .*sum 100"),
    ([1.5, -0.5], "weights is -0.5.*at least 0.*short"),
    ([0.5, nan], "weights.*not finite"),
    ([[[0.5, 0.5]]], "weights.*shape"),
    ("half", "weights"),
    (1.0, "weights.*shape"),
]
BAD_WEIGHTS = [*BAD_MIX, ([1.0], "weights.*shape"), (np.full((1, 2, 2), 0.5), "weights.*shape")]
BAD_FEES = [(-1, "fee_bps"), (nan, "fee_bps"), (0.003, "fee_bps.*basis points.*0.3 %"), (2_000, r"fee_bps.*\[0, 1000\]"), ("one", "fee_bps")]


def each(name, bad):
    """Changes of one argument."""
    return [({name: value}, message) for value, message in bad]


GENERATED = dict(generator=Diversity(0.5), prices=PRICES)


class Quadratic:
    """A function of market weights that nobody has extended to prices."""

    def __init__(self, level):
        self.level = level

    def __repr__(self):
        return "Quadratic"

    def value(self, prices):
        return (prices**2).sum(axis=-1) - self.level

    def holdings(self, prices):
        return -2 * prices


UNSUITED = [
    (dict(generator=Quadratic(100.0)), "generator Quadratic has p·∇G off G.*homogeneous.*G.p. = Σp"),
    (dict(generator=Quadratic(1.0)), "generator Quadratic has G = -.*a G above 0"),
    (dict(generator=Entropy(), prices=PRICES[:, :, :1]), r"generator Entropy\(\) has G = -?0.*a G above 0"),
]
ACCOUNT = dict(weights=[0.5, 0.5], prices=PRICES)

CASES = {  # name: arguments that work, then changes with the message each must meet
    "spt.GeometricMean": (dict(weights=[0.5, 0.5]), *each("weights", BAD_MIX)),
    "spt.Diversity": (
        dict(exponent=0.5),
        *each("exponent", [(v, "exponent is .*0.05, 20.*GeometricMean") for v in (0, -1, 21, nan, "half", None)]),
    ),
    "spt.Entropy": ({},),
    "spt.market_weights": (dict(prices=PRICES), *each("prices", BAD_PRICES)),
    "spt.portfolio_weights": (GENERATED, *each("prices", BAD_PRICES), *UNSUITED),
    "spt.follow_log": (ACCOUNT, *each("prices", BAD_PRICES), *each("weights", BAD_WEIGHTS), *each("fee_bps", BAD_FEES)),
    "spt.decompose_log": (GENERATED, *each("prices", BAD_PRICES), *UNSUITED, *each("fee_bps", BAD_FEES)),
    "spt.delayed": (
        ACCOUNT | dict(days=1),
        *each("prices", BAD_PRICES),
        *each("weights", BAD_WEIGHTS),
        *each("days", [(v, "days is .*whole number of at least 0") for v in (-1, 1.5, True, None)]),
    ),
    "spt.excess_growth_rate": (
        dict(weights=[0.5, 0.5], covariance=np.eye(2)),
        *each("weights", BAD_MIX),
        ({"covariance": [[1.0, 2.0], [0.0, 1.0]]}, "covariance is not symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance has the eigenvalue -1"),
        ({"covariance": np.eye(3)}, "covariance.*shape"),
        ({"covariance": 0.04}, "covariance.*shape"),
        ({"covariance": nan * np.eye(2)}, "covariance.*not finite"),
    ),
}
