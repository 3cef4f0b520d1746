"""Put the built book into the folder of a site: the newest at its root, each released version at `vVERSION`, for good.

`python -m mnvh.book.site FOLDER [--released v1.2.0]`, which `make site` calls. A figure that was cited by its name and the
book's version is found at `vVERSION/figures/NAME.svg` whatever later versions do.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

from packaging.version import Version

from mnvh.book.project import BOOK, BUILD

NUMBER = r"v\d+\.\d+\.\d+"
LIST = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Versions</title><body style="font-family: sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em"><main>
<h1>Versions of <i>{book}</i></h1> <p>{text}</p> <ul>{entries}</ul></main></body></html>
"""


def versions(text: str, places: dict[str, str]) -> str:
    """The page `versions.html`: what is said of the list, and the name of each version with its address."""
    entries = "".join(f'<li><a href="{address}">{name}</a></li>' for name, address in places.items())
    return LIST.format(book=BOOK, text=text, entries=entries)


def publish(book: Path, site: Path, released: str = "") -> None:
    """Replace what stands at the site's root by the book, and keep it as a version of its own where it is released.

    Raises
    ------
    ValueError
        If the folder holds something that is no published book, `released` is not this book's version, or a version of
        this number and with other figures or claims is there already.
    """
    inside, build = site.resolve(), book.resolve().parent
    if inside == build or inside.is_relative_to(build) or build.is_relative_to(inside):
        raise ValueError(f"SITE = {site} holds, or lies in, the folder of the build {build}: name a folder elsewhere.")
    others = [path for path in site.iterdir() if path.name not in (".git", ".github", ".nojekyll")] if site.exists() else []
    entries = [path for path in others if not path.name.startswith(".")]
    if others and not (site / "verdicts.json").exists():
        raise ValueError(f"SITE = {site} holds {others[0].name} and no book: its files would be lost. Name an empty folder.")
    version = f"v{json.loads((book / 'verdicts.json').read_text(encoding='utf-8'))['version']}"
    kept = site / version
    if released and not re.fullmatch(NUMBER, released):
        raise ValueError(f"RELEASED = {released}: allowed is v and three numbers, as v0.1.0.")
    if released and released != version:
        raise ValueError(f"RELEASED = {released}: this book is {version}. Likely fix: the version in pyproject.toml, then make release.")
    if released and kept.exists() and (kept / "hashes.json").read_bytes() != (book / "hashes.json").read_bytes():
        raise ValueError(f"RELEASED = {released} is in {site} with other figures or claims: raise the version in pyproject.toml.")
    later = [path.name for path in entries if re.fullmatch(NUMBER, path.name) and Version(path.name[1:]) > Version(version[1:])]
    if later:
        fault = f"SITE = {site} has {', '.join(sorted(later))}, and this book is {version}: an older one would take its place at the root"
        raise ValueError(f"{fault}. Likely fix: build the newest, or name another folder.")
    for path in entries:
        if path.name != "CNAME" and not (re.fullmatch(NUMBER, path.name) and (path / "verdicts.json").exists()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(book, site, dirs_exist_ok=True)
    (site / ".nojekyll").touch()  # GitHub would leave out folders that begin with _
    if released and kept.exists():
        print(f"{version} was in {site} before and is kept as it was.")
    elif released:
        shutil.rmtree(site / f".{version}", ignore_errors=True)  # of a copy that was interrupted
        shutil.copytree(book, site / f".{version}")
        places = {f"{version[1:]}, this one": "index.html", "all versions": "../versions.html"}
        (site / f".{version}/versions.html").write_text(versions("A released version, kept as it was.", places), encoding="utf-8")
        (site / f".{version}").rename(kept)
    numbers = sorted((path.name[1:] for path in site.glob("v*/") if re.fullmatch(NUMBER, path.name)), key=Version, reverse=True)
    places = {f"{version[1:]}, the newest": "index.html"} | {number: f"v{number}/index.html" for number in numbers}
    text = "The newest stands at the root of the site. Released versions are kept as they were, with their figures and claims."
    (site / "versions.html").write_text(versions(text, places), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m mnvh.book.site", description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--released", default="", metavar="vVERSION")
    given = parser.parse_args()
    try:
        publish(BUILD / "html", given.site, given.released)
        print(f"The book is in {given.site.resolve()}.")
    except (ValueError, OSError) as error:
        sys.exit(f"Nothing was published: {error}")
