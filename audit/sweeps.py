"""A sweep of one chapter on one worker, on more, and on a cluster that loses one: the times, and whether the tables agree."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
from distributed import LocalCluster

from audit import measured
from mnvh import sweep
from mnvh.book import grid

GRID = {"chapter": ["08_simulations"], "seed": [1, 2, 3, 4, 5, 6, 7, 8], "quick": [True]}


def timed(store: str, **options: object) -> tuple[pd.DataFrame, float]:
    """Table of the sweep without its times, and the seconds that it took."""
    start = time.perf_counter()
    table = sweep.run(grid.outcome, GRID, store, **options)
    return table.drop(columns="seconds"), time.perf_counter() - start


def kill_a_worker(cluster: LocalCluster, store: str) -> None:
    """Take one worker's process down as soon as the first point is done."""
    while not Path(store, "table.parquet").exists():
        time.sleep(0.1)
    os.kill(cluster.workers[0].pid, signal.SIGKILL)


def main() -> None:
    argparse.ArgumentParser(prog="python -m audit.sweeps", description=__doc__.splitlines()[0]).parse_args()
    rows, first = [], None
    with tempfile.TemporaryDirectory(prefix="mnvh-") as folder:
        for workers in [n for n in (1, 2, 4, 8) if n <= os.cpu_count()]:
            table, seconds = timed(f"{folder}/{workers}", workers=workers)
            first = (table, seconds) if first is None else first
            rows.append([f"{workers} on this machine", round(seconds, 1), round(first[1] / seconds, 2), table.equals(first[0])])
        store = f"{folder}/cluster"
        start = time.perf_counter()  # with what it takes to start the processes and to end them, as above
        with sweep.cluster(2) as cluster:
            killer = threading.Thread(target=kill_a_worker, args=(cluster, store))
            killer.start()
            table, _ = timed(store, scheduler=cluster.scheduler_address)
            killer.join()
        seconds = time.perf_counter() - start
        rows.append(["2 of a cluster, one killed on the way", round(seconds, 1), round(first[1] / seconds, 2), table.equals(first[0])])
    if not all(row[-1] for row in rows):
        raise SystemExit("A sweep gave another table with other workers.")
    rows = [[*row[:-1], "the same" if row[-1] else "another"] for row in rows]
    points = len(first[0])
    measured.write(
        "sweeps",
        f"Chapter {GRID['chapter'][0]}, short form, with {points} seeds:",
        measured.table(["workers", "s", "times as fast", "table"], rows),
        packages=("distributed",),
    )


if __name__ == "__main__":
    main()
