"""`python -m mnvh.gamma_capture` on files of every kind, clean, dirty, cut short and interrupted."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from matplotlib.figure import Figure

from mnvh import cone_command, vol_cone
from mnvh.quotes import read_quotes

COMMAND = [sys.executable, "-m", "mnvh.gamma_capture"]
SIDES = ("left", "center", "right")  # where a title may stand, by the style in force
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def run(folder, *arguments):
    return subprocess.run([*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def quotes(n, seed=1):
    rng = np.random.default_rng(seed)
    mid = 100 * np.exp(1e-4 * rng.standard_normal(n).cumsum())
    times = pd.Timestamp("2020-01-06T09:00") + pd.to_timedelta(np.arange(n), unit="s")
    return pd.DataFrame({"time": times, "bid": (mid - 0.005).round(4), "ask": (mid + 0.005).round(4)})


@pytest.fixture(scope="module")
def table():
    return quotes(30_000)


@pytest.fixture(scope="module")
def wanted(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "q.csv"
    table.to_csv(path, index=False)
    book = read_quotes(path)
    windows = [900.0, 3600.0]
    cone = vol_cone.Cone(windows, vol_cone.steps_for(book, windows))
    cone.add(book)
    return cone.table()


def test_the_picture_of_a_part_says_so(tmp_path, table, monkeypatch, capsys):
    titles = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: titles.extend(map(figure.axes[0].get_title, SIDES)))
    table.to_csv(tmp_path / "q.csv", index=False)
    book = read_quotes(tmp_path / "q.csv")
    cone = vol_cone.Cone([900.0], vol_cone.steps_for(book, [900.0]))
    cone.add(book)
    cone_command._write(cone, str(tmp_path / "q_cone"), "PARTIAL: the first half")
    assert "".join(titles) == "PARTIAL: the first half" and (tmp_path / "q_cone_partial.csv").exists()


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz", "q.parquet"])
def test_the_cone_of_a_file_is_printed_written_and_drawn(tmp_path, table, wanted, name):
    table.to_parquet(tmp_path / name) if name.endswith("parquet") else table.to_csv(tmp_path / name, index=False)
    done = run(tmp_path, name, "--minutes", "15", "60")
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "q_cone.csv")
    assert found.pop("complete").all()
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert "Written: q_cone.csv and q_cone.png" in done.stdout and f"{wanted.long_last[0]:.2f}" in done.stdout
    assert (tmp_path / "q_cone.png").read_bytes().startswith(b"\x89PNG")
    assert "100 %" in done.stderr and "PARTIAL" not in done.stdout


def test_every_fault_is_reported_with_rows_and_count(tmp_path, table):
    dirty = table[:5000].astype({"time": str, "bid": object, "ask": object})
    dirty.loc[10, "bid"], dirty.loc[20, "ask"], dirty.loc[30, "bid"] = 999, "n/a", 0
    dirty.loc[40, "ask"] = dirty.loc[40, "bid"]
    dirty.loc[50] = dirty.loc[49]
    dirty.loc[60, "time"] = dirty.loc[3, "time"]
    dirty.loc[70, "time"] = dirty.loc[69, "time"]
    dirty.drop(range(3000, 3500)).to_csv(tmp_path / "q.csv", index=False)
    done = run(tmp_path, "q.csv", "--minutes", "0.5", "1000")
    assert done.returncode == 0
    for line in (
        r"1 rows dropped: crossed.*\(rows 12\)", r"1 rows dropped: bid or ask is missing.*\(rows 22\)",
        r"1 rows dropped: bid or ask is at or below zero.*\(rows 32\)", r"1 rows locked.*\(rows 42\)",
        r"1 rows a duplicate.*\(rows 52\)", r"1 rows dropped: earlier than row 61 or another above.*\(rows 62\)",
        r"1 rows another quote at the same time.*\(rows 72\)", r"1 rows more than 300 s.*\(rows 3002\)",
    ):  # fmt: skip
        assert re.search(line, done.stderr), line
    assert re.search(r"Window of 0.5 min.*at or below the mean spread.*short left empty", done.stdout)
    assert re.search(r"Window of 1000 min.*no stretch without a gap.*left empty", done.stdout)


BAD = {
    "missing": (None, "is no file"),
    "header": ("0,99,101\n1,99,101\n", "the first row must name time, bid and ask"),
    "names": ("time,bid,offer\n0,99,101\n", "has the columns time, bid, offer"),
    "text": ("noise", "the first row must name"),
    "empty": ("time,bid,ask\n", "0 usable quotes of 0 rows"),
    "still": ("time,bid,ask\n0,99,101\n9,99,101\n", "mid that never moves"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_file_ends_with_one_line_that_says_why(tmp_path, name):
    text, message = BAD[name]
    if text is not None:
        (tmp_path / "q.csv").write_text(text)
    done = run(tmp_path, "q.csv")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("q_cone*"))


def test_a_truncated_gzip_gives_a_partial_cone_that_says_so(tmp_path):
    whole = gzip.compress(quotes(250_000).to_csv(index=False).encode(), 1)
    (tmp_path / "q.csv.gz").write_bytes(whole[: int(len(whole) * 0.9)])
    done = run(tmp_path, "q.csv.gz", "--minutes", "60")
    row = re.search(r"cannot be read beyond row (\d+)", done.stderr)
    assert done.returncode == 1 and int(row[1]) > 215_000
    assert re.search(rf"PARTIAL: the first \d+ % of the file, {int(row[1]) - 2:,} s of quotes", done.stdout)
    assert not pd.read_csv(tmp_path / "q_cone_partial.csv").complete.any() and not (tmp_path / "q_cone.csv").exists()


def with_time(folder, name, n, row, time):
    """The command on a file of n quotes of which one has another time."""
    table = quotes(n).astype({"time": str})
    table.loc[row, "time"] = time
    table.to_csv(folder / name, index=False)
    return run(folder, name, "--minutes", "30")


def test_a_bad_time_says_how_much_was_read_above_its_piece(tmp_path):
    done = with_time(tmp_path, "a.b.csv", 250_000, 150_000, "noon")
    assert done.returncode == 1 and "no time in 1 rows: 150002" in done.stderr
    assert re.search(r"PARTIAL: the first (39|40|41) % of the file, 99,999 s", done.stdout) and (tmp_path / "a.b_cone_partial.csv").exists()


def test_one_time_in_the_future_is_named_and_the_cone_is_not_complete(tmp_path):
    done = with_time(tmp_path, "q.csv", 20_000, 100, "2042-01-01T00:00:00")
    assert done.returncode == 1 and "earlier than row 102 or another above" in done.stderr
    assert "PARTIAL: 19,899 of 20,000 rows were dropped" in done.stdout


def test_a_quiet_beginning_waits_for_the_first_move(tmp_path):
    table = quotes(120_000)
    table.loc[:100_500, ["bid", "ask"]] = 99.9, 100.0
    table.to_csv(tmp_path / "q.csv", index=False)
    done = run(tmp_path, "q.csv", "--minutes", "15")
    assert done.returncode == 0 and pd.read_csv(tmp_path / "q_cone.csv").windows[0] > 100


@pytest.mark.parametrize("extra", [0, 1])
def test_a_cone_is_partial_where_more_than_a_tenth_of_the_rows_is_dropped(tmp_path, monkeypatch, extra):
    table = quotes(30_000)
    table.loc[1 : 3_000 + extra, "ask"] = 1.0
    table.to_csv(tmp_path / "q.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert cone_command.main(["q.csv", "--minutes", "15"]) == extra
    assert (tmp_path / "q_cone_partial.csv").exists() == bool(extra)


def test_gaps_everywhere_are_read_fast_and_named(tmp_path):
    table = quotes(50_000)
    table["time"] = 600.0 * np.arange(len(table))
    table.to_csv(tmp_path / "q.csv", index=False)
    start = time.monotonic()
    done = run(tmp_path, "q.csv", "--minutes", "15", "60")
    assert done.returncode == 1 and "without a gap of 300 s are needed: add them first, or raise max_gap" in done.stderr
    assert "Traceback" not in done.stderr and time.monotonic() - start < 60  # a hang, not a benchmark: it was quadratic


def test_options_out_of_range_name_themselves(tmp_path):
    for text in ("-5", "nan", "hour"):
        done = run(tmp_path, "q.csv", "--minutes", text)
        assert done.returncode == 2 and f"--minutes: {text} is not a number above 0" in done.stderr


def test_an_interrupt_gives_a_partial_cone_that_says_so(tmp_path):
    """Sent when the bar shows that the first piece is read, of forty-one."""
    block = quotes(100_000).to_csv(index=False)
    (tmp_path / "q.csv").write_text(block + "".join(block.split("\n", 1)[1].replace("2020-01-0", f"20{k}-01-0") for k in range(21, 61)))
    with subprocess.Popen([*COMMAND, "q.csv", "--minutes", "60"], cwd=tmp_path, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True) as process:
        seen = ""
        while "%" not in seen:
            seen += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in out
    assert int(re.search(r"PARTIAL: the first (\d+) % of the file", out)[1]) < 100
    assert not pd.read_csv(tmp_path / "q_cone_partial.csv").complete.any()
    assert (tmp_path / "q_cone_partial.png").stat().st_size > 10_000


def test_the_bar_fills_with_the_file(capsys):
    for fraction, filled in ((0, 0), (0.25, 10), (1, 40)):
        cone_command._progress(fraction)
        assert f"[{'#' * filled}{'.' * (40 - filled)}] {100 * fraction:3.0f} %" in capsys.readouterr().err


def test_memory_does_not_grow_with_the_file(tmp_path):
    block = quotes(100_000).to_csv(index=False)
    head, rows = block.split("\n", 1)
    peaks = []
    for n in (4, 24):
        with open(tmp_path / "q.csv", "w") as file:
            file.write(head + "\n")
            for k in range(n):
                file.write(rows.replace("2020-01-0", f"20{20 + k}-01-0"))
        script = "import resource, sys; from mnvh.cone_command import main; main(sys.argv[1:]);"
        script += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        done = subprocess.run(
            [sys.executable, "-c", script, "q.csv", "--minutes", "15", "60"],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    size = 2_000_000 * 3 * 8 / 2**20  # of the columns of the rows added, in MB
    assert peaks[1] - peaks[0] < size / 3, f"{peaks} MB"
