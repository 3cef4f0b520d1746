"""Real prices: those that come inside a package, and a reader's own file (chapter 2).

Nothing is repaired, and only dates without any price are dropped. What makes a file unusable is a ValueError that
names its rows; what its owner should look at stands in `frame.attrs["report"]`, a list of sentences.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from mnvh import check
from mnvh.check import Array

RATIOS = [Fraction(ratio) for ratio in ("3/2", "5/2", *range(2, 11), 12, 15, 20, 25, 30, 40, 50, 100, 1000)]
FIELDS = {"open", "high", "low", "close", "adj close", "volume"}  # of one asset, in files of charts
FIRST = np.datetime64("1600-01-01")  # the oldest exchange is of 1602: what is earlier is a placeholder, or no date
NYSE = Path(__file__).resolve().parent / "data" / "nyse_o.csv.gz"


def sp500_stocks() -> pd.DataFrame:
    """Adjusted closing prices in USD of twenty S&P 500 stocks, daily 1990-2022, from skfolio's wheel.

    Twenty that survived, chosen in hindsight; rounded to 0.001, which is 1.0 % of the lowest price (AAPL, 1997).

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
        .csv, .csv.gz or .parquet. First row: names. First column (or index): dates as YYYY-MM-DD, rising, one row
        each; a time of day is kept, an offset from UTC is not. Every other column: the prices of one asset,
        adjusted for splits, with a decimal point; an empty entry is a missing price.
    max_gap_days : int
        Longest time between two dates, in calendar days, that goes unreported; the New York exchange closed for
        seven in September 2001.

    Returns
    -------
    DataFrame of float, indexed by date, one column per asset
        Missing prices are NaN; dates without any price are left out. `attrs["report"]` lists these, missing days,
        gaps, columns that look like fields of one asset or like gross returns, and moves from one price to the next
        by a factor above 1.4, or below 1/1.4, that is also more than eight of the asset's robust standard
        deviations. A smaller split (5 for 4) cannot be told from a bad day and goes unreported.

    Raises
    ------
    ValueError
        If the file cannot be read; has no header, a name twice or one with two $; has a date that is no date, is
        before 1600, stands twice or is out of order; or has no number (`floats`), or one at or below 0, in place of a
        price, or a column without prices.
    """
    check.integer("max_gap_days", max_gap_days, 1)
    table = read_table(path)
    names = [str(name).strip() for name in table.columns]
    if pd.notna(_dates(table.columns[:1])).any():
        check.reject("path", str(path), f"has no header: its first row begins with {names[0]}", "name the columns: date,AAA,BBB")
    if len(set(names)) < max(2, len(names)) or {"nan", ""} & set(names[1:]):
        check.reject("path", str(path), f"has the columns {_some(names)}", "a date and each asset have a column of their own, with a name")
    if formulas := [name for name in names if name.count("$") > 1]:
        check.reject("path", str(path), f"has the column {formulas[0]!r}", "one $ at most: figures set what stands between two as a formula")
    dates, rows = _dates(table.iloc[:, 0]), table.index.to_numpy()
    _none(path, f"column {names[0]}: no date", rows[np.isnat(dates)], "write dates as YYYY-MM-DD")
    _none(path, f"column {names[0]}: a date for the second time", rows[pd.Index(dates).duplicated()], "keep one of them")
    _none(path, f"column {names[0]}: a date before {FIRST}", rows[dates.astype("M8[D]") < FIRST], "leave rows without a date out")
    falls = np.flatnonzero(np.diff(dates) < np.timedelta64(0)) + 1
    _none(path, f"column {names[0]}: a date before the one above", rows[falls], "sort the rows by date")
    columns = {}
    for name, (_, column) in zip(names[1:], list(table.items())[1:], strict=True):
        values = floats(column)
        fix = f"numbers only, 1234.5, from {1 / check.LARGEST:g} to {check.LARGEST:g}, or nothing where one is missing"
        _none(path, f"column {name}: no number", rows[np.isnan(values) & column.notna()], fix)
        fix = "leave it empty where a price is missing; of returns make prices, as in 100 * (1 + r).cumprod()"
        _none(path, f"column {name}: a number at or below 0", rows[values <= 0], fix)
        if np.isnan(values).all():
            check.reject("path", str(path), f"column {name}: no price at all", "take the column out")
        columns[name] = values
    every = pd.DataFrame(columns, index=pd.DatetimeIndex(dates, name="date"))
    frame = every.dropna(how="all")
    if len(frame) < 2:
        check.reject("path", str(path), f"has {len(frame)} rows of prices", "at least two dates are needed")
    frame.attrs["report"] = _report(frame, max_gap_days)
    if len(frame) < len(every):
        empty = [f"{date:%Y-%m-%d}" for date in every.index.difference(frame.index)]
        frame.attrs["report"].insert(0, f"No price at all on {len(empty)} dates, which are left out: {_some(empty)}.")
    if frame.attrs["report"]:
        warnings.warn(f"{path}: " + " ".join(frame.attrs["report"]), stacklevel=2)
    return frame


def calendar_years(name: str, frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Prices of each calendar year, for means over years with a standard error; a UserWarning says what is left out.

    Left out are years with less than half the median number of dates; from a year, assets that have no price on one
    of its dates or never move; from all years, assets that have fewer than two left; and years with fewer than two
    assets left.

    Parameters
    ----------
    name : str
        What messages call the data.
    frame : DataFrame, indexed by date, one column per asset

    Returns
    -------
    list of DataFrame
        Two years or more, of three dates or more; two assets or more are in all of them.

    Raises
    ------
    ValueError
        If the frame has no dates, or less is left.
    """
    check.dated("frame", frame)
    year = frame.index.year
    counts = frame.groupby(year).size()
    long = counts >= max(3, counts.median() / 2)
    usable = (frame.notna().groupby(year).all() & frame.groupby(year).nunique().gt(1))[long]
    whole = usable
    while (kept := whole.loc[whole.sum(axis=1) > 1, whole.sum() > 1]).shape != whole.shape:
        whole = kept
    sitting = [f"{asset} ({_some(usable.index[~has])})" for asset, has in usable.items() if not has.all()]
    left = {f"Years with less than half the median number of dates, {counts.median():g},": counts.index[~long]}
    left |= {"Assets in years in which a price is missing or never moves": sitting}
    if enough := len(whole) > 1 and whole.all().sum() > 1:
        left |= {"Years with fewer than two assets left": usable.index.difference(whole.index)}
        left |= {"Assets with fewer than two years left": usable.columns.difference(whole.columns)}
    notes = "".join(f" {what} are left out: {_some(which)}." for what, which in left.items() if len(which))
    if not enough:
        raise ValueError(
            f"{name} has {frame.shape[1]} asset(s) and {len(counts)} calendar year(s) of {counts.median():g} date(s) (median): needed "
            f"are two years of three dates or more, and two assets with a price on every date of all years left in.{notes}"
        )
    if notes:
        warnings.warn(f"{name}:{notes}", stacklevel=2)
    return [frame.loc[year == label, whole.columns[has]] for label, has in whole.iterrows()]


def from_frame(frame: pd.DataFrame) -> Array:
    """Table of prices, days by assets, as prices of one path, shape (1, n_days, n_assets).

    Raises
    ------
    ValueError
        If an entry is missing, no number, or not above 0.
    """
    return check.prices("frame", np.asarray(frame)[None], above_zero=True)


def read_table(path: str | Path) -> pd.DataFrame:
    """A reader's file as it is: text from a .csv or .csv.gz, values as they are stored from a .parquet.

    Parameters
    ----------
    path : str or Path
        "~" stands for the home folder. A CSV is in UTF-8, separated by commas, with the names in its first row.

    Returns
    -------
    DataFrame
        Names in `columns` (those of a CSV as they are written, an index of a Parquet table as the first); in `index`
        the number of each row in the file, the header's being 1. Rows of a CSV without any entry are left out.

    Raises
    ------
    ValueError
        If there is no such file, it is of another kind or cannot be read, or its first row is a comment or separated
        by something else.
    """
    file = existing(path)
    if file.name.lower().endswith(".parquet"):
        table = _opened(path, lambda: _first_index(pd.read_parquet(io.BytesIO(file.read_bytes()))))
        if table.columns.nlevels > 1:
            what = f"has names of two levels, as {table.columns[-1]}"
            check.reject("path", str(path), what, 'keep one price an asset: frame["Close"]')
        return table.set_axis(range(2, len(table) + 2))
    unpacked = gzip.decompress if file.name.lower().endswith(".gz") else bytes
    text = _opened(path, lambda: unpacked(file.read_bytes()).decode("utf-8-sig"))
    first = text.partition("\n")[0]
    if first.startswith("#"):
        check.reject("path", str(path), f"begins with {first[:40].strip()!r}", "take comments out, the first row names the columns")
    if "," not in first and (";" in first or "\t" in first):
        what = f"has {'semicolons' if ';' in first else 'tabs'} in line 1"
        check.reject("path", str(path), what, "save it separated by commas, with decimal points")
    raw = _opened(path, lambda: pd.read_csv(io.StringIO(text), header=None, dtype=str, skip_blank_lines=False))
    table = raw.iloc[1:].set_axis(raw.iloc[0].to_list(), axis=1).set_axis(range(2, len(raw) + 1))
    return table[table.notna().any(axis=1)]


def existing(path: str | Path) -> Path:
    """The file at `path`, "~" standing for the home folder; raises ValueError if there is none, or of an unknown kind."""
    try:
        file = Path(path).expanduser()
        found = file.is_file()
    except (TypeError, OSError, RuntimeError, ValueError):  # no path at all, too long a name, ~ of nobody, a null in it
        found = False
    if not found:
        check.reject("path", str(path), "is no file", "pass the path of a .csv, .csv.gz or .parquet file")
    if not file.name.lower().endswith((".csv", ".csv.gz", ".parquet")):
        check.reject("path", str(path), "is of an unknown kind", "save it as .csv, .csv.gz or .parquet")
    return file


def floats(column: pd.Series) -> Array:
    """Entries as floats: NaN for all but numbers and texts that are one, and for those no product could be taken of.

    Dates, durations and true or false have numbers behind them, which are no prices. A number counts if it is 0 or its
    size is between 1e-100 and 1e100, as `check.array` has it at the upper end. Raises nothing: callers count or refuse NaN.
    """
    if column.dtype.kind not in "iuf":
        kept = [entry if isinstance(entry, (str, Decimal, Real)) and not isinstance(entry, bool) else None for entry in column]
        column = pd.to_numeric(pd.Series(kept, dtype=object), errors="coerce")
    values = column.to_numpy(float, na_value=np.nan)
    size = abs(values)
    return np.where((size == 0) | (size >= 1 / check.LARGEST) & (size <= check.LARGEST), values, np.nan)


def _first_index(table: pd.DataFrame) -> pd.DataFrame:
    """With the index as the first columns, unless it only counts."""
    return table.reset_index() if table.index.name is not None or not pd.api.types.is_integer_dtype(table.index) else table


def _opened(path: str | Path, reading: Callable) -> object:
    """What `reading` returns; whatever a library finds wrong with the file's bytes is one error."""
    try:
        return reading()
    except Exception as error:  # of any class: damaged metadata alone are a KeyError, a TypeError, an AttributeError
        fix = "save it anew: text in UTF-8 with as many commas in each row, or Parquet with each name once"
        check.reject("path", str(path), f"cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:300]})", fix)


def _dates(values: pd.Series | pd.Index) -> Array:
    """Local dates and times of a column of texts, NaT where there is none; an offset from UTC is not kept."""
    text = pd.Series(values).astype(str).str.replace(r"([T ]\d\d.*?)(Z|[+-]\d\d(:?\d\d)?)$", r"\1", regex=True)
    return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None).to_numpy()


def _report(frame: pd.DataFrame, max_gap_days: int) -> list[str]:
    dates, report = frame.index, []
    gaps = np.flatnonzero(np.diff(dates) > np.timedelta64(max_gap_days, "D"))
    if len(gaps):
        first = f"{dates[gaps[0]]:%Y-%m-%d} to {dates[gaps[0] + 1]:%Y-%m-%d}"
        report.append(f"More than {max_gap_days} days lie between two dates in {len(gaps)} places, first from {first}.")
    fields = [name for name in frame if name.lower() in FIELDS]
    shown = f"{{}} on {{}} of {len(frame)} dates (first {{:%Y-%m-%d}})".format
    missing = [shown(name, where.sum(), dates[where][0]) for name, where in frame.isna().items() if where.any()]
    moves = np.log(frame / frame.ffill().shift())
    back = (moves * moves.shift()).sum() < -0.3 * (moves**2).sum()  # of independent returns the changes have -0.5
    returns = frame.columns[back & (frame.gt(0.5) & frame.lt(2) | frame.isna()).all() & (len(frame) > 20)]
    scale = 1.4826 * abs(moves).median() if len(frame) > 20 else 0
    far = moves[(abs(moves) > np.log(1.4)) & (abs(moves) > 8 * scale)].stack().dropna().sort_values(key=abs, ascending=False)
    split = [f"{name} by {_some([_factor(*move) for move in own.items()], 3)}" for name, own in far.groupby(level=1, sort=False)]
    found = {
        f"The columns {', '.join(fields)} look like fields of one asset: where a column stands for an asset, keep one.": len(fields) > 1,
        f"Prices are missing: {_some(missing)}.": len(missing),
        f"Gross returns, it seems, in {_some(returns)}: pass prices, as in 100 * r.cumprod().": len(returns),
        f"Moves far beyond an asset's own scale, perhaps splits or slips of the point: {_some(split)}.": len(split),
    }
    return report + [sentence for sentence, holds in found.items() if holds]


def _factor(place: tuple[pd.Timestamp, str], move: float) -> str:
    """A move of the logarithm as a factor, with the ratio of a split, or power of ten, that is nearest to it."""
    nearest = min(RATIOS, key=lambda ratio: abs(np.log(float(ratio)) - abs(move)))
    return f"{np.exp(move):.4f} on {place[0]:%Y-%m-%d} (nearest ratio {nearest if move > 0 else 1 / nearest})"


def _some(items: Sequence[object], n: int = 5) -> str:
    return ", ".join(map(str, items[:n])) + (f" and {len(items) - n} more" if len(items) > n else "")


def _none(path: str | Path, what: str, rows: Array, fix: str) -> None:
    if len(rows):
        check.reject("path", str(path), f"{what}, in {len(rows)} of its rows: {_some(rows)}", fix)
