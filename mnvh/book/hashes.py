"""Content keys for make: one small file per source, rewritten only when the source's content changes.

Make compares times; a checkout or a touch changes times but not contents. The rules of the Makefile therefore
depend on `_build/hash/<path>.sha`. Run by every `make book` before make looks at any target. What is damaged of an
earlier build goes here too, so that make makes it again: rules of chapters, and the book if one of its files is lost.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

BUILD = Path("_build")
KEYS = BUILD / "hash"
SOURCES = "requirements.lock pyproject.toml _config.yml _toc.yml references.bib *.md chapters/* assets/**/* measured/*.md".split()
SOURCES += "mnvh/data/* mnvh/**/*.py mnvh/**/*.yml mnvh/**/*.json tests/test_*.py".split()


def sealed(text: str) -> str:
    """A rule with its own checksum in the last line."""
    return f"{text}# {hashlib.sha256(text.encode()).hexdigest()}\n"


def listing(site: Path) -> str:
    """Files of a built site with their sizes."""
    return "".join(f"{path.stat().st_size} {path.relative_to(site)}\n" for path in sorted(site.rglob("*")) if path.is_file())


def refresh() -> None:
    """Write the key of every source that is new or changed, and remove those of sources that are gone."""
    for rule in BUILD.glob("deps/*.d"):
        if (text := rule.read_text(encoding="utf-8", errors="replace")) != sealed(text.rpartition("# ")[0]):
            rule.unlink()
    if (known := BUILD / "site.txt").exists() and known.read_text(encoding="utf-8") != listing(BUILD / "html"):
        (BUILD / "book.stamp").unlink(missing_ok=True)
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
