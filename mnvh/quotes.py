"""Best bid and ask over time: simulated round a mid price, and from a reader's own file (chapter 11).

Times are in seconds from the first quote. The reader drops only what its docstring names, and says how much and where.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array

COLUMNS = ("time", "bid", "ask")


@dataclass(frozen=True, eq=False)
class Quotes:
    """Best bid and ask at times that never fall.

    Parameters
    ----------
    time : array, shape (n_quotes,)
        Seconds.
    bid, ask : array, shape (n_quotes,)
        Price units, bid ≤ ask; rates and spreads may be negative.
    report : tuple of str
        What a reader of the file should know.

    Raises
    ------
    ValueError
        If an entry is not finite, a shape differs, a time falls, or a bid exceeds its ask.
    """

    time: Array
    bid: Array
    ask: Array
    report: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        time = check.array("time", self.time, ("n_quotes",))
        bid = check.array("bid", self.bid, time.shape)
        ask = check.array("ask", self.ask, time.shape)
        if (np.diff(time) < 0).any():
            where = int(np.flatnonzero(np.diff(time) < 0)[0]) + 1
            raise ValueError(f"time falls at entry {where}: sort the quotes by time.")
        if (bid > ask).any():
            where = np.flatnonzero(bid > ask)
            raise ValueError(f"bid exceeds ask in {len(where)} quotes, first at entry {where[0]}: drop crossed quotes.")
        if not isinstance(self.report, tuple) or not all(isinstance(line, str) for line in self.report):
            raise ValueError(f"report is {self.report!r}: allowed is a tuple of sentences. Likely fix: leave it out.")
        for name, values in (("time", time), ("bid", bid), ("ask", ask)):
            object.__setattr__(self, name, np.ascontiguousarray(values))

    @property
    def mid(self) -> Array:
        """Half of bid plus ask, shape (n_quotes,)."""
        return (self.bid + self.ask) / 2


def around(mid: ArrayLike, spread: ArrayLike, *, interval: float) -> Quotes:
    """Quotes at mid ± spread/2, one every `interval` seconds (the document's "theo" markets).

    Parameters
    ----------
    mid : array, shape (n_quotes,)
        Price units; one path of `mnvh.paths` is prices[0, :, 0].
    spread : float, or array of shape (n_quotes,)
        Ask less bid, price units, ≥ 0; for basis points pass 1e-4 · spread_bps · mid.
    interval : float
        Seconds between quotes, above 0.

    Raises ValueError if an entry is not finite, a shape differs, a spread is negative or the interval is not above 0.

    Examples
    --------
    >>> around([100.0, 101.0], 0.5, interval=1.0).ask
    array([100.25, 101.25])
    """
    mid = check.array("mid", mid, ("n_quotes",))
    check.positive("interval", interval)
    spread = check.array("spread", np.full(len(mid), spread) if np.ndim(spread) == 0 else spread, mid.shape)
    check.number("spread", float(spread.min()), 0, fix="the spread is ask less bid")
    return Quotes(interval * np.arange(len(mid)), mid - spread / 2, mid + spread / 2)


def read_quotes(path: str | Path, *, max_gap: float = 300.0, above_zero: bool = True) -> Quotes:
    """Quotes from a reader's own file; a UserWarning repeats the report where there is something to look at.

    Dropped, and counted in the report: rows whose bid or ask is missing, not a number or infinite; at or below zero (where
    `above_zero`); crossed, bid above ask. Rows out of order are sorted by time. Kept, and counted: locked quotes (bid = ask),
    rows that repeat the quote before them at the same time, several quotes at one time, gaps longer than `max_gap`.

    Parameters
    ----------
    path : str or Path
        .csv, .csv.gz, or .parquet where pyarrow is installed, with the columns time, bid and ask in any order; others
        are left alone. Times are ISO 8601, all with or all without an offset, or seconds.
    max_gap : float
        Longest time between two quotes that goes unreported, in seconds.
    above_zero : bool
        False for rates and spreads, which may be at or below zero.

    Returns
    -------
    Quotes
        `report` has one sentence per kind of finding, with the count and the first rows of the file (the header is row 1).

    Raises
    ------
    ValueError
        If the file cannot be read or is truncated, a column is missing, a time is no time, or fewer than two quotes remain.
    """
    check.positive("max_gap", max_gap, fix="it is in seconds")
    if not isinstance(above_zero, bool):
        raise ValueError(f"above_zero is {above_zero!r}: allowed is True, or False for rates and spreads.")
    table = _read(path)
    rows = np.arange(2, len(table) + 2)
    time = _seconds(path, table["time"], rows)
    bid, ask = (pd.to_numeric(table[name], errors="coerce").to_numpy(float) for name in ("bid", "ask"))
    report: list[str] = []
    bad = ~(np.isfinite(bid) & np.isfinite(ask))
    _note(report, rows[bad], "dropped: bid or ask is missing, no number or infinite")
    low = ~bad & above_zero & ((bid <= 0) | (ask <= 0))
    _note(report, rows[low], "dropped: bid or ask is at or below zero")
    crossed = ~bad & ~low & (bid > ask)
    _note(report, rows[crossed], "dropped: crossed, bid above ask")
    kept = ~(bad | low | crossed)
    time, bid, ask, rows = time[kept], bid[kept], ask[kept], rows[kept]
    _note(report, rows[1:][np.diff(time) < 0], "out of order, sorted by time")
    order = np.argsort(time, kind="stable")
    time, bid, ask, rows = time[order], bid[order], ask[order], rows[order]
    _note(report, rows[bid == ask], "locked, bid equal to ask; kept")
    same = np.diff(time) == 0
    repeated = same & (np.diff(bid) == 0) & (np.diff(ask) == 0)
    _note(report, rows[1:][repeated], "a duplicate of the row before; kept, it changes nothing")
    _note(report, rows[1:][same & ~repeated], "another quote at the same time; kept in the file's order")
    _note(report, rows[1:][np.diff(time) > max_gap], f"more than {max_gap:g} s after the quote before")
    if len(time) < 2:
        _reject(path, f"{len(time)} usable quotes of {len(table)} rows. {' '.join(report)}", "at least two are needed")
    if report:
        warnings.warn(f"{path}: " + " ".join(report), stacklevel=2)
    return Quotes(time - time[0], bid, ask, tuple(report))


def _read(path: str | Path) -> pd.DataFrame:
    """Columns time, bid and ask of the file, as text where it is a CSV."""
    if not isinstance(path, (str, Path)) or not Path(path).is_file():
        _reject(path, "is no file", "pass the path of a .csv, .csv.gz or .parquet file")
    suffixes = "".join(Path(path).suffixes).lower()
    try:
        if suffixes.endswith(".parquet"):
            if importlib.util.find_spec("pyarrow") is None:
                _reject(path, "needs pyarrow, which is not installed", "pip install pyarrow, or save the quotes as .csv")
            table = pd.read_parquet(path)
            table = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
        elif suffixes.endswith((".csv", ".csv.gz")):
            table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", skip_blank_lines=False, on_bad_lines="error")
        else:
            _reject(path, "is of an unknown kind", "save it as .csv, .csv.gz or .parquet")
    except (OSError, EOFError, UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        _reject(path, f"cannot be read ({error})", "save it again; a truncated gzip must be fetched anew")
    table.columns = [str(name).strip().lower() for name in table.columns]
    if set(COLUMNS) - set(table.columns) or table.columns.duplicated().any():
        found = ", ".join(table.columns)
        _reject(path, f"has the columns {found}", "the first row must name time, bid and ask, each once")
    return table[list(COLUMNS)]


def _seconds(path: str | Path, column: pd.Series, rows: Array) -> Array:
    """Times in seconds, from numbers or from ISO 8601."""
    numbers = pd.to_numeric(column, errors="coerce") if column.dtype.kind != "M" else pd.Series(np.nan, column.index)
    if np.isfinite(numbers.to_numpy(float)).all():
        return numbers.to_numpy(float)
    try:
        stamps = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    except (ValueError, TypeError) as error:
        _reject(path, f"column time cannot be read ({error})", "write 2020-01-31T09:30:00.125, or seconds")
    missing = rows[stamps.isna().to_numpy()]
    if len(missing):
        shown = ", ".join(map(str, missing[:5]))
        _reject(path, f"column time: no time in {len(missing)} rows: {shown}", "write 2020-01-31T09:30:00.125, or seconds")
    return (stamps - stamps.iloc[0]).dt.total_seconds().to_numpy(float)


def _note(report: list[str], rows: Array, what: str) -> None:
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
        report.append(f"{len(rows)} rows {what} (rows {shown}).")


def _reject(path: str | Path, what: str, fix: str) -> NoReturn:
    raise ValueError(f"path {str(path)!r}: {what}. Likely fix: {fix}.")
