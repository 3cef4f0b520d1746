"""Every chapter over many seeds: is each verdict borne out whatever the random numbers? A lucky seed would show here.

`python -m audit.seeds --seeds 100` runs the chapters as published, on every core or on a Dask cluster, and goes on
where it was stopped; `--quick` runs the short form, whose evidence may be inconclusive but may not contradict.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import pandas as pd

from audit import measured
from mnvh import sweep
from mnvh.book import grid
from mnvh.book.project import BUILD, contents

FIRST = 1000  # the seeds are none of those that the chapters are published with


def version() -> str:
    """Name of what the chapters run on: their sources, the modules and the ledger."""
    files = sorted([*Path("mnvh").rglob("*.py"), *Path("chapters").glob("*.ipynb"), Path("mnvh/book/claims.yml")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def tally(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of each claim by outcome: held, inconclusive, contradicted; a failed run has settled nothing."""
    settled = runs.drop(columns="seconds").filter(regex="^claim ").melt(var_name="claim", value_name="outcome").dropna()
    found = pd.crosstab(settled.claim.str.removeprefix("claim "), settled.outcome)
    return found.reindex(columns=["held", "inconclusive", "contradicted"], fill_value=0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m audit.seeds", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--scheduler", help="address of a Dask scheduler; by default this machine's cores")
    options = parser.parse_args()
    chapters = [Path(page).name for page in contents() if Path(page).with_suffix(".ipynb").exists()]
    points = {"chapter": chapters, "seed": list(range(FIRST, FIRST + options.seeds)), "quick": [options.quick]}
    runs = sweep.run(grid.outcome, points, BUILD / "audit/seeds" / version(), scheduler=options.scheduler)
    failed, counts = runs[runs.error != ""], tally(runs)
    total = counts.sum()
    doubtful = counts[counts.held < counts.sum(axis=1)].reset_index()
    rows = [[f"{r.chapter}, seed {r.seed}", r.error.strip().splitlines()[-1]] for r in failed.itertuples()]
    form = "in the quick form, whose evidence may be inconclusive" if options.quick else "as published"
    measured.write(
        "seeds-quick" if options.quick else "seeds",
        f"{len(chapters)} chapters with {options.seeds} seeds each, {form}: {len(runs)} runs, of which {len(failed)} failed. "
        f"{len(counts)} verdicts were settled {total.sum()} times: {total.held} held, {total.inconclusive} inconclusive, "
        f"{total.contradicted} contradicted.",
        *([measured.table([*doubtful.columns], doubtful.to_numpy().tolist())] if len(doubtful) else []),
        *([measured.table(["failed run", "error"], rows)] if rows else []),
        packages=("numpy", "scipy", "numba"),
    )


if __name__ == "__main__":
    main()
