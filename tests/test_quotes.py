"""The reader of quotes: what is clean is read as it stands, what is not is reported with its rows."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pandas as pd
import pytest

from mnvh.quotes import Stream, read_quotes

CLEAN = "time,bid,ask\n2014-05-06T00:00:00.158,1.1,1.2\n2014-05-06T00:00:01.158,1.1,1.3\n2014-05-06T00:00:03.158,1.2,1.3\n"


def save(folder, text, name="q.csv"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("order", [["time", "bid", "ask"], ["ask", "size", "time", "bid"]])
@pytest.mark.parametrize("packed", [False, True])
def test_a_clean_file_is_read_without_a_word(tmp_path, order, packed):
    table = pd.read_csv(save(tmp_path, CLEAN), dtype=str).assign(size="7")[order]
    path = tmp_path / ("q2.csv.gz" if packed else "q2.csv")
    table.to_csv(path, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quotes = read_quotes(path)
    np.testing.assert_allclose(quotes.time, [0, 1, 3])
    assert quotes.ask.tolist() == [1.2, 1.3, 1.3] and quotes.report == ()


HEAD = "time,bid,ask\n0,99,101\n"
FINDINGS = [
    ("1,nan,101\n2,99,\n3,x,101\n4,99,inf\n5,99,101\n", "4 rows dropped: bid or ask is missing.*rows 3, 4, 5, 6", 2),
    ("1,0,101\n2,-1,101\n3,99,101\n", "2 rows dropped: bid or ask is at or below zero .rows 3, 4", 2),
    ("1,102,101\n2,99,101\n", "1 rows dropped: crossed.*rows 3", 2),
    ("1,101,101\n", "1 rows locked.*kept .rows 3", 2),
    ("3,99,101\n2,98,100\n", "1 rows out of order, sorted by time .rows 4", 3),
    ("0,99,101\n", "1 rows a duplicate.*rows 3", 2),
    ("0,98,101\n", "1 rows another quote at the same time.*rows 3", 2),
    ("1,99,101\n400,99,101\n", "1 rows more than 300 s after.*rows 4", 3),
]


@pytest.mark.parametrize(("rows", "report", "kept"), FINDINGS)
def test_each_fault_is_reported_with_its_rows_and_count(tmp_path, rows, report, kept):
    with pytest.warns(UserWarning, match=report):
        quotes = read_quotes(save(tmp_path, HEAD + rows))
    assert len(quotes.time) == kept and (np.diff(quotes.time) >= 0).all()


BROKEN = [
    ("0,99,101\n1,99,101\n", "the first row must name time, bid and ask"),
    ("time,bid,offer\n0,99,101\n", "has the columns time, bid, offer"),
    ("time,bid,ask\n0,99,101\nnoon,99,101\n", "no time in .* rows: 3|no time in 2 rows: 2, 3"),
    ("time,bid,ask\n0,99,101\n1,103,101\n", "1 usable quotes of 2 rows.*crossed"),
    ("time,bid,ask\n", "0 usable quotes"),
    ("time,bid,ask\n0,99,101\n1,99,101\n2,99,101,7\n", "cannot be read beyond row .*as many commas"),
    ("time,bid,ask\n0,99,101,7\n1,99,101,7\n", "cannot be read.*as many commas"),
    ("time,bid,ask\n0,99,101\n1,99,101\nnoon,99,101\n", "no time in .* rows: "),
    ("", "the first row must name time, bid and ask"),
    ("time,bid,ask\n0,99,101,7,8\n1,99\n2,3,4,5,6,7\n", "cannot be read"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_an_unusable_file_is_an_error_that_says_why(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"q.csv.*{message}"):
        read_quotes(save(tmp_path, text))


def test_a_truncated_gzip_is_an_error(tmp_path):
    whole = gzip.compress((HEAD + "".join(f"{k},99,101\n" for k in range(1, 9999))).encode())
    (tmp_path / "q.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read.*truncated gzip"):
        read_quotes(tmp_path / "q.csv.gz")


def test_rates_may_be_negative(tmp_path):
    quotes = read_quotes(save(tmp_path, "time,bid,ask\n0,-0.3,-0.2\n1,-0.1,0\n"), above_zero=False)
    assert quotes.mid.tolist() == [-0.25, -0.05]


@pytest.mark.parametrize("indexed", [False, True])
def test_parquet_is_read_with_time_in_a_column_or_in_the_index(tmp_path, indexed):
    stamps = pd.to_datetime(["2020-01-01 00:00:00.0", "2020-01-01 00:00:02.5"])
    table = pd.DataFrame({"ask": [1.5, 2.5], "time": stamps, "bid": [1.0, 2.0]})
    (table.set_index("time") if indexed else table).to_parquet(tmp_path / "q.parquet")
    quotes = read_quotes(tmp_path / "q.parquet")
    assert quotes.time.tolist() == [0, 2.5] and quotes.ask.tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match="cannot be read.*Parquet"):
        read_quotes(save(tmp_path, "no parquet", "broken.parquet"))


DIRTY = HEAD + "1,99,101\n\n1,98,101\n2,nan,101\n3,102,101\n4,101,101\n4,101,101\n900,-1,2\n901,99,101\n902,99,100\n"


@pytest.mark.parametrize("size", [2, 3, 4, 100])
def test_a_stream_gives_the_same_quotes_and_findings_in_pieces_of_any_size(tmp_path, size):
    path = save(tmp_path, DIRTY)
    with pytest.warns(UserWarning):
        whole = read_quotes(path)
    stream = Stream(path, size=size)
    pieces = list(stream)
    for name in ("time", "bid", "ask"):
        assert np.concatenate([getattr(piece, name) for piece in pieces]).tolist() == getattr(whole, name).tolist()
    assert set(stream.report) == set(whole.report) and len(whole.report) == 7 and stream.fraction == 1


@pytest.mark.parametrize("size", [2, 3, 100])
def test_a_stream_drops_rows_earlier_than_one_above_and_counts_them(tmp_path, size):
    stream = Stream(save(tmp_path, HEAD + "5,99,101\n3,99,101\n4,98,100\n6,97,100\n"), size=size)
    assert np.concatenate([piece.time for piece in stream]).tolist() == [0, 5, 6]
    assert stream.report == ("2 rows dropped: earlier than row 3 or another above, which a stream cannot sort (rows 4, 5).",)


def test_a_stream_of_a_truncated_gzip_gives_what_comes_before_the_cut(tmp_path):
    whole = gzip.compress((HEAD + "".join(f"{k},99,10{k % 9}.{k * k}\n" for k in range(1, 40_000))).encode())
    (tmp_path / "q.csv.gz").write_bytes(whole[: len(whole) // 2])
    read = []
    with pytest.raises(ValueError, match=r"cannot be read beyond row ([0-9]+) .*truncated gzip") as caught:
        for piece in Stream(tmp_path / "q.csv.gz", size=1000):
            read.append(len(piece.time))
    assert len(read) > 9 and set(read[:-1]) == {1000} and 0 < read[-1] <= 1000
    assert f"beyond row {sum(read) + 1} " in str(caught.value)


def test_a_row_with_too_many_fields_is_named_and_what_is_above_it_is_read(tmp_path):
    rows = [f"{k},99,101\n" for k in range(1, 60)]
    rows[39] = "40,99,101,7\n"  # row 42 of the file: the header and time 0 stand above
    stream, read = Stream(save(tmp_path, HEAD + "".join(rows)), size=25), []
    with pytest.raises(ValueError, match="beyond row 41 .the next row has more fields than the first"):
        read.extend(len(piece.time) for piece in stream)
    assert read == [25, 15]


@pytest.mark.parametrize(("time", "message"), [(1.7e12, "has 1700000000000 in row 2.*divide milliseconds by 1000"),
                                               (20240102093000, "or write dates as")])  # fmt: skip
def test_times_in_another_unit_are_named(tmp_path, time, message):
    path = tmp_path / "q.csv"
    path.write_text("time,bid,ask\n" + "".join(f"{time + k:.0f},99,101\n" for k in range(3)))
    with pytest.raises(ValueError, match=message):
        read_quotes(path)


def test_durations_are_seconds_and_a_table_without_rows_says_so(tmp_path):
    table = pd.DataFrame({"time": pd.to_timedelta([0, 1500], unit="ms"), "bid": [1.0, 1.0], "ask": [2.0, 2.0]})
    table.to_parquet(tmp_path / "q.parquet")
    assert read_quotes(tmp_path / "q.parquet").time.tolist() == [0, 1.5]
    table[:0].to_parquet(tmp_path / "q.parquet")
    with pytest.raises(ValueError, match="0 usable quotes of 0 rows"):
        read_quotes(tmp_path / "q.parquet")


@pytest.mark.parametrize("column", ["time", "bid", "ask"])
@pytest.mark.parametrize("entries", [[True] * 3, [True, None, True], [[1.0]] * 3, [1e300] * 3, [b"1"] * 3, pd.to_timedelta([1, 2, None]),
                                     pd.to_datetime(["2020-01-01", None, None]), [1, None, None]])  # fmt: skip
def test_what_is_no_number_is_no_quote(tmp_path, column, entries):
    table = pd.DataFrame({"time": [0.0, 1, 2], "bid": [1.0, 1, 1], "ask": [2.0, 2, 2]}).assign(**{column: entries})
    table.to_parquet(tmp_path / "q.parquet")
    with pytest.raises(ValueError, match=r"q\.parquet.*([01] usable quotes of 3 rows.*is missing, no number|no time in|has 1e\+300)"):
        read_quotes(tmp_path / "q.parquet")
