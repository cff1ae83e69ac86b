"""The pages as files: no link without a file, no more drill-downs than asked for, all about one period."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from athena.dashboard.export import export
from athena.dashboard.filters import FilterError, Filters
from athena.dashboard.lake import Lake
from tests.fakes.report_answers import AtOnce, Reports

NOW = datetime(2026, 11, 20, 12, 0, 42, tzinfo=UTC)
LABELS = [{"label": f"l{number}", "events": 3, "share": 0.1, "flag": 1, "review": 1, "block": 1} for number in range(9)]
SUMMARY: dict[str, Any] = {
    "events": 30,
    "acted_on_share": 0.9,
    "flag": 9,
    "review": 9,
    "block": 9,
    "before_events": 0,
    "newest_decided": datetime(2026, 11, 20, 11),
}


def hours(count: int) -> list[dict[str, Any]]:
    return [
        {"hour": datetime(2026, 11, 20, 11) - timedelta(hours=number), "events": 1, "flag": 0, "review": 0, "block": 0}
        for number in range(count)
    ]


class World:
    def __init__(self, **rows: Any) -> None:
        self.engine = Reports({"summary": [SUMMARY], "actions_by_label": LABELS, "actions_by_hour": hours(3), **rows})
        self.lake = Lake(self.engine, database="d", workgroup="w", pool=AtOnce(), now=NOW.timestamp)

    def export(self, folder: Path, **given: Any) -> dict[str, str]:
        written = export(self.lake, folder, Filters(), **given)
        assert sorted(written) == sorted(folder.iterdir())
        return {path.name: path.read_bytes().decode() for path in written}


def leads(text: str) -> set[str]:
    return {unescape(one) for one in re.findall(r'(?:href|src)="([^"#]*)"', text)}


def drill_downs(files: dict[str, str]) -> list[str]:
    return [name for name in files if name.startswith("verdicts-") and name.endswith(".html")]


@pytest.mark.parametrize("most", [0, 5, 500])
def test_every_link_is_a_file_and_every_file_is_linked(tmp_path: Path, most: int) -> None:
    files = World().export(tmp_path / "new" / "site", drill_downs=most)
    linked = {one for name, text in files.items() if name.endswith(".html") for one in leads(text)}
    assert linked == files.keys()
    assert {"index.html", "rules.html", "authors.html", "review.html", "pipeline.html", "verdicts.html"} <= files.keys()


@pytest.mark.parametrize("most", [0, 1, 5, 12, 500])
def test_there_are_no_more_pages_of_verdicts_than_asked_for(tmp_path: Path, most: int) -> None:
    world = World()
    files = world.export(tmp_path, drill_downs=most)
    # A label alone and with each of three actions, three actions alone, three hours: and no more than that.
    assert len(drill_downs(files)) == min(most, 9 * 4 + 3 + 3)
    assert world.engine.times("verdicts") <= len(drill_downs(files)) + 2


def test_bars_lead_to_their_verdicts_when_they_are_no_more_than_half_of_the_pages(tmp_path: Path) -> None:
    few = World(actions_by_hour=hours(5)).export(tmp_path / "few", drill_downs=10)["index.html"]
    assert few.count('tabindex="-1"><title>') == 5
    many = World(actions_by_hour=hours(6)).export(tmp_path / "many", drill_downs=10)["index.html"]
    assert many.count('tabindex="-1"><title>') == 0
    assert '<a href="verdicts-' in many


def test_all_pages_are_about_the_period_of_the_beginning(tmp_path: Path) -> None:
    world = World()
    moments = iter(range(10_000))
    world.lake.now = lambda: NOW.timestamp() + 30 * next(moments)
    files = world.export(tmp_path, drill_downs=3)
    periods = {one for text in files.values() for one in re.findall(r'class="period">([^<]*)<', text)}
    assert periods == {"2026-11-19 12:00:00Z to 2026-11-20 12:00:00Z"} | {
        one for one in periods if one.startswith("2026-11-20 ")
    }
    assert "2026-11-19 12:00:00Z to 2026-11-20 12:00:00Z" in files["pipeline.html"]


def test_a_page_needs_nothing_beside_it_and_lets_nothing_in(tmp_path: Path) -> None:
    for name, text in World().export(tmp_path, drill_downs=2).items():
        if name.endswith(".html"):
            assert (
                'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-'
                in text
            )
            assert "<script" not in text
            assert "<form" not in text
            assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", text)


def test_tables_without_rows_are_no_files(tmp_path: Path) -> None:
    world = World()
    files = world.export(tmp_path, drill_downs=0)
    kinds = {name.rpartition("-")[0] for name in files if name.endswith(".csv")}
    assert kinds == {"actions_by_label", "actions_by_hour"}
    label = next(text for name, text in files.items() if name.startswith("actions_by_label"))
    assert label.splitlines()[0].startswith("label,events,share,")
    assert len(label.splitlines()) == 1 + len(LABELS)


def test_progress_ends_at_all_files(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    files = World().export(tmp_path, drill_downs=4, progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(1, len(files) + 1))
    assert all(done <= of for done, of in told)


def test_filters_that_cannot_be_meant_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(FilterError):
        export(World().lake, tmp_path / "site", Filters(since="soon"))
    assert not (tmp_path / "site").exists()
