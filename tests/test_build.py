"""The build as its users meet it: runs of make on a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import small_book
from bs4 import BeautifulSoup
from conftest import ROOT

from audit import builds
from mnvh.book import hashes, run

pytestmark = pytest.mark.build


class Copy:
    """A copy of the project that shares its environment, with a small book in its place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, *arguments: str, limit: str = "") -> subprocess.CompletedProcess:
        command = f"{limit} exec make {' '.join(arguments)} VENV={Path(sys.prefix)}"
        return subprocess.run(command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=500)

    def start(self) -> subprocess.Popen:
        """Start `make book` in a process group of its own."""
        command = ["make", "book", f"VENV={Path(sys.prefix)}"]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
        )

    @property
    def environment(self) -> dict[str, str]:
        return small_book.environment(self.folder)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {path}"
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def page(self, name: str) -> str:
        return (self.folder / f"_build/html/{name}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The small book, built from nothing."""
    folder = tmp_path_factory.mktemp("small") / "project"
    small_book.write(folder)
    result = Copy(folder).make("book")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(executed(result)) == ["01_harvest", "02_check"], result.stdout
    return folder


@pytest.fixture
def copy(tmp_path, small):
    shutil.copytree(small, tmp_path / "project", symlinks=True)
    return Copy(tmp_path / "project")


def executed(result: subprocess.CompletedProcess) -> list[str]:
    return re.findall(r"^  (\w+): executing$", result.stdout, re.M)


def test_nothing_changed_executes_nothing(copy):
    for path in copy.folder.rglob("*.ipynb"):  # a fresh checkout has new times and old contents
        if "_build" not in path.parts:
            path.touch()
    (copy.folder / "mnvh/functional.py").touch()
    start = time.monotonic()
    result = copy.make("book")
    assert result.returncode == 0, result.stderr
    assert executed(result) == [] and "pages: building" not in result.stdout
    assert "_build/html/index.html" in result.stdout and "02_check: " in result.stdout
    assert time.monotonic() - start < 60  # a hang, not a benchmark


def test_a_changed_constant_reaches_the_page_and_executes_only_its_users(copy):
    assert harvest(copy) == 10
    copy.edit("mnvh/functional.py", "return float(np.vdot(intensity", "return 2 * float(np.vdot(intensity")
    result = copy.make("book")
    assert result.returncode == 0, result.stdout + result.stderr
    assert executed(result) == ["01_harvest"] and harvest(copy) == 20


def harvest(copy):
    """The number in the table of chapter 1."""
    page = BeautifulSoup(copy.page("chapters/01_harvest"), "html.parser")
    row = next(row for row in page.find_all("tr") if "one asset" in row.get_text())
    return float(row.find("td").get_text())


def test_a_failing_cell_is_named_and_the_old_book_stays(copy):
    old = copy.page("index")
    notebook = copy.folder / "chapters/02_check.ipynb"
    content = nbformat.read(notebook, as_version=4)
    number = next(i for i, cell in enumerate(content.cells) if cell["id"] == "setup")
    content.cells[number].source += "\n1 / 0"
    nbformat.write(content, notebook)
    for _ in range(2):
        result = copy.make("book")
        assert result.returncode == 2
        assert f"chapters/02_check.ipynb: cell {number + 1}, setup, failed" in result.stderr
        assert "ZeroDivisionError" in result.stderr and "1 / 0" in result.stderr
        assert copy.page("index") == old


def test_a_new_chapter_is_built_alone_and_shows_its_claim_and_figure(copy):
    assert copy.make("new-chapter", "NAME=03_my_subject").returncode == 0
    result = copy.make("book")
    assert result.returncode == 0, result.stdout + result.stderr
    assert executed(result) == ["03_my_subject"]
    page = copy.page("chapters/03_my_subject")
    assert "Claim B03a: holds" in page and "figures/my-subject-series.csv" in page
    assert "Statements of the book" in copy.page("chapters/appendix_ledger")


def test_a_broken_reference_stops_the_first_and_the_second_call(copy):
    old = copy.page("index")
    copy.edit("index.md", "Start with", "{numref}`no-such-figure` Start with")
    for _ in range(2):
        result = copy.make("book")
        assert result.returncode == 2 and "no-such-figure" in result.stdout + result.stderr
        assert copy.page("index") == old
    copy.edit("index.md", "{numref}`no-such-figure` ", "")
    result = copy.make("book")
    assert result.returncode == 0 and executed(result) == []


def test_a_verdict_against_its_evidence_stops_the_build_without_executing(copy):
    old = copy.page("index")
    copy.edit("mnvh/book/claims.yml", "verdict: fails as printed", "verdict: holds")
    for _ in range(2):
        result = copy.make("book")
        assert result.returncode == 2 and f"claim {small_book.SETTLED} is entered as 'holds', but evidence says otherwise" in result.stderr
        assert copy.page("index") == old
        assert executed(result) == []


SLOW = """\
import pathlib, time
pathlib.Path("started").touch()
while pathlib.Path("slow").exists():
    time.sleep(0.1)
"""


def slow_chapter(copy):
    """Give chapter 1 a cell that waits while a file `slow` is there."""
    path = copy.folder / "chapters/01_harvest.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(SLOW, id="slow"))
    nbformat.write(notebook, path)
    (copy.folder / "slow").touch()


def started(copy):
    for _ in range(600):
        if (copy.folder / "started").exists():
            return
        time.sleep(0.1)
    pytest.fail("the chapter did not start")


@pytest.mark.parametrize("victim", ["make", "kernel", "interrupt"])
def test_after_a_kill_the_next_call_goes_on(copy, victim):
    slow_chapter(copy)
    old = copy.page("index")
    with copy.start() as building:
        started(copy)
        kernels = [p for p in psutil.Process(building.pid).children(recursive=True) if "ipykernel_launcher" in " ".join(p.cmdline())]
        if victim == "kernel":
            kernels[0].kill()
        else:
            os.killpg(building.pid, signal.SIGKILL if victim == "make" else signal.SIGINT)
        assert building.wait(60) != 0
    gone, alive = psutil.wait_procs(kernels, timeout=30)  # an orphaned kernel ends by itself
    assert not alive and copy.page("index") == old
    (copy.folder / "slow").unlink()
    result = copy.make("book")
    assert result.returncode == 0, result.stdout + result.stderr
    assert executed(result) == ["01_harvest"]


def test_two_builds_at_once_wait_for_each_other(copy):
    slow_chapter(copy)
    with copy.start() as first, copy.start() as second:
        started(copy)
        said = {build: build.stdout.readline() for build in (first, second)}
        (copy.folder / "slow").unlink()
        assert first.wait(240) == 0 and second.wait(240) == 0
        both = "".join(said.values()) + first.stdout.read() + second.stdout.read()
    assert both.count("waiting: another build") == 1 and both.count("01_harvest: executing") == 1


def test_two_builds_are_the_same_bytes(copy, tmp_path):
    other = Copy(tmp_path / "a-folder-of-another-name")
    small_book.write(other.folder)
    assert other.make("book", "JOBS=1").returncode == 0
    assert copy.make("book").returncode == 0
    count, differing = builds.same(copy.folder / "_build/html", other.folder / "_build/html")
    assert count > 50 and not differing


@pytest.mark.parametrize("fault", ["lost", "empty", "cut", "a line less", "garbage"])
def test_a_damaged_rule_executes_its_chapter(copy, fault):
    rule = copy.folder / "_build/deps/01_harvest.d"
    text = rule.read_text()
    damaged = {"empty": "", "cut": text[:120], "a line less": text.replace(" _build/hash/mnvh/functional.py.sha", ""), "garbage": "{\x00" + text}
    rule.write_text(damaged.get(fault, "")) if fault != "lost" else rule.unlink()
    assert executed(copy.make("book")) == ["01_harvest"] and rule.read_text() == text


@pytest.mark.parametrize("fault", ["lost", "empty"])
def test_a_damaged_page_of_the_book_is_made_again(copy, fault):
    page = copy.folder / "_build/html/chapters/02_check.html"
    size = page.stat().st_size
    page.unlink() if fault == "lost" else page.write_text("")
    assert executed(copy.make("book")) == [] and page.stat().st_size == size


def test_what_is_removed_is_noticed(copy):
    old = copy.page("index")
    (copy.folder / "chapters/appendix_notes.md").unlink()
    result = copy.make("book")
    assert copy.page("index") == old
    assert result.returncode == 2 and "there is no chapters/appendix_notes.ipynb" in result.stderr
    (copy.folder / "mnvh/functional.py").unlink()
    assert executed(copy.make("book")) == ["01_harvest"]


def test_a_full_disk_loses_nothing(copy):
    old = copy.page("index")
    copy.edit("index.md", "Start with", "Now start with")
    result = copy.make("book", limit="ulimit -f 40;")  # no file may grow beyond 40 blocks
    assert result.returncode != 0
    assert copy.page("index") == old
    result = copy.make("book")
    assert result.returncode == 0 and "Now start with" in copy.page("index")


def test_a_damaged_result_is_named_and_made_again(copy):
    old = copy.page("index")
    made = copy.folder / "_build/executed/01_harvest.ipynb"
    os.truncate(made, 300)
    copy.edit("index.md", "Start with", "Now start with")
    result = copy.make("book")
    assert result.returncode == 2 and "chapters/01_harvest.ipynb: its executed copy is damaged" in result.stderr
    assert copy.page("index") == old
    result = copy.make("book")
    assert result.returncode == 0 and executed(result) == ["01_harvest"] and "Now start with" in copy.page("index")


def test_a_folder_that_cannot_be_written_is_named(copy):
    shutil.rmtree(copy.folder / "_build")
    (copy.folder / "_build").symlink_to("/proc/self")  # where not even an administrator may write
    result = copy.make("book")
    assert result.returncode == 2 and "The build cannot write into" in result.stderr and "Traceback" not in result.stderr


def test_a_rerun_stays_out_of_the_book(copy):
    before = {path: path.stat().st_mtime_ns for path in (copy.folder / "_build/executed").iterdir()}
    result = copy.make("chapter", "NAME=02_check", 'PARAMS="seed=7 quick=true"')
    assert result.returncode == 0, result.stderr
    assert (copy.folder / "_build/reruns/02_check.ipynb").exists()
    assert {path: path.stat().st_mtime_ns for path in (copy.folder / "_build/executed").iterdir()} == before
    assert executed(copy.make("book")) == []


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        ("chapter", ["NAME=02_decomposition", 'PARAMS="sed=7"'], "'sed=7' is no parameter of 02_decomposition"),
        ("chapter", ["NAME=02_decomposition", 'PARAMS="seed"'], "'seed' is no parameter"),
        ("chapter", ["NAME=02_decomposition", 'PARAMS="seed=seven"'], "seed = seven is of another kind"),
        ("chapter", ["NAME=02_decomposition", 'PARAMS="seed=-1"'], "seed = -1 is too small: it must be 0 or more"),
        ("chapter", ["NAME=02_decomposition.ipynb", 'PARAMS="n_paths=0"'], "n_paths = 0 is too small: it must be 1 or more"),
        ("chapter", ["NAME=02_decomposition", 'PARAMS="seed=1 seed=2"'], "seed is given twice: leave one out"),
        ("chapter", ["NAME=02_decomposition", 'PARAMS="quick=1"'], "must be true or false"),
        ("chapter", ["NAME=02_decomposition", "PARAMS=\"prices_path='a b.csv' sed=1\""], "'sed=1' is no parameter"),
        ("chapter", ["'NAME=`touch executed_by_the_shell`'"], "does not exist"),
        ("chapter", ["NAME=02_decomposition", "'PARAMS=$(shell touch executed_by_the_shell) sed=7'"], "'$(shell' is no parameter"),
        ("sweep", ["CHAPTER=02_decomposition", "'GRID=$(shell touch executed_by_the_shell) sed=7'"], "'$(shell' is no parameter"),
        ("chapter", ["NAME=99_nothing"], "does not exist. Chapters: 01_introduction, 02_decomposition"),
        ("parameters", ["NAME=99_nothing"], "does not exist"),
    ],
)
def test_a_rerun_with_bad_parameters_says_so(target, arguments, message):
    result = Copy(ROOT).make(target, *arguments)
    assert result.returncode == 2 and message in result.stderr
    assert not (ROOT / "executed_by_the_shell").exists()


def test_a_failed_rerun_names_the_parameters_it_was_given():
    result = Copy(ROOT).make("chapter", "NAME=03_amm", 'PARAMS="n_paths=2 quick=true"')
    assert result.returncode == 2 and "n_paths is 0: allowed is a whole number of at least 1" in result.stderr
    assert "The run was given n_paths = 2, quick = True." in result.stderr


def test_parameters_are_listed_with_their_meaning():
    result = Copy(ROOT).make("parameters", "NAME=02_decomposition")
    assert re.search(r"^seed +default 20251229 +seed of every random number", result.stdout, re.M)


def test_content_keys_follow_content_not_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "index.md").write_text("a")
    hashes.refresh()
    key = tmp_path / "_build/hash/index.md.sha"
    first = key.stat().st_mtime_ns
    (tmp_path / "index.md").touch()
    hashes.refresh()
    assert key.stat().st_mtime_ns == first
    (tmp_path / "index.md").write_text("b")
    hashes.refresh()
    assert key.stat().st_mtime_ns > first
    (tmp_path / "index.md").unlink()
    hashes.refresh()
    assert not key.exists()


def test_the_rule_names_modules_and_data_of_the_project_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [str(tmp_path / name) for name in ("mnvh/data/x.csv", "mnvh/a.py", "mnvh/book/claims.yml", "chapters/n.ipynb")]
    files += ["/usr/lib/x.py", str(tmp_path / "mnvh/__pycache__/a.nbi")]
    lines = run.rule(Path("t"), files).splitlines()
    assert lines[0] == "t: _build/hash/mnvh/a.py.sha _build/hash/mnvh/data/x.csv.sha"
    assert lines[1:-1] == ["_build/hash/mnvh/a.py.sha:", "_build/hash/mnvh/data/x.csv.sha:"] and lines[-1].startswith("# ")
