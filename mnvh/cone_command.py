"""The command `python -m mnvh.gamma_capture quotes.csv`: the volatility cone of a file of quotes (chapter 12)."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from matplotlib.figure import Figure

from mnvh import vol_cone
from mnvh.quotes import Stream

WINDOWS = (15, 30, 60, 120, 240, 480, 1440)  # minutes


def main(argv: list[str] | None = None) -> int:
    """Read the file piece by piece, print the cone, write it as a table and a picture; return the exit status.

    0: the whole file was read. 1: it is unusable, or damaged from some row on. 130: interrupted. In the last two cases what
    was read so far is written, under a name with `_partial`, and says so. Raises SystemExit for arguments of another form.
    """
    parser = argparse.ArgumentParser(prog="python -m mnvh.gamma_capture", description="Volatility cone of a file of quotes.")
    parser.add_argument("file", help="quotes as .csv, .csv.gz or .parquet, with the columns time, bid and ask")
    parser.add_argument("--minutes", type=float, nargs="+", default=WINDOWS, help="lengths of the trailing windows")
    parser.add_argument("--max-gap", type=float, default=300, help="seconds without a quote that no window spans")
    asked = parser.parse_args(argv)
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(130))
    cone, stream, windows = None, None, [60 * minutes for minutes in asked.minutes]
    try:
        stream = Stream(asked.file, max_gap=asked.max_gap)
        for quotes in stream:
            if cone is None:
                cone = vol_cone.Cone(windows, vol_cone.steps_for(quotes, windows), max_gap=asked.max_gap)
            cone.add(quotes)
            _progress(stream.fraction)
            if stop:
                break
    except ValueError as error:
        print(f"\n{error}", file=sys.stderr)
        stop.append(1)
    for line in stream.report if stream else ():
        print(line, file=sys.stderr)
    if cone is None or not cone.seconds:
        print("Nothing was read, nothing is written.", file=sys.stderr)
    else:
        part = f"PARTIAL: the first {100 * stream.fraction:.0f} % of the file, {cone.seconds:,.0f} s of quotes" if stop else ""
        _write(cone, Path(asked.file).name.split(".")[0] + "_cone", part)
    return stop[0] if stop else 0


def _progress(fraction: float) -> None:
    done = round(40 * fraction)
    print(f"\r[{'#' * done}{'.' * (40 - done)}] {100 * fraction:3.0f} %", end="\n" if fraction == 1 else "", file=sys.stderr, flush=True)


def _write(cone: vol_cone.Cone, out: str, part: str) -> None:
    """Print the table and the notes, and write table and picture; a part of the file is named so in all of them."""
    table = cone.table().assign(complete=not part)
    out += "_partial" if part else ""
    table.to_csv(f"{out}.csv", index=False, float_format="%.6g")
    figure = Figure(figsize=(7.2, 4), layout="constrained")
    axes = figure.subplots()
    vol_cone.draw(axes, table)
    axes.set_title(part)
    axes.legend(frameon=False)
    figure.savefig(f"{out}.png", dpi=150)
    print(table.T.to_string(header=False, float_format="{:.2f}".format), *cone.notes(), part, sep="\n")
    print(f"Written: {out}.csv and {out}.png")
