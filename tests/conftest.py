"""What the tests share: the project's folder, the built book, and a browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure, and the same sources pass or fail alike every time; HYPOTHESIS=random looks further.
settings.register_profile("book", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, derandomize=False, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS", "book"))


ROOT = Path(__file__).resolve().parents[1]
BROWSERS = (
    os.environ.get("CHROMIUM", ""),
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
INSTALL = "sudo apt-get update && sudo apt-get install -y chromium-headless-shell"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("NO_BROWSER"):
        left_out = [item for item in items if item.get_closest_marker("browser")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def book() -> Path:
    """Folder of the built book."""
    built = ROOT / "_build/html"
    if not (built / "index.html").exists():
        pytest.fail("the book is not built: run `make test`, which builds it first")
    return built


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, driven by playwright."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in BROWSERS if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"no Chromium or Chrome found for the page tests. Install one with\n    {INSTALL}\nor set NO_BROWSER=1.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()
