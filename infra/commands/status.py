"""``streamkeeper status``: what is in flight in the laptop runtime, or how a deployed stack is doing."""

import json

import click
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, UnreachableError, exit_codes_help
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.commands.runtimes import reach, state_of, which
from infra.local.runs import Run, running
from infra.local.status_lines import status_lines, troubles


class StatusRequest(Struct, frozen=True):
    """Whose status."""

    port: int | None
    stack: str | None
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper status
  streamkeeper status --json | jq '.mappings[].shards'
  streamkeeper status --stack streamkeeper-dev --region eu-west-1

"""
    + exit_codes_help(done="nothing is wrong", failed="something fails and is tried again", also=(UNREACHABLE,))
)
@takes(
    StatusRequest,
    which,
    click.option("--stack", help="A deployed stack instead of the laptop runtime: its state, consumer and alarms."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document with everything."),
    *AWS_OPTIONS,
)
def status(context: click.Context, request: StatusRequest) -> None:
    """Show how the laptop runtime is doing: shards, how far behind, buffers and what they wait for, last errors.

    With --stack, how a stack on AWS is doing: its state, consumer, stream, dead letters, notices that wait, alarms.
    """
    if request.stack is not None:
        context.exit(_of_stack(request.stack, as_json=request.as_json))
    runtime = reach(request.port)
    state = state_of(runtime)
    wrong = troubles(state)
    run = next((run for run in running() if run.endpoint_url == runtime.endpoint_url), None)
    if request.as_json:
        process = {"pid": run.pid, "data": run.data, "log": run.log} if run else None
        click.echo(json.dumps({**state, "endpoint_url": runtime.endpoint_url, "process": process, "troubles": wrong}))
    else:
        click.echo(_heading(runtime.endpoint_url, state, run))
        click.echo("\n".join(status_lines(state)))
        for line in wrong:
            click.echo(f"! {line}")
    context.exit(1 if wrong else 0)


def _of_stack(name: str, *, as_json: bool) -> int:
    from athena.aws.engine import failure_of
    from glue.aws.clients import FIRST_CONTACT, make_client
    from glue.aws.errors import AWS_ERRORS
    from infra.deploying.stacks import find
    from infra.deploying.standing import standing, troubles_of
    from infra.operating.facts import Clients

    try:
        existing = find(make_client("cloudformation", attempts=FIRST_CONTACT), name)
    except AWS_ERRORS as error:
        raise UnreachableError(f"stack {name}: {failure_of(error)}") from error
    if existing is None:
        raise UnreachableError(f"stack {name} does not exist; streamkeeper deploy --stack {name} makes it")
    state = standing(Clients(make_client, AWS_ERRORS), name, existing)
    wrong = troubles_of(state)
    if as_json:
        click.echo(json.dumps({**state, "troubles": wrong}))
        return 1 if wrong else 0
    click.echo(f"stack {name}: {existing.status}, {existing.resources} resources")
    if mapping := state["mapping"]:
        click.echo(f"consumer   mapping {mapping['uuid']} {mapping['state']}, last: {inert(mapping['last_result'])}")
    if version := state["version"]:
        canary = version["canary"]
        share = f", {canary['share']:.0%} of the batches go to version {canary['version']}" if canary else ""
        click.echo(f"version    {version['version']} by the alias {version['alias']}{share}")
    if stream := state["stream"]:
        click.echo(
            f"stream     {stream['name']}, {stream['open_shards']} open shards, keeps {stream['kept_hours']} hours"
        )
    for what, key in (("dead letters", "dead_letters"), ("notices that wait", "notices_waiting")):
        if state[key] is not None:
            click.echo(f"{state[key]:>10,} {what}")
    for line in (*state["not_looked_at"], *(f"! {line}" for line in wrong)):
        click.echo(inert(line))
    return 1 if wrong else 0


def _heading(url: str, state: dict[str, object], run: Run | None) -> str:
    up = int(float(str(state["up_seconds"])))
    parts = [f"{url}: stack {state['stack']}, {state['status']}, up {up // 3600}:{up // 60 % 60:02}:{up % 60:02}"]
    if run is not None:
        parts.append(f"process {run.pid}")
        parts.append(f"data in {run.data}" if run.data else "nothing is kept")
    return ", ".join(parts)
