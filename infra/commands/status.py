"""``streamkeeper status``: what is in flight in the laptop runtime, and what each part of it waits for."""

import json

import click
from msgspec import Struct

from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, exit_codes_help
from glue.terminal.requests import takes
from infra.commands.runtimes import reach, state_of, which
from infra.local.runs import Run, running
from infra.local.status_lines import status_lines, troubles


class Asking(Struct, frozen=True):
    """Whose status."""

    port: int | None
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper status
  streamkeeper status --json | jq '.mappings[].shards'

"""
    + exit_codes_help(done="nothing is wrong", failed="something fails and is tried again", also=(UNREACHABLE,))
)
@takes(Asking, which, click.option("--json", "as_json", is_flag=True, help="One JSON document with everything."))
def status(context: click.Context, asked: Asking) -> None:
    """Show how the laptop runtime is doing: shards, how far behind, buffers and what they wait for, last errors."""
    runtime = reach(asked.port)
    state = state_of(runtime)
    wrong = troubles(state)
    run = next((run for run in running() if run.endpoint_url == runtime.endpoint_url), None)
    if asked.as_json:
        process = {"pid": run.pid, "data": run.data, "log": run.log} if run else None
        click.echo(json.dumps({**state, "endpoint_url": runtime.endpoint_url, "process": process, "troubles": wrong}))
    else:
        click.echo(_heading(runtime.endpoint_url, state, run))
        click.echo("\n".join(status_lines(state)))
        for line in wrong:
            click.echo(f"! {line}")
    context.exit(1 if wrong else 0)


def _heading(url: str, state: dict[str, object], run: Run | None) -> str:
    up = int(float(str(state["up_seconds"])))
    parts = [f"{url}: stack {state['stack']}, {state['status']}, up {up // 3600}:{up // 60 % 60:02}:{up % 60:02}"]
    if run is not None:
        parts.append(f"process {run.pid}")
        parts.append(f"data in {run.data}" if run.data else "nothing is kept")
    return ", ".join(parts)
