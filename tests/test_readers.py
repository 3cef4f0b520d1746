"""Real prices: the package's own, and a reader's file with everything that is wrong with files."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from mnvh import readers

GOOD = "date,AAA,BBB\n2020-01-02,100,50\n2020-01-03,101.5,49\n2020-01-06,99,51\n"

BAD = {
    "no file content": ("", "cannot be read"),
    "no header": ("2020-01-02,100\n2020-01-03,101\n", "has no header.*begins with 2020-01-02.*name the columns"),
    "a name twice": ("date,AAA,AAA\n2020-01-02,1,2\n2020-01-03,1,2\n", "date, AAA, AAA.*its own name"),
    "a column without name": ("date,AAA,\n2020-01-02,1,2\n2020-01-03,1,2\n", "its own name"),
    "semicolons": ("date;AAA\n2020-01-02;1\n2020-01-03;1\n", "has one column.*by commas"),
    "more entries than names": ("date,AAA\n2020-01-02,1\n2020-01-03,1,2,3\n", "cannot be read.*line 3"),
    "one date": ("date,AAA\n2020-01-02,1\n", "has 1 rows of prices"),
    "no date": ("date,AAA\n2020-01-02,1\nsoon,1\n", r"column date: no date, in 1 of its rows: 3\..*YYYY-MM-DD"),
    "ambiguous dates": ("date,AAA\n01/02/2020,1\n02/02/2020,1\n", r"no date, in 2 of its rows: 2, 3\."),
    "a date twice": ("date,AAA\n2020-01-02,1\n2020-01-03,1\n2020-01-02,1\n", r"second time, in 1 of its rows: 4\."),
    "unsorted": ("date,AAA\n2020-01-03,1\n2020-01-02,1\n2020-01-06,1\n", r"before the one above, in 1.*: 3\..*sort"),
    "text": ("date,AAA,BBB\n2020-01-02,1,n.a.\n2020-01-03,1,2\n", r"column BBB: text, in 1 of its rows: 2\."),
    "thousands": ('date,AAA\n2020-01-02,"1,234.5"\n2020-01-03,1\n', r"column AAA: text.*: 2\..*1234\.5"),
    "infinity": ("date,AAA\n2020-01-02,1\n2020-01-03,inf\n", r"column AAA: infinity, in 1 of its rows: 3\."),
    "returns": ("date,AAA\n2020-01-02,0.01\n2020-01-03,-0.02\n", r"at or below 0, in 1.*: 3\..*look like returns"),
    "no price at all": ("date,AAA,BBB\n2020-01-02,1,\n2020-01-03,1,\n", "column BBB: no price at all.*take the column"),
    "many rows": (
        "date,AAA\n" + "".join(f"2020-01-{d:02},0\n" for d in range(1, 10)),
        r"in 9 of its rows: 2, 3, 4, 5, 6 \.\.\.",
    ),
}


def write(folder, text, name="prices.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def reported(path, **options):
    """The report, which is also the warning."""
    with pytest.warns(UserWarning) as caught:
        report = readers.read_prices(path, **options).attrs["report"]
    assert " ".join(report) in str(caught[0].message)
    return report


def test_a_good_file_is_read_without_a_word(tmp_path):
    frame = readers.read_prices(write(tmp_path, GOOD))
    assert frame.attrs["report"] == []
    assert list(frame.columns) == ["AAA", "BBB"]
    assert list(frame.index) == list(pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"]))
    assert frame.dtypes.tolist() == [np.float64] * 2
    np.testing.assert_array_equal(readers.from_frame(frame), [[[100.0, 50.0], [101.5, 49.0], [99.0, 51.0]]])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (gzip.compress(GOOD.encode()), "prices.csv.gz"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "PRICES.CSV"),  # as spreadsheets write it
        (GOOD.replace("\n", "\r\n") + "\r\n\r\n", "prices.csv"),
        (GOOD.replace("date", ""), "prices.csv"),  # as pandas writes an index without a name
        (GOOD.replace("-02,", "-02 00:00:00-05:00,").replace("-03,", "-03 00:00:00-04:00,"), "prices.csv"),
    ],
)
def test_the_same_file_in_other_clothes_gives_the_same_prices(tmp_path, text, name):
    expected = readers.read_prices(write(tmp_path, GOOD))
    pd.testing.assert_frame_equal(readers.read_prices(write(tmp_path, text, name)), expected)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_its_name_the_rows_and_the_remedy(tmp_path, case):
    text, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        readers.read_prices(write(tmp_path, text))
    assert "prices.csv" in str(caught.value)
    assert "Likely fix: " in str(caught.value)


@pytest.mark.parametrize("name", ["prices.csv.gz", "prices.xlsx"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=name):
        readers.read_prices(write(tmp_path, GOOD, name))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(ValueError, match="UTF-8"):
        readers.read_prices(write(tmp_path, "date,Ä\n".encode("latin-1")))


def test_parquet_is_read_where_pyarrow_is_and_refused_with_the_remedy_where_it_is_not(tmp_path):
    path = tmp_path / "prices.parquet"
    if importlib.util.find_spec("pyarrow"):
        frame = readers.read_prices(write(tmp_path, GOOD))
        frame.to_parquet(path)
        pd.testing.assert_frame_equal(readers.read_prices(path), frame, check_index_type=False)
    else:
        path.write_bytes(b"PAR1")
        with pytest.raises(ValueError, match=r"pyarrow.*pip install pyarrow"):
            readers.read_prices(path)


def test_missing_days_are_reported(tmp_path):
    path = write(tmp_path, GOOD + "2020-02-03,99,51\n")
    assert reported(path) == ["More than 7 days lie between two dates in 1 places, first from 2020-01-06 to 2020-02-03."]
    assert readers.read_prices(path, max_gap_days=28).attrs["report"] == []


def test_missing_prices_stay_missing_are_reported_and_are_no_prices_of_a_path(tmp_path):
    path = write(tmp_path, GOOD + "2020-01-07,,51\n2020-01-08,99,\n2020-01-09,,51\n")
    assert reported(path) == [
        "AAA has no price on 2 of 6 dates, first on 2020-01-07.",
        "BBB has no price on 1 of 6 dates, first on 2020-01-08.",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = readers.read_prices(path)
    assert frame.isna().sum().tolist() == [2, 1]
    with pytest.raises(ValueError, match="frame has 3 entries that are not finite"):
        readers.from_frame(frame)


@pytest.mark.parametrize(("price", "words"), [(49.8, "2 for 1"), (9.95, "10 for 1"), (301.0, "1 for 3")])
def test_a_probable_split_is_reported_and_not_undone(tmp_path, price, words):
    path = write(tmp_path, f"date,AAA\n2020-01-02,100\n2020-01-03,\n2020-01-06,{price}\n")  # across a gap too
    assert reported(path)[-1] == f"AAA moves by a factor {price / 100:.4f} on 2020-01-06, perhaps a split {words}."
    assert not reported(write(tmp_path, "date,AAA\n2020-01-02,100\n2020-01-03,\n2020-01-06,51.5\n"))[1:]


def test_the_twenty_stocks_are_complete_and_one_of_them_has_a_probable_split():
    frame = readers.sp500_stocks()
    assert frame.shape == (8313, 20)
    assert readers.from_frame(frame).shape == (1, 8313, 20)
    assert frame.attrs["report"] == ["RRC moves by a factor 0.3332 on 1990-04-10, perhaps a split 3 for 1."]


def test_the_vendored_file_is_the_one_whose_source_is_given():
    packed = (ROOT / "data/nyse_o.csv.gz").read_bytes()
    text = gzip.decompress(packed)
    readme = (ROOT / "data/README.md").read_text()
    for content, name in ((packed, "nyse_o.csv.gz"), (text, "nyse_o.csv")):
        assert f"    {hashlib.sha256(content).hexdigest()}  {name}\n" in readme
    names = [f"{chr(65 + i)}" for i in range(26)] + [f"x{i}" for i in range(1, 7)] + list("abcd")
    names[16] = "x7"  # in the place of Q
    source = ",".join(names).encode() + text[text.index(b"\n") :]
    assert f"That file has the SHA-256 `{hashlib.sha256(source).hexdigest()}`" in readme
    assert packed[4:8] == bytes(4)  # no date
    assert re.search(r"universal-portfolios, version 0\.4\.17", readme) and (ROOT / "data/LICENSE-universal-portfolios").exists()


def test_the_36_stocks_are_those_of_the_literature():
    frame = readers.nyse_stocks()
    assert frame.shape == (5652, 36) and (frame.iloc[0] == 1).all()
    assert list(frame.columns) == sorted(frame.columns)
    final = frame.iloc[-1]
    assert (final.idxmax(), final.idxmin()) == ("morris", "dupont")
    assert final[["morris", "dupont"]].round(2).tolist() == [54.14, 3.07]
    assert frame["schlum"].max().round(2) == 90.12 and frame["meico"].min().round(2) == 0.26
    relatives = (frame / frame.shift()).iloc[1:].to_numpy()
    np.testing.assert_allclose(relatives, relatives.round(5), rtol=1e-14)  # five decimals at the origin
    assert readers.from_frame(frame).shape == (1, 5652, 36)


def test_vendored_numbers_are_read_to_the_last_digit():
    first = gzip.decompress((ROOT / "data/nyse_o.csv.gz").read_bytes()).decode().splitlines()[1].split(",")
    assert readers.nyse_stocks().iloc[1].tolist() == [float(number) for number in first]


def test_without_the_checkout_the_vendored_file_is_missed_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(readers, "NYSE", tmp_path / "nyse_o.csv.gz")
    with pytest.raises(FileNotFoundError, match=r"nyse_o\.csv\.gz is absent.*checkout.*Likely fix"):
        readers.nyse_stocks()
