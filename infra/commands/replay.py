"""``streamkeeper replay``: the producers' command, which here also finds the stack's parts."""

import click

from glue.terminal.commands import command
from glue.terminal.requests import takes
from infra.commands.stack import outputs
from producers.commands.replay import EPILOG, World, execute
from producers.commands.replay_request import OPTIONS, ReplayRequest


@command(epilog=EPILOG)
@takes(ReplayRequest, *OPTIONS)
def replay(context: click.Context, request: ReplayRequest) -> None:
    """Send again what was on the stream, from the archive or from the stream itself.

    No duplicates: current_verdicts keeps one row an event. No notifications, unless --notify asks for them. On AWS with
    your credentials; on a laptop with the lines that `streamkeeper up` prints.
    """
    context.exit(execute(context.find_object(World) or World(outputs=outputs), request))
