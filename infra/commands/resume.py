"""``streamkeeper resume``: moderation goes on where it was paused."""

import json

import click
import msgspec

from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, exit_codes_help
from glue.terminal.requests import takes
from infra.commands.pause import PauseRequest, switch_stack, switching


@command(
    epilog="""\b
Examples:
  streamkeeper resume
  streamkeeper resume --stack streamkeeper-prod --json

"""
    + exit_codes_help(done="moderation goes on", failed="it did not start in time", also=(UNREACHABLE,))
)
@takes(PauseRequest, *switching)
def resume(context: click.Context, request: PauseRequest) -> None:
    """Go on with moderation where `pause` stopped it: at the first record that has not been processed."""
    found = switch_stack(request, on=True)
    if request.as_json:
        click.echo(json.dumps(msgspec.to_builtins(found)))
        return
    click.echo(f"{'resumed' if found.changed else 'running already'}: mapping {found.mapping} is {found.state}")
