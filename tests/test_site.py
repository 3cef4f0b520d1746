"""The published site: the newest book at its root, and released versions that nothing changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mnvh.book import site


def book(folder: Path, version: str, figure: str) -> Path:
    (folder / "figures").mkdir(parents=True)
    (folder / "figures/line.svg").write_text(figure)
    (folder / "verdicts.json").write_text(json.dumps({"version": version}))
    (folder / "hashes.json").write_text(json.dumps({"line.svg": figure}))
    return folder


def test_old_figures_stay_reachable(tmp_path):
    public = tmp_path / "site"
    (public / ".git").mkdir(parents=True)
    site.publish(book(tmp_path / "a/html", "0.1.0", "old"), public, "v0.1.0")
    (public / "stale.html").touch()
    (public / "CNAME").touch()
    site.publish(book(tmp_path / "b/html", "0.2.0", "new"), public)
    assert (public / "figures/line.svg").read_text() == "new" and not (public / "v0.2.0").exists()
    assert (public / "v0.1.0/figures/line.svg").read_text() == "old"
    assert (public / ".git").exists() and (public / "CNAME").exists() and (public / ".nojekyll").exists() and not (public / "stale.html").exists()
    site.publish(tmp_path / "b/html", public, "v0.2.0")
    assert sorted(path.name for path in public.glob("v?.*")) == ["v0.1.0", "v0.2.0"]
    site.publish(tmp_path / "b/html", public, "v0.2.0")  # the same again is no fault
    listed = re.findall(r'href="(.*?)"', (public / "versions.html").read_text())
    assert listed == ["index.html", "v0.2.0/index.html", "v0.1.0/index.html"]
    assert '"../versions.html"' in (public / "v0.1.0/versions.html").read_text()


def test_an_older_book_does_not_take_the_place_of_the_newest(tmp_path):
    public = tmp_path / "site"
    for version in ("0.9.0", "0.10.0"):
        site.publish(book(tmp_path / version / "html", version, version), public, f"v{version}")
    with pytest.raises(ValueError, match=r"has v0\.10\.0, and this book is v0\.9\.0"):
        site.publish(tmp_path / "0.9.0/html", public, "v0.9.0")
    assert (public / "figures/line.svg").read_text() == "0.10.0"


def test_what_would_lose_something_is_refused(tmp_path):
    public = tmp_path / "site"
    site.publish(book(tmp_path / "a/html", "0.1.0", "old"), public, "v0.1.0")
    with pytest.raises(ValueError, match="with other figures or claims: raise the version"):
        site.publish(book(tmp_path / "b/html", "0.1.0", "new"), public, "v0.1.0")
    with pytest.raises(ValueError, match=r"RELEASED = v0\.3\.0: this book is v0\.1\.0"):
        site.publish(tmp_path / "b/html", public, "v0.3.0")
    with pytest.raises(ValueError, match=r"RELEASED = v0\.1: allowed is v and three numbers"):
        site.publish(tmp_path / "a/html", public, "v0.1")
    assert (public / "figures/line.svg").read_text() == "old"
    for near in (tmp_path / "a/html", tmp_path, tmp_path / "a/html/figures"):  # the build's own folder, one around it, one in it
        with pytest.raises(ValueError, match="the folder of the build"):
            site.publish(tmp_path / "a/html", near)
    assert (tmp_path / "a/html/figures/line.svg").exists()
    for name in ("letters.txt", ".profile"):
        (tmp_path / f"home-{name}").mkdir()
        (tmp_path / f"home-{name}" / name).touch()
        with pytest.raises(ValueError, match=f"holds {name} and no book"):
            site.publish(tmp_path / "a/html", tmp_path / f"home-{name}")
        assert [path.name for path in (tmp_path / f"home-{name}").iterdir()] == [name]
