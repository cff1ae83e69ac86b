"""A load while it runs: a table that stays in place on a terminal, a line every few seconds elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from glue.ports import Clock
from glue.prices import Prices
from producers.load.cost import cost
from producers.load.snapshot import Snapshot
from producers.load.summary import milliseconds

_LINE_EVERY = 5.0
_PAST = 3

Show = Callable[[Snapshot], None]


@contextmanager
def display(prices: Prices, *, clock: Clock) -> Iterator[Show]:
    """What to call with the numbers, as often as they come. Everything goes to standard error."""
    if not sys.stderr.isatty():
        yield _lines(prices, clock)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=4) as live:
        yield lambda load: live.update(_table(load, prices))


def _lines(prices: Prices, clock: Clock) -> Show:
    last = clock.now()

    def show(load: Snapshot) -> None:
        nonlocal last
        if clock.now() < last + _LINE_EVERY:
            return
        last = clock.now()
        click.echo("  ".join(f"{name} {value}" for name, value in rows(load, prices)), err=True)

    return show


def _table(load: Snapshot, prices: Prices) -> Any:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in rows(load, prices):
        table.add_row(name, value)
    return table


def rows(load: Snapshot, prices: Prices) -> list[tuple[str, str]]:
    """Name and value of each number, as shown."""
    spent = cost(load, prices)
    share = load.offered / load.planned if load.planned else 1.0
    return [
        ("elapsed", f"{load.elapsed:,.0f} s"),
        ("offered", f"{load.offered:,} ({share:.0%})"),
        ("accepted", f"{load.accepted:,}"),
        ("rate", f"{recent_rate(load):,.0f}/s"),
        ("behind", f"{load.behind * 1000:,.0f} ms"),
        ("throttled", f"{load.throttled:,}"),
        ("retries", f"{load.resent:,}"),
        ("failed", f"{load.failed:,}"),
        ("put p50/p95/p99", _three(load, "put")),
        ("due to accepted", _three(load, "response")),
        ("sent", f"{load.bytes / 1e6:,.1f} MB"),
        ("shards needed", str(load.shards_needed)),
        ("cost", f"${spent.provisioned:,.4f} provisioned, ${spent.on_demand:,.4f} on demand"),
        ("prices", spent.prices_as_of),
    ]


def recent_rate(load: Snapshot) -> float:
    """Events accepted a second in the last whole seconds.

    >>> from producers.load.snapshot import Second
    >>> recent_rate(Snapshot(elapsed=2.5, seconds={0: Second(accepted=10), 1: Second(accepted=30)}))
    20.0
    """
    now = int(load.elapsed)
    past = range(max(0, now - _PAST), now)
    taken = [load.seconds[number].accepted if number in load.seconds else 0 for number in past]
    return sum(taken) / len(taken) if taken else 0.0


def _three(load: Snapshot, of: str) -> str:
    found = (milliseconds(load, of, share) for share in (0.5, 0.95, 0.99))
    return "/".join("-" if value is None else f"{value:,.0f}" for value in found) + " ms"
