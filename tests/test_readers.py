"""Real prices: the package's own, and a reader's file with everything that is wrong with files."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import ROOT
from pyarrow import parquet

from mnvh import chains, quotes, readers

GOOD = "date,AAA,BBB\n2020-01-02,100,50\n2020-01-03,101.5,49\n2020-01-06,99,51\n"

BAD = {
    "no file content": ("", "cannot be read"),
    "no header": ("2020-01-02,100\n2020-01-03,101\n", "has no header.*begins with 2020-01-02.*name the columns"),
    "a name twice": ("date,AAA,AAA\n2020-01-02,1,2\n2020-01-03,1,2\n", "date, AAA, AAA.*of their own"),
    "a column without name": ("date,AAA,\n2020-01-02,1,2\n2020-01-03,1,2\n", "date, AAA, nan.*with a name"),
    "semicolons": ("date;AAA\n2020-01-02;1,5\n2020-01-03;1\n", "semicolons in line 1.*separated by commas, with decimal points"),
    "tabs": ("date\tAAA\n2020-01-02\t1\n", "tabs in line 1.*separated by commas, with decimal points"),
    "a comment": ("# my prices, adjusted\n" + GOOD, "begins with '# my prices, adjusted'.*take comments out"),
    "one column": ("date\n2020-01-02\n2020-01-03\n", "has the columns date.*each asset"),
    "more entries than names": ("date,AAA\n2020-01-02,1\n2020-01-03,1,2,3\n", "cannot be read.*line 3"),
    "a formula for a name": ("date,$A$,B ($)\n2020-01-02,1,2\n2020-01-03,1,2\n", r"has the column '\$A\$'.*one \$ at most"),
    "one date": ("date,AAA\n2020-01-02,1\n", "has 1 rows of prices"),
    "one date with a price": ("date,AAA\n2020-01-02,1\n2020-01-03,\n", "has 1 rows of prices"),
    "no date": ("date,AAA\n2020-01-02,1\nsoon,1\n", r"column date: no date, in 1 of its rows: 3\..*YYYY-MM-DD"),
    "ambiguous dates": ("date,AAA\n01/02/2020,1\n02/02/2020,1\n", r"no date, in 2 of its rows: 2, 3\."),
    "a date twice": ("date,AAA\n2020-01-02,1\n2020-01-03,1\n2020-01-02,1\n", r"second time, in 1 of its rows: 4\."),
    "unsorted": ("date,AAA\n2020-01-03,1\n2020-01-02,1\n2020-01-06,1\n", r"before the one above, in 1.*: 3\..*sort"),
    "text": ("date,AAA,BBB\n2020-01-02,1,n.a.\n2020-01-03,1,2\n", r"column BBB: no number, in 1 of its rows: 2\."),
    "thousands": ('date,AAA\n2020-01-02,"1,234.5"\n2020-01-03,1\n', r"column AAA: no number.*: 2\..*1234\.5"),
    "infinity": ("date,AAA\n2020-01-02,1\n2020-01-03,inf\n", r"column AAA: no number, in 1 of its rows: 3\."),
    "more than numbers can be multiplied by": ("date,AAA\n2020-01-02,1\n2020-01-03,1e300\n", r"no number, in 1 .*: 3\..* to 1e\+100"),
    "less than numbers can be divided by": ("date,AAA\n2020-01-02,1e-300\n2020-01-03,1\n", r"no number, in 1 .*: 2\..*from 1e-100"),
    "the year 0": ("date,AAA\n0000-01-01,1\n2020-01-03,1\n", r"column date: a date before 1600-01-01, in 1 .*: 2\."),
    "the year 1": ("date,AAA\n0001-01-02,1\n0001-01-03,\n2020-01-03,1\n", r"before 1600-01-01, in 2 .*: 2, 3\..*without a date out"),
    "prices in the place of dates": ("AAA,BBB\n1500,1\n1510,1\n", r"column AAA: a date before 1600"),
    "a name of blanks": ("date, \n2020-01-02,1\n2020-01-03,1\n", "of their own, with a name"),
    "returns": ("date,AAA\n2020-01-02,0.01\n2020-01-03,-0.02\n", r"at or below 0, in 1.*: 3\..*empty where a price is missing; of returns make prices"),
    "no price at all": ("date,AAA,BBB\n2020-01-02,1,\n2020-01-03,1,\n", "column BBB: no price at all.*take the column"),
    "many rows": (
        "date,AAA\n" + "".join(f"2020-01-{d:02},0\n" for d in range(1, 10)),
        r"in 9 of its rows: 2, 3, 4, 5, 6 and 4 more",
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
        (gzip.compress(GOOD.encode(), mtime=0), "prices.csv.gz"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "PRICES.CSV"),  # as spreadsheets write it
        (GOOD.replace("\n", "\r\n") + "\r\n\r\n", "prices.csv"),
        (GOOD.replace("date", ""), "prices.csv"),  # as pandas writes an index without a name
        (GOOD.replace("-02,", "-02T00:00:00.000-05:00,").replace("-03,", "-03T00:00:00.000-04:00,"), "prices.csv"),
        (GOOD.replace("-02,", "-02T00:00+05,").replace("-03,", "-03T00:00Z,"), "prices.csv"),
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


@pytest.mark.parametrize("form", [lambda f: f, lambda f: f.reset_index(), lambda f: f.reset_index().set_axis([4, 7, 9]), lambda f: f.astype(str)])
def test_parquet_gives_the_same_prices_whatever_stands_in_its_index(tmp_path, form):
    frame = readers.read_prices(write(tmp_path, GOOD))
    form(frame).to_parquet(tmp_path / "prices.parquet")
    pd.testing.assert_frame_equal(readers.read_prices(tmp_path / "prices.parquet"), frame, check_index_type=False)


def test_parquet_that_is_none_or_has_names_of_two_levels_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"x\.parquet.*cannot be read"):
        readers.read_prices(write(tmp_path, b"PAR1", "x.parquet"))
    frame = readers.read_prices(write(tmp_path, GOOD))
    pd.concat({"Close": frame, "Open": frame}, axis=1).to_parquet(tmp_path / "yf.parquet")
    with pytest.raises(ValueError, match=r"yf\.parquet.*names of two levels.*'Open', 'BBB'.*Close"):
        readers.read_prices(tmp_path / "yf.parquet")


DATES = pa.array(["2020-01-02", "2020-01-03", "2020-01-06"])
META = {"index_columns": ["date"], "column_indexes": [], "columns": [{"name": "AAA", "numpy_type": "float64"}]}


@pytest.mark.parametrize("meta", ["{}", "[]", "", "no json", META | {"index_columns": ["zzz"]}, META | {"index_columns": ["date", "date"]},
                                  META | {"columns": [{"name": "AAA", "field_name": "AAA", "pandas_type": "float64", "numpy_type": "dozen"}]},
                                  META | {"columns": None}, META | {"column_indexes": [{}]}])  # fmt: skip
def test_parquet_with_damaged_metadata_is_refused_by_name(tmp_path, meta):
    table = pa.table({"date": DATES, "AAA": [1.0, 2.0, 3.0]})
    parquet.write_table(table.replace_schema_metadata({"pandas": meta if isinstance(meta, str) else json.dumps(meta)}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet': cannot be read \(\w+: .*Likely fix: save it anew") as caught:
        readers.read_prices(tmp_path / "x.parquet")
    assert "\n" not in str(caught.value)


def test_parquet_whose_names_come_twice_or_not_at_all_is_refused(tmp_path):
    for names in (["date", "AAA", "AAA"], ["date", "AAA", ""]):
        parquet.write_table(pa.table([DATES, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], names=names), tmp_path / "x.parquet")
        with pytest.raises(ValueError, match=r"x\.parquet.*(Multiple matches|with a name)"):
            readers.read_prices(tmp_path / "x.parquet")
    pd.DataFrame(index=range(3)).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet.*has the columns \."):
        readers.read_prices(tmp_path / "x.parquet")


NO_NUMBERS = {
    "timestamps": pa.array([1, 2, 3], pa.timestamp("us")), "with a zone": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
    "durations": pa.array([1, 2, 3], pa.duration("us")), "times of day": pa.array([1, 2, 3], pa.time64("us")),
    "dates": pa.array([1, 2, 3], pa.date32()), "booleans": pa.array([True] * 3), "booleans and nothing": pa.array([True, None, True]),
    "lists": pa.array([[1.0]] * 3), "structs": pa.array([{"a": 1}] * 3), "bytes": pa.array([b"1"] * 3),
    "categories": pa.array(["a", "2", "a"]).dictionary_encode(), "text": pa.array(["True", None, "0x10"]),
}  # fmt: skip
NUMBERS = {
    "decimals": pa.array([Decimal("1.5"), None, Decimal(2)]), "text": pa.array(["1.5", None, "2"]), "half": pa.array([1.5, None, 2], pa.float16()),
    "categories of numbers": pa.array([1.5, None, 2]).dictionary_encode(), "categories": pa.array(["1.5", None, " 2 "]).dictionary_encode(),
    "unsigned": pa.array([1, None, 2], pa.uint64()), "whole": pa.array([1, None, 2], pa.int8()),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_a_parquet_column_of_something_else_is_no_prices(tmp_path, kind):
    parquet.write_table(pa.table({"date": DATES, "AAA": NO_NUMBERS[kind]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet': column AAA: no number, in [23] of its rows: 2, .*Likely fix: numbers only"):
        readers.read_prices(tmp_path / "x.parquet")


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_prices_however_they_are_stored(tmp_path, kind):
    parquet.write_table(pa.table({"date": DATES, "AAA": NUMBERS[kind], "BBB": [1, 2, 3]}), tmp_path / "x.parquet")
    with pytest.warns(UserWarning, match="AAA on 1 of 3 dates"):
        prices = readers.read_prices(tmp_path / "x.parquet")
    assert prices["AAA"].iloc[[0, 2]].tolist() == [1.5 if "1.5" in str(NUMBERS[kind]) else 1, 2] and prices.dtypes.eq(float).all()


def test_numbers_no_product_can_be_taken_of_and_complex_ones_are_none():
    entries = pd.Series([1e100, -1e100, 1e-100, 0, 1e101, -1e101, 1e-101, np.inf])
    for column in (entries, entries.astype(object), entries.astype(str)):
        assert readers.floats(column)[:4].tolist() == [1e100, -1e100, 1e-100, 0] and np.isnan(readers.floats(column)[4:]).all()
    assert np.isnan(readers.floats(pd.Series([1 + 2j, 1]))).all()
    np.testing.assert_array_equal(readers.floats(pd.Series([1, None], dtype="Int64")), [1, np.nan])


def test_dates_with_a_zone_and_a_fraction_of_a_second_are_local_ones(tmp_path):
    local = pd.to_datetime(["2020-01-02 10:00:00.5", "2020-07-02 10:00:00.0"])
    pd.DataFrame({"AAA": [1.0, 1.1]}, index=local.tz_localize("America/New_York")).to_parquet(tmp_path / "x.parquet")
    with pytest.warns(UserWarning, match="More than 7 days"):
        assert list(readers.read_prices(tmp_path / "x.parquet").index) == list(local)
    pd.DataFrame({"AAA": [1.0, 1.1]}, index=pd.to_datetime([1, 2], unit="ns", utc=True).rename("t")).to_parquet(tmp_path / "x.parquet")
    assert len(readers.read_prices(tmp_path / "x.parquet")) == 2  # 1600 is no date in nanoseconds


@pytest.mark.parametrize("path", ["~nosuchuser/x.csv", "x" * 5000 + ".csv", "x\0.csv"])
@pytest.mark.parametrize("read", [readers.read_prices, readers.read_table, quotes.read_quotes, chains.read_chain])
def test_a_path_that_no_system_takes_is_no_file(read, path):
    with pytest.raises(ValueError, match=r"path '.*\.csv': is no file.*Likely fix") as caught:
        read(path)
    assert len(str(caught.value)) < 400


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, GOOD)
    assert len(readers.read_prices("~/prices.csv")) == 3


def test_a_table_is_text_with_the_number_of_each_row_in_the_file(tmp_path):
    table = readers.read_table(write(tmp_path, "Time ,bid\n1,0.10\n\n,\n2,x\n"))
    assert list(table.columns) == ["Time ", "bid"] and table.index.tolist() == [2, 5]
    assert table.to_numpy().tolist() == [["1", "0.10"], ["2", "x"]]


def test_a_refusal_has_no_second_error_behind_it(tmp_path):
    with pytest.raises(ValueError, match="cannot be read") as caught:
        readers.read_prices(write(tmp_path, "date,AAA\n2020-01-02,1\n2020-01-03,1,2,3\n"))
    assert caught.value.__suppress_context__


def test_missing_days_are_reported(tmp_path):
    path = write(tmp_path, GOOD + "2020-02-03,99,51\n")
    assert reported(path) == ["More than 7 days lie between two dates in 1 places, first from 2020-01-06 to 2020-02-03."]
    assert readers.read_prices(path, max_gap_days=28).attrs["report"] == []


def test_missing_prices_stay_missing_are_reported_and_are_no_prices_of_a_path(tmp_path):
    path = write(tmp_path, GOOD + "2020-01-07,,51\n2020-01-08,99,\n2020-01-09,,51\n")
    assert reported(path) == ["Prices are missing: AAA on 2 of 6 dates (first 2020-01-07), BBB on 1 of 6 dates (first 2020-01-08)."]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = readers.read_prices(path)
    assert frame.isna().sum().tolist() == [2, 1]
    with pytest.raises(ValueError, match="frame has 3 entries that are not finite"):
        readers.from_frame(frame)


def test_dates_without_any_price_are_left_out_and_reported(tmp_path):
    path = write(tmp_path, GOOD + "2020-01-07,,\n2020-01-08,99,51\n")
    assert reported(path) == ["No price at all on 1 dates, which are left out: 2020-01-07."]


@pytest.mark.parametrize(("price", "ratio"), [(49.8, "1/2"), (9.95, "1/10"), (301.0, "3"), (4.9, "1/20"), (68.0, "2/3"), (9700.0, "100"), (2.5, "1/40")])
def test_a_probable_split_or_slip_is_reported_and_not_undone(tmp_path, price, ratio):
    path = write(tmp_path, f"date,AAA\n2020-01-02,100\n2020-01-03,\n2020-01-06,{price}\n")  # across a gap too
    assert f": AAA by {price / 100:.4f} on 2020-01-06 (nearest ratio {ratio})." in reported(path)[-1]
    assert not reported(write(tmp_path, "date,AAA\n2020-01-02,100\n2020-01-03,\n2020-01-06,72.5\n"))[1:]


def series(changes, n=600):
    """Prices of independent changes of the logarithm, on working days."""
    changes = np.random.default_rng(3).normal(0, changes, (n, 2))
    return pd.DataFrame(np.exp(changes.cumsum(axis=0)), pd.bdate_range("2015-01-01", periods=n), ["AAA", "BBB"]).rename_axis("date")


@pytest.mark.parametrize("split", [2, 1.6, 20, 1 / 3])
def test_splits_are_found_wherever_they_fall_and_moves_of_the_assets_own_size_are_not(split):
    assert readers._report(series(0.3), 7) == []  # an asset for which a factor of 1.4 is a usual day
    frame, found = series(0.01), 0
    for row in range(50, 600, 50):
        adjusted = frame.copy()
        adjusted.iloc[row:, 0] /= split
        (sentence,) = readers._report(adjusted, 7)
        found += f" on {frame.index[row]:%Y-%m-%d} (nearest ratio" in sentence
    assert found == 11


def test_the_largest_moves_come_first_and_what_is_many_is_counted():
    frame = series(0.01)
    for row in range(100, 600, 100):
        frame.iloc[row:, 0] *= 2
    frame.iloc[50:, 1] /= 100
    (sentence,) = readers._report(frame, 7)
    assert re.search(r"of the point: BBB by 0\.01?\d+ on \S+ \(nearest ratio 1/100\), AAA by ", sentence)
    assert sentence.count("(nearest ratio 2)") == 3 and sentence.endswith(" and 2 more.")


def test_fields_of_one_asset_and_gross_returns_are_reported():
    chart = series(0.01).set_axis(["Open", "Close"], axis=1)
    assert readers._report(chart, 7) == ["The columns Open, Close look like fields of one asset: where a column stands for an asset, keep one."]
    gross = series(0.01).pct_change().iloc[1:] + 1
    assert readers._report(gross, 7) == ["Gross returns, it seems, in AAA, BBB: pass prices, as in 100 * r.cumprod()."]
    assert readers._report(series(0.01) / 1.05, 7) == []  # exchange rates lie near 1 too


def years(change=lambda frame: frame):
    """What the years hold, with the warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parts = readers.calendar_years("prices_path", change(series(0.01, 1000).assign(CCC=5 + np.arange(1000) % 7)))
    assert {w.filename for w in caught} <= {__file__}  # a warning names the line of the caller
    return [(part.index[0].year, "".join(part.columns.str[0])) for part in parts], " ".join(str(w.message) for w in caught)


def rotating(frame):
    """Without another asset each year, so that each has two years or more and none all."""
    absent = {2015: "AAA", 2016: "BBB", 2017: "CCC", 2018: "AAA"}
    return frame.where(frame.index.year.map(absent).to_numpy()[:, None] != frame.columns.to_numpy())


def test_calendar_years_leave_out_what_no_mean_can_be_taken_of_and_say_so():
    full = [(year, "ABC") for year in (2015, 2016, 2017, 2018)]
    assert years() == (full, "")
    cut = "prices_path: Years with less than half the median number of dates, 260.5, are left out: "
    assert years(lambda f: f[:"2018-01-09"]) == (full[:3], cut + "2018.")
    absent = "prices_path: Assets in years in which a price is missing or never moves are left out: "
    gap = lambda f: f.where((f.index != "2016-05-02")[:, None] | (f.columns != "AAA"))
    assert years(gap) == ([full[0], (2016, "BC"), *full[2:]], absent + "AAA (2016).")
    late = lambda f: f.where((f.index.year == 2018)[:, None] | (f.columns != "BBB"))
    assert years(late)[0] == [(year, "AC") for year, _ in full]
    assert years(late)[1] == absent + "BBB (2015, 2016, 2017). Assets with fewer than two years left are left out: BBB."
    cash = lambda f: f.assign(AAA=1.0)
    assert "AAA (2015, 2016, 2017, 2018)." in years(cash)[1]
    alone = lambda f: f.where((f.index != "2016-05-02")[:, None] | (f.columns == "AAA"))
    assert years(alone)[0] == [full[0], *full[2:]] and "Years with fewer than two assets left are left out: 2016." in years(alone)[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rotating, "two assets with a price on every date of all years left in"),
        (lambda f: f[["AAA"]], r"prices_path has 1 asset\(s\).*needed are two years of three dates or more, and two assets"),
        (lambda f: f[:"2016-01-05"], r"2 calendar year\(s\) of 132 date\(s\) \(median\).*left out: 2016"),
        (lambda f: f.resample("YE").last(), r"4 calendar year\(s\) of 1 date\(s\).*left out: 2015, 2016, 2017, 2018"),
        (lambda f: f.assign(AAA=1.0, BBB=2.0), r"never moves are left out: AAA \(2015, 2016, 2017, 2018\), BBB"),
    ],
)
def test_too_little_for_means_over_years_is_refused_with_what_there_is_and_what_is_needed(change, message):
    with pytest.raises(ValueError, match=message):
        years(change)


def test_the_twenty_stocks_are_complete_and_one_of_them_has_a_probable_split():
    frame = readers.sp500_stocks()
    assert frame.shape == (8313, 20)
    assert readers.from_frame(frame).shape == (1, 8313, 20)
    assert re.search("of the point: RRC by 0.3332 on 1990-04-10 .nearest ratio 1/3.", *frame.attrs["report"])
    assert frame.min().min() == frame["AAPL"].min() == 0.098


def test_the_vendored_file_is_the_one_whose_source_is_given():
    packed = (ROOT / "mnvh/data/nyse_o.csv.gz").read_bytes()
    text = gzip.decompress(packed)
    readme = (ROOT / "mnvh/data/README.md").read_text()
    for content, name in ((packed, "nyse_o.csv.gz"), (text, "nyse_o.csv")):
        assert f"    {hashlib.sha256(content).hexdigest()}  {name}\n" in readme
    names = [f"{chr(65 + i)}" for i in range(26)] + [f"x{i}" for i in range(1, 7)] + list("abcd")
    names[16] = "x7"  # in the place of Q
    source = ",".join(names).encode() + text[text.index(b"\n") :]
    assert f"That file has the SHA-256 `{hashlib.sha256(source).hexdigest()}`" in readme
    assert packed[4:8] == bytes(4)  # no date
    assert re.search(r"universal-portfolios, version 0\.4\.17", readme) and (ROOT / "mnvh/data/LICENSE-universal-portfolios").exists()


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
    first = gzip.decompress((ROOT / "mnvh/data/nyse_o.csv.gz").read_bytes()).decode().splitlines()[1].split(",")
    assert readers.nyse_stocks().iloc[1].tolist() == [float(number) for number in first]


def test_without_the_checkout_the_vendored_file_is_missed_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(readers, "NYSE", tmp_path / "nyse_o.csv.gz")
    with pytest.raises(FileNotFoundError, match=r"nyse_o\.csv\.gz is absent.*checkout.*Likely fix"):
        readers.nyse_stocks()
