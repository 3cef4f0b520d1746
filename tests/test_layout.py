"""The helper module stays small pieces: short, used, documented, and importing in one direction only."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import tokenize

import pytest
from conftest import ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "mnvh").rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
SCIENCE = [name for name in FILES if not name.startswith("mnvh.book")]
AWAITED: dict[str, str] = {}  # modules that no chapter uses yet, and the chapter that will; delete an entry when it does


def imports(tree: ast.AST) -> set[str]:
    """Modules of mnvh that the code imports anywhere."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & set(FILES)


def notebooks() -> list:
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.ipynb"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in names.stdout.split() if (ROOT / name).exists()]


def cells(notebook) -> list[dict]:
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]


def code(notebook) -> ast.AST:
    """What the cells of a notebook run, without IPython's own commands."""
    lines = "\n".join("".join(cell["source"]) for cell in cells(notebook)).splitlines()
    return ast.parse("\n".join(line for line in lines if not re.match(r"\s*[%!?]", line)))


def in_use() -> set[str]:
    """Modules that a chapter, another module or a command of the build refers to, and those made to be run by hand."""
    used = set().union(*(imports(tree) - {name} for name, tree in TREES.items()), *map(imports, map(code, notebooks())))
    commands = "".join((ROOT / name).read_text() for name in ("Makefile", "_config.yml"))
    run = {name for name, path in FILES.items() if '__name__ == "__main__"' in path.read_text()}
    return used | run | {name for name in FILES if re.search(rf"{re.escape(name)}\b", commands)}


@pytest.mark.parametrize("name", FILES)
def test_a_module_is_shorter_than_350_lines(name):
    length = len(FILES[name].read_text().splitlines())
    assert length < 350, f"{name} has {length} lines: split it by subject"


def code_lines(text: str) -> int:
    """Lines that hold code: without docstrings, comments and blank lines, which a small module may have many of."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            held |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held -= set(range(node.lineno, node.end_lineno + 1))
    return len(held)


def test_the_mathematics_and_the_publishing_stay_small():
    assert code_lines('"""A.\n\nB."""\n\n# c\nx = [  # d\n    1,\n]\n') == 3
    lines = {name: code_lines(path.read_text()) for name, path in FILES.items()}
    assert sum(n for name, n in lines.items() if name in SCIENCE) < 4620  # of eighteen chapters
    assert sum(n for name, n in lines.items() if name not in SCIENCE) < 1840


def test_the_package_imports_nothing_by_itself():
    """Otherwise every chapter would depend on every module, and run again when any of them changes."""
    assert not [node for node in ast.walk(TREES["mnvh"]) if isinstance(node, (ast.Import, ast.ImportFrom))]


@pytest.mark.parametrize("name", SCIENCE)
def test_science_never_imports_the_publishing(name):
    assert not [other for other in imports(TREES[name]) if other.startswith("mnvh.book")]


def test_no_module_is_used_only_by_tests():
    packages = {name for name, path in FILES.items() if path.name == "__init__.py"}
    idle = set(FILES) - packages - in_use() - set(AWAITED)
    assert not idle, f"no chapter, module or command uses {', '.join(sorted(idle))}: use it, delete it, or await it here"


def test_an_awaited_module_is_still_awaited():
    for name in AWAITED:
        assert name in FILES, f"{name} does not exist: delete it from AWAITED"
        assert name not in in_use(), f"{name} is in use now: delete it from AWAITED"


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_in_git_carries_no_outputs(notebook):
    for cell in cells(notebook):
        assert not cell["outputs"] and cell["execution_count"] is None, f"cell {cell['id']}: save it with `make lab`"


def raising(tree: ast.Module) -> set[str]:
    """Functions that can raise an error of ours: by `raise`, by a check, or through a function of the same module."""
    bodies = {node.name: list(ast.walk(node)) for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    while True:
        more = {
            name
            for name, nodes in bodies.items()
            if any(isinstance(node, ast.Raise) for node in nodes)
            or any(isinstance(node, ast.Attribute) and ast.unparse(node.value) == "check" for node in nodes)
            or any(isinstance(node, ast.Name) and node.id in found - {name} for node in nodes)
        }
        if more == found:
            return found
        found = more


@pytest.mark.parametrize("name", SCIENCE)
def test_everything_public_says_what_it_does_and_what_it_raises(name):
    can_raise = raising(TREES[name])
    for node in TREES[name].body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            text = ast.get_docstring(node) or ""
            assert text, f"{name}.{node.name} has no docstring"
            if node.name in can_raise:
                assert re.search(r"\braises?\b|\berrors are those of\b", text, re.I), f"{name}.{node.name} does not say what it raises"


def test_what_a_function_can_raise_is_seen_through_its_helpers():
    source = "def a(): check.number()\ndef b(): a()\ndef c(): b()\ndef d(): raise ValueError\ndef e(): f()\ndef f(): pass"
    assert raising(ast.parse(source)) == {"a", "b", "c", "d"}
