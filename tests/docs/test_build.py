"""The site builds without a warning, and needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

pytest.importorskip("sphinx", reason="the docs group is not installed; make docs installs it")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-E", "-W", "--keep-going", "-n", "-q", "docs", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_built_and_reachable(site: Path) -> None:
    sources = {p.relative_to(ROOT / "docs").with_suffix("") for p in (ROOT / "docs").rglob("*.md")}
    sources = {path for path in sources if path.parts[0] != "_build"}
    index = (site / "index.html").read_text("utf-8")
    missing = [str(p) for p in sources if not (site / p).with_suffix(".html").exists()]
    assert missing == []
    unreachable = [str(p) for p in sources if p.name != "index" and f'{p}.html"' not in index]
    assert unreachable == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"<(?:script|img|iframe)[^>]+src=\"https?:|<link[^>]+href=\"https?:")
    found = [page.name for page in site.rglob("*.html") if loads.search(page.read_text("utf-8"))]
    assert found == []


def test_the_diagrams_are_on_their_pages(site: Path) -> None:
    for page, picture in (
        ("inside/architecture.html", "worker.svg"),
        ("plugins/how-it-works.html", "plugins.svg"),
    ):
        text = (site / page).read_text("utf-8")
        assert picture in text
        assert 'alt="' in text.split(picture)[0].rsplit("<img", 1)[1] + text.split(picture)[1][:400]
