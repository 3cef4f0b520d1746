"""The ledger of claims against the documents: quotes are verbatim, and no sentence is left out."""

import json
import re
from itertools import groupby
from pathlib import Path
from string import ascii_lowercase

import pytest
import yaml

from mnvh.book.documents import INDEX, find, index, normalise, uncovered, words

LEDGER = yaml.safe_load(Path(INDEX).with_name("claims.yml").read_text("utf-8"))
CLAIMS = [claim for claim in LEDGER["claims"] if claim["document"] != "book"]  # those are a chapter's own
DOCUMENTS = json.loads(INDEX.read_text("utf-8"))

KEYS = ["id", "document", "section", "chapter", "quote", "printed", "verdict", "repaired", "why"]
ASSERTIONS = {"paper": 74, "gamma_capture": 36, "volatility_portfolio": 38}
SENTENCES = {"paper": 65, "gamma_capture": 30, "volatility_portfolio": 54}
NO_ASSERTION = {"not an assertion", "out of scope"}
VERDICTS = NO_ASSERTION | {
    "definition", "holds", "holds with an added assumption", "fails as printed", "not yet examined",
}

each_document = pytest.mark.parametrize("name", DOCUMENTS)


def of(name):
    return [claim for claim in CLAIMS if claim["document"] == name]


def place(claim):
    return find(DOCUMENTS[claim["document"]], claim["quote"], claim["section"])


# The ledger

def test_each_quote_stands_in_the_section_it_names():
    for claim in CLAIMS:
        sentences, found = DOCUMENTS[claim["document"]]["sentences"], place(claim)
        assert found, f"claim {claim['id']}: the quote is not in section {claim['section']}"
        standing = {(s["section"], s["kind"]) for s in sentences[found[0] : found[1] + 1]}
        assert standing == {(claim["section"], "text")}, claim["id"]


def test_no_quote_is_found_with_one_word_changed():
    for claim in CLAIMS:
        spoken = claim["quote"].split()
        for i in (i for i, word in enumerate(spoken) if words(word)):  # a table's border is no word
            changed = " ".join([*spoken[:i], "xyzzy", *spoken[i + 1 :]])
            assert find(DOCUMENTS[claim["document"]], changed) is None, f"claim {claim['id']}: {changed}"


def test_quotes_are_short():
    assert [claim["id"] for claim in CLAIMS if not 3 <= len(words(claim["quote"])) <= 20] == []


def test_keys_are_known_and_in_order():
    for claim in CLAIMS:
        assert list(claim) == [key for key in KEYS if key in claim], f"claim {claim['id']}: the keys stand in the order {KEYS}"
        assert {"id", "document", "section", "chapter", "quote", "verdict"} <= claim.keys(), claim["id"]
        assert all(isinstance(value, str) and value.strip() for value in claim.values()), claim["id"]


def test_verdicts_and_chapters_are_known():
    for claim in CLAIMS:
        assert claim["verdict"] in VERDICTS, claim["id"]
        assert claim["chapter"] in LEDGER["chapters"], claim["id"]
        assert claim["verdict"] not in NO_ASSERTION or claim.get("why", "").endswith("."), claim["id"]


@each_document
def test_every_text_sentence_is_touched_by_a_quote_of_its_section(name):
    document = DOCUMENTS[name]
    for section in {sentence["section"] for sentence in document["sentences"]}:
        quotes = [claim["quote"] for claim in of(name) if claim["section"] == section]
        assert uncovered(document, quotes, section) == [], f"sentences of section {section}"


@each_document
def test_claims_follow_the_document(name):
    places = [place(claim) for claim in of(name)]
    misplaced = [claim["id"] for claim, before, after in zip(of(name)[1:], places, places[1:]) if after < before]
    assert not misplaced, f"{misplaced}: entries stand in the order of the document's sentences"


@each_document
def test_ids_are_lettered_within_each_section(name):
    prefix = {"paper": "", "gamma_capture": "G", "volatility_portfolio": "V"}[name]
    for section, claims in groupby(of(name), key=lambda claim: claim["section"]):
        stem = prefix + {"abstract": "A.", "figure 1": "F1."}.get(section, section)
        ids = [claim["id"] for claim in claims]
        assert ids == [stem + letter for letter in ascii_lowercase[: len(ids)]], f"ids of section {section}: {stem}a, {stem}b, ..."


def test_ids_are_unique_and_documents_in_order():
    ids = [claim["id"].replace(".", "-").lower() for claim in CLAIMS]  # as in the anchors of the pages
    assert len(set(ids)) == len(ids)
    order = [name for name, _ in groupby(CLAIMS, key=lambda claim: claim["document"])]
    assert order == list(DOCUMENTS), "the entries of a document stand together"


def test_chapters_are_numbered_and_used():
    chapters = list(LEDGER["chapters"])
    assert [int(re.match(r"(\d\d)_[a-z_]+$", chapter)[1]) for chapter in chapters] == list(range(1, len(chapters) + 1))
    assert {claim["chapter"] for claim in LEDGER["claims"] if claim["verdict"] not in NO_ASSERTION} == set(chapters)


@each_document
def test_number_of_assertions(name):
    count = sum(claim["verdict"] not in NO_ASSERTION for claim in of(name))
    assert count == ASSERTIONS[name], f"{name} has {count} assertions: was a sentence split? Then change ASSERTIONS"


@pytest.mark.parametrize(("claim_id", "quote"), [
    ("2.2a", "The one-step change in NAV admits the exact decomposition"),
    ("2.5a", "Substituting the rebalancing rule into the identity yields"),
    ("2.5b", "the expected directional term vanishes and the second-order term dominates"),
    ("2.5c", "We define the MNVH functional as"),
])
def test_ids_that_the_chapters_cite_keep_their_meaning(claim_id, quote):
    assert [claim["quote"] for claim in CLAIMS if claim["id"] == claim_id] == [quote]


# The index

@each_document
def test_index_has_every_sentence_and_no_word_of_the_text(name):
    document = DOCUMENTS[name]
    assert sum(sentence["kind"] == "text" for sentence in document["sentences"]) == SENTENCES[name]
    assert re.fullmatch("[0-9a-f]{64}", document["sha256"])
    assert list(document) == ["title", "author", "date", "sha256", "sentences"]
    for sentence in document["sentences"]:
        assert list(sentence) == ["section", "kind", "hashes"]
        assert sentence["hashes"] and all(re.fullmatch("[0-9a-f]{8}", h) for h in sentence["hashes"])


SAMPLE = index(
    """
    A title

    Abstract
    It *bends*, e.g. here. The value is

    $$x = 2 * a * b,$$

    where a is not b . A second one.

    Figure 1: What it shows. Once more.

    2.1 A heading
    1. The first entry, i.e. (one). It goes on over
    a line end.
    2. The second entry. It goes on.
    | Row | Of a table |
    Refs:
    1. A. Author, "A title. Second part"
    """,
    title="A title",
)


def test_sentences_sections_and_kinds():
    assert [(s["section"], s["kind"], len(s["hashes"])) for s in SAMPLE["sentences"]] == [
        ("front", "front", 2),
        ("abstract", "heading", 1),
        ("abstract", "text", 4),
        ("abstract", "text", 15),  # the formula belongs to the sentence that it interrupts
        ("abstract", "text", 3),
        ("figure 1", "text", 5),
        ("figure 1", "text", 2),
        ("2.1", "heading", 3),
        ("2.1.1", "text", 6),
        ("2.1.1", "text", 7),
        ("2.1.2", "text", 4),
        ("2.1.2", "text", 3),
        ("2.1.2", "text", 4),
        ("reference", "heading", 1),
        ("reference", "reference", 7),
    ]


@pytest.mark.parametrize(("quote", "sentences"), [
    ("It bends, e.g. here", (2, 2)),
    ("bends e.g here", (2, 2)),  # punctuation around words does not count
    ("*bends*, e.g. here. The value", (2, 3)),
    ("x = 2 * a * b", (3, 3)),
    ("A second one", (4, 4)),
    ("it bends, e.g. here", None),  # capitals do
    ("Once more. The", None),
])
def test_find(quote, sentences):
    assert find(SAMPLE, quote) == sentences


def test_section_chooses_among_repetitions():
    assert find(SAMPLE, "It goes on") == (9, 9)
    assert find(SAMPLE, "It goes on", section="2.1.2") == (11, 11)
    assert find(SAMPLE, "It goes on", section="abstract") is None


def test_uncovered():
    assert uncovered(SAMPLE, ["It bends, e.g. here. The value", "It goes on"]) == [4, 5, 6, 8, 10, 12]
    assert uncovered(SAMPLE, ["A second one"], section="abstract") == [2, 3]


@pytest.mark.parametrize("quote", ["", "two words", "two, words.", "$x$ ( y )"])
def test_quote_of_fewer_than_three_words_is_an_error(quote):
    with pytest.raises(ValueError, match="3 or more words"):
        find(SAMPLE, quote)


def test_emphasis_goes_and_products_stay():
    assert normalise(" *one  two*\n and 1/2 * S^2 * (% * S)") == "one two and 1/2 * S^2 * (% * S)"


def test_the_map_of_the_volatility_document_has_every_settled_claim():
    text = (INDEX.parents[2] / "chapters/18_regimes.ipynb").read_text("utf-8")
    mapped = set(re.findall(r"\(#claim-(v\d\w)\)", text))
    assert mapped == {claim["id"].lower() for claim in of("volatility_portfolio") if claim["verdict"] not in NO_ASSERTION}
