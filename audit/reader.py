"""The built book in a browser: a server as any other, a browser, and what axe-core finds on a page.

The tests of the pages and the measurements of them share these.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = (
    os.environ.get("CHROMIUM", ""),
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
INSTALL = "sudo apt-get update && sudo apt-get install -y chromium-headless-shell"
TEXT = (".html", ".css", ".js", ".svg", ".json")
FLAGS = ["--no-sandbox", "--disable-gpu"]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, text compressed by gzip, as most servers do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Cache-Control", "max-age=3600")
        if path.suffix in TEXT and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 6, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a page that was closed does not wait for its pictures
            self.wfile.write(body)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a folder, served on this machine while the block runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def chromium() -> str:
    """Path of a Chromium or Chrome; raises FileNotFoundError with the command that installs one."""
    found = next((path for name in BROWSERS if name and (path := shutil.which(name))), None)
    if found is None:
        raise FileNotFoundError(f"no Chromium or Chrome found for the page tests. Install one with\n    {INSTALL}\nor set NO_BROWSER=1.")
    return found


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Headless Chromium, driven by playwright; raises FileNotFoundError where there is none."""
    from playwright.sync_api import sync_playwright  # here, so that only who needs a browser waits for it

    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


PATIENCE = 30  # seconds in which a page is drawn, and has its pictures
READ = """async seconds => {
    const within = work => Promise.race([work.then(() => true), new Promise(late => setTimeout(late, 1000 * seconds, false))]);
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
        scrollTo(0, y);
        if (!await within(new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn, 5))))) return false;
    }
    const waiting = [...document.images].filter(i => i.checkVisibility() && !i.complete);
    if (!await within(Promise.all(waiting.map(i => i.decode().catch(() => 0))))) return false;
    scrollTo(0, 0);
    return true;
}"""


def read_to_the_end(page: Page, prepare: str = "") -> int:
    """Scroll down a page, once the script `prepare` has run on it, so that all its pictures are loaded and all of it laid out.

    On a busy machine Chromium now and then stops drawing a page, for ever: it is then loaded again. Returns how often.
    Raises TimeoutError if that does not help.
    """
    for again in range(3):
        page.evaluate(prepare)
        if page.evaluate(READ, PATIENCE):
            return again
        page.reload()
    raise TimeoutError(f"{page.url}: Chromium does not draw this page or does not get its pictures, three times in a row.")


def violations(page: Page, prepare: str = "") -> list[dict]:
    """What axe-core finds on a page, once the script `prepare` has run on it, each with its `id`, `impact` and `nodes`."""
    read_to_the_end(page, prepare)
    page.add_style_tag(content="* { content-visibility: visible !important }")  # axe-core sees what is laid out
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    return page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
