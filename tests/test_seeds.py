"""A sample of what `python -m audit.seeds` runs whole: verdicts hold with another seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from audit import seeds
from mnvh.book import grid


@pytest.mark.build
@pytest.mark.parametrize("chapter", ["06_spt", "09_discussion"])  # conclusive in the quick form
def test_every_verdict_holds_with_another_seed(chapter, monkeypatch):
    monkeypatch.chdir(ROOT)
    row = grid.outcome(np.random.default_rng(0), chapter=chapter, seed=1, quick=True)
    outcomes = {name: value for name, value in row.items() if name.startswith("claim ")}
    assert len(outcomes) >= 3 and {name: value for name, value in outcomes.items() if value != "held"} == {}


def test_the_tally_counts_each_outcome_and_no_failed_run():
    runs = pd.DataFrame({"seed": [1, 2, 3, 4], "error": ["", "", "", "failed"], "seconds": 1.0, "number": 7.0})
    runs["claim A"], runs["claim B"] = ["held", "contradicted", "inconclusive", None], ["held", "held", None, None]
    assert seeds.tally(runs).loc["A"].tolist() == [1, 1, 1] and seeds.tally(runs).loc["B"].tolist() == [2, 0, 0]
