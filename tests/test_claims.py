"""Each kind of evidence can fail, and no verdict stands without evidence that bears it out."""

from __future__ import annotations

import pytest

from mnvh.book import claims
from mnvh.book.claims import ContradictedError, UnresolvedError

ASSUMED = "holds with an added assumption"


def claim(verdict, **keys):
    return {"id": "9.9z", "verdict": verdict, "quote": "a b c", "section": "9.9"} | keys


FAILS = claim("fails as printed", repaired="it is zero", why="…")
HOLDS = claim("holds")

GOOD = {
    "exact": (HOLDS, claims.exact(1e-14, 1.0)),
    "exact, repaired": (FAILS, claims.exact(0.0, 1.0, of="repaired"), claims.counterexample(1.0, 0.0, scale=1.0, what="x")),
    "estimate": (FAILS, claims.estimate(0.001, 0.002, printed=1, repaired=0, scale=("Tr(KΣ)", 1.0))),
    "estimate that holds": (HOLDS, claims.estimate(1.001, 0.002, printed=1, alternative=0)),
    "estimate where printed and repaired agree": (
        claim(ASSUMED, repaired="if …", why="…"),
        claims.counterexample(1.0, 0.0, scale=1.0, what="x"),
        claims.estimate(5.0, 0.01, repaired=5, alternative=7),
    ),
    "slope": (FAILS, claims.slope(0.501, 0.002, printed=1, repaired=0.5)),
    "order": (HOLDS, claims.order(1.0, 0.1)),
    "order, rejected": (claim("fails as printed", why="…"), claims.order(-1.0, 0.1)),
    "counterexample": (claim("fails as printed", why="…"), claims.counterexample(1.0, 1.1, scale=1.0, what="x")),
    "definition": (claim("definition"), claims.definition("mnvh.decomposition.identity")),
    "assumption": (
        claim(ASSUMED, repaired="if …", why="…"),
        claims.estimate(0.0, 0.001, printed=1, repaired=0, scale=("one", 1.0)),
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_sufficient_evidence_settles(case):
    entry, *evidence = GOOD[case]
    claims.judge(entry, evidence)


CONTRADICTING = {
    "exact": (HOLDS, claims.exact(1e-3, 1.0)),
    "exact, repaired": (FAILS, claims.exact(1e-3, 1.0, of="repaired"), claims.counterexample(1.0, 0.0, scale=1.0, what="x")),
    "estimate": (HOLDS, claims.estimate(0.5, 0.01, printed=1, alternative=0)),
    "estimate of what should fail": (FAILS, claims.estimate(1.0, 0.001, printed=1, repaired=0)),
    "slope": (HOLDS, claims.slope(0.5, 0.01, printed=1, alternative=0)),
    "order": (HOLDS, claims.order(-1.0, 0.1)),
    "counterexample": (HOLDS, claims.counterexample(1.0, 2.0, scale=1.0, what="x")),
    "definition": (claim("fails as printed", why="…"), claims.order(-1.0, 0.1), claims.definition("mnvh.decomposition.identity")),
}


@pytest.mark.parametrize("case", CONTRADICTING)
def test_contradicting_evidence_raises(case):
    entry, *evidence = CONTRADICTING[case]
    with pytest.raises(ContradictedError, match=r"9\.9z.*evidence says otherwise"):
        claims.judge(entry, evidence)


WEAK = {
    "nothing": (HOLDS,),
    "residual between equal and unequal": (HOLDS, claims.exact(1e-9, 1.0)),
    "standard error of 3 %": (HOLDS, claims.estimate(1.0, 0.03, printed=1, alternative=0)),
    "no alternative": (HOLDS, claims.estimate(1.0, 0.01, printed=1)),
    "alternative within five errors": (HOLDS, claims.estimate(1.0, 0.01, printed=1, alternative=0.96)),
    "z between 4 and 5": (HOLDS, claims.estimate(1.045, 0.01, printed=1, alternative=0)),
    "printed rejected, repaired not resolved": (FAILS, claims.estimate(0.0, 0.03, printed=1, repaired=0, scale=("one", 1.0))),
    "value at zero without a scale": (FAILS, claims.estimate(0.0, 0.001, printed=1, repaired=0)),
    "no evidence for the repair": (FAILS, claims.counterexample(1.0, 0.0, scale=1.0, what="x")),
    "slope of low resolution": (HOLDS, claims.slope(1.0, 0.03, printed=1, alternative=0)),
    "order at z = 4": (HOLDS, claims.order(0.4, 0.1)),
    "one accepted, one open": (HOLDS, claims.exact(0.0, 1.0), claims.exact(1e-8, 1.0)),
    "evidence for a repair that is not entered": (HOLDS, claims.exact(0.0, 1.0), claims.exact(0.0, 1.0, of="repaired")),
    "two sides that are almost equal": (claim("fails as printed", why="…"), claims.counterexample(0.0, 0.001, scale=1.5, what="x")),
    "two sides that are equal": (claim("fails as printed", why="…"), claims.counterexample(1.0, 1.0, scale=1.0, what="x")),
    "definition without a definition": (claim("definition"), claims.exact(0.0, 1.0)),
    "assertion settled by a definition": (HOLDS, claims.definition("mnvh.decomposition.identity")),
    "no verdict entered": (claim("not yet examined"), claims.exact(0.0, 1.0)),
}


@pytest.mark.parametrize("case", WEAK)
def test_weak_or_missing_evidence_raises(case):
    entry, *evidence = WEAK[case]
    with pytest.raises(UnresolvedError, match="9.9z"):
        claims.judge(entry, evidence)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: claims.exact(0.0, 0.0), "scale is 0.0"),
        (lambda: claims.exact(float("nan"), 1.0), "residual is nan"),
        (lambda: claims.exact(0.0, 1.0, of="both"), "of is 'both'"),
        (lambda: claims.order(1.0, 0.1, of="both"), "of is 'both'"),
        (lambda: claims.estimate(1.0, 0.0, printed=1), "stderr is 0.0"),
        (lambda: claims.estimate(1.0, 0.1), "has no prediction"),
        (lambda: claims.estimate(float("inf"), 0.1, printed=1), "value is inf"),
        (lambda: claims.estimate(0.5, 0.3, printed=0, alternative=100, scale=("big", 1000)), "scale is 1000: allowed is"),
        (lambda: claims.counterexample(1.0, 2.0, scale=-1.0, what="x"), "scale is -1.0"),
        (lambda: claims.definition("mnvh.decomposition.nothing"), "function is 'mnvh.decomposition.nothing'"),
        (lambda: claims.definition("mnvh.decomposition._fills"), "public function"),
        (lambda: claims.definition(""), "function is ''"),
    ],
)
def test_evidence_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture
def one_claim(monkeypatch):
    """A ledger of one claim, and the outputs that `settle` shows."""
    shown = []
    monkeypatch.setattr(claims, "load", lambda: {"chapters": {}, "claims": {"9.9z": FAILS | {"chapter": "x"}}})
    monkeypatch.setattr(claims, "display", lambda bundle, raw: shown.append(bundle))
    return shown


def test_in_the_build_a_missing_verdict_stops_the_run(one_claim, monkeypatch):
    monkeypatch.setenv(claims.PUBLISHING, "1")
    with pytest.raises(UnresolvedError):
        claims.settle("9.9z")
    with pytest.raises(ContradictedError):
        claims.settle("9.9z", claims.estimate(1.0, 0.001, printed=1, repaired=0))
    assert one_claim == []


def test_under_a_readers_parameters_the_card_says_inconclusive(one_claim, monkeypatch):
    monkeypatch.delenv(claims.PUBLISHING, raising=False)
    claims.settle("9.9z", claims.estimate(0.1, 0.2, printed=1, repaired=0))
    claims.settle("9.9z", claims.estimate(1.0, 0.001, printed=1, repaired=0))
    assert "inconclusive with these parameters" in one_claim[0]["text/markdown"]
    assert "evidence against the ledger's verdict" in one_claim[1]["text/markdown"]


def test_evidence_is_text_and_no_tag(one_claim):
    claims.settle("9.9z", claims.counterexample(1, 2, scale=1, what="mean\n\n```{raw} html\n<script>x()</script>"))
    line = next(line for line in one_claim[0]["text/markdown"].splitlines() if "counterexample" in line)
    assert "mean ```{raw} html &lt;script>x()&lt;/script>: printed 1, found 2" in line


def test_an_unknown_id_names_close_ones(one_claim):
    with pytest.raises(ValueError, match=r"no claim of claims\.yml has this id.*9\.9z"):
        claims.settle("9.9y")


HEAD = "chapters: {02_x: X}\nclaims:\n"
ENTRY = "- {{id: {id}, document: paper, section: '2', chapter: {chapter}, quote: a b c, verdict: {verdict}}}\n"


def test_a_chapters_title_is_text(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(HEAD.replace("02_x: X", "02_x: X <script>x()</script>") + ENTRY.format(id="2a", chapter="02_x", verdict="holds"))
    with pytest.raises(ValueError, match="the title 'X <script>.*text without HTML"):
        claims.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.format(id="2a", chapter="02_x", verdict="holds") * 2, "has the id '2a' twice"),
        (ENTRY.format(id="2a", chapter="02_x", verdict="true enough"), "has the verdict 'true enough'"),
        (ENTRY.format(id="2a", chapter="99_y", verdict="holds"), "names the chapter '99_y'"),
        (ENTRY.format(id="2a", chapter="02_x", verdict="fails as printed"), "has no 'why'"),
        (ENTRY.format(id="2a", chapter="02_x", verdict="out of scope"), "has no 'why'"),
        (ENTRY.format(id="2a", chapter="02_x", verdict=ASSUMED), "has no 'why'"),
        (ENTRY.format(id="2a", chapter="02_x", verdict="holds").replace("a b c", "a <script>x()</script>"), "has HTML in the entry"),
        (ENTRY.format(id="2a", chapter="02_x", verdict="holds").replace("'2'", "2"), "Put quotes around numbers"),
        ("- [unclosed", "cannot be read"),
        ("", "must have `chapters`"),
    ],
)
def test_a_malformed_ledger_is_refused(tmp_path, text, message):
    path = tmp_path / "claims.yml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        claims.load(path)
