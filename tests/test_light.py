"""What the built pages leave out, and what they must not: formulas, stylesheets, pictures."""

from __future__ import annotations

import re

import pytest
import tinycss2

from mnvh.book import light


def test_a_formula_is_html_with_mathml_for_screen_readers():
    made = light.typeset(r"\operatorname{Tr}(K\Sigma) \ge 0", False)
    assert made.startswith("<mjx-container") and 'display="true"' not in made
    assert re.search(r"<math xmlns=[^>]*>.*<mi>K</mi>.*Σ.*<mo>≥</mo>", made.replace(' data-mjx-texclass="ORD"', ""), re.S)
    assert 'display="true"' in light.typeset(r"x", True)


def test_a_mistake_in_a_formula_stops_the_build_and_is_named():
    with pytest.raises(ValueError, match=r"\\frac\{1\} cannot be set: Missing argument"):
        light.typeset(r"\frac{1}", False)


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


def test_a_picture_has_its_room_before_it_comes(tmp_path):
    (tmp_path / "a.svg").write_text('<svg width="10pt" viewBox="0 0 518.4 273.6">')
    picture = re.match(r'<img ([^>]*src="([^"]*)"[^>]*?) ?/>', '<img alt="x" src="a.svg" />')
    assert light.sized(picture, tmp_path / "page.html") == '<img alt="x" src="a.svg" width="518" height="274" loading="lazy" />'
