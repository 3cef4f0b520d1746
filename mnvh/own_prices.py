"""A reader's own prices as chapters need them: assets without a gap, or an index with its implied volatility.

What is left out is said in a UserWarning, which a rerun repeats on the terminal.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from mnvh import check, readers


def complete(name: str, frame: pd.DataFrame, *, n_assets: int, n_dates: int = 2, n_years: int = 1) -> pd.DataFrame:
    """Assets with a price on every date, for chapters that follow all assets together; a UserWarning names the others.

    Parameters
    ----------
    name : str
        What messages call the data.
    frame : DataFrame, indexed by date, one column per asset
        As from `readers.read_prices`.
    n_assets, n_dates, n_years : int
        The least that is needed: assets that are left, dates, calendar years.

    Raises
    ------
    ValueError
        If the frame has no dates, or less is left.
    """
    check.dated("frame", frame)
    names, least = ("asset", "date", "calendar year"), (n_assets, n_dates, n_years)
    for name_of, number in zip(("n_assets", "n_dates", "n_years"), least, strict=True):
        check.integer(name_of, number, 1)
    kept = frame.dropna(axis=1)
    found = kept.shape[1], len(kept), kept.index.year.nunique()
    left = [f"{asset} ({count} missing)" for asset, count in frame.isna().sum().items() if count]
    note = f" Assets without a price on every date are left out: {', '.join(left)}." if left else ""
    if any(has < needs for has, needs in zip(found, least, strict=True)):
        has, needs = (", ".join(f"{n} {what}(s)" for n, what in zip(counts, names, strict=True)) for counts in (found, least))
        raise ValueError(f"{name} has {has} without a gap: needed are {needs}.{note} Likely fix: a longer file, or fewer gaps.")
    if note:
        warnings.warn(f"{name}:{note}", stacklevel=2)
    return kept


def read_index(prices_path: str | Path, *, n_dates: int, n_implied: int | None = 0) -> pd.DataFrame:
    """An index of a reader's own file, with its implied volatility where there is one; a UserWarning says what is left out.

    Parameters
    ----------
    prices_path : str or Path
        As in `readers.read_prices`. The index is the column named close, or else the first that is no other field of one
        asset. Its implied volatility, in per cent a year, is the column named vix; where one is needed and none has this
        name, the next. Columns named high and low are taken together. Capitals do not count.
    n_dates, n_implied : int
        The least that is needed: dates with an index, and of these dates with an implied volatility. None leaves the
        volatility unread, so that no date is lost where it is missing.

    Returns
    -------
    DataFrame, indexed by date: close and, where the file has them, vix, high and low
        `vix` may start later and is then NaN before. Dates without an index are left out, after the first `vix` those
        without it, and `high` and `low` where they are missing on a date that is kept.

    Raises
    ------
    ValueError
        If `read_prices` refuses the file, there is no index or too little of it, or a needed volatility is absent, too
        short, in fractions, or so high that it is another price.
    """
    check.integer("n_dates", n_dates, 2)
    least = 0 if n_implied is None else check.integer("n_implied", n_implied, 0)
    table = readers.read_prices(prices_path)
    named = {name.lower(): name for name in table}
    others = [name for name in table if name.lower() not in {*readers.FIELDS, "vix"}]
    close = named.get("close") or (others.pop(0) if others else "")
    vix = "" if n_implied is None else named.get("vix") or (others[0] if others and least else "")
    if not close or least and not vix or len(named) < table.shape[1]:
        what = f"has the columns {', '.join(table)}"
        check.reject("prices_path", str(prices_path), what, "name them date, close and, if needed, vix (in per cent a year)")
    extremes = {"high", "low"} if {"high", "low"} <= named.keys() else set()
    taken = {"close": close} | ({"vix": vix} if vix else {}) | {name: named[name] for name in sorted(extremes)}
    index = table[list(taken.values())].set_axis(list(taken), axis=1)
    if vix and not 2 <= index.vix.median() <= 150:
        what = f"column {vix} has {index.vix.median():g} in the median"
        check.reject("prices_path", str(prices_path), what, "give the implied volatility in per cent a year, for 15 % write 15")
    if vix and vix != named.get("vix"):
        warnings.warn(f"prices_path: column {vix} is taken for the implied volatility of {close}.", stacklevel=2)
    kept = index[index.close.notna() & (index.vix.notna() | index.vix.ffill().isna() if vix else True)]
    n_quoted = int(kept.vix.count()) if vix else 0
    if len(kept) < n_dates or n_quoted < least:
        what = f"has {len(kept)} dates with {close}" + (f", {n_quoted} of them with {vix}" if vix else "")
        more = f", {least} of them with an implied volatility" if least else ""
        check.reject("prices_path", str(prices_path), what, f"bring a longer file, this chapter needs {n_dates} dates{more}")
    if len(kept) < len(index):
        dates = index.index.difference(kept.index)
        which = f"Dates without {close}{f', or without {vix} after its first,' if vix else ''}"
        warnings.warn(f"prices_path: {which} are left out: {len(dates)}, the first {dates[0]:%Y-%m-%d}.", stacklevel=2)
    if kept[[*extremes]].isna().any(axis=None):
        warnings.warn("prices_path: The columns high and low are left out, since they have gaps.", stacklevel=2)
        kept = kept.drop(columns=[*extremes])
    return kept
