"""Real prices: those that come inside a package, and a reader's own file (chapter 2).

Nothing is repaired or dropped. What makes a file unusable is a ValueError that names its rows; what its owner
should look at (missing days, gaps, probable splits) stands in `frame.attrs["report"]`, a list of sentences.
"""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from mnvh import check
from mnvh.check import Array

SPLITS = tuple(range(2, 11))  # new shares for an old one, or old for a new
NYSE = Path(__file__).resolve().parents[1] / "data" / "nyse_o.csv.gz"  # in the checkout, beside the package


def sp500_stocks() -> pd.DataFrame:
    """Adjusted closing prices in USD of twenty S&P 500 stocks, daily 1990-2022, from skfolio's wheel.

    Twenty that survived, chosen in hindsight; rounded to 0.001, which is .7 % of the lowest price (BBY, 1990).

    Returns
    -------
    DataFrame, shape (8313, 20), indexed by date; `attrs["report"]` as in `read_prices`.

    Examples
    --------
    >>> sp500_stocks()["AAPL"].iloc[[0, -1]].tolist()
    [0.264, 125.674]
    """
    from skfolio.datasets import load_sp500_dataset  # its import takes seconds

    frame = load_sp500_dataset().rename_axis(index="date")
    frame.attrs["report"] = _report(frame, max_gap_days=7)
    return frame


def nyse_stocks() -> pd.DataFrame:
    """Values of 36 New York stocks, daily from July 1962 to December 1984, from `data/` (Cover, Math. Finance 1991).

    Stocks that were listed throughout, chosen in hindsight. The source has no dates.

    Returns
    -------
    DataFrame, shape (5652, 36), indexed by trading day; day 0 is 1 for each stock.

    Raises
    ------
    FileNotFoundError
        If the file is absent, as it is from an installation that is no checkout.

    Examples
    --------
    >>> nyse_stocks()[["iroqu", "kinar"]].iloc[-1].round(4).tolist()
    [8.9151, 4.1276]
    """
    if not NYSE.is_file():
        raise FileNotFoundError(
            f"{NYSE} is absent: the data stand in the project's checkout beside mnvh. "
            "Likely fix: run from the checkout, where `make book` installs the package in place, and restore the file."
        )
    values = pd.read_csv(NYSE, dtype=str).astype(float).set_axis(range(1, 5652))
    first = pd.DataFrame(1.0, index=[0], columns=values.columns)
    return pd.concat([first, values]).rename_axis(index="day")


def sp500_index() -> pd.DataFrame:
    """S&P 500, daily 1999-2018, and the VIX, daily 2014-2018, both closing values, from arch's wheel.

    Returns
    -------
    DataFrame, shape (5031, 5), indexed by the index's trading days: open, high, low, close, vix
        `vix` is in per cent a year and NaN where the source has none.

    Examples
    --------
    >>> frame = sp500_index()
    >>> frame["close"].iloc[0].round(2).item(), int(frame["vix"].notna().sum())
    (1228.1, 1257)
    """
    from arch.data import sp500, vix  # their import takes seconds

    frame = sp500.load().rename_axis(index="date")[["Open", "High", "Low", "Close"]].rename(columns=str.lower)
    return frame.assign(vix=vix.load()["vix"])


def read_prices(path: str | Path, *, max_gap_days: int = 7) -> pd.DataFrame:
    """Prices from a reader's own file; a UserWarning repeats the report where there is something to look at.

    Parameters
    ----------
    path : str or Path
        .csv, .csv.gz, or .parquet where pyarrow is installed. First row: names. First column (or index): dates as
        YYYY-MM-DD, rising, one row each; a time of day is kept, an offset from UTC is not. Every other column: the
        prices of one asset, adjusted for splits, with a decimal point; an empty entry is a missing price.
    max_gap_days : int
        Longest time between two dates, in calendar days, that goes unreported; the New York exchange closed for
        seven in September 2001.

    Returns
    -------
    DataFrame of float, indexed by date, one column per asset
        Missing prices are NaN. `attrs["report"]` lists missing days, gaps and one-day moves within 1 % of a split
        of 2 to 10 for 1 or 1 for 2 to 10.

    Raises
    ------
    ValueError
        If the file cannot be read; has no header or a name twice; has a date that is no date, stands twice or out
        of order; or has text, infinity, or a number at or below 0 in place of a price, or a column without prices.
    """
    check.integer("max_gap_days", max_gap_days, 1)
    table = _read(path)
    names = [str(name).strip() for name in table.columns]
    if not pd.isna(_dates(table.columns[:1])[0]):
        _reject(path, f"has no header: its first row begins with {names[0]}", "name the columns: date,AAA,BBB")
    if len(names) < 2:
        _reject(path, "has one column", "separate a date and one column per asset by commas")
    if len(set(names)) < len(names) or "nan" in names[1:]:
        _reject(path, f"has the columns {', '.join(names)}", "give each column its own name")
    dates, rows = _dates(table.iloc[:, 0]), table.index.to_numpy()
    _none(path, f"column {names[0]}: no date", rows[np.isnat(dates)], "write dates as YYYY-MM-DD")
    _none(path, f"column {names[0]}: a date for the second time", rows[pd.Index(dates).duplicated()], "keep one of them")
    falls = np.flatnonzero(np.diff(dates) < np.timedelta64(0)) + 1
    _none(path, f"column {names[0]}: a date before the one above", rows[falls], "sort the rows by date")
    if len(dates) < 2:
        _reject(path, f"has {len(dates)} rows of prices", "at least two dates are needed")
    frame = pd.DataFrame(index=pd.DatetimeIndex(dates, name="date"))
    for name, (_, column) in zip(names[1:], list(table.items())[1:], strict=True):
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        _none(path, f"column {name}: text", rows[np.isnan(values) & column.notna()], "numbers only, 1234.5, or nothing")
        _none(path, f"column {name}: infinity", rows[np.isinf(values)], "leave missing prices empty")
        fix = "these look like returns: pass prices, as in 100 * (1 + r).cumprod()"
        _none(path, f"column {name}: a number at or below 0", rows[values <= 0], fix)
        if np.isnan(values).all():
            _reject(path, f"column {name}: no price at all", "take the column out")
        frame[name] = values
    frame.attrs["report"] = _report(frame, max_gap_days)
    if frame.attrs["report"]:
        warnings.warn(f"{path}: " + " ".join(frame.attrs["report"]), stacklevel=2)
    return frame


def from_frame(frame: pd.DataFrame) -> Array:
    """Table of prices, days by assets, as prices of one path, shape (1, n_days, n_assets).

    Raises
    ------
    ValueError
        If an entry is missing, no number, or not above 0.
    """
    return check.prices("frame", np.asarray(frame)[None], above_zero=True)


def _read(path: str | Path) -> pd.DataFrame:
    """The file as it is: names in `columns`, and in `index` the number of each row in the file, the header's being 1."""
    if not isinstance(path, (str, Path)) or not Path(path).is_file():
        _reject(path, "is no file", "pass the path of a .csv, .csv.gz or .parquet file")
    suffixes = "".join(Path(path).suffixes).lower()
    try:
        if suffixes.endswith(".parquet"):
            if importlib.util.find_spec("pyarrow") is None:
                _reject(path, "needs pyarrow, which is not installed", "pip install pyarrow, or save the table as .csv")
            table = pd.read_parquet(path)
            table = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
            return table.set_axis(range(2, len(table) + 2))
        if not suffixes.endswith((".csv", ".csv.gz")):
            _reject(path, "is of an unknown kind", "save it as .csv, .csv.gz or .parquet")
        raw = pd.read_csv(path, header=None, dtype=str, skip_blank_lines=False, encoding="utf-8-sig")
    except (OSError, EOFError, UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        _reject(path, f"cannot be read ({error})", "save it again, as text in UTF-8, with as many commas in each row")
    table = raw.iloc[1:].set_axis(raw.iloc[0].to_list(), axis=1).set_axis(range(2, len(raw) + 1))
    return table[table.notna().any(axis=1)]


def _dates(values: pd.Series | pd.Index) -> Array:
    """Local dates and times, NaT where there is none."""
    text = pd.Series(values).astype(str).str.replace(r"(?<=:\d\d)(Z|[+-]\d\d:?\d\d)$", "", regex=True)
    return pd.to_datetime(text, format="ISO8601", errors="coerce").to_numpy()


def _report(frame: pd.DataFrame, max_gap_days: int) -> list[str]:
    dates, report = frame.index, []
    gaps = np.flatnonzero(np.diff(dates) > np.timedelta64(max_gap_days, "D"))
    if len(gaps):
        first = f"{dates[gaps[0]]:%Y-%m-%d} to {dates[gaps[0] + 1]:%Y-%m-%d}"
        report.append(f"More than {max_gap_days} days lie between two dates in {len(gaps)} places, first from {first}.")
    for name, missing in frame.isna().items():
        if missing.any():
            first = f"{dates[missing][0]:%Y-%m-%d}"
            report.append(f"{name} has no price on {missing.sum()} of {len(frame)} dates, first on {first}.")
    ratios = frame / frame.ffill().shift()
    for k in SPLITS:
        for factor, words in ((k, f"1 for {k}"), (1 / k, f"{k} for 1")):
            for row, asset in np.argwhere(abs(ratios / factor - 1).to_numpy() < 0.01):
                move = f"{frame.columns[asset]} moves by a factor {ratios.iat[row, asset]:.4f} on {dates[row]:%Y-%m-%d}"
                report.append(f"{move}, perhaps a split {words}.")
    return report


def _none(path: str | Path, what: str, rows: Array, fix: str) -> None:
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
        _reject(path, f"{what}, in {len(rows)} of its rows: {shown}", fix)


def _reject(path: str | Path, what: str, fix: str) -> NoReturn:
    raise ValueError(f"path {str(path)!r}: {what}. Likely fix: {fix}.")
