"""Compare this machine's build with a published one: `make verify SITE=…`, an address or a folder.

The site has `hashes.json`: for every figure and every claim a hash of each of its files. Numbers in figures' data
are rounded to ten digits, so that a last bit that differs between machines does not show.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from mnvh.book.project import BUILD


def differences(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """Files that one of two builds has and the other has not, or that differ, one sentence each."""
    words = {(True, False): "is in this build only", (False, True): "is in the published one only", (True, True): "differs"}
    return [f"{name} {words[name in here, name in there]}" for name in sorted(here.keys() | there.keys()) if here.get(name) != there.get(name)]


def read(site: str) -> dict[str, str]:
    """Hashes of a site, by its address or its folder."""
    if "://" in site:
        with urllib.request.urlopen(f"{site.rstrip('/')}/hashes.json", timeout=30) as answer:
            text = answer.read().decode()
    else:
        text = (Path(site) / "hashes.json").read_text(encoding="utf-8")
    found = json.loads(text)
    if not isinstance(found, dict) or not found:
        raise ValueError("it holds no hashes by name")
    return found


def main(arguments: list[str]) -> int:
    if not arguments or not arguments[0]:
        print("make verify SITE=…: give the address, or the folder, of a published book.", file=sys.stderr)
        return 2
    try:
        here, there = read(str(BUILD / "html")), read(arguments[0])
    except (OSError, ValueError) as error:
        print(f"SITE = {arguments[0]}: its hashes.json cannot be read ({error}).", file=sys.stderr)
        return 2
    if here.keys().isdisjoint(there):
        print(f"SITE = {arguments[0]}: its hashes.json has {len(there)} names and none of this book's.", file=sys.stderr)
        return 2
    found = differences(here, there)
    print("\n".join([*found, f"{len(here)} files here, {len(there)} published, {len(found)} differences"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
