"""The benchmarks' own sums, tables and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.suite.figures import (
    Figure,
    Run,
    UnreadableRun,
    as_markdown,
    as_text,
    load,
    rows,
    save,
    shown,
)
from bench.suite.page import page

RUN = Run(
    "this worker",
    (Figure("--help", "ms", (20.0, 30.0, 40.0)), Figure("idle", "%", (0.25,))),
    at="2026-01-01",
    machine="2 × a processor",
    versions="Python 3",
)
OTHER = Run("another", (Figure("--help", "ms", (60.0,)), Figure("nothing", "ms", (0.0,))))


def test_a_figure_is_its_median_and_how_far_its_middle_half_spreads() -> None:
    figure = Figure("x", "ms", (1.0, 2.0, 3.0, 4.0, 100.0))
    assert figure.median == 3.0
    assert figure.spread == pytest.approx(2 / 3)
    assert Figure("x", "ms", (1.0,)).spread == 0.0
    assert Figure("x", "ms", (0.0, 0.0)).spread == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 ms"), (0.0123, "0.0123 ms"), (1.234, "1.23 ms"), (45.67, "45.7 ms"),
     (1234.5, "1,234 ms")],
)  # fmt: skip
def test_a_figure_is_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(Figure("x", "ms", (value,))) == text


def test_beside_another_run_a_figure_has_that_ones_median_and_the_ratio() -> None:
    head, first, second = rows(RUN, OTHER)
    assert head[-2:] == ["another", "ratio"]
    assert first == ["--help", "30.0 ms", "33%", "3", "60.0 ms", "0.50"]
    assert second[-2:] == ["", ""], "what the other has not is left open"


def test_a_ratio_to_nothing_is_left_out() -> None:
    run = Run("this worker", (Figure("nothing", "ms", (1.0,)),))
    assert rows(run, OTHER)[1][-1] == ""


def test_tables_have_a_line_for_each_figure() -> None:
    text, marked = as_text(rows(RUN)), as_markdown(rows(RUN))
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["--help", "idle"]
    assert marked.splitlines()[1] == "| --- | --: | --: | --: |"
    assert len(marked.splitlines()) == 4


def test_a_saved_run_comes_back_as_it_was(tmp_path: Path) -> None:
    save(RUN, tmp_path / "run.json")
    assert load(tmp_path / "run.json") == RUN


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"worker": 3}', "utf-8")
    for name in ("other.json", "missing.json"):
        with pytest.raises(UnreadableRun, match=name):
            load(tmp_path / name)


def test_the_page_names_machine_and_versions_and_has_the_table() -> None:
    text = page(RUN, OTHER)
    for part in ("2 × a processor", "Python 3", "2026-01-01", "| --help | 30.0 ms |", "another"):
        assert part in text
    assert "## Beside" not in page(RUN)
