"""Every chapter with data, rerun on files from elsewhere with holes in them; chapter 2 has tests/test_own_prices.py.

The prices are of an exchange that trades from Sunday to Thursday, with a holiday of twelve days a year: one asset is
listed late, one misses a price. The quotes have a pause of an hour, the chain lacks a strike and has one-sided quotes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from mnvh import chains, own_prices
from mnvh.book import claims, figures, run
from mnvh.heston import Heston

MONTH = 21
GAP = "More than 7 days lie between two dates"


def calendar(first: str, last: str) -> pd.DatetimeIndex:
    days = pd.date_range(first, last, name="date")
    holidays = (days.month == 4) & (days.day >= 11) & (days.day <= 22) | (days.month == 9) & np.isin(days.day, [15, 16, 24])
    return days[~days.day_of_week.isin([4, 5]) & ~holidays]  # no Friday, no Saturday


def assets(n: int = 8, first: str = "2006-03-01", last: str = "2017-10-31") -> pd.DataFrame:
    rng, days = np.random.default_rng(11), calendar(first, last)
    moves = 0.012 * (rng.normal(0, 0.6, (len(days), 1)) + rng.normal(0, 0.8, (len(days), n)))
    frame = pd.DataFrame(35 * np.exp(moves.cumsum(axis=0)), days, [f"TA{i}" for i in range(n)])
    frame.loc[:"2010-06-14", "TA3"] = np.nan  # listed late
    frame.loc["2013-05-06", "TA5"] = np.nan
    return frame


def index() -> pd.DataFrame:
    rng, days = np.random.default_rng(12), calendar("2007-06-01", "2016-11-30")
    level = np.cumsum(0.04 * rng.standard_normal(len(days)))
    sd = 0.011 * np.exp(0.4 * np.tanh(level))
    close = 900 * np.exp((sd * rng.standard_normal(len(days))).cumsum())
    frame = pd.DataFrame({"TA35": close, "VTA35": 110 * sd * np.sqrt(252)}, days)
    frame.loc[:"2010-02-28", "VTA35"] = np.nan  # quoted later
    frame.loc["2014-07-08", "VTA35"] = frame.loc["2012-10-10", "TA35"] = np.nan
    return frame


def quotes(hours: int = 18) -> pd.DataFrame:
    rng, n = np.random.default_rng(13), 1800 * hours
    mid = 1.08 * np.exp((0.09 * np.sqrt(2 / (365 * 86_400)) * rng.standard_normal(n)).cumsum())
    frame = pd.DataFrame({"time": 1.7e9 + 2 * np.arange(n), "bid": mid - 2e-6, "ask": mid + 2e-6, "venue": "X"})
    frame.loc[500, "bid"] = frame.loc[500, "ask"] + 0.001  # crossed
    frame.loc[900, "bid"] = np.nan
    return frame[(frame.index < 9000) | (frame.index >= 10_800)]


def chain() -> pd.DataFrame:
    rng, model = np.random.default_rng(14), Heston(2.0, 0.09, 0.5, -0.5, 0.07)
    days = np.array([21, 49, 112, 203])
    made = chains.synthetic(rng, model, years=days / 365, n_strikes=30, forward=2400.0, rate=0.04, tick=0.5)
    expiry = pd.Timestamp("2022-05-10") + pd.to_timedelta((365 * made.years).round(), unit="D")
    made = made.assign(date="2022-05-10", expiry=expiry.dt.strftime("%Y-%m-%d"))
    made.loc[made.index[40], "ask"] = np.nan
    made = made[made.strike != np.sort(made.strike[made.years < 0.06].unique())[15]]
    return made[["date", "strike", "expiry", "bid", "ask", "type"]]


def usable_index(frame: pd.DataFrame, *, quoted: bool = True) -> pd.DataFrame:
    """The dates that a chapter should use, written down anew."""
    frame = frame[frame.TA35.notna()]
    late = frame.index >= frame.VTA35.first_valid_index()
    return frame[frame.VTA35.notna() | ~late] if quoted else frame


def pairs_of(frame: pd.DataFrame) -> dict[str, float]:
    whole = np.log(frame.dropna(axis=1).to_numpy())
    n, found = whole.shape[1], []
    for i in range(n):
        for j in range(i):
            half = (whole[:, i] - whole[:, j]) / 2
            found.append(np.log(np.cosh(np.diff(half))).sum())
    return {"n_new": n * (n - 1) / 2, "new_harvest": 100 * 252 * np.mean(found) / (len(whole) - 1)}


def swaps_of(frame: pd.DataFrame, years: int = 0) -> pd.DataFrame:
    """Strike and payment of each swap after the first years, of 252 days."""
    frame = usable_index(frame)
    squares = (100 * np.log(frame.TA35).diff()) ** 2
    paid = 252 * squares.rolling(MONTH).mean().shift(-MONTH)
    first = max(frame.index.get_loc(frame.VTA35.first_valid_index()), 252 * years)
    return pd.DataFrame({"struck": frame.VTA35**2, "paid": paid}).iloc[first:-MONTH]


def constraints(frame: pd.DataFrame) -> dict[str, object]:
    swaps = swaps_of(frame, 3)
    tested = swaps[swaps.index >= swaps.index[0] + pd.Timedelta(days=364)]
    stocks = np.log(assets()).diff().iloc[1:].drop(columns=["TA3", "TA5"])
    excess = 100 * 252 * ((stocks**2).mean().mean() - (stocks.mean(axis=1) ** 2).mean()) / 2
    numbers = {"n_swaps": len(swaps), "n_test": len(tested), "dearer": 100 * (swaps.struck > swaps.paid).mean()}
    return numbers | {"first_year": 2011, "last_year": 2016, "market": "your index's", "excess": excess, "stocks_first": 2006}


def ticks(frame: pd.DataFrame) -> dict[str, float]:
    good = frame[frame.bid <= frame.ask]
    moves = np.diff(np.log(good.bid * good.ask) / 2)
    return {"tick_vol": 100 * np.sqrt((moves**2).sum() * 365 * 86_400 / (good.time.iloc[-1] - good.time.iloc[0]))}


def cone(frame: pd.DataFrame) -> dict[str, object]:
    moves = np.diff(np.log(usable_index(index(), quoted=False).TA35))
    volatility = 100 * np.sqrt(252 * np.mean(moves**2))
    return {"sp_vol": volatility, "sp_days": len(moves), "long_first": 2007, "long_last": 2016, "market": "your first asset"}


def stress(frame: pd.DataFrame) -> dict[str, object]:
    moves = usable_index(frame, quoted=False).TA35.pct_change().dropna()
    return {"worst_day": 100 * moves.min(), "sample_years": len(moves) / 252, "market": "your first asset"}


def vaults(frame: pd.DataFrame) -> dict[str, object]:
    return {"n_weeks": (len(usable_index(frame, quoted=False)) - MONTH - 1) // 5, "last": "November 2016"}


def regimes(frame: pd.DataFrame) -> dict[str, object]:
    dates = usable_index(frame).index[MONTH + 1240 :]  # five years before the first forecast, and the month that it needs
    struck = swaps_of(frame).index
    return {"n_swaps": len(struck[struck >= dates[0]]) - 252, "market": "your"}


def discussion(frame: pd.DataFrame) -> dict[str, object]:
    return {"first_year": 2009, "last_year": 2017, "universe": "your 6 assets"}


def conclusion(frame: pd.DataFrame) -> dict[str, object]:
    return {"early_last": 2012, "later_first": 2013, "universe": "your 6 assets"}


def listed(frame: pd.DataFrame) -> dict[str, float]:
    return {"n_contracts": frame.ask.notna().sum()}


LEFT_OUT = "Assets without a price on every date are left out: TA3 (1067 missing), TA5 (1 missing)."
DATES = "Dates without TA35, or without VTA35 after its first, are left out: 2, the first 2012-10-10."
ONE_DATE = "Dates without TA35 are left out: 1,"
PAUSE = ["1 rows dropped: crossed, bid above ask (rows 502)", "1 rows dropped: bid or ask is missing", "1 rows more than 300 s"]
# chapter: its files, the numbers that must come out, what the terminal must say
CHAPTERS: dict[str, tuple[dict, Callable, list[str]]] = {
    "06_spt": ({"prices_path": assets}, pairs_of, [GAP, "TA5 on 1 of", LEFT_OUT]),
    "07_constraints": ({"prices_path": index, "stocks_path": assets}, constraints, [GAP, DATES, f"stocks_path: {LEFT_OUT}"]),
    "09_discussion": ({"prices_path": assets}, discussion, [GAP, LEFT_OUT]),
    "10_conclusion": ({"prices_path": assets}, conclusion, [GAP, LEFT_OUT]),
    "11_gamma_capture": ({"quotes_path": quotes}, ticks, PAUSE),
    "12_vol_cone": ({"quotes_path": quotes, "prices_path": index}, cone, [*PAUSE, GAP, ONE_DATE]),
    "13_surface": ({"chain_path": chain}, listed, ["without a bid; kept", "1 rows without an ask, dropped"]),
    "16_stress": ({"prices_path": index}, stress, [GAP, ONE_DATE]),
    "17_vaults": ({"prices_path": index}, vaults, [GAP, ONE_DATE]),
    "18_regimes": ({"prices_path": index}, regimes, [GAP, DATES, "Markov model, up to 20", "has one regime only"]),
}
TOO_LITTLE = {  # chapter: the cell that reads, the parameter, what it reads, the message
    "06_spt": (
        "pairs-run", "prices_path", lambda: assets()[:500].drop(columns="TA3"),
        r"prices_path has 7 asset\(s\), 500 date\(s\), .* without a gap: needed are .*506 date",
    ),
    "07_constraints": (
        "data", "prices_path", lambda: index()[:1200],
        "prices_path '.*': has 1200 dates with TA35, 509 of them with VTA35. .*needs 1281 dates, 525 of",
    ),
    "09_discussion": (
        "data", "prices_path", lambda: assets()["2012":],
        r"prices_path has .* 6 calendar year\(s\) without a gap: needed are .* 8 calendar",
    ),
    "10_conclusion": (
        "data", "prices_path", lambda: assets(7),
        r"prices_path has 5 asset\(s\).*needed are 6 .*left out: TA3 \(1067 missing\).*Likely fix: a longer file",
    ),
    "11_gamma_capture": (
        "own-table", "quotes_path", lambda: quotes()[:30],
        "quotes_path '.*': 58 s with .* fills at most. Likely fix: a longer file",
    ),
    "12_vol_cone": (
        "data", "quotes_path", lambda: quotes()[:900],
        "quotes_path '.*': its quotes last 30 minutes. Likely fix: bring an hour",
    ),
    "13_surface": (
        "chain-read", "chain_path", lambda: chain()[:4],
        "chain_path '.*': chain has no expiry with two strikes.*Likely fix: an expiry",
    ),
    "16_stress": (
        "setup", "prices_path", lambda: index()[["TA35"]][:200],
        "prices_path '.*': has 200 dates with TA35. .*needs 253 dates",
    ),
    "17_vaults": (
        "real-prices", "prices_path", lambda: index()[-270:],
        "prices_path '.*': has 270 dates with TA35. .*needs 282 dates",
    ),
    "18_regimes": (
        "real-data", "prices_path", lambda: index()[["TA35"]],
        "prices_path '.*': has the columns TA35. .*name them date, close",
    ),
}  # fmt: skip
READING = {"own-table": ["setup", "own-run", "own-table"], "setup": ["setup"]}  # others read in one cell after the setup


def execute(chapter: str, given: dict[str, object], only: list[str] | None = None) -> dict:
    """Run a chapter's cells, all or some, in this process."""
    cells = nbformat.read(ROOT / f"chapters/{chapter}.ipynb", as_version=4).cells
    space: dict = {}
    for cell in cells:
        parameters = "parameters" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and (parameters or only is None or cell["id"] in only):
            exec(compile(cell.source, f"{chapter}, cell {cell['id']}", "exec"), space)
        if parameters:
            assert given.keys() <= space.keys()
            space.update(given)
    return space


@pytest.fixture
def shown(monkeypatch) -> SimpleNamespace:
    """What the cells name for the prose, and the headings of their claims; figures are drawn once, not in three formats."""
    numbers, headings = {}, {}

    def display(data, metadata=None, raw=True):
        if "scrapbook" in (metadata or {}):
            numbers[metadata["scrapbook"]["name"]] = eval(next(iter(data.values())))
        elif claims.CLAIM in data:
            headings[data[claims.CLAIM]["id"]] = data["text/plain"]

    monkeypatch.setattr(figures, "display", display)
    monkeypatch.setattr(claims, "display", display)
    monkeypatch.setattr(figures, "_render", lambda figure, kind: figure.canvas.draw() or b"" if kind == "png" else b"")
    monkeypatch.delenv(claims.PUBLISHING, raising=False)
    return SimpleNamespace(numbers=numbers, headings=headings)


def write(frame: pd.DataFrame, path) -> str:
    frame.to_csv(path, index=frame.index.name == "date")
    return str(path)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_reruns_on(chapter, tmp_path, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    files, expected, said = CHAPTERS[chapter]
    frames = {name: make() for name, make in files.items()}
    given = {name: write(frame, tmp_path / f"{name}.csv") for name, frame in frames.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        execute(chapter, {"quick": True} | given)
    for name, value in expected(next(iter(frames.values()))).items():
        assert shown.numbers[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9)), name
    assert not [name for name, value in shown.numbers.items() if re.search(r"\b(nan|inf)\b", str(value))]
    terminal = " ".join(str(warning.message) for warning in caught if warning.category is UserWarning)
    for sentence in said:
        assert sentence in terminal
    assert {str(warning.category) for warning in caught} == {str(UserWarning)}


@pytest.mark.parametrize("chapter", TOO_LITTLE)
def test_too_little_is_said_with_the_parameter(chapter, tmp_path, shown):
    cell, parameter, make, message = TOO_LITTLE[chapter]
    given = {parameter: write(make(), tmp_path / "own.csv")}
    with pytest.raises(ValueError, match=f"(?s){message}"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        execute(chapter, {"quick": True} | given, READING.get(cell, ["setup", cell]))


def test_high_and_low_take_part_where_they_are_whole(tmp_path):
    frame = index().rename(columns={"TA35": "Close", "VTA35": "vix"})
    frame["High"], frame["Low"] = 1.01 * frame.Close, 0.99 * frame.Close
    with pytest.warns(UserWarning) as caught:
        read = own_prices.read_index(write(frame, tmp_path / "own.csv"), n_dates=100)
    assert "Dates without Close, or without vix after its first, are left out: 2," in str(caught[-1].message)
    assert sorted(read) == ["close", "high", "low", "vix"]
    assert (read.high > read.low).all() and read.vix.isna().sum() == frame.vix[:"2010-02-28"].isna().sum()
    with pytest.warns(UserWarning, match="Dates without Close are left out: 1,"), pytest.warns(UserWarning, match="More than 7 days"):
        closes = own_prices.read_index(tmp_path / "own.csv", n_dates=100, n_implied=None)
    assert len(closes) == frame.Close.count() > len(read)
    frame.loc[frame.index[7], "Low"] = np.nan
    with pytest.warns(UserWarning) as caught:
        assert sorted(own_prices.read_index(write(frame, tmp_path / "own.csv"), n_dates=100)) == ["close", "vix"]
    assert "high and low are left out" in str(caught[-1].message)


def test_every_chapter_that_reads_data_has_a_parameter_for_it_and_is_run_here():
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    paths = {path.stem: {name for name in run.parameters(path) if name.endswith("_path")} for path in chapters}
    assert {name: set(files) for name, (files, *_) in CHAPTERS.items()} | {"02_decomposition": {"prices_path"}} == {
        name: names for name, names in paths.items() if names
    }
    reading = re.compile(r"\bsp500_\w+\(|\bread_(prices|quotes|chain|index)\(")
    for path in chapters:
        code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
        assert bool(reading.search(code)) == bool(paths[path.stem]), path.stem
