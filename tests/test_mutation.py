"""`audit.mutation` tells a fault that a test notices from one that none does; its list of equivalents is in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit import mutation

ROOT = Path(__file__).resolve().parents[1]
TINY = '''def double(x: int | float) -> float:
    """Twice x.

    >>> double(3)
    6
    """
    return 2 * x


def near(x: float) -> bool:
    return abs(x) < 1e-3
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one module, `near` of which is tested far from its boundary only."""
    for name, text in {
        "mnvh/__init__.py": "",
        "mnvh/tiny.py": TINY,
        "mnvh/user.py": "from mnvh import tiny\n",
        "tests/test_tiny.py": "from mnvh.tiny import near\n\ndef test_near():\n    assert near(0) and not near(0.5)\n",
        "tests/test_user.py": "from mnvh import user\n",
        "tests/test_other.py": "raise AssertionError\n",
        "tests/test_pages.py": "from mnvh import tiny\nfrom mnvh.book import pages\n",
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--doctest-modules"\n',
        "equivalent.yml": "- {module: tiny, function: double, change: 'return 2 * x → return 3 * x', reason: a joke}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mutation, "EQUIVALENT", tmp_path / "equivalent.yml")
    monkeypatch.setattr(mutation, "PRELOAD", ["pytest"])
    mutation.concerning.cache_clear(), mutation.limit.cache_clear()
    yield tmp_path
    mutation.concerning.cache_clear(), mutation.limit.cache_clear()


def test_one_fault_is_noticed_and_one_is_not(project):
    assert [mutant.key[1] for mutant in mutation.mutants(TINY)] == [
        "return 2 * x → return 3 * x",
        "return 2 * x → return 2 / x",
        "return abs(x) < 1e-3 → return abs(x) <= 1e-3",
        "return abs(x) < 1e-3 → return abs(x) < 1.001",
    ]
    assert mutation.concerning("tiny") == [("mnvh/tiny.py", "tests/test_tiny.py"), ("tests/test_user.py",)]
    mutation.measure("tiny", each=12, seed=0)
    found = json.loads(Path("_build/mutation/tiny.json").read_text())
    assert (found["possible"], found["tried"], found["late"]) == (4, 3, 0)
    assert found["survivors"] == [["near", "return abs(x) < 1e-3 → return abs(x) <= 1e-3"]]
    assert found["equivalent"] == [["double", "return 2 * x → return 3 * x"]]
    assert Path("mnvh/tiny.py").read_text() == TINY  # the checkout is never touched
    mutation.report({"tiny": found}, ["tiny", "user"])
    shown = Path("measured/mutation.md").read_text()
    assert "Nothing of `user` was tried." in shown
    assert "**66.7 % ± " in shown and "| `tiny` | 4 | 3 | 2 | 1 |" in shown
    assert "| `tiny.near`: `return abs(x) < 1e-3 → return abs(x) <= 1e-3` | a test was missing |" in shown
    assert "| a joke |" in shown


def test_without_a_fault_the_tests_of_the_project_itself_pass(tmp_path):
    mutation.copy(ROOT, tree := tmp_path / "tree")
    fate = mutation.outcome(tree, ("mnvh/estimates.py", "tests/test_estimates.py"), limit=300)
    assert fate == "passed", tree.with_suffix(".log").read_text()


def test_tests_that_fail_without_a_fault_measure_nothing(project):
    Path("tests/test_tiny.py").write_text("from mnvh import tiny\n\ndef test_wrong():\n    assert tiny.double(2) == 5\n")
    with pytest.raises(RuntimeError, match="test_tiny.py` fails without any fault(?s:.*)assert 4 == 5"):
        mutation.measure("tiny", each=1, seed=0)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a = not (b) and c", ["a = (b) and c", "a = not (b) or c"]),
        ("a -= (b)", ["a += (b)"]),
        ("é = x.max() - y.max()", ["é = x.min() - y.max()", "é = x.max() + y.max()", "é = x.max() - y.min()"]),
        ("check.number(b)", ["None"]),
        ("a = 1 < b <= c", ["a = 2 < b <= c", "a = 1 <= b <= c", "a = 1 < b < c"]),
        ('raise ValueError(f"{a + 1}")', []),
    ],
)
def test_a_fault_is_one_small_change_of_one_line(line, changed):
    assert sorted(mutant.after for mutant in mutation.mutants(line)) == sorted(changed)


def test_every_entry_of_the_equivalents_is_a_mutant_of_the_present_sources_and_has_a_reason():
    sources = {path.stem: path.read_text() for path in (ROOT / "mnvh").glob("*.py")}
    possible = {(name, *mutant.key) for name, source in sources.items() for mutant in mutation.mutants(source)}
    for key, reason in mutation.equivalent().items():
        assert key in possible, f"audit/equivalent.yml: {key} is no mutant any more: delete the entry or mend its change"
        assert len(reason.split()) >= 4
