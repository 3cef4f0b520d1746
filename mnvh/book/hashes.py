"""Content keys for make: one small file per source, rewritten only when the source's content changes.

Make compares times; a checkout or a touch changes times but not contents. The rules of the Makefile therefore
depend on `_build/hash/<path>.sha`. Run by every `make book` before make looks at any target.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

KEYS = Path("_build/hash")
SOURCES = (
    "requirements.lock",
    "pyproject.toml",
    "_config.yml",
    "_toc.yml",
    "references.bib",
    "*.md",
    "chapters/*",
    "assets/**/*",
    "mnvh/data/*",
    "measured/*.md",
    "mnvh/**/*.py",
    "mnvh/**/*.yml",
    "mnvh/**/*.json",
    "tests/test_*.py",
)


def refresh() -> None:
    """Write the key of every source that is new or changed, and remove those of sources that are gone."""
    current = set()
    sources = sorted({path for pattern in SOURCES for path in Path().glob(pattern) if path.is_file()})
    # a file that make cannot name takes no part; the list is a key of its own, so that a file that goes is noticed
    sources = [path for path in sources if " " not in str(path)]
    listing = KEYS / "list.sha"
    current.add(listing)
    _write(listing, "\n".join(map(str, sources)))
    for path in sources:
        key = KEYS / f"{path}.sha"
        current.add(key)
        _write(key, hashlib.sha256(path.read_bytes()).hexdigest())
    for stale in set(KEYS.rglob("*.sha")) - current:
        stale.unlink()


def _write(key: Path, content: str) -> None:
    """Write a key unless it says the same already."""
    if not key.exists() or key.read_text() != content:
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_text(content)
