"""Content keys for make: one small file per source, rewritten only when the source's content changes.

Make compares times; a checkout or a touch changes times but not contents. The rules of the Makefile therefore
depend on `_build/hash/<path>.sha`. Run by every `make book` before make looks at any target.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

KEYS = Path("_build/hash")
SOURCES = "requirements.lock pyproject.toml _config.yml _toc.yml references.bib *.md chapters/* assets/**/* measured/*.md".split()
SOURCES += "mnvh/data/* mnvh/**/*.py mnvh/**/*.yml mnvh/**/*.json tests/test_*.py".split()


def refresh() -> None:
    """Write the key of every source that is new or changed, and remove those of sources that are gone."""
    found = sorted({path for pattern in SOURCES for path in Path().glob(pattern) if path.is_file()})
    sources = [path for path in found if " " not in str(path)]  # a file that make cannot name takes no part
    keys = {KEYS / f"{path}.sha": hashlib.sha256(path.read_bytes()).hexdigest() for path in sources}
    keys[KEYS / "list.sha"] = "\n".join(map(str, sources))  # so that a file that goes is noticed
    for key, content in keys.items():
        if not key.exists() or key.read_text() != content:
            key.parent.mkdir(parents=True, exist_ok=True)
            key.write_text(content)
    for stale in set(KEYS.rglob("*.sha")) - keys.keys():
        stale.unlink()
