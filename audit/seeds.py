"""Every chapter over many seeds: is each verdict borne out whatever the random numbers? A lucky seed would show here.

`python -m audit.seeds --seeds 100` runs the chapters as published, on every core or on a Dask cluster, and goes on
where it was stopped, here or elsewhere: finished runs are kept in measured/seeds.parquet. If what a chapter's runs depend
on has changed since, one of them is repeated, and they are kept if it comes out to the letter as before. `--quick` runs
the short form, whose evidence may be inconclusive but may not contradict.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import inspect
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pandas as pd
from matplotlib import pyplot

from audit import measured
from mnvh import paths, sweep
from mnvh.book import claims, figures, hashes
from mnvh.book.project import BUILD, contents

RUNS = measured.MEASURED / "seeds.parquet"  # a row for each run: chapter, seed, outcomes, evidence, and the name of its store
FIRST = 3000  # neither published with nor, as were 1000 to 1009 and 2000 to 2019, seen before evidence was adjusted
AMENDED = {"11_gamma_capture": 4000, "12_vol_cone": 4000}  # first seeds of chapters that those from 3000 on have amended
ESTIMATE = r"^(?P<what>.*?): (?P<value>-?[\d.]+) ± (?P<stderr>[\d.]+)"  # how the text of evidence begins that has an error
IDENTITY = re.compile(r"identity: largest residual .*?(?= \| |$)")  # only its rounding depends on the seed
BLOCK = 10  # seeds of one table, so that more can be asked for later


def verdicts(rng: np.random.Generator, *, chapter: str, seed: int, quick: bool) -> dict[str, sweep.Value]:
    """Outcome and evidence of each claim in one run of a chapter, whose own parameter `seed` draws everything.

    The paths that all chapters share, which have a seed of their own in the book, are drawn anew here. The cells run
    without a kernel, and their figures are checked but not written, which takes most of the time.
    """
    found: dict[str, sweep.Value] = {}
    make, shared = np.random.default_rng, paths.shared

    def redrawn(n_paths: int) -> np.ndarray:
        with mock.patch.object(np.random, "default_rng", lambda own: make([own, seed])):
            return shared(n_paths)

    def settle(name: str, *evidence: claims.Evidence) -> None:
        found[f"evidence {name}"] = " | ".join(each.text for each in evidence)
        try:
            claims.judge(claims.load()["claims"][name], evidence)
            found[f"claim {name}"] = "held"
        except claims.UnresolvedError:
            found[f"claim {name}"] = "inconclusive"
        except claims.ContradictedError:
            found[f"claim {name}"] = "contradicted"

    names: dict[str, object] = {}
    unwritten = mock.patch.multiple(figures, _render=lambda *_: b"", display=mock.DEFAULT)
    with unwritten, mock.patch.object(claims, "settle", settle), mock.patch.object(paths, "shared", redrawn):
        for cell in _cells(chapter):
            exec(compile(cell.source, f"{chapter}, cell {cell['id']}", "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= {"seed": seed, "quick": quick}
            pyplot.close("all")
    names.clear()  # its functions refer to it: gigabytes would wait for the collector
    return found


def store(chapter: str) -> Path:
    """Folder of a chapter's runs, named by what these depend on: code, modules, data, packages, verdicts, and `verdicts` here."""
    rule = BUILD / "deps" / f"{chapter}.d"
    if not rule.exists():
        raise FileNotFoundError(f"{rule} does not exist: what {chapter} depends on is known once it is built. Likely fix: make book.")
    code = [cell.source for cell in _cells(chapter)]
    keys = sorted(key for key in rule.read_text().splitlines()[0].partition(":")[2].split() if "/mnvh/book/" not in key or "/claims.py" in key)
    ledger = [(c["id"], c["verdict"], "repaired" in c) for c in claims.load()["claims"].values() if c["chapter"] == chapter]
    sources = [Path(key).read_text() for key in (*keys, BUILD / "hash/requirements.lock.sha")]
    return BUILD / "audit/seeds" / f"{chapter}-{hashlib.sha256(repr((code, sources, ledger, inspect.getsource(verdicts))).encode()).hexdigest()[:12]}"


def _cells(chapter: str) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(f"chapters/{chapter}.ipynb", as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def kept() -> pd.DataFrame:
    """Runs that did not fail, of any call on any machine, with seeds that their chapter has not seen."""
    held = pd.read_parquet(RUNS) if RUNS.exists() else pd.DataFrame(columns=["chapter", "quick", "seed", "error", "store"])
    return held[(held.error == "") & (place(held) >= 0)]


def place(runs: pd.DataFrame) -> pd.Series:
    """Place of each run's seed in the seeds of its chapter, from 0."""
    return runs.seed - runs.chapter.map(AMENDED).fillna(FIRST)


def again(runs: pd.DataFrame, folder: Path, scheduler: str) -> bool:
    """Does the first of a chapter's runs, run again, settle the same claims in the same words?"""
    old = runs.iloc[0]
    grid = {name: [old[name].item() if isinstance(old[name], np.generic) else old[name]] for name in ("chapter", "quick", "seed")}
    new = sweep.run(verdicts, grid, folder / f"{'quick-' * grid['quick'][0]}again-{old.seed}", scheduler=scheduler).iloc[0]
    settled, now = (run.filter(regex="^(claim|evidence|error)").dropna().to_dict() for run in (old, new))
    return settled == now


def keep(runs: pd.DataFrame) -> None:
    """Write the kept runs anew, the old ones until then."""
    new = RUNS.with_suffix(".new")
    runs.to_parquet(new, index=False, compression="zstd")
    new.replace(RUNS)


def tally(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of each claim whose evidence changes with the seed, by outcome: held, inconclusive, contradicted.

    A failed run has settled nothing. Raises ValueError if a claim was settled in some runs and not in others.
    """
    whole = runs[runs.error == ""]
    for chapter, part in whole.groupby("chapter"):
        settled = part.filter(regex="^claim ").notna().sum()
        if some := sorted(settled.index[(settled > 0) & (settled < len(part))]):
            raise ValueError(f"{chapter} settles {', '.join(some)} with some seeds only: settle it whatever is drawn.")
    evidence = whole.filter(regex="^evidence ").replace(IDENTITY, "", regex=True).nunique()
    drawn = [name.replace("evidence", "claim", 1) for name in evidence.index[evidence > 1]]
    runs = whole[drawn]
    settled = runs.melt(var_name="claim", value_name="outcome").dropna()
    found = pd.crosstab(settled.claim.str.removeprefix("claim "), settled.outcome)
    return found.reindex(columns=["held", "inconclusive", "contradicted"], fill_value=0)


def estimates(runs: pd.DataFrame) -> pd.DataFrame:
    """What has a standard error in the evidence, each once: `scatter` over the n seeds in units of the error that is stated.

    It is one if the stated errors are right. `z` has for each seed the standard errors by which it misses the prediction
    that the verdict accepts, if there is one, and `pooled z` is Σz/√n: a bias that no run resolves adds up. Raises
    ValueError if a number with an error never changes.
    """
    rows, seen, ledger = [], set(), claims.load()["claims"]
    for column, texts in runs[runs.error == ""].filter(regex="^evidence ").items():
        name = column.removeprefix("evidence ")
        accepted = "printed|repaired" if ledger[name]["verdict"] == "holds" else "repaired"
        parts = pd.DataFrame(texts.dropna().str.replace("\N{MINUS SIGN}", "-").str.split(" | ", regex=False).tolist())
        for _, part in parts.items():
            found = part.str.extract(ESTIMATE)
            series = tuple(found.value)
            if found.value.isna().any() or len(series) == 1 or series in seen:
                continue
            if len({*series}) == 1:
                raise ValueError(f"{name}: {part[0]} is the same with every seed: draw it from the chapter's.")
            seen.add(series)  # one estimate may settle several claims
            value, stderr = found.value.astype(float), found.stderr.astype(float)
            z = part.str.extract(rf"(?:{accepted}) \S+ \(z = (\S+)\)")[0].astype(float).to_numpy()
            scatter = value.std() / np.sqrt((stderr**2).mean())
            rows.append([name, found.what[0], scatter, z.sum() / np.sqrt(len(z)), z])
    return pd.DataFrame(rows, columns=["claim", "estimate", "scatter", "pooled z", "z"])


def by_chance(rng: np.random.Generator, z: Sequence[np.ndarray], draws: int = 20_000) -> tuple[float, float]:
    """How often misses z, of shape (n_seeds,) each, pool to as large a root mean square and as large a largest one without a bias.

    All misses of a seed take the same random sign: so they stay as dependent on each other as they are.
    """
    misses = pd.concat([pd.Series(each) for each in z], axis=1)  # a run that failed leaves a gap
    each, spread = misses.fillna(0).to_numpy(), np.sqrt(misses.count().to_numpy())
    found = abs(each.sum(axis=0) / spread)
    flipped = abs(rng.choice([-1.0, 1.0], (draws, len(each))) @ each / spread)
    return ((flipped**2).sum(axis=1) >= (found**2).sum()).mean(), (flipped.max(axis=1) >= found.max()).mean()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m audit.seeds", description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="by default all")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--scheduler", help="address of a Dask scheduler; by default this machine's cores")
    options = parser.parse_args()
    known = [Path(page).name for page in contents() if Path(page).with_suffix(".ipynb").exists()]
    if unknown := sorted(set(options.chapters) - set(known)):
        parser.error(f"{', '.join(unknown)}: allowed are {', '.join(known)}")
    hashes.refresh()  # the names of the stores are of the sources as they are now
    stores = {chapter: store(chapter) for chapter in known}
    runs = kept()
    with contextlib.ExitStack() as opened:
        address = options.scheduler or opened.enter_context(sweep.cluster(os.cpu_count())).scheduler_address
        for (chapter, held, _), part in runs.groupby(["chapter", "store", "quick"]):
            if chapter in (options.chapters or known) and held != stores[chapter].name:
                if again(part, stores[chapter], address):
                    runs.loc[part.index, "store"] = stores[chapter].name
                else:
                    runs = runs.drop(part.index)
                    print(f"{chapter}: the first of {len(part)} kept runs comes out otherwise now, and all run again", flush=True)
        for chapter, start in itertools.product(options.chapters or known, range(0, options.seeds, BLOCK)):
            there = runs.seed[(runs.chapter == chapter) & (runs.quick == options.quick)]
            first = AMENDED.get(chapter, FIRST)
            drawn = sorted({*range(first + start, first + min(start + BLOCK, options.seeds))} - {*there})
            if not drawn:
                continue
            grid = {"chapter": [chapter], "quick": [options.quick], "seed": drawn}
            block = "quick-" * options.quick + "-".join(map(str, drawn))
            found = sweep.run(verdicts, grid, stores[chapter] / block, scheduler=address)
            found["store"] = stores[chapter].name
            runs = pd.concat([runs, found], ignore_index=True) if len(runs) else found
            keep(runs)
            print(f"{chapter}, {drawn[0]} to {drawn[-1]}: {found.seconds.mean():.1f} s a run", flush=True)
    keep(runs)
    asked = runs.chapter.isin(options.chapters or known) & (place(runs) < options.seeds) & (runs.quick == options.quick)
    report(runs[asked], options.quick)


def report(runs: pd.DataFrame, quick: bool) -> None:
    """Write measured/seeds.md or measured/seeds-quick.md."""
    failed, counts, found = runs[runs.error != ""], tally(runs), estimates(runs)
    seeds = runs.groupby("chapter").seed.nunique().max()
    spread = 4 / np.sqrt(2 * (seeds - 1))  # four standard errors of a standard deviation
    odd = found[(found["pooled z"].abs() > claims.ACCEPTED_Z) | ((found.scatter - 1).abs() > spread)].drop(columns="z").round(2).astype(object).fillna("—")
    total, scored = counts.sum(), found.dropna()
    pooled, chance = scored["pooled z"], by_chance(np.random.default_rng(0), scored.z)
    left = np.sqrt(max((pooled**2).mean() - 1, 0) / seeds)
    doubtful = counts[counts.held < counts.sum(axis=1)].reset_index()
    rows = [[f"{r.chapter}, seed {r.seed}", r.error.strip().splitlines()[-1]] for r in failed.itertuples()]
    form = "in the quick form, whose evidence may be inconclusive" if quick else "as published"
    measured.write(
        "seeds-quick" if quick else "seeds",
        f"{runs.chapter.nunique()} chapters with {seeds} seeds each, {form}: {len(runs)} runs, of which {len(failed)} failed. "
        f"{len(counts)} verdicts have evidence that changes with the seed. They were settled {total.sum()} times: {total.held} held, {total.inconclusive} inconclusive, "
        f"{total.contradicted} contradicted.",
        *([measured.table([*doubtful.columns], doubtful.to_numpy().tolist())] if len(doubtful) else []),
        *([measured.table(["failed run", "error"], rows)] if rows else []),
        f"The evidence has {len(found)} different numbers with a standard error. Their scatter over the seeds, in units of that error, is "
        f"{np.sqrt((found.scatter**2).mean()):.2f} in the root mean square, between {found.scatter.min():.2f} and {found.scatter.max():.2f}. "
        f"{len(scored)} of them meet a prediction that a verdict accepts. Pooled over the seeds they miss it by {np.sqrt((pooled**2).mean()):.2f} standard "
        f"errors in the root mean square, and at most by {pooled.abs().max():.1f}. Without any bias they would be as large with probability "
        f"{chance[0]:.3f} and {chance[1]:.3f}. What exceeds one in the first is a bias of {left:.2f} standard errors of a single run. "
        + (f"Here the scatter is off by more than {spread:.2f}, or the pooled miss by more than {claims.ACCEPTED_Z:g}:" if len(odd) else ""),
        *([measured.table([*odd.columns], odd.to_numpy().tolist())] if len(odd) else []),
        packages=("numpy", "scipy", "numba"),
    )


if __name__ == "__main__":
    main()
