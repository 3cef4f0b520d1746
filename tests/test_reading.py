"""The built pages as a reader sees them, in headless Chromium."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from audit import pages as audit_pages
from audit import reader
from mnvh.book.project import contents

pytestmark = pytest.mark.browser
PAGES = contents(ROOT / "_toc.yml")


@pytest.fixture(scope="module")
def site(book):
    """Address of the built book, served on this machine."""
    with reader.served(book) as address:
        yield address


@pytest.fixture
def read(browser, site):
    """Open a page; returns it with what the console said and what was requested."""
    contexts = []

    def visit(name, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked, page.missing, page.sent = [], [], [], []
        page.on("console", lambda message: page.said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("response", lambda response: page.missing.append(response.url) if response.status >= 400 else None)
        page.on("response", lambda response: page.sent.append(int(response.headers.get("content-length", 0))))
        page.goto(f"{site}/{name}.html")
        page.wait_for_timeout(300)  # what scripts ask for; Chromium does not always notice that a page with pictures to come is idle
        return page

    yield visit
    for context in contexts:
        context.close()


def half_of_the_plain_page(name):
    """Half of what a plain Jupyter Book sends of the same page, in kB, as `make audit` measured it; a new page has the median."""
    rows = re.findall(r"^\| (\S+) \| [^|]* \| \d+\u00a0/\u00a0(\d+) \|", (ROOT / "measured/pages.md").read_text(encoding="utf-8"), re.M)
    plain = {page: int(sent) for page, sent in rows}
    return plain.get(name.removeprefix("chapters/"), plain["**median**"]) / 2


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_fits_and_asks_no_other_server(read, site, name, width):
    page = read(name, width)
    assert page.said == [] and page.missing == []
    assert [url for url in page.asked if not url.startswith((site, "data:", "blob:"))] == []
    assert page.locator("main mjx-container").count() == page.locator("main .math").count()
    assert [url for url in page.asked if re.search("mathjax.*[.]js|fontawesome", url)] == []  # set when the book is built
    assert sum(page.sent) < 1000 * half_of_the_plain_page(name)
    reader.read_to_the_end(page, "document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.evaluate("() => [...document.querySelectorAll('main img')].map(i => [i.src, i.alt, i.naturalWidth])")
    for source, alt, natural_width in pictures:
        assert alt and natural_width > 0, source


@pytest.mark.parametrize("times", [1, 3])
def test_a_page_that_is_no_longer_drawn_is_loaded_again(read, monkeypatch, times):
    monkeypatch.setattr(reader, "PATIENCE", 0.5)
    page = read("search")
    mute = "window.requestAnimationFrame = () => 0; sessionStorage.muted = 1 + Number(sessionStorage.muted ?? 0)"
    prepare = f"if (Number(sessionStorage.muted ?? 0) < {times}) {{ {mute} }}"
    if times < 3:
        assert reader.read_to_the_end(page, prepare) == times
    else:
        with pytest.raises(TimeoutError, match=r"/search.html: Chromium does not draw this page .* three times"):
            reader.read_to_the_end(page, prepare)
    assert page.evaluate("Number(sessionStorage.muted)") == times


def test_a_page_that_was_loaded_twice_is_weighed_anew(browser, site, monkeypatch):
    once = audit_pages.visit(browser, f"{site}/search.html", True)
    found, read_to_the_end = iter([1, 0]), reader.read_to_the_end

    def reloaded(page):
        if again := next(found):
            page.reload()
        return again + read_to_the_end(page)

    monkeypatch.setattr(reader, "read_to_the_end", reloaded)
    assert audit_pages.visit(browser, f"{site}/search.html", True)["whole"] == once["whole"] and not list(found)


def test_every_link_and_download_of_the_book_is_there(read, site):
    addresses, page = set(), read("index")
    for name in PAGES:
        page.goto(f"{site}/{name}.html", wait_until="domcontentloaded")
        addresses |= set(page.evaluate("() => [...document.querySelectorAll('a[href]')].map(a => a.href.split('#')[0])"))
    inside = sorted(a for a in addresses if a.startswith(site))
    assert any(a.endswith("figures/fill-price.csv") for a in inside)
    assert [a for a in inside if page.request.get(a).status != 200] == []


def test_every_figure_has_its_downloads_and_its_citation(read):
    page = read("chapters/02_decomposition")
    for caption in page.locator("figure.align-default").all():
        line = caption.locator(".legend").inner_text()
        assert [word.strip() for word in line.split("·")] == ["data", "SVG", "PDF", "PNG", "provenance", "cite"]
    cite = page.locator("figure .legend a", has_text="cite").first
    with page.expect_navigation():
        cite.click()
    assert "appendix_figures" in page.url and "@misc{mnvh-fill-price" in page.locator("main").inner_text()


def contrast(page, selector):
    """WCAG contrast ratio of an element's text against the nearest opaque background."""
    return page.evaluate(
        """selector => {
        const rgb = s => (s.match(/[\\d.]+/g) || []).map(Number);
        const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
                           return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
        const element = document.querySelector(selector);
        let box = element, back = [255, 255, 255];
        while (box) { const c = rgb(getComputedStyle(box).backgroundColor); if (c.length === 3 || c[3] === 1) { back = c; break; } box = box.parentElement; }
        const [a, b] = [lum(rgb(getComputedStyle(element).color)), lum(back)].sort((x, y) => y - x);
        return (a + .05) / (b + .05);
        }""",
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_figures_are_legible_in_light_and_dark(read, scheme):
    page = read("chapters/02_decomposition", scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme  # as the reader's system asks
    for selector in ("main p", "main h1", "div.claim li", "div.claim .admonition-title", "figcaption p", "main a.reference"):
        assert contrast(page, selector) >= 4.5, selector
    background = page.evaluate("getComputedStyle(document.querySelector('figure img')).backgroundColor")
    assert scheme == "light" or background == "rgb(255, 255, 255)"  # the figures bring their own white paper


def test_the_ledger_leads_to_the_card(read):
    page = read("chapters/appendix_ledger")
    with page.expect_navigation():
        page.locator("main table a", has_text="2.5b").first.click()
    assert page.url.endswith("02_decomposition.html#claim-2-5b")
    assert "Claim 2.5b: fails as printed" in page.locator("main").inner_text()


def test_a_chapter_offers_its_notebook_executed_and_bare(read):
    page = read("chapters/03_amm")
    links = page.locator("p.notebooks a").evaluate_all("links => links.map(a => a.href)")
    executed, bare = (page.request.get(address).json() for address in links)
    outputs = [[cell for cell in notebook["cells"] if cell.get("outputs")] for notebook in (executed, bare)]
    assert outputs[0] and not outputs[1]
    assert "mybinder" not in page.content()  # no launch buttons without the repository's address


def test_the_first_use_of_a_term_leads_to_its_explanation(read):
    page = read("chapters/03_amm")
    link = page.locator("main a[href*='appendix_glossary.html#term-']").first
    term = link.inner_text().lower()
    with page.expect_navigation():
        link.click()
    explained = page.evaluate("document.querySelector(location.hash).innerText").lower().strip(" #\n")
    assert explained and term.startswith(explained)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("2.5b", "02_decomposition.html#claim-2-5b"),
        ("claim 2.5b", "02_decomposition.html#claim-2-5b"),
        ("fill-price", "02_decomposition.html#fill-price"),
        ("options.implied_vol", "appendix_functions.html#"),
        ("implied_vol", "appendix_functions.html#"),
        ("7.2a", "appendix_ledger.html#claim-7-2a"),
        ("Avellaneda", "04_market_making.html"),
        ("clearing", "16_stress.html"),
        ("variance swap", "appendix_glossary.html#term-variance-swap"),
    ],
)
def test_search_leads_to_the_place(read, words, place):
    page = read("search")
    page.goto(page.url + f"?q={words}")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").evaluate_all("links => links.slice(0, 3).map(a => a.href)")
    assert any(place in address for address in (found[:1] if "#" in place else found)), found


IN_THE_DARK = [("chapters/02_decomposition", 1280, "dark"), ("index", 1280, "dark")]


@pytest.mark.parametrize(("name", "width", "scheme"), [*((name, width, "light") for width in (1280, 375) for name in PAGES), *IN_THE_DARK])
def test_a_page_has_nothing_that_a_screen_reader_cannot_read(read, name, width, scheme):
    page = read(name, width)
    found = reader.violations(page, f"document.documentElement.dataset.theme = '{scheme}'; new Promise(faded => setTimeout(faded, 500))")
    # minor: a heading that is a formula alone counts as empty before speech is made of it
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] != "minor"] == []


def test_search_results_fit_a_telephone(read):
    page = read("search", width=375)
    page.goto(page.url + "?q=2.5b")
    page.wait_for_selector("#search-results li a")
    page.wait_for_timeout(500)  # the excerpts come one by one
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_the_keyboard_stays_on_the_button_that_it_pressed(read):
    page = read("index")
    page.locator(".theme-switch-button").first.focus()
    modes = []
    for _ in range(3):
        page.keyboard.press("Enter")
        modes.append(page.evaluate("document.documentElement.dataset.mode"))
    assert sorted(modes) == ["auto", "dark", "light"]


def test_without_scripts_a_telephone_shows_the_contents(browser, site):
    page = browser.new_page(viewport={"width": 375, "height": 800}, java_script_enabled=False)
    page.goto(f"{site}/chapters/03_amm.html")
    assert not page.locator(".sidebar-toggle").first.is_visible()
    assert page.locator(".bd-sidebar-primary a", has_text="Decomposition").first.is_visible()
    page.close()


def test_search_results_are_legible_in_the_dark(read):
    page = read("search", scheme="dark")
    page.goto(page.url + "?q=V3d")
    page.wait_for_selector("#search-results li span.highlighted")
    assert contrast(page, "#search-results span.highlighted") >= 4.5


def test_paper_is_light_whatever_the_screen_is(read):
    page = read("chapters/03_amm", scheme="dark")
    seen = []
    page.expose_function("note", lambda colour: seen.append(colour))
    page.evaluate("addEventListener('beforeprint', () => note(getComputedStyle(document.querySelector('main p')).color))")
    page.pdf()
    page.wait_for_timeout(200)
    red, green, blue = map(int, re.findall(r"\d+", seen[0])[:3])
    assert max(red, green, blue) < 100  # dark letters
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_on_paper_a_folded_solution_is_read(read):
    page = read("chapters/02_decomposition")
    seen = "[...document.querySelectorAll('details.sd-dropdown .sd-card-text')].map(each => each.checkVisibility())"
    assert page.evaluate(seen) and not any(page.evaluate(seen))
    page.emulate_media(media="print")
    assert all(page.evaluate(seen))
