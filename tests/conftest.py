"""What the tests share: the project's folder, the built book, and a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from audit import reader

# A slow machine is no failure, and the same sources pass or fail alike every time; HYPOTHESIS=random looks further.
settings.register_profile("book", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, derandomize=False, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS", "book"))


ROOT = Path(__file__).resolve().parents[1]


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
    try:
        reader.chromium()
    except FileNotFoundError as error:
        pytest.fail(str(error))
    with reader.browser() as running:
        yield running
