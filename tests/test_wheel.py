"""A notebook that was downloaded from the built book runs away from the checkout, with the wheel that the book serves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT


@pytest.mark.build
def test_the_documented_command_installs_what_a_downloaded_notebook_needs(book, tmp_path):
    page = (ROOT / "chapters/appendix_reproduce.md").read_text(encoding="utf-8")
    assert re.search(r"`pip install '(FILE\.whl\[book\])'`", page)
    wheel = next((book / "wheels").glob("*.whl"))
    python, uv = tmp_path / "venv/bin/python", Path(sys.executable).with_name("uv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    # the command of the page, with the versions of the lock, which are on the machine already
    install = [uv, "pip", "install", "-q", "--python", python, "-c", ROOT / "requirements.lock", f"{wheel}[book]"]
    subprocess.run(install, check=True)
    name = "06_spt.ipynb"  # reads a data file of the package
    (tmp_path / name).write_bytes((book / "notebooks" / name).read_bytes())
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MPLCONFIGDIR", "IPYTHONDIR")}
    command = [python, "-m", "papermill", "-p", "quick", "True", "--no-progress-bar", name, "out.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=clean | {"HOME": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    ran = [cell for cell in cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in ran) and any("image/svg+xml" in o.get("data", {}) for c in ran for o in c.outputs)
    where = subprocess.run([python, "-c", "import mnvh; print(mnvh.__file__)"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert where.stdout.startswith(str(tmp_path))
