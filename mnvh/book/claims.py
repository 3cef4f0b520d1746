"""Claims of the audited documents and the evidence that settles them.

`claims.yml` says what is printed and what the verdict is; a chapter computes evidence and calls `settle`.
Each kind of evidence accepts, rejects or leaves open the printed statement, the repaired one, or both, and
`judge` compares that with the verdict. A verdict that its evidence does not bear out stops the build.
"""

from __future__ import annotations

import difflib
import html
import importlib
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import yaml
from IPython.display import display

from mnvh import check
from mnvh.book.project import CLAIM, PUBLISHING

PATH = Path(__file__).with_name("claims.yml")
OWN = "book"  # the document of statements that a chapter makes itself: their quotes stand in no other
HTML = re.compile(r"<[a-zA-Z/!]")  # what a browser takes for a tag

REJECTED_Z = 5.0  # rejecting a prediction takes |z| above this
ACCEPTED_Z = 4.0  # accepting one takes |z| below this and enough resolution
RESOLUTION = 0.02  # largest standard error relative to the value or to a named scale
EXACT = 1e-12  # largest residual of an identity, relative to its gross scale
UNEQUAL = 1e-6  # relative residual from which the two sides of a printed equation are different
COUNTEREXAMPLE = 1e-3  # relative gap of a counterexample

SETTLED = ("definition", "holds", "holds with an added assumption", "fails as printed")
UNSETTLED = ("not yet examined", "not an assertion", "out of scope")


class ContradictedError(ValueError):
    """Evidence says the opposite of the verdict."""


class UnresolvedError(ValueError):
    """Evidence is missing or too weak for the verdict."""


@dataclass(frozen=True)
class Evidence:
    """What one computation says of a claim.

    Attributes
    ----------
    kind : one of exact, estimate, slope, order, counterexample, definition.
    printed, repaired : "accepted", "rejected", "open", or "" where it does not speak of that statement.
    text : one line for the card, with the numbers.
    """

    kind: str
    printed: str
    repaired: str
    text: str


def exact(residual: float, scale: float, *, of: str = "printed") -> Evidence:
    """Residual of an identity against its gross scale: accepted up to 1e-12 of it, rejected above 1e-6.

    `of` names the statement it tests, "printed" or "repaired".
    """
    if of not in ("printed", "repaired"):
        raise ValueError(f"of is {of!r}: allowed is 'printed' or 'repaired'.")
    residual = abs(float(check.number("residual", residual)))
    scale = float(check.positive("scale", scale, fix="pass the sum of the absolute terms of the identity"))
    ratio = residual / scale
    state = "accepted" if ratio <= EXACT else "rejected" if ratio > UNEQUAL else "open"
    text = f"identity: largest residual {ratio:.1e} of the gross scale (allowed {EXACT:.0e})"
    return Evidence("exact", state if of == "printed" else "", state if of == "repaired" else "", text)


def estimate(
    value: float,
    stderr: float,
    *,
    printed: float | None = None,
    repaired: float | None = None,
    alternative: float | None = None,
    scale: tuple[str, float] | None = None,
    what: str = "value",
) -> Evidence:
    """Simulated or measured value against what the printed and the repaired statement predict.

    A prediction is rejected at |z| > 5. It is accepted at |z| < 4 if the standard error is at most 2 % of
    the value or of the named `scale`, and an alternative is rejected: the other statement, or `alternative`.
    The scale may not exceed five times the largest of the numbers compared.
    """
    return _measured("estimate", value, stderr, printed, repaired, alternative, scale, what)


def slope(
    exponent: float,
    stderr: float,
    *,
    printed: float | None = None,
    repaired: float | None = None,
    alternative: float | None = None,
    what: str = "exponent",
) -> Evidence:
    """Fitted exponent of a power law, judged as in `estimate` with the scale one."""
    return _measured("slope", exponent, stderr, printed, repaired, alternative, ("one", 1.0), what)


def order(difference: float, stderr: float, *, of: str = "printed", what: str = "difference") -> Evidence:
    """One-sided comparison: the statement says `difference` > 0; accepted at z > 5, rejected at z < -5."""
    if of not in ("printed", "repaired"):
        raise ValueError(f"of is {of!r}: allowed is 'printed' or 'repaired'.")
    z = float(check.number("difference", difference)) / check.positive("stderr", stderr)
    state = "accepted" if z > REJECTED_Z else "rejected" if z < -REJECTED_Z else "open"
    text = _typeset(f"{what}: {_with_error(difference, stderr)}, z = {z:+.1f} (needs z > {REJECTED_Z:g})")
    return Evidence("order", state if of == "printed" else "", state if of == "repaired" else "", text)


def counterexample(printed: float, found: float, *, scale: float, what: str) -> Evidence:
    """One instance in which the printed statement says `printed` and an exact computation finds `found`.

    It rejects if they differ by more than 0.1 % of `scale`, the size of what is computed. A sampled value is no
    exact one: for it use `estimate`.
    """
    scale = float(check.positive("scale", scale))
    gap = abs(float(check.number("printed", printed)) - float(check.number("found", found)))
    state = "rejected" if gap > COUNTEREXAMPLE * max(scale, abs(printed), abs(found)) else "open"
    return Evidence("counterexample", state, "", _typeset(f"{what}: printed {printed:.6g}, found {found:.6g}"))


def definition(function: str) -> Evidence:
    """The printed definition is implemented by this public function, as in "mnvh.functional.gross_harvest"."""
    module, _, name = function.rpartition(".")
    try:
        defined = callable(getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError, ValueError):
        defined = False
    if not defined or name.startswith("_"):
        raise ValueError(f"function is {function!r}: allowed is the dotted name of a public function that can be imported.")
    return Evidence("definition", "accepted", "", f"implemented by `{function}`")


def _measured(
    kind: str,
    value: float,
    stderr: float,
    printed: float | None,
    repaired: float | None,
    alternative: float | None,
    scale: tuple[str, float] | None,
    what: str,
) -> Evidence:
    value = float(check.number("value", value))
    fix = "a value without sampling error is settled by `exact` or `counterexample`"
    stderr = float(check.positive("stderr", stderr, fix=fix))
    predictions = {"printed": printed, "repaired": repaired, "alternative": alternative}
    given = {name: float(check.number(name, p)) for name, p in predictions.items() if p is not None}
    if not given.keys() & {"printed", "repaired"}:
        raise ValueError(f"{kind} has no prediction: pass what the printed or the repaired statement predicts.")
    z = {name: (value - prediction) / stderr for name, prediction in given.items()}
    size = abs(value)
    if scale is not None and kind == "estimate":
        largest = max(map(abs, [value, *given.values()]))
        fix = "a scale far above all that is compared would let any standard error pass"
        size = max(size, float(check.number("scale", scale[1], 0, 5 * largest, fix=fix)))
    elif scale is not None:
        size = max(size, scale[1])
    resolved = stderr <= RESOLUTION * size

    def state(name: str, *alternatives: str) -> str:
        if name not in z:
            return ""
        if abs(z[name]) > REJECTED_Z:
            return "rejected"
        ruled_out = any(abs(z[other]) > REJECTED_Z for other in alternatives if other in z)
        return "accepted" if abs(z[name]) < ACCEPTED_Z and resolved and ruled_out else "open"

    shown = "; ".join(f"{name} {given[name]:.5g} (z = {z[name]:+.1f})" for name in given)
    measure = f" (scale: {scale[0]} = {scale[1]:.4g})" if scale and scale[0] != "one" else ""
    text = _typeset(f"{what}: {_with_error(value, stderr)}{measure}; {shown}")
    return Evidence(kind, state("printed", "alternative", "repaired"), state("repaired", "printed", "alternative"), text)


def _with_error(value: float, stderr: float) -> str:
    """Value and standard error, both to the error's second digit."""
    decimals = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f}"


def _typeset(text: str) -> str:
    """True minus signs before numbers."""
    return re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", text)


@cache
def load(path: Path = PATH) -> dict:
    """Parsed claims.yml: {"chapters": {name: title}, "claims": {id: claim}}, checked for form.

    Raises
    ------
    ValueError
        If an id comes twice, a verdict is not of the closed set, or a settled claim lacks its reason.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(f"claims.yml cannot be read: {error}. Mend the line it names.") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("chapters"), dict) or not isinstance(raw.get("claims"), list):
        raise ValueError("claims.yml must have `chapters`, names with titles, and `claims`, a list of entries.")
    for name, title in raw["chapters"].items():
        if not isinstance(title, str) or HTML.search(title):
            raise ValueError(f"claims.yml gives the chapter {name} the title {title!r}: allowed is text without HTML.")
    claims: dict[str, dict] = {}
    for claim in raw["claims"]:
        if not isinstance(claim, dict) or not all(isinstance(value, str) for value in claim.values()):
            raise ValueError(f"claims.yml has an entry that is no list of `name: text`: {claim}. Put quotes around numbers and dates.")
        if any(HTML.search(text) for text in claim.values()):
            raise ValueError(f"claims.yml has HTML in the entry {claim}: write MyST, and a space after <.")
        missing = {"id", "document", "section", "chapter", "quote", "verdict"} - claim.keys()
        if missing:
            raise ValueError(f"claims.yml has an entry without {', '.join(sorted(missing))}: {claim}.")
        name = claim["id"]
        if name in claims:
            raise ValueError(f"claims.yml has the id {name!r} twice: give one of them the next free letter.")
        if claim["verdict"] not in SETTLED + UNSETTLED:
            raise ValueError(f"claim {name} has the verdict {claim['verdict']!r}: allowed are {SETTLED + UNSETTLED}.")
        if claim["chapter"] not in raw["chapters"]:
            raise ValueError(f"claim {name} names the chapter {claim['chapter']!r}: it is not under `chapters`.")
        needs = {
            "fails as printed": ["why"],
            "holds with an added assumption": ["why", "repaired"],
            "not an assertion": ["why"],
            "out of scope": ["why"],
        }.get(claim["verdict"], [])
        for key in needs:
            if not claim.get(key):
                raise ValueError(f"claim {name} is {claim['verdict']!r} and has no {key!r}: write one sentence.")
        claims[name] = claim
    return {"chapters": raw["chapters"], "claims": claims}


def judge(claim: Mapping, evidence: Sequence[Evidence]) -> None:
    """Compare a claim's verdict with its evidence.

    Raises
    ------
    ContradictedError
        If a piece of evidence says the opposite.
    UnresolvedError
        If none is strong enough, or the claim has no verdict to settle.
    """
    name, verdict = claim["id"], claim["verdict"]
    if verdict not in SETTLED:
        raise UnresolvedError(f"claim {name} is {verdict!r} in claims.yml: enter a verdict of {SETTLED} to settle it.")
    if not claim.get("repaired") and any(e.repaired for e in evidence):
        raise UnresolvedError(f"claim {name}: evidence speaks of a repaired statement, and claims.yml has none.")
    wanted = {"printed": "accepted" if verdict in ("definition", "holds") else "rejected"}
    if claim.get("repaired"):
        wanted["repaired"] = "accepted"
    opposite = {"accepted": "rejected", "rejected": "accepted"}
    listing = "\n".join(f"  {e.kind}: {e.text}" for e in evidence) or "  none"
    found = {statement: [getattr(e, statement) for e in evidence] for statement in wanted}
    if any(opposite[state] in found[statement] for statement, state in wanted.items()):
        raise ContradictedError(f"claim {name} is entered as {verdict!r}, but evidence says otherwise:\n{listing}")
    for statement, state in wanted.items():
        if state not in found[statement] or "open" in found[statement]:
            message = f"claim {name} ({verdict!r}): not all evidence on the {statement} statement has it {state}:\n{listing}"
            raise UnresolvedError(message)
    if (verdict == "definition") != any(e.kind == "definition" for e in evidence):
        raise UnresolvedError(f"claim {name}: evidence of kind definition goes with the verdict 'definition' alone.")


def anchor(name: str) -> str:
    """Anchor of a claim in the book: 2.5b → claim-2-5b."""
    return "claim-" + name.replace(".", "-").lower()


def body(claim: Mapping, evidence: Sequence[Evidence]) -> str:
    """Markdown of a claim's card without its heading: quote, formula, repair, evidence, reason."""
    place = f"§{claim['section']}" if claim["section"][0].isdigit() else claim["section"]
    lines = [f"> “{claim['quote']}” ({place})", ""]
    if claim.get("printed"):
        lines += [f"**Printed:** {claim['printed']}", ""]
    if claim.get("repaired"):
        lines += [f"**Repaired:** {claim['repaired']}", ""]
    for each in evidence:
        text = HTML.sub(lambda tag: html.escape(tag[0]), " ".join(each.text.split()))  # it may have names from a reader's file
        lines += [f"- *{each.kind}*: {text}"]
    lines += [""]
    if claim.get("why"):
        lines += [claim["why"], ""]
    return "\n".join(lines)


def settle(name: str, *evidence: Evidence) -> None:
    """Show the card of claim `name` with the evidence for its verdict, and hand the record to the build.

    In the build a verdict that is not borne out raises; with a reader's own parameters the card says
    "inconclusive with these parameters" and nothing enters the ledger.

    Raises
    ------
    ValueError
        If no claim has this id.
    ContradictedError, UnresolvedError
        In the build only: see `judge`.
    """
    claims = load()["claims"]
    if name not in claims:
        close = difflib.get_close_matches(name, claims, n=3, cutoff=0.3)
        raise ValueError(f"name is {name!r}: no claim of claims.yml has this id. Close ones: {', '.join(close) or 'none'}.")
    claim = claims[name]
    heading = f"Claim {name}: {claim['verdict']}"
    try:
        judge(claim, evidence)
    except (ContradictedError, UnresolvedError) as error:
        if os.environ.get(PUBLISHING):
            raise
        heading = f"Claim {name}: inconclusive with these parameters"
        if isinstance(error, ContradictedError):
            heading += " (evidence against the ledger's verdict)"
        elif claim["verdict"] not in SETTLED:
            heading = f"Claim {name}: {claim['verdict']} in claims.yml, enter a verdict there to settle it"
    record = {"id": name, "evidence": [asdict(e) for e in evidence]}
    markdown = f"**{heading}**\n\n{body(claim, evidence)}"
    display({CLAIM: record, "text/markdown": markdown, "text/plain": heading}, raw=True)
