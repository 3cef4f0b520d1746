"""Bad input of mnvh.regimes and of the chain in mnvh.control, in the form of CASES in test_bad_input.py."""

import numpy as np

nan, inf = np.nan, np.inf
RNG = np.random.default_rng(0)
CALM = RNG.standard_normal(400)
SHIFTING = CALM * np.where(np.arange(400) % 200 < 120, 1.0, 4.0)
OUTLIER = np.where(np.arange(400) == 200, 50.0, CALM)
CHAIN = [[0.9, 0.1], [0.2, 0.8]]
WORLD = dict(variances=[1.0, 9.0], transition=CHAIN)
FEATURES, OUTCOMES = RNG.standard_normal((300, 2)), np.arange(300) % 2.0


def mean_of_the_past(features, outcomes):
    return lambda new: np.full(len(new), outcomes.mean())


TRANSITION = [
    ({"transition": [[1.0, 0.0], [0.0, 1.0]]}, "transition has a regime of probability zero"),
    *[({"transition": value}, "transition") for value in ([[0.5, 0.4], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [], None)],
    *[({"transition": value}, "transition") for value in ([[nan, 0.1], [0.2, 0.8]], [[0.9, 0.1]], 0.9, "a")],
]
CHAINS = [*TRANSITION, *[({"variances": value}, "variances") for value in ([1.0, 0.0], [1.0, nan], [1.0], 1.0, None)]]
WHOLE = [(name, value) for name in ("first", "every", "delay") for value in (2.5, -1, nan, None)]

NOT_HERE = {"regimes.Switching": "made by fit_switching; its fields are arguments of filtered and expected_variance"}

CASES = {
    "control.stationary_law": (dict(transition=CHAIN), *TRANSITION),
    "regimes.fit_switching": (
        dict(returns=SHIFTING),
        ({"returns": CALM}, "returns has one regime only.*Likely fix: a longer sample"),
        ({"returns": OUTLIER}, r"returns has 1\.\d days in one of the regimes: allowed are 10 or more. Likely fix: one huge return"),
        ({"returns": SHIFTING[:99]}, "returns has 99 entries: allowed are at least 100"),
        ({"returns": 100 + CALM}, "returns.*look like prices"),
        ({"returns": np.zeros(400)}, "returns.*all 0"),
        *[({"returns": value}, "returns") for value in (CALM * nan, CALM[:, None], "a", None)],
        ({"max_iterations": 1}, "max_iterations is 1, and the fit has not converged. Likely fix: raise it"),
        *[({"max_iterations": value}, "max_iterations.*whole number") for value in (0, 2.5, None)],
    ),
    "regimes.filtered": (
        dict(returns=SHIFTING[None], **WORLD),
        ({"returns": SHIFTING}, r"shape \(n_paths, n_steps\)"),
        ({"returns": 100 + CALM[None]}, "returns.*look like prices"),
        *[({"returns": value}, "returns") for value in (CALM[None] * nan, "a", None)],
        *CHAINS,
    ),
    "regimes.expected_variance": (
        dict(probabilities=[[0.5, 0.5]], horizon=5, **WORLD),
        ({"probabilities": [0.5, 0.4]}, "probabilities.*sum"),
        *[({"probabilities": value}, "probabilities") for value in ([1.5, -0.5], [1.0], [nan, 1.0], "a", None, 1.0)],
        *[({"horizon": value}, "horizon.*whole number of at least 1") for value in (0, 2.5, None)],
        *CHAINS,
    ),
    "regimes.learn_boosted": (
        dict(features=FEATURES, labels=OUTCOMES),
        ({"labels": 0 * OUTCOMES}, "labels has the values 0: allowed are 0 and 1, and both.*one regime only"),
        ({"labels": 2 * OUTCOMES}, "labels has the values 0, 2"),
        *[({"labels": value}, "labels") for value in (OUTCOMES[1:], OUTCOMES * nan, "a", None)],
        *[({"features": value}, "features") for value in (FEATURES[:, 0], FEATURES * nan, "a", None)],
    ),
    "regimes.walk_forward": (
        dict(learn=mean_of_the_past, features=FEATURES, outcomes=OUTCOMES, first=100, every=50, delay=5),
        *[({name: value}, f"{name}.*whole number") for name, value in WHOLE],
        ({"first": 300}, "first is 300: allowed is .* at most 299.*shorter window"),
        ({"first": 5}, "first is 5: allowed is .* at least 6.*delay days old"),
        ({"delay": 100}, "first is 100: allowed is a whole number of at least 101.*delay"),
        ({"every": 0}, "every.*whole number of at least 1"),
        *[({"features": value}, "features") for value in (FEATURES[:, 0], FEATURES * nan, "a", None)],
        *[({"outcomes": value}, "outcomes") for value in (OUTCOMES[1:], OUTCOMES * nan, "a", None)],
        ({"learn": None}, "learn is None: allowed is a function"),
        ({"learn": lambda x, y: y}, "learn, in what it returns, is .*allowed is a function"),
        ({"learn": lambda x, y: lambda new: new}, "learn is shape"),
        ({"learn": lambda x, y: lambda new: new[:, 0] * nan}, "learn.*not finite"),
    ),
}
