"""What the built pages leave out, and what they must not: formulas, stylesheets, pictures."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from types import SimpleNamespace

import pytest
import tinycss2
from docutils import nodes
from sphinx.ext import mathjax

from mnvh.book import light


def test_a_formula_is_html_with_mathml_for_screen_readers():
    made = light.typeset(r"\operatorname{Tr}(K\Sigma) \ge 0", False)
    assert made.startswith("<mjx-container") and 'display="true"' not in made
    assert re.search(r"<math xmlns=[^>]*>.*<mi>K</mi>.*Σ.*<mo>≥</mo>", made.replace(' data-mjx-texclass="ORD"', ""), re.S)
    assert 'display="true"' in light.typeset(r"x", True)


def test_what_no_page_loads_is_removed(tmp_path):
    for name, text in {"used.js": "load('asked.png')", "unused.js": "load('idle.png')", "asked.png": "", "idle.png": "", "deep/idle.css": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    light.drop_unused(tmp_path, '<script src="_static/used.js"></script>')
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["asked.png", "used.js"]


def test_a_mistake_in_a_formula_stops_the_build_and_is_named():
    with pytest.raises(ValueError, match=r"\\frac\{1\} cannot be set: Missing argument"):
        light.typeset(r"\frac{1}", False)
    for macro in (r"\href{javascript:alert(1)}{x}", r"\style{color: red}{x}", r"\class{a}{x}", r"\cssId{a}{x}", r"\require{html}", r"\sgima"):
        with pytest.raises(ValueError, match="cannot be set: Undefined control sequence"):
            light.typeset(macro, False)


@pytest.mark.parametrize(
    ("tex", "rows"),
    [("a < b", 0), (r"a \\[2pt] b", 2), ("a\n\nb", 2), (r"\begin{align*}a &= b \\[2pt] c &= d\end{align*}", 2)],
)
def test_a_formula_of_any_form_is_set_whole(tex, rows):
    class Translator:
        """As much of Sphinx's as its visitor uses."""

        builder = SimpleNamespace(config=SimpleNamespace(mathjax_display=[r"\[", r"\]"]))
        body = ["before"]

        def starttag(self, node, name, CLASS):
            return f'<{name} class="{CLASS}">\n'

        def encode(self, text):
            return html.escape(text)

    node = nodes.math_block(tex, tex, nowrap=tex.startswith(r"\begin"), number=None)
    with pytest.raises(nodes.SkipNode):
        light.renderer(mathjax.html_visit_displaymath, True)(Translator(), node)
    before, made = Translator.body[0], "".join(Translator.body[1:])
    assert before == "before" and made.startswith('<div class="math') and made.strip().endswith("</mjx-container></div>")
    assert len(re.findall("<mtr>", made)) >= rows and not re.search(r"\\\\|\[2pt|begin", made)


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".here{color:red}", ".here{color:red}"),
        (".gone{color:red}", ""),
        (".here .gone, p > .here{color:red}", " p > .here{color:red}"),
        ("p:not(.gone){color:red}", "p:not(.gone){color:red}"),
        (":is(h1,.here) a{color:red}", ":is(h1,.here) a{color:red}"),
        ("@media print{.gone{color:red} .here{color:red}}", "@media print{.here{color:red}}"),
        ("@media print{.gone{color:red}}", ""),
        ("@font-face{font-family:F}", "@font-face{font-family:F}"),
        ("#here[data-x='a,b']::after{content:'.gone'}", "#here[data-x='a,b']::after{content:'.gone'}"),
    ],
)
def test_a_stylesheet_keeps_what_a_page_can_use(css, kept):
    assert light.used(tinycss2.parse_stylesheet(css, True, True), {"here"}).replace('"', "'") == kept


def test_the_theme_still_has_the_words_that_are_replaced():
    theme = files("pydata_sphinx_theme").joinpath("theme/pydata_sphinx_theme/static/scripts/pydata-sphinx-theme.js").read_text()
    assert theme.count(light.ASKED) == 1
    book_theme = files("sphinx_book_theme").joinpath("theme/sphinx_book_theme/static/scripts/sphinx-book-theme.js").read_text()
    assert book_theme.count(light.BLUR) == 1


def test_a_picture_has_its_room_before_it_comes(tmp_path):
    (tmp_path / "a.svg").write_text('<svg width="10pt" viewBox="0 0 518.4 273.6">')
    picture = re.match(r'<img ([^>]*src="([^"]*)"[^>]*?) ?/>', '<img alt="x" src="a.svg" />')
    assert light.sized(picture, tmp_path / "page.html") == '<img alt="x" src="a.svg" width="518" height="274" loading="lazy" />'
