"""Bad input is a ValueError that names the argument: for every argument of every public function and class.

A new one without its cases fails here. Add it to CASES, as "module.name": the arguments of a call that works, and
then one change of them after the other with the message that it must meet (a regular expression).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mnvh
from mnvh.decomposition import LinearGrid, decompose, follow

NOT_HERE = {
    "check": "the checks themselves: tests/test_check.py",
    "decomposition.Potential": "a protocol, nothing to call",
    "decomposition.Decomposition": "a result, made by decompose",
    "options.Greeks": "a result",
    "inventory.Profit": "a result",
    "contrarian_rule.Rule": "a result",
    "contrarian_rule.Rates": "a result",
    "decomposition.bregman": "an inner step, on arrays that decompose has checked",
}
ARGUMENTS_NOT_HERE = {  # beside every argument of type Potential, which is any object with its methods
    ("decomposition.simulate", "draw"): "a function; decompose checks the prices that it returns",
}

nan, inf = np.nan, np.inf
RNG = np.random.default_rng(0)
PRICES = 100 + np.arange(12.0).reshape(2, 3, 2)
RETURNS = np.random.default_rng(1).standard_normal((30, 3))
FRAME = pd.DataFrame({"AAA": [1.0, 2.0], "BBB": [3.0, 4.0]})
EYE = np.eye(2)


def prices(name="prices", above_zero=False):
    bad = [({name: PRICES[0]}, "shape .*n_paths, n_steps"), ({name: PRICES[:, :1]}, "two dates")]
    bad += [({name: np.where(PRICES == 103, nan, PRICES)}, r"not finite, the first at \(0, 1, 1\)")]
    bad += [({name: np.where(PRICES == 103, inf, PRICES)}, "not finite"), ({name: [[["a"], ["b"]]]}, "real numbers")]
    return bad + ([({name: PRICES - 103}, "at or below 0.*look like returns")] if above_zero else [])


def matrix(name):
    """A symmetric positive semidefinite matrix that is not."""
    bad = [([[1.0, 2.0], [0.0, 1.0]], "not symmetric"), ([[1.0, 2.0], [2.0, 1.0]], "eigenvalue -1"), (1.0, r"shape \(\)")]
    bad += [([[1.0, 0.0]], "shape"), ([[nan]], "not finite"), ([[1j]], "real numbers")]
    return [({name: value}, message) for value, message in bad]


def number(name, *values, message="allowed is"):
    return [({name: value}, message) for value in (nan, "one", None, *values)]


SIZES = [({"rng": value}, "numpy.random.Generator.*default_rng") for value in (None, 42, np.random)]
SIZES += [({name: value}, "whole number of at least 1") for name in ("n_paths", "n_steps") for value in (0, 2.5, True)]
START = [({"start": value}, "start") for value in ([1.0, 2.0, 3.0], 1.0, [nan, 1.0], ["a", "b"])]
ABOVE_ZERO = [*START, *(({"start": [1.0, value]}, r"\[1e-100, 1e\+100\].*above 0") for value in (0.0, 1e-305))]
LAGS = number("n_lags", 0, 1.5, message="whole number of at least 1")
COVARIANCE = [({"covariance": [[400.0]]}, "more than 700.*1 % a step"), *matrix("covariance")]
PERSISTENCE = number("persistence", -0.1, 1.1) + [({"persistence": 1}, r"\[0, 1\).*random walk")]
FILL = number("fill", -0.1, 2.1, message=r"allowed is a finite number in \[0, 2\]")
FEE = [({"fee_bps": 0.003}, "basis points, for 0.3 % pass 30"), *number("fee_bps", -1, 20_000)]
COEFFICIENT = [({"coefficient": value}, "coefficient") for value in (1.0, -1.2, [[0.5]], nan, 2 * EYE, "a")]
NO_PROCESS = ({"coefficient": [[0.0, 0.9], [0.0, 0.0]], "covariance": [[0.1, 0.0], [0.0, 1.0]]}, "covariance.*solve_discrete")
HOLDINGS = [({"holdings": value}, "holdings") for value in (PRICES[:1], PRICES * nan, PRICES[..., :1])]
EXECUTION = [
    *FILL,
    *FEE,
    *[({"executed": value}, "executed") for value in (PRICES, PRICES[:, :2] * nan, 1.0)],
    *[({"income": value}, "income") for value in (nan, "one", [1.0], PRICES[:, :2, 0] * nan)],
]
EXPOSURES = [
    ({"exposures": [[1.0, 2.0], [2.0, 4.0]]}, "2 rows of rank 1.*independent"),
    ({"exposures": [[0.0, 0.0]]}, "1 rows of rank 0"),
    ({"exposures": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]}, "3 rows of rank 2"),
    ({"exposures": [1.0, 2.0]}, "shape"),
    ({"exposures": [[1.0, nan]]}, "not finite"),
]
LOOKS_LIKE_PRICES = "all above 0: these look like prices.*np.diff"
PROGRAM = dict(covariance=EYE, edge=1.0, trace_capacity=1.0, inventory_aversion=0.1)
BAD_PROGRAM = [
    *matrix("covariance"),
    *number("edge", inf),
    *[({name: value}, name) for name in ("trace_capacity", "spectral_capacity") for value in (0, -1.0, nan, inf)],
    *number("inventory_aversion", -1.0),
    *[({"horizon": value}, "whole number of at least 1") for value in (0, 1.5)],
    *[({"costs": value}, "costs") for value in ([1.0], 0.1, [0.1, -0.1], [nan, 0.1])],
    *EXPOSURES,
    ({"exposures": [[1.0, 2.0, 3.0]]}, r"shape \(k, 2\)"),
    ({"trace_capacity": None, "inventory_aversion": 0.0}, "all missing.*linear in K"),
]

# "module.name": (arguments of a call that works, (one change of them, its message), ...)
CASES: dict[str, tuple] = {
    "decomposition.LinearGrid": (
        dict(matrix=EYE, center=[1.0, 2.0]),
        *matrix("matrix"),
        *[({"center": value}, "center") for value in (1.0, [1.0], [1.0, nan], [[1.0, 2.0]])],
    ),
    "decomposition.identity": (
        dict(holdings=PRICES, prices=PRICES),
        *prices(),
        *HOLDINGS,
    ),
    "decomposition.follow": (
        dict(holdings=PRICES, prices=PRICES),
        *prices(),
        *HOLDINGS,
        *EXECUTION,
    ),
    "decomposition.decompose": (
        dict(mechanism=LinearGrid(EYE, [1.0, 2.0]), prices=PRICES),
        *prices(),
        *[({"constant": value}, "constant") for value in (1.0, [1.0], [1.0, nan])],
        *[({"times": value}, "times") for value in ([1.0], [1.0, 2.0, nan], 1.0)],
        *EXECUTION,
    ),
    "decomposition.attribute": (dict(holdings=PRICES, prices=PRICES), *prices(), *HOLDINGS, *EXECUTION),
    "decomposition.simulate": (
        dict(mechanism=LinearGrid(EYE, [1.0, 2.0]), draw=lambda rng, n: np.ones((n, 3, 2)), rng=RNG, n_paths=5),
        *SIZES[:6],
        *[({"chunk": value}, "whole number of at least 1") for value in (0, 2.5)],
    ),
    "paths.gaussian": (dict(rng=RNG, n_paths=2, n_steps=2, covariance=EYE), *SIZES, *matrix("covariance"), *START),
    "paths.autoregressive": (
        dict(rng=RNG, n_paths=2, n_steps=2, coefficient=0.5, covariance=EYE),
        *SIZES,
        *COEFFICIENT,
        *matrix("covariance"),
        NO_PROCESS,
        *START,
    ),
    "paths.ornstein_uhlenbeck": (
        dict(rng=RNG, n_paths=2, n_steps=2, persistence=0.5, stationary_covariance=EYE),
        *SIZES,
        *PERSISTENCE,
        *matrix("stationary_covariance"),
        *[({"mean": value}, "mean") for value in ([1.0], 1.0, [nan, 1.0])],
        *START,
    ),
    "paths.roll": (
        dict(rng=RNG, n_paths=2, n_steps=2, covariance=EYE, half_spread=0.1),
        *SIZES,
        *matrix("covariance"),
        *number("half_spread", -0.1, inf),
        *START,
    ),
    "paths.lattice_walk": (dict(rng=RNG, n_paths=2, n_steps=2), *SIZES, *START[1:], ({"start": []}, "start")),
    "paths.martingale_gbm": (
        dict(rng=RNG, n_paths=2, n_steps=9, covariance=1e-4 * EYE),
        *SIZES,
        *COVARIANCE,
        *ABOVE_ZERO,
    ),
    "paths.shared": (dict(n_paths=2), *[({"n_paths": value}, "whole number") for value in (0, 2.5)]),
    "paths.log_driftless_gbm": (
        dict(rng=RNG, n_paths=9, n_steps=999, covariance=1e-4 * EYE),
        *SIZES,
        *matrix("covariance"),
        ({"covariance": [[1e4]]}, "more than 700"),
        *ABOVE_ZERO,
    ),
    "paths.jump_diffusion": (
        dict(rng=RNG, n_paths=2, n_steps=9, covariance=1e-4 * EYE, jump_rate=0.1),
        *SIZES,
        *COVARIANCE,
        *number("jump_rate", -0.1, inf),
        *number("jump_mean", -11, 11),
        *number("jump_sd", -0.1, 11),
        *ABOVE_ZERO,
    ),
    "paths.stochastic_volatility": (
        dict(rng=RNG, n_paths=2, n_steps=9, volatility=[0.01, 0.02], log_vol_sd=0.3, persistence=0.9),
        *SIZES,
        *[({"volatility": value}, "volatility") for value in (0.01, [0.01, 0.0], [nan], [100.0, 100.0])],
        *number("log_vol_sd", -0.1, 11),
        *PERSISTENCE,
        *number("correlation", -1.1, 1.1),
        *ABOVE_ZERO,
    ),
    "paths.two_point": (
        dict(rng=RNG, n_paths=2, n_steps=9, up=2.0, down=0.5, up_probability=0.5),
        *SIZES,
        *number("up", 0.4, inf),
        *number("down", 0.0, -1.0),
        ({"up": 1e80}, "up or down is too far from 1 for n_steps = 9"),
        *number("up_probability", -0.1, 1.1),
        *ABOVE_ZERO[1:],
    ),
    "readers.read_prices": (
        dict(path="prices.csv"),  # what is wrong inside a file: tests/test_readers.py
        *[({"path": value}, "path.*is no file.*csv.gz") for value in ("missing.csv", 3, None, ".")],
        *number("max_gap_days", 0, 1.5, message="whole number"),
    ),
    "readers.from_frame": (
        dict(frame=FRAME),
        ({"frame": FRAME - 2}, "at or below 0.*look like returns"),
        ({"frame": FRAME.where(FRAME > 1)}, "not finite"),
        ({"frame": FRAME.astype(str) + "x"}, "real numbers"),
        ({"frame": FRAME["AAA"]}, "shape"),
        ({"frame": FRAME[:1]}, "two dates"),
        ({"frame": None}, "not finite"),
    ),
    "neutrality.projector": (dict(exposures=[[1.0, 2.0]]), *EXPOSURES),
    "neutrality.neutral_intensity": (
        dict(intensity=EYE, exposures=[[1.0, 2.0]]),
        *matrix("intensity"),
        ({"intensity": np.eye(3)}, r"shape \(2, 2\)"),
        *EXPOSURES,
    ),
    "neutrality.exposure": (
        dict(holdings=PRICES, exposures=[[1.0, 2.0]]),
        *[({"holdings": value}, "holdings") for value in (PRICES[0], PRICES * nan, None)],
        *[({"exposures": value}, "exposures") for value in ([1.0, 2.0], [[1.0]], [[nan, 1.0]])],
        ({"exposures": np.ones((4, 1, 2))}, r"shape \(3, k, 2\)"),
        ({"exposures": np.ones((1, 3, 1, 2))}, r"shape \(2, 3, k, 2\)"),
    ),
    "neutrality.per_unit": (
        dict(loadings=[[1.0, 2.0]], prices=PRICES),
        *[({"loadings": value}, "loadings") for value in ([1.0, 2.0], [[1.0]], [[nan, 1.0]])],
        *prices(above_zero=True),
    ),
    "neutrality.dollar_exposures": (dict(prices=PRICES), *prices(above_zero=True)),
    "neutrality.factor_loadings": (
        dict(returns=RETURNS, factors=RETURNS[:, :1]),
        *[({"returns": value}, "returns") for value in (RETURNS[:, 0], RETURNS * nan, None)],
        ({"returns": 100 + RETURNS}, LOOKS_LIKE_PRICES),
        ({"factors": 100 + RETURNS}, LOOKS_LIKE_PRICES),
        ({"factors": RETURNS[:5]}, r"factors is shape \(5, 3\)"),
        ({"factors": RETURNS[:, :2] * [1.0, 0.0]}, "factors with a constant has 3 rows of rank 2"),
        ({"factors": RETURNS[:, :2] * 0 - 0.01}, "factors with a constant has 3 rows of rank 1"),
        ({"factors": RETURNS[:4, [0, 1, 2]], "returns": RETURNS[:4]}, "factors has 4 days for 3 factors.*transpose"),
    ),
    "neutrality.statistical_loadings": (
        dict(returns=RETURNS, n_factors=2),
        *[({"returns": value}, "returns") for value in (RETURNS[:, 0], RETURNS * nan, None)],
        ({"returns": 100 + RETURNS}, LOOKS_LIKE_PRICES),
        *number("n_factors", 0, 4, 1.5, message="whole number of at least 1 and at most 3"),
        ({"returns": RETURNS[:, [0, 0, 0]]}, "n_factors is 2: allowed is at most 1"),
    ),
    "functional.gross_harvest": (
        dict(intensity=EYE, covariance=EYE),
        *matrix("intensity"),
        *matrix("covariance"),
        ({"covariance": np.eye(3)}, r"shape \(2, 2\)"),
    ),
    "functional.expected_step_pnl": (
        dict(intensity=EYE, covariance=EYE, fill=1.0),
        *matrix("intensity"),
        *matrix("covariance"),
        *FILL,
    ),
    "functional.net_rate": (
        dict(intensity=EYE, realised=EYE, reference=EYE),
        *matrix("intensity"),
        *matrix("realised"),
        *matrix("reference"),
        ({"reference": np.eye(3)}, r"shape \(2, 2\)"),
    ),
    "functional.variance_ratio": (
        dict(increments=RETURNS.reshape(5, 9, 2), intensity=EYE, horizon=2),
        *[({"increments": value}, "increments") for value in (RETURNS, RETURNS[None] * nan, None)],
        ({"increments": 100 + RETURNS.reshape(5, 9, 2)}, LOOKS_LIKE_PRICES),
        ({"increments": RETURNS[None]}, "one path.*cut it into pieces"),
        ({"increments": np.zeros((5, 9, 2))}, "trades nothing on these increments"),
        *matrix("intensity"),
        ({"intensity": 0 * EYE}, "trades nothing"),
        *number("horizon", 0, 10, 1.5, message="whole number of at least 1 and at most 9"),
    ),
    "functional.grid_pnl_from_autocovariance": (
        dict(intensity=EYE, autocovariances=[EYE, -0.1 * EYE], n_steps=10),
        *matrix("intensity"),
        ({"autocovariances": EYE}, r"shape \(n_lags, 2, 2\)"),
        ({"autocovariances": [-0.1 * EYE]}, r"autocovariances\[0\] has the eigenvalue -0.1"),
        ({"autocovariances": [EYE * nan]}, "not finite"),
        *number("n_steps", 0, 1.5, message="whole number of at least 1"),
    ),
    "functional.optimal_intensity": (PROGRAM, *BAD_PROGRAM),
    "functional.water_filling_intensity": (
        PROGRAM,
        *BAD_PROGRAM,
        ({"costs": [0.1, 0.1], "covariance": [[1.0, 0.1], [0.1, 1.0]]}, "costs have a closed form only.*optimal_intensity"),
        ({"costs": [0.1, 0.1], "exposures": [[1.0, 1.0]]}, "costs have a closed form only"),
    ),
    "autocovariance.autoregressive": (
        dict(coefficient=0.5, covariance=EYE, n_lags=3),
        *COEFFICIENT,
        *matrix("covariance"),
        NO_PROCESS,
        *LAGS,
    ),
    "autocovariance.autoregressive_variance_ratio": (
        dict(coefficient=0.5, horizon=3),
        *number("coefficient", -1.1, 1.1, inf),
        *[({"horizon": value}, "whole number of at least 1") for value in (0, 1.5)],
    ),
    "autocovariance.ornstein_uhlenbeck": (
        dict(persistence=0.5, stationary_covariance=EYE, n_lags=3),
        *PERSISTENCE,
        *matrix("stationary_covariance"),
        *LAGS,
    ),
    "autocovariance.roll": (
        dict(covariance=EYE, half_spread=0.1),
        *matrix("covariance"),
        *number("half_spread", -0.1, inf),
    ),
}


def public(module: ModuleType) -> dict[str, object]:
    """The functions and classes that a module defines and does not hide."""
    own = {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__}
    return {name: thing for name, thing in own.items() if callable(thing) and not name.startswith("_")}


def science() -> dict[str, object]:
    """Everything public in the modules of mnvh outside mnvh.book, by "module.name"."""
    found = {}
    for info in pkgutil.walk_packages(mnvh.__path__, "mnvh."):
        if info.name.startswith("mnvh.book"):
            continue
        module = info.name.removeprefix("mnvh.")
        for name, thing in public(importlib.import_module(info.name)).items():
            if module not in NOT_HERE and f"{module}.{name}" not in NOT_HERE:
                found[f"{module}.{name}"] = thing
    return found


FILES = {"prices.csv": "date,AAA\n2020-01-02,100\n2020-01-03,101\n"}
for path in sorted(Path(__file__).parent.glob("bad_input_*.py")):  # the cases of a chapter's modules
    more = importlib.import_module(path.stem)
    for own, name in ((CASES, "CASES"), (NOT_HERE, "NOT_HERE"), (ARGUMENTS_NOT_HERE, "ARGUMENTS_NOT_HERE"), (FILES, "FILES")):
        own |= getattr(more, name, {})

CALLABLES = science()
BAD = [
    pytest.param(name, works, change, message, id=f"{name}-{'-'.join(change)}-{number}")
    for name, (works, *bad) in CASES.items()
    for number, (change, message) in enumerate(bad)
]


@pytest.fixture(autouse=True)
def folder_with_prices(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", CALLABLES)
def test_every_argument_of_everything_public_has_a_bad_case(name):
    parameters = inspect.signature(CALLABLES[name]).parameters.values()
    checked = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.annotation != "Potential"]
    arguments = {parameter.name for parameter in checked}
    arguments -= {argument for owner, argument in ARGUMENTS_NOT_HERE if owner == name}
    tried = {argument for change, _ in CASES.get(name, ({},))[1:] for argument in change}
    missing = ", ".join(sorted(arguments - tried))
    assert not missing, (
        f"{name} has no bad-input case for: {missing}. Add to CASES in tests/bad_input_<module>.py\n"
        f'    "{name}": (dict(<arguments that work>), ({{"{missing.split(", ")[0]}": <bad value>}}, "<its message>"), ...),'
    )


def test_no_case_and_no_exception_outlives_its_function():
    assert set(CASES) <= set(CALLABLES)
    modules = {info.name.removeprefix("mnvh.") for info in pkgutil.iter_modules(mnvh.__path__, "mnvh.")}
    for name in NOT_HERE:
        module, _, thing = name.partition(".")
        assert module in modules
        assert not thing or thing in public(importlib.import_module(f"mnvh.{module}"))
    for owner, argument in ARGUMENTS_NOT_HERE:
        assert argument in inspect.signature(CALLABLES[owner]).parameters


@pytest.mark.parametrize("name", CASES)
def test_the_call_that_each_case_changes_works(name):
    CALLABLES[name](**CASES[name][0])


@pytest.mark.parametrize(("name", "works", "change", "message"), BAD)
def test_bad_input_is_a_value_error_that_names_the_argument(name, works, change, message):
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        CALLABLES[name](**(works | change))
    said = str(caught.value)
    assert any(re.search(rf"\b{argument}\b", said) for argument in change), f"{said!r} names none of {', '.join(change)}"


def test_a_new_public_function_or_class_would_be_found_and_an_import_or_a_helper_not():
    module = ModuleType("mnvh.new")
    exec("from numpy import sqrt\nimport math\ndef new(x): ...\nclass New: ...\ndef _helper(x): ...\nCONSTANT = 1", vars(module))
    assert set(public(module)) == {"new", "New"}


@pytest.mark.parametrize(("prices", "message"), [(change["prices"], message) for change, message in prices()])
def test_a_mechanism_may_trust_its_arrays_because_decompose_has_checked_them(prices, message):
    untouched = SimpleNamespace()  # a mechanism without any method: reaching one would be an AttributeError
    with pytest.raises(ValueError, match=f"(?s){message}"):
        decompose(untouched, prices)


@pytest.mark.parametrize(("assets", "priced"), [(2, 3), (2, 1), (1, 2), (3, 1)])
def test_a_grid_on_another_number_of_assets_is_a_value_error(assets, priced):
    grid, prices = LinearGrid(np.eye(assets), np.zeros(assets)), np.ones((1, 3, priced))
    with pytest.raises(ValueError, match=f"prices has {priced} assets"):
        decompose(grid, prices)
    with pytest.raises(ValueError):
        follow(grid.holdings(prices), prices)
