"""``streamkeeper pause``: stops moderation; the stream keeps what comes."""

import json
import time

import click
import msgspec
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, CommandError, UnreachableError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import Option, takes
from infra.commands.stack import STACK, output, outputs
from infra.operating.consuming import NotSwitchedError, Switched, switch


class PauseRequest(Struct, frozen=True):
    """Whose mapping, and how it is said."""

    stack: str
    as_json: bool


switching: tuple[Option, ...] = (
    click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object: mapping, state, changed, kept_hours."),
    *AWS_OPTIONS,
)
"""The options of both commands."""


@command(
    epilog="""\b
Examples:
  streamkeeper pause
  streamkeeper pause --stack streamkeeper-prod --json

"""
    + exit_codes_help(done="moderation is paused", failed="it did not stop in time", also=(UNREACHABLE,))
)
@takes(PauseRequest, *switching)
def pause(context: click.Context, request: PauseRequest) -> None:
    """Stop moderation, without losing a record: the stream keeps what comes, `resume` goes on where it stopped.

    Batches that are under way are finished. The stream keeps a record for its retention only. A deployment with
    Consumer=on resumes; for a pause that outlasts it deploy with Consumer=off.
    """
    found = switch_stack(request, on=False)
    if request.as_json:
        click.echo(json.dumps(msgspec.to_builtins(found)))
        return
    click.echo(f"{'paused' if found.changed else 'paused already'}: mapping {found.mapping} is {found.state}")
    click.echo(f"The stream keeps a record for {found.kept_hours} hours: streamkeeper resume before that.")


def switch_stack(request: PauseRequest, *, on: bool) -> Switched:
    """Switches the mapping of a stack.

    Raises:
        CommandError: it did not change in time, or nobody could be asked.
    """
    from athena.aws.engine import failure_of
    from glue.aws.clients import make_client
    from glue.aws.errors import AWS_ERRORS

    mapping = output(outputs(request.stack), "ModerateMappingId", stack=request.stack)
    with progress("waiting", clock=time.monotonic) as advance:
        try:
            return switch(
                make_client("lambda"),
                make_client("kinesis"),
                mapping,
                on=on,
                sleep=time.sleep,
                on_wait=lambda state: advance(0, state),
            )
        except NotSwitchedError as error:
            look = f"aws lambda get-event-source-mapping --uuid {mapping}"
            raise CommandError(f"{error}; look at it with: {look}") from error
        except AWS_ERRORS as error:
            raise UnreachableError(f"mapping {mapping}: {failure_of(error)}") from error
