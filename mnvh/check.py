"""Argument checks, in one place: each error names the argument, its value, what is allowed and the likely fix."""

from __future__ import annotations

import inspect
import numbers
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray
LARGEST = 1e100  # products of three such numbers are still finite


def number(name: str, value: float, low: float = -np.inf, high: float = np.inf, *, fix: str = "") -> float:
    """Return `value` if it is a finite number in [low, high]; rational numbers stay rational.

    Raises
    ------
    ValueError
        If it is no real number, not finite or outside the interval.
    """
    allowed = f"a finite number in [{low:g}, {high:g}]" if np.isfinite([low, high]).any() else "a finite number"
    if not isinstance(value, numbers.Real) or isinstance(value, (bool, np.bool_)) or not np.isfinite(float(value)):
        raise ValueError(_message(name, value, allowed, fix))
    if not low <= value <= high:
        raise ValueError(_message(name, value, allowed, fix))
    if abs(value) > LARGEST:
        raise ValueError(_message(name, value, f"a number of at most {LARGEST:g} in size", fix or "use another unit"))
    return value


def positive(name: str, value: float, *, fix: str = "") -> float:
    """Return `value` if it is a finite number above zero, else raise ValueError."""
    number(name, value, fix=fix)
    if value <= 0:
        raise ValueError(_message(name, value, "a number above 0", fix))
    return value


def bps(name: str, value: float) -> float:
    """Return `value` if it is 0 or in [0.01, 10000] basis points, else raise ValueError.

    What lies between 0 and 0.01 is a fraction or a percentage taken for basis points.
    """
    fix = "fees are in basis points, for 0.3 % pass 30"
    number(name, value, 0, 10_000, fix=fix)
    if 0 < value < 0.01:
        raise ValueError(_message(name, value, "0 or at least 0.01", fix))
    return value


def integer(name: str, value: int, low: int, high: int | None = None, *, fix: str = "") -> int:
    """Return `value` as int if it is a whole number in [low, high], else raise ValueError."""
    allowed = f"a whole number of at least {low}" + ("" if high is None else f" and at most {high}")
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(_message(name, value, allowed, fix))
    if value < low or (high is not None and value > high):
        raise ValueError(_message(name, value, allowed, fix))
    return int(value)


def generator(name: str, value: np.random.Generator) -> np.random.Generator:
    """Return `value` if it is a NumPy random Generator, else raise ValueError."""
    if not isinstance(value, np.random.Generator):
        fix = "make one with np.random.default_rng(seed) and pass it on"
        raise ValueError(_message(name, value, "a numpy.random.Generator", fix))
    return value


def instance(name: str, value: object, kind: type) -> object:
    """Return `value` if it is of this class, else raise ValueError."""
    if not isinstance(value, kind):
        fix = f"{kind.__module__} makes it; look at the order of the arguments"
        raise ValueError(_message(name, value, f"a {kind.__name__}", fix))
    return value


def function(name: str, value: object, *, fix: str) -> object:
    """Return `value` if it can be called, else raise ValueError."""
    if not callable(value):
        raise ValueError(_message(name, value, "a function", fix))
    return value


def dated(name: str, value: object) -> None:
    """Raise ValueError unless `value` is a DataFrame indexed by dates."""
    import pandas as pd  # slow to import, and most checks need none

    if not isinstance(value, pd.DataFrame) or not isinstance(value.index, pd.DatetimeIndex):
        raise ValueError(f"{name} is {type(value).__name__} without dates. Likely fix: read it with readers.read_prices.")


def mechanism(name: str, value: object, timed: bool) -> object:
    """Return `value` if it is a potential, one that depends on time where times are given, else raise ValueError."""
    methods = [getattr(value, method, None) for method in ("value", "holdings")]
    if isinstance(value, type) or not all(map(callable, methods)):
        fix = "an instance of LinearGrid, or of any class like it"
        raise ValueError(_message(name, value, "an object with the methods value and holdings", fix))
    parameters = inspect.signature(methods[0]).parameters.values()
    optional = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if not optional and timed != any(p.name == "time" for p in parameters):
        allowed = "one whose value takes `time`" if timed else "one whose value takes the prices alone"
        raise ValueError(_message(name, value, allowed, "leave times out" if timed else "pass times=... as well"))
    return value


def evaluated(name: str, prices: Array, mechanism: object, method: str, *time: Array) -> Array:
    """Return what a mechanism's `method`, value or holdings, says at these prices: one finite entry for each.

    Raises
    ------
    ValueError
        If the method refuses the prices, returns another shape, or something that is not finite.
    """
    kind, shape = type(mechanism).__name__, prices.shape if method == "holdings" else prices.shape[:-1]
    fault = f"{name} has {prices.shape[-1]} assets, and this {kind} refuses them: "
    try:
        result = np.asarray(getattr(mechanism, method)(prices, *time))
    except ValueError as error:
        raise ValueError(fault + str(error)) from error
    if result.shape != shape:
        raise ValueError(fault + f"its {method} has the shape {result.shape}, allowed is {shape}.")
    bad = np.argwhere(~np.isfinite(result.astype(float)))
    if len(bad):
        where = tuple(int(i) for i in bad[0][: prices.ndim - 1])
        raise ValueError(
            f"{name} is {prices[where].tolist()} at {where}, where the {method} of this {kind} is not finite, as at {len(bad)} "
            f"places in all: allowed are prices at which it is. Likely fix: prices above 0, or mend {kind}.{method}."
        )
    return result


def array(name: str, value: ArrayLike, shape: tuple[int | str, ...] | None = None, *, fix: str = "") -> Array:
    """Return `value` as a finite array of the given shape; arrays of rational numbers stay exact.

    Parameters
    ----------
    shape : tuple of int or str, optional
        One entry per axis: a length, or a name that stands for any length of at least 1.

    Raises
    ------
    ValueError
        If it is no array of real numbers, it is empty, an entry is not finite, or the shape differs.
    """
    try:
        result = np.asarray(value)
        numeric = result.dtype != object or all(entry is None or isinstance(entry, numbers.Number) for entry in result.flat)
        floats = result.real.astype(float) if numeric and result.dtype.kind not in "mMSU" else None
    except (TypeError, ValueError):
        floats = None
    if floats is None:
        raise ValueError(_message(name, value, "an array of real numbers", fix or "convert text and dates first"))
    if np.iscomplexobj(result):
        raise ValueError(_message(name, value, "an array of real numbers", fix or "take the real part"))
    if shape is not None:
        _same_shape(name, result, shape, fix)
    if result.shape == (0,):
        raise ValueError(_message(name, value, "an array with one entry at least", fix or "look at what selects the data"))
    largest = max(floats.max(), -floats.min()) if floats.size else 0.0  # nan if an entry is
    if not np.isfinite(largest):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(floats))[0])
        count = int((~np.isfinite(floats)).sum())
        hint = fix or "drop or fill missing entries first"
        raise ValueError(f"{name} has {count} entries that are not finite, the first at {where}: {hint}.")
    if largest > LARGEST:
        raise ValueError(f"{name} has the entry {largest:g}: allowed are at most {LARGEST:g} in size. Likely fix: use another unit.")
    return result if result.dtype == object else floats


def prices(name: str, value: ArrayLike, *, above_zero: bool = False) -> Array:
    """Return `value` as prices of shape (n_paths, n_steps + 1, n_assets) with at least one step.

    Raises
    ------
    ValueError
        If the shape differs, an entry is not finite or, where logarithms are taken, not above zero.
    """
    fix = "a single path of one asset is prices[None, :, None], a table of days by assets prices[None]"
    result = array(name, value)
    _same_shape(name, result, ("n_paths", "n_steps + 1", "n_assets"), fix)
    if result.shape[1] < 2:
        raise ValueError(_message(name, f"shape {result.shape}", "at least two dates on axis 1", fix))
    if above_zero and (result <= 0).any():
        where = tuple(int(i) for i in np.argwhere(result <= 0)[0])
        raise ValueError(
            f"{name} has {int((result <= 0).sum())} entries at or below 0, the first {result[where]:g} at {where}: "
            "prices above 0 are needed here. These look like returns: pass prices, as in 100 * (1 + r).cumprod()."
        )
    return result


def semidefinite(name: str, value: ArrayLike, n: int | None = None) -> Array:
    """Return `value` as a symmetric positive semidefinite matrix of shape (n, n).

    Raises
    ------
    ValueError
        If it is not square, not symmetric to 1e-10 of its largest entry, or has an eigenvalue below
        -1e-10 of its largest.
    """
    result = array(name, value)
    if result.ndim != 2 or not len(result) or result.shape[0] != result.shape[1] or n not in (None, result.shape[0]):
        size = "(n, n)" if n is None else f"({n}, {n})"
        raise ValueError(_message(name, f"shape {result.shape}", f"shape {size}", "one asset needs [[value]]"))
    floats = result.astype(float)
    scale = np.abs(floats).max(initial=0.0)
    if np.abs(floats - floats.T).max() > 1e-10 * scale:
        gap = np.abs(floats - floats.T).max()
        raise ValueError(f"{name} is not symmetric: entries differ from their mirror by up to {gap:g}. Use (A + A.T) / 2.")
    lowest = np.linalg.eigvalsh(floats)[0]
    if lowest < -1e-10 * scale:
        raise ValueError(
            f"{name} has the eigenvalue {lowest:g}: allowed is a positive semidefinite matrix (no eigenvalue below 0). "
            "Check the sign, or a covariance estimated with gaps."
        )
    return result


def persistence(name: str, value: float) -> float:
    """Return `value` if it is in [0, 1), the autocorrelation of a stationary process, else raise ValueError."""
    number(name, value, 0, 1)
    if value == 1:
        raise ValueError(_message(name, value, "a number in [0, 1)", "1 is the random walk, paths.gaussian"))
    return value


def autoregression(
    name: str, coefficient: ArrayLike, covariance_name: str, covariance: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return A, Σ and the innovations' covariance Σ - AΣA' of stationary x_t = A x_{t-1} + ε_t with covariance Σ.

    Parameters
    ----------
    coefficient : float, or array of shape (n, n)
        A; a number ρ stands for ρ times the identity.
    covariance : array, shape (n, n)
        Σ, of x.

    Raises
    ------
    ValueError
        If a shape differs, the spectral radius of A is 1 or more, or Σ or Σ - AΣA' is not positive semidefinite.
    """
    covariance = semidefinite(covariance_name, covariance).astype(float)
    n = len(covariance)
    matrix = array(name, coefficient, None if np.ndim(coefficient) == 0 else (n, n)).astype(float)
    matrix = matrix * np.eye(n) if matrix.ndim == 0 else matrix
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    if radius >= 1:
        fix = "a random walk's increments have coefficient 0; a price that reverts is paths.ornstein_uhlenbeck"
        raise ValueError(_message(name, coefficient, f"a spectral radius below 1, it is {radius:g}", fix))
    innovation = covariance - matrix @ covariance @ matrix.T
    innovation = (innovation + innovation.T) / 2
    if np.linalg.eigvalsh(innovation)[0] < -1e-10 * np.abs(covariance).max():
        fix = "to start from innovations Q pass scipy.linalg.solve_discrete_lyapunov(coefficient, Q)"
        allowed = f"a Σ of the increments that leaves Σ - AΣA' of this {name} positive semidefinite"
        raise ValueError(_message(covariance_name, covariance.tolist(), allowed, fix))
    return matrix, covariance, innovation


def weights(name: str, value: ArrayLike, shape: tuple[int | str, ...], *, fix: str = "") -> Array:
    """Return `value` as portfolio weights of the given shape: at least 0, summing to 1 along the last axis.

    `fix` stands for the usual hints where the numbers are no weights, but probabilities.

    Raises
    ------
    ValueError
        As in `array`; or if a weight is below 0, or a sum differs from 1 by more than 1e-9.
    """
    result = array(name, value, shape)
    if (result < 0).any():
        fix = fix or "a short position can lose everything, and no log of wealth is left"
        raise ValueError(_message(name, float(result.min()), "weights of at least 0", fix))
    gaps = abs(result.sum(axis=-1) - 1)
    if (gaps > 1e-9).any():
        worst = float(result.sum(axis=-1).flat[gaps.argmax()])
        fix = fix or "divide by the sum, and give cash a column of its own, with the price 1"
        raise ValueError(_message(name, f"shape {result.shape} with the sum {worst:g}", "a sum of 1", fix))
    return result


def changes(name: str, value: ArrayLike, shape: tuple[int | str, ...]) -> Array:
    """Return `value` as returns or price changes of the given shape.

    Raises
    ------
    ValueError
        As in `array`; or if there are 20 entries or more and all are above 0, which only prices are.
    """
    result = array(name, value, shape)
    if result.size >= 20 and (result > 0).all():
        raise ValueError(
            f"{name} has {result.size} entries, all above 0: these look like prices. "
            "Pass price changes, np.diff(prices, axis=1), or returns, p[1:] / p[:-1] - 1."
        )
    return result


def times(name: str, value: ArrayLike, n: int) -> Array:
    """Return `value` as an array of n times in their order, equal ones allowed; raises ValueError as `array`, or if one falls."""
    result = array(name, value, (n,))
    if (falls := np.flatnonzero(np.diff(result) < 0)).size:
        k = falls[0]
        raise ValueError(_message(f"{name}[{k + 1}]", result[k + 1], f"{float(result[k])} or more, as the time before it", "sort by time"))
    return result


def reject(name: str, value: object, what: str, fix: str) -> NoReturn:
    """Raise the ValueError of what is found only after looking inside, as into a file: name, value, what, fix."""
    shown = repr(value)
    shown = shown if len(shown) <= 300 else f"{shown[:100]}...{shown[-100:]}"  # the name of a file is at the end
    raise ValueError(f"{name} {shown}: {what.rstrip('.')}. Likely fix: {fix}.") from None


def _same_shape(name: str, result: Array, shape: tuple[int | str, ...], fix: str) -> None:
    matches = result.ndim == len(shape) and all(
        (n >= 1 if isinstance(s, str) else n == s) for n, s in zip(result.shape, shape, strict=False)
    )
    if not matches:
        wanted = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
        raise ValueError(_message(name, f"shape {result.shape}", f"shape {wanted}", fix))


def _message(name: str, value: object, allowed: str, fix: str) -> str:
    value = value.item() if isinstance(value, np.generic) else value  # 2.0 and not np.float64(2.0)
    shown = repr(value) if not isinstance(value, str) or not value.startswith("shape ") else value
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{name} is {shown}: allowed is {allowed}." + (f" Likely fix: {fix}." if fix else "")
