"""Figures and numbers: what the notebook hands to the build."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest

from mnvh.book import figures
from mnvh.book.project import FIGURE, PUBLISHING

DATA = pd.DataFrame({"x_days": [1.0, 2.0], "y": [0.1, 0.2]})


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(figures, "display", lambda bundle, **_: bundles.append(bundle))
    return bundles


def draw(name="a-line", data=DATA):
    figure, axes = figures.new()
    axes.plot(data.iloc[:, 0], data.iloc[:, -1])
    figures.publish(name, figure, data)


def test_in_the_build_a_figure_carries_every_format_and_its_numbers(shown, monkeypatch):
    draw()
    assert shown.pop().keys() == {FIGURE, "image/svg+xml", "text/plain"}  # a reader's own run shows it, and makes no files
    monkeypatch.setenv(PUBLISHING, "1")
    draw()
    bundle = shown[0]
    assert bundle[FIGURE] == {"name": "a-line", "csv": "x_days,y\n1,0.1\n2,0.2\n"}
    assert "<svg" in bundle["image/svg+xml"]
    assert base64.b64decode(bundle["application/pdf"]).startswith(b"%PDF")
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_the_same_figure_has_the_same_bytes(shown):
    draw()
    draw()
    assert shown[0] == shown[1]


@pytest.mark.parametrize("name", ["A-line", "a_line", "a line", "1-line", "../a", "a--b", "<script>"])
def test_a_name_of_another_form_is_refused(shown, name):
    with pytest.raises(ValueError, match="name is"):
        draw(name=name)


def test_empty_or_infinite_data_are_refused(shown):
    figure, _ = figures.new()
    with pytest.raises(ValueError, match="data of figure 'a-line' are empty"):
        figures.publish("a-line", figure, DATA.iloc[:0])
    with pytest.raises(ValueError, match="data of figure 'a-line' has 1 entries that are not finite"):
        figures.publish("a-line", figure, DATA.replace(2.0, np.inf))


def test_names_from_a_file_cannot_bring_script_into_a_table():
    hostile = "<script>x()</script>"  # an asset of a file
    text = figures.table(pd.DataFrame({hostile: [hostile]}, index=[hostile])).data
    assert "<script" not in text and text.count("&lt;script&gt;") == 3


def test_numbers_reach_the_prose_as_plain_python(shown):
    figures.glue(mean=np.float64(0.5), count=np.int64(3), label="1,000")
    assert [list(bundle.values())[0] for bundle in shown] == ["0.5", "3", "'1,000'"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1.0]])
def test_a_number_that_is_none_is_refused(shown, value):
    with pytest.raises(ValueError, match="mean is"):
        figures.glue(mean=value)
