"""Option chains: synthetic ones, a reader's own file, and the way from quotes to implied volatilities (chapter 13).

A chain is a table with the columns strike, years (to expiry), bid, ask and type, "C" or "P"; a bid of 0 is none. What is
dropped from it, and what is suspicious and kept, stands in `attrs["report"]`, a list of sentences.
"""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnvh import check, options
from mnvh.check import Array
from mnvh.heston import Heston
from mnvh.readers import floats, read_table

COLUMNS = ("strike", "years", "bid", "ask", "type")
LONGEST = 10  # years to expiry in a reader's file; more are days


def synthetic(
    rng: np.random.Generator, model: Heston, *, years: ArrayLike, n_strikes: int, forward: float = 100.0, rate: float = 0.0,
    half_spread: float = 0.01, tick: float = 0.01,
) -> pd.DataFrame:  # fmt: skip
    """A chain quoted round the prices of a model: the true value is always between bid and ask.

    Parameters
    ----------
    years : array, shape (n_expiries,)
    n_strikes : int
        Per expiry, evenly spaced from 4.5 standard deviations below the forward to 3 above.
    half_spread, tick : float
        The half-spread is `half_spread` of the out-of-the-money value and one tick, and quotes are rounded outwards to ticks;
        the mid strays from the value by up to half of it.

    Returns
    -------
    DataFrame, a chain with the column `value`, the model's discounted price.

    Raises ValueError if a parameter is out of range.
    """
    check.generator("rng", rng)
    check.instance("model", model, Heston)
    check.integer("n_strikes", n_strikes, 2)
    for name, number in (("forward", forward), ("tick", tick)):
        check.positive(name, number)
    check.number("half_spread", half_spread, 0, 0.5, fix="it is a fraction of the option's value, 0.01 for 1 %")
    check.number("rate", rate, -1, 1, fix="for 5 % pass 0.05")
    parts = []
    for expiry, call in itertools.product(check.array("years", years, ("n_expiries",)), (True, False)):
        deviation = np.sqrt(model.expected_variance(expiry) * expiry)
        strike = np.round(forward * (1 + np.linspace(max(-4.5 * deviation, -0.95), 3 * deviation, n_strikes)), 2)
        discount, intrinsic = np.exp(-rate * expiry), np.maximum(forward - strike if call else strike - forward, 0)
        value = discount * model.price(forward, strike, expiry, call=call).clip(intrinsic)
        half = tick + half_spread * (value - discount * intrinsic)
        mid = value + half * rng.uniform(-0.5, 0.5, n_strikes)
        quotes = {"bid": tick * np.floor((mid - half) / tick).clip(0), "ask": tick * np.ceil((mid + half) / tick), "value": value}
        parts.append(pd.DataFrame({"strike": strike, "years": expiry, "type": "C" if call else "P"} | quotes))
    return clean(pd.concat(parts, ignore_index=True))


def read_chain(path: str | Path) -> pd.DataFrame:
    """A chain from a reader's own file; a UserWarning repeats the report where there is something to look at.

    Parameters
    ----------
    path : str or Path
        .csv, .csv.gz or .parquet, with the columns strike, expiry, bid, ask and type (call, put, C or P) in any order. An expiry
        is a number of years, at most 10, or a date; then a column date has the day of each quote. A year has 365 days.

    Returns
    -------
    DataFrame, as `clean` leaves it; rows are numbered as in the file, the header being row 1.

    Raises
    ------
    ValueError
        If the file cannot be read, a column is missing, expiries cannot be read or are days, or `clean` refuses it.
    """
    table = read_table(path)
    table.columns = [str(name).strip().lower() for name in table.columns]
    if {"strike", "expiry", "bid", "ask", "type"} - set(table.columns) or table.columns.duplicated().any():
        check.reject("path", str(path), f"has the columns {', '.join(table.columns)}", "the first row must name strike, expiry, bid, ask, type")
    table, report = _with_years(path, table)
    try:
        chain = clean(table)
    except ValueError as error:
        check.reject("path", str(path), str(error), "look at these rows of the file")
    chain.attrs["report"] = report + chain.attrs["report"]
    if chain.attrs["report"]:
        warnings.warn(f"{path}: " + " ".join(chain.attrs["report"]), stacklevel=2)
    return chain


def clean(chain: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows that are no quotes, and say which.

    Dropped: no strike, years or type; expired; no ask; crossed; a contract for the second time. An entry that is no number, by
    `readers.floats`, is none. Kept, and counted: rows without a bid (an index needs them, a smile does not); bids that a vertical
    spread or a butterfly at the touch turns into arbitrage, at rates of 0 or more. Rows keep their labels, which may repeat.

    Raises ValueError if a column is missing or there twice, or no row is left.
    """
    if not isinstance(chain, pd.DataFrame) or not set(COLUMNS) <= set(chain.columns):
        raise ValueError(f"chain is a {type(chain).__name__} without all of {', '.join(COLUMNS)}: name its columns so.")
    if twice := set(chain.columns[chain.columns.duplicated()]) & set(COLUMNS):
        raise ValueError(f"chain has the columns {', '.join(sorted(twice))} more than once: allowed is once. Likely fix: keep one.")
    report: list[str] = []
    labels, table = chain.index, chain.reset_index(drop=True)  # labels may repeat: rows are found by their places
    table["type"] = table["type"].astype(str).str.strip().str.upper().str[:1]
    for name in COLUMNS[:4]:
        table[name] = floats(table[name])
    table["bid"] = table["bid"].fillna(0)
    for what, bad in {
        "without strike, expiry or type, dropped": "not strike > 0 or years != years or type not in ['C', 'P']",
        "of expired options, dropped": "years <= 0",
        "without an ask, dropped": "not ask > 0",
        "crossed or with a negative bid, dropped": "bid > ask or bid < 0",
        "of a contract that stands above already, dropped": "repeated",
    }.items():
        table["repeated"] = table.duplicated(["strike", "years", "type"])
        rows = table.query(bad).index
        _note(report, labels[rows], what)
        table = table.drop(rows)
    if table.empty:
        raise ValueError(f"chain has no usable quote: {' '.join(report) or 'it has no row'}")
    _note(report, labels[table.index[table["bid"] == 0]], "without a bid; kept for the index, left out of the smile")
    table = table.drop(columns="repeated").sort_values(["years", "type", "strike"])
    suspects = np.concatenate([_arbitrage(quotes) for _, quotes in table.groupby(["years", "type"])])
    _note(report, labels[suspects], "with a bid that other quotes beat for certain (static arbitrage); kept")
    table.index = labels[table.index].rename(None)
    table.attrs["report"] = report
    return table


def parity(chain: pd.DataFrame) -> pd.DataFrame:
    """Bid, mid and half-spread of call and put side by side, as in bid_C, mid_P, half_C, indexed by the strikes with both."""
    table = chain.assign(mid=(chain["bid"] + chain["ask"]) / 2, half=(chain["ask"] - chain["bid"]) / 2)
    sides = [table[table["type"] == kind].set_index("strike")[["bid", "mid", "half"]].add_suffix(f"_{kind}") for kind in "CP"]
    return pd.concat(sides, axis=1, join="inner").sort_index()


def smiles(chain: pd.DataFrame) -> pd.DataFrame:
    """Forwards by put-call parity and implied volatilities of the out-of-the-money side, with those of bid and ask.

    C - P = D(F - K) is a line in K: discount and forward are its least squares over the strikes with both, weighted by the
    inverse of the spreads; strikes where call and put together are wider than the highest strike tell nothing and are no part.

    Returns
    -------
    DataFrame
        One row per quote: years, strike, type, bid, ask, forward, discount, k = ln(K/F), vol_bid, vol (of the mid), vol_ask;
        `attrs["report"]` goes on with expiries dropped, strikes off parity, and quotes left out because no volatility has their ask.

    Raises ValueError if `chain` is refused by `clean`, or no expiry has two strikes with both call and put.
    """
    table = clean(chain)
    parts, report = [], list(table.attrs["report"])
    for years, quotes in table[table["bid"] > 0].groupby("years"):
        both = parity(quotes)
        both = both[both["half_C"] + both["half_P"] < both.index.max() / 2]  # an ask of 1e300 would leave no line to fit
        gap, spread = both["mid_C"] - both["mid_P"], both["half_C"] + both["half_P"]
        weight = 1 / np.maximum(spread, 1e-9)
        slope, level = np.polyfit(both.index, gap, 1, w=weight) if len(both) > 1 else (np.nan, np.nan)
        if not -2 < slope < -0.2 or not level > 0:
            found = f"{len(both)} strikes with call and put, at least two are needed; by parity the discount is {-slope:.3g}"
            report.append(f"Expiry {years:.4g} years: {found}; dropped.")
            continue
        forward, off = -level / slope, abs(gap - slope * both.index - level) > 1.000001 * spread + 1e-9
        _note(report, both.index[off], f"(these are strikes) of {years:.4g} years off parity by more than bid and ask; kept")
        quotes = quotes.assign(forward=forward, discount=-slope, k=np.log(quotes["strike"] / forward))
        quotes = quotes[(quotes["k"] >= 0) == (quotes["type"] == "C")]
        priced = quotes["ask"] / -slope < quotes[["strike", "forward"]].min(axis=1)
        _note(report, quotes.index[~priced], f"of {years:.4g} years with an ask above any possible price; left out of the smile")
        parts.append(quotes[priced])
    if not any(map(len, parts)):
        raise ValueError(f"chain has no expiry with two strikes that have call and put: {' '.join(report)}")
    table = pd.concat(parts)
    call, market = (table["type"] == "C").to_numpy(), [table[name] for name in ("forward", "strike", "years")]
    for name, quote in (("vol_bid", table["bid"]), ("vol", (table["bid"] + table["ask"]) / 2), ("vol_ask", table["ask"])):
        table[name] = options.implied_vol(quote / table["discount"], *market, call=call)
    table.attrs["report"] = report
    return table


def _arbitrage(quotes: pd.DataFrame) -> Array:
    """Rows whose bid is above what a position costs at the ask that never pays less: one expiry and type, sorted by strike.

    The position is an option of a better strike; one of a worse strike and the difference of the two (at rates of 0 or
    more, since it is paid at expiry); or two that straddle the strike.
    """
    strike, bid, ask = (quotes[name].to_numpy() for name in ("strike", "bid", "ask"))
    call, step, limit = (quotes["type"] == "C").to_numpy(), np.diff(strike), np.full(len(strike), np.inf)
    limit[1:] = ask[:-1] + np.where(call[1:], 0, step)
    limit[:-1] = np.minimum(limit[:-1], ask[1:] + np.where(call[1:], step, 0))
    share = step[1:] / (strike[2:] - strike[:-2])
    limit[1:-1] = np.minimum(limit[1:-1], share * ask[:-2] + (1 - share) * ask[2:])
    return quotes.index[bid > limit * (1 + 1e-12)].to_numpy()


def _with_years(path: str | Path, table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A reader's table with the years to expiry, without the rows in which they cannot be read, and which these are."""
    text = {name: table[name].astype(str).str.strip() for name in ("expiry", "date") if name in table.columns}
    years = pd.to_numeric(text["expiry"], errors="coerce")
    days = {name: pd.to_datetime(entries, format="ISO8601", errors="coerce", utc=True) for name, entries in text.items()}
    if "date" in days:
        years = years.fillna((days["expiry"] - days["date"]) / pd.Timedelta(days=365))
    elif years.isna().all() and days["expiry"].notna().any():
        check.reject("path", str(path), "gives expiries as dates and has no column date", "add date, the day of the quotes, as YYYY-MM-DD")
    report, fix = [], "write dates as YYYY-MM-DD, or expiries as years"
    unread = {name: table.index[years.isna() & days[name].isna() & table[name].notna()] for name in text}
    for name, rows in unread.items():
        if len(rows) and years.isna().all():
            check.reject("path", str(path), f"column {name}: no entry can be read, the first is {text[name][rows[0]]!r}", fix)
        _note(report, rows, f"whose {name} cannot be read, dropped; {fix}")
    if (late := years[years > LONGEST]).size:
        what = f"column expiry: {text['expiry'][late.index[0]]!r} in row {late.index[0]} is {late.iloc[0]:g} years, above {LONGEST}"
        check.reject("path", str(path), what, "pass days / 365, or a date as YYYY-MM-DD")
    return table.assign(years=years).drop(np.concatenate([*unread.values()])), report


def _note(report: list[str], rows: Array, what: str) -> None:
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
        report.append(f"{len(rows)} rows {what} (rows {shown}).")
