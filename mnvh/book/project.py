"""What every part of the publishing knows: where the build is, how outputs are marked, which pages there are."""

from __future__ import annotations

from pathlib import Path

import yaml

BUILD = Path("_build")
BOOK, YEAR = "Volatility harvesting, audited", 2026  # as it is cited
LICENSE = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"  # of text and figures
CLAIM = "application/vnd.mnvh.claim+json"  # an output that carries a claim's evidence
FIGURE = "application/vnd.mnvh.figure+json"  # an output that carries a figure's name and data
EXPLORER = Path("assets/explore.js")  # the one script that pages carry in their text
PUBLISHING = "MNVH_PUBLISH"  # set by the build alone: only there does a missing verdict stop the run, or a figure need its files


def contents(toc: Path = Path("_toc.yml")) -> list[str]:
    """Pages of the table of contents, in order, the root first."""
    tree = yaml.safe_load(toc.read_text(encoding="utf-8"))
    return [tree["root"]] + [chapter["file"] for part in tree["parts"] for chapter in part["chapters"]]
