"""The figures that move: their kernels in the browser against `mnvh`, and the figures as a reader meets them."""

from __future__ import annotations

import itertools
import math
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from mnvh import arbitrage, autocovariance, functional, gamma_capture
from mnvh.book import explore, pages

ONE = [[1.0]]
PAGES = {"02_decomposition": "variance-ratio", "03_amm": "pool-fee", "11_gamma_capture": "ladder"}


def pnl(steps, correlation):
    return functional.grid_pnl_from_autocovariance(ONE, autocovariance.autoregressive(correlation, ONE, steps), steps)


def reading(step, spread, vol, *sides):
    """rVol in per cent a year of a long ladder, a short one or, for both sides, the spread-free combination."""
    sigma, step, spread = vol / 100 / math.sqrt(gamma_capture.YEAR), math.log1p(step / 1e4), spread / 1e4
    if step < 3 * sigma * math.sqrt(0.5) or (-1 in sides and step - spread < sigma * math.sqrt(0.5)):
        return None
    waits = [gamma_capture.expected_duration(sigma, step, spread=spread, side=side, interval=0.5) for side in sides]
    return 100 * float(gamma_capture.annualised(step**2, sum(waits) / len(waits)))


def pool(fee, seconds, turnover):
    market = {"volatility": 0.05, "block_rate": 86_400 / seconds}
    return 1e4 * arbitrage.hedged_return(fee, turnover=turnover / 100, fee_scale_bps=20.0, **market)


EXPECTED = {
    "variance-ratio": {
        "harvest": lambda steps, rho: steps * functional.net_rate(ONE, ONE, [[0.0]]),
        "displacement": lambda steps, rho: pnl(steps, rho) - steps / 2,
        "grid_pnl": pnl,
        "ratio": lambda steps, rho: autocovariance.autoregressive_variance_ratio(rho, steps),
    },
    "ladder": {
        "long_vol": lambda *at: reading(*at, 1),
        "short_vol": lambda *at: reading(*at, -1),
        "free_vol": lambda *at: reading(*at, 1, -1),
        "true_vol": lambda step, spread, vol: vol,
    },
    "pool-fee": {
        "income": lambda fee, seconds, turnover: pool(fee, seconds, turnover) - pool(fee, seconds, 0),
        "loss": lambda fee, seconds, turnover: -1e4 * arbitrage.arbitrage_rate(0.05, 86_400 / seconds, fee),
        "pool_pnl": pool,
    },
}
RUN = """async ([bytes, grid]) => {
    const module = await WebAssembly.compile(new Uint8Array(bytes)), env = {__linear_memory: new WebAssembly.Memory({initial: 0})};
    for (const {name} of WebAssembly.Module.imports(module)) if (name !== "__linear_memory") env[name] = Math[name];
    const kernels = (await WebAssembly.instantiate(module, {env})).exports;
    return Object.fromEntries(Object.entries(kernels).map(([name, kernel]) => [name, grid.map(at => kernel(...at))]));
}"""


def grid(figure):
    """Some six places of each slider, the first and the last among them, in every combination."""
    places = [slider["places"] for slider in figure["sliders"]]
    return list(itertools.product(*(sorted({*some[:: max(1, len(some) // 5)], some[-1]}) for some in places)))


@pytest.fixture(scope="module")
def blank(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", EXPECTED)
def test_kernels_in_the_browser_equal_mnvh(blank, name):
    points = grid(explore.figures()[name])
    found = blank.evaluate(RUN, [list(explore.module(name)), points])
    assert found.keys() == EXPECTED[name].keys()
    scales = {"displacement": lambda at: at[0], "grid_pnl": lambda at: at[0], "income": lambda at: 10, "pool_pnl": lambda at: 10}
    for kernel, values in found.items():
        for at, value in zip(points, values, strict=True):
            expected = EXPECTED[name][kernel](*at)
            if expected is None:
                assert math.isnan(value), (kernel, at)
            else:  # those that are a difference are measured against what they are the difference of
                scale = scales.get(kernel, lambda at: 0)(at)
                assert abs(value - expected) <= 1e-12 * max(abs(expected), scale), (kernel, at)


@pytest.mark.browser
@pytest.mark.parametrize("name", EXPECTED)
def test_kernels_differ_from_their_own_python_by_math_alone(blank, name):
    """Arithmetic gives the same doubles; a function of `Math` may miss that of the C library by its last bits."""
    points = grid(explore.figures()[name])
    for kernel, values in blank.evaluate(RUN, [list(explore.module(name)), points]).items():
        if kernel == "pool_pnl":  # income and loss may cancel
            continue
        own = [getattr(explore, kernel)(*at) if EXPECTED[name][kernel](*at) is not None else math.nan for at in points]
        far = [abs(a - b) / math.ulp(b) for a, b in zip(values, own, strict=True) if not math.isnan(a) or not math.isnan(b)]
        assert max(far) <= (0 if name == "variance-ratio" else 4), kernel


def test_modules_are_small_and_the_same_each_time():
    first = {name: explore.module(name) for name in EXPECTED}
    assert all(module.startswith(b"\0asm") and len(module) < 2048 for module in first.values())
    explore.module.cache_clear()
    assert explore.module("pool-fee") == first["pool-fee"]


def test_modules_are_the_same_on_another_processor():
    code = "import sys; from mnvh.book import explore; sys.stdout.buffer.write(explore.module('variance-ratio'))"
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "PYTHONPATH": str(ROOT)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=ROOT) == explore.module("variance-ratio")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_description_fits_its_kernels(name):
    figure = explore.figures()[name]
    places = len(figure["sliders"])
    for line in figure["lines"]:
        assert getattr(explore, line["kernel"]).__code__.co_argcount == places
    named = set(re.findall(r"\[(\w+)\]", figure["reading"]))
    assert named >= set(map(str, range(places))) and named - set(map(str, range(places))) <= EXPECTED[name].keys()
    for slider in figure["sliders"]:
        assert slider["start"] in slider["places"] and slider["places"] == sorted(slider["places"])


def test_a_page_that_asks_for_an_unknown_figure_is_told_which_there_are():
    with pytest.raises(ValueError, match="explore: nothing.*only variance-ratio, ladder, pool-fee"):
        pages._fill_in("<!-- explore: nothing -->")


def test_a_description_cannot_end_its_script(monkeypatch):
    figure = explore.figures()["pool-fee"]
    monkeypatch.setitem(figure, "title", "</script><b>")
    assert "</script><b>" not in explore.show("pool-fee").partition("application/json")[2]


@pytest.mark.browser
def test_a_figure_that_moves_stands_only_where_a_page_asks_for_it(book):
    having = {path.stem for path in book.rglob("*.html") if '<div class="explore">' in path.read_text(encoding="utf-8")}
    assert having == PAGES.keys()
    assert not [path for path in book.rglob("*.html") if re.search(r'src="[^"]*explore', path.read_text(encoding="utf-8"))]


@pytest.fixture
def saved(browser, book, tmp_path):
    """Open one page, saved as a file alone in a folder."""
    contexts = []

    def visit(name, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(f"file://{shutil.copy(book / f'chapters/{name}.html', tmp_path)}", wait_until="domcontentloaded")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.mark.browser
@pytest.mark.parametrize("chapter", PAGES)
def test_the_keyboard_moves_a_saved_figure_and_the_sentence_says_what_it_shows(saved, chapter):
    page, figure = saved(chapter), explore.figures()[PAGES[chapter]]
    page.wait_for_selector(".explore.moves")
    sentence, drawing = page.locator(".explore [aria-live=polite]"), page.locator(".explore-parts > svg")
    sliders = [page.get_by_label(slider["label"], exact=True) for slider in figure["sliders"]]
    for k, described in enumerate(figure["sliders"]):
        before, drawn = sentence.inner_text(), drawing.inner_html()
        sliders[k].press("ArrowLeft")
        assert sentence.inner_text() != before and drawing.inner_html() != drawn
        place = described["places"].index(described["start"]) - 1
        assert sliders[k].get_attribute("aria-valuetext") in sentence.inner_text()
        assert int(sliders[k].input_value()) == place
    at = [described["places"][described["places"].index(described["start"]) - 1] for described in figure["sliders"]]
    for line in figure["lines"]:
        if f"[{line['kernel']}]" in figure["reading"]:
            digits = int(re.search(r"\{(\d)\}", line["text"])[1])
            expected = f"{EXPECTED[PAGES[chapter]][line['kernel']](*at):.{digits}f}".replace("-", "\N{MINUS SIGN}")
            assert expected in sentence.inner_text()
    sliders[0].press("Home")  # where a line may have no number
    assert "NaN" not in page.locator(".explore").inner_html()


@pytest.mark.browser
def test_a_page_saved_as_it_stands_has_one_figure_that_moves(saved, book, tmp_path):
    (tmp_path / "again.html").write_text(saved("11_gamma_capture").content(), encoding="utf-8")
    page = saved("11_gamma_capture")
    page.goto(f"file://{tmp_path}/again.html", wait_until="domcontentloaded")
    page.wait_for_selector(".explore.moves input")
    assert page.locator(".explore input").count() == 3 and page.locator(".explore-parts > svg").count() == 1
    before = page.locator(".explore-reading").inner_text()
    page.locator(".explore input").first.press("Home")
    assert page.locator(".explore-reading").inner_text() != before
    page.get_by_label("spread", exact=True).press("End")
    assert "no number" in page.locator(".explore-reading").inner_text() and "below three moves" in page.locator(".explore-reading").inner_text()


@pytest.mark.browser
def test_without_script_the_static_figure_is_named(saved):
    page = saved("03_amm", java_script_enabled=False)
    assert page.locator(".explore").inner_text().startswith("What a hedged") and page.locator(".explore input").count() == 0
    assert page.locator(".explore a[href='#fee-optimum']").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_stand_out_in_light_and_dark_and_print_names_the_static_figure(browser, book, scheme):
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto((book / "chapters/03_amm.html").resolve().as_uri(), wait_until="domcontentloaded")
    page.wait_for_selector(".explore.moves")
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    ratios = page.evaluate(
        """() => {
        const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                                return .2126 * r + .7152 * g + .0722 * b; };
        const back = light(getComputedStyle(document.body).backgroundColor);
        return [...document.querySelectorAll(".explore polyline")].map(line => light(getComputedStyle(line).stroke))
            .map(stroke => (Math.max(stroke, back) + .05) / (Math.min(stroke, back) + .05));
        }"""
    )
    assert len(ratios) == 3 and min(ratios) >= 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.emulate_media(media="print")
    assert not page.locator(".explore-parts > svg").is_visible() and page.locator(".explore a[href='#fee-optimum']").is_visible()
    page.close()
