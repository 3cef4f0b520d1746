"""Best bid and ask over time: simulated round a mid price, and from a reader's own file (chapter 11).

Times are in seconds from the first quote. The reader drops only what its docstring names, and says how much and where.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array
from mnvh.readers import existing, floats

COLUMNS = ("time", "bid", "ask")
AGAIN = "save it again, with as many commas in each row as in the first; a truncated gzip must be fetched anew"
Found = dict[str, tuple[int, list[int]]]  # kind of finding: its number of rows, and the first five


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
    >>> book = around([100.0, 101.0], 0.5, interval=1.0)
    >>> book.bid, book.ask
    (array([ 99.75, 100.75]), array([100.25, 101.25]))
    """
    mid = check.array("mid", mid, ("n_quotes",))
    check.positive("interval", interval)
    spread = check.array("spread", np.full(len(mid), spread) if np.ndim(spread) == 0 else spread, mid.shape)
    check.number("spread", float(spread.min()), 0, fix="the spread is ask less bid")
    return Quotes(interval * np.arange(len(mid)), mid - spread / 2, mid + spread / 2)


def read_quotes(path: str | Path, *, max_gap: float = 300.0, above_zero: bool = True) -> Quotes:
    """Quotes from a reader's own file; a UserWarning repeats the report where there is something to look at.

    Dropped, and counted in the report: rows whose bid or ask is missing or no number (`readers.floats`); at or below zero (where
    `above_zero`); crossed, bid above ask. Rows out of order are sorted by time. Kept, and counted: locked quotes (bid = ask),
    rows that repeat the quote before them at the same time, several quotes at one time, gaps longer than `max_gap`.

    Parameters
    ----------
    path : str or Path
        .csv, .csv.gz or .parquet, with the columns time, bid and ask in any order; others
        are left alone. Times are ISO 8601, in UTC where they have no offset, or seconds.
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
    stream = Stream(path, max_gap=max_gap, above_zero=above_zero)
    time, bid, ask, rows = map(np.concatenate, zip(*stream.usable(), strict=True))
    _note(stream.found, rows[1:][np.diff(time) < 0], "out of order, sorted by time")
    order = np.argsort(time, kind="stable")
    time, bid, ask, rows = time[order], bid[order], ask[order], rows[order]
    stream.remark(time, bid, ask, rows)
    if stream.report:
        warnings.warn(f"{path}: " + " ".join(stream.report), stacklevel=2)
    return Quotes(time - time[0], bid, ask, stream.report)


class Stream:
    """Pieces of a file of quotes of any length, to be iterated over once, in memory that does not grow with the file.

    What `read_quotes` says of a file holds here, but for one thing: rows earlier than one above them cannot be sorted before
    the rest of the file is known. They are dropped, and counted.

    Parameters
    ----------
    path, max_gap, above_zero : as in `read_quotes`
    size : int
        Rows of the file in a piece.

    Its attributes `fraction` and `rows` are the share of the file and the number of rows that are read.

    Raises
    ------
    ValueError
        If an argument is out of range or the header lacks a column. While reading: if the file is truncated or a time is no
        time, after the pieces above that row; or if fewer than two quotes are usable.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "quotes.csv").write_text("time,bid,ask\\n5,99,101\\n6,100,102\\n8,99,101\\n")
    ...     [piece.time.tolist() for piece in Stream(Path(folder, "quotes.csv"), size=2)]
    [[0.0, 1.0], [3.0]]
    """

    def __init__(self, path: str | Path, *, max_gap: float = 300.0, above_zero: bool = True, size: int = 100_000) -> None:
        self.max_gap = check.positive("max_gap", max_gap, fix="it is in seconds")
        if not isinstance(above_zero, bool):
            raise ValueError(f"above_zero is {above_zero!r}: allowed is True, or False for rates and spreads.")
        self.path, self.above_zero, self.size = path, above_zero, check.integer("size", size, 2)
        self.fraction, self.rows, self.found = 0.0, 0, {}
        self._tables = _pieces(self)
        next(self._tables)  # an empty one: the header is checked at once

    @property
    def dropped(self) -> int:
        """Rows dropped so far."""
        return sum(count for what, (count, _) in self.found.items() if what.startswith("dropped"))

    @property
    def report(self) -> tuple[str, ...]:
        """Findings so far, as `Quotes.report`."""
        lines = []
        for what, (count, rows) in self.found.items():
            shown = ", ".join(map(str, rows)) + (" ..." if count > len(rows) else "")
            lines.append(f"{count} rows {what} (rows {shown}).")
        return tuple(lines)

    def __iter__(self) -> Iterator[Quotes]:
        begin, ahead, before = None, None, [np.empty(0, int)] * 4  # the last quote of the piece above
        for new in self.usable():
            times, rows = (np.concatenate([before[k], new[k]]) for k in (0, 3))
            latest = np.maximum.accumulate(times)[len(before[0]) :]
            late = np.flatnonzero(new[0] < latest)
            if len(late):
                ahead = ahead or rows[np.flatnonzero(times == latest[late[0]])[0]]
                _note(self.found, new[3][late], f"dropped: earlier than row {ahead} or another above, which a stream cannot sort")
            joined = [np.concatenate([a, b[new[0] >= latest]]) for a, b in zip(before, new, strict=True)]
            self.remark(*joined)
            time, bid, ask = (values[len(before[0]) :] for values in joined[:3])
            if len(time):
                begin, before = time[0] if begin is None else begin, [values[-1:] for values in joined]
                yield Quotes(time - begin, bid, ask)

    def usable(self) -> Iterator[list[Array]]:
        """Time, bid, ask and row of the quotes that are kept, in the order of the file; raises as the class says."""
        origin, kept = None, 0
        for table in filter(len, self._tables):
            row = table.index.to_numpy()
            time, origin = _seconds(self.path, table["time"], row, origin)
            bid, ask = (floats(table[name]) for name in ("bid", "ask"))
            bad = np.isnan(bid) | np.isnan(ask)
            _note(self.found, row[bad], f"dropped: bid or ask is missing, no number or above {check.LARGEST:g} in size")
            low = ~bad & self.above_zero & ((bid <= 0) | (ask <= 0))
            _note(self.found, row[low], "dropped: bid or ask is at or below zero")
            crossed = ~bad & ~low & (bid > ask)
            _note(self.found, row[crossed], "dropped: crossed, bid above ask")
            _note(self.found, row[~low & (bid == ask)], "locked, bid equal to ask; kept")
            good = ~(bad | low | crossed)
            kept, self.rows = kept + good.sum(), self.rows + len(row)
            yield [values[good] for values in (time, bid, ask, row)]
        if kept < 2:
            check.reject("path", str(self.path), f"{kept} usable quotes of {self.rows} rows. {' '.join(self.report)}", "at least two are needed")

    def remark(self, time: Array, bid: Array, ask: Array, rows: Array) -> None:
        """Note what is kept but worth knowing of quotes in order."""
        same = np.diff(time) == 0
        repeated = same & (np.diff(bid) == 0) & (np.diff(ask) == 0)
        _note(self.found, rows[1:][repeated], "a duplicate of the row before; kept, it changes nothing")
        _note(self.found, rows[1:][same & ~repeated], "another quote at the same time; kept in the file's order")
        _note(self.found, rows[1:][np.diff(time) > self.max_gap], f"more than {self.max_gap:g} s after the quote before")


def _pieces(stream: Stream) -> Iterator[pd.DataFrame]:
    """Columns time, bid and ask of the rows that are not blank, a piece at a time; the index is the row in the file."""
    path, row = existing(stream.path), 1
    reader = _batches if str(path).lower().endswith(".parquet") else _lines
    try:
        for table, stream.fraction in reader(path, stream.size):
            table = table.set_axis(range(row + 1, row + 1 + len(table)))
            row += len(table)
            yield table[table.notna().any(axis=1)]
    except (OSError, EOFError, UnicodeError, zlib.error, pd.errors.ParserError) as error:
        check.reject("path", str(path), f"cannot be read beyond row {row} ({str(error).strip()})", AGAIN)


def _lines(path: str | Path, size: int) -> Iterator[tuple[pd.DataFrame, float]]:
    whole = max(1, Path(path).stat().st_size)
    with open(path, "rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if str(path).lower().endswith(".gz") else raw
        text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")
        names = _columns(path, next(csv.reader([text.readline()]), []))
        shape = {"header": None, "names": names, "index_col": False, "skip_blank_lines": False, "low_memory": False}
        yield pd.DataFrame(columns=list(COLUMNS)), 0.0  # the header alone
        fault = None
        while not fault:
            rows = []
            try:
                rows.extend(itertools.islice(text, size))  # what comes before a fault stays in the list
            except (OSError, EOFError, UnicodeError, zlib.error) as error:
                fault = error
            if not rows and not fault:
                return
            sound = next((k for k, row in enumerate(rows) if row.count(",") >= len(names) and _wide(row, names)), len(rows))
            fault = pd.errors.ParserError("the next row has more fields than the first") if sound < len(rows) else fault
            if sound:
                yield pd.read_csv(io.StringIO("".join(rows[:sound])), **shape)[list(COLUMNS)], raw.tell() / whole
        raise fault


def _wide(row: str, names: list[str]) -> bool:
    return len(next(csv.reader([row]))) > len(names)


def _batches(path: str | Path, size: int) -> Iterator[tuple[pd.DataFrame, float]]:
    from pyarrow import ArrowException, parquet  # slow to import

    try:
        file = parquet.ParquetFile(path)
        named = file.schema_arrow.names
    except (ArrowException, OSError, ValueError) as error:
        check.reject("path", str(path), f"cannot be read ({error})", AGAIN)
    names, done = _columns(path, named), 0
    yield pd.DataFrame(columns=list(COLUMNS)), 0.0
    batches = file.iter_batches(size)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            table = batch.to_pandas(ignore_metadata=True).set_axis(names, axis=1)
        except (ArrowException, OSError, ValueError) as error:
            check.reject("path", str(path), f"cannot be read after row {done} ({error})", AGAIN)
        done += len(batch)
        yield table[list(COLUMNS)], done / file.metadata.num_rows


def _columns(path: str | Path, names: Iterable) -> list[str]:
    names = [str(name).strip().lower() for name in names]
    if set(COLUMNS) - set(names) or len(set(names)) < len(names):
        check.reject("path", str(path), f"has the columns {', '.join(names)}", "the first row must name time, bid and ask, each once")
    return names


def _seconds(path: str | Path, column: pd.Series, rows: Array, origin: pd.Timestamp | float | None) -> tuple[Array, object]:
    """Times in seconds, from numbers as they are or from ISO 8601 after the origin; and the origin, 0 for numbers."""
    if column.dtype.kind == "m":
        column = column.dt.total_seconds()
    values = pd.Series(floats(column), column.index)
    missing = values.isna().to_numpy()
    if (abs(values) > 1e11).any():  # seconds since 1970 reach it in the year 5138
        shown = f"column time has {values[abs(values) > 1e11].iloc[0]:.15g} in row {values.index[abs(values) > 1e11][0]}"
        check.reject("path", str(path), shown, "divide milliseconds by 1000, or write dates as 2020-01-31T09:30:00.125")
    if missing.any() and origin != 0 and column.dtype.kind not in "iuf":  # a gap among numbers is no date
        try:
            stamps = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        except (ValueError, TypeError) as error:
            check.reject("path", str(path), f"column time cannot be read ({error})", "write 2020-01-31T09:30:00.125, or seconds")
        missing, origin = stamps.isna().to_numpy(), stamps.iloc[0] if origin is None else origin
        values = (stamps - origin).dt.total_seconds()
    elif origin not in (None, 0):
        missing[:] = True  # numbers after dates
    if missing.any():
        shown = ", ".join(map(str, rows[missing][:5]))
        check.reject("path", str(path), f"column time: no time in {missing.sum()} rows: {shown}", "write 2020-01-31T09:30:00.125, or seconds")
    return values.to_numpy(float), 0 if origin is None else origin


def _note(found: Found, rows: Array, what: str) -> None:
    if len(rows):
        count, first = found.get(what, (0, []))
        found[what] = count + len(rows), (first + rows[:5].tolist())[:5]
