"""Pages that are generated: the ledger of claims, the list of figures."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from mnvh.book import claims
from mnvh.book.project import BOOK, YEAR

DOCUMENTS = {
    "paper": "Market-Neutral Volatility Harvesting",
    "gamma_capture": "Gamma Capture realised volatility",
    "volatility_portfolio": "Volatility Portfolio Optimization",
    claims.OWN: "Statements of the book",
}


def downloads(name: str) -> str:
    """Line of links under a figure, for a page one folder below the site's root."""
    links = [f'<a href="../figures/{name}.{kind}" download>{label}</a>' for kind, label in
             (("csv", "data"), ("svg", "SVG"), ("pdf", "PDF"), ("png", "PNG"), ("json", "provenance"))]  # fmt: skip
    return " · ".join(links) + f" · [cite](#cite-{name})"


def ledger(settled: dict[str, dict]) -> str:
    """Every statement of the three documents with its verdict, linked to the card that settles it."""
    known = claims.load()
    lines = [
        "# The ledger",
        "",
        "Every sentence of the three documents that asserts something stands here with its verdict. A verdict is",
        "settled by evidence that a chapter computes when the book is built; the link leads to it. Sentences that",
        "assert nothing, or nothing that a computation could settle, are listed with the reason.",
        "",
    ]
    for document, title in DOCUMENTS.items():
        entries = [c for c in known["claims"].values() if c["document"] == document]
        if not entries:
            continue
        counts = Counter(c["verdict"] for c in entries)
        assertions = sum(n for verdict, n in counts.items() if verdict not in ("not an assertion", "out of scope"))
        tally = ", ".join(f"{counts[v]} {v}" for v in claims.SETTLED + claims.UNSETTLED[:1] if counts[v])
        lines += [f"## {title}", "", f"{assertions} assertions: {tally}.", ""]
        lines += ["| claim | § | statement | verdict |", "|---|---|---|---|"]
        for claim in entries:
            place = "" if claim["id"] in settled else f'<span id="{claims.anchor(claim["id"])}"></span>'  # a search leads here
            lines.append(_row(claim, claim["id"] in settled).replace("| ", f"| {place}", 1))
        lines.append("")
    return "\n".join(lines)


def snapshot(headlines: dict[str, str]) -> dict:
    """What this version says: its number, every verdict, the numbers in the answer boxes."""
    verdicts = {name: claim["verdict"] for name, claim in claims.load()["claims"].items()}
    return {"version": metadata.version("mnvh"), "verdicts": verdicts, "headlines": headlines}


def changes(history: Path, now: dict) -> str:
    """Section on what differs from the version published last: verdicts, and headline numbers."""
    lines = ["## Changes between versions", ""]
    past = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(history.glob("*.json"))]
    past = sorted((p for p in past if p["version"] != now["version"]), key=lambda p: Version(p["version"]))
    if not past:
        return "\n".join([*lines, "This is the first version.", ""])
    last = past[-1]
    lines += [f"Against version {last['version']}:", "", "| | before | now |", "|---|---|---|"]
    for kind in ("verdicts", "headlines"):
        for name in sorted(last[kind].keys() | now[kind].keys()):
            before, after = (version[kind].get(name, "–") for version in (last, now))
            if before != after:
                lines.append(f"| {name} | {before} | {after} |")
    return "\n".join(lines) + "\n"


def summary() -> str:
    """Table of the verdicts by document, for the pages that say `<!-- ledger: summary -->`."""
    headings = claims.SETTLED + claims.UNSETTLED[:1]
    lines = ["| document | " + " | ".join(headings) + " |", "|---" * (len(headings) + 1) + "|"]
    for document, title in DOCUMENTS.items():
        counts = Counter(c["verdict"] for c in claims.load()["claims"].values() if c["document"] == document)
        if not counts:
            continue
        lines.append(f"| {title} | " + " | ".join(str(counts[verdict]) for verdict in headings) + " |")
    return "\n".join(lines) + "\n"


def excerpt(names: Sequence[str]) -> str:
    """Table of these claims and of what survives of each, for the pages that say `<!-- ledger: 2.5b 7.1d -->`.

    Raises
    ------
    ValueError
        If no claim has one of these ids.
    """
    known = claims.load()["claims"]
    lines = ["| claim | printed | verdict | what survives |", "|---|---|---|---|"]
    for name in names:
        if name not in known:
            raise ValueError(f"a page asks for the claim {name!r}, which is not in claims.yml.")
        verdict = known[name]["verdict"]
        kept = {"holds": "as printed", "definition": "as printed", "fails as printed": "nothing"}.get(verdict, "")
        cells = _row(known[name], verdict in claims.SETTLED).split(" | ", 2)
        lines.append(f"{cells[0]} | {cells[2]} {' '.join(known[name].get('repaired', kept).split())} |")
    return "\n".join(lines) + "\n"


def bibtex(kind: str, key: str, title: str, **fields: str) -> str:
    """BibTeX of the book, or of a part of it, in this version."""
    fields = {"title": title, **fields, "author": "{The MNVH authors}", "year": str(YEAR), "note": f"Version {metadata.version('mnvh')}"}
    lines = [f"  {name:<12} = {{{value}}}," for name, value in fields.items()]
    return "\n".join(["```bibtex", f"@{kind}{{{key},", *lines, "}", "```", ""])


def gallery(figures: dict[str, dict]) -> str:
    """Every figure with its thumbnail, its place in the book and how to cite it."""
    text = (
        "A figure is cited by its name and the book's version: its number moves when figures are inserted before it, its name does not. "
        "Figures and their data are licensed CC BY 4.0."
    )
    lines = [f"# All figures\n\n{text}\n"]
    for name, entry in sorted(figures.items()):
        message = _message(entry["caption"])
        lines += [
            f"(cite-{name})=\n## {name}\n",
            f"```{{image}} /_extra/figures/{name}.*\n:alt: {json.dumps(entry['alt'], ensure_ascii=False)}\n:width: 320px\n```\n",
            f"{message} {{numref}}`{name}` of {{doc}}`{entry['chapter']}`.\n",
            downloads(name).rpartition(" · ")[0] + "\n",
            bibtex("misc", f"mnvh-{name}", re.sub(r"[$*{}]", "", message).rstrip("."), howpublished=f"Figure {name} of ``{BOOK}''"),
        ]
    return "\n".join(lines)


def _row(claim: dict, is_settled: bool) -> str:
    name = f"[{claim['id']}](#{claims.anchor(claim['id'])})" if is_settled else claim["id"]
    verdict = claim["verdict"]
    if verdict in ("not an assertion", "out of scope"):
        verdict += f": {claim['why']}"
    quote = claim["quote"].replace("|", "\\|")
    return f"| {name} | {claim['section']} | “{quote}” | {verdict} |"


def _message(caption: str) -> str:
    """First sentence of a caption, which stands in bold."""
    return " ".join(re.match(r"\*\*(.+?)\*\*", caption, re.DOTALL)[1].split())
