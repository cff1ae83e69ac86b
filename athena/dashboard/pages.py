"""What is on which page, and how an answer becomes a table: whose numbers lead to the verdicts behind them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from athena.dashboard import charts
from athena.dashboard.charts import Slot
from athena.dashboard.filters import Filters, by_day, stamp
from athena.dashboard.lake import Figure
from athena.output import size
from athena.reports import ParameterValue, load
from glue.terminal.moments import Period
from glue.terminal.sanitize import inert

ACTIONS = ("flag", "review", "block")
RUNNING_TEXT = 48
"""Characters from which a cell's text may be broken into lines."""

Href = Callable[[str, Filters], str]
"""The address of a page with filters; empty when there is no such page."""


class Section(Struct, frozen=True):
    """One table of a page.

    Args:
        report: whose answer it shows.
        title: instead of the report's.
        values: of the report's own parameters.
        columns: shown, in order; all of them unless given.
        bar: the column beside which a bar shows its share of the largest.
        links: for a column, the filters that its numbers lead to: each a text, or the name of a column in braces.
        none: what an empty answer means.
    """

    report: str
    title: str = ""
    values: Mapping[str, ParameterValue] = {}
    columns: tuple[str, ...] = ()
    bar: str = ""
    links: Mapping[str, Mapping[str, str]] = {}
    none: str = "Nothing in this period."


class Page(Struct, frozen=True):
    """One page.

    Args:
        name: in its address.
        title: in the navigation.
        sections: in order.
        chart: whether volume over time stands above them.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    chart: bool = False

    @property
    def narrowing(self) -> frozenset[str]:
        """What its figures can be narrowed down to: all that any of its reports takes."""
        return frozenset(
            parameter.name
            for section in self.sections
            for parameter in load(section.report).parameters
            if parameter.type == "text"
        )


def _by_action(**narrowing: str) -> dict[str, dict[str, str]]:
    return {action: {**narrowing, "action": action} for action in ACTIONS}


VERDICT_COLUMNS = (
    *("created_at", "action", "labels", "excerpt", "surface", "language", "author_id", "rules", "top_score"),
    *("event_id", "content_id", "policy"),
)
VERDICT_LINKS = {"author_id": {"author": "{author_id}"}, "surface": {"surface": "{surface}"}}

PAGES = (
    Page(
        "overview",
        "Overview",
        (
            Section(
                "actions_by_label",
                columns=("label", "events", "share", *ACTIONS, "authors"),
                bar="events",
                links={"label": {"label": "{label}"}, "events": {"label": "{label}"}, **_by_action(label="{label}")},
                none="Nothing was found in the content of this period.",
            ),
            Section(
                "actions_by_surface",
                columns=("surface", "events", *ACTIONS, "acted_on_share"),
                bar="events",
                links={
                    "surface": {"surface": "{surface}"},
                    "events": {"surface": "{surface}"},
                    **_by_action(surface="{surface}"),
                },
            ),
            Section(
                "actions_by",
                "Volume and action by language",
                {"by": "language"},
                ("part", "events", *ACTIONS, "acted_on_share"),
                bar="events",
                links={
                    "part": {"language": "{part}"},
                    "events": {"language": "{part}"},
                    **_by_action(language="{part}"),
                },
            ),
        ),
        chart=True,
    ),
    Page(
        "rules",
        "Rules",
        (
            Section(
                "rules",
                columns=(
                    "rule",
                    "detector",
                    "label",
                    "hits",
                    "share",
                    "acted_on",
                    "alone",
                    "hits_before",
                    "trend",
                    "last_hit",
                ),
                bar="hits",
                links={"rule": {"rule": "{rule}"}, "hits": {"rule": "{rule}"}},
                none="No rule found anything.",
            ),
            Section(
                "spikes", none="No hour had three times as much of a label as the same hour of the last four weeks."
            ),
            Section("actions_by", "Volume and action by policy version", {"by": "policy"}, bar="events"),
        ),
    ),
    Page(
        "authors",
        "Authors and texts",
        (
            Section(
                "top_authors",
                columns=("place", "author_id", "events", "acted_on", *ACTIONS, "acted_on_share", "last_acted_on"),
                bar="acted_on",
                links={"author_id": {"author": "{author_id}"}, **_by_action(author="{author_id}")},
                none="Nobody was acted on.",
            ),
            Section(
                "repeat_offenders",
                links={"author_id": {"author": "{author_id}"}},
                bar="acted_on",
                none="Nobody was acted on three times or more.",
            ),
            Section("repeated_texts", bar="events", none="No text was posted five times or more."),
        ),
    ),
    Page(
        "review",
        "Review",
        (
            Section(
                "review_load",
                bar="reviews",
                links={"reviews": {"surface": "{surface}", "action": "review"}},
                none="Nothing was held for a person.",
            ),
            Section(
                "verdicts",
                "Held for a person, the newest first",
                {"action": "review", "limit": 100},
                VERDICT_COLUMNS,
                links=VERDICT_LINKS,
            ),
        ),
    ),
    Page(
        "pipeline",
        "Pipeline",
        (
            Section("completeness", none="No day was audited: streamkeeper audit --since 2d looks at the last two."),
            Section("quarantine_by_reason", bar="records", none="Every record that arrived could be read."),
            Section("latency"),
            Section("duplicates_and_late"),
            Section("volume_by_day", bar="events"),
        ),
    ),
    Page(
        "verdicts",
        "Verdicts",
        (Section("verdicts", values={"limit": 200}, columns=VERDICT_COLUMNS, links=VERDICT_LINKS),),
    ),
)
BY_NAME = {page.name: page for page in PAGES}


class Cell(Struct, frozen=True):
    """One cell as it is shown.

    Args:
        text: inert.
        href: where it leads; empty: nowhere.
        number: whether it stands to the right.
        bar: an SVG beside it, made here; empty: none.
        kind: a class: an action's name, or ``long`` for running text.
    """

    text: str
    href: str = ""
    number: bool = False
    bar: str = ""
    kind: str = ""


class TableView(Struct, frozen=True):
    """A section as it is shown.

    Args:
        headers: (name, unit, meaning) of each column.
        rows: the cells.
        note: beneath the title; the report's question.
        failure: instead of rows.
        none: what no rows mean.
        csv: the name of the report whose rows can be had as CSV, and its values.
        footing: as of when, how complete, at what cost.
    """

    title: str
    anchor: str
    note: str
    headers: list[tuple[str, str, str, bool]]
    rows: list[list[Cell]]
    failure: str
    none: str
    csv: str
    footing: str


class Tile(Struct, frozen=True):
    """One figure above all others: its name, the number, and what stands below it."""

    name: str
    value: str
    below: str = ""
    href: str = ""
    kind: str = ""


def table(section: Section, figure: Figure, filters: Filters, href: Href, *, csv: str, landed: str) -> TableView:
    """A section's answer as a table.

    Args:
        landed: how far verdicts have landed and how complete they are, in words.
    """
    report = figure.report
    described = {column.name: column for column in report.columns}
    shown = section.columns or tuple(described)
    records = figure.records
    most = max((_amount(record.get(section.bar)) for record in records), default=0.0) if section.bar else 0.0
    rows = [
        [_cell(section, name, described[name].unit, record, filters, href, most) for name in shown]
        for record in records
    ]
    limit = section.values.get("limit")
    cut = f"The first {limit} are shown; there may be more." if len(records) == limit else ""
    numeric = {name for name in shown if any(isinstance(record.get(name), (int, float)) for record in records)}
    return TableView(
        title=section.title or report.title,
        anchor=csv.partition("?")[0].rsplit("/", 1)[-1].removesuffix(".csv"),
        note=" ".join(part for part in (report.question, report.notes, cut) if part),
        headers=[
            (name.replace("_", " "), _unit(name, described[name].unit), described[name].meaning, name in numeric)
            for name in shown
        ],
        rows=rows,
        failure=inert(figure.failure),
        none=section.none,
        csv=csv,
        footing=footing(figure, landed),
    )


def footing(figure: Figure, landed: str) -> str:
    """What stands below every figure: as of when, how far landed, how complete, at what cost."""
    cost = f"{size(figure.answer.bytes_scanned)} scanned in {figure.seconds:.1f} s" if figure.answer else ""
    return " · ".join(part for part in (f"as of {figure.asked_at:%H:%M:%S} UTC", landed, cost) if part)


def landed_words(summary: Figure, completeness: Figure, period: Period) -> str:
    """How far verdicts have landed in a period, and how complete they are by the audits of its days."""
    newest = summary.records[0].get("newest_decided") if summary.records else None
    none = "newest verdict unknown" if summary.failure else "no verdict yet"
    watermark = f"newest verdict {newest:%Y-%m-%d %H:%M:%S}" if isinstance(newest, datetime) else none
    days = {str(record["day"]): record for record in completeness.records}
    first, last = period.since.date(), (period.until - timedelta(milliseconds=1)).date()
    wanted = [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]
    looked_at = [days[day] for day in wanted if day in days]
    if completeness.failure or not looked_at:
        return f"{watermark} · {'completeness unknown' if completeness.failure else 'not audited'}"
    archived = sum(_amount(record["archived"]) for record in looked_at)
    missing = sum(_amount(record["missing"]) for record in looked_at)
    share = 1 - missing / archived if archived else 1.0
    of = "" if len(looked_at) == len(wanted) else f" on the {len(looked_at)} of {len(wanted)} days audited"
    return f"{watermark} · {_percent(share, 3)} complete{of}"


def tiles(summary: Figure, quarantine: Figure, completeness: Figure, filters: Filters, href: Href) -> list[Tile]:
    """The figures above all others; none when nothing was asked or answered."""
    if not summary.records:
        return []
    row = summary.records[0]
    events, before = _amount(row["events"]), _amount(row["before_events"])
    share, share_before = row["acted_on_share"], row["before_acted_on_share"]
    aside = sum(_amount(record["records"]) for record in quarantine.records)
    missing = sum(_amount(record["missing"]) for record in completeness.records)
    trend = f"{before:,.0f} in the period before"
    was = f"{_percent(_amount(share_before), 2)} in the period before" if share_before is not None else ""
    within = row["decided_within"]

    def verdicts(action: str) -> str:
        return href("verdicts", filters.changed(action=action))

    return [
        Tile("Events", f"{events:,.0f}", trend, href("verdicts", filters)),
        Tile("Acted on", _percent(_amount(share), 2) if share is not None else "–", was),
        Tile("Blocked", f"{_amount(row['block']):,.0f}", "taken away", verdicts("block"), "block"),
        Tile("In review", f"{_amount(row['review']):,.0f}", "held for a person", verdicts("review"), "review"),
        Tile("Flagged", f"{_amount(row['flag']):,.0f}", "shown, with a mark", verdicts("flag"), "flag"),
        Tile("Decided within", f"{within:,.1f} s" if isinstance(within, float) else "–", "99 % of what was live"),
        Tile(
            "Not readable",
            "–" if quarantine.failure else f"{aside:,.0f}",
            "no answer" if quarantine.failure else "in quarantine",
            href("pipeline", filters),
        ),
        Tile(
            "Missing",
            f"{missing:,.0f}" if completeness.records else "–",
            "no answer" if completeness.failure else "by the last audit" if completeness.records else "not audited",
            href("pipeline", filters),
            "block" if missing else "",
        ),
    ]


def slots(figure: Figure, filters: Filters, period: Period, href: Href) -> tuple[list[Slot], timedelta]:
    """The chart's hours or days, those without events too."""
    step = timedelta(days=1) if by_day(period) else timedelta(hours=1)
    found: dict[datetime, dict[str, object]] = {}
    for record in figure.records:
        found[_slot_of(record)] = record
    at = period.since.replace(minute=0, second=0, microsecond=0)
    at = at.replace(hour=0) if by_day(period) else at
    made: list[Slot] = []
    while at < period.until:
        record = found.get(at, {})
        start, end = max(at, period.since), min(at + step, period.until)
        made.append(
            Slot(
                at,
                int(_amount(record.get("events"))),
                (
                    int(_amount(record.get("flag"))),
                    int(_amount(record.get("review"))),
                    int(_amount(record.get("block"))),
                ),
                href("verdicts", filters.changed(since=stamp(start), until=stamp(end))) if record else "",
            )
        )
        at += step
    return made, step


def leading(view: TableView, figure: Figure, made: Sequence[Slot]) -> TableView:
    """The chart's table, whose hours or days lead where the bars do."""
    href = {slot.at: slot.href for slot in made}
    rows = [
        [structs.replace(row[0], href=href.get(_slot_of(record), "")), *row[1:]]
        for row, record in zip(view.rows, figure.records, strict=True)
    ]
    return structs.replace(view, rows=rows)


def _slot_of(record: Mapping[str, Any]) -> datetime:
    """When the hour or day of a chart's row begins."""
    hour = record.get("hour")
    return (hour if isinstance(hour, datetime) else datetime.fromisoformat(str(record["part"]))).replace(tzinfo=UTC)


def _cell(
    section: Section, name: str, unit: str, record: Mapping[str, Any], filters: Filters, href: Href, most: float
) -> Cell:
    value = record.get(name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    bar = charts.beside(_amount(value) / most) if name == section.bar and most else ""
    kind = str(value) if name == "action" and value in ("allow", *ACTIONS) else ""
    if isinstance(value, str) and len(value) > RUNNING_TEXT:
        kind = "long"
    leads = section.links.get(name)
    to = ""
    if leads and value is not None and (not number or value):
        narrowed = {key: str(record[text[1:-1]] or "") if text[:1] == "{" else text for key, text in leads.items()}
        # What an empty text stands for, such as a language that was not given, cannot be asked for.
        if all(narrowed.values()):
            to = href("verdicts", filters.changed(**narrowed))
    return Cell(_text(value, unit, name), to, number, bar, kind)


def _text(value: object, unit: str, name: str) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case int() | float():
            if unit == "0 to 1" and name != "top_score":
                return _percent(float(value), 4 if name == "completeness" else 2)
            return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
        case list():
            return inert(", ".join(map(str, value)))
    return inert(str(value)) or "(none)"


def _percent(share: float, digits: int) -> str:
    text = f"{share * 100:.{digits}f}"
    # Not all of it must not read as all of it.
    if share < 1 and float(text) == 100:
        text = "99." + "9" * max(1, digits)
    # And not none of it as none.
    if share > 0 and float(text) == 0:
        return f"< 0.{'1'.zfill(digits)} %"
    return f"{text.rstrip('0').rstrip('.')} %" if "." in text else f"{text} %"


def _unit(name: str, unit: str) -> str:
    return "" if unit in ("0 to 1", "events", "UTC", name.replace("_", " ")) else unit


def _amount(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
