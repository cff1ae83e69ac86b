"""The Grafana dashboard: that its statements are the reports', asked with Grafana's time range filled in as its
Athena data source does."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from athena import reports
from athena.dashboards import PANELS, SOURCE_TYPE, dashboard
from glue.catalog.tables import QUARANTINE
from tests.sql.golden import FIRST, SECOND, set_aside

SINCE = datetime(2026, 11, 2, tzinfo=UTC)
UNTIL = datetime(2026, 11, 3, tzinfo=UTC)
BOARD: dict[str, Any] = dashboard()
FORMATS = {"": "%Y-%m-%d %H:%M:%S", "'yyyy-MM-dd'": "%Y-%m-%d"}


def filled(sql: str) -> str:
    """The statement as the data source sends it to Athena: a macro becomes a quoted literal."""

    def literal(found: re.Match[str]) -> str:
        at = SINCE if found[1] == "From" else UNTIL
        return f"'{at.strftime(FORMATS[found[2]])}'"

    return re.sub(r"\$__rawTime(From|To)\(([^)]*)\)", literal, sql)


@pytest.mark.parametrize("place", range(len(PANELS)), ids=[panel.report for panel in PANELS])
def test_a_panel_shows_what_its_report_answers(golden: Any, place: int) -> None:
    golden.fill([[set_aside("a", f"{FIRST} 10:00:00")], [set_aside("b", f"{SECOND} 10:00:00")]], QUARANTINE)
    wanted, panel = PANELS[place], BOARD["panels"][place]
    report = reports.load(wanted.report)
    values: dict[str, Any] = {"since": SINCE, "until": UNTIL, **wanted.choices}
    asked = reports.run(report, values, golden.engine, database=golden.database, workgroup=golden.workgroup)
    sql = filled(panel["targets"][0]["rawSQL"])
    assert "$" not in sql
    assert golden.ask(sql).rows == asked.rows
    assert set(wanted.columns) <= {column.name for column in report.columns}


def test_every_report_but_the_list_of_verdicts_has_a_panel() -> None:
    assert {panel.report for panel in PANELS} == set(reports.names()) - {"verdicts"}


def test_panels_lie_side_by_side_on_the_grid_and_ask_the_source_that_is_chosen() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["datasource"] == {"type": SOURCE_TYPE, "uid": "${source}"}
        assert panel["description"]
    assert [one["id"] for one in BOARD["panels"]] == list(range(1, len(PANELS) + 1))
    assert BOARD["templating"]["list"][0]["name"] == "source"
    assert json.loads(json.dumps(BOARD)) == BOARD
