"""``streamkeeper tail``: the newest verdicts as they are made, before they land."""

import json
import time
from collections.abc import Iterator
from typing import Any

import click
from msgspec import Struct

from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, WrongUseError, exit_codes_help
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.commands.runtimes import reach, state_of, unreachable, which
from infra.local.asking import NotThereError, Runtime

_LOOK_SECONDS = 0.3
_OUTPUT = "VerdictsDeliveryStreamName"
_SHOWN = ("action", "top_label", "top_score", "surface", "language", "content_id", "excerpt")


class TailRequest(Struct, frozen=True):
    """Which rows."""

    delivery_stream: str | None
    port: int | None
    lines: int
    follow: bool
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper tail
  streamkeeper tail streamkeeper-quarantine --lines 50 --no-follow --json | jq .reason

"""
    + exit_codes_help(also=(UNREACHABLE,), stopped="it only reads, so nothing is left half done")
)
@takes(
    TailRequest,
    click.argument("delivery_stream", required=False),
    which,
    click.option(
        "--lines", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many lines are shown first."
    ),
    click.option("--follow/--no-follow", default=True, show_default=True, help="Keep following until Ctrl-C."),
    click.option("--json", "as_json", is_flag=True, help="Each row whole, as JSON."),
)
def tail(context: click.Context, request: TailRequest) -> None:
    """Show the newest verdicts of the laptop runtime as they are made, minutes before they land.

    Another delivery stream shows its own rows. The runtime keeps the newest thousand records, and 4 MB, of each.
    """
    runtime = reach(request.port)
    name = _name(state_of(runtime), request.delivery_stream)
    try:
        number, rows = _rows(runtime, name, 0)
        for row in rows[-request.lines :] if request.lines else []:
            click.echo(_shown(row, as_json=request.as_json))
        while request.follow:
            time.sleep(_LOOK_SECONDS)
            number, rows = _rows(runtime, name, number)
            for row in rows:
                click.echo(_shown(row, as_json=request.as_json))
    except NotThereError as error:
        raise unreachable(error) from error


def _name(state: dict[str, Any], given: str | None) -> str:
    """The delivery stream that is meant.

    >>> _name({"delivery_streams": {"a": {}, "b": {}}, "outputs": {}}, None)
    Traceback (most recent call last):
        ...
    glue.terminal.errors.WrongUseError: there are several delivery streams; name one of: a, b
    """
    there = sorted(state["delivery_streams"])
    name = given or state["outputs"].get(_OUTPUT) or (there[0] if len(there) == 1 else None)
    if name not in there:
        if not there:
            raise WrongUseError("this stack has no delivery stream, and so there is nothing to show")
        trouble = f"there is no delivery stream {given!r}" if given else "there are several delivery streams"
        raise WrongUseError(f"{trouble}; name one of: {', '.join(there)}")
    return str(name)


def _rows(runtime: Runtime, name: str, after: int) -> tuple[int, list[str]]:
    """The number of the newest record, and the rows of all after a number: a record may hold many."""
    records = runtime.records(name, after=after)
    rows = [row for record in records for row in str(record["data"]).splitlines() if row.strip()]
    return (int(records[-1]["number"]) if records else after), rows


def _shown(row: str, *, as_json: bool) -> str:
    """One row as one line that acts on no terminal."""
    try:
        document = json.loads(row)
    except ValueError:
        document = None
    if as_json or not isinstance(document, dict) or "action" not in document:
        return inert(row)
    return "  ".join(_cells(document))


def _cells(document: dict[str, Any]) -> Iterator[str]:
    yield inert(str(document.get("decided_at", "")))[11:23]
    yield f"{inert(str(document.get('action'))):<6}"
    for name in _SHOWN[1:]:
        value = document.get(name)
        if value not in (None, ""):
            yield f"{value:.2f}" if isinstance(value, float) else inert(str(value))
