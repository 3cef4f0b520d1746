"""Chapter 2 on a reader's own file: the cells of its section on real prices, run on files of many shapes."""

from __future__ import annotations

import warnings

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from nbformat import NotebookNode

from mnvh import own_prices
from mnvh.book import run

CELLS = {cell["id"]: cell for cell in nbformat.read(ROOT / "chapters/02_decomposition.ipynb", as_version=4).cells}
SECTION = ["real-run", "real-table", "real-summary", "real-figure", "baskets-run", "baskets-table", "short", "horizons", "horizons-figure"]
DAYS = pd.bdate_range("2015-01-01", "2018-12-31", name="date")


def prices(n_assets: int) -> pd.DataFrame:
    moves = np.random.default_rng(3).normal(0, 0.01, (len(DAYS), n_assets))
    return pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), DAYS, [f"S{i}" for i in range(n_assets)])


def late(frame: pd.DataFrame, since: str) -> pd.DataFrame:
    return frame.assign(S0=frame["S0"].where(frame.index >= since))


FILES = {
    "2 assets x 4 years": prices(2),
    "5 assets x 2 years": prices(5)[:"2016"],
    "an asset listed for a year": late(prices(4), "2018"),
    "an asset listed for a half year": late(prices(4), "2018-06"),
    "a constant column": prices(3).assign(cash=1.0),
    "weekly, one date in the last year": prices(3).resample("W").last(),
    "quarterly": prices(3).resample("QE").last(),
    "60 assets, two days in the last year": prices(60)[:"2017-01-03"],
    "a date without any price": prices(3).drop(pd.Timestamp("2016-05-02")).reindex(DAYS),
}
TOO_LITTLE = {
    "60 assets, one year and two days": prices(60)[:"2016-01-04"],
    "yearly": prices(3).resample("YE").last(),
    "one asset": prices(1),
}


def execute(path, cells: list[str]) -> dict:
    space = {"seed": 7, "n_paths": 100, "quick": False, "prices_path": str(path), "one": [[1.0]]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the reports; any other warning is an error
        for name in ["setup", *cells]:
            exec(CELLS[name].source, space)
    return space


@pytest.mark.parametrize("kind", FILES)
def test_the_section_on_real_prices_runs_on(kind, tmp_path, capsys):
    FILES[kind].to_csv(tmp_path / "own.csv")
    space = execute(tmp_path / "own.csv", SECTION)
    assert np.isfinite(space["by_stock"].to_numpy()).all() and np.isfinite(space["below"]).all()
    assert space["by_stock"].index.isin(FILES[kind].columns).all()
    assert space["edges"].min() < space["table"].pnl.median() < space["edges"].max()


@pytest.mark.parametrize("kind", TOO_LITTLE)
def test_too_little_is_said_at_once(kind, tmp_path):
    TOO_LITTLE[kind].to_csv(tmp_path / "own.csv")
    with pytest.raises(ValueError, match=r"prices_path has .* asset\(s\) and .* calendar year\(s\).*needed are two years"):
        execute(tmp_path / "own.csv", [])


def test_too_few_paths_are_refused_by_name():
    with pytest.raises(ValueError, match="n_paths is 50: allowed is a whole number of at least 100.*quick"):
        exec(CELLS["setup"].source, {"seed": 7, "n_paths": 1000, "quick": True, "prices_path": ""})


def executed(*outputs: dict) -> NotebookNode:
    new = nbformat.v4
    code = new.new_code_cell("x", outputs=list(outputs))
    code.metadata["mystnb"] = {"figure": {"name": "f", "caption": "**{glue:text}`share:.0f` %.**"}}
    text = "Mean {glue:text}`real_mean:+.1f`, {glue:text}`paths`, see {numref}`f`, not `{glue:text}`."
    return new.new_notebook(cells=[new.new_markdown_cell(text), code])


def test_a_rerun_shows_its_numbers_in_its_text_and_gives_its_warnings():
    glued = {"real_mean": "-1.26", "share": "62.4", "paths": "'1,000'"}
    record = lambda name: {"scrapbook": {"name": name, "mime_prefix": "p/"}}
    shown = [nbformat.v4.new_output("display_data", {"p/text/plain": text}, metadata=record(name)) for name, text in glued.items()]
    said = "/tmp/1.py:9: UserWarning: own.csv: Prices are missing.\n  stocks = read()\n"
    notebook = executed(*shown, nbformat.v4.new_output("stream", name="stderr", text=said))
    assert run.fill_in(notebook) == ["own.csv: Prices are missing."]
    assert notebook.cells[0].source == "Mean -1.3, 1,000, see {numref}`f`, not `{glue:text}`."
    assert notebook.cells[1].metadata["mystnb"]["figure"] == {"name": "f", "caption": "**62 %.**"}
    assert notebook.cells[1].source == "x"


@pytest.mark.build
def test_the_terminal_repeats_what_a_reader_should_know_of_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(run, "BUILD", tmp_path)
    late(prices(3)[:"2018-01-03"], "2016").to_csv(tmp_path / "own.csv")
    assert run.main(["chapters/02_decomposition.ipynb", "--rerun", f"quick=true n_paths=2000 prices_path={tmp_path}/own.csv"]) == 0
    said = capsys.readouterr().out
    assert "own.csv: Prices are missing: S0 on 261 of" in said and "are left out: S0 (2015)." in said and "are left out: 2018." in said
    text = (tmp_path / "reruns/02_decomposition.ipynb").read_text()
    assert "{glue:text}" not in text and "3 assets in 3 years, 2015 to 2017" in text


@pytest.mark.parametrize("vol", [2.0, 150.0])
def test_every_volatility_that_markets_have_shown_is_taken_for_per_cent(tmp_path, vol):
    prices(1).set_axis(["close"], axis=1).assign(vix=vol).to_csv(tmp_path / "own.csv")
    assert (own_prices.read_index(tmp_path / "own.csv", n_dates=100).vix == vol).all()


def test_a_date_without_an_index_is_left_out_though_it_has_a_volatility(tmp_path):
    frame = prices(1).set_axis(["close"], axis=1).assign(vix=20.0)
    frame.loc[DAYS[5], "close"] = frame.loc[DAYS[9], "vix"] = frame.loc[DAYS[:2], "vix"] = np.nan
    frame.to_csv(tmp_path / "own.csv")
    with pytest.warns(UserWarning, match="Prices are missing"), pytest.warns(UserWarning, match="are left out: 2,"):
        read = own_prices.read_index(tmp_path / "own.csv", n_dates=100)
    assert [*DAYS.difference(read.index)] == [DAYS[5], DAYS[9]] and read.vix.isna().sum() == 2
