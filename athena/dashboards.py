"""The reports as a Grafana dashboard, for those who run Grafana with the Amazon Athena data source.

Each panel asks the statement of a report, with Grafana's own time range in the place of the period.
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from athena.render_params import fill
from athena.reports import Binding, Report, load

SOURCE_TYPE = "grafana-athena-datasource"
_SOURCE = {"type": SOURCE_TYPE, "uid": "${source}"}
_CONNECTION = {
    "catalog": "__default",
    "database": "__default",
    "region": "__default",
    # The same question within five minutes is not scanned, and not paid for, again.
    "resultReuseEnabled": True,
    "resultReuseMaxAgeInMinutes": 5,
}
_TIME_SERIES, _TABLE = 0, 1
_UNITS = {"seconds": "s", "0 to 1": "percentunit", "bytes": "bytes", "UTC": "dateTimeAsIso"}
_COLORS = {"allow": "#5794F2", "flag": "#F2CC0C", "review": "#FF9830", "block": "#F2495C"}
_WIDTH = 24


class Panel(Struct, frozen=True):
    """One panel.

    Args:
        report: whose statement it asks.
        kind: Grafana's name for the form.
        width: of 24.
        height: in rows of the grid.
        choices: of the report's parameters.
        columns: that are drawn, where it is not a table; the first is the time or the name.
    """

    report: str
    kind: str = "table"
    width: int = 12
    height: int = 9
    choices: Mapping[str, str] = {}
    columns: tuple[str, ...] = ()


PANELS = (
    Panel("summary", width=24, height=4),
    Panel("actions_by_hour", "timeseries", 24, 9, columns=("hour", "allow", "flag", "review", "block")),
    Panel("actions_by_label", "barchart", columns=("label", "allow", "flag", "review", "block")),
    Panel("actions_by_surface", "barchart", columns=("surface", "allow", "flag", "review", "block")),
    Panel("spikes", choices={"by": "label"}),
    Panel("rules"),
    Panel("labels_by", choices={"by": "language"}),
    Panel("actions_by", choices={"by": "policy"}),
    Panel("top_authors"),
    Panel("repeat_offenders"),
    Panel("repeated_texts"),
    Panel("review_load"),
    Panel("decided_and_done"),
    Panel("latency"),
    Panel("completeness"),
    Panel("quarantine_by_reason"),
    Panel("duplicates_and_late"),
    Panel("volume_by_day"),
)


def dashboard() -> dict[str, Any]:
    """The dashboard in the form that Grafana imports.

    Source: https://grafana.com/docs/plugins/grafana-athena-datasource/latest/query-editor/
    """
    panels: list[dict[str, Any]] = []
    x = y = row = 0
    for number, panel in enumerate(PANELS, start=1):
        if x + panel.width > _WIDTH:
            x, y, row = 0, y + row, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        panels.append({"id": number, "gridPos": place, **_panel(panel, load(panel.report))})
        x, row = x + panel.width, max(row, panel.height)
    return {
        "title": "Streamkeeper",
        "uid": "streamkeeper",
        "description": "What came in, what was found in it, what was done about it, and what was not readable.",
        "tags": ["streamkeeper"],
        "editable": True,
        "timezone": "utc",
        "time": {"from": "now-7d", "to": "now"},
        "refresh": "",
        "schemaVersion": 39,
        "version": 1,
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Athena",
                    "type": "datasource",
                    "query": SOURCE_TYPE,
                    "refresh": 1,
                    "hide": 0,
                }
            ]
        },
        "annotations": {"list": []},
        "panels": panels,
    }


def rendered() -> str:
    """The same as the text of its file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def _panel(panel: Panel, report: Report) -> dict[str, Any]:
    drawn = panel.columns or tuple(column.name for column in report.columns)
    overrides = [
        {"matcher": {"id": "byName", "options": column.name}, "properties": properties}
        for column in report.columns
        if column.name in drawn and (properties := _properties(column.name, column.unit, column.meaning))
    ]
    title = report.title if not panel.choices else f"{report.title}: by {', '.join(panel.choices.values())}"
    found: dict[str, Any] = {
        "type": panel.kind,
        "title": title,
        "description": " ".join(part for part in (report.question, report.notes) if part),
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": "A",
                "datasource": _SOURCE,
                "connectionArgs": _CONNECTION,
                "format": _TIME_SERIES if panel.kind == "timeseries" else _TABLE,
                "rawSQL": fill(report, moment, panel.choices),
            }
        ],
        "fieldConfig": {"defaults": {}, "overrides": overrides},
        "options": {},
    }
    if panel.columns:
        found["transformations"] = [
            {"id": "filterFieldsByName", "options": {"include": {"names": list(panel.columns)}}}
        ]
        stacking = {"mode": "normal", "group": "A"}
        found["fieldConfig"]["defaults"] = {"custom": {"stacking": stacking, "fillOpacity": 60, "lineWidth": 1}}
        if panel.kind == "barchart":
            found["options"] = {"stacking": "normal", "orientation": "horizontal", "xField": panel.columns[0]}
    return found


def _properties(name: str, unit: str, meaning: str) -> list[dict[str, Any]]:
    properties: list[dict[str, Any]] = []
    if unit in _UNITS:
        properties.append({"id": "unit", "value": _UNITS[unit]})
    if meaning:
        properties.append({"id": "description", "value": meaning})
    if name in _COLORS:
        properties.append({"id": "color", "value": {"mode": "fixed", "fixedColor": _COLORS[name]}})
    return properties


def moment(binding: Binding) -> str:
    """The SQL for a moment or a day, by Grafana's macros for its time range, which become literals.

    >>> moment(Binding("since"))
    '$__rawTimeFrom()'
    >>> moment(Binding("since", day="first_day"))
    "$__rawTimeFrom('yyyy-MM-dd')"
    """
    macro = "$__rawTimeFrom" if binding.name == "since" else "$__rawTimeTo"
    at = f"CAST({macro}() AS timestamp)"
    if not (binding.previous or binding.days or (binding.name == "since" and binding.day == "last_day")):
        return f"{macro}('yyyy-MM-dd')" if binding.day else f"{macro}()"
    if binding.previous:
        length = "date_diff('second', CAST($__rawTimeFrom() AS timestamp), CAST($__rawTimeTo() AS timestamp))"
        at = f"date_add('second', -{length}, {at})"
    if binding.days:
        at = f"date_add('day', -{binding.days}, {at})"
    return f"date_format({at}, '%Y-%m-%d')" if binding.day else at
