"""Pages made from the sources, the comparison of two builds, and a chapter over a grid of parameters."""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import ROOT

from mnvh.book import claims, grid, lock, project, reference, run, verify


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_public_function_stands_on_the_page_of_functions_once(at_root):
    text = reference.api()
    assert text.count("### options.implied_vol\n") == 1 and "(api-options-implied-vol)=" in text
    assert "(api-options-greeks-class)=" in text and "(api-options-greeks)=" in text  # a class and a function
    assert "class ConstantProduct(liquidity: float)" in text
    assert "### options._value" not in text  # nothing private


def test_the_map_leads_from_a_statement_to_its_function_test_figure_and_verdict(at_root):
    cells = nbformat.read("chapters/02_decomposition.ipynb", as_version=4).cells
    cell = next(cell["id"] for cell in cells if '"2.5b"' in cell.source and "settle" in cell.source)
    settled = {"2.5b": {"chapter": "02_decomposition", "cell": cell, "evidence": []}}
    named = {"kind": "definition", "text": "implemented by `mnvh.decomposition.LinearGrid`"}
    settled["2.4a"] = {"chapter": "02_decomposition", "cell": cell, "evidence": [named]}
    defined = next(line for line in reference.atlas(settled).splitlines() if line.startswith("| [2.4a]"))
    assert "| [`decomposition.LinearGrid`](#api-decomposition-lineargrid-class), " in defined
    row = next(line for line in reference.atlas(settled).splitlines() if line.startswith("| [2.5b]"))
    assert "[`functional.expected_step_pnl`](#api-functional-expected-step-pnl)" in row
    assert "| functional |" in row and "{numref}`fill-price`" in row and "fails as printed" in row


def test_a_test_of_a_function_is_a_file_that_uses_it_and_not_its_name(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("from mnvh import paths as p\nfrom mnvh.spt import follow as trade\ngaussian = p.roll(trade)\nobject.around")
    monkeypatch.chdir(tmp_path)
    assert reference._tested() == {"roll": {"test_a.py"}, "follow": {"test_a.py"}, "paths": {"test_a.py"}}


def test_parameters_and_citations_name_every_chapter(at_root):
    parameters, citations = reference.parameters(), reference.citations()
    assert "| {doc}`02_decomposition` | `prices_path` | `\"\"` |" in parameters
    for name, title in claims.load()["chapters"].items():
        assert f"{{{title}}}" in citations and f"(cite-mnvh-{name[3:]})=\n\n```bibtex\n@incollection{{mnvh-{name[3:]}," in citations
    for path in (ROOT / "chapters").glob("*.ipynb"):
        for parameter in run.parameters(path):  # one without a comment would have no row
            assert f"| {{doc}}`{path.stem}` | `{parameter}` |" in parameters


def test_two_builds_are_compared_file_by_file(tmp_path, monkeypatch, capsys):
    here = {"figures/a.csv": "1", "figures/b.csv": "2", "claims/c.json": "3"}
    there = {"figures/a.csv": "1", "figures/b.csv": "4", "claims/d.json": "5"}
    assert verify.differences(here, there) == [
        "claims/c.json is in this build only", "claims/d.json is in the published one only", "figures/b.csv differs",
    ]
    monkeypatch.chdir(tmp_path)
    for folder, hashes in ((project.BUILD / "html", here), (tmp_path / "published", there)):
        folder.mkdir(parents=True)
        (folder / "hashes.json").write_text(json.dumps(hashes))
    assert verify.main([str(tmp_path / "published")]) == 1
    assert "3 files here, 3 published, 3 differences" in capsys.readouterr().out
    assert verify.main([str(project.BUILD / "html")]) == 0
    assert verify.main([]) == 2 and verify.main(["nowhere"]) == 2
    assert "SITE = nowhere: its hashes.json cannot be read" in capsys.readouterr().err
    (tmp_path / "published/hashes.json").write_text('{"a": "1"}')
    assert verify.main([str(tmp_path / "published")]) == 2 and "has 1 names and none of this book's" in capsys.readouterr().err
    for nothing in ("{}", "[]"):
        (tmp_path / "published/hashes.json").write_text(nothing)
        assert verify.main([str(tmp_path / "published")]) == 2
        assert "published: its hashes.json cannot be read (it holds no hashes by name)" in capsys.readouterr().err


def test_a_grid_of_parameters_is_checked_as_those_of_one_run(at_root, capsys):
    assert grid.parse("03_amm", "seed=1,2 quick=true") == {"seed": [1, 2], "quick": [True]}
    with pytest.raises(ValueError, match="'sed=1' is no parameter of 03_amm"):
        grid.parse("03_amm", "sed=1")
    assert grid.main(["03_amm", "seed=one"]) == 2 and "seed = one is of another kind" in capsys.readouterr().err
    for chapter in ("99_x", "../chapters/03_amm", "chapters/../03_amm", "", "appendix_reproduce.md"):
        assert grid.main([chapter, "seed=1"]) == 2
        assert f"CHAPTER = {chapter}, GRID = seed=1: there is no such chapter. Chapters: 01_introduction, 02_" in capsys.readouterr().err
    for repeated in ("seed=1 seed=2", "seed=1 quick=true seed=1,2"):
        assert grid.main(["03_amm", repeated]) == 2 and "seed is given twice: leave one out" in capsys.readouterr().err
    for text, message in {"seed=1,1": "seed=1 is given twice", "quick=true,True": "quick=True is given twice", "": "there is nothing to vary: write name=value"}.items():
        assert grid.main(["03_amm", text]) == 2 and message in capsys.readouterr().err
    for text in ("1:5", "010", "1.5", "1e3", "[1]", "(1)+", ""):  # YAML has 65 and 8 for the first two
        with pytest.raises(ValueError, match=rf"^seed = {re.escape(text)} is of another kind: it must be a whole number, like its default \d+\.$"):
            run.parse(Path("chapters/03_amm.ipynb"), f"seed={text}")
    for text, message in {"seed='1": "a quotation mark that is not closed", "quick=yes": "must be true or false", f"seed={'1+' * 9000}1j": "a whole number"}.items():
        with pytest.raises(ValueError, match=message):
            run.parse(Path("chapters/02_decomposition.ipynb"), text)
    for text in ("123", "2024-13-45", "true", "a=b", "~", ""):  # names of files, whatever else they look like
        assert run.parse(Path("chapters/02_decomposition.ipynb"), f"prices_path={text}") == {"prices_path": text}
    assert run.parse(Path("chapters/03_amm.ipynb"), "seed=1_000 quick=true") == {"seed": 1000, "quick": True}
    assert grid.main(["03_amm", "chapter=1"]) == 2 and "'chapter=1' is no parameter of 03_amm" in capsys.readouterr().err


def test_a_grid_is_split_outside_quotation_marks_only(at_root):
    for text in ("prices_path='a,b.csv','c d.csv'", '"prices_path"="a,b.csv",c\\ d.csv', "prices_path=a\\,b.csv,'c d'.csv"):
        assert grid.parse("02_decomposition", f"  {text} seed=1,2 ")["prices_path"] == ["a,b.csv", "c d.csv"], text
    assert grid.parse("02_decomposition", "'prices_path=a, b.csv'")["prices_path"] == ["a, b.csv"]
    for text, word in {"seed=1, 2": "seed=1,", "seed=1,,2": "seed=1,,2", "quick=true seed=,1": "seed=,1", "seed=": "seed="}.items():
        with pytest.raises(ValueError, match=f"^{word} has an empty value: write values between commas without blanks"):
            grid.parse("02_decomposition", text)
    for text, word in {'seed="1': 'seed="1', "quick=true seed=1,'2 n_paths=3": "seed=1,'2"}.items():
        with pytest.raises(ValueError, match=f"^{word} has a quotation mark that is not closed"):
            grid.parse("02_decomposition", text)


@pytest.mark.parametrize("name", ["03_amm", "03_amm.ipynb", "chapters/03_amm", "chapters/03_amm.ipynb"])
def test_a_chapter_of_a_sweep_is_named_as_that_of_a_rerun_and_what_stops_it_is_one_line(name, at_root, capsys, monkeypatch):
    def lost(function, points, store, scheduler):
        assert points["chapter"] == ["03_amm"] and store.parent == Path("_build/sweeps")
        raise ConnectionError("the scheduler was lost")

    monkeypatch.setattr(grid.sweep, "run", lost)
    assert grid.main([name, "seed=1"]) == 2
    assert capsys.readouterr().err == f"CHAPTER = {name}, GRID = seed=1: the scheduler was lost\n"


def test_make_sweep_takes_a_grid_that_looks_like_an_option_for_a_grid(at_root, capsys):
    (command,) = (line for line in Path("Makefile").read_text().splitlines() if "mnvh.book.grid" in line)
    words = {"$$CHAPTER": "03_amm", "$$GRID": "--help", "--scheduler=$$SCHEDULER": "--scheduler="}
    assert grid.main([words.get(word, word) for word in shlex.split(command.partition("mnvh.book.grid ")[2])]) == 2
    assert "'--help' is no parameter" in capsys.readouterr().err


def chapter(folder: Path, source: str) -> None:
    """Write the chapter 02_x of one cell to a folder."""
    parameters = nbformat.v4.new_code_cell("seed = 0", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source, id="the-cell")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / "chapters").mkdir(parents=True)
    nbformat.write(notebook, folder / "chapters/02_x.ipynb")


def test_a_point_says_of_each_claim_how_it_stands(tmp_path, monkeypatch):
    source = """
from mnvh.book import claims
names = [n for n, c in claims.load()["claims"].items() if c["verdict"] == "fails as printed" and c.get("repaired")]
for name, residual in zip(names, (0.0, 1.0, 1e-9)):
    claims.settle(name, claims.counterexample(0, 1, scale=1, what="it"), claims.exact(residual, scale=1, of="repaired"))"""
    chapter(tmp_path, source)
    monkeypatch.chdir(tmp_path)
    assert list(grid.outcome(None, chapter="02_x", seed=3).values()) == ["held", "contradicted", "inconclusive"]


def test_a_failed_cell_is_told_alike_in_two_checkouts(tmp_path, monkeypatch):
    for name in ("one", "two"):
        chapter(tmp_path / name, "import os\nraise ValueError(f'seed is {seed}, in {os.getcwd()}/data: too small')")
        monkeypatch.chdir(tmp_path / name)
        with pytest.raises(RuntimeError) as caught:
            grid.outcome(None, chapter="02_x", seed=3)
        assert str(caught.value) == "cell 2, the-cell, failed: ValueError: seed is 3, in data: too small"


def test_a_point_has_the_numbers_and_the_figure_data_of_its_run(tmp_path, monkeypatch):
    source = """
import pandas as pd
from mnvh.book import figures
figures.publish("a-line", figures.new()[0], pd.DataFrame({"x": [1.0, seed]}))
figures.glue(twice=2 * seed)"""
    chapter(tmp_path, source)
    monkeypatch.chdir(tmp_path)
    assert grid.outcome(None, chapter="02_x", seed=3) == {"figure a-line": "x\n1\n3\n", "twice": 6}


def test_a_point_of_other_code_than_the_sweep_began_with_fails(tmp_path, monkeypatch):
    chapter(tmp_path, "open('chapters/02_x.ipynb', 'a').write(' ' * seed)")  # an edit while it runs
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("1")
    began = grid.code("02_x", [0, 1, "own.csv", "none.csv"])
    assert grid.outcome(None, chapter="02_x", seed=0, code=began) == {}
    own = {"chapter": "02_x", "seed": 0, "prices_path": "own.csv"}
    assert grid.outcome(None, **own, code=began) == {}
    refused = pytest.raises(RuntimeError, match="the worker has another 02_x or package, or none, than the sweep began with: sweep again, .* in the same checkout")
    (tmp_path / "none.csv").write_text("1")
    began = grid.code("02_x", ["own.csv", "none.csv"])
    for name in ("own.csv", "none.csv"):
        (tmp_path / name).write_text("2")
        with pytest.raises(RuntimeError, match="^a file that the point names is another than when the sweep began: sweep again.$"):
            grid.outcome(None, **own | {"prices_path": name}, code=began)
    (tmp_path / "none.csv").write_text("1")
    (tmp_path / "own.csv").write_text("1")
    with monkeypatch.context() as elsewhere:
        (tmp_path / "package").mkdir()
        elsewhere.setattr(grid, "PACKAGE", tmp_path / "package")  # which a worker imports from another checkout
        with refused:
            grid.outcome(None, **own, code=began)
    with refused:
        grid.outcome(None, chapter="02_x", seed=1, code=began)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # no checkout
    with refused:
        grid.outcome(None, chapter="02_x", seed=0, code=began)


def test_a_sweep_that_is_interrupted_says_so_in_one_line(at_root, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(grid.sweep, "run", interrupted)
    assert grid.main(["03_amm", "seed=1"]) == 130
    assert capsys.readouterr().err == "03_amm: interrupted; finished points are kept, and the same call goes on.\n"


def test_a_build_that_waits_for_another_can_be_interrupted(tmp_path, monkeypatch, capsys):
    def held(handle, how):
        raise BlockingIOError if how & fcntl.LOCK_NB else KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fcntl, "flock", held)
    with pytest.raises(SystemExit, match="^130$"):
        lock.main(["true"])
    assert capsys.readouterr().err == "  interrupted; the other build goes on\n"


def test_a_line_of_a_build_is_one_piece_also_if_python_is_unbuffered():
    code = "from mnvh.book import run; run._say('  02_x: executing')"
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # in which each write is a message
    with here, there:
        subprocess.run([sys.executable, "-u", "-c", code], stdout=there, check=True, cwd=ROOT)
        assert here.recv(100) == b"  02_x: executing\n"


def test_a_sweep_of_another_grid_or_of_changed_sources_has_a_table_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("chapters/02_x.ipynb", "requirements.lock", "mnvh/paths.py", "mnvh/book/figures.py", "mnvh/data/a.csv", "mnvh/book/claims.yml", "own.csv", "home.csv"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text("1")
    stores = []
    monkeypatch.setattr(grid, "PACKAGE", tmp_path / "mnvh")
    monkeypatch.setattr(grid.sweep, "run", lambda function, points, store, scheduler: stores.append(store) or pd.DataFrame({"error": []}))
    monkeypatch.setattr(grid, "parse", lambda chapter, text: {"seed": text.split(), "prices_path": ["own.csv", "~/home.csv"]})

    def store(text="1"):
        assert grid.main(["02_x", text]) == 0
        return stores[-1]

    first = store()
    assert first.name.startswith("02_x-") and store() == first != store("1 2")
    for path in [path for path in Path().rglob("*") if path.is_file()]:
        path.write_text("2")
        assert store() != first, path
        path.write_text("1")
    Path("own.csv").write_text("11")
    (tmp_path / "home.csv").write_text("")
    joined = store()
    Path("own.csv").write_text("")
    (tmp_path / "home.csv").write_text("11")
    assert len({first, joined, store()}) == 3


@pytest.mark.build
def test_a_chapter_over_two_seeds_gives_its_numbers_and_its_claims(at_root, monkeypatch, tmp_path):
    monkeypatch.setattr(grid, "BUILD", tmp_path)
    assert grid.main(["01_introduction", "seed=1,2 quick=true"]) == 0
    table = pd.read_parquet(*(tmp_path / "sweeps").glob("01_introduction-*/table.parquet"))
    assert sorted(table.seed) == [1, 2] and (table.error == "").all()
    states = table[[name for name in table if name.startswith("claim ")]].to_numpy().ravel()
    assert len(states) and set(states) <= {"held", "inconclusive", "contradicted"}
    assert table.select_dtypes("number").nunique().max() == 2  # numbers that differ between the seeds


def test_the_first_use_of_a_term_leads_to_the_glossary():
    waiting = ["implied volatility", "harvest", "gamma"]
    text = "# The harvest\n\nGamma Capture, `harvest`, $harvest$, “harvest”, **harvest**, [harvest](x), {term}`harvest`.\n\n```\nharvest\n```\n"
    assert reference.with_terms(text, waiting) == text and len(waiting) == 3
    linked = reference.with_terms("The *Harvest* of implied volatilities, harvest again; non-gamma, implied volatility.", waiting)
    assert linked == "The *{term}`Harvest <harvest>`* of implied volatilities, harvest again; non-gamma, {term}`implied volatility <implied volatility>`."
    assert waiting == ["gamma"]


def test_the_glossary_explains_each_of_its_terms(at_root):
    terms = reference.terms()
    assert len(terms) > 20 and len(set(terms)) == len(terms) and terms[0] == max(terms, key=len)
    text = Path("chapters/appendix_glossary.md").read_text(encoding="utf-8")
    for term in terms:
        assert re.search(rf"^{term}\n  \S", text, re.MULTILINE), term
