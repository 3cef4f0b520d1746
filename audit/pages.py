"""Every page of the built book beside the same content in a plain Jupyter Book, in headless Chromium.

`python -m audit.pages` builds the plain book of the staged pages, with Jupyter Book's default configuration and theme, and
writes `measured/pages.md`. One server on this machine serves both, text compressed. What the plain book takes from other
servers is taken from this one, so that it can be measured without a network; its requests there are counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml
from playwright.sync_api import Browser

from audit import measured, reader
from mnvh.book import publish
from mnvh.book.project import BUILD, contents

PLAIN = BUILD / "plain"
TOOLS = BUILD / "audit"
ROUNDS = 3
KEPT = ("title", "author", "copyright", "logo", "only_build_toc_files", "exclude_patterns", "execute", "bibtex_bibfiles", "parse")
FOREIGN = re.compile(r'(?:src|href)="(https?://[^"]*\.(?:js|css)[^"]*)"')
HEADER = ("page", "requests", "kB sent", "ratio", "kB, read to its end", "ratio", "s", "ratio")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LEVELS = ("critical", "serious", "moderate", "minor")
WHEN_READ = """async () => {
    if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
    const page = performance.getEntriesByType("navigation")[0];
    return window.MathJax ? performance.now() : page.loadEventEnd;
}"""


def plain() -> Path:
    """Build the staged pages as Jupyter Book does by default; returns the folder of the site."""
    shutil.rmtree(PLAIN, ignore_errors=True)
    shutil.copytree(BUILD / "stage", PLAIN / "stage")
    ours = yaml.safe_load((PLAIN / "stage/_config.yml").read_text(encoding="utf-8"))
    config = {key: ours[key] for key in KEPT}
    # what the pages themselves need: the files of figures and numbered references
    config["sphinx"] = {"recursive_update": True, "config": {"html_extra_path": ["_extra"], "numfig": True}}
    (PLAIN / "stage/_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", PLAIN / "stage", "--path-output", PLAIN, "-q"]
    with (PLAIN / "sphinx.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)
    return PLAIN / "_build/html"


def bring_home(site: Path) -> dict[str, int]:
    """Let a site take from itself what its pages ask other servers for; returns how many files each page asked for."""
    source = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
    shutil.copytree(source, site / "_static/mathjax")
    asked = {}
    for page in contents():
        path = site / f"{page}.html"
        text = path.read_text(encoding="utf-8")
        found = FOREIGN.findall(text)
        asked[page] = len(found)
        for address in found:
            local = os.path.relpath(site / "_static/mathjax" / Path(address).name, path.parent)
            text = text.replace(address, local)
        path.write_text(text, encoding="utf-8")
    return asked


def visit(browser: Browser, address: str, to_the_end: bool) -> dict[str, float]:
    """Open a page with an empty cache; seconds, requests, kB as sent and unpacked, foreign requests, kB sent until its end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sent, unpacked, asked = [], [], []
    session.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    session.on("Network.dataReceived", lambda event: unpacked.append(event["dataLength"]))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="load", timeout=120_000)
    seconds = page.evaluate(WHEN_READ) / 1000
    page.wait_for_timeout(500)
    requests = sum(not url.startswith(("data:", "blob:")) for url in asked)
    opened = {"requests": requests, "sent": sum(sent) / 1000, "unpacked": sum(unpacked) / 1000}
    again = to_the_end and reader.read_to_the_end(page)
    page.wait_for_timeout(500 * to_the_end)
    context.close()
    if again:  # what was sent with the second load is none of the page's weight
        return visit(browser, address, to_the_end)
    origin = "/".join(address.split("/")[:3])
    foreign = sum(not url.startswith((origin, "data:", "blob:")) for url in asked)
    return opened | {"seconds": seconds, "foreign": foreign, "whole": sum(sent) / 1000}


def weigh(browser: Browser, sites: Sequence[str]) -> dict[str, list[dict[str, float]]]:
    """Each page of each site in turn: bytes and requests of a page read to its end, and the times of further visits."""
    found: dict[str, list[dict[str, float]]] = {}
    for page in contents():
        found[page] = [visit(browser, f"{site}/{page}.html", True) for site in sites]
        times: list[list[float]] = [[] for _ in sites]
        for _ in range(ROUNDS):
            for site, taken in zip(sites, times, strict=True):
                taken.append(visit(browser, f"{site}/{page}.html", False)["seconds"])
        for entry, taken in zip(found[page], times, strict=True):
            entry |= {"seconds": statistics.median(taken), "spread": (max(taken) - min(taken)) / 2}
        print(f"  {page}: {found[page][0]['sent']:.0f} kB", flush=True)
    return found


def lighthouse(address: str) -> dict[str, float]:
    """Lighthouse's scores of a page from 0 to 100, on its simulated telephone."""
    report = TOOLS / "report.json"
    flags = " ".join(["--headless", *reader.FLAGS])
    command = [TOOLS / "node_modules/.bin/lighthouse", address, "--quiet", "--output=json", f"--output-path={report}"]
    command += [f"--chrome-flags={flags}", f"--only-categories={','.join(CATEGORIES)}"]
    environment = os.environ | {"CHROME_PATH": shutil.which(reader.chromium())}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=300)
    found = json.loads(report.read_text(encoding="utf-8"))["categories"]
    return {name: round(100 * found[name]["score"]) for name in CATEGORIES}


def install() -> None:
    """Install Lighthouse as locked; exits with what is missing."""
    if not shutil.which("npm"):
        sys.exit("npm is not on this machine, and Lighthouse is installed by it: install Node.js 18 or later with npm.")
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path("audit") / name, TOOLS / name)
    subprocess.run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], cwd=TOOLS, check=True)


def scores(sites: Sequence[str], pages: Sequence[str]) -> list[list[object]]:
    """A row for each page: the median score of several runs on ours, and one on the plain book, for each category."""
    rows = []
    for page in pages:
        ours = [lighthouse(f"{sites[0]}/{page}.html") for _ in range(ROUNDS)]
        plain = lighthouse(f"{sites[1]}/{page}.html")
        median = {name: statistics.median(each[name] for each in ours) for name in CATEGORIES}
        rows.append([page.removeprefix("chapters/"), *(f"{median[name]:.0f} / {plain[name]}" for name in CATEGORIES)])
        print("  lighthouse", *rows[-1], flush=True)
    return rows


def axe(browser: Browser, site: str) -> Counter:
    """Number of elements at fault on all pages together, by severity."""
    found = Counter(dict.fromkeys(LEVELS, 0))
    for page in contents():
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(f"{site}/{page}.html")
        tab.wait_for_timeout(500)
        for each in reader.violations(tab):
            found[each["impact"]] += len(each["nodes"])
        tab.close()
    return found


def links(site: Path) -> tuple[int, int]:
    """Links of all pages that lead into the book, and how many of them lead nowhere."""
    text = "".join((site / f"{page}.html").read_text(encoding="utf-8") for page in contents())
    inside = [each for each in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text) if not re.match(r"\w+:", each)]
    return len(inside), sum("link to" in each for each in publish.problems(site.resolve()))


def row(name: str, ours: dict[str, float], plain: dict[str, float]) -> list[object]:
    def ratio(key: str) -> float:
        return round(ours[key] / plain[key], 2)

    requests, sent, whole = (f"{ours[key]:.0f}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{plain[key]:.0f}" for key in ("requests", "sent", "whole"))
    seconds = f"{ours['seconds']:.2f}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{plain['seconds']:.2f}"
    return [name, requests, sent, ratio("sent"), whole, ratio("whole"), seconds, ratio("seconds")]


def main() -> None:
    argparse.ArgumentParser(prog="python -m audit.pages", description=__doc__.splitlines()[0]).parse_args()
    try:
        reader.chromium()
    except FileNotFoundError as error:
        sys.exit(str(error).replace("the page tests", "the measurement of the pages").replace("\nor set NO_BROWSER=1", ""))
    install()
    site = BUILD / "html"
    other = plain()
    asked = bring_home(other)
    with reader.served(site) as ours, reader.served(other) as theirs, reader.browser() as browser:
        found = weigh(browser, (ours, theirs))
        severity = {name: axe(browser, address) for name, address in (("this", ours), ("plain", theirs))}
        chapters = sorted((page for page in found if re.search(r"/\d", page)), key=lambda page: -found[page][0]["whole"])
        moving = next(page for page in chapters[1:] if 'class="explore"' in (site / f"{page}.html").read_text(encoding="utf-8"))
        judged = scores((ours, theirs), ("index", chapters[0], moving, "chapters/appendix_ledger", "chapters/appendix_figures"))
    rows = [row(page.removeprefix("chapters/"), *entry) for page, entry in found.items()]
    keys = ("requests", "sent", "unpacked", "whole", "seconds", "spread")
    medians = [{key: statistics.median(entry[k][key] for entry in found.values()) for key in keys} for k in (0, 1)]
    rows.append(row("**median**", *medians))
    worst = max(found, key=lambda page: found[page][0]["sent"] / found[page][1]["sent"])
    rows.append(row(f"**largest ratio when opened: {worst.removeprefix('chapters/')}**", *found[worst]))
    total, broken = links(site)
    measured.write(
        "pages",
        f"Each cell is this book / a plain Jupyter Book of the same pages. A page is opened by a browser that has nothing of the book "
        f"yet, and then read to its end, which loads the rest of its pictures; text is compressed by gzip, as most servers do. Time is "
        f"from the request until the page has loaded and its formulas are set, the median of {ROUNDS} visits taken in turn; "
        f"half their range is {medians[0]['spread']:.2f} s here and {medians[1]['spread']:.2f} s there in the median page. Unpacked, the "
        f"median page has {medians[0]['unpacked']:.0f} kB here and {medians[1]['unpacked']:.0f} kB there. The pages of this book ask other "
        f"servers for {sum(entry[0]['foreign'] for entry in found.values())} files, those of the plain book name {sum(asked.values())}, "
        f"which were taken from the same server here.",
        measured.table(HEADER, rows),
        f"Lighthouse on its simulated telephone, this book (median of {ROUNDS}) / the plain book (one run), out of 100.",
        measured.table(["page", "performance", "accessibility", "best practices", "search engines"], judged),
        "Elements at fault on all pages, found by axe-core.",
        measured.table(["book", *LEVELS], [[name, *map(each.get, LEVELS)] for name, each in severity.items()]),
        f"{total:,} links lead from one place of the book to another; {broken} of them lead nowhere.",
        packages=("jupyter-book", "playwright"),
    )


if __name__ == "__main__":
    main()
