"""The command `python -m mnvh.gamma_capture quotes.csv`: the volatility cone of a file of quotes (chapter 12)."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mnvh import vol_cone
from mnvh.quotes import Quotes, Stream

WINDOWS = (15, 30, 60, 120, 240, 480, 1440)  # minutes
MOST = 20  # pieces of a file that wait for the mid to move


def main(argv: list[str] | None = None) -> int:
    """Read the file piece by piece, print the cone, write it as a table and a picture; return the exit status.

    0: the whole file was read. 1: it is unusable, damaged from some row on, more than a tenth of its rows were dropped, or the
    result could not be written. 130: interrupted. What was read of a file is written all the same, under a name with
    `_partial`, and says so. Raises SystemExit for arguments of another form.
    """
    parser = argparse.ArgumentParser(prog="python -m mnvh.gamma_capture", description="Volatility cone of a file of quotes.")
    parser.add_argument("file", help="quotes as .csv, .csv.gz or .parquet, with the columns time, bid and ask")
    parser.add_argument("--minutes", type=_above_zero, nargs="+", default=WINDOWS, help="lengths of the trailing windows")
    parser.add_argument("--max-gap", type=_above_zero, default=300, help="seconds without a quote that no window spans")
    asked = parser.parse_args(argv)
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(130))
    cone, stream, done, windows = None, None, 0.0, [60 * minutes for minutes in asked.minutes]
    still: list[Quotes] = []
    try:
        stream = Stream(asked.file, max_gap=asked.max_gap)
        for quotes in stream:
            still.append(quotes)
            if cone is None and ((quotes.mid != still[0].mid[0]).any() or len(still) == MOST):
                first = Quotes(*(np.concatenate([getattr(piece, name) for piece in still]) for name in ("time", "bid", "ask")))
                cone = vol_cone.Cone(windows, vol_cone.steps_for(first, windows), max_gap=asked.max_gap)
            if cone is not None:
                for piece in still:
                    cone.add(piece)
                still.clear()
            done = stream.fraction
            _progress(done)
            if stop:
                break
        if cone is None and not stop:
            vol_cone.steps_for(still[0], windows)  # says what is missing
    except ValueError as error:
        print(f"\n{error}", file=sys.stderr)
        stop.append(1)
    for line in stream.report if stream else ():
        print(line, file=sys.stderr)
    if cone is None:
        print("Nothing was read, nothing is written.", file=sys.stderr)
        return stop[0]
    part = f"PARTIAL: the first {100 * done:.0f} % of the file, {cone.seconds:,.0f} s of quotes. " if stop else ""
    if stream.dropped > stream.rows / 10:
        part += f"PARTIAL: {stream.dropped:,} of {stream.rows:,} rows were dropped, see above."
        stop.append(1)
    try:
        _write(cone, _stem(asked.file) + "_cone", part)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return stop[0] if stop else 0


def _above_zero(text: str) -> float:
    """A number above 0, or argparse names the option."""
    with suppress(ValueError):
        if 0 < (number := float(text)) < float("inf"):
            return number
    raise argparse.ArgumentTypeError(f"{text} is not a number above 0")


def _stem(file: str) -> str:
    """Name of the file without its folder and its known endings: those of quotes.2024-01-02.csv.gz are .csv and .gz."""
    name = Path(file).name
    for ending in (".gz", ".csv", ".parquet"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name


def _progress(fraction: float) -> None:
    done = round(40 * fraction)
    print(f"\r[{'#' * done}{'.' * (40 - done)}] {100 * fraction:3.0f} %", end="\n" if fraction == 1 else "", file=sys.stderr, flush=True)


def _write(cone: vol_cone.Cone, out: str, part: str) -> None:
    """Print the table and the notes, and write table and picture; a part of the file is named so in all of them."""
    table = cone.table().assign(complete=not part)
    out += "_partial" if part else ""
    print(table.T.to_string(header=False, float_format="{:.2f}".format), *cone.notes(), part, sep="\n")
    table.to_csv(f"{out}.csv", index=False, float_format="%.6g")
    figure = Figure(figsize=(7.2, 4), layout="constrained")
    axes = figure.subplots()
    vol_cone.draw(axes, table)
    axes.set_title(part)
    axes.legend(frameon=False)
    figure.savefig(f"{out}.png", dpi=150)
    print(f"Written: {out}.csv and {out}.png")
