"""Statistical factors out of sample: neutral baskets of real stocks, and what estimation error does (chapter 9)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnvh import check, neutrality, readers
from mnvh import decomposition as dec
from mnvh.check import Array


class Window(NamedTuple):
    """A stretch of days after the years from which its factors were estimated.

    Attributes
    ----------
    year : calendar year of the stretch.
    relative : array, shape (1, n_days + 1, n_assets), prices in units of those at its first close.
    neutral : array, shape (n_assets, n_assets), the projector P on holdings without exposure to the factors.
    """

    year: int
    relative: Array
    neutral: Array


def walk_forward(prices: pd.DataFrame, n_factors: int, *, training_years: int, holding_days: int) -> list[Window]:
    """Windows of real prices with the principal components of the calendar years before each (§9).

    The components are those of daily returns, of unit money in each asset; P is estimated anew each year from the
    training years alone, I without factors. Assets with a gap in a year or its training sit that year out.

    Parameters
    ----------
    prices : DataFrame, shape (n_days, n_assets), indexed by rising dates
        As from `readers.read_prices`.
    n_factors : int
        k ≥ 0, below the number of assets.
    training_years, holding_days : int
        Years of estimation, and days after which the window ends and the next begins at the same close.

    Raises
    ------
    ValueError
        If prices are no table indexed by rising dates, one is not above 0, there are not more calendar years than training
        years, a number is out of range, or a year has too few assets.
    """
    if not isinstance(prices, pd.DataFrame) or not isinstance(prices.index, pd.DatetimeIndex):
        raise ValueError(f"prices is a {type(prices).__name__}: allowed is a DataFrame indexed by dates, from read_prices.")
    if not prices.index.is_monotonic_increasing or not prices.index.is_unique:
        raise ValueError("prices has dates out of order or twice: sort the rows by date and drop what stands twice.")
    rest = np.diff(prices.index) / np.timedelta64(1, "D")
    if len(rest) and rest.max() > 31:
        raise ValueError(f"prices has no date for {rest.max():.0f} days after {prices.index[rest.argmax()]:%Y-%m-%d}: cut the table there.")
    n_factors = check.integer("n_factors", n_factors, 0)
    calendar = prices.index.year.to_numpy()
    years = sorted(set(calendar))
    training_years = check.integer("training_years", training_years, 1, len(years) - 1, fix="more calendar years of prices")
    holding_days = check.integer("holding_days", holding_days, 1)
    windows = []
    for year in years[training_years:]:
        first, split, end = np.searchsorted(calendar, [year - training_years, year, year + 1])
        known = prices.iloc[first:end].dropna(axis=1)
        n = known.shape[1]
        check.integer("n_factors", n_factors, 0, max(n - 1, 0), fix=f"{n} assets are without a gap up to {year}")
        values = readers.from_frame(known)[0]
        past, now = values[: split - first], values[split - first :]
        returns = past[1:] / past[:-1] - 1
        neutral = neutrality.projector(neutrality.statistical_loadings(returns, n_factors)) if n_factors else np.eye(n)
        for start in range(0, len(now) - 1, holding_days):
            stretch = now[start : start + holding_days + 1]
            windows.append(Window(int(year), (stretch / stretch[0])[None], neutral))
    return windows


def residual_results(windows: list[Window], *, delay: int) -> pd.DataFrame:
    """What a grid on the residuals earns, holds and trades each year, in units of its notional (§9).

    The intensity is P/n in units of relative prices: each of n stocks trades 1/n of 1 % per 1 %. The grid starts empty, and
    is closed at the last close of its window. Trades are filled at the close and pay nothing.

    Parameters
    ----------
    windows : list of Window
        As from `walk_forward`.
    delay : int
        Days by which the prices that are traded on are older than the close that fills.

    Returns
    -------
    DataFrame with a row a year
        pnl, the sum; position, the mean of the money in absolute holdings; turnover, the sum of the money traded. At a
        proportional cost c the result is pnl - c · turnover.

    Raises ValueError if there is no window, one is not a Window, or the delay is below 0.
    """
    check.integer("the number of windows", len(check.instance("windows", windows, list)), 1)
    delay = check.integer("delay", delay, 0)
    rows = []
    for window in windows:
        check.instance("windows", window, Window)
        relative, n = window.relative, len(window.neutral)
        signal = relative[:, np.maximum(np.arange(relative.shape[1]) - delay, 0)]
        held = dec.LinearGrid(window.neutral / n, np.ones(n)).holdings(signal)
        held[:, -1] = 0
        money = np.vecdot(np.abs(held), relative)[0, :-1]
        traded = np.vecdot(np.abs(np.diff(held, axis=1)), relative[:, 1:]).sum()
        rows.append([dec.follow(held, relative)[0, -1], money.sum(), traded, len(money)])
    columns = ["pnl", "position", "turnover", "days"]
    years = pd.DataFrame(rows, columns=columns).groupby([window.year for window in windows]).sum()
    years["position"] /= years.pop("days")
    return years


def newey_west(values: ArrayLike, *, n_lags: int) -> tuple[float, float]:
    """Mean of a series and its standard error when neighbours are correlated (Newey and West, 1987).

    The variance of the mean is Σ w_l Σ d_t d_{t+l} / (n(n - 1)) over lags l of both signs, for deviations d from the mean and
    the weights w_l = 1 - |l|/(n_lags + 1); without lags it is that of independent values.

    Parameters
    ----------
    values : array, shape (n_values,)
    n_lags : int

    Raises ValueError if a value is not finite, there is one only, or there are not more values than lags.

    Examples
    --------
    >>> newey_west([1.0, 1.0, 0.0, 0.0], n_lags=1)
    (0.5, 0.3227486121839514)
    """
    values = check.array("values", values, ("n_values",))
    n = check.integer("the number of values", len(values), 2)
    n_lags = check.integer("n_lags", n_lags, 0, n - 1)
    apart = values - values.mean()
    products = [(1 + (lag > 0)) * (1 - lag / (n_lags + 1)) * (apart[lag:] @ apart[: n - lag]) for lag in range(n_lags + 1)]
    return float(values.mean()), float(np.sqrt(sum(products) / (n * (n - 1))))


def promises(estimate: ArrayLike, found: ArrayLike, n_factors: int) -> tuple[float, float, float, float]:
    """What an estimate of Σ promises of the K that it chooses, and what another Σ makes of them (§9).

    Parameters
    ----------
    estimate, found : array, shape (n_assets, n_assets)
        Σ as estimated, and as it is or was afterwards.
    n_factors : int
        k, of the neutral K: I less the first k eigenvectors of the estimate.

    Returns
    -------
    promised, delivered : float
        Tr(KΣ) of definition 1 per unit of Tr K: K is the first eigenvector of the estimate, by itself transposed.
    left, left_found : float
        Tr(KΣ)/Tr Σ of the neutral K.

    Raises ValueError if a matrix is not symmetric positive semidefinite or 0, or k is not from 1 to n_assets - 1.

    Examples
    --------
    >>> promises([[3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], 1)
    (3.0, 1.0, 0.25, 0.5)
    """
    estimate = check.semidefinite("estimate", estimate)
    found = check.semidefinite("found", found, len(estimate))
    n_factors = check.integer("n_factors", n_factors, 1, max(1, len(estimate) - 1))
    for name, matrix in (("estimate", estimate), ("found", found)):
        check.positive(f"the trace of {name}", float(np.trace(matrix)))
    vectors = np.linalg.eigh(estimate)[1]
    first, factor = vectors[:, -1], vectors[:, -n_factors:]
    both = [first @ matrix @ first for matrix in (estimate, found)]
    return *map(float, both), *(
        float(1 - np.vdot(factor, matrix @ factor) / np.trace(matrix)) for matrix in (estimate, found)
    )


def spiked_limits(spike: float, ratio: float) -> tuple[float, float]:
    """Largest eigenvalue of a sample covariance, and squared cosine of its vector with the true one (Paul, 2007).

    For Σ = I + (ℓ - 1)uu', in the limit of many assets n and observations T with γ = n/T: the eigenvalue is
    ℓ(1 + γ/(ℓ - 1)) and cos² = (1 - γ/(ℓ - 1)²)/(1 + γ/(ℓ - 1)) for ℓ > 1 + √γ; below it the factor is lost in the noise,
    (1 + √γ)² and 0.

    Parameters
    ----------
    spike : float
        ℓ ≥ 1, variance along the factor where that of the noise is 1.
    ratio : float
        γ > 0, assets per observation.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> spiked_limits(3.0, 1.0)
    (4.5, 0.5)
    """
    excess = check.number("spike", spike, 1, fix="in units of the noise's variance") - 1
    ratio = check.positive("ratio", ratio)
    if excess <= np.sqrt(ratio):
        return float((1 + np.sqrt(ratio)) ** 2), 0.0
    return spike * (1 + ratio / excess), (1 - ratio / excess**2) / (1 + ratio / excess)
