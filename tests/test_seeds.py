"""A sample of what `python -m audit.seeds` runs whole: verdicts hold with another seed."""

from __future__ import annotations

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from audit import seeds
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
