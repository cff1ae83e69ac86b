"""``streamkeeper produce``: the producers' command, which here also finds the stream by its stack."""

import click

from glue.terminal.commands import command
from glue.terminal.requests import takes
from infra.commands.stack import output, outputs
from producers.commands.produce import EPILOG, World, execute
from producers.commands.produce_request import OPTIONS, ProduceRequest


def _stream_of(stack: str) -> str:
    return output(outputs(stack), "ContentStreamName", stack=stack)


def _deferred_of(stack: str) -> str:
    return output(outputs(stack), "DeferredDeliveryStreamName", stack=stack)


@command(epilog=EPILOG)
@takes(ProduceRequest, *OPTIONS)
def produce(context: click.Context, request: ProduceRequest) -> None:
    """Put content on the stream: from a file or standard input, or made up.

    On AWS with your credentials; on a laptop with the lines that `streamkeeper up` prints. An event counts as accepted
    when the stream (with --deferred: Firehose) has given it a number of its own; everything else is named, and written
    to the rejects file.
    """
    world = context.find_object(World) or World(stream_of=_stream_of, deferred_of=_deferred_of)
    context.exit(execute(world, request))
