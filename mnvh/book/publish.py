"""Check the built HTML and put it in the place of the old, all at once.

`python -m mnvh.book.publish BUILT` checks that every page of the table of contents is there, that every
internal link leads somewhere, that nothing is loaded from another server and that every picture has alt text.
Then `_build/html`, a symbolic link, is swung over: a reader sees the old book or the new one.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from bs4 import BeautifulSoup, Tag

from mnvh.book import hashes
from mnvh.book.project import BUILD, EXPLORER, contents

SITE = BUILD / "html"
ADDRESSES = ("href", "src", "action", "formaction", "data", "poster", "xlink:href", "background")


def problems(root: Path) -> list[str]:
    """What is wrong with a built site, one sentence each."""
    found = [f"page missing: {page}.html" for page in contents() if not (root / f"{page}.html").exists()]
    built = (path for path in sorted(root.rglob("*.html")) if "_static" not in path.parts)  # there: the theme's templates
    formula = re.compile(rb"<mjx-container.*?</mjx-container>", re.S)  # half of a page, without links
    soups = {path: BeautifulSoup(formula.sub(b"", path.read_bytes()), "html.parser") for path in built}
    anchors = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    for path, soup in soups.items():
        page = path.relative_to(root)
        found += [f"{page}: {fault}" for fault in _executed(soup)]
        for tag, address in ((tag, address) for tag in soup.find_all(True) for address in _addresses(tag)):
            if address.startswith(("mailto:", "data:")):
                continue
            target, fragment = urldefrag(address)
            if urlsplit(address).scheme or address.startswith("//"):
                if tag.name not in ("a", "area"):
                    found.append(f"{page}: loads {address} from another server")
                continue
            file = (path.parent / unquote(urlsplit(target).path)).resolve() if target else path.resolve()
            if not file.is_file():
                found.append(f"{page}: link to {address}, which is not in the book")
            elif not file.is_relative_to(root.resolve()):
                found.append(f"{page}: link to {address}, which leaves the book")
            elif fragment and file in anchors and unquote(fragment) not in anchors[file]:
                found.append(f"{page}: link to {address}, and that page has no such place")
        for tag in soup.find_all("img"):
            if not tag.get("alt"):
                found.append(f"{page}: picture {tag.get('src')} without alt text")
        if "main" in {tag.name for tag in soup.find_all()} and not (soup.title and soup.title.get_text(strip=True)):
            found.append(f"{page}: no title")
    return found


def _addresses(tag: Tag) -> list[str]:
    """Where a tag leads and what it loads, its pictures for other screens and those of its styles included."""
    pictures = re.findall(r"(\S*[^\s,])(?:\s[^,]*)?(?:,|$)", f"{tag.get('srcset', '')} , {tag.get('imagesrcset', '')}")
    styles = [tag.get("style", ""), *(each for each in tag.attrs.values() if "url(" in str(each).lower()), tag.name == "style" and tag.get_text()]
    css = re.sub(r"/\*.*?\*/", " ", " ".join(map(str, styles)), flags=re.S)
    loaded = re.findall(r"(?i)(?:url\(|@import\s+(?!url))\s*[\"']?([^\"')\s;]+)|((?:https?:)?//[^\"')\s;]+)", css)
    return [each for each in dict.fromkeys([*(str(tag.get(name, "")) for name in ADDRESSES), *pictures, *map("".join, loaded)]) if each]


def _executed(soup: BeautifulSoup) -> list[str]:
    """What a browser would execute on a page, and neither the theme nor the book's own figures that move have put there."""
    found = []
    for tag in soup.find_all(True):
        if tag.name in ("animate", "base", "embed", "frame", "object", "set") or str(tag.get("http-equiv")).lower() == "refresh":
            found.append(f"<{tag.name}> can lead a browser elsewhere: take it out of the cell or the page that brings it")
        for name in tag.attrs:
            scheme = urlsplit(re.sub(r"[\x00-\x20]", "", str(tag[name]))).scheme if name in ADDRESSES else ""
            picture = scheme == "data" and tag.name in ("img", "source")
            if name.startswith("on") or name in ("ping", "srcdoc") or scheme not in ("", "http", "https", "mailto") and not picture:
                found.append(f"<{tag.name} {name}={tag[name]!r}> can execute code: write text there, or an address of the book or of the web")
    for script in soup.select("article script:not([type='application/json'])"):
        if (script.string or "").strip() != EXPLORER.read_text(encoding="utf-8").strip():
            found.append(f"a script in the text, {(script.string or script.get('src', '')).strip()[:60]!r}: take it out of the cell or the page that brings it")
    return found


def record(built: Path) -> None:
    """Write `build.json`: machine, versions and times, which are all that differs from one build to the next."""
    times = {path.stem: float(path.read_text()) for path in sorted((BUILD / "times").glob("*.txt"))}
    machine = {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    versions = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    content = {"machine": machine, "seconds": times, "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "packages": versions}
    (built / "build.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def swap(built: Path) -> None:
    """Let `_build/html` point to a copy of `built`, and remove the one it pointed to before."""
    fresh = SITE.with_name(f"site-{time.time_ns()}")
    (built / ".buildinfo").unlink(missing_ok=True)  # differs with the folder
    os.replace(built, fresh)
    if SITE.is_dir() and not SITE.is_symlink():
        shutil.rmtree(SITE)
    link = SITE.with_name("html.next")
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    os.replace(link, SITE)
    (BUILD / "site.txt").write_text(hashes.listing(SITE), encoding="utf-8")
    for old in SITE.parent.glob("site-*"):
        if old != fresh:
            shutil.rmtree(old)


if __name__ == "__main__":
    built = Path(sys.argv[1])
    record(built)
    wrong = problems(built.resolve())
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(f"\nThe new book was not published, the old one stands: {len(wrong)} problem(s) above.")
    swap(built)
