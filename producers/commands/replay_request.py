"""What ``replay`` is asked for."""

from pathlib import Path
from typing import Literal

import click
from msgspec import Struct

from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.requests import Option
from producers.commands.stack_options import LAKE_OPTIONS, LATENESS_OPTIONS, Limits, StackNames

STATE = Path(".streamkeeper/runs")


class ReplayRequest(Struct, frozen=True):
    """What was asked for."""

    since: Moment
    until: Moment | None
    from_: Literal["archive", "stream"]
    authors: tuple[str, ...]
    surfaces: tuple[str, ...]
    ids: Path | None
    created_since: Moment | None
    created_until: Moment | None
    rate: str | None
    speed: str | None
    run_id: str | None
    state: str
    notify: bool
    lookup: bool
    limits: Limits
    dry_run: bool
    prices: Path | None
    names: StackNames
    as_json: bool


OPTIONS: tuple[Option, ...] = (
    click.option("--since", type=MOMENT, required=True, help=f"Arrivals from this moment on: {MOMENT_HELP}."),
    click.option("--until", type=MOMENT, help="Arrivals before this moment; else before now."),
    click.option(
        "--from",
        "from_",
        type=click.Choice(["archive", "stream"]),
        default="archive",
        show_default=True,
        help="The archive in S3, or the stream itself as far back as it keeps records (exact, but slower).",
    ),
    click.option("--author", "authors", multiple=True, metavar="ID", help="Only these authors."),
    click.option("--surface", "surfaces", multiple=True, metavar="NAME", help="Only these surfaces."),
    click.option(
        "--ids",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Only the event ids in this file, one a line.",
    ),
    click.option("--created-since", type=MOMENT, help="Only events created at this time or later."),
    click.option("--created-until", type=MOMENT, help="Only events created before this time."),
    click.option(
        "--rate", metavar="N|max", help="Events a second at most; else half of what the stream's shards take."
    ),
    click.option("--speed", metavar="10x", help="How many times faster than the original traffic, gaps included."),
    click.option("--run-id", metavar="NAME", help="Name of the run; the same name makes the same verdict ids."),
    click.option(
        "--state",
        default=str(STATE),
        show_default=True,
        metavar="FOLDER|s3://BUCKET/PREFIX",
        help="Where the run remembers how far it is. In S3, other machines see it too.",
    ),
    click.option("--notify", is_flag=True, help="Send notifications of the verdicts again."),
    click.option(
        "--lookup/--no-lookup",
        default=True,
        help="Ask Athena when events first arrived; without it, the archive object's time bounds it.",
    ),
    *LATENESS_OPTIONS,
    click.option("--dry-run", is_flag=True, help="Read and count: events, bytes, days, cost. Send nothing."),
    click.option(
        "--prices",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Another table of prices; copy glue/prices.toml.",
    ),
    *LAKE_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)
