"""``python -m benchmarks.dashboard``: how soon a page of 10 million verdicts is seen, beside its slowest query."""

import json
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from athena.aws.engine import AthenaEngine
from athena.dashboard.lake import Lake
from athena.dashboard.serving import serving
from athena.engine import Answer, Engine
from benchmarks.year import DAYS, LAST_DAY, ROWS, fill
from infra.commands.dashboard import AT_ONCE
from infra.local.twin import Twin
from tests.browser.chromium import chromium

PERIODS = {"24h": "24 hours", "7d": "7 days", "28d": "28 days", "365d": "a year"}
LIMIT = 3.0
"""How many times as long as the slowest query behind it a page may take."""

_PAINTED = """
const [page] = performance.getEntriesByType('navigation');
const [paint] = performance.getEntriesByName('first-contentful-paint');
return page.loadEventEnd && paint ? [paint.startTime / 1000, page.loadEventEnd / 1000] : null;
"""


class Noting:
    """An engine that keeps what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        with self._lock:
            self.asked.append((sql, tuple(parameters)))
        return self._engine.run(sql, parameters, database=database, workgroup=workgroup)


@contextmanager
def _served(engine: Engine, twin: Twin, now: datetime) -> Iterator[str]:
    """The address of a dashboard that has asked nothing yet."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lake = Lake(
            engine,
            database=twin.outputs["DatabaseName"],
            workgroup=twin.outputs["WorkGroupName"],
            pool=pool,
            now=now.timestamp,
        )
        with serving(lake, port=0) as (url, serve):
            threading.Thread(target=serve, daemon=True).start()
            yield url


def seen(driver: WebDriver, engine: Engine, twin: Twin, period: str) -> dict[str, Any]:
    """Seconds until the Overview's first text is painted and until all of it is there, asked afresh; and of each query
    behind it, asked by itself, one after the other, right after.

    Raises:
        RuntimeError: a query failed.
    """
    noting = Noting(engine)
    with _served(noting, twin, datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), UTC)) as url:
        driver.get("about:blank")
        driver.get(f"{url}?since={period}")
        first, whole = WebDriverWait(driver, 1800, poll_frequency=0.05).until(lambda now: now.execute_script(_PAINTED))
        failed = driver.execute_script("return [...document.querySelectorAll('.failure')].map(one => one.innerText)")
    if failed:
        raise RuntimeError(failed[0])
    alone = []
    for sql, parameters in noting.asked:
        began = time.perf_counter()
        engine.run(sql, parameters, database=twin.outputs["DatabaseName"], workgroup=twin.outputs["WorkGroupName"])
        alone.append(time.perf_counter() - began)
    return {
        "first": first,
        "whole": whole,
        "queries": len(alone),
        "slowest": max(alone),
        "together": sum(alone),
        "first_ratio": first / max(alone),
        "whole_ratio": whole / max(alone),
    }


@click.command(epilog="Example: python -m benchmarks.dashboard --rows 1000000 --rounds 1")
@click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="The median of so many is shown.")
@click.option("--period", "only", multiple=True, type=click.Choice(list(PERIODS)), help="Only this; again for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rows: int, rounds: int, only: tuple[str, ...], as_json: bool) -> None:
    """Fills the laptop runtime with a year of verdicts, opens the Overview in Chromium, and says how long it took.

    Ends with 1 when a first paint came later than three times the slowest query behind it.
    """
    found: dict[str, dict[str, float]] = {}
    with Twin() as twin, tempfile.TemporaryDirectory() as folder, chromium(Path(folder), wait=False) as driver:
        fill(twin.objects, twin.outputs["LakeBucketName"], rows=rows, days=DAYS)
        engine = AthenaEngine(twin.client("athena"))
        for period in only or PERIODS:
            tries = []
            for _ in range(rounds):
                tries.append(seen(driver, engine, twin, period))
                if sys.stderr.isatty():
                    print(f"{period}: {tries[-1]}", file=sys.stderr)
            found[period] = {name: statistics.median(one[name] for one in tries) for name in tries[0]}
    late = [period for period, one in found.items() if one["first_ratio"] > LIMIT]
    if as_json:
        print(json.dumps({"rows": rows, "rounds": rounds, "periods": found, "late": late}))
    else:
        print(f"{rows:,} verdicts over {DAYS} days; Python {platform.python_version()}, {platform.machine()}\n")
        names = (
            ("queries", 9),
            ("slowest s", 11),
            ("all s", 9),
            ("first paint s", 15),
            ("×", 7),
            ("whole s", 9),
            ("×", 7),
        )
        print(f"{'period':10}" + "".join(f"{name:>{wide}}" for name, wide in names))
        for period, one in found.items():
            print(
                f"{PERIODS[period]:10}{one['queries']:>9.0f}{one['slowest']:>11.2f}{one['together']:>9.2f}"
                f"{one['first']:>15.2f}{one['first_ratio']:>7.2f}{one['whole']:>9.2f}{one['whole_ratio']:>7.2f}"
            )
    if late:
        raise SystemExit(f"the first paint was later than {LIMIT:g} times the slowest query: {', '.join(late)}")


if __name__ == "__main__":
    main()
