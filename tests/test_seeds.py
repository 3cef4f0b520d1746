"""A sample of what `python -m audit.seeds` runs whole: verdicts hold with another seed."""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from audit import seeds
from mnvh import paths
from mnvh.book import claims, grid
from mnvh.book.project import PUBLISHING


@pytest.mark.build
@pytest.mark.parametrize("chapter", ["06_spt", "09_discussion"])  # conclusive in the quick form
def test_every_verdict_holds_with_another_seed(chapter, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv(PUBLISHING, raising=False)
    row = seeds.verdicts(np.random.default_rng(0), chapter=chapter, seed=1, quick=True)
    outcomes = {name: value for name, value in row.items() if name.startswith("claim ")}
    settled = [c["id"] for c in claims.load()["claims"].values() if c["chapter"] == chapter and c["verdict"] in claims.SETTLED]
    assert outcomes == {f"claim {name}": "held" for name in settled} and settled
    assert all(row[name.replace("claim", "evidence", 1)] for name in outcomes)
    whole = grid.outcome(np.random.default_rng(0), chapter=chapter, seed=1, quick=True)  # in a kernel of its own
    assert outcomes == {name: value for name, value in whole.items() if name.startswith("claim ")}


def test_evidence_that_is_weak_or_against_a_verdict_is_told(tmp_path, monkeypatch):
    source = """
from mnvh.book import claims
estimate = lambda value: claims.estimate(value, 0.01, printed=1, repaired=-1)
claims.settle("2.5b", estimate(-1 + seed))  # fails as printed"""
    parameters = nbformat.v4.new_code_cell("seed = 0\nquick = False", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)])
    (tmp_path / "chapters").mkdir()
    nbformat.write(notebook, tmp_path / "chapters/02_x.ipynb")
    monkeypatch.chdir(tmp_path)
    for seed, outcome in ((0, "held"), (0.045, "inconclusive"), (2, "contradicted")):
        row = seeds.verdicts(np.random.default_rng(0), chapter="02_x", seed=seed, quick=False)
        assert row["claim 2.5b"] == outcome and "printed 1" in row["evidence 2.5b"]


def test_the_paths_that_chapters_share_are_drawn_anew_with_each_seed(tmp_path, monkeypatch):
    source = """
from mnvh import paths
from mnvh.book import claims
last, again = paths.shared(2)[:, -1, 0], paths.shared(2)[:, -1, 0]
claims.settle("2.5b", claims.estimate(last[0], 0.01 + abs(last - again).max(), printed=1000.0))"""
    parameters = nbformat.v4.new_code_cell("seed = 0\nquick = False", metadata={"tags": ["parameters"]})
    (tmp_path / "chapters").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)]), tmp_path / "chapters/02_x.ipynb")
    monkeypatch.chdir(tmp_path)
    book = paths.shared(1)[0, -1, 0]
    texts = [seeds.verdicts(np.random.default_rng(0), chapter="02_x", seed=seed, quick=False)["evidence 2.5b"] for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1] and all("\N{PLUS-MINUS SIGN} 0.010;" in text for text in texts)
    assert not any(text.startswith(f"{book:.3f}") for text in texts) and paths.shared(1)[0, -1, 0] == book


def test_a_figure_whose_numbers_are_not_finite_fails_here_as_in_the_build(tmp_path, monkeypatch):
    source = """
import pandas as pd
from mnvh.book import figures
figures.publish("a-line", figures.new()[0], pd.DataFrame({"x": [1.0 if seed else float("nan")]}))"""
    parameters = nbformat.v4.new_code_cell("seed = 0\nquick = False", metadata={"tags": ["parameters"]})
    (tmp_path / "chapters").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)]), tmp_path / "chapters/02_x.ipynb")
    monkeypatch.chdir(tmp_path)
    assert seeds.verdicts(np.random.default_rng(0), chapter="02_x", seed=1, quick=False) == {}
    with pytest.raises(ValueError, match="data of figure 'a-line' has 1 entries that are not finite"):
        seeds.verdicts(np.random.default_rng(0), chapter="02_x", seed=0, quick=False)


def test_a_bias_that_no_seed_resolves_adds_up():
    runs = pd.DataFrame({"seed": range(9), "error": ["", *[""] * 7, "failed"], "seconds": 1.0, "chapter": "x"})
    z = [1.5, -2.5, 2.0, 2.0, 1.0, 3.0, 2.0, 2.0]
    minus = "\N{MINUS SIGN}"
    estimate = [f"mean of x: {each / 20:.3f} ± 0.05 (scale: y = 2); printed 1 (z = -18); repaired 0 (z = {each:+})".replace("-", minus) for each in z]
    order = [f"gap: {each} ± 2.0, z = {each / 2:+} (needs z > 5)".replace("-", minus) for each in z]
    exact = [f"identity: largest residual {each}e{minus}15 of the gross scale (allowed 1e{minus}12)" for each in range(8)]
    runs["evidence 2.5b"] = [*map(" | ".join, zip(estimate, order, exact, strict=True)), None]  # fails as printed, has a repair
    runs["evidence 2.4a"] = [*order, None]  # the same numbers
    found = seeds.estimates(runs).set_index("estimate")
    assert found.index.tolist() == ["mean of x", "gap"] and found.claim.tolist() == ["2.5b", "2.5b"]
    assert found.scatter.tolist() == pytest.approx([np.std(z, ddof=1), np.std(z, ddof=1) / 2])
    assert found["pooled z"].iloc[0] == pytest.approx(sum(z) / 8**0.5) and np.isnan(found["pooled z"].iloc[1])
    assert found.z.iloc[0].tolist() == z
    assert seeds.estimates(runs[:1]).empty
    runs["evidence 2.4a"] = [*8 * order[:1], None]
    with pytest.raises(ValueError, match="2.4a: gap: 1.5 ± 2.0, .* is the same with every seed: draw it from the chapter's"):
        seeds.estimates(runs)


def test_misses_pool_by_chance_as_often_as_without_a_bias_however_they_depend():
    rng = np.random.default_rng(1)
    shares = []
    for bias in (0.0, 0.5):
        common = rng.standard_normal((200, 1, 100))
        trials = 0.9 * common + np.sqrt(1 - 0.9**2) * rng.standard_normal((200, 8, 100)) + bias  # eight that hardly differ
        shares.append(np.array([seeds.by_chance(rng, each, draws=400) for each in trials]))
    assert abs((shares[0] < 0.1).mean(axis=0) - 0.1).max() < 4 * np.sqrt(0.1 * 0.9 / 200)
    assert (shares[1] < 0.01).mean() > 0.99
    assert seeds.by_chance(rng, [np.array([1.0, 1.0]), np.array([1.0])], draws=4000)[1] == pytest.approx(0.5, abs=0.05)


def test_the_tally_counts_each_outcome_and_no_failed_run_and_nothing_that_no_seed_changes():
    runs = pd.DataFrame({"seed": [1, 2, 3, 4], "error": ["", "", "", "failed"], "seconds": 1.0, "chapter": "x"})
    runs["claim A"], runs["evidence A"] = ["held", "contradicted", "inconclusive", None], ["1", "2", "3", None]
    runs["claim B"], runs["evidence B"] = ["held", "held", "held", None], ["1", "2", "1", None]
    residuals = [f"identity: largest residual {each} of the gross scale (allowed 1e-12)" for each in (1e-15, 2e-15, 3e-15)]
    runs["claim C"], runs["evidence C"] = ["held", "held", "held", None], [*residuals, None]
    found = seeds.tally(runs)
    assert found.loc["A"].tolist() == [1, 1, 1] and found.loc["B"].tolist() == [3, 0, 0] and len(found) == 2
    runs.loc[1, "claim B"] = None
    with pytest.raises(ValueError, match="x settles claim B with some seeds only"):
        seeds.tally(runs)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Run the command on a book of two chapters, whose runs are only noted; returns the seeds that were run."""
    monkeypatch.setattr(seeds, "RUNS", tmp_path / "seeds.parquet")
    monkeypatch.setattr(seeds, "report", lambda runs, quick: reported.append((quick, sorted(zip(runs.chapter, runs.seed, strict=True)))))
    monkeypatch.setattr(seeds.hashes, "refresh", lambda: None)
    monkeypatch.setattr(seeds, "store", lambda chapter: tmp_path / f"{chapter}-{keys[chapter]}")
    monkeypatch.setattr(seeds.sweep, "run", lambda function, grid, folder, scheduler: run(grid, folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chapters").mkdir()
    keys, reported, failing, words, asked = {}, [], set(), {}, []
    for chapter in ("01_a", "02_b"):
        (tmp_path / f"chapters/{chapter}.ipynb").touch()
        keys[chapter] = "old"
    (tmp_path / "_toc.yml").write_text("root: index\nparts: [{chapters: [{file: chapters/01_a}, {file: chapters/02_b}]}]")

    def run(grid, folder):
        (chapter,), (quick,), drawn = grid.values()
        asked.append((folder.relative_to(tmp_path).as_posix(), drawn))
        errors = ["failed" if (chapter, seed) in failing else "" for seed in drawn]
        evidence = {f"evidence {chapter}": words.get(chapter, "as ever")}
        return pd.DataFrame({"chapter": chapter, "quick": quick, "seed": drawn, "error": errors, "seconds": 1.0} | evidence)

    def call(*arguments):
        asked.clear()
        monkeypatch.setattr("sys.argv", ["seeds", "--scheduler", "tcp://x:1", *arguments])
        seeds.main()
        return dict(asked), reported[-1]

    call.keys, call.failing, call.words = keys, failing, words
    return call


def test_runs_are_kept_until_what_they_depend_on_changes_and_one_comes_out_otherwise(calls, monkeypatch):
    first, last = seeds.FIRST, seeds.FIRST + 11
    ran, reported = calls("--seeds", "2")
    assert ran == {f"{chapter}-old/{first}-{first + 1}": [first, first + 1] for chapter in ("01_a", "02_b")}
    assert reported == (False, [(chapter, seed) for chapter in ("01_a", "02_b") for seed in (first, first + 1)])
    calls.failing |= {("01_a", first + 2)}
    ran, reported = calls("01_a", "--seeds", "12")
    rest = [*range(first + 2, first + 10)]
    assert ran == {f"01_a-old/{'-'.join(map(str, rest))}": rest, f"01_a-old/{first + 10}-{last}": [first + 10, last]}
    assert reported == (False, [("01_a", seed) for seed in range(first, first + 12)])
    calls.failing.clear()
    assert calls("--seeds", "2") == ({}, (False, [(chapter, seed) for chapter in ("01_a", "02_b") for seed in (first, first + 1)]))
    assert calls("01_a", "--seeds", "12")[0] == {f"01_a-old/{first + 2}": [first + 2]}  # failed, and again tried
    assert calls("--quick", "--seeds", "1", "02_b")[0] == {f"02_b-old/quick-{first}": [first]}
    calls.keys["02_b"] = "commented"  # has runs of both forms, each of which vouches for its own
    ran, _ = calls("02_b", "--seeds", "1")
    assert ran == {f"02_b-commented/again-{first}": [first], f"02_b-commented/quick-again-{first}": [first]}
    calls.keys["02_b"] = "old"
    calls("02_b", "--seeds", "1")
    calls.keys["01_a"] = "commented"
    ran, reported = calls("--seeds", "2")
    assert ran == {f"01_a-commented/again-{first}": [first]}
    assert reported == (False, [(chapter, seed) for chapter in ("01_a", "02_b") for seed in (first, first + 1)])
    assert calls("--seeds", "2")[0] == {}  # they have the new name now
    calls.keys["01_a"], calls.words["01_a"] = "changed", "of another kind"
    assert calls("02_b", "--seeds", "2")[0] == {}
    assert sorted(pd.read_parquet(seeds.RUNS).store.unique()) == ["01_a-commented", "02_b-old"]
    assert calls("--seeds", "2")[0] == {f"01_a-changed/again-{first}": [first], f"01_a-changed/{first}-{first + 1}": [first, first + 1]}
    held = pd.read_parquet(seeds.RUNS)
    assert sorted(held.store.unique()) == ["01_a-changed", "02_b-old"] and len(held[held.chapter == "01_a"]) == 2
    monkeypatch.setitem(seeds.AMENDED, "02_b", first + 1)  # the first of its seeds has been seen
    assert calls("02_b", "--seeds", "2")[0] == {f"02_b-old/{first + 2}": [first + 2]}
    held = pd.read_parquet(seeds.RUNS)
    assert sorted(held.seed[(held.chapter == "02_b") & ~held.quick]) == [first + 1, first + 2]


def test_the_table_of_the_book_is_of_the_runs_that_are_kept(monkeypatch):
    shown = (ROOT / "measured/seeds.md").read_text(encoding="utf-8").strip().split("\n\n")
    written = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(seeds.measured, "write", lambda name, *parts, packages: written.extend(parts))
    runs, n_seeds = seeds.kept(), int(re.search(r"with (\d+) seeds each", shown[0])[1])
    seeds.report(runs[(seeds.place(runs) < n_seeds) & ~runs.quick.astype(bool)], quick=False)
    assert written == shown[:-1]  # the last one names the machine
