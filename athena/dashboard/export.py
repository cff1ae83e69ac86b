"""The pages as files that need no server: for a bucket, a mail, an archive."""

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

from athena.dashboard.filters import Filters
from athena.dashboard.lake import Lake
from athena.dashboard.pages import BY_NAME, PAGES, Section
from athena.dashboard.rendering import Site
from athena.output import csv_lines

DRILL_DOWNS = 60
"""Pages of verdicts behind numbers that are written besides; each is a query."""


def export(
    lake: Lake,
    folder: Path,
    filters: Filters,
    *,
    drill_downs: int = DRILL_DOWNS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Path]:
    """The files that were written: pages, the verdicts behind their numbers, and the tables as CSV.

    Args:
        folder: made if it is not there; files of the same names are written over.
        filters: of all pages. Relative moments are taken once, so that all pages are about the same period.
        drill_downs: how many pages of verdicts at most; numbers beyond lead nowhere. A chart's bars take half of them
            or, where they are more, none.
        progress: gets the files written and those known of so far.

    Raises:
        FilterError: the filters cannot be meant.
        OSError: the folder cannot be written.
    """
    period = filters.period(lake.now() // 60 * 60)
    fixed = filters.changed(
        since=period.since.strftime("%Y-%m-%dT%H:%M:%SZ"), until=period.until.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    files: dict[tuple[str, str], str] = {(page.name, fixed.query()): f"{page.name}.html" for page in PAGES}
    files["overview", fixed.query()] = "index.html"
    waiting = deque(files)
    tables: dict[str, tuple[Section, Filters]] = {}

    def href(page: str, wanted: Filters) -> str:
        key = (page, wanted.query())
        if key not in files and page == "verdicts" and len(files) - len(PAGES) < drill_downs:
            files[key] = f"verdicts-{hashlib.sha256(key[1].encode()).hexdigest()[:12]}.html"
            waiting.append(key)
        # The other pages are there once, about all of the period: narrowed down further they are no files.
        return files.get(key, "") if page == "verdicts" else files[page, fixed.query()]

    def csv(section: Section, wanted: Filters) -> str:
        name = hashlib.sha256(f"{sorted(section.values.items())} {wanted.query()}".encode()).hexdigest()[:8]
        tables[f"{section.report}-{name}.csv"] = (section, wanted)
        return f"{section.report}-{name}.csv"

    site = Site(lake, href=href, csv=csv, exported=True, bars_lead=drill_downs // 2)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text, encoding="utf-8", newline="")
        written.append(folder / name)
        progress(len(written), len(files) + len(tables))

    while waiting:
        page, query = waiting.popleft()
        pieces = site.page(BY_NAME[page], Filters.read(dict(parse_qsl(query))))
        write(files[page, query], "".join(pieces))
    for name, (section, wanted) in tables.items():
        answer = lake.ask(section.report, wanted, **section.values).result().answer
        if answer is not None and answer.rows:
            write(name, "".join(csv_lines(answer)))
    return written
