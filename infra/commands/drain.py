"""``streamkeeper drain``: lands what is in flight in the laptop runtime."""

import json
import time

import click
from msgspec import Struct

from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from infra.commands.runtimes import reach, unreachable, which
from infra.local.asking import NotThereError
from infra.local.status_lines import done, in_flight, status_lines, troubles

_STEP_SECONDS = 1.0


class DrainRequest(Struct, frozen=True):
    """What to drain, and for how long."""

    port: int | None
    timeout: float
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper produce --synthetic 10000 && streamkeeper drain
  streamkeeper drain --timeout 300 --json

"""
    + exit_codes_help(
        done="everything has landed", failed="something was still in flight when time ran out", also=(UNREACHABLE,)
    )
)
@takes(
    DrainRequest,
    which,
    click.option(
        "--timeout",
        type=click.FloatRange(0, 86_400),
        default=300.0,
        show_default=True,
        help="Seconds after which it gives up.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON document: drained, seconds, and what was in it."),
)
def drain(context: click.Context, request: DrainRequest) -> None:
    """Land now what is in flight in the laptop runtime, without waiting for windows and buffers.

    Consumers read to the end of every shard, and delivery streams write what they hold. A batch that is tried again
    and again keeps it from ending: `streamkeeper explain` says which.
    """
    runtime = reach(request.port)
    started = time.monotonic()
    with progress("draining", unit="records done", clock=time.monotonic) as advance:
        while True:
            left = request.timeout - (time.monotonic() - started)
            try:
                answer = runtime.drain(max(0.0, min(_STEP_SECONDS, left)))
            except NotThereError as error:
                raise unreachable(error) from error
            advance(done(answer["state"]), in_flight(answer["state"]))
            if answer["drained"] or answer["state"].get("failure") or left <= _STEP_SECONDS:
                break
    seconds = time.monotonic() - started
    if request.as_json:
        click.echo(json.dumps({**answer, "seconds": round(seconds, 3)}))
    elif answer["drained"]:
        click.echo(f"drained in {seconds:.1f} s: nothing is in flight")
    else:
        click.echo(f"still in flight after {seconds:.1f} s: {in_flight(answer['state'])}")
        click.echo("\n".join([*status_lines(answer["state"]), *(f"! {line}" for line in troubles(answer["state"]))]))
    context.exit(0 if answer["drained"] else 1)
