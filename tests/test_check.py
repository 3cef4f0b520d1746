"""The argument checks: what passes comes back unchanged, what does not is named with what is allowed and the fix."""

from __future__ import annotations

import inspect
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mnvh import check
from mnvh.decomposition import LinearGrid
from mnvh.options import OptionHedge

nan, inf = np.nan, np.inf
ALL = {
    name: thing for name, thing in vars(check).items() if inspect.isfunction(thing) and not name.startswith("_")
}
GOOD = [
    ("number", (3,), {}),
    ("number", (Fraction(1, 3), 0, 1), {}),
    ("number", (np.float64(0.5), 0.5, 0.5), {}),
    ("positive", (1e-300,), {}),
    ("bps", (0,), {}),
    ("bps", (0.01,), {}),
    ("bps", (10_000,), {}),
    ("integer", (1, 1), {}),
    ("integer", (np.int64(5), 1, 5), {}),
    ("persistence", (0,), {}),
    ("persistence", (0.999,), {}),
    ("generator", (np.random.default_rng(1),), {}),
]
BAD = [
    ("number", (nan,), "x is nan: allowed is a finite number"),
    ("number", (inf,), "finite"),
    ("number", (True,), "x is True"),
    ("number", ("1",), "x is '1'"),
    ("number", (1j,), "allowed is a finite number"),
    ("number", ([1.0],), r"x is \[1.0\]"),
    ("number", (Decimal(1),), "allowed is a finite number"),
    ("number", (2, 0, 1), r"x is 2: allowed is a finite number in \[0, 1\]"),
    ("number", (np.float64(2), 0, 1), r"x is 2.0: allowed"),
    ("number", (-1, 0), r"x is -1: allowed is a finite number in \[0, inf\]"),
    ("positive", (0,), "x is 0: allowed is a number above 0"),
    ("positive", (-1.0,), "above 0"),
    ("positive", (nan,), "finite"),
    ("bps", (0.003,), "x is 0.003: .*for 0.3 % pass 30"),
    ("bps", (-1,), r"in \[0, 10000\]"),
    ("bps", (10_001,), r"in \[0, 10000\]"),
    ("dated", (pd.DataFrame({"A": [1.0]}),), "x is DataFrame without dates. Likely fix: read it with readers.read_prices"),
    ("dated", (np.ones((2, 2)),), "x is ndarray without dates"),
    ("dated", (None,), "x is NoneType without dates"),
    ("integer", (0, 1), "x is 0: allowed is a whole number of at least 1"),
    ("integer", (6, 1, 5), "at most 5"),
    ("integer", (1.0, 1), "x is 1.0: allowed is a whole number"),
    ("integer", (True, 1), "x is True"),
    ("persistence", (1,), r"allowed is a number in \[0, 1\).*paths.gaussian"),
    ("persistence", (-0.1,), r"\[0, 1\]"),
    ("persistence", (nan,), "finite"),
    ("generator", (np.random.RandomState(1),), "numpy.random.Generator.*default_rng"),
    ("generator", (7,), "numpy.random.Generator"),
    ("array", ([["a"]],), "x is .*allowed is an array of real numbers.*convert text"),
    ("array", (np.array(["1", "2"], dtype=object),), "x is .*allowed is an array of real numbers.*convert text"),
    ("array", (["1"],), "convert text"),
    ("array", (np.array(["2020-01-01"], dtype="M8[D]"),), "allowed is an array of real numbers.*dates"),
    ("number", (1e101,), r"x is 1e\+101: allowed is a number of at most 1e\+100 in size"),
    ("array", ([1e101],), r"x has the entry 1e\+101: allowed are at most 1e\+100 in size"),
    ("array", ([1j],), "take the real part"),
    ("array", ([[1.0], [1.0, 2.0]],), "array of real numbers"),
    ("array", ([1.0, nan, inf],), r"x has 2 entries that are not finite, the first at \(1,\): drop or fill"),
    ("array", ([1.0, None],), "not finite"),
    ("array", ([1.0], (2,)), r"x is shape \(1,\): allowed is shape \(2,\)"),
    ("array", ([], ("n",)), r"allowed is shape \(n,\)"),
    ("array", ([[1.0]], ("n",)), r"x is shape \(1, 1\)"),
    ("prices", ([100.0, 101.0],), r"x is shape \(2,\).*n_paths.*prices\[None, :, None\]"),
    ("prices", ([[[100.0]]],), "at least two dates"),
    ("prices", ([[[100.0], [nan]]],), "not finite"),
    ("semidefinite", ([[1.0, 2.0], [0.0, 1.0]],), r"x is not symmetric: .* up to 2\. Use \(A \+ A\.T\) / 2"),
    ("semidefinite", ([[0.0, 1.0], [1.0, 0.0]],), "x has the eigenvalue -1: .*semidefinite"),
    ("semidefinite", (2.0,), r"shape \(\).*one asset needs \[\[value\]\]"),
    ("semidefinite", ([[1.0]], 2), r"allowed is shape \(2, 2\)"),
    ("semidefinite", (np.zeros((0, 0)),), r"x is shape \(0, 0\): allowed is shape \(n, n\)"),
    ("mechanism", (None, False), "x is None: allowed is an object with the methods value and holdings"),
    ("mechanism", (LinearGrid, False), "an instance of LinearGrid"),
    ("mechanism", (LinearGrid([[1.0]], [1.0]), True), "whose value takes `time`.*leave times out"),
    ("mechanism", (OptionHedge(1.0, 1.0, 0.2), False), "whose value takes the prices alone.*pass times"),
    ("evaluated", (np.ones((2, 3)), LinearGrid(np.eye(2), [1, 1]), "holdings"), "x has 3 assets, .*its matrix is for 2"),
    ("evaluated", (np.ones((2, 1)), SimpleNamespace(value=lambda p: p), "value"), r"shape \(2, 1\), allowed is \(2,\)"),
    ("evaluated", (np.zeros((2, 1)), SimpleNamespace(value=lambda p: p[:, 0] + nan), "value"),
     r"x is \[0.0\] at \(0,\), where the value of .* not finite, as at 2 places.*mend"),
    ("reject", ("a.csv", "has one column", "separate by commas"), "x 'a.csv': has one column. Likely fix: separate by commas."),
    ("array", ([],), r"x is \[\]: allowed is an array with one entry at least.*selects the data"),
    ("instance", (1.0, Fraction), "x is 1.0: allowed is a Fraction.*fractions makes it"),
    ("weights", ([0.5, 0.4], ("n",)), "with the sum 0.9: allowed is a sum of 1.*divide by the sum"),
    ("weights", ([1.5, -0.5], ("n",)), "x is -0.5: allowed is weights of at least 0"),
    ("changes", (np.full((20, 1), 0.01), ("n", 1)), "x has 20 entries, all above 0: these look like prices"),
    ("changes", ([[nan]], (1, 1)), "not finite"),
    ("times", ([0.0, 2.0, 1.0], 3), r"x\[2\] is 1.0: allowed is 2.0 or more, as the time before it.*sort by time"),
    ("times", ([0.0, 1.0], 3), r"allowed is shape \(3,\)"),
    ("autoregression", (1.0, "y", [[1.0]]), "x is 1.0: allowed is a spectral radius below 1, it is 1"),
    ("autoregression", ([[0.5]], "y", np.eye(2)), r"x is shape \(1, 1\): allowed is shape \(2, 2\)"),
    ("autoregression", (0.5, "y", [[-1.0]]), "y has the eigenvalue -1"),
    ("autoregression", ([[0, 0.9], [0, 0]], "y", np.diag([0.1, 1.0])), "y is .*Σ - AΣA'.*solve_discrete_lyapunov"),
]


@pytest.mark.parametrize(("name", "arguments", "options"), GOOD)
def test_what_is_allowed_comes_back_as_it_is(name, arguments, options):
    assert ALL[name]("x", *arguments, **options) is arguments[0] or ALL[name]("x", *arguments) == arguments[0]


@pytest.mark.parametrize(("name", "arguments", "message"), BAD)
def test_what_is_not_allowed_is_named_with_its_value_and_what_is_allowed(name, arguments, message):
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        ALL[name]("x", *arguments)
    assert str(caught.value)[0] in "xy"


def test_every_check_is_tested():
    assert {name for name, *_ in BAD} | {"function"} == set(ALL)  # its fix has no default, see below


def test_what_is_no_function_is_named():
    with pytest.raises(ValueError, match="x is 3: allowed is a function. Likely fix: pass len"):
        check.function("x", 3, fix="pass len")


def test_a_long_value_is_shortened_in_the_message():
    with pytest.raises(ValueError) as caught:
        check.number("x", list(range(1000)))
    assert len(str(caught.value)) < 120


def test_the_likely_fix_of_the_caller_is_in_the_message():
    for call in (check.number, check.positive):
        with pytest.raises(ValueError, match="Likely fix: turn it round"):
            call("x", nan, fix="turn it round")
    with pytest.raises(ValueError, match="Likely fix: turn it round"):
        check.array("x", [1.0], (2,), fix="turn it round")
    with pytest.raises(ValueError, match="Likely fix: turn it round"):
        check.integer("x", 0, 1, fix="turn it round")


def test_arrays_become_floats_and_rational_numbers_stay_exact():
    assert check.array("x", [1, 2]).dtype == float
    exact = check.array("x", [Fraction(1, 3)])
    assert exact.dtype == object and exact[0] == Fraction(1, 3)
    assert check.semidefinite("x", np.array([[Fraction(1, 3)]])).dtype == object


def test_a_named_axis_has_any_length():
    assert check.array("x", np.ones((3, 2)), ("n", 2)).shape == (3, 2)


@pytest.mark.parametrize("low", [0.0, -0.5])
def test_prices_at_or_below_zero_pass_unless_logarithms_are_taken(low):
    walk = np.array([[[1.0], [low]]])
    assert check.prices("x", walk).shape == (1, 2, 1)
    with pytest.raises(ValueError, match=r"x has 1 entries at or below 0, the first .* at \(0, 1, 0\).*look like returns"):
        check.prices("x", walk, above_zero=True)


def test_rounding_makes_no_matrix_indefinite_or_lopsided():
    factor = np.random.default_rng(1).standard_normal((5, 2))
    matrix = factor @ factor.T + 1e-13 * np.triu(np.ones((5, 5)))
    np.testing.assert_array_equal(check.semidefinite("x", matrix), matrix)


def test_changes_that_all_rise_are_believed_when_few_and_when_one_falls():
    assert check.changes("x", np.full((19, 1), 0.01), ("n", 1)).shape == (19, 1)
    assert check.changes("x", np.append(np.full(500, 0.01), -1e-9), ("n",)).shape == (501,)


def test_autoregression_splits_the_covariance_into_what_persists_and_the_innovation():
    matrix, covariance, innovation = check.autoregression("x", 0.5, "y", np.diag([1.0, 4.0]))
    np.testing.assert_array_equal(matrix, 0.5 * np.eye(2))
    np.testing.assert_array_equal(innovation, 0.75 * covariance)


def test_a_table_with_dates_passes():
    check.dated("frame", pd.DataFrame({"A": [1.0]}, pd.DatetimeIndex(["2020-01-02"])))
