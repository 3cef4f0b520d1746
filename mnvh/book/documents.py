"""An index of the audited documents, against which a quote is checked.

The documents are not the project's to publish. `documents.json` keeps, sentence by
sentence, one short hash for every three words in a row: enough to tell whether a quote
is verbatim and where it stands. `python -m mnvh.book.documents FOLDER` rebuilds it.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

INDEX = Path(__file__).with_name("documents.json")
SOURCES = {  # document -> its file, and what it prints about itself
    "paper": ("mnvh.md", {
        "title": "Market-Neutral Volatility Harvesting (MN VH): A Discrete Self-Financing Construction"
                 " Unifying AMMs, HFT Market Making, Options, and SPT",
        "author": "Daiki Sasaki (nullheart)", "date": "December 29, 2025"}),
    "gamma_capture": ("gamma_capture.md", {"title": "Short-End of the Vol Cone"}),
    "volatility_portfolio": ("volatility_portfolio_optimization.md", {
        "title": "Volatility Portfolio Optimization"}),  # the file opens without a title; this is its subject
}
HEADINGS = {  # unnumbered headings -> the section they open; None opens none
    "Abstract": "abstract", "Short-End of the Vol Cone": "1", "Gamma Capture Realized Volatility": "2",
    "Method:": "2", "Interpretation:": "3", "Refs:": "reference", "DISCLAIMER": "disclaimer",
    "Essence": "1", "Origin": "2", "Theory": "3", "Approach": "4", "Evolution": "5", "Horizon": "6",
    "Protocol Genesis": None, "Greek Management": None, "| Metric | Functional Impact |": None,
    "Operational Framework": None, "Structural Changes": None,
}
NUMBER = re.compile(r"(?:(\d+(?:\.\d)?) (?=[A-Z])|(Figure \d+):|(\d)\. )?")  # heading, figure, list entry
CONTINUES = r"\$\$|[a-z]|P&L rate ="  # a displayed formula, or the rest of a sentence after one
# A stop before a capital ends a sentence, except after a list number and the name of Definition 1.
# "e.g." and "i.e." need no rule: no capital follows them here.
SENTENCE_END = re.compile(r"(?<=[.?!])(?<!^\d\.)(?<!functional\)\.) (?=[A-Z])")


def normalise(text: str) -> str:
    """Collapse white space and drop the asterisks of markdown emphasis."""
    return re.sub(r"\*(\S(?:[^*]*\S)?)\*", r"\1", " ".join(text.split()))


def words(text: str) -> list[str]:
    """Split into words, each without the punctuation, brackets and dollar signs around it."""
    bare = (word.strip(".,;:!?()[]|$\"'“”‘’") for word in normalise(text).split())
    return [word for word in bare if word]


def index(text: str, *, title: str, author: str | None = None, date: str | None = None) -> dict:
    """Index a document: what it prints about itself, the checksum of its text, its hashed sentences."""
    sentences = list(_sentences(text))
    hashes = iter(_shingles([word for _, _, sentence in sentences for word in words(sentence)]))
    records = [{"section": section, "kind": kind, "hashes": [next(hashes) for _ in words(sentence)]}
               for section, kind, sentence in sentences]
    checksum = sha256(normalise(text).encode()).hexdigest()
    return {"title": title, "author": author, "date": date, "sha256": checksum, "sentences": records}


def find(document: dict, quote: str, section: str | None = None) -> tuple[int, int] | None:
    """Find the sentences in which a quote begins and ends; None if it is not in the document.

    The documents repeat themselves: with `section`, only a quote that begins there counts.

    Raises
    ------
    ValueError
        If the quote has fewer than three words: the index holds nothing shorter.
    """
    return next(_places(document, quote, section), None)


def uncovered(document: dict, quotes: Iterable[str], section: str | None = None) -> list[int]:
    """List the sentences of kind text (in `section`, if given) that none of the quotes touches."""
    places = (place for quote in quotes for place in _places(document, quote, section))
    touched = {i for first, last in places for i in range(first, last + 1)}
    return [i for i, sentence in enumerate(document["sentences"])
            if sentence["kind"] == "text" and section in (None, sentence["section"]) and i not in touched]


def _places(document: dict, quote: str, section: str | None) -> Iterator[tuple[int, int]]:
    n_words, wanted = len(words(quote)), _shingles(words(quote))[:-2]
    if n_words < 3:
        raise ValueError(f"quote is {quote!r}, of {n_words} words: allowed are 3 or more words in a row.")
    places = [(i, h) for i, sentence in enumerate(document["sentences"]) for h in sentence["hashes"]]
    for start, (first, _) in enumerate(places):
        there = section in (None, document["sentences"][first]["section"])
        if there and [h for _, h in places[start : start + n_words - 2]] == wanted:
            yield first, places[start + n_words - 1][0]


def _shingles(words: list[str]) -> list[str]:
    """Hash each word together with the two that follow it."""
    return [sha256(" ".join(words[i : i + 3]).encode()).hexdigest()[:8] for i in range(len(words))]


def _sentences(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield section, kind and text of each sentence; what is not text stays in one piece."""
    lines = "\n".join(filter(None, map(normalise, text.splitlines())))
    part = section = "front"
    for block in re.split(rf"\n(?!{CONTINUES})", lines):
        heading, figure, entry = NUMBER.match(block).groups()
        kind = part if part in ("front", "reference", "disclaimer") else "text"
        if heading or block in HEADINGS:
            kind, part = "heading", heading or HEADINGS[block] or part
            section = part
        elif entry and kind == "text":
            section = f"{part}.{entry}"
        for sentence in SENTENCE_END.split(normalise(block)) if kind == "text" else [block]:
            yield figure.lower() if figure else section, kind, sentence


if __name__ == "__main__":
    texts = {name: (Path(sys.argv[1]) / file).read_text("utf-8") for name, (file, _) in SOURCES.items()}
    entries = json.dumps({name: index(text, **SOURCES[name][1]) for name, text in texts.items()})
    INDEX.write_text(entries.replace(' {"section"', '\n{"section"') + "\n", "utf-8")  # a sentence a line
