"""Pages as HTML, piece by piece: what is above stands while what is below is still being asked."""

import base64
import hashlib
import math
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from athena.dashboard import charts, pages
from athena.dashboard.filters import Filters, by_day
from athena.dashboard.lake import Figure, Lake
from athena.dashboard.pages import PAGES, Href, Page, Section
from glue.terminal.moments import in_utc
from glue.terminal.sanitize import inert

PERIODS = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "28d": "28 days", "365d": "a year"}
_templates = Environment(
    loader=PackageLoader("athena.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

CsvHref = Callable[[Section, Filters], str]


def style() -> str:
    """The style sheet."""
    return (files("athena.dashboard") / "templates" / "style.css").read_text(encoding="utf-8")


def style_hash() -> str:
    """What a content security policy has to name for the style sheet to hold inside a page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()}"


class Site:
    """Makes pages.

    Args:
        lake: asked for figures.
        href: the address of a page.
        csv: the address of a section's rows as CSV.
        exported: whether pages stand by themselves: the style inside, no form.
        bars_lead: a chart's bars lead to their verdicts when there are at most so many.
    """

    def __init__(
        self, lake: Lake, *, href: Href, csv: CsvHref, exported: bool = False, bars_lead: float = math.inf
    ) -> None:
        self._lake = lake
        self._href = href
        self._csv = csv
        self._exported = exported
        self._bars_lead = bars_lead

    def page(self, page: Page, filters: Filters) -> Iterator[str]:
        """The page in pieces.

        Raises:
            FilterError: before the first piece; the filters cannot be meant.
        """
        lake = self._lake
        period = filters.period(lake.now() // 60 * 60)
        # All are asked at once, and shown in order.
        summary, complete = lake.ask("summary", filters), lake.ask("completeness", filters)
        quarantine = lake.ask("quarantine_by_reason", filters) if page.chart else None
        volume = None
        if page.chart:
            volume = (
                lake.ask("actions_by", filters, by="day") if by_day(period) else lake.ask("actions_by_hour", filters)
            )
        asked = [(section, lake.ask(section.report, filters, **section.values)) for section in page.sections]
        yield self._head(page, filters, f"{in_utc(period.since)} to {in_utc(period.until)}")
        landed = pages.landed_words(summary.result(), complete.result(), period)
        if summary.result().failure:
            yield self._piece(
                "notice.html", kind="failure", title="No answer", text=inert(summary.result().failure), actions=[]
            )
        elif not any(record["events"] for record in summary.result().records):
            yield self._nothing(page, filters)
        if quarantine is not None and volume is not None:
            yield self._above(
                filters, period, summary.result(), quarantine.result(), complete.result(), volume.result(), landed
            )
        for section, figure in asked:
            yield self._section(section, figure.result(), filters, landed)
        yield self._piece("tail.html", href=self._href("overview", Filters()))

    def refused(self, message: str, page: Page = PAGES[0]) -> str:
        """The page that says that an address cannot be meant; ``page`` is the one that it was for."""
        actions = [("Start again", self._href(page.name, Filters()))]
        notice = self._piece(
            "notice.html", kind="failure", title="That cannot be shown", text=inert(message), actions=actions
        )
        return (
            self._head(page, Filters(), "") + notice + self._piece("tail.html", href=self._href(page.name, Filters()))
        )

    def _head(self, page: Page, filters: Filters, period: str) -> str:
        chips = [
            (
                name,
                inert(value),
                name in page.narrowing,
                "" if self._exported else self._href(page.name, filters.changed(**{name: ""})),
            )
            for name, value in filters.narrowed().items()
        ]
        return self._piece(
            "head.html",
            page=page,
            period=period,
            filters=filters,
            chips=chips,
            exported=self._exported,
            style=style() if self._exported else "",
            csp=csp(exported=True) if self._exported else "",
            links=[(one.title, self._href(one.name, _kept(filters, one)), one.name == page.name) for one in PAGES],
            periods=self._periods(page, filters),
        )

    def _nothing(self, page: Page, filters: Filters) -> str:
        """The notice that there is no content, and what to do."""
        wider = [(label, href) for label, href, _ in self._periods(page, filters)][1:]
        if not filters.narrowed():
            title = "No content in this period"
            text = "Look at a longer one, or put some on the stream: streamkeeper produce --synthetic 1000"
        else:
            title = "No content for these filters in this period"
            text = "Take a filter away, or look at a longer period."
            without = filters.changed(**dict.fromkeys(filters.narrowed(), ""))
            wider = [] if self._exported else [("Without filters", self._href(page.name, without)), *wider]
        return self._piece("notice.html", kind="empty", title=title, text=text, actions=wider)

    def _periods(self, page: Page, filters: Filters) -> list[tuple[str, str, bool]]:
        """The periods to choose from: each one's name, address, and whether it is this one. Files have no choice."""
        if self._exported:
            return []
        return [
            (
                label,
                self._href(page.name, filters.changed(since=name, until="now")),
                filters.since == name and filters.until == "now",
            )
            for name, label in PERIODS.items()
        ]

    def _above(self, filters: Filters, period: Any, *figures: Any) -> str:
        summary, quarantine, complete, volume, landed = figures
        leading = len(volume.records) <= self._bars_lead
        made, step = pages.slots(volume, filters, period, self._href if leading else _nowhere)
        section = Section(volume.report.name, values={"by": "day"} if "by" in volume.values else {})
        view = pages.leading(self._view(section, volume, filters, landed), volume, made)
        return self._piece(
            "above.html",
            tiles=pages.tiles(summary, quarantine, complete, filters, self._href),
            chart=charts.volume(made, step=step) if volume.records else "",
            view=view,
        )

    def _section(self, section: Section, figure: Figure, filters: Filters, landed: str) -> str:
        return self._piece("section.html", view=self._view(section, figure, filters, landed))

    def _view(self, section: Section, figure: Figure, filters: Filters, landed: str) -> pages.TableView:
        return pages.table(section, figure, filters, self._href, csv=self._csv(section, filters), landed=landed)

    def _piece(self, template: str, **given: Any) -> str:
        return _templates.get_template(template).render(**given)


def _nowhere(page: str, filters: Filters) -> str:
    return ""


def _kept(filters: Filters, page: Page) -> Filters:
    """The filters without those that a page's figures do not take."""
    return filters.changed(**{name: "" for name in filters.narrowed() if name not in page.narrowing})


def csp(*, exported: bool) -> str:
    """The content security policy of every page: its own style and pictures, and nothing that runs."""
    styles = f"'{style_hash()}'" if exported else "'self'"
    rules = f"default-src 'none'; style-src {styles}; img-src 'self' data:; base-uri 'none'; form-action 'self'"
    # A page cannot say this of itself; only a server's header can.
    return rules if exported else f"{rules}; frame-ancestors 'none'"
