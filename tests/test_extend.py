"""What the page "Extend" tells a reader to do works: its code, and a new chapter in the real project."""

from __future__ import annotations

import re
import subprocess
import sys
import types

import pytest
import small_book
from conftest import ROOT


def test_the_code_of_the_page_runs_in_its_order(monkeypatch):
    page = (ROOT / "chapters/appendix_extend.md").read_text(encoding="utf-8")
    blocks, module = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL), types.ModuleType("extend")
    assert len(blocks) == 4
    monkeypatch.setitem(sys.modules, "extend", module)  # where dataclasses look for their names
    for block in blocks:
        exec(compile(block, "appendix_extend.md", "exec"), module.__dict__)
    assert module.evidence.printed == "accepted"


@pytest.mark.build
def test_a_new_chapter_passes_every_check(tmp_path):
    small_book.project(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)  # a test asks git for the notebooks
    new = [sys.executable, "-m", "mnvh.book.new_chapter"]
    run = lambda *command: subprocess.run(command, cwd=tmp_path, env=small_book.environment(tmp_path), capture_output=True, text=True)
    for name in ("20_late", "19 space", "19_Upper", "19", "19_x_", "19_a__b"):
        refused = run(*new, name)
        assert refused.returncode == 2 and f"NAME = {name}: allowed is the next number" in refused.stderr
    for name, has in (("19_options", "05_options"), ("19_crowd", "09_discussion"), ("19_fees", "03_amm")):  # title, figure, equation
        refused = run(*new, name)
        assert refused.returncode == 2 and f"NAME = {name}: {has} has this subject, or an equation" in refused.stderr
    kept = tmp_path / "tests/solutions_kept.py"
    kept.write_text("pass")
    refused = run(*new, "19_kept")
    assert refused.returncode == 2 and "NAME = 19_kept: tests/solutions_kept.py exists" in refused.stderr and kept.read_text() == "pass"
    kept.unlink()
    assert run(*new, "19_my_subject").returncode == 0
    assert '\n  19_my_subject: "My subject"\n' in (tmp_path / "mnvh/book/claims.yml").read_text()  # a title may look like a truth value
    assert "- file: chapters/18_regimes\n      - file: chapters/19_my_subject\n" in (tmp_path / "_toc.yml").read_text()
    files = [f"tests/test_{name}.py" for name in ("layout", "project", "documents", "claims", "pages", "reference", "exercises")]
    checked = run(sys.executable, "-m", "pytest", "-q", *files, "-m", "not build and not browser", "-p", "no:cacheprovider")
    assert checked.returncode == 0, checked.stdout
