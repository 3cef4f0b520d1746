"""Damaged files: each reader returns sound values or raises its own error, and nothing else, whatever the bytes.

`HYPOTHESIS=random` draws five hundred new files for each reader; `make audit` does so.
"""

from __future__ import annotations

import gzip
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from mnvh import chains, heston, quotes, readers
from mnvh.book import claims, run

PRICES = "date,AAA,BBB\n2020-01-02,100,50\n2020-01-03,101.5,49\n2020-01-06,99,\n2020-01-07,99.5,51\n"
QUOTES = "time,bid,ask\n2020-01-02T10:00:00,1.1,1.2\n2020-01-02T10:00:01.5,1.15,1.2\n2020-01-02T10:09:00,1.1,1.3\n"
CHAIN = chains.synthetic(np.random.default_rng(1), heston.Heston(1.15, 0.04, 0.39, -0.64, 0.04), years=[0.25], n_strikes=8)
CHAIN = CHAIN.drop(columns="value").rename(columns={"years": "expiry"})
PIECES = ["", ",", "\n", "\r", '"', "\x00", "nan", "inf", "-1", "1e999", "0", "=1+1", "<script>", "2020-02-30", ";", "\ufeff", "#", "é", "1,5", "9" * 400]
PIECES += ["NaT", "1970-01-01", "9999-12-31T23:59:59.999999999", "-0", "1e-320", "12:00", "\t", "'", "true", "date", "bid", "\u202e"]


@st.composite
def damaged(draw, good: bytes) -> bytes:
    """A good file with up to six places overwritten, cut out, repeated or replaced by what readers trip over."""
    data = good
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 20)))
        piece = draw(st.one_of(st.sampled_from(PIECES).map(str.encode), st.binary(max_size=4), st.just(2 * data[start:end])))
        data = data[:start] + piece + data[end:]
    return data


def packed(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def table(text: str, **options) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), **options)


def read(reader, folder: Path, name: str, data: bytes):
    """What the reader makes of the file; None where it refuses it with an error that names the file."""
    path = folder / name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its report; any other warning is an error
        try:
            return reader(path)
        except ValueError as error:
            assert name in str(error) and len(str(error)) < 2000, str(error)
            return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


FILES = [("x.csv", PRICES.encode()), ("x.csv.gz", gzip.compress(PRICES.encode(), mtime=0)),
         ("x.parquet", packed(table(PRICES, index_col="date", parse_dates=True)))]  # fmt: skip


@pytest.mark.parametrize(("name", "good"), FILES, ids=[name for name, _ in FILES])
@given(data=st.data())
def test_a_damaged_file_of_prices(folder, name, good, data):
    assert len(read(readers.read_prices, folder, name, good)) == 4
    found = read(readers.read_prices, folder, name, data.draw(damaged(good)))
    if found is not None:
        values = found.to_numpy()
        assert values.dtype == float and found.index.is_monotonic_increasing and found.index.is_unique and len(found) >= 2
        assert (values[~np.isnan(values)] > 0).all() and np.isfinite(values[~np.isnan(values)]).all()


QUOTED = [("q.csv", QUOTES.encode()), ("q.csv.gz", gzip.compress(QUOTES.encode(), mtime=0)), ("q.parquet", packed(table(QUOTES)))]


@pytest.mark.parametrize(("name", "good"), QUOTED, ids=[name for name, _ in QUOTED])
@given(data=st.data())
def test_a_damaged_file_of_quotes(folder, name, good, data):
    assert len(read(quotes.read_quotes, folder, name, good).bid) == 3
    found = read(quotes.read_quotes, folder, name, data.draw(damaged(good)))
    if found is not None:
        assert np.isfinite([found.time, found.bid, found.ask]).all() and (np.diff(found.time) >= 0).all()
        assert (found.bid > 0).all() and (found.bid <= found.ask).all() and len(found.bid) >= 2


CHAINS = [("c.csv", CHAIN.to_csv(index=False).encode()), ("c.parquet", packed(CHAIN))]


@pytest.mark.parametrize(("name", "good"), CHAINS, ids=[name for name, _ in CHAINS])
@given(data=st.data())
def test_a_damaged_option_chain(folder, name, good, data):
    whole = read(chains.read_chain, folder, name, good)
    assert len(whole) == len(CHAIN)
    found = read(chains.read_chain, folder, name, data.draw(damaged(good)))
    if found is not None:
        assert 0 < len(found) and (found.strike > 0).all() and (found.bid <= found.ask).all() and (found.bid >= 0).all()
        assert np.isfinite(found[["strike", "bid", "ask", "years"]]).all(axis=None)


LEDGER = (ROOT / "mnvh/book/claims.yml").read_text(encoding="utf-8")
LEDGER = LEDGER[: LEDGER.index("- id:", LEDGER.index("- id:") + 10)]


@given(data=st.data())
def test_a_damaged_ledger(folder, data):
    path = folder / "claims.yml"
    path.write_bytes(data.draw(damaged(LEDGER.encode())))
    try:
        found = claims.load.__wrapped__(path)  # not the kept copy
    except ValueError as error:
        assert "claim" in str(error)
    else:
        assert all(claim["verdict"] in claims.SETTLED + claims.UNSETTLED for claim in found["claims"].values())


@given(text=st.one_of(st.text(max_size=40), damaged(b"seed=7 n_paths=1000 quick=true prices_path='a b.csv'").map(lambda b: b.decode(errors="replace"))))
def test_parameters_from_the_command_line(text):
    notebook = ROOT / "chapters/02_decomposition.ipynb"
    try:
        given_ = run.parse(notebook, text)
    except ValueError:
        return
    kinds = {"seed": int, "n_paths": int, "quick": bool, "prices_path": str}
    assert all(type(value) is kinds[name] for name, value in given_.items())


def test_no_reader_unpickles():
    sources = "".join(path.read_text() for path in (ROOT / "mnvh").rglob("*.py"))
    for call in ("read_pickle", "pickle.load", "allow_pickle=True", "joblib.load", "yaml.load(", "yaml.unsafe"):
        assert call not in sources, call
    assert not re.search(r"(?<![.\w])(eval|exec)\(", sources)  # of Python
    assert yaml.safe_load("!!str x") == "x"
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("!!python/object/apply:os.system [echo]")
