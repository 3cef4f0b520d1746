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
    "_config.yml",
    "_toc.yml",
    "references.bib",
    "*.md",
    "chapters/*",
    "assets/*",
    "data/**/*",
    "mnvh/**/*.py",
    "mnvh/**/*.yml",
    "mnvh/**/*.json",
)


def refresh() -> None:
    """Write the key of every source that is new or changed, and remove those of sources that are gone."""
    current = set()
    for path in sorted({path for pattern in SOURCES for path in Path().glob(pattern) if path.is_file()}):
        key = KEYS / f"{path}.sha"
        current.add(key)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if not key.exists() or key.read_text() != digest:
            key.parent.mkdir(parents=True, exist_ok=True)
            key.write_text(digest)
    for stale in set(KEYS.rglob("*.sha")) - current:
        stale.unlink()


if __name__ == "__main__":
    refresh()
