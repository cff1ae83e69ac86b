"""``streamkeeper load``: the producers' command, which here also finds the stream by its stack."""

import click

from glue.terminal.commands import command
from glue.terminal.requests import takes
from infra.commands.stack import output, outputs
from producers.commands.load import EPILOG, execute
from producers.commands.load_request import OPTIONS, LoadRequest
from producers.commands.produce import World


def _stream_of(stack: str) -> str:
    return output(outputs(stack), "ContentStreamName", stack=stack)


@command(epilog=EPILOG)
@takes(LoadRequest, *OPTIONS)
def load(context: click.Context, request: LoadRequest) -> None:
    """Put a load on the stream: events at a rate that follows a shape, measured from when they are due.

    On AWS with your credentials (it costs money there: the running sum is shown, by a table of example prices); on a
    laptop with the lines that `streamkeeper up` prints.
    """
    context.exit(execute(context.find_object(World) or World(stream_of=_stream_of), request))
