"""``streamkeeper replay``: the producers' command, which here also finds the stack's parts."""

from typing import Any

import click

from glue.terminal.commands import command
from infra.commands.stack import outputs
from producers.commands.replay import EPILOG, World, execute, options


@command(epilog=EPILOG)
@options
@click.pass_context
def replay(context: click.Context, /, **given: Any) -> None:
    """Send again what was on the stream, from the archive or from the stream itself.

    Counted once, told to nobody: current_verdicts keeps one row an event, and a replay makes no notices unless it is
    asked to. On AWS with your credentials; on a laptop with the lines that `streamkeeper up` prints.
    """
    context.exit(execute(context.find_object(World) or World(outputs=outputs), given))
