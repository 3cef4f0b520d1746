"""The project's own files agree with each other."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import ROOT
from jupyter_server.services.contents.filemanager import FileContentsManager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audit.reader import INSTALL
from mnvh.book import lab, run
from pdf import build

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["project"]["dependencies"] + sum(EXTRAS.values(), []))}
LOCK = (ROOT / "requirements.lock").read_text()
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))


def test_the_lock_pins_every_dependency_within_its_range_with_hashes():
    pins = re.findall(r"^([a-z0-9._-]+)==([^ \\]+)(?: ; ([^\\]+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.M)
    assert len(pins) == len(re.findall(r"^[a-z0-9._-]+==", LOCK, re.M))
    versions: dict[str, list[str]] = {}
    for name, version, _, _ in pins:
        versions.setdefault(canonicalize_name(name), []).append(version)
    for name, requirement in WANTED.items():
        assert name in versions, f"{name} is not in requirements.lock: run `make lock`"
        for version in versions[name]:
            assert requirement.specifier.contains(version), f"{name} {version} is outside {requirement.specifier}: run `make lock`"


def test_environment_yml_has_the_same_ranges():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = [entry for entry in conda if isinstance(entry, str)] + next(entry["pip"] for entry in conda if isinstance(entry, dict))
    found = {canonicalize_name(r.name): r.specifier for r in map(Requirement, listed)}
    assert found.pop("python") == Requirement("python" + PROJECT["project"]["requires-python"]).specifier
    found.pop("pip")
    assert found == {name: requirement.specifier for name, requirement in WANTED.items()}


def test_every_dependency_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    for name in WANTED:
        line = next(line for line in text.splitlines() if line.strip().startswith(f'"{name}'))
        assert "#" in line or name in ("pytest",), f"{name} has no reason beside it"


def test_no_source_names_a_registry_or_a_machine():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pattern = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|/root/|/work/|/home/\w+/")
    for name in names.split():
        path = ROOT / name
        if path.is_file() and path.name != "test_project.py":
            assert not pattern.search(path.read_text(encoding="utf-8", errors="ignore")), name


def test_the_workflow_and_ci_call_the_two_commands():
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    steps = workflow["jobs"]["build"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[:2] == ["make book", "make test"] and len(commands) == 3
    assert commands[2].index("make pdf") < commands[2].index("make site SITE=site RELEASED=")
    assert build.INSTALL.split()[-5:] == re.search(r"texlive-xetex.*", commands[2])[0].split()
    assert "make site SITE=site RELEASED=" in commands[2] and "push origin gh-pages" in commands[2]
    script = (ROOT / ".ci/run").read_text()
    assert re.findall(r"^make .*$", script, re.M) == ["make book", "make test"]
    assert "NO_BROWSER" not in script and INSTALL.split()[-1] in script


def test_the_readme_opens_with_the_book_a_figure_and_the_two_commands():
    text = (ROOT / "README.md").read_text()
    figure = re.search(r"!\[([^]]{40,})\]\(([^)]+)\)", text)
    assert (ROOT / figure[2]).exists()
    assert text.index("executable book") < figure.start() < text.index("make book") < text.index("make test")


def test_versions_agree():
    version = PROJECT["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_source_only(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("execution_count"), f"cell {cell['id']} carries outputs: save it with `make lab`"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n", "save it with `make lab`: Jupyter would rewrite it"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_cells_are_short_and_define_nothing_long(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 15, f"{path.name}, cell {cell['id']}: {len(lines)} lines; what is long belongs in mnvh"
            wide = [line for line in lines if len(line) > 88]
            assert not wide, f"{path.name}, cell {cell['id']}: wider than the page's 88 characters: {wide}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_opens_with_a_question_and_its_parameters(path):
    cells = nbformat.read(path, as_version=4).cells
    assert re.match(r"# .+\n\n\*\*.+\?\*\*", cells[0].source), "first cell: a title and one question in bold"
    code = [cell for cell in cells if cell.cell_type == "code"]
    if not code:
        return
    assert ":class: answer" in cells[0].source and "{glue:text}" in cells[0].source, "a boxed answer whose number comes from code"
    assert "*Necessary:*" in cells[0].source and "*Run time:*" in cells[0].source
    assert code[0].metadata["tags"] == ["parameters"]
    defaults = [ast.literal_eval(entry["default"]) for entry in run.parameters(path).values()]
    assert {type(each) for each in defaults} <= {bool, int, float, str}, "PARAMS gives numbers, truth values and texts only"
    for line in code[0].source.splitlines():
        assert re.match(r"\w+ = .+  # \w+", line), f"a parameter without its comment: {line}"


def test_numbers_with_a_standard_error_are_never_typed():
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                assert not re.search(r"\d ?± ?\d", cell.source), f"{path.name}, cell {cell['id']}: a result typed into the prose"


def test_jupyterlab_saves_notebooks_without_outputs(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=3)])
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    manager = FileContentsManager(root_dir=str(tmp_path), pre_save_hook="mnvh.book.lab.strip")
    manager.save({"type": "notebook", "format": "json", "content": notebook}, "n.ipynb")
    saved = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    assert saved.cells[0].outputs == [] and saved.cells[0].execution_count is None
    assert f"pre_save_hook={lab.__name__}.{lab.strip.__name__}" in (ROOT / "Makefile").read_text()


def test_without_a_browser_the_tests_fail_and_say_how_to_install_one(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "ps", "make", "bash"):  # a PATH without any browser
        (tools / name).symlink_to(subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip())
    command = [os.sys.executable, "-m", "pytest", "-x", "-q", "tests/test_reading.py"]
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_BROWSER", "CHROMIUM")} | {"PATH": str(tools)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    if Path("/Applications/Google Chrome.app").exists():
        return
    assert result.returncode == 1 and INSTALL in result.stdout


def test_no_browser_leaves_the_page_tests_out():
    command = [os.sys.executable, "-m", "pytest", "-q", "--collect-only", "tests/test_reading.py"]
    result = subprocess.run(command, cwd=ROOT, env=os.environ | {"NO_BROWSER": "1"}, capture_output=True, text=True, timeout=120)
    assert re.search(r"no tests collected \(\d+ deselected\)", result.stdout)
    assert "the page tests were left out" in (ROOT / "Makefile").read_text()
